// The state machine of one BGP connection, RFC 4271 section 8: step(state, event, now) -> next state + actions.
// Owns the six states and their timers. Does not know of the second connection to the same peer, of collisions, of
// back-off (peer.ts), of sockets or octets. Contract: the caller performs the actions in order, forgets the old state, and
// arms one timer for `fsmDeadline(state)`. Each state holds only what exists in it: Idle owns nothing, and a session with
// hold time 0 has no hold deadline. DelayOpen is not offered (optional in the RFC).
import { assertNever, type WireFault } from "../../kernel/result.ts";
import { later, Millis, Seconds, secondsToMillis } from "../../kernel/units.ts";
import type {
  Negotiated,
  NotificationMessage,
  OpenMessage,
  RouteRefreshMessage,
  UpdateMessage,
} from "../wire/message.ts";
import { cease, hardReset, notificationOf } from "../wire/notification.ts";
import { CEASE, ERROR, FSM_ERROR, MESSAGE_TYPE } from "../wire/registry.ts";
import { connectRetryTime, type PeerConfig } from "./config.ts";
import { type Agreement, buildOpen, keepaliveFor, negotiate, type RestartFlags } from "./negotiate.ts";

export interface SessionTimers {
  /** null with a negotiated hold time of 0 (RFC 4271 4.2). */
  readonly holdDeadline: Millis | null;
  readonly keepaliveDeadline: Millis | null;
}

export type FsmState =
  | { readonly name: "Idle" }
  | { readonly name: "Connect"; readonly connectRetryDeadline: Millis }
  | { readonly name: "Active" }
  | { readonly name: "OpenSent"; readonly holdDeadline: Millis }
  | ({ readonly name: "OpenConfirm"; readonly negotiated: Agreement; readonly peerOpen: OpenMessage } & SessionTimers)
  | ({
      readonly name: "Established";
      readonly negotiated: Agreement;
      readonly peerOpen: OpenMessage;
      /** Our data has not moved since then minus the send hold time; null with hold time 0 (RFC 9687). */
      readonly sendHoldDeadline: Millis | null;
    } & SessionTimers);

export type FsmStateName = FsmState["name"];

/** RFC 4271 8.1 events, RFC 9687 event 29, and `bytesSent` (our data moved), which restarts the send hold timer. */
export type FsmEvent =
  | { readonly type: "manualStart"; readonly passive: boolean }
  /** Ends with this Cease (RFC 4486, 9003), where a connection is far enough to carry it. */
  | { readonly type: "stop"; readonly notification: NotificationMessage; readonly detail: string }
  | { readonly type: "connectRetryTimerExpired" }
  | { readonly type: "holdTimerExpired" }
  | { readonly type: "keepaliveTimerExpired" }
  | { readonly type: "sendHoldTimerExpired" }
  | { readonly type: "tcpConnected" }
  | { readonly type: "tcpAccepted" }
  | { readonly type: "tcpFailed"; readonly detail: string }
  | { readonly type: "headerError"; readonly fault: WireFault }
  | { readonly type: "openReceived"; readonly open: OpenMessage }
  | { readonly type: "openError"; readonly fault: WireFault }
  | { readonly type: "collisionDump" }
  | { readonly type: "notificationReceived"; readonly notification: NotificationMessage }
  | { readonly type: "keepaliveReceived" }
  | { readonly type: "updateReceived"; readonly update: UpdateMessage }
  | { readonly type: "updateError"; readonly fault: WireFault }
  | { readonly type: "routeRefreshReceived"; readonly refresh: RouteRefreshMessage }
  | { readonly type: "bytesSent" };

/** Why a connection ended. `detail` is for people. */
export interface EndCause {
  readonly kind:
    | "stopped"
    | "tcpFailed"
    | "connectTimeout"
    | "protocolError"
    | "holdTimerExpired"
    | "sendHoldTimerExpired"
    | "notificationReceived"
    | "collision";
  readonly sent: NotificationMessage | null;
  readonly received: NotificationMessage | null;
  readonly detail: string;
}

export type FsmAction =
  | { readonly type: "connect" }
  | { readonly type: "sendOpen"; readonly open: OpenMessage }
  | { readonly type: "sendKeepalive" }
  | { readonly type: "sendNotification"; readonly notification: NotificationMessage }
  /** Give the pending control octets to the kernel, then FIN; drop all later events of this connection. */
  | { readonly type: "close" }
  /** No farewell: the attempt is abandoned or the connection is stuck. */
  | { readonly type: "abort" }
  | { readonly type: "established"; readonly negotiated: Negotiated }
  | { readonly type: "update"; readonly update: UpdateMessage }
  | { readonly type: "routeRefresh"; readonly refresh: RouteRefreshMessage }
  /** Once in every step that ends a connection or an attempt; only the `connect` of the next attempt may follow it. */
  | { readonly type: "ended"; readonly cause: EndCause };

