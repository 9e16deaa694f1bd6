import { describe, expect, test } from "vitest";
import { SLOW_INTERVAL } from "../../src/bfd/config.ts";
import { DIAG } from "../../src/bfd/protocol.ts";
import { gaps, RawPeer } from "./rawPeer.ts";
import { B, every, MS, profile, SECOND, single, upsert } from "./sim.ts";

const least = (list: readonly number[]): number => Math.min(...list);
const most = (list: readonly number[]): number => Math.max(...list);

/** Us at 50 ms, a peer that takes 50 ms and promises 300 ms. */
const fast = (): RawPeer => new RawPeer({ profile: every(50) }).bringUp({ requiredMinRxInterval: 50 * MS });

/** The peer keeps talking every 100 ms while `duration` passes. */
const live = (peer: RawPeer, duration: number): void => peer.keepSaying({}, 100 * MS, Math.ceil(duration / (100 * MS)));

describe("how often we send", () => {
  test("C-222 a second at least while not Up, in what is said and in what is done", () => {
    const peer = new RawPeer({ profile: every(10) });
    peer.wait(100 * SECOND);
    expect(peer.sent.every((s) => s.packet.desiredMinTxInterval === SLOW_INTERVAL)).toBe(true);
    expect(least(gaps(peer.sent))).toBeGreaterThanOrEqual(750 * MS);
    expect(most(gaps(peer.sent))).toBeLessThan(SLOW_INTERVAL);
    peer.bringUp();
    peer.wait(2 * SECOND);
    expect(peer.last).toMatchObject({ state: "Down", desiredMinTxInterval: SLOW_INTERVAL });
  });

  test("C-222 a configured interval above a second stays what it is", () => {
    const peer = new RawPeer({ profile: every(60_000) });
    expect(peer.last.desiredMinTxInterval).toBe(60 * SECOND);
  });

  test("C-223 the greater of our wish and the peer's limit; a change of the latter counts at once", () => {
    const peer = fast();
    const run = (requiredMinRxInterval: number): readonly [number, number] => {
      Object.assign(peer.template, { requiredMinRxInterval });
      peer.say({});
      peer.sent.length = 0;
      live(peer, 20 * SECOND);
      return [least(gaps(peer.sent)), most(gaps(peer.sent))];
    };
    expect(run(200 * MS)[0]).toBeGreaterThanOrEqual(150 * MS);
    expect(run(20 * MS)[1]).toBeLessThan(50 * MS);
    expect(run(1)[0]).toBeGreaterThanOrEqual(37 * MS);
  });

  test("C-223 a shorter interval pulls the waiting packet forward, a longer one pushes it back", () => {
    const peer = fast();
    Object.assign(peer.template, { requiredMinRxInterval: 10 * SECOND });
    peer.say({});
    live(peer, SECOND);
    peer.sent.length = 0;
    Object.assign(peer.template, { requiredMinRxInterval: 50 * MS });
    peer.say({});
    // the last packet is longer ago than the new interval: the next one is due now
    expect(peer.sent.map((s) => s.at)).toEqual([peer.now]);
    peer.say({ requiredMinRxInterval: 5 * SECOND });
    const since = peer.now;
    Object.assign(peer.template, { requiredMinRxInterval: 5 * SECOND });
    live(peer, 6 * SECOND);
    expect((peer.sent[1]?.at ?? 0) - since).toBeGreaterThanOrEqual(3_750 * MS);
  });

  for (const [detectMultiplier, from, to] of [
    [3, 0.75, 1],
    [1, 0.75, 0.9],
  ] as const) {
    test(`C-224 10,000 gaps with Detect Mult ${detectMultiplier} are ${from * 100} to ${to * 100} % of the interval and vary`, () => {
      const peer = new RawPeer({ profile: every(50, { detectMultiplier }) });
      peer.bringUp({ requiredMinRxInterval: 10 * MS, desiredMinTxInterval: 60 * SECOND });
      peer.keepSaying({}, 100 * SECOND, 5);
      const list = gaps(peer.sent.slice(1));
      expect(list.length).toBeGreaterThan(10_000);
      expect(least(list)).toBeGreaterThanOrEqual(from * 50 * MS);
      expect(most(list)).toBeLessThan(to * 50 * MS);
      // the whole range is used, evenly
      expect(least(list)).toBeLessThan((from + 0.005) * 50 * MS);
      expect(most(list)).toBeGreaterThan((to - 0.005) * 50 * MS);
      const mean = list.reduce((a, b) => a + b, 0) / list.length;
      expect(Math.abs(mean / (50 * MS) - (from + to) / 2)).toBeLessThan(0.005);
      expect(list.filter((gap, i) => gap === list[i - 1]).length).toBeLessThan(list.length / 100);
    });
  }

  test("C-226 a peer that takes nothing gets no periodic packets, but its polls are answered", () => {
    const peer = fast();
    Object.assign(peer.template, { requiredMinRxInterval: 0 });
    peer.say({});
    peer.sent.length = 0;
    live(peer, 10 * SECOND);
    expect(peer.sent).toEqual([]);
    peer.say({ poll: true });
    expect(peer.sent).toMatchObject([{ at: peer.now, packet: { final: true, poll: false } }]);
    peer.say({ requiredMinRxInterval: 50 * MS });
    expect(peer.sent.length).toBe(2);
  });

  test("C-226 a change of state is said even to a peer that takes nothing", () => {
    const peer = fast();
    peer.say({ state: "Down", requiredMinRxInterval: 0 });
    expect(peer.last).toMatchObject({ state: "Down", diag: 3 });
  });

  test.each([0, 1, 9_999, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff])(
    "C-232 intervals of %d us from the peer do no harm",
    (us) => {
      const peer = new RawPeer({ profile: every(10) });
      const says = { desiredMinTxInterval: us, requiredMinRxInterval: us, requiredMinEchoRxInterval: us };
      peer.bringUp();
      peer.say({ ...says, detectMult: 255 });
      peer.sent.length = 0;
      const { now } = peer;
      for (let i = 0; i < 100; i++) {
        peer.wait(10 * MS);
        peer.say({ ...says, detectMult: 255 });
      }
      expect(peer.sent.length).toBeLessThanOrEqual(1 + SECOND / (7.5 * MS));
      expect(peer.status.detectionTime).toBe(255 * Math.max(10 * MS, us));
      expect(peer.status.transmitInterval).toBe(us === 0 ? null : Math.max(10 * MS, us));
      expect(Number.isInteger(peer.engine.nextDeadline())).toBe(true);
      expect(peer.engine.nextDeadline()).toBeGreaterThan(now);
    },
  );
});

