import { describe, expect, test } from "vitest";
import type { Arrival } from "../../src/bfd/protocol.ts";
import { RawPeer, type Says } from "./rawPeer.ts";
import { A, arrivalFrom, B, profile, seeded, single, upsert } from "./sim.ts";

const STRANGER = "203.0.113.9";

describe("whose packet it is", () => {
  const rows: readonly (readonly [what: string, says: Says, from: Arrival, cause: string | null])[] = [
    ["our discriminator", {}, arrivalFrom(B), null],
    ["our discriminator from another address: the discriminator decides", {}, arrivalFrom(STRANGER), null],
    ["a discriminator of a life before", { yourDiscr: 0xdead }, arrivalFrom(B), "unknownDiscr"],
    ["zero, state Down", { yourDiscr: 0, state: "Down" }, arrivalFrom(B), null],
    ["zero, state AdminDown", { yourDiscr: 0, state: "AdminDown" }, arrivalFrom(B), null],
    ["zero, state Init", { yourDiscr: 0, state: "Init" }, arrivalFrom(B), "zeroDiscrState"],
    ["zero, state Up", { yourDiscr: 0, state: "Up" }, arrivalFrom(B), "zeroDiscrState"],
    ["zero, from a stranger", { yourDiscr: 0, state: "Down" }, arrivalFrom(STRANGER), "unknownPeer"],
    ["ours on the multihop port", {}, arrivalFrom(B, { hop: "multi" }), "unknownDiscr"],
    ["zero on the multihop port", { yourDiscr: 0 }, arrivalFrom(B, { hop: "multi" }), "unknownPeer"],
  ];
  test.each(rows)("C-200 %s", (_what, says, from, cause) => {
    const peer = new RawPeer();
    expect(peer.say({ state: "Down", ...says }, from)).toBe(cause);
    expect(peer.status.remoteDiscr).toBe(cause === null ? peer.template.myDiscr : 0);
    if (cause !== null) expect(peer.engine.drops()).toMatchObject({ [cause]: 1 });
  });

  test("C-201 10,000 sessions have 10,000 discriminators, none of them 0, drawn at random", () => {
    const peer = new RawPeer(null, { maxSessions: 10_000 });
    for (let i = 0; i < 10_000; i++) peer.do(upsert(single(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)));
    const drawn = peer.engine.status().map((s) => s.localDiscr);
    expect(new Set(drawn).size).toBe(10_000);
    expect(drawn).not.toContain(0);
    const high = drawn.filter((d) => d >= 0x8000_0000).length;
    expect(high).toBeGreaterThan(4_700);
    expect(high).toBeLessThan(5_300);
  });

  test("C-201 a discriminator in use, or 0, is drawn again", () => {
    const draws = [0.5, 0.1, 0, 0.5, 0.75, 0.2];
    const secret = { next: (): number => draws.shift() ?? 0.9 };
    const peer = new RawPeer(null, { secret });
    peer.do(upsert(single(A)), upsert(single(B)));
    expect(peer.engine.status().map((s) => s.localDiscr)).toEqual([0x8000_0000, 0xc000_0000]);
  });

  const wrong: readonly (readonly [string, Partial<Arrival> & { to?: string }, string | null])[] = [
    ["on its interface, to our address", { interfaceIndex: 7, to: A }, null],
    ["on another interface", { interfaceIndex: 8, to: A }, "wrongInterface"],
    ["to another address of ours", { interfaceIndex: 7, to: STRANGER }, "wrongLocalAddress"],
    ["in another VRF", { interfaceIndex: 7, vrfIndex: 4, to: A }, "wrongInterface"],
    ["where the shell cannot know", { interfaceIndex: 0, vrfIndex: -1 }, null],
  ];
  test.each(wrong)("C-207 the right peer %s", (_what, over, cause) => {
    for (const says of [{ state: "Down", yourDiscr: 0 }, { state: "Down" }] as const) {
      const peer = new RawPeer(null);
      peer.do({ type: "interface", name: "eth0", index: 7, isUp: true });
      peer.do(upsert(single(B, { interface: "eth0" }), { local: A }));
      expect(peer.say(says, arrivalFrom(B, over))).toBe(cause);
    }
  });

  test("C-207 the same link-local peer on two interfaces is two sessions", () => {
    const peer = new RawPeer(null);
    const LL = "fe80::1";
    peer.do({ type: "interface", name: "eth0", index: 7, isUp: true }, upsert(single(LL, { interface: "eth0" })));
    peer.do(upsert(single(LL, { interface: "eth1" })), { type: "interface", name: "eth1", index: 9, isUp: true });
    peer.say({ yourDiscr: 0, state: "Down" }, arrivalFrom(LL, { interfaceIndex: 9 }));
    expect(peer.engine.status().map((s) => [s.key, s.state])).toEqual([
      ["fe80::1%eth0/single", "Down"],
      ["fe80::1%eth1/single", "Init"],
    ]);
    peer.do({ type: "interface", name: "eth0", index: 0, isUp: false });
    expect(peer.say({ yourDiscr: 0, state: "Down" }, arrivalFrom(LL, { interfaceIndex: 7 }))).toBe("wrongInterface");
  });

  test("C-204 single hop wants TTL 255, of the first packet and of every later one, in both families", () => {
    for (const address of [B, "2001:db8::2"]) {
      const peer = new RawPeer(null);
      peer.do(upsert(single(address)));
      const say = (ttl: number, says: Says): string | null => peer.say(says, arrivalFrom(address, { ttl }));
      for (const ttl of [254, 64, 0]) expect(say(ttl, { yourDiscr: 0, state: "Down" })).toBe("ttl");
      expect(peer.state).toBe("Down");
      expect(say(255, { yourDiscr: 0, state: "Down" })).toBe(null);
      expect(say(255, { state: "Up" })).toBe(null);
      for (const ttl of [254, 64, 0]) expect(say(ttl, { state: "Down" })).toBe("ttl");
      expect(peer.state).toBe("Up");
      expect(peer.engine.drops().ttl).toBe(6);
    }
  });

  test("C-206 multihop wants its profile's minimum TTL, of every packet, and a change of it counts at once", () => {
    const address = single(B, { hop: "multi" });
    const peer = new RawPeer(null);
    peer.do(upsert(address, { profile: profile({ minimumTtl: 250 }) }));
    const say = (ttl: number): string | null => peer.say({ state: "Down" }, arrivalFrom(B, { hop: "multi", ttl }));
    const taken = Array.from({ length: 256 }, (_, ttl) => ttl).filter((ttl) => say(ttl) === null);
    expect(taken).toEqual([250, 251, 252, 253, 254, 255]);
    peer.do(upsert(address, { profile: profile({ minimumTtl: 1 }) }));
    expect([say(0), say(1)]).toEqual(["ttl", null]);
  });

  test("a flood of strangers' packets moves nothing but counters", () => {
    const peer = new RawPeer().bringUp();
    const random = seeded(5);
    const before = peer.status;
    const bytes = peer.octetsOf({ yourDiscr: 0, state: "Down" });
    const from = arrivalFrom(STRANGER);
    for (let i = 0; i < 100_000; i++) {
      for (let j = 0; j < 4; j++) from.source[j] = Math.floor(random.next() * 191);
      bytes[11] = i & 1;
      peer.deliver(bytes, from);
    }
    const { unknownDiscr, unknownPeer } = peer.engine.drops();
    expect(unknownDiscr + unknownPeer).toBe(100_000);
    expect(peer.status).toEqual(before);
    expect(peer.sent).toEqual([]);
  });
});
