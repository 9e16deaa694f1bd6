// The state machine of one connection: every state times every event, its timers from both sides, and what no sequence of
// events may break.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type FsmAction,
  type FsmContext,
  type FsmEvent,
  type FsmState,
  type FsmStateName,
  fsmDeadline,
  fsmTimerEvent,
  IDLE,
  step,
} from "../../../src/bgp/session/fsm.ts";
import { NO_RESTART } from "../../../src/bgp/session/negotiate.ts";
import { Millis, Seconds } from "../../../src/kernel/units.ts";
import { actionText, agreed, CONFIG, configWith, EVENTS, type EventName, openWith, statesAt0 } from "./fixtures.ts";

const context = (random = 0.5, config = CONFIG): FsmContext => ({
  config,
  random: () => random,
  restart: NO_RESTART,
});

/** Next state, actions in order, and the requirement. */
type Cell = readonly [next: FsmStateName, actions: string, requirement: string];

const IGNORED_IDLE: Cell = ["Idle", "", "C-065"];
const FSM_1 = (data: string, c = "C-071"): Cell => [
  "Idle",
  `sendNotification 5/1${data}, close, ended protocolError`,
  c,
];
const FSM_2 = (data: string, c = "C-075"): Cell => [
  "Idle",
  `sendNotification 5/2${data}, close, ended protocolError`,
  c,
];
const FSM_3 = (data: string, c = "C-079"): Cell => [
  "Idle",
  `sendNotification 5/3${data}, close, ended protocolError`,
  c,
];
const IMPOSSIBLE: Cell = ["Idle", "abort, ended protocolError", "C-066"];
const IMPOSSIBLE_ACTIVE: Cell = ["Idle", "abort, ended protocolError", "C-068"];

/** How every state with a connection ends, whatever it is. */
const ENDINGS = {
  stop: ["Idle", "sendNotification 6/2, close, ended stopped", "C-081"],
  headerError: ["Idle", "sendNotification 1/2:0001, close, ended protocolError", "C-083"],
  openError: ["Idle", "sendNotification 2/4, close, ended protocolError", "C-083"],
  updateError: ["Idle", "sendNotification 3/1, close, ended protocolError", "C-083"],
  collisionDump: ["Idle", "sendNotification 6/7, close, ended collision", "C-017"],
  notificationReceived: ["Idle", "close, ended notificationReceived", "C-080"],
} as const satisfies Partial<Record<EventName, Cell>>;

