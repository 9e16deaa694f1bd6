import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bfdProfile, DEFAULT_PROFILE, profileFaults } from "../../src/bfd/config.ts";
import { type ControlPacket, decodeControl, encodeControl, newControlPacket } from "../../src/bfd/packet.ts";
import { BFD_STATES, DROP_CAUSES, diagText } from "../../src/bfd/protocol.ts";
import { RawPeer } from "./rawPeer.ts";
import { arrivalFrom, B, every } from "./sim.ts";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ""), "hex"));

/** Up, P, mult 3, discriminators 1 and 2, 300 ms both, echo 50 ms. */
const GOLDEN = hex("20 e0 03 18 00000001 00000002 000493e0 000493e0 0000c350");

const decode = (bytes: Uint8Array): ControlPacket | string => {
  const packet = newControlPacket();
  return decodeControl(bytes, bytes.length, packet) ?? packet;
};

const with1 = (at: number, value: number): Uint8Array => {
  const bytes = GOLDEN.slice();
  bytes[at] = value;
  return bytes;
};

describe("the control packet", () => {
  test("C-197 stands octet for octet as RFC 5880 4.1 draws it, both ways", () => {
    const packet = {
      ...newControlPacket(),
      state: "Up",
      poll: true,
      detectMult: 3,
      myDiscr: 1,
      yourDiscr: 2,
      desiredMinTxInterval: 300_000,
      requiredMinRxInterval: 300_000,
      requiredMinEchoRxInterval: 50_000,
    } as const;
    expect(decode(GOLDEN)).toEqual(packet);
    const bytes = new Uint8Array(24);
    encodeControl(packet, bytes);
    expect(bytes).toEqual(GOLDEN);
  });

  test("C-197 C-238 what a session sends is version 1, 24 octets, M, D and C clear, no echo asked for", () => {
    const peer = new RawPeer().bringUp();
    peer.wait(2_000_000);
    expect(peer.octets.length).toBeGreaterThan(2);
    for (const octets of peer.octets) {
      expect(octets.length).toBe(24);
      expect(octets[3]).toBe(24);
      expect((octets[0] ?? 0) >>> 5).toBe(1);
      expect((octets[1] ?? 0) & 0b1011).toBe(0);
      expect([...octets.subarray(20)]).toEqual([0, 0, 0, 0]);
    }
    expect(new Set(peer.sent.map((s) => s.packet.myDiscr))).toEqual(new Set([peer.localDiscr]));
    expect(peer.localDiscr).not.toBe(0);
  });

  const bad: readonly (readonly [what: string, bytes: Uint8Array, cause: string])[] = [
    ["nothing at all", new Uint8Array(0), "tooShort"],
    ["23 octets", GOLDEN.subarray(0, 23), "tooShort"],
    ["version 0", with1(0, 0x00), "version"],
    ["version 2", with1(0, 0x40), "version"],
    ["version 7", with1(0, 0xe0), "version"],
    ["Length 23", with1(3, 23), "length"],
    ["Length 0", with1(3, 0), "length"],
    ["Length 25 with A", hex("20 e4 03 19 00000001 00000002 000493e0 000493e0 0000c350 0203"), "length"],
    ["Length 25 of 24", with1(3, 25), "lengthBeyondPayload"],
    ["Length 255 of 24", with1(3, 255), "lengthBeyondPayload"],
    ["Detect Mult 0", with1(2, 0), "detectMultZero"],
    ["M set", with1(1, 0xe1), "multipoint"],
    ["My Discriminator 0", with1(7, 0), "myDiscrZero"],
  ];
  test.each(bad)("C-198 %s is dropped and counted", (_what, bytes, cause) => {
    expect(decode(bytes)).toBe(cause);
    const peer = new RawPeer().bringUp();
    const before = { ...peer.status, counters: { ...peer.status.counters } };
    expect(peer.deliver(bytes)).toBe(cause);
    expect(peer.engine.drops()).toMatchObject({ [cause]: 1 });
    expect(peer.status).toEqual(before);
  });

  test("C-199 octets after the Length change nothing, whatever they are", () => {
    for (let size = 25; size <= 1_500; size += 25) {
      const bytes = new Uint8Array(size).fill(0xff);
      bytes.set(GOLDEN);
      expect(decode(bytes)).toEqual(decode(GOLDEN));
    }
  });

  test("C-203 all 32 diagnostics are read with five bits; those without a name are shown as numbers", () => {
    for (let diag = 0; diag < 32; diag++) expect(decode(with1(0, 0x20 | diag))).toMatchObject({ diag });
    expect([diagText(3), diagText(8), diagText(9), diagText(31)]).toEqual([
      "neighbor signaled session down",
      "reverse concatenated path down",
      "diagnostic 9",
      "diagnostic 31",
    ]);
  });

  test("C-233 milliseconds of a profile are microseconds on the wire", () => {
    const peer = new RawPeer({ profile: every(250) }).bringUp();
    peer.wait(400_000);
    expect(peer.last).toMatchObject({ desiredMinTxInterval: 250_000, requiredMinRxInterval: 250_000 });
    expect([...(peer.octets.at(-1) ?? []).slice(12, 16)]).toEqual([0x00, 0x03, 0xd0, 0x90]);
  });

  test("an empty profile means what FRR's bfdd makes of it", () => {
    expect(bfdProfile(DEFAULT_PROFILE)).toEqual({
      name: "default",
      desiredMinTxInterval: 300_000,
      requiredMinRxInterval: 300_000,
      detectMult: 3,
      echo: false,
      echoInterval: 50_000,
      isPassive: false,
      minimumTtl: 254,
    });
    expect(profileFaults(bfdProfile(DEFAULT_PROFILE))).toEqual([]);
  });
});

const word = fc.oneof(fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff), fc.nat(0xffff_ffff));
const packets = fc.record({
  diag: fc.nat(31),
  state: fc.constantFrom(...BFD_STATES),
  poll: fc.boolean(),
  final: fc.boolean(),
  controlPlaneIndependent: fc.boolean(),
  hasAuth: fc.constant(false),
  demand: fc.boolean(),
  detectMult: fc.integer({ min: 1, max: 255 }),
  length: fc.constant(24),
  myDiscr: word.filter((n) => n !== 0),
  yourDiscr: word,
  desiredMinTxInterval: word,
  requiredMinRxInterval: word,
  requiredMinEchoRxInterval: word,
});

describe("any datagram", () => {
  test("C-197 what is encoded is decoded as it was", () => {
    fc.assert(
      fc.property(packets, (packet) => {
        const bytes = new Uint8Array(24);
        encodeControl(packet, bytes);
        expect(decode(bytes)).toEqual(packet);
      }),
    );
  });

  test("C-266 gives a packet or a cause of the closed list, and never throws", () => {
    const peer = new RawPeer().bringUp();
    const causes = new Set<string>(DROP_CAUSES);
    // octets that look like BFD reach further than noise does
    const almost = fc
      .tuple(fc.uint8Array({ minLength: 24, maxLength: 80 }), fc.nat(80), fc.boolean())
      .map(([bytes, length, isOurs]) => {
        bytes[0] = 0x20 | ((bytes[0] ?? 0) & 31);
        bytes[3] = length;
        if (isOurs) bytes.set(peer.octetsOf({}).subarray(8, 12), 8);
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), almost), (bytes) => {
        const cause = peer.deliver(bytes, arrivalFrom(B));
        if (cause !== null) expect(causes.has(cause)).toBe(true);
        expect(peer.engine.nextDeadline()).toBeGreaterThan(peer.now);
        peer.echo(bytes);
      }),
      { numRuns: 2_000 },
    );
  });
});
