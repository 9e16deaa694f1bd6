// Our own stalls: what is forgiven, what is not, and when a session asks for more time (issue: it knows its own stalls).
import { describe, expect, test } from "vitest";
import {
  CALM,
  judgeLateness,
  LATE_LIMIT,
  latenessLimit,
  newPunctuality,
  STRETCH_LIMIT,
  WINDOW,
  wasAway,
} from "../../src/bfd/stallPolicy.ts";
import { RawPeer, type Says } from "./rawPeer.ts";
import { arrivalFrom, every, MS, SECOND, single, upPair, upsert } from "./sim.ts";

const D = 150 * MS;

describe("who is to blame for silence", () => {
  const rows: readonly (readonly [what: string, gap: number, overdue: number, away: boolean])[] = [
    ["a turn in time", 40 * MS, 0, false],
    ["a long sleep that was meant", 2 * D, 100, false],
    ["a pause as long as the detection time", D, D, false],
    ["a pause longer than the detection time", D + 1, D, true],
    ["a pause that began before a deadline far off", D + 1, D / 2, false],
    ["twice the detection time", 2 * D, 2 * D - 40 * MS, true],
  ];
  test.each(rows)("C-231 %s", (_what, gap, overdue, away) => expect(wasAway(gap, overdue, D)).toBe(away));

  const fast = (): RawPeer => {
    const peer = new RawPeer({ profile: every(50) }).bringUp({
      requiredMinRxInterval: 50 * MS,
      desiredMinTxInterval: 50 * MS,
    });
    peer.keepSaying({}, 40 * MS, 10);
    peer.forget();
    return peer;
  };

  test("C-231 packets that waited while we were away are read before anybody is judged", () => {
    const peer = fast();
    peer.stall(2 * D, {}, {});
    expect(peer.state).toBe("Up");
    expect(peer.events).toEqual([]);
    // from then on the peer is judged as ever
    peer.wait(D);
    expect(peer.status).toMatchObject({ state: "Down", localDiag: 1 });
  });

  test("C-231 with nothing waiting either, that one expiry is ignored, counted and told", () => {
    const peer = fast();
    peer.stall(2 * D);
    expect(peer.state).toBe("Up");
    expect(peer.events).toEqual([
      { type: "stalled", key: peer.status.key, sessions: 1, away: 2 * D, detectionTime: D },
    ]);
    expect(peer.status.counters.expiriesIgnored).toBe(1);
    peer.wait(D - 1);
    expect(peer.state).toBe("Up");
    peer.wait(1);
    expect(peer.status).toMatchObject({ state: "Down", localDiag: 1 });
  });

  test("C-231 one stall is told once, however many sessions it would have cost, and counted for each of them", () => {
    const peer = fast();
    const others = ["192.0.2.3", "192.0.2.4"];
    peer.do(...others.map((other) => upsert(single(other), { profile: every(50) })));
    const fromAll = (says: Says): void => {
      for (const s of peer.engine.status()) peer.say({ yourDiscr: s.localDiscr, ...says }, arrivalFrom(s.address.peer));
    };
    fromAll({ state: "Init" });
    peer.wait(1);
    fromAll({ final: true });
    peer.forget();
    const away = (): readonly (readonly [string, number])[] =>
      peer.events.flatMap((e) => (e.type === "stalled" ? [[e.key, e.sessions] as const] : []));
    peer.stall(2 * D);
    expect(peer.engine.status().map((s) => [s.state, s.counters.expiriesIgnored])).toEqual(Array(3).fill(["Up", 1]));
    expect(away()).toEqual([[expect.any(String), 3]]);
    // the next stall is another one
    fromAll({});
    peer.forget();
    peer.stall(2 * D);
    expect(away()).toEqual([[expect.any(String), 3]]);
  });

  test("C-231 a peer that stays silent over two of our stalls is down", () => {
    const peer = fast();
    peer.stall(2 * D);
    peer.stall(2 * D);
    expect(peer.state).toBe("Down");
    expect(peer.status.counters.expiriesIgnored).toBe(1);
  });

  test("C-231 a peer that was heard in between is forgiven again", () => {
    const peer = fast();
    for (let i = 0; i < 5; i++) {
      peer.stall(2 * D);
      peer.say({});
      peer.keepSaying({}, 40 * MS, 5);
    }
    expect(peer.state).toBe("Up");
    expect(peer.status.counters.expiriesIgnored).toBe(5);
  });

  test("C-231 a short pause is no excuse for the peer", () => {
    const peer = fast();
    peer.wait(D - 10 * MS);
    peer.stall(30 * MS);
    expect(peer.state).toBe("Down");
  });

  test("C-231 a lost echo is forgiven in the same way", () => {
    const peer = new RawPeer({ profile: every(300, { echoMode: true }) });
    peer.bringUp({ requiredMinEchoRxInterval: 50 * MS });
    peer.wait(20 * MS);
    peer.stall(400 * MS);
    expect(peer.state).toBe("Up");
    expect(peer.status.counters.expiriesIgnored).toBe(1);
    peer.wait(D);
    expect(peer.status).toMatchObject({ state: "Down", localDiag: 2 });
  });

  test("C-231 an engine that stands still for twice the detection time loses no session to it", () => {
    const wish = { profile: every(50) };
    for (let seed = 1; seed <= 50; seed++) {
      const { sim, a } = upPair(seed, wish, wish);
      sim.run(seed * 1_234);
      a.pausedUntil = sim.now + 2 * D;
      sim.run(2 * D);
      // the peer has noticed and says so: that is its verdict, not ours
      expect(a.changes().filter((c) => c.reason === "detectionTimeExpired")).toEqual([]);
      sim.run(10 * SECOND);
      expect(a.state).toBe("Up");
    }
  });
});

