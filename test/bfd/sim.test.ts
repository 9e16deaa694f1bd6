// Two engines on a bad wire, for hours of virtual time. Every run is decided by its seed, which a failing test prints.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BfdState } from "../../src/bfd/protocol.ts";
import { A, B, bothUp, every, type Host, MS, type Pair, pair, SECOND, Sim, single, upPair, upsert } from "./sim.ts";

const HOUR = 3_600 * SECOND;
const downs = (h: Host): number => h.changes().filter((c) => c.from === "Up").length;

describe("coming up", () => {
  test("C-218 two active ends that start at any offset are Up within three slow intervals", () => {
    for (let seed = 1; seed <= 500; seed++) {
      // without sequence numbers a handshake cannot stand lost order, so latency alone varies
      const sim = new Sim(seed, { latency: (seed % 60) * 500 });
      const p: Pair = { sim, a: sim.host(A), b: sim.host(B) };
      p.a.do(upsert(single(B), { profile: every(50) }));
      sim.run(Math.floor(sim.random.next() * 5 * SECOND));
      p.b.do(upsert(single(A), { profile: every(seed % 3 === 0 ? 10 : 300) }));
      const took = sim.until(() => bothUp(p), 3 * SECOND);
      expect(took, `seed ${seed}`).not.toBe(null);
      sim.run(10 * SECOND);
      expect([downs(p.a), downs(p.b)], `seed ${seed}`).toEqual([0, 0]);
    }
  });

  test("C-219 an active end finds a passive one; two passive ones stay silent", () => {
    const passive = { profile: every(50, { passiveMode: true }) };
    expect(bothUp(upPair(1, passive))).toBe(true);
    const p = pair(2, passive, passive);
    p.sim.run(60 * SECOND);
    expect([p.a.sent, p.b.sent, p.a.state]).toEqual([[], [], "Down"]);
  });

  test("C-236 both leave the slow interval within two of their own once they are Up", () => {
    const wish = { profile: every(50) };
    const p = pair(4, wish, wish);
    p.sim.until(() => bothUp(p), 5 * SECOND);
    p.sim.run(100 * MS);
    expect([p.a.status(), p.b.status()]).toMatchObject([
      { transmitInterval: 50 * MS, detectionTime: 150 * MS, pollActive: false },
      { transmitInterval: 50 * MS, detectionTime: 150 * MS, pollActive: false },
    ]);
  });

  test("C-206 multihop sessions come up on their own port, with what arrives through routers", () => {
    const p = pair(5, {}, {}, {}, "multi");
    for (const h of [p.a, p.b]) h.arrival = { hop: "multi", ttl: 254 };
    p.sim.run(5 * SECOND);
    expect(bothUp(p)).toBe(true);
  });
});