export interface FsmStep {
  readonly state: FsmState;
  readonly actions: readonly FsmAction[];
}

export interface FsmContext {
  readonly config: PeerConfig;
  /** Uniform in [0, 1); jitter of the keepalive timer (RFC 4271 10). */
  readonly random: () => number;
  readonly restart: RestartFlags;
}

/** RFC 4271 8.2.2: a large hold time until the peer's OPEN has come, and until it is confirmed where none was agreed. */
export const OPEN_HOLD_TIME = Millis(240_000);

export const IDLE: FsmState = { name: "Idle" };

/** All times are monotonic milliseconds. */
export function step(state: FsmState, event: FsmEvent, now: Millis, context: FsmContext): FsmStep {
  switch (state.name) {
    case "Idle":
      return inIdle(state, event, now, context);
    case "Connect":
      return inConnect(state, event, now, context);
    case "Active":
      return inActive(state, event, now, context);
    case "OpenSent":
      return inOpenSent(state, event, now, context);
    case "OpenConfirm":
      return inOpenConfirm(state, event, now, context);
    case "Established":
      return inEstablished(state, event, now, context);
    default:
      return assertNever(state);
  }
}

/** The earliest moment at which `fsmTimerEvent` has something to say; null while no timer runs. */
export function fsmDeadline(state: FsmState): Millis | null {
  switch (state.name) {
    case "Idle":
    case "Active":
      return null;
    case "Connect":
      return state.connectRetryDeadline;
    case "OpenSent":
      return state.holdDeadline;
    case "OpenConfirm":
      return earliest(state.holdDeadline, state.keepaliveDeadline);
    case "Established":
      return earliest(state.sendHoldDeadline, earliest(state.holdDeadline, state.keepaliveDeadline));
    default:
      return assertNever(state);
  }
}

/** The timer event that is due; a dead peer is judged before we bother to keep it alive. */
export function fsmTimerEvent(state: FsmState, now: Millis): FsmEvent | null {
  const due = (deadline: Millis | null): boolean => deadline !== null && deadline <= now;
  switch (state.name) {
    case "Idle":
    case "Active":
      return null;
    case "Connect":
      return due(state.connectRetryDeadline) ? { type: "connectRetryTimerExpired" } : null;
    case "OpenSent":
      return due(state.holdDeadline) ? { type: "holdTimerExpired" } : null;
    case "OpenConfirm":
      if (due(state.holdDeadline)) return { type: "holdTimerExpired" };
      return due(state.keepaliveDeadline) ? { type: "keepaliveTimerExpired" } : null;
    case "Established":
      if (due(state.holdDeadline)) return { type: "holdTimerExpired" };
      if (due(state.sendHoldDeadline)) return { type: "sendHoldTimerExpired" };
      return due(state.keepaliveDeadline) ? { type: "keepaliveTimerExpired" } : null;
    default:
      return assertNever(state);
  }
}

function inIdle(state: FsmState, event: FsmEvent, now: Millis, context: FsmContext): FsmStep {
  switch (event.type) {
    case "manualStart":
      if (event.passive) return { state: { name: "Active" }, actions: [] };
      return { state: connecting(now, context), actions: [{ type: "connect" }] };
    case "tcpConnected":
    case "tcpAccepted":
      // held down: refused without a word (RFC 4271 8.2.2, Idle)
      return { state, actions: [{ type: "abort" }] };
    case "stop":
    case "connectRetryTimerExpired":
    case "holdTimerExpired":
    case "keepaliveTimerExpired":
    case "sendHoldTimerExpired":
    case "tcpFailed":
    case "headerError":
    case "openReceived":
    case "openError":
    case "collisionDump":
    case "notificationReceived":
    case "keepaliveReceived":
    case "updateReceived":
    case "updateError":
    case "routeRefreshReceived":
    case "bytesSent":
      return stay(state);
    default:
      return assertNever(event);
  }
}

