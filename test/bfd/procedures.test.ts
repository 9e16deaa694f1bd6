import { describe, expect, test } from "vitest";
import { echoCount } from "../../src/bfd/packet.ts";
import { DIAG } from "../../src/bfd/protocol.ts";
import { gaps, RawPeer } from "./rawPeer.ts";
import { arrivalFrom, B, every, MS, profile, SECOND, single, upPair, upsert } from "./sim.ts";

const UP = { state: "Up" } as const;

describe("poll sequences", () => {
  test.each(["AdminDown", "Down", "Init", "Up"] as const)(
    "C-234 a poll in state %s gets one Final, at once",
    (state) => {
      const peer = new RawPeer({ isAdminDown: state === "AdminDown" });
      if (state === "Up") peer.bringUp();
      if (state === "Init") peer.say({ state: "Down", yourDiscr: 0 });
      peer.wait(100);
      expect(peer.state).toBe(state);
      peer.forget();
      // words that leave each state as it is
      peer.say({ poll: true, state: state === "Init" ? "Down" : "Up" });
      expect(peer.sent).toMatchObject([{ at: peer.now, packet: { final: true, poll: false, state } }]);
    },
  );

  test("C-234 a passive session answers polls too", () => {
    const peer = new RawPeer({ profile: profile({ passiveMode: true }) });
    peer.say({ state: "Down", yourDiscr: 0, poll: true });
    expect(peer.sent[0]?.packet).toMatchObject({ final: true, poll: false, state: "Init" });
  });

  test("C-234 a flood of polls is answered, at a limited rate, to the last one", () => {
    const peer = new RawPeer({ profile: every(50) }).bringUp({ requiredMinRxInterval: 50 * MS });
    for (let i = 0; i < 10_000; i++) {
      peer.wait(10);
      peer.say({ poll: true });
    }
    const finals = peer.sent.filter((s) => s.packet.final);
    expect(finals.length).toBeGreaterThan(9);
    expect(finals.length).toBeLessThanOrEqual(8 + 10 + 1);
    const end = peer.now;
    peer.wait(20 * MS);
    expect(peer.sent.some((s) => s.packet.final && s.at >= end)).toBe(true);
    // our own packets went on meanwhile
    expect(peer.sent.filter((s) => !s.packet.final).length).toBeGreaterThanOrEqual(2);
  });

  test("C-234 C-235 while both ends poll, no packet has P and F", () => {
    const peer = new RawPeer({ profile: every(50) });
    peer.say({ state: "Down", yourDiscr: 0 });
    for (let i = 0; i < 200; i++) {
      peer.wait(20 * MS);
      peer.say({ ...UP, poll: true });
    }
    expect(peer.sent.some((s) => s.packet.poll)).toBe(true);
    expect(peer.sent.some((s) => s.packet.final)).toBe(true);
    expect(peer.sent.filter((s) => s.packet.poll && s.packet.final)).toEqual([]);
  });

  test("C-235 P stands on every periodic packet until F comes; an F without our P means nothing", () => {
    const peer = new RawPeer({ profile: every(50) }).bringUp({ requiredMinRxInterval: 50 * MS });
    peer.do(upsert(single(B), { profile: every(50, { transmitInterval: 100 }) }));
    peer.keepSaying(UP, 100 * MS, 10);
    expect(peer.sent.length).toBeGreaterThan(19);
    expect(peer.sent.every((s) => s.packet.poll)).toBe(true);
    // the poll rides on packets that were due anyway
    expect(Math.min(...gaps(peer.sent))).toBeGreaterThanOrEqual(37 * MS);
    peer.say({ final: true });
    peer.sent.length = 0;
    peer.keepSaying({ final: true }, 100 * MS, 10);
    expect(peer.sent.some((s) => s.packet.poll)).toBe(false);
    peer.do(upsert(single(B), { profile: every(50, { transmitInterval: 200 }) }));
    expect(peer.status).toMatchObject({ transmitInterval: 100 * MS, pollActive: true });
  });

  test("C-236 going Up starts a poll, and the slow interval is left at once", () => {
    const peer = new RawPeer({ profile: every(50) });
    peer.say({ state: "Down", yourDiscr: 0 });
    peer.say({ state: "Init", requiredMinRxInterval: 50 * MS });
    expect(peer.last).toMatchObject({ state: "Up", poll: true, desiredMinTxInterval: 50 * MS });
    const at = peer.now;
    peer.wait(50 * MS);
    expect((peer.sent.at(-1)?.at ?? 0) - at).toBeLessThan(50 * MS);
    expect(peer.last).toMatchObject({ poll: true });
  });

  test("C-235 an F that comes before our first P is not the answer to it", () => {
    const peer = new RawPeer({ profile: every(50) }).bringUp({ requiredMinRxInterval: 50 * MS });
    peer.do(upsert(single(B), { profile: every(50, { transmitInterval: 200 }) }));
    expect(peer.say({ final: true })).toBe(null);
    expect(peer.status).toMatchObject({ transmitInterval: 50 * MS, pollActive: true });
    peer.wait(50 * MS);
    peer.say({ final: true });
    expect(peer.status).toMatchObject({ transmitInterval: 200 * MS, pollActive: false });
  });

  test("C-236 going Up starts a poll even where no interval changes by it", () => {
    const peer = new RawPeer({ profile: every(5_000) });
    peer.say({ state: "Down", yourDiscr: 0 });
    peer.say({ state: "Up" });
    expect(peer.last).toMatchObject({ state: "Up", poll: true, desiredMinTxInterval: 5 * SECOND });
  });

  test("C-236 going Up by the peer's poll answers it first and polls right after", () => {
    const peer = new RawPeer({ profile: every(50) });
    peer.say({ state: "Down", yourDiscr: 0 });
    peer.forget();
    peer.wait(10 * MS);
    peer.say({ ...UP, poll: true, requiredMinRxInterval: 50 * MS });
    expect(peer.sent[0]).toMatchObject({ at: peer.now, packet: { state: "Up", final: true, poll: false } });
    peer.wait(50 * MS);
    expect(peer.last).toMatchObject({ poll: true, final: false });
  });
});