const MATRIX: Record<FsmStateName, Record<EventName, Cell>> = {
  Idle: {
    manualStart: ["Connect", "connect", "C-065"],
    "manualStart passive": ["Active", "", "C-065"],
    stop: IGNORED_IDLE,
    connectRetryTimerExpired: IGNORED_IDLE,
    holdTimerExpired: IGNORED_IDLE,
    keepaliveTimerExpired: IGNORED_IDLE,
    sendHoldTimerExpired: IGNORED_IDLE,
    tcpConnected: ["Idle", "abort", "C-065"],
    tcpAccepted: ["Idle", "abort", "C-065"],
    tcpFailed: IGNORED_IDLE,
    headerError: IGNORED_IDLE,
    openReceived: IGNORED_IDLE,
    "openReceived unacceptable": IGNORED_IDLE,
    openError: IGNORED_IDLE,
    collisionDump: IGNORED_IDLE,
    notificationReceived: ["Idle", "", "C-080"],
    keepaliveReceived: IGNORED_IDLE,
    updateReceived: IGNORED_IDLE,
    updateError: IGNORED_IDLE,
    routeRefreshReceived: IGNORED_IDLE,
    bytesSent: IGNORED_IDLE,
  },
  Connect: {
    manualStart: ["Connect", "", "C-066"],
    "manualStart passive": ["Connect", "", "C-066"],
    stop: ["Idle", "abort, ended stopped", "C-081"],
    connectRetryTimerExpired: ["Connect", "abort, ended connectTimeout, connect", "C-067"],
    holdTimerExpired: ["Connect", "", "C-066"],
    keepaliveTimerExpired: ["Connect", "", "C-066"],
    sendHoldTimerExpired: ["Connect", "", "C-066"],
    tcpConnected: ["OpenSent", "sendOpen", "C-066"],
    tcpAccepted: IMPOSSIBLE,
    tcpFailed: ["Idle", "ended tcpFailed", "C-066"],
    headerError: IMPOSSIBLE,
    openReceived: IMPOSSIBLE,
    "openReceived unacceptable": IMPOSSIBLE,
    openError: IMPOSSIBLE,
    collisionDump: ["Idle", "abort, ended collision", "C-017"],
    notificationReceived: ["Idle", "abort, ended protocolError", "C-080"],
    keepaliveReceived: IMPOSSIBLE,
    updateReceived: IMPOSSIBLE,
    updateError: IMPOSSIBLE,
    routeRefreshReceived: IMPOSSIBLE,
    bytesSent: ["Connect", "", "C-066"],
  },
  Active: {
    manualStart: ["Active", "", "C-068"],
    "manualStart passive": ["Active", "", "C-068"],
    stop: ["Idle", "ended stopped", "C-081"],
    connectRetryTimerExpired: ["Connect", "connect", "C-068"],
    holdTimerExpired: ["Active", "", "C-068"],
    keepaliveTimerExpired: ["Active", "", "C-068"],
    sendHoldTimerExpired: ["Active", "", "C-068"],
    tcpConnected: ["OpenSent", "sendOpen", "C-068"],
    tcpAccepted: ["OpenSent", "sendOpen", "C-068"],
    tcpFailed: ["Active", "", "C-068"],
    headerError: IMPOSSIBLE_ACTIVE,
    openReceived: IMPOSSIBLE_ACTIVE,
    "openReceived unacceptable": IMPOSSIBLE_ACTIVE,
    openError: IMPOSSIBLE_ACTIVE,
    collisionDump: ["Active", "", "C-068"],
    notificationReceived: ["Idle", "abort, ended protocolError", "C-080"],
    keepaliveReceived: IMPOSSIBLE_ACTIVE,
    updateReceived: IMPOSSIBLE_ACTIVE,
    updateError: IMPOSSIBLE_ACTIVE,
    routeRefreshReceived: IMPOSSIBLE_ACTIVE,
    bytesSent: ["Active", "", "C-068"],
  },
  OpenSent: {
    ...ENDINGS,
    manualStart: ["OpenSent", "", "C-070"],
    "manualStart passive": ["OpenSent", "", "C-070"],
    connectRetryTimerExpired: ["OpenSent", "", "C-070"],
    holdTimerExpired: ["Idle", "sendNotification 4/0, close, ended holdTimerExpired", "C-073"],
    keepaliveTimerExpired: ["OpenSent", "", "C-070"],
    sendHoldTimerExpired: ["OpenSent", "", "C-070"],
    tcpConnected: FSM_1("", "C-083"),
    tcpAccepted: FSM_1("", "C-083"),
    tcpFailed: ["Idle", "abort, ended tcpFailed", "C-072"],
    openReceived: ["OpenConfirm", "sendKeepalive", "C-070"],
    "openReceived unacceptable": ["Idle", "sendNotification 2/6, close, ended protocolError", "C-047"],
    keepaliveReceived: FSM_1(":04"),
    updateReceived: FSM_1(":02"),
    routeRefreshReceived: FSM_1(":05"),
    bytesSent: ["OpenSent", "", "C-095"],
  },
  OpenConfirm: {
    ...ENDINGS,
    manualStart: ["OpenConfirm", "", "C-074"],
    "manualStart passive": ["OpenConfirm", "", "C-074"],
    connectRetryTimerExpired: ["OpenConfirm", "", "C-074"],
    holdTimerExpired: ["Idle", "sendNotification 4/0, close, ended holdTimerExpired", "C-074"],
    keepaliveTimerExpired: ["OpenConfirm", "sendKeepalive", "C-074"],
    sendHoldTimerExpired: ["OpenConfirm", "", "C-094"],
    tcpConnected: FSM_2("", "C-083"),
    tcpAccepted: FSM_2("", "C-083"),
    tcpFailed: ["Idle", "abort, ended tcpFailed", "C-006"],
    openReceived: FSM_2(":01"),
    "openReceived unacceptable": FSM_2(":01"),
    keepaliveReceived: ["Established", "established", "C-074"],
    updateReceived: FSM_2(":02", "C-076"),
    routeRefreshReceived: FSM_2(":05"),
    bytesSent: ["OpenConfirm", "", "C-095"],
  },
  Established: {
    ...ENDINGS,
    manualStart: ["Established", "", "C-078"],
    "manualStart passive": ["Established", "", "C-078"],
    connectRetryTimerExpired: ["Established", "", "C-078"],
    holdTimerExpired: ["Idle", "sendNotification 4/0, close, ended holdTimerExpired", "C-078"],
    keepaliveTimerExpired: ["Established", "sendKeepalive", "C-092"],
    sendHoldTimerExpired: ["Idle", "abort, ended sendHoldTimerExpired", "C-094"],
    tcpConnected: FSM_3("", "C-083"),
    tcpAccepted: FSM_3("", "C-083"),
    tcpFailed: ["Idle", "abort, ended tcpFailed", "C-006"],
    openReceived: FSM_3(":01"),
    "openReceived unacceptable": FSM_3(":01"),
    keepaliveReceived: ["Established", "", "C-078"],
    updateReceived: ["Established", "update", "C-078"],
    routeRefreshReceived: ["Established", "routeRefresh", "C-078"],
    bytesSent: ["Established", "", "C-095"],
  },
};