function inConnect(state: FsmState, event: FsmEvent, now: Millis, context: FsmContext): FsmStep {
  switch (event.type) {
    case "tcpConnected":
      return toOpenSent(now, context);
    case "connectRetryTimerExpired":
      // C-007: the attempt is abandoned, and said to be, before the next one begins
      return {
        state: connecting(now, context),
        actions: [{ type: "abort" }, { type: "ended", cause: ended("connectTimeout", NO_ANSWER) }, { type: "connect" }],
      };
    case "tcpFailed":
      return toIdle([], ended("tcpFailed", event.detail));
    case "stop":
    case "collisionDump":
      return toIdle([{ type: "abort" }], ended(event.type === "stop" ? "stopped" : "collision", stopText(event)));
    case "manualStart":
    case "holdTimerExpired":
    case "keepaliveTimerExpired":
    case "sendHoldTimerExpired":
    case "bytesSent":
      return stay(state);
    case "tcpAccepted":
    case "headerError":
    case "openReceived":
    case "openError":
    case "notificationReceived":
    case "keepaliveReceived":
    case "updateReceived":
    case "updateError":
    case "routeRefreshReceived":
      // no connection exists that could have said this
      return toIdle([{ type: "abort" }], ended("protocolError", `${event.type} while connecting`));
    default:
      return assertNever(event);
  }
}

function inActive(state: FsmState, event: FsmEvent, now: Millis, context: FsmContext): FsmStep {
  switch (event.type) {
    case "tcpAccepted":
    case "tcpConnected":
      return toOpenSent(now, context);
    case "connectRetryTimerExpired":
      return { state: connecting(now, context), actions: [{ type: "connect" }] };
    case "stop":
      return toIdle([], ended("stopped", event.detail));
    case "manualStart":
    case "holdTimerExpired":
    case "keepaliveTimerExpired":
    case "sendHoldTimerExpired":
    case "tcpFailed":
    case "bytesSent":
    case "collisionDump":
      return stay(state);
    case "headerError":
    case "openReceived":
    case "openError":
    case "notificationReceived":
    case "keepaliveReceived":
    case "updateReceived":
    case "updateError":
    case "routeRefreshReceived":
      return toIdle([{ type: "abort" }], ended("protocolError", `${event.type} without a connection`));
    default:
      return assertNever(event);
  }
}

function inOpenSent(state: FsmState, event: FsmEvent, now: Millis, context: FsmContext): FsmStep {
  switch (event.type) {
    case "openReceived": {
      const agreed = negotiate(context.config, event.open);
      if (!agreed.ok) return refuse(agreed.fault);
      return {
        state: {
          name: "OpenConfirm",
          negotiated: agreed.value,
          peerOpen: event.open,
          // Deviation: hold time 0 counts from Established on; before, a silent connection would bar the other for ever
          holdDeadline: holdDeadline(agreed.value, now) ?? later(now, OPEN_HOLD_TIME),
          keepaliveDeadline: keepaliveDeadline(agreed.value, now, context),
        },
        actions: [{ type: "sendKeepalive" }],
      };
    }
    case "tcpFailed":
      // RFC 4271 goes to Active with the retry timer running; peer.ts owns that pause for every kind of failure
      return toIdle([{ type: "abort" }], ended("tcpFailed", event.detail));
    case "holdTimerExpired":
      return expire(`no OPEN for ${OPEN_HOLD_TIME / 1000} s`);
    case "keepaliveReceived":
    case "updateReceived":
    case "routeRefreshReceived":
      return unexpected(FSM_ERROR.inOpenSent, event);
    case "manualStart":
    case "connectRetryTimerExpired":
    case "keepaliveTimerExpired":
    case "sendHoldTimerExpired":
    case "bytesSent":
      return stay(state);
    case "tcpConnected":
    case "tcpAccepted":
      return unexpected(FSM_ERROR.inOpenSent, event);
    case "stop":
    case "headerError":
    case "openError":
    case "updateError":
    case "collisionDump":
    case "notificationReceived":
      return endOfConnection(event);
    default:
      return assertNever(event);
  }
}

type OpenConfirm = Extract<FsmState, { name: "OpenConfirm" }>;
type Established = Extract<FsmState, { name: "Established" }>;