describe("demand mode of the peer", () => {
  test("C-237 both Up: periodic packets stop, polls are answered, silence is still judged", () => {
    const peer = new RawPeer({ profile: every(50) }).bringUp({ requiredMinRxInterval: 50 * MS, demand: true });
    peer.say({});
    peer.sent.length = 0;
    peer.keepSaying({}, 300 * MS, 100);
    expect(peer.sent).toEqual([]);
    peer.say({ poll: true });
    expect(peer.sent).toMatchObject([{ packet: { final: true, demand: false } }]);
    peer.wait(900 * MS);
    expect(peer.status).toMatchObject({ state: "Down", localDiag: DIAG.detectionTimeExpired });
    // not Up: demand is not active
    expect(peer.sent.length).toBe(2);
    peer.wait(3 * SECOND);
    expect(peer.sent.length).toBeGreaterThan(4);
  });

  test("C-237 a change of ours is still polled for, and then it is silent again", () => {
    const peer = new RawPeer({ profile: every(50) }).bringUp({ requiredMinRxInterval: 50 * MS, demand: true });
    peer.say({});
    peer.do(upsert(single(B), { profile: every(50, { receiveInterval: 100 }) }));
    peer.sent.length = 0;
    peer.keepSaying({}, 100 * MS, 5);
    expect(peer.sent.length).toBeGreaterThan(8);
    expect(peer.sent.every((s) => s.packet.poll && s.packet.requiredMinRxInterval === 100 * MS)).toBe(true);
    peer.say({ final: true });
    peer.sent.length = 0;
    peer.keepSaying({}, 100 * MS, 5);
    expect(peer.sent).toEqual([]);
  });

  test("C-237 before the peer is Up its D bit stops nothing", () => {
    const peer = new RawPeer();
    peer.say({ state: "Down", yourDiscr: 0, demand: true });
    peer.keepSaying({ state: "Init", demand: true }, 500 * MS, 10);
    expect(peer.state).toBe("Up");
    expect(peer.sent.length).toBeGreaterThan(9);
  });
});

