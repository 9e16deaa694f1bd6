// One peer: its (at most two) connections, which of them survives, and when to try again.
// Owns collision resolution (RFC 4271 6.8, RFC 6286), back-off, damping and the record of what happened last. The life of
// a single connection is fsm.ts. Knows no sockets, octets or routes. Contract: step(state, event, now) -> state + actions;
// the caller performs the actions in order and arms one timer for `peerDeadline(state)`.

import { type Ip, ipEquals, isLinkLocal } from "../../kernel/ip.ts";
import { assertNever, invariant } from "../../kernel/result.ts";
import { later, Millis, Seconds, secondsToMillis } from "../../kernel/units.ts";
import type { NotificationMessage } from "../wire/message.ts";
import { cease } from "../wire/notification.ts";
import { CEASE, ERROR } from "../wire/registry.ts";
import { connectRetryTime, type PeerConfig } from "./config.ts";
import {
  type EndCause,
  type FsmAction,
  type FsmContext,
  type FsmEvent,
  type FsmState,
  type FsmStateName,
  fsmDeadline,
  step as fsmStep,
  fsmTimerEvent,
  IDLE,
  OPEN_HOLD_TIME,
  paced,
} from "./fsm.ts";
import { negotiate, type RestartFlags } from "./negotiate.ts";

/** Which end opened the connection: `out` we did, `in` the peer did; an established one may move to `out` (`moved`). */
export type Side = "out" | "in";

/** How this process came up, as far as it concerns what peers may have kept for us (RFC 4724 section 4.1). */
export interface Restart {
  /** null: not after an end that peers could have bridged. */
  readonly restartedAt: Millis | null;
  /** What had been announced before has been forwarded all the while. */
  readonly isForwardingKept: boolean;
}

export const FRESH_START: Restart = { restartedAt: null, isForwardingKept: false };

/** RFC 5882: `down` is a failure of the path; `adminDown` says nothing about it. */
export type BfdVerdict = "unknown" | "up" | "down" | "adminDown";

export interface SeenNotification {
  readonly at: Millis;
  readonly notification: NotificationMessage;
}

export interface PeerState {
  readonly config: PeerConfig;
  readonly admin: "up" | "down";
  readonly out: FsmState;
  readonly in: FsmState;
  /** Address of an unnumbered peer as its router advertisements tell it; null: none is known. */
  readonly neighbor: Ip | null;
  readonly restart: Restart;
  /** What BFD says of the path; `unknown` before it first came up. */
  readonly bfd: BfdVerdict;
  /** No connection is attempted or accepted before this moment; null: none is pending. */
  readonly idleHold: { readonly until: Millis; readonly why: string; readonly damped: boolean } | null;
  /** Attempts and sessions in a row that did not last; drives the connect back-off. */
  readonly failures: number;
  /** Protocol errors not yet forgotten; drives the damping (RFC 4271 8.1.1 DampPeerOscillations). */
  readonly errors: number;
  readonly lastErrorAt: Millis | null;
  readonly establishedAt: Millis | null;
  /** Since when no session stands; while one does, since when there was none before it. */
  readonly downSince: Millis;
  readonly stateChangedAt: Millis;
  readonly lastEnd: (EndCause & { readonly at: Millis }) | null;
  readonly lastNotificationSent: SeenNotification | null;
  readonly lastNotificationReceived: SeenNotification | null;
  /** Sessions that reached Established since this state was made. */
  readonly timesEstablished: number;
}

