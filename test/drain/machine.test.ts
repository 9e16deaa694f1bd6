import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ACK_LIMIT,
  type DrainCause,
  type DrainEvent,
  type DrainState,
  deadlineOf,
  isDrainProven,
  isWatching,
  NORMAL,
  STOP_ACK_LIMIT,
  step,
} from "../../src/drain/machine.ts";
import type { PeerFact } from "../../src/drain/proof.ts";
import { Millis, PeerName } from "../../src/kernel/units.ts";

const TOR = PeerName("tor");
const DELAY = 5_000;
const at = (ms: number): Millis => Millis(ms);
const wish = (cause: DrainCause = "command", delay = DELAY, isAnnouncing = true, isDelayAsked = false): DrainEvent => ({
  type: "wish",
  wish: { cause, delay: Millis(delay), isDelayAsked, isAnnouncing },
});
const asked = (delay: number, cause: DrainCause = "command"): DrainEvent => wish(cause, delay, true, true);
const undo = (...causes: DrainCause[]): DrainEvent => ({ type: "undo", causes });
const fact = (over: Partial<PeerFact> = {}): PeerFact => ({
  peer: TOR,
  session: "up",
  pending: 0,
  unacknowledged: 0,
  ...over,
});
const peers = (facts: readonly PeerFact[], isDecided = true): DrainEvent => ({ type: "peers", facts, isDecided });
const timer = (...facts: readonly PeerFact[]): DrainEvent => ({ type: "timer", facts });
const ACKED = peers([fact()]);
const SLOW = peers([fact({ unacknowledged: 7 })]);

/** A history: events with their moments. @returns the end, and all actions in short */
function run(...events: readonly (readonly [ms: number, event: DrainEvent])[]) {
  let state: DrainState = NORMAL;
  const actions: string[] = [];
  for (const [ms, event] of events) {
    const result = step(state, event, at(ms));
    state = result.state;
    actions.push(...result.actions.map((a) => (a.type === "setLevel" ? a.level : a.type)));
  }
  return { state, actions };
}

type Name = DrainState["name"];
/** The shortest way into each state; the last event is at 100. */
const WAYS: Readonly<Record<Name, readonly (readonly [number, DrainEvent])[]>> = {
  normal: [],
  marking: [[100, wish()]],
  waiting: [
    [90, wish()],
    [100, ACKED],
  ],
  withdrawing: [[100, wish("command", 0)]],
  drained: [
    [90, wish("command", 0)],
    [100, ACKED],
  ],
  leaving: [
    [90, wish("stop", 0)],
    [100, ACKED],
  ],
};