describe("echo", () => {
  const echoing = (over: Parameters<typeof profile>[0] = {}): RawPeer =>
    new RawPeer({ profile: every(300, { echoMode: true, echoInterval: 50, ...over }) }).bringUp({
      requiredMinEchoRxInterval: 20 * MS,
    });
  /** Every echo packet comes back, and the peer talks, for so long. */
  const loop = (peer: RawPeer, steps: number): void => {
    for (let i = 0; i < steps; i++) {
      const from = peer.echoes.length;
      peer.wait(10 * MS);
      peer.say({});
      for (const e of peer.echoes.slice(from)) peer.echo(e.bytes);
    }
  };

  test("C-239 runs while Up, at the interval we configured, with what we take in our packets", () => {
    const peer = echoing();
    loop(peer, 1_000);
    expect(peer.state).toBe("Up");
    const at = peer.echoes.map((e) => e.at);
    const distances = at.slice(1).map((t, i) => t - (at[i] ?? 0));
    expect(Math.min(...distances)).toBeGreaterThanOrEqual(37 * MS);
    expect(Math.max(...distances)).toBeLessThan(50 * MS);
    expect(peer.last.requiredMinEchoRxInterval).toBe(50 * MS);
    // the very first one was lost on the way up
    expect(peer.status.counters.echoIn).toBe(peer.status.counters.echoOut - 1);
    expect(peer.status.echoInterval).toBe(50 * MS);
  });

  test("C-239 never runs faster than the peer takes them, and stops when it takes none", () => {
    const peer = echoing();
    Object.assign(peer.template, { requiredMinEchoRxInterval: 200 * MS });
    loop(peer, 100);
    const at = peer.echoes.map((e) => e.at);
    expect(Math.min(...at.slice(2).map((t, i) => t - (at[i + 1] ?? 0)))).toBeGreaterThanOrEqual(150 * MS);
    Object.assign(peer.template, { requiredMinEchoRxInterval: 0 });
    peer.say({});
    peer.echoes.length = 0;
    loop(peer, 100);
    expect([peer.echoes.length, peer.state, peer.status.echoInterval]).toEqual([0, "Up", null]);
  });

  test("C-239 loss of them for three intervals is Down with diagnostic 2, though control packets still come", () => {
    const peer = echoing();
    loop(peer, 50);
    const lastBack = peer.now;
    peer.events.length = 0;
    peer.echoes.length = 0;
    for (let i = 0; i < 20 && peer.state === "Up"; i++) {
      peer.wait(10 * MS);
      peer.say({});
    }
    expect(peer.changes()).toMatchObject([
      { from: "Up", to: "Down", reason: "echoFailed", localDiag: DIAG.echoFailed },
    ]);
    expect((peer.changes()[0]?.at ?? 0) - lastBack).toBeLessThanOrEqual(150 * MS);
    expect((peer.changes()[0]?.at ?? 0) - lastBack).toBeGreaterThan(100 * MS);
    peer.echoes.length = 0;
    peer.wait(200 * MS);
    expect(peer.echoes).toEqual([]);
  });

  test("C-239 does not start before Up, nor where it is not configured", () => {
    const down = new RawPeer({ profile: profile({ echoMode: true }) });
    down.say({ state: "Down", yourDiscr: 0, requiredMinEchoRxInterval: 10 * MS });
    down.wait(SECOND);
    expect(down.echoes).toEqual([]);
    const off = echoing({ echoMode: false });
    loop(off, 50);
    expect(off.echoes).toEqual([]);
    expect(off.last.requiredMinEchoRxInterval).toBe(0);
  });

  test("C-239 can be switched on and off while the session is Up", () => {
    const peer = echoing({ echoMode: false });
    peer.do(upsert(single(B), { profile: every(300, { echoMode: true }) }));
    expect(peer.calls.filter((c) => c.startsWith("rebound")).length).toBe(1);
    loop(peer, 50);
    expect(peer.echoes.length).toBeGreaterThan(5);
    peer.do(upsert(single(B), { profile: every(300) }));
    peer.echoes.length = 0;
    loop(peer, 50);
    expect([peer.echoes.length, peer.state]).toEqual([0, "Up"]);
  });

  test("C-240 echo packets that we did not send, or have had back already, do not count", () => {
    const peer = echoing();
    peer.wait(100 * MS);
    peer.say({});
    const [first] = peer.echoes;
    if (first === undefined) throw new Error("no echo");
    const forged = (at: number, value: number): Uint8Array => {
      const bytes = first.bytes.slice();
      bytes[at] = (bytes[at] ?? 0) ^ value;
      return bytes;
    };
    const all = [forged(4, 1), forged(8, 1), forged(12, 0x80), forged(15, 0x40), first.bytes.subarray(0, 23)];
    expect(all.map((b) => peer.echo(b))).toEqual([...Array(4).fill("echoForeign"), "tooShort"]);
    expect(echoCount(first.bytes)).toBe(2);
    expect([peer.echo(first.bytes), peer.echo(first.bytes)]).toEqual([null, "echoForeign"]);
    expect(peer.status.counters.echoIn).toBe(1);
  });

  test("C-242 multihop sessions run without echo, and say that they do", () => {
    const peer = new RawPeer(null);
    peer.do(upsert(single(B, { hop: "multi" }), { profile: profile({ echoMode: true }) }));
    expect(peer.events).toMatchObject([{ type: "refused", faults: [{ path: "profile.echo" }] }]);
    const from = arrivalFrom(B, { hop: "multi" });
    peer.say({ state: "Down", yourDiscr: 0, requiredMinEchoRxInterval: 10 * MS }, from);
    peer.say({ state: "Up", requiredMinEchoRxInterval: 10 * MS }, from);
    peer.wait(500 * MS);
    expect([peer.state, peer.echoes.length, peer.last.requiredMinEchoRxInterval]).toEqual(["Up", 0, 0]);
    expect(peer.handles[0]?.usesEcho).toBe(false);
  });

  test("C-239 two engines that reflect for each other stay Up for a minute and count the same", () => {
    const wish = { profile: every(300, { echoMode: true }) };
    const { sim, a, b } = upPair(3, wish, wish);
    sim.run(60 * SECOND);
    expect([a.events, b.events]).toEqual([[], []]);
    expect(a.status().counters.echoOut).toBeGreaterThan(1_200);
    expect(a.status().counters.echoIn).toBeGreaterThanOrEqual(a.status().counters.echoOut - 1);
  });
});