const cells = Object.entries(MATRIX).flatMap(([state, row]) =>
  Object.entries(row).map(([event, [next, actions, c]]) => ({ state, event, next, actions, c })),
);

describe("the matrix of states and events", () => {
  it("has a cell for every state and every event", () => {
    expect(cells).toHaveLength(Object.keys(statesAt0()).length * Object.keys(EVENTS).length);
  });

  it.each(cells)("$c $state, $event: $next [$actions]", ({ state, event, next, actions }) => {
    const result = step(statesAt0()[state as FsmStateName], EVENTS[event as EventName], Millis(1_000), context());
    expect({ next: result.state.name, actions: result.actions.map(actionText).join(", ") }).toEqual({ next, actions });
  });

  it("C-080 an end by the peer carries its NOTIFICATION, an end by us ours", () => {
    const received = step(statesAt0().Established, EVENTS.notificationReceived, Millis(0), context()).actions.at(-1);
    expect(received).toMatchObject({ cause: { sent: null, received: { errorCode: 6, errorSubcode: 2 } } });
    const sent = step(statesAt0().Established, EVENTS.updateError, Millis(0), context()).actions.at(-1);
    expect(sent).toMatchObject({ cause: { sent: { errorCode: 3, errorSubcode: 1 }, received: null } });
  });

  it("C-094 error 8 is on record although it is not sent", () => {
    const last = step(statesAt0().Established, EVENTS.sendHoldTimerExpired, Millis(0), context()).actions.at(-1);
    expect(last).toMatchObject({ type: "ended", cause: { sent: { errorCode: 8, errorSubcode: 0 } } });
  });
});

/** The timer is silent one millisecond before `deadline` and speaks at it. */
function expectTimer(state: FsmState, deadline: number, event: FsmEvent["type"]): void {
  expect(fsmDeadline(state)).toBe(deadline);
  expect(fsmTimerEvent(state, Millis(deadline - 1))).toBeNull();
  expect(fsmTimerEvent(state, Millis(deadline))).toEqual({ type: event });
}

const T = 5_000;
const stateAfter = (state: FsmState, event: FsmEvent, random = 0.5, config = CONFIG): FsmState =>
  step(state, event, Millis(T), context(random, config)).state;