describe("every state and every event", () => {
  const LATE = 1_000_000;
  const rows: readonly [from: Name, what: string, ms: number, event: DrainEvent, to: Name, actions: string[]][] = [
    ["normal", "a wish", 110, wish(), "marking", ["marked"]],
    ["normal", "a wish without a delay", 110, wish("cordon", 0), "withdrawing", ["withdrawn"]],
    ["normal", "a wish before anything was announced", 110, wish("taint", DELAY, false), "drained", ["withdrawn"]],
    ["normal", "a stop", 110, wish("stop"), "marking", ["marked"]],
    ["normal", "a stop without a delay", 110, wish("stop", 0), "withdrawing", ["withdrawn"]],
    ["normal", "a stop before anything was announced", 110, wish("stop", 0, false), "leaving", ["withdrawn", "leave"]],
    ["normal", "an undo", 110, undo("command"), "normal", []],
    ["normal", "a look", 110, ACKED, "normal", []],
    ["normal", "a stray timer", LATE, timer(), "normal", []],
    ["marking", "another wish", 110, wish("cordon"), "marking", []],
    ["marking", "a stop", 110, wish("stop"), "marking", []],
    ["marking", "a wish for no delay at all", 110, asked(0), "withdrawing", ["withdrawn"]],
    ["marking", "a configured delay that is none", 110, wish("cordon", 0), "marking", []],
    ["marking", "a stop without a delay", 110, wish("stop", 0), "withdrawing", ["withdrawn"]],
    ["marking", "an undo", 110, undo("command"), "normal", ["none"]],
    ["marking", "the undo of another cause", 110, undo("cordon"), "marking", []],
    ["marking", "an acknowledgement", 110, ACKED, "waiting", []],
    ["marking", "a look before all is decided", 110, peers([fact()], false), "marking", []],
    ["marking", "octets without acknowledgement", 110, SLOW, "marking", []],
    ["marking", "prefixes that wait", 110, peers([fact({ pending: 3 })]), "marking", []],
    ["marking", "no peers", 110, peers([]), "waiting", []],
    ["marking", "a timer that is early", 100 + ACK_LIMIT - 1, timer(), "marking", []],
    ["marking", "its limit", 100 + ACK_LIMIT, timer(fact()), "waiting", []],
    ["waiting", "a stop", 110, wish("stop"), "waiting", []],
    ["waiting", "a wish for no delay at all", 110, asked(0), "withdrawing", ["withdrawn"]],
    ["waiting", "a wish for a shorter delay", 110, asked(50), "waiting", []],
    ["waiting", "an undo", 110, undo("command"), "normal", ["none"]],
    ["waiting", "a look", 110, ACKED, "waiting", []],
    ["waiting", "a timer that is early", 100 + DELAY - 1, timer(), "waiting", []],
    ["waiting", "the delay", 100 + DELAY, timer(), "withdrawing", ["withdrawn"]],
    ["withdrawing", "another wish", 110, wish("taint"), "withdrawing", []],
    ["withdrawing", "a wish for no delay at all", 110, asked(0), "withdrawing", []],
    ["withdrawing", "a stop", 110, wish("stop"), "withdrawing", []],
    ["withdrawing", "an undo", 110, undo("command"), "normal", ["none"]],
    ["withdrawing", "an acknowledgement", 110, ACKED, "drained", []],
    ["withdrawing", "octets without acknowledgement", 110, SLOW, "withdrawing", []],
    ["withdrawing", "a timer that is early", 100 + ACK_LIMIT - 1, timer(), "withdrawing", []],
    ["withdrawing", "its limit", 100 + ACK_LIMIT, timer(fact({ unacknowledged: 7 })), "drained", []],
    ["drained", "another wish", 110, wish("cordon"), "drained", []],
    ["drained", "a wish for no delay at all", 110, asked(0), "drained", []],
    ["drained", "a stop", 110, wish("stop"), "leaving", ["leave"]],
    ["drained", "an undo", 110, undo("command"), "normal", ["none"]],
    ["drained", "a look", 110, SLOW, "drained", []],
    ["drained", "a stray timer", LATE, timer(), "drained", []],
    ["leaving", "a wish", 110, wish(), "leaving", []],
    ["leaving", "a wish for no delay at all", 110, asked(0), "leaving", []],
    ["leaving", "an undo", 110, undo("command", "stop"), "leaving", []],
    ["leaving", "a look", 110, SLOW, "leaving", []],
    ["leaving", "a stray timer", LATE, timer(), "leaving", []],
  ];

  test.each(rows)("%s: %s", (from, _what, ms, event, to, actions) => {
    const before = run(...WAYS[from]);
    expect(before.state.name).toBe(from);
    const after = run(...WAYS[from], [ms, event]);
    expect(after.state.name).toBe(to);
    expect(after.actions.slice(before.actions.length)).toEqual(actions);
  });

  test("no pair is missing", () => {
    const pairs = new Set(rows.map(([from, , , event]) => `${from} ${event.type}`));
    expect(pairs.size).toBe(6 * 4);
  });
});