function inOpenConfirm(state: OpenConfirm, event: FsmEvent, now: Millis, context: FsmContext): FsmStep {
  switch (event.type) {
    case "keepaliveReceived":
      return {
        state: {
          ...state,
          name: "Established",
          holdDeadline: holdDeadline(state.negotiated, now),
          sendHoldDeadline: sendHoldDeadline(state.negotiated, now, context),
        },
        actions: [{ type: "established", negotiated: state.negotiated }],
      };
    case "keepaliveTimerExpired":
      return keepAlive(state, now, context);
    case "holdTimerExpired":
      return expire("no KEEPALIVE after the OPEN");
    case "tcpFailed":
      return toIdle([{ type: "abort" }], ended("tcpFailed", event.detail));
    case "openReceived":
    case "updateReceived":
    case "routeRefreshReceived":
    case "tcpConnected":
    case "tcpAccepted":
      return unexpected(FSM_ERROR.inOpenConfirm, event);
    case "manualStart":
    case "connectRetryTimerExpired":
    case "sendHoldTimerExpired":
    case "bytesSent":
      return stay(state);
    case "stop":
      return stopSession(event, state.negotiated);
    case "headerError":
    case "openError":
    case "updateError":
    case "collisionDump":
    case "notificationReceived":
      return endOfConnection(event);
    default:
      return assertNever(event);
  }
}

function inEstablished(state: Established, event: FsmEvent, now: Millis, context: FsmContext): FsmStep {
  switch (event.type) {
    case "keepaliveReceived":
      return stay({ ...state, holdDeadline: holdDeadline(state.negotiated, now) });
    case "updateReceived":
      return {
        state: { ...state, holdDeadline: holdDeadline(state.negotiated, now) },
        actions: [{ type: "update", update: event.update }],
      };
    case "routeRefreshReceived":
      return {
        state: { ...state, holdDeadline: holdDeadline(state.negotiated, now) },
        actions: [{ type: "routeRefresh", refresh: event.refresh }],
      };
    case "bytesSent":
      return stay({ ...state, sendHoldDeadline: sendHoldDeadline(state.negotiated, now, context) });
    case "keepaliveTimerExpired":
      return keepAlive(state, now, context);
    case "holdTimerExpired":
      return expire(`nothing from the peer for ${state.negotiated.holdTime} s`);
    case "sendHoldTimerExpired": {
      // RFC 9687 3.2: a peer that reads nothing will not read a NOTIFICATION either; it is logged and not waited for
      const notification = notify(ERROR.sendHoldTimer, 0);
      const detail = "the peer has not read anything for the send hold time";
      return toIdle([{ type: "abort" }], { kind: "sendHoldTimerExpired", sent: notification, received: null, detail });
    }
    case "tcpFailed":
      return toIdle([{ type: "abort" }], ended("tcpFailed", event.detail));
    case "openReceived":
    case "tcpConnected":
    case "tcpAccepted":
      return unexpected(FSM_ERROR.inEstablished, event);
    case "manualStart":
    case "connectRetryTimerExpired":
      return stay(state);
    case "stop":
      return stopSession(event, state.negotiated);
    case "headerError":
    case "openError":
    case "updateError":
    case "collisionDump":
    case "notificationReceived":
      return endOfConnection(event);
    default:
      return assertNever(event);
  }
}

const stay = (state: FsmState): FsmStep => ({ state, actions: [] });

function connecting(now: Millis, context: FsmContext): FsmState {
  const wait = jittered(connectRetryTime(context.config), context);
  return { name: "Connect", connectRetryDeadline: later(now, wait) };
}

function toOpenSent(now: Millis, context: FsmContext): FsmStep {
  return {
    state: { name: "OpenSent", holdDeadline: later(now, OPEN_HOLD_TIME) },
    actions: [{ type: "sendOpen", open: buildOpen(context.config, context.restart) }],
  };
}

function toIdle(actions: readonly FsmAction[], cause: EndCause): FsmStep {
  return { state: IDLE, actions: [...actions, { type: "ended", cause }] };
}

/** Says goodbye and closes: the one way out of every state that has a connection and something to say. */
function farewell(notification: NotificationMessage, kind: EndCause["kind"], detail: string): FsmStep {
  return toIdle([{ type: "sendNotification", notification }, { type: "close" }], {
    kind,
    sent: notification,
    received: null,
    detail,
  });
}

const refuse = (fault: WireFault): FsmStep => farewell(notificationOf(fault), "protocolError", fault.detail);

const expire = (detail: string): FsmStep => farewell(notify(ERROR.holdTimer, 0), "holdTimerExpired", detail);

/** What we end on purpose the peer shall forget at once: a plain Cease would leave our routes with it (RFC 8538). */
function stopSession(event: Extract<FsmEvent, { type: "stop" }>, { gracefulNotification }: Agreement): FsmStep {
  const { notification, detail } = event;
  return farewell(gracefulNotification ? hardReset(notification) : notification, "stopped", detail);
}

