import { describe, expect, test } from "vitest";
import { AuthState } from "../../src/bfd/auth.ts";
import { decodeControl, newControlPacket, readU32 } from "../../src/bfd/packet.ts";
import { AUTH_TYPES, type AuthType, type BfdAuth } from "../../src/bfd/protocol.ts";
import { RawPeer } from "./rawPeer.ts";
import { B, bothUp, MS, nodeDigest, pair, SECOND, single, upPair, upsert } from "./sim.ts";

const key = (text: string): Uint8Array => new TextEncoder().encode(text);
const auth = (type: AuthType, over: Partial<BfdAuth> = {}): BfdAuth => ({
  type,
  keyId: 7,
  key: key("secret"),
  ...over,
});

/** A session with `ours`, and a peer that signs with `theirs`. */
function peers(ours: BfdAuth | null, theirs: BfdAuth | null = ours): RawPeer {
  const peer = new RawPeer({ auth: ours });
  peer.auth = theirs === null ? null : new AuthState(theirs, nodeDigest, 1_000);
  return peer;
}

describe("authentication", () => {
  test("C-202 no A bit where a key is set, or an A bit where none is: dropped, and nothing is believed", () => {
    const without = peers(auth("keyedSha1"), null);
    expect(without.say({ state: "Down", yourDiscr: 0 })).toBe("authMissing");
    const surplus = peers(null, auth("keyedSha1"));
    expect(surplus.say({ state: "Down", yourDiscr: 0 })).toBe("authUnexpected");
    for (const p of [without, surplus])
      expect(p.status).toMatchObject({ state: "Down", remoteDiscr: 0, detectionTime: null });
  });

  test.each(AUTH_TYPES)("C-243 two engines with the same key come up and stay (%s)", (type) => {
    const { sim, a, b } = upPair(1, { auth: auth(type) }, { auth: auth(type) });
    sim.run(60 * SECOND);
    expect([...a.events, ...b.events, ...a.drops, ...b.drops]).toEqual([]);
    expect(a.status().authType).toBe(type);
    expect(JSON.stringify([a.status(), a.events])).not.toContain("secret");
  });

  const wrong: readonly (readonly [string, BfdAuth, string])[] = [
    ["another key", auth("keyedSha1", { key: key("Secret") }), "authDigest"],
    ["another key id", auth("keyedSha1", { keyId: 8 }), "authKeyId"],
    ["the meticulous variant", auth("meticulousKeyedSha1"), "authType"],
    ["another algorithm", auth("keyedMd5"), "authType"],
  ];
  test.each(wrong)("C-243 %s never comes up", (_what, theirs, cause) => {
    const p = pair(2, { auth: auth("keyedSha1") }, { auth: theirs });
    p.sim.run(20 * SECOND);
    expect(bothUp(p)).toBe(false);
    expect(new Set(p.a.drops)).toEqual(new Set([cause]));
    expect(p.a.status().counters.dropped).toBe(p.a.drops.length);
  });

  test("C-208 a forged packet changes nothing, the peer's discriminator included", () => {
    const peer = peers(auth("meticulousKeyedSha1")).bringUp();
    const { counters: _, ...before } = peer.status;
    const forged = peer.octetsOf({ state: "Down", myDiscr: 0x666, desiredMinTxInterval: 9, diag: 1 });
    for (let i = 0; i < 24; i++) {
      const bytes = forged.slice();
      bytes[51] = (bytes[51] ?? 0) ^ (1 << (i % 8));
      expect(peer.deliver(bytes)).toBe("authDigest");
    }
    const { counters, ...after } = peer.status;
    expect(after).toEqual(before);
    expect(counters.dropped).toBe(24);
  });

  test("C-243 every octet of the packet is covered by the digest", () => {
    const state = new AuthState(auth("keyedSha1"), nodeDigest, 5);
    const bytes = new RawPeer().octetsOf({}).slice(0, 24);
    const packet = new Uint8Array(52);
    packet.set(bytes);
    state.sign(packet, true);
    for (let i = 0; i < 52; i++) {
      const changed = packet.slice();
      changed[i] = (changed[i] ?? 0) ^ 1;
      expect(new AuthState(auth("keyedSha1"), nodeDigest, 0).verify(changed, 52, 3)).not.toBe(null);
    }
    expect(new AuthState(auth("keyedSha1"), nodeDigest, 0).verify(packet, 52, 3)).toBe(null);
  });

  // after sequence number 100 with Detect Mult 3: what is taken next
  const windows: readonly (readonly [AuthType, readonly number[], readonly number[]])[] = [
    ["keyedMd5", [100, 101, 109], [99, 110, 0]],
    ["keyedSha1", [100, 101, 109], [99, 110, 0xffff_ffff]],
    ["meticulousKeyedMd5", [101, 109], [99, 100, 110]],
    ["meticulousKeyedSha1", [101, 109], [99, 100, 110]],
  ];
  test.each(windows)("C-243 %s takes %j after 100, not %j", (type, taken, refused) => {
    const size = type.endsWith("Md5") ? 48 : 52;
    const at = (sequence: number): Uint8Array => {
      const packet = new Uint8Array(size);
      packet.set(new RawPeer().octetsOf({ hasAuth: true, length: size }).slice(0, 24));
      new AuthState(auth(type), nodeDigest, sequence - 1).sign(packet, true);
      expect(readU32(packet, 28)).toBe(sequence >>> 0);
      return packet;
    };
    const after100 = (sequence: number): string | null => {
      const state = new AuthState(auth(type), nodeDigest, 0);
      expect(state.verify(at(100), size, 3)).toBe(null);
      return state.verify(at(sequence), size, 3);
    };
    expect(taken.map(after100)).toEqual(taken.map(() => null));
    expect(refused.map(after100)).toEqual(refused.map(() => "authSequence"));
  });

  test("C-243 the sequence goes round from the greatest number to 0", () => {
    const p = peers(auth("meticulousKeyedSha1"), null);
    p.auth = new AuthState(auth("meticulousKeyedSha1"), nodeDigest, 0xffff_fffd);
    p.bringUp();
    for (let i = 0; i < 5; i++) expect(p.say({})).toBe(null);
  });

  test("C-243 a replay is refused, and so is an old packet of a meticulous peer", () => {
    const peer = peers(auth("meticulousKeyedSha1")).bringUp();
    const old = peer.octetsOf({ state: "Down" });
    expect(peer.say({})).toBe(null);
    expect([peer.deliver(old), peer.state]).toEqual(["authSequence", "Up"]);
  });

  test("C-243 any sequence is taken again after twice the detection time, not before", () => {
    for (const [wait, cause] of [
      [1_800 * MS - 1, "authSequence"],
      [1_800 * MS, null],
    ] as const) {
      const peer = peers(auth("keyedSha1")).bringUp();
      peer.say({});
      peer.auth = new AuthState(auth("keyedSha1"), nodeDigest, 5);
      peer.wait(wait);
      expect(peer.say({ state: "Down", yourDiscr: 0 })).toBe(cause);
    }
  });

  test("C-243 a meticulous session counts every packet, a plain one every new word", () => {
    const sequences = (type: AuthType): readonly number[] => {
      const peer = peers(auth(type)).bringUp();
      for (let i = 0; i < 10; i++) {
        peer.wait(300 * MS);
        peer.say({});
      }
      return peer.octets.map((o) => readU32(o, 28));
    };
    const steps = (list: readonly number[]): readonly number[] =>
      list.slice(1).map((n, i) => (n - (list[i] ?? 0)) >>> 0);
    expect(new Set(steps(sequences("meticulousKeyedMd5")))).toEqual(new Set([1]));
    expect(new Set(steps(sequences("keyedMd5").slice(2)))).toEqual(new Set([0]));
  });

  test("C-243 a section whose lengths lie is dropped", () => {
    const peer = peers(auth("keyedSha1")).bringUp();
    const bytes = peer.octetsOf({});
    const lie = bytes.slice();
    lie[25] = 27;
    expect(peer.deliver(lie)).toBe("authMalformed");
    const long = new Uint8Array(60);
    long.set(bytes);
    long[3] = 60;
    expect(peer.deliver(long)).toBe("authMalformed");
    const packet = newControlPacket();
    expect(decodeControl(bytes, bytes.length, packet)).toBe(null);
    expect(packet.length).toBe(52);
  });

  test("a key that does not fit is refused by the field's name, and the session keeps what it has", () => {
    const peer = peers(auth("keyedMd5")).bringUp();
    peer.do(upsert(single(B), { auth: auth("keyedMd5", { key: key("seventeen octets!") }) }));
    expect(peer.events).toMatchObject([{ type: "refused", faults: [{ path: "auth.key" }] }]);
    expect(peer.say({})).toBe(null);
  });
});