export type PeerEvent =
  | { readonly type: "start" }
  /** Ends everything with Cease; `restart` true: come back, since a new session was asked for. */
  | {
      readonly type: "stop";
      readonly notification: NotificationMessage;
      readonly detail: string;
      readonly restart: boolean;
    }
  /** Ends everything with this Cease and stays away for the damping time: a defect of ours, or a limit the peer passed. */
  | { readonly type: "standDown"; readonly notification: NotificationMessage; readonly detail: string }
  /** The peer has connected: makes room for it where it may come in. Ask `mayAccept`, then send `tcpAccepted`. */
  | { readonly type: "offered" }
  /** The configuration changed in ways that leave the session alone, or after a `stop`. */
  /** @param reset what both connections are ended with, where the change cannot be made on them; null: it can */
  | {
      readonly type: "reconfigured";
      readonly config: PeerConfig;
      readonly reset: { readonly notification: NotificationMessage; readonly detail: string } | null;
    }
  /** Router advertisements tell where an unnumbered peer is; null: they have ceased. */
  | { readonly type: "neighbor"; readonly address: Ip | null }
  /** @param detail why, for people */
  | { readonly type: "bfd"; readonly verdict: BfdVerdict; readonly detail: string }
  /** The operator ends a back-off or damping period. */
  | { readonly type: "clearHold" }
  | { readonly type: "timer" }
  | { readonly type: "connection"; readonly side: Side; readonly event: FsmEvent };

export type PeerAction =
  | { readonly type: "side"; readonly side: Side; readonly action: FsmAction }
  /** The established connection is to be known as `out` from now on: a newcomer takes its place. */
  | { readonly type: "moved" }
  /** The state shown to people changed. */
  | { readonly type: "stateChanged"; readonly from: FsmStateName; readonly to: FsmStateName };

export interface PeerStep {
  readonly state: PeerState;
  readonly actions: readonly PeerAction[];
}

/** The first pause after a failed attempt, doubled with each further one up to the peer's connect retry time. */
export const FIRST_RETRY = Millis(500);
/** First idle hold after a protocol error, doubled up to MAX_IDLE_HOLD, forgotten after AMNESIA without an error. */
export const FIRST_IDLE_HOLD = Millis(1_000);
export const MAX_IDLE_HOLD = Millis(120_000);
export const AMNESIA = Millis(300_000);
/** After a reset by configuration the other end is still clearing the old session: at once it would refuse us. */
export const RESET_PAUSE = Millis(100);
/**
 * After BFD Down the other end may still believe in the path, for a detection time of its own: a session begun before that would
 * fall once more. As bgpd's own pause; BFD that is Up again ends it at once.
 */
export const BFD_PAUSE = Millis(1_000);
/** A session this old is replaced when its peer, known to restart, comes anew; a younger one has met a late collision. */
export const REPLACE_AFTER = Millis(5_000);

export function initialPeer(config: PeerConfig, now: Millis, restart: Restart = FRESH_START): PeerState {
  return {
    config,
    admin: "down",
    out: IDLE,
    in: IDLE,
    neighbor: null,
    restart,
    bfd: "unknown",
    idleHold: null,
    failures: 0,
    errors: 0,
    lastErrorAt: null,
    establishedAt: null,
    downSince: now,
    stateChangedAt: now,
    lastEnd: null,
    lastNotificationSent: null,
    lastNotificationReceived: null,
    timesEstablished: 0,
  };
}

const RANK: Record<FsmStateName, number> = {
  Idle: 0,
  Active: 1,
  Connect: 2,
  OpenSent: 3,
  OpenConfirm: 4,
  Established: 5,
};

/** The state shown to people: that of the connection that is furthest. Waiting for the next attempt reads as Active. */
export function peerStateName(state: PeerState): FsmStateName {
  const name = RANK[state.in.name] > RANK[state.out.name] ? state.in.name : state.out.name;
  return name === "Idle" && state.idleHold !== null && !state.idleHold.damped ? "Active" : name;
}

/**
 * A connection by the peer is welcome: not where we alone open them, not while the peer is stopped or held down (C-005),
 * and one at a time. What is refused is closed without a word.
 */
export const mayAccept = (state: PeerState): boolean =>
  state.config.opens !== "us" &&
  state.admin === "up" &&
  !isHeldDown(state) &&
  !isBarredByBfd(state) &&
  RANK[state.in.name] <= RANK.Active;