describe("staying up", () => {
  for (const [ms, hours] of [
    [50, 1],
    [10, 0.25],
  ] as const) {
    test(`C-225 ${hours} h at ${ms} ms x 3 on a wire with jitter, duplicates and lost order: no flap`, () => {
      const wish = { profile: every(ms) };
      const { sim, a, b } = upPair(11, wish, wish, { latency: MS, jitter: 0.4 * ms * MS, duplicates: 0.01 });
      a.records = b.records = false;
      sim.run(hours * HOUR);
      expect([a.events, b.events]).toEqual([[], []]);
      const sent = a.status().counters.controlOut;
      expect(sent).toBeGreaterThan((hours * HOUR) / (ms * MS));
      expect(sent).toBeLessThan((hours * HOUR) / (0.75 * ms * MS));
    });
  }

  test("C-225 the end that is cut off is found within the detection time, and not before it", () => {
    for (let seed = 1; seed <= 100; seed++) {
      const wish = { profile: every(50) };
      const { sim, a, b } = upPair(seed, wish, wish);
      sim.run(seed * 777);
      sim.filter = () => false;
      const cut = sim.now;
      sim.run(SECOND);
      for (const h of [a, b]) {
        const [down] = h.changes();
        expect(down).toMatchObject({ reason: "detectionTimeExpired" });
        // the last packet came up to an interval before the cut, or was on its way
        expect((down?.at ?? 0) - cut).toBeGreaterThan(100 * MS - 1);
        expect((down?.at ?? 0) - cut).toBeLessThanOrEqual(150 * MS + 100);
      }
    }
  });

  test("C-235 loss that takes down a session now and then never keeps it down, and both ends agree in the end", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const wish = { profile: every(50) };
      const p = pair(seed, wish, wish, { latency: MS, jitter: 100 * MS, loss: 0.3, duplicates: 0.1 });
      p.a.records = p.b.records = false;
      p.sim.run(120 * SECOND);
      p.sim.wire = { latency: MS };
      p.sim.run(10 * SECOND);
      expect(bothUp(p), `seed ${seed}`).toBe(true);
      expect([p.a.status().remoteDiscr, p.b.status().remoteDiscr]).toEqual([
        p.b.status().localDiscr,
        p.a.status().localDiscr,
      ]);
      expect([p.a.status().pollActive, p.b.status().pollActive]).toEqual([false, false]);
    }
  });

  test("C-227 C-228 C-229 a hundred live changes of both profiles, over a wire that reorders and loses, without a flap", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const wish = { profile: every(50) };
      const { sim, a, b } = upPair(seed, wish, wish, { latency: MS, jitter: 5 * MS });
      a.records = b.records = false;
      const draw = (list: readonly number[]): number => list[Math.floor(sim.random.next() * list.length)] ?? 50;
      for (let i = 0; i < 100; i++) {
        const [host, peer] = sim.random.next() < 0.5 ? [a, B] : [b, A];
        const over = {
          transmitInterval: draw([10, 20, 50, 100, 300, 1_000, 5_000]),
          receiveInterval: draw([10, 20, 50, 100, 300, 1_000, 5_000]),
          detectMultiplier: draw([3, 4, 5, 20]),
        };
        host.do(upsert(single(peer), { profile: every(50, over) }));
        // often before the poll of the change before is over
        sim.run(Math.floor(sim.random.next() * draw([5, 50, 500, 10_000]) * MS));
      }
      expect([a.changes(), b.changes()], `seed ${seed}`).toEqual([[], []]);
      sim.run(60 * SECOND);
      const [sa, sb] = [a.status(), b.status()];
      expect([sa.pollActive, sb.pollActive]).toEqual([false, false]);
      expect(sa.transmitInterval).toBe(Math.max(sa.desiredMinTxInterval, sb.requiredMinRxInterval));
      expect(sb.detectionTime).toBe(sa.detectMult * Math.max(sb.requiredMinRxInterval, sa.desiredMinTxInterval));
    }
  });
});

describe("starting again", () => {
  test("C-216 C-215 either end killed and started, 50 rounds: Up within a detection time and three seconds", () => {
    const wish = { profile: every(50) };
    const p = upPair(21, wish, wish, { latency: 200, jitter: 3 * MS });
    for (let round = 0; round < 50; round++) {
      const [host, peer] = round % 2 === 0 ? [p.a, B] : [p.b, A];
      p.sim.run(Math.floor(p.sim.random.next() * SECOND));
      host.restart();
      host.do(upsert(single(peer), wish));
      p.sim.run(1);
      expect(
        p.sim.until(() => bothUp(p), 150 * MS + 3 * SECOND),
        `round ${round}`,
      ).not.toBe(null);
      p.sim.run(SECOND);
      expect(bothUp(p)).toBe(true);
    }
  });

  test("C-216 a peer that is deaf to zero discriminators while it is Up (old FRR) is recovered by its own detection time", () => {
    const wish = { profile: every(50) };
    const p = upPair(22, wish, wish);
    p.sim.filter = (_from, to, packet) => !(to === B && packet?.yourDiscr === 0 && p.b.state === "Up");
    for (let round = 0; round < 50; round++) {
      p.a.restart();
      p.a.do(upsert(single(B), wish));
      p.sim.run(1);
      expect(
        p.sim.until(() => bothUp(p), 150 * MS + 3 * SECOND),
        `round ${round}`,
      ).not.toBe(null);
      p.sim.run(Math.floor(p.sim.random.next() * SECOND));
    }
  });

  test("C-220 the other end of a removed session hears AdminDown, and goes on asking", () => {
    const p = upPair(23);
    p.a.do({ type: "remove", user: "peer-a", address: single(B) });
    p.sim.run(10 * SECOND);
    expect(p.b.changes()).toMatchObject([{ from: "Up", to: "Down", reason: "peerAdminDown", remoteDiag: 7 }]);
    expect(p.a.engine.sessionCount).toBe(0);
    p.a.do(upsert(single(B)));
    expect(p.sim.until(() => bothUp(p), 5 * SECOND)).not.toBe(null);
  });
});