describe("timers", () => {
  it.each([
    [0, 7_500],
    [0.5, 8_750],
    [1 - Number.EPSILON, 10_000],
  ])("C-067 the connect retry timer carries the jitter of random %d", (random, wait) => {
    const state = stateAfter(IDLE, EVENTS.manualStart, random);
    const deadline = fsmDeadline(state) ?? Number.NaN;
    expect(deadline).toBeCloseTo(T + wait, 6);
    expect(fsmTimerEvent(state, Millis(deadline - 1))).toBeNull();
    expect(fsmTimerEvent(state, Millis(deadline))).toEqual({ type: "connectRetryTimerExpired" });
  });

  it("C-073 an OPEN is awaited for four minutes, on a connection of either side", () => {
    expectTimer(stateAfter(statesAt0().Connect, EVENTS.tcpConnected), T + 240_000, "holdTimerExpired");
    expectTimer(stateAfter(statesAt0().Active, EVENTS.tcpAccepted), T + 240_000, "holdTimerExpired");
  });

  it.each([
    // ours, theirs, in force, keepalive at most
    [90, 90, 90, 30],
    [90, 9, 9, 3],
    [9, 90, 9, 3],
    [3, 65_535, 3, 1],
    [65_535, 65_535, 65_535, 21_845],
  ])("C-090 hold %d against %d is %d, kept alive every %d s with jitter", (ours, theirs, inForce, interval) => {
    const config = configWith({ holdTime: Seconds(ours), keepaliveTime: Seconds(0) });
    const event: FsmEvent = { type: "openReceived", open: openWith({ holdTime: Seconds(theirs) }) };
    for (const random of [0, 1]) {
      const state = stateAfter(statesAt0().OpenSent, event, random, config);
      expect(state).toMatchObject({
        holdDeadline: T + 1000 * inForce,
        keepaliveDeadline: T + 1000 * interval * (random === 0 ? 0.75 : 1),
      });
      expectTimer(state, T + 1000 * interval * (random === 0 ? 0.75 : 1), "keepaliveTimerExpired");
    }
  });

  it.each(["keepaliveReceived", "updateReceived", "routeRefreshReceived"] as const)(
    "C-078 %s restarts the hold timer, silence for the hold time ends the session (Q-18)",
    (name) => {
      const state = stateAfter({ ...statesAt0().Established, keepaliveDeadline: null } as FsmState, EVENTS[name]);
      expectTimer(state, T + 90_000, "holdTimerExpired");
    },
  );

  it("C-074 the KEEPALIVE that establishes restarts the hold timer and leaves the keepalive timer", () => {
    expect(stateAfter(statesAt0().OpenConfirm, EVENTS.keepaliveReceived)).toMatchObject({
      holdDeadline: T + 90_000,
      keepaliveDeadline: 30_000,
      sendHoldDeadline: T + 180_000,
    });
  });

  it("C-092 the keepalive timer starts again whenever it fires", () => {
    for (const name of ["OpenConfirm", "Established"] as const) {
      const fired = stateAfter(statesAt0()[name], EVENTS.keepaliveTimerExpired, 0);
      expectTimer(fired, T + 22_500, "keepaliveTimerExpired");
    }
  });

  it("C-094 stuck data ends the session after twice the hold time, whatever the peer says meanwhile", () => {
    let state = stateAfter(statesAt0().OpenConfirm, EVENTS.keepaliveReceived);
    for (let now = T; now < T + 180_000; now += 30_000) {
      expect(fsmTimerEvent({ ...state, keepaliveDeadline: null } as FsmState, Millis(now))).toBeNull();
      state = step(state, EVENTS.keepaliveReceived, Millis(now), context()).state;
    }
    const stuck = { ...state, keepaliveDeadline: null } as FsmState;
    expectTimer(stuck, T + 180_000, "sendHoldTimerExpired");
  });

  it("C-095 data that moves restarts the send hold timer and no other", () => {
    const before = statesAt0().Established;
    expect(stateAfter(before, EVENTS.bytesSent)).toEqual({ ...before, sendHoldDeadline: T + 180_000 });
  });

  it.each([
    ["C-094 a send hold time of its own counts, shorter", 20, 90, 20_000],
    ["C-094 a send hold time of its own counts, longer", 600, 90, 600_000],
    ["C-095 with hold time 0 there is none, whatever is configured", 20, 0, null],
  ])("%s", (_name, sendHold, hold, wait) => {
    const config = configWith({ sendHoldTime: Seconds(sendHold), holdTime: Seconds(hold) });
    let state = stateAfter(statesAt0().OpenSent, EVENTS.openReceived, 0.5, config);
    state = stateAfter(state, EVENTS.keepaliveReceived, 0.5, config);
    const expected = { sendHoldDeadline: wait === null ? null : T + wait };
    expect(state).toMatchObject(expected);
    expect(stateAfter(state, EVENTS.bytesSent, 0.5, config)).toMatchObject(expected);
  });

  it("C-091 with hold time 0 an established session has no deadline, and no event gives it one", () => {
    const config = configWith({ holdTime: Seconds(0) });
    let state = stateAfter(statesAt0().OpenSent, EVENTS.openReceived, 0.5, config);
    state = stateAfter(state, EVENTS.keepaliveReceived, 0.5, config);
    for (const name of ["keepaliveReceived", "updateReceived", "routeRefreshReceived", "bytesSent"] as const) {
      state = stateAfter(state, EVENTS[name], 0.5, config);
      expect(state.name).toBe("Established");
      expect(fsmDeadline(state)).toBeNull();
      expect(fsmTimerEvent(state, Millis(10 * 3_600_000))).toBeNull();
    }
  });

  it("C-020 with hold time 0 a peer that never confirms its OPEN is still given up after four minutes", () => {
    const config = configWith({ holdTime: Seconds(0) });
    const state = stateAfter(statesAt0().OpenSent, EVENTS.openReceived, 0.5, config);
    expectTimer(state, T + 240_000, "holdTimerExpired");
  });

  it("a hold timer is judged before a keepalive timer that is due at the same time", () => {
    const state = { ...statesAt0(agreed()).Established, keepaliveDeadline: Millis(90_000) } as FsmState;
    expect(fsmTimerEvent(state, Millis(90_000))).toEqual({ type: "holdTimerExpired" });
  });
});