describe("being late again and again", () => {
  const I = 50 * MS;
  const judge = (record = newPunctuality(), desired = I) => {
    let wish = desired;
    return (lateness: number, now: number, interval = wish): number => {
      wish = judgeLateness(record, lateness, interval, 3, wish, I, now);
      return wish;
    };
  };
  const LATE = latenessLimit(I, 3) + 1;

  test("late is half of what the peer would bear beyond the interval", () => {
    expect([latenessLimit(50 * MS, 3), latenessLimit(300 * MS, 2), latenessLimit(50 * MS, 1)]).toEqual([
      50 * MS,
      150 * MS,
      2.5 * MS,
    ]);
  });

  test("the third time within the window doubles the interval, the second does not", () => {
    const late = judge();
    expect([late(LATE, 0), late(LATE, SECOND), late(LATE, WINDOW)]).toEqual([I, I, 2 * I]);
    expect(LATE_LIMIT).toBe(3);
  });

  test("three times over more than the window change nothing", () => {
    const late = judge();
    expect([late(LATE, 0), late(LATE, SECOND), late(LATE, WINDOW + 1), late(LATE, WINDOW + 2)]).toEqual([I, I, I, I]);
  });

  test("exactly on the limit is in time", () => {
    const late = judge();
    for (let i = 0; i < 10; i++) expect(late(LATE - 1, i)).toBe(I);
  });

  test("it goes up to a second and no further", () => {
    const late = judge();
    for (let i = 0; i < 60; i++) late(10 * SECOND, i * SECOND);
    expect(late(10 * SECOND, 61 * SECOND)).toBe(STRETCH_LIMIT);
  });

  test("a configured interval beyond a second is left alone", () => {
    const record = newPunctuality();
    for (let i = 0; i < 9; i++) {
      expect(judgeLateness(record, 100 * SECOND, 5 * SECOND, 3, 5 * SECOND, 5 * SECOND, i)).toBe(5 * SECOND);
    }
  });

  test("after a calm minute it comes back by half, step by step, not before", () => {
    const late = judge();
    for (let i = 0; i < 6; i++) late(LATE * 4, i);
    expect(late(0, CALM)).toBe(4 * I);
    expect(late(0, CALM + 5)).toBe(2 * I);
    expect(late(0, 2 * CALM)).toBe(2 * I);
    expect(late(0, 2 * CALM + 5)).toBe(I);
    expect(late(0, 9 * CALM)).toBe(I);
  });

  test("a session that sends late asks its peer for more time by a poll, and reports it; the peer never loses patience", () => {
    const wish = { profile: every(50) };
    const { sim, a, b } = upPair(7, wish, wish);
    for (let i = 0; i < 60; i++) {
      a.pausedUntil = sim.now + 110 * MS;
      sim.run(400 * MS);
    }
    expect(b.changes()).toEqual([]);
    const raised = a.events.filter((e) => e.type === "adapted");
    expect(raised[0]).toMatchObject({ why: "late", from: 50 * MS, to: 100 * MS, configured: 50 * MS });
    expect(b.status().detectionTime).toBeGreaterThanOrEqual(300 * MS);
    expect(a.status()).toMatchObject({ pollActive: false, counters: { adaptations: raised.length } });
    // calm again: back to what was configured, without a flap
    sim.run(6 * CALM);
    expect(a.events.at(-1)).toMatchObject({ type: "adapted", why: "calm", to: 50 * MS });
    expect(b.status().detectionTime).toBe(150 * MS);
    expect([a.changes(), b.changes()]).toEqual([[], []]);
  });
});