type EndingEvent = Extract<
  FsmEvent,
  { type: "stop" | "headerError" | "openError" | "updateError" | "collisionDump" | "notificationReceived" }
>;

/** Events that end any connection past TCP, in the same way in every state. */
function endOfConnection(event: EndingEvent): FsmStep {
  switch (event.type) {
    case "stop":
      return farewell(event.notification, "stopped", event.detail);
    case "collisionDump":
      return farewell(
        cease(CEASE.connectionCollision),
        "collision",
        "another connection to this peer was kept (RFC 4271 6.8)",
      );
    case "headerError":
    case "openError":
    case "updateError":
      return refuse(event.fault);
    case "notificationReceived":
      // Deviation: RFC 4271 would answer 5/1 in OpenSent; nobody does, and answering a NOTIFICATION helps nobody
      return toIdle([{ type: "close" }], {
        kind: "notificationReceived",
        sent: null,
        received: event.notification,
        detail: "the peer sent a NOTIFICATION",
      });
    default:
      return assertNever(event);
  }
}

const TYPE_OF_EVENT: Partial<Record<FsmEvent["type"], number>> = {
  openReceived: MESSAGE_TYPE.open,
  updateReceived: MESSAGE_TYPE.update,
  keepaliveReceived: MESSAGE_TYPE.keepalive,
  routeRefreshReceived: MESSAGE_TYPE.routeRefresh,
};

/** RFC 6608: FSM error, subcode by state, data = the type of the message that came at the wrong time. */
function unexpected(subcode: number, event: FsmEvent): FsmStep {
  const messageType = TYPE_OF_EVENT[event.type];
  const data = messageType === undefined ? [] : [messageType];
  return farewell(
    notify(ERROR.fsm, subcode, Uint8Array.from(data)),
    "protocolError",
    `${event.type} at the wrong time`,
  );
}

function keepAlive<S extends OpenConfirm | Established>(state: S, now: Millis, context: FsmContext): FsmStep {
  return {
    state: { ...state, keepaliveDeadline: keepaliveDeadline(state.negotiated, now, context) },
    actions: [{ type: "sendKeepalive" }],
  };
}

/** The session as it goes on under another keepalive time: the next KEEPALIVE comes no later than the new time asks for. */
export function paced(state: FsmState, now: Millis, context: FsmContext): FsmState {
  if (state.name !== "OpenConfirm" && state.name !== "Established") return state;
  const keepaliveTime = keepaliveFor(context.config, state.negotiated.holdTime);
  if (keepaliveTime === state.negotiated.keepaliveTime) return state;
  const negotiated = { ...state.negotiated, keepaliveTime };
  return {
    ...state,
    negotiated,
    keepaliveDeadline: earliest(state.keepaliveDeadline, keepaliveDeadline(negotiated, now, context)),
  };
}

const holdDeadline = (n: Negotiated, now: Millis): Millis | null =>
  n.holdTime === 0 ? null : later(now, secondsToMillis(n.holdTime));

const keepaliveDeadline = (n: Negotiated, now: Millis, context: FsmContext): Millis | null =>
  n.keepaliveTime === 0 ? null : later(now, jittered(secondsToMillis(n.keepaliveTime), context));

/** Times the hold time; RFC 9687 would wait 8 minutes, but a route that cannot be withdrawn is an outage. */
export const SEND_HOLD_FACTOR = 2;

function sendHoldDeadline({ holdTime }: Negotiated, now: Millis, { config }: FsmContext): Millis | null {
  if (holdTime === 0) return null; // RFC 9687 section 3.2
  return later(now, secondsToMillis(config.sendHoldTime ?? Seconds(SEND_HOLD_FACTOR * holdTime)));
}

/** RFC 4271 10: a factor of 0.75 to 1. */
const jittered = (time: Millis, context: FsmContext): Millis => Millis(time * (0.75 + 0.25 * context.random()));

const earliest = (a: Millis | null, b: Millis | null): Millis | null =>
  a === null ? b : b === null ? a : a < b ? a : b;

const notify = (errorCode: number, errorSubcode: number, data: Uint8Array = NO_DATA): NotificationMessage => ({
  type: "notification",
  errorCode,
  errorSubcode,
  data,
});

const NO_DATA = new Uint8Array(0);

const NO_ANSWER = "no answer within the connect retry time: nobody there, a silent firewall, or different passwords";

const ended = (kind: EndCause["kind"], detail: string): EndCause => ({ kind, sent: null, received: null, detail });

const stopText = (event: FsmEvent): string => (event.type === "stop" ? event.detail : "another connection was kept");