describe("time", () => {
  test("each step waits for its limit and no longer, whatever the peer does", () => {
    const stuck = peers([fact({ unacknowledged: 7 })]);
    const late = timer(fact({ unacknowledged: 7 }));
    const { state } = run([0, wish()], [5, stuck], [ACK_LIMIT, late], [ACK_LIMIT + DELAY, late], [16_000, stuck]);
    expect([state.name, deadlineOf(state)]).toEqual(["withdrawing", 2 * ACK_LIMIT + DELAY]);
  });
  test("who stops waits less for acknowledgements than who drains, and no longer than its own delay for routers", () => {
    expect(deadlineOf(run([0, wish("stop")]).state)).toBe(STOP_ACK_LIMIT);
    expect(deadlineOf(run([0, wish("command", 0)], [50, wish("stop", 0)]).state)).toBe(50 + STOP_ACK_LIMIT);
    expect(deadlineOf(run([0, wish("command", 0)], [9_500, wish("stop", 0)]).state)).toBe(ACK_LIMIT);
    expect(deadlineOf(run([0, wish("command", 60_000)], [1, ACKED], [10, wish("stop", 2_000)]).state)).toBe(2_010);
    expect(deadlineOf(run([0, wish("command", 500)], [1, ACKED], [10, wish("stop", 2_000)]).state)).toBe(501);
    // also where the stop comes before the routers have the marked routes
    const early = run([0, wish("command", 60_000)], [1, wish("stop", 2_000)], [10, ACKED]).state;
    expect([early.name, deadlineOf(early)]).toEqual(["waiting", 2_010]);
  });
});

describe("a delay that is asked for while a drain is under way", () => {
  const MINUTE = [
    [0, asked(60_000)],
    [100, ACKED],
  ] as const;
  test.each([
    ["shorter, it counts from now", asked(2_000), 1_100 + 2_000],
    ["shorter, and of another cause", asked(2_000, "cordon"), 1_100 + 2_000],
    ["longer than what is left, it changes nothing", asked(59_500), 100 + 60_000],
    ["longer, it changes nothing", asked(90_000), 100 + 60_000],
    ["not asked for but configured, it changes nothing", wish("cordon", 1_000), 100 + 60_000],
    ["not asked for when the command is repeated, it changes nothing", wish("command", 1_000), 100 + 60_000],
  ])("%s", (_what, event, deadline) => {
    expect(deadlineOf(run(...MINUTE, [1_100, event]).state)).toBe(deadline);
  });
  test("before the routers have the marked routes it counts from when they have them", () => {
    const { state } = run([0, asked(60_000)], [50, asked(2_000)], [100, ACKED]);
    expect([state.name, deadlineOf(state)]).toEqual(["waiting", 2_100]);
  });
});

describe("causes", () => {
  test("as long as one is left the node stays drained", () => {
    const both = run([0, wish("command", 0)], [1, wish("cordon")], [2, ACKED], [3, undo("command")]);
    expect(both.state).toMatchObject({ name: "drained", causes: ["cordon"] });
    expect(step(both.state, undo("cordon"), at(4)).state).toBe(NORMAL);
  });
  test("a stop that is taken back leaves a node drained that was so before", () => {
    const { state } = run([0, wish("cordon", 0)], [1, wish("stop", 0)], [2, undo("command", "stop")], [3, ACKED]);
    expect(state).toMatchObject({ name: "drained", causes: ["cordon"] });
  });
  test("a wish that comes again changes nothing", () => {
    const { state } = run([0, wish("command", 0)]);
    expect(step(state, wish("command", 9), at(1)).state).toBe(state);
  });
});