const OWNED: Record<FsmStateName, readonly string[]> = {
  Idle: ["name"],
  Connect: ["connectRetryDeadline", "name"],
  Active: ["name"],
  OpenSent: ["holdDeadline", "name"],
  OpenConfirm: ["holdDeadline", "keepaliveDeadline", "name", "negotiated", "peerOpen"],
  Established: ["holdDeadline", "keepaliveDeadline", "name", "negotiated", "peerOpen", "sendHoldDeadline"],
};

const HAS_CONNECTION: ReadonlySet<FsmStateName> = new Set(["Connect", "OpenSent", "OpenConfirm", "Established"]);

/** What holds for every step: the requirement of C-087, as the caller relies on it. */
function checkStep(from: FsmState, actions: readonly FsmAction[], to: FsmState): void {
  expect(Object.keys(to).sort()).toEqual(OWNED[to.name]);
  const deadline = fsmDeadline(to);
  if (deadline !== null) expect(Number.isFinite(deadline)).toBe(true);
  if (to.name === "Established" && to.negotiated.holdTime === 0) expect(deadline).toBeNull();
  const types = actions.map((a) => a.type);
  const entered = (name: FsmStateName): boolean => to.name === name && from.name !== name;
  const isRetry = from.name === "Connect" && types.includes("connect");
  const isEnd = isRetry || (from.name !== "Idle" && to.name === "Idle");
  expect(types.filter((t) => t === "ended").length).toBe(isEnd ? 1 : 0);
  if (isEnd) expect(types.at(-1)).toBe(isRetry ? "connect" : "ended");
  expect(types.includes("sendOpen")).toBe(entered("OpenSent"));
  expect(types.includes("established")).toBe(entered("Established"));
  // a connection that is lost has been let go of, unless TCP itself reported the loss
  if (entered("Idle") && HAS_CONNECTION.has(from.name) && from.name !== "Connect") {
    expect(types.filter((t) => t === "close" || t === "abort")).toHaveLength(1);
  }
  expect(types.includes("sendNotification")).toBe(types.includes("close") && !isAnswerToNotification(actions));
  if (isRetry) expect(types).toEqual(["abort", "ended", "connect"]);
}

const isAnswerToNotification = (actions: readonly FsmAction[]): boolean =>
  actions.some((a) => a.type === "ended" && a.cause.kind === "notificationReceived");

describe("any sequence of events", () => {
  const eventName = fc.constantFrom(...(Object.keys(EVENTS) as EventName[]));
  // biased to the way up, so that the late states are reached often
  const wayUp = fc.constantFrom<EventName>("manualStart", "tcpConnected", "openReceived", "keepaliveReceived");
  const move = fc.oneof(
    { weight: 3, arbitrary: wayUp },
    { weight: 2, arbitrary: eventName },
    { weight: 1, arbitrary: fc.nat(300_000) },
  );

  it("C-087 keeps deadlines in the states that own them, ends once, and opens once per connection", () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 60 }), fc.constantFrom(0, 3, 90), (moves, holdTime) => {
        const config = configWith({ holdTime: Seconds(holdTime) });
        let state: FsmState = IDLE;
        let now = 0;
        for (const m of moves) {
          if (typeof m === "number") now += m;
          const event = typeof m === "number" ? fsmTimerEvent(state, Millis(now)) : EVENTS[m];
          if (event === null) continue;
          const result = step(state, event, Millis(now), context(0.3, config));
          checkStep(state, result.actions, result.state);
          state = result.state;
        }
      }),
      { numRuns: 200 },
    );
  });

  it("C-087 reaches Established from Idle and back with the wire in order", () => {
    const seen: string[] = [];
    let state: FsmState = IDLE;
    for (const name of ["manualStart", "tcpConnected", "openReceived", "keepaliveReceived", "stop"] as const) {
      const result = step(state, EVENTS[name], Millis(0), context());
      state = result.state;
      seen.push(...result.actions.map((a) => a.type));
    }
    expect(seen).toEqual(["connect", "sendOpen", "sendKeepalive", "established", "sendNotification", "close", "ended"]);
  });
});