const action = fc.oneof(
  fc.record({ do: fc.constant("run" as const), ms: fc.integer({ min: 0, max: 3_000 }) }),
  fc.record({ do: fc.constant("pause" as const), ms: fc.integer({ min: 0, max: 3_000 }), isA: fc.boolean() }),
  fc.record({ do: fc.constant("loss" as const), loss: fc.constantFrom(0, 0.2, 1) }),
  fc.record({ do: fc.constant("restart" as const), isA: fc.boolean() }),
  fc.record({ do: fc.constant("remove" as const), isA: fc.boolean() }),
  fc.record({
    do: fc.constant("upsert" as const),
    isA: fc.boolean(),
    ms: fc.constantFrom(10, 50, 300, 2_000),
    isAdminDown: fc.boolean(),
    echoMode: fc.boolean(),
    passiveMode: fc.boolean(),
  }),
);

test("C-209 any history keeps the invariants, and ends Up once both ends want it and the wire is whole", () => {
  const legal = new Set<string>(["Down>Init", "Down>Up", "Init>Up", "Init>Down", "Up>Down", "AdminDown>Down"]);
  for (const s of ["Down", "Init", "Up"] satisfies BfdState[]) legal.add(`${s}>AdminDown`);
  fc.assert(
    fc.property(fc.integer(), fc.array(action, { maxLength: 25 }), (seed, actions) => {
      const { sim, a, b } = pair(seed, {}, {}, { latency: MS, jitter: 20 * MS, duplicates: 0.05 });
      for (const step of actions) {
        const [host, peer] = "isA" in step && step.isA ? [a, B] : [b, A];
        if (step.do === "run") sim.run(step.ms * MS);
        else if (step.do === "pause") host.pausedUntil = sim.now + step.ms * MS;
        else if (step.do === "loss") sim.wire = { ...sim.wire, loss: step.loss };
        else if (step.do === "restart") host.restart();
        else if (step.do === "remove") host.do({ type: "remove", user: "peer-a", address: single(peer) });
        else {
          const { isAdminDown, ms, echoMode, passiveMode } = step;
          host.do(upsert(single(peer), { profile: every(ms, { echoMode, passiveMode }), isAdminDown }));
        }
        for (const h of [a, b]) {
          if (h.pausedUntil <= sim.now) expect(h.engine.nextDeadline()).toBeGreaterThan(sim.now - 1);
          for (const s of h.engine.status()) {
            const { state, remoteDiscr, detectionTime, localDiag, counters } = s;
            if (state === "Up" || state === "Init") expect(detectionTime).not.toBe(null);
            expect(remoteDiscr === 0).toBe(detectionTime === null);
            if (state === "Up") expect(localDiag).toBe(0);
            expect(counters.upEvents - counters.downEvents).toBe(state === "Up" ? 1 : 0);
          }
        }
      }
      for (const h of [a, b]) {
        for (const c of h.changes()) expect(legal).toContain(`${c.from}>${c.to}`);
        for (const s of h.sent) expect(s.packet.poll && s.packet.final).toBe(false);
        h.pausedUntil = 0;
      }
      sim.wire = { latency: MS };
      a.do(upsert(single(B)));
      b.do(upsert(single(A)));
      sim.run(20 * SECOND);
      expect([a.state, b.state]).toEqual(["Up", "Up"]);
    }),
    { numRuns: 150 },
  );
});