describe("what is proven", () => {
  const outcome = (...facts: readonly Partial<PeerFact>[]) => {
    const looks = facts.map((f, i): [number, DrainEvent] => [i + 1, peers([fact(f)])]);
    const { state } = run([0, wish("command", 0)], ...looks, [ACK_LIMIT, timer(fact(facts.at(-1)))]);
    const proof = state.name === "normal" ? undefined : state.proofs[0];
    return { withdrawn: proof?.withdrawn, isProven: isDrainProven(state), state };
  };
  test.each([
    ["acknowledged", "acknowledged at once", [{}], true],
    [
      "acknowledged",
      "acknowledged after a while",
      [{ pending: 9, unacknowledged: 0 }, { unacknowledged: 80 }, {}],
      true,
    ],
    ["noSession", "no session from the beginning", [{ session: "none" as const }], true],
    ["retained", "no session, but the router may keep the routes", [{ session: "retained" as const }], false],
    ["sessionLost", "a session that ends meanwhile", [{ unacknowledged: 4 }, { session: "none" as const }], false],
    ["written", "a system that cannot be asked", [{ unacknowledged: null }], false],
    ["late", "a peer that does not read", [{ pending: 12, unacknowledged: 9_000 }], false],
  ] as const)("%s: %s", (name, _what, facts, isProven) => {
    const seen = outcome(...facts);
    expect(seen.withdrawn?.name).toBe(name);
    expect(seen.isProven).toBe(isProven);
    expect(seen.state.name).toBe("drained");
  });
  test("who was late is watched, and may still acknowledge; a session that ends does not make it better", () => {
    const { state } = outcome({ pending: 12, unacknowledged: 9_000 });
    expect(isWatching(state)).toBe(true);
    expect(isDrainProven(step(state, peers([fact({ session: "none" })]), at(20_000)).state)).toBe(false);
    const after = step(state, ACKED, at(20_000)).state;
    expect([isDrainProven(after), isWatching(after)]).toEqual([true, false]);
  });
  test("a session that comes up before all is decided is waited for", () => {
    const { state } = run(
      [0, wish("command", 0)],
      [1, peers([fact({ session: "none" })], false)],
      [2, peers([fact({ unacknowledged: 5 })], false)],
      [3, SLOW],
    );
    expect(state.name).toBe("withdrawing");
  });
  test("a peer that is taken out of the configuration is not waited for", () => {
    expect(run([0, wish("command", 0)], [1, SLOW], [2, peers([])]).state.name).toBe("drained");
  });
  test("nothing is said of proof before the node is drained", () => {
    expect(isDrainProven(run([0, wish()], [1, ACKED]).state)).toBe(null);
    expect(isDrainProven(NORMAL)).toBe(null);
  });
});

test("any history: levels follow the states, a node with causes ends drained or gone, one without is as it was", () => {
  const cause = fc.constantFrom<DrainCause>("command", "cordon", "taint", "stop");
  const facts = fc.array(
    fc.record({
      peer: fc.constantFrom(TOR, PeerName("spine")),
      session: fc.constantFrom("up" as const, "none" as const, "retained" as const),
      pending: fc.nat(1),
      unacknowledged: fc.constantFrom(null, 0, 5),
    }),
    { maxLength: 2 },
  );
  const event: fc.Arbitrary<DrainEvent> = fc.oneof(
    fc
      .tuple(cause, fc.nat(3_000), fc.boolean(), fc.boolean())
      .map(([c, delay, announcing, isAsked]) => wish(c, delay, announcing, isAsked)),
    cause.map((c) => undo(c)),
    fc.tuple(facts, fc.boolean()).map(([f, isDecided]) => peers(f, isDecided)),
    facts.map((f) => timer(...f)),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(event, fc.nat(2_000)), { maxLength: 40 }), (history) => {
      let state: DrainState = NORMAL;
      let level = "none";
      let now = 0;
      const apply = (e: DrainEvent): void => {
        const result = step(state, e, at(now));
        state = result.state;
        for (const action of result.actions) if (action.type === "setLevel") level = action.level;
        const expected = { normal: "none", marking: "marked", waiting: "marked" } as Partial<Record<Name, string>>;
        expect(level).toBe(expected[state.name] ?? "withdrawn");
        if (state.name !== "normal") expect(state.causes.length).toBeGreaterThan(0);
      };
      for (const [e, elapsed] of history) {
        apply(e);
        now += elapsed;
      }
      // left alone, every drain comes to its end by its timers
      for (let i = 0; i < 4; i++) {
        const deadline = deadlineOf(state);
        if (deadline === null) break;
        now = Math.max(now, deadline);
        apply(timer());
      }
      expect(deadlineOf(state)).toBe(null);
    }),
  );
});