/** Where the peer can be reached; null: not known, or not yet. */
export const dialAddress = (state: PeerState): Ip | null => state.config.address ?? state.neighbor;

/** What a peer without a connection waits for, other than the next attempt of our own; null: nothing. For people. */
export function waitingFor(state: PeerState): string | null {
  const { admin, config, out, in: inbound } = state;
  if (admin === "down" || RANK[out.name] > RANK.Active || RANK[inbound.name] > RANK.Active) return null;
  if (isBarredByBfd(state)) return "waiting for BFD to come up, as the peer is configured (bfd-strict)";
  if (config.opens === "peer") return "waiting for the peer to connect: this end never does";
  if (dialAddress(state) === null) return `no router advertisement has been heard on ${config.interface ?? "?"}`;
  return null;
}

/** RFC 5882 4.1: where either end has BFD administratively down, it stands in nobody's way. */
export const isBarredByBfd = ({ config, bfd }: PeerState): boolean =>
  config.bfd?.isStrict === true && bfd !== "up" && bfd !== "adminDown";

/** No connection for a while, after an error of the protocol, a passed limit, or a defect of ours. */
export const isHeldDown = (state: PeerState): boolean => state.idleHold?.damped === true;

export function peerDeadline(state: PeerState): Millis | null {
  const deadlines = [fsmDeadline(state.out), fsmDeadline(state.in), state.idleHold?.until ?? null];
  return deadlines.reduce((a, b) => (a === null ? b : b === null ? a : Millis(Math.min(a, b))), null);
}

/**
 * @param now monotonic milliseconds
 * @param random uniform in [0, 1), for jitter
 */
export function step(state: PeerState, event: PeerEvent, now: Millis, random: () => number): PeerStep {
  const run = new Run(state, now, random);
  run.handle(event);
  run.reviveIfIdle();
  return run.finish();
}

/** The working copy of one step. Nothing of it outlives the call. */
class Run {
  #state: PeerState;
  readonly #before: FsmStateName;
  readonly #now: Millis;
  readonly #random: () => number;
  readonly #actions: PeerAction[] = [];

  constructor(state: PeerState, now: Millis, random: () => number) {
    this.#state = state;
    this.#before = peerStateName(state);
    this.#now = now;
    this.#random = random;
  }