describe("how long we wait", () => {
  const rows: readonly (readonly [rx: number, peersTx: number, peersMult: number, expected: number])[] = [
    [300, 300_000, 3, 900_000],
    [50, 300_000, 3, 900_000],
    [300, 50_000, 5, 1_500_000],
    [10, 10_000, 2, 20_000],
    [60_000, 10_000, 255, 15_300_000_000],
    [10, 1, 1, 10_000],
  ];
  test.each(rows)(
    "C-225 Required Min RX %d ms, the peer's %d us times %d: %d us",
    (rx, peersTx, detectMult, expected) => {
      // our own multiplier has no say in it
      const peer = new RawPeer({ profile: profile({ receiveInterval: rx, detectMultiplier: 7 }) });
      peer.bringUp({ desiredMinTxInterval: peersTx, detectMult });
      peer.say({});
      expect(peer.status.detectionTime).toBe(expected);
      peer.wait(expected - 1);
      expect(peer.state).toBe("Up");
      peer.wait(1);
      expect(peer.status).toMatchObject({ state: "Down", localDiag: DIAG.detectionTimeExpired });
    },
  );
});

describe("a live change", () => {
  const change = (peer: RawPeer, over: Parameters<typeof profile>[0]): void =>
    peer.do(upsert(single(B), { profile: every(50, over) }));
  /** What is done, as opposed to what is said. */
  const done = (peer: RawPeer): readonly (number | null)[] => [peer.status.transmitInterval, peer.status.detectionTime];

  test("C-227 raising Desired Min TX is said at once and done after the Final", () => {
    const peer = fast();
    change(peer, { transmitInterval: 400 });
    live(peer, SECOND);
    expect(peer.last).toMatchObject({ desiredMinTxInterval: 400 * MS, poll: true });
    expect(done(peer)[0]).toBe(50 * MS);
    peer.say({ final: true });
    expect(done(peer)[0]).toBe(400 * MS);
    live(peer, SECOND);
    expect(peer.last.poll).toBe(false);
  });

  test("C-227 lowering Required Min RX is said at once and done after the Final", () => {
    const peer = new RawPeer({ profile: every(300) }).bringUp({
      requiredMinRxInterval: 50 * MS,
      desiredMinTxInterval: 20 * MS,
    });
    peer.do(upsert(single(B), { profile: every(300, { receiveInterval: 50 }) }));
    live(peer, SECOND);
    expect(peer.last).toMatchObject({ requiredMinRxInterval: 50 * MS, poll: true });
    expect(done(peer)[1]).toBe(900 * MS);
    peer.say({ final: true });
    expect(done(peer)[1]).toBe(150 * MS);
  });

  test("C-228 lowering Desired Min TX and raising Required Min RX are done at once, with a poll", () => {
    const peer = fast();
    change(peer, { transmitInterval: 20, receiveInterval: 1_000 });
    Object.assign(peer.template, { requiredMinRxInterval: 10 * MS });
    peer.say({});
    expect(done(peer)).toEqual([20 * MS, 3_000 * MS]);
    peer.wait(20 * MS);
    expect(peer.last).toMatchObject({ desiredMinTxInterval: 20 * MS, requiredMinRxInterval: SECOND, poll: true });
    peer.say({ final: true });
    peer.wait(20 * MS);
    expect(peer.last.poll).toBe(false);
  });

  test("C-227 a change made during a poll is vouched for by a poll of its own", () => {
    const peer = fast();
    change(peer, { transmitInterval: 400 });
    live(peer, 200 * MS);
    change(peer, { transmitInterval: 800 });
    live(peer, 200 * MS);
    peer.say({ final: true });
    // that Final may have answered a packet that still said 400 ms
    expect(done(peer)[0]).toBe(50 * MS);
    live(peer, 200 * MS);
    expect(peer.last).toMatchObject({ desiredMinTxInterval: 800 * MS, poll: true });
    peer.say({ final: true });
    expect(done(peer)[0]).toBe(800 * MS);
  });

  test("C-229 Detect Mult changes with the next packet, without a poll", () => {
    const peer = fast();
    change(peer, { detectMultiplier: 9 });
    live(peer, 100 * MS);
    expect(peer.last).toMatchObject({ detectMult: 9, poll: false });
  });

  test("C-229 the peer's Detect Mult counts from the packet that says it", () => {
    const peer = fast();
    peer.say({ detectMult: 9 });
    expect(done(peer)[1]).toBe(2_700 * MS);
  });
});