  handle(event: PeerEvent): void {
    switch (event.type) {
      case "start":
        this.#set({ admin: "up", idleHold: null });
        return;
      case "stop":
        this.#stop(event);
        return;
      case "standDown":
        this.#stopBoth(event.notification, event.detail);
        if (this.#state.admin === "up") this.#holdDown(event.detail);
        return;
      case "offered":
        this.#makeRoom();
        return;
      case "reconfigured":
        this.#reconfigure(event);
        return;
      case "neighbor":
        this.#neighbor(event.address);
        return;
      case "bfd":
        this.#bfd(event.verdict, event.detail);
        return;
      case "clearHold":
        this.#set({ idleHold: null, failures: 0, errors: 0 });
        return;
      case "timer":
        this.#timer();
        return;
      case "connection":
        this.#connection(event.side, event.event);
        return;
      default:
        assertNever(event);
    }
  }

  /**
   * Whenever nothing is under way and nothing forbids it, the next attempt begins: the level, not the edge. A connection
   * by the peer counts once its OPEN is there: a silent one must not keep us from trying (C-020).
   */
  reviveIfIdle(): void {
    const { admin, idleHold, out, in: inbound, config } = this.#state;
    if (admin === "down" || idleHold !== null || out.name !== "Idle" || RANK[inbound.name] > RANK.OpenSent) return;
    if (this.#mayDial()) {
      if (inbound.name === "Active") this.#set({ in: IDLE });
      this.#drive("out", { type: "manualStart", passive: false });
    } else if (config.opens !== "us" && inbound.name === "Idle") {
      this.#drive("in", { type: "manualStart", passive: true });
    }
  }

  /** One step, so that nothing is attempted in between: it would be with the old address, or without the new password. */
  #reconfigure({ config, reset }: Extract<PeerEvent, { type: "reconfigured" }>): void {
    if (reset !== null) this.#stop({ type: "stop", ...reset, restart: true });
    const { config: old, neighbor, bfd } = this.#state;
    this.#set({
      config,
      neighbor: config.interface === old.interface ? neighbor : null,
      bfd: config.bfd !== null && isSamePlace(old, config) ? bfd : "unknown",
    });
    for (const side of ["out", "in"] as const) {
      this.#set({ [side]: paced(this.#state[side], this.#now, this.#context()) });
    }
    this.#abandonIfBarred();
  }

  readonly #mayDial = (): boolean =>
    this.#state.config.opens !== "peer" && dialAddress(this.#state) !== null && !isBarredByBfd(this.#state);

  finish(): PeerStep {
    const to = peerStateName(this.#state);
    if (to !== this.#before) {
      this.#set({ stateChangedAt: this.#now });
      if (this.#before === "Established") this.#set({ downSince: this.#now });
      this.#actions.push({ type: "stateChanged", from: this.#before, to });
    }
    return { state: this.#state, actions: this.#actions };
  }

  #timer(): void {
    const { idleHold } = this.#state;
    if (idleHold !== null && idleHold.until <= this.#now) this.#set({ idleHold: null });
    for (const side of ["out", "in"] as const) {
      const event = fsmTimerEvent(this.#state[side], this.#now);
      if (event !== null) this.#drive(side, event);
    }
  }

  #connection(side: Side, event: FsmEvent): void {
    if (event.type === "tcpAccepted") {
      this.#accept();
      return;
    }
    if (event.type === "openReceived" && this.#state[side].name === "OpenSent") {
      const other = otherSide(side);
      const agreed = negotiate(this.#state.config, event.open);
      if (agreed.ok && RANK[this.#state[other].name] >= RANK.OpenConfirm) {
        if (this.#isReplaced(other)) this.#drive(other, { type: "tcpFailed", detail: PEER_RESTARTED });
        else {
          const loser =
            this.#state[other].name === "Established" ? side : this.#loser(event.open.identifier, agreed.value.peerAsn);
          this.#drive(loser, { type: "collisionDump" });
          if (loser === side) return;
        }
      }
    }
    this.#drive(side, event);
  }

  #accept(): void {
    invariant(mayAccept(this.#state), "a connection was accepted that had to be refused");
    this.#drive("in", { type: "manualStart", passive: true });
    this.#drive("in", { type: "tcpAccepted" });
  }

  /** The peer has connected. */
  #makeRoom(): void {
    const { in: inbound, out, config } = this.#state;
    if (isHeldDown(this.#state) || config.opens === "us") return;
    // the peer has given up the one it left waiting for OPENs, or it would not come again (C-020)
    if (inbound.name === "OpenSent") this.#drive("in", { type: "collisionDump" });
    if (inbound.name !== "Established" || out.name !== "Idle") return;
    // beside a session the newcomer is judged by its OPEN, whichever end had opened the session (C-019, C-180)
    this.#set({ out: inbound, in: IDLE });
    this.#actions.push({ type: "moved" });
  }

  /** RFC 4724 section 5: the peer has restarted before we could notice, for a living one would not come beside its session. */
  #isReplaced(side: Side): boolean {
    const state = this.#state[side];
    const since = this.#state.establishedAt;
    if (state.name !== "Established" || since === null) return false;
    return state.negotiated.peerRestarts && this.#now - since >= REPLACE_AFTER;
  }

  /** RFC 5882 4.2, RFC 9384: a path that was Up and fails ends the session at once; AdminDown and a path never Up do not. */
  #bfd(verdict: BfdVerdict, detail: string): void {
    const wasUp = this.#state.bfd === "up";
    this.#set({ bfd: verdict });
    if (verdict === "up" && this.#state.idleHold?.damped === false) this.#set({ idleHold: null, failures: 0 });
    if (verdict !== "down" || !wasUp) return;
    const { out, in: inbound, admin } = this.#state;
    // before the session stands there is nothing to lose (C-252), but a strict peer has no business there either
    const isAffected = out.name === "Established" || inbound.name === "Established" || isBarredByBfd(this.#state);
    const stop = { type: "stop", notification: cease(CEASE.bfdDown), detail, restart: admin === "up" } as const;
    if (isAffected) this.#stop(stop, BFD_PAUSE);
  }

  #neighbor(address: Ip | null): void {
    const { neighbor, idleHold } = this.#state;
    if (isSameAddress(address, neighbor)) return;
    this.#set({ neighbor: address });
    if (address !== null && idleHold?.damped === false) this.#set({ idleHold: null });
    if (this.#state.config.address === null) this.#abandon("the peer is not at that address any more");
  }

  /** What was begun under other rules ends where it is no connection yet. */
  #abandonIfBarred(): void {
    if (!this.#mayDial()) this.#abandon("connections are not opened from this end any more");
    if (this.#state.config.opens === "us" && this.#state.in.name === "Active") this.#set({ in: IDLE });
  }

  #abandon(detail: string): void {
    if (this.#state.out.name !== "Connect") return;
    this.#drive("out", { type: "stop", notification: cease(CEASE.configurationChange), detail });
    this.#set({ idleHold: null, failures: 0 });
  }

  #stop({ notification, detail, restart }: Extract<PeerEvent, { type: "stop" }>, pause = RESET_PAUSE): void {
    const { out, in: inbound } = this.#state;
    const wasHeard = RANK[out.name] >= RANK.OpenSent || RANK[inbound.name] >= RANK.OpenSent;
    this.#set({ admin: restart ? "up" : "down" });
    this.#stopBoth(notification, detail);
    const idleHold = { until: later(this.#now, pause), why: detail, damped: false };
    this.#set({ idleHold: restart && wasHeard ? idleHold : null, failures: 0 });
  }

  #stopBoth(notification: NotificationMessage, detail: string): void {
    for (const side of ["out", "in"] as const) this.#drive(side, { type: "stop", notification, detail });
  }

  /** RFC 4271 6.8: the connection opened by the higher identifier stays; RFC 6286 2.3: of equal ones, the larger AS. */
  #loser(peerIdentifier: number, peerAsn: number): Side {
    const { routerId, localAsn } = this.#state.config;
    const weWin = routerId === peerIdentifier ? localAsn > peerAsn : routerId > peerIdentifier;
    return weWin ? "in" : "out";
  }

  #context(): FsmContext {
    return { config: this.#state.config, random: this.#random, restart: this.#restartFlags() };
  }

  #drive(side: Side, event: FsmEvent): void {
    const result = fsmStep(this.#state[side], event, this.#now, this.#context());
    this.#set({ [side]: result.state });
    for (const action of result.actions) {
      this.#actions.push({ type: "side", side, action });
      if (action.type === "sendNotification") {
        this.#set({ lastNotificationSent: { at: this.#now, notification: action.notification } });
      }
      if (action.type === "established") this.#onEstablished(side);
      if (action.type === "ended") this.#onEnded(side, action.cause);
    }
  }

  /** RFC 4724 4.1: R until the session has stood once, F only where nothing of ours can have been lost on the way. */
  #restartFlags(): RestartFlags {
    const { config, restart, timesEstablished } = this.#state;
    const { restartedAt, isForwardingKept } = restart;
    const isTime = restartedAt !== null && this.#now < restartedAt + secondsToMillis(config.restartTime ?? Seconds(0));
    const isFirst = timesEstablished === 0;
    // a session of this very process ended and forwarding went on, for the kernel does it
    return { isRestarting: isTime && isFirst, isForwardingKept: isForwardingKept || !isFirst };
  }

  #onEstablished(side: Side): void {
    this.#set({ establishedAt: this.#now, idleHold: null, timesEstablished: this.#state.timesEstablished + 1 });
    const other = otherSide(side);
    if (this.#state[other].name !== "Idle") this.#drive(other, { type: "collisionDump" });
  }

  #onEnded(side: Side, cause: EndCause): void {
    const now = this.#now;
    if (cause.received !== null) {
      this.#set({ lastNotificationReceived: { at: now, notification: cause.received } });
    }
    if (this.#state[otherSide(side)].name === "Established") return; // it may not disturb the session (C-019)
    const { establishedAt } = this.#state;
    if (cause.kind === "collision") {
      this.#set({ establishedAt: null }); // the other connection carries on; no error (C-021)
      return;
    }
    const lasted = establishedAt !== null && now - establishedAt >= this.#trialTime();
    const failures = lasted ? 0 : this.#state.failures + (isLostCollision(cause) ? 0 : 1);
    this.#set({ lastEnd: { ...cause, at: now }, establishedAt: null, failures });
    if (this.#state.admin === "down" || cause.kind === "connectTimeout") return; // the next attempt is under way
    if (isProtocolError(cause)) this.#holdDown(cause.detail);
    else this.#pause(cause.detail);
  }

  /** only a session that lived this long ends the back-off, not one that was refused at once. */
  #trialTime(): Millis {
    const { holdTime } = this.#state.config;
    return holdTime === 0 ? OPEN_HOLD_TIME : secondsToMillis(holdTime);
  }

  #pause(why: string): void {
    const cap = connectRetryTime(this.#state.config);
    const doublings = Math.min(Math.max(this.#state.failures - 1, 0), 16);
    const wait = Math.min(FIRST_RETRY * 2 ** doublings, cap) * this.#jitter();
    this.#set({ idleHold: { until: later(this.#now, Millis(wait)), why, damped: false } });
  }

  #holdDown(why: string): void {
    const { lastErrorAt } = this.#state;
    const forgotten = lastErrorAt !== null && this.#now - lastErrorAt >= AMNESIA;
    const errors = forgotten ? 1 : this.#state.errors + 1;
    const wait = Math.min(FIRST_IDLE_HOLD * 2 ** Math.min(errors - 1, 16), MAX_IDLE_HOLD) * this.#jitter();
    const idleHold = { until: later(this.#now, Millis(wait)), why, damped: true };
    this.#set({ errors, lastErrorAt: this.#now, idleHold });
  }

  readonly #jitter = (): number => 0.75 + 0.25 * this.#random();

  #set(change: Partial<PeerState>): void {
    this.#state = { ...this.#state, ...change };
  }
}

const isSameAddress = (a: Ip | null, b: Ip | null): boolean => a === b || (a !== null && b !== null && ipEquals(a, b));

/** Whether BFD still speaks of the same path; an interface is part of a link-local address, and of none other. */
function isSamePlace(a: PeerConfig, b: PeerConfig): boolean {
  if (!isSameAddress(a.address, b.address) || a.vrf !== b.vrf) return false;
  return a.interface === b.interface || (b.address !== null && !isLinkLocal(b.address));
}

const otherSide = (side: Side): Side => (side === "out" ? "in" : "out");

/** The peer kept the other connection (RFC 4271 6.8): not a failure of this peer (C-021). */
const isLostCollision = (cause: EndCause): boolean =>
  cause.received?.errorCode === ERROR.cease && cause.received.errorSubcode === CEASE.connectionCollision;

/**
 * Exempt (C-084): Cease, because an operator at the other end is at work or a limit was reached; expired timers at the other
 * end, because the path was at fault, as it is when our own expire.
 */
const NO_PROTOCOL_ERROR: readonly number[] = [ERROR.cease, ERROR.holdTimer, ERROR.sendHoldTimer];

function isProtocolError({ kind, received }: EndCause): boolean {
  return kind === "protocolError" || (received !== null && !NO_PROTOCOL_ERROR.includes(received.errorCode));
}

const PEER_RESTARTED = "the peer has restarted: it opened a new connection beside the session (RFC 4724)";
