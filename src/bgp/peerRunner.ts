// One peer at work: performs the actions of session/peer.ts, turns octets into its events and its tables into octets.
// Owns the peer's connections, its AdjRibOut per family, its counters. Knows no sockets (network.ts) and not the other
// peers (speaker.ts). A defect that shows here ends this peer's session, never the process (docs/design.md).
import { type Ip, ipEquals, type Prefix } from "../kernel/ip.ts";
import { assertNever } from "../kernel/result.ts";
import { later } from "../kernel/units.ts";
import { socketTerms } from "./admission.ts";
import { Alarm } from "./alarm.ts";
import { newCounters } from "./counters.ts";
import { Inbound } from "./inbound.ts";
import { Line } from "./line.ts";
import type { Connection, ConnectionHandlers, ConnectOptions } from "./network.ts";
import { type ChooseNextHop, Outbound } from "./outbound.ts";
import type { PeerSurroundings } from "./peerSurroundings.ts";
import { type FaultyUpdate, type Reading, Reception, type ReceptionWatch } from "./reception.ts";
import type { AdjRibIn } from "./rib/adjRibIn.ts";
import type { AdjRibOut } from "./rib/adjRibOut.ts";
import { AttributeSets } from "./rib/attributeSets.ts";
import type { PeerConfig } from "./session/config.ts";
import type { FsmAction, FsmEvent, FsmStateName } from "./session/fsm.ts";
import { type SessionImpact, sessionImpact } from "./session/impact.ts";
import { addressesBeside, chooseNextHop } from "./session/nextHop.ts";
import {
  type BfdVerdict,
  dialAddress,
  FRESH_START,
  initialPeer,
  MAX_IDLE_HOLD,
  mayAccept,
  type PeerAction,
  type PeerEvent,
  type PeerState,
  peerDeadline,
  peerStateName,
  type Restart,
  type Side,
  step,
} from "./session/peer.ts";
import type {
  Family,
  Negotiated,
  NotificationMessage,
  RouteAttributes,
  RouteRefreshMessage,
  UpdateMessage,
} from "./wire/message.ts";
import { cease } from "./wire/notification.ts";
import { REFRESH_SUBTYPE } from "./wire/refresh.ts";
import { afiSafi, CEASE, familyOf } from "./wire/registry.ts";

const CONFIGURATION_CHANGE = {
  notification: cease(CEASE.configurationChange),
  detail: "the configuration of this peer changed",
};

interface Live {
  readonly line: Line;
  readonly negotiated: Negotiated;
}

export class PeerRunner {
  readonly #around: PeerSurroundings;
  #state: PeerState;
  #lines: { out: Line | null; in: Line | null } = { out: null, in: null };
  /** The established session; null while there is none. */
  #live: Live | null = null;
  readonly #alarm: Alarm;
  #removed = false;
  /** Events that came up while another was being worked on; null: none is. */
  #queue: PeerEvent[] | null = null;
  #drained: (() => void) | null = null;
  readonly counters = newCounters();
  readonly #outbound: Outbound;
  readonly #reception: Reception;

  /** @param sets of all peers of the speaker */
  constructor(
    config: PeerConfig,
    around: PeerSurroundings,
    restart: Restart = FRESH_START,
    sets: AttributeSets = new AttributeSets(),
  ) {
    this.#around = around;
    this.#state = initialPeer(config, around.clock.now(), restart);
    this.#outbound = new Outbound(config.families, this.counters, sets);
    this.#reception = new Reception(this.#watch());
    this.#alarm = new Alarm(around, () => this.#safely(() => this.#step({ type: "timer" })));
  }

  get config(): PeerConfig {
    return this.#state.config;
  }

  get state(): PeerState {
    return this.#state;
  }

  get stateName(): FsmStateName {
    return peerStateName(this.#state);
  }

  /** What both OPENs agreed on; null unless Established. */
  get negotiated(): Negotiated | null {
    return this.#live?.negotiated ?? null;
  }

  /** Our address on the established session. */
  get localAddress(): Ip | null {
    return this.#live?.line.local ?? null;
  }

  /** Where the peer is: on the session, else where it would be reached; null: an unnumbered one that has not been heard. */
  get remoteAddress(): Ip | null {
    return this.#live?.line.remote ?? dialAddress(this.#state);
  }

  /** Why families of the session are not sent, or not with the next hop that is configured. */
  nextHopProblems(): ReadonlyMap<Family, string> {
    return this.#outbound.nextHopProblems;
  }

  /** The address that stands for "self" in what the session sends; null: none, or no session. */
  nextHopOf(family: Family): Ip | null {
    return this.#outbound.nextHopOf(family);
  }

  /** All that is wished of the families of the session has been handed to the socket; true without a session. */
  get isDrained(): boolean {
    return this.#outbound.isDrained;
  }

  /** Octets on the session that the peer's TCP has not acknowledged; null: not known, or no session. */
  get unacknowledged(): number | null {
    return this.#live?.line.connection.unacknowledged?.() ?? null;
  }

  /** What the peer has advertised on the established session; null while there is none. */
  get adjRibIn(): AdjRibIn | null {
    return this.#reception.table;
  }

  /** Prefixes the peer has advertised and not withdrawn; 0 while there is no session. */
  get receivedCount(): number {
    return this.#reception.count;
  }

  /** How much of the peer's table is known, where its routes are kept. */
  get reading(): Reading {
    return this.#reception.reading;
  }

  /** The last UPDATE with a fault, kept over sessions (C-159). */
  get lastFaultyUpdate(): FaultyUpdate | null {
    return this.#reception.lastFaulty;
  }

  ribs(): ReadonlyMap<Family, AdjRibOut> {
    return this.#outbound.ribs;
  }

  /** Families that the session carries and for which we have a next hop. */
  sendingFamilies(): readonly Family[] {
    return this.#outbound.sendingFamilies;
  }

  start(): void {
    this.#safely(() => this.#step({ type: "start" }));
  }

  /** A connection by the peer, see `Speaker.offer`. */
  offer(remote: Ip, local: Ip, take: (handlers: ConnectionHandlers) => Connection): boolean {
    const { sourceAddress } = this.config;
    if (this.#removed || (sourceAddress !== null && !ipEquals(sourceAddress, local))) return false; // C-003
    this.#safely(() => this.#step({ type: "offered" }));
    if (!mayAccept(this.#state)) return false;
    const line = this.#open("in", remote, take);
    line.local = local;
    this.#guard(line, () => this.#event(line.side, { type: "tcpAccepted" }));
    return true;
  }

  /** Where an unnumbered peer is, as its router advertisements say; null: they have ceased. */
  setNeighbor(address: Ip | null): void {
    this.#safely(() => this.#step({ type: "neighbor", address }));
  }

  /** What BFD says of the path to this peer, with the reason in words. */
  bfd(verdict: BfdVerdict, detail: string): void {
    this.#safely(() => this.#step({ type: "bfd", verdict, detail }));
  }

  /** Records a wish; `flush` sends. Prefixes of a family that the peer does not carry are refused. */
  want(prefix: Prefix, attributes: RouteAttributes | null): void {
    this.#outbound.want(prefix, attributes);
  }

  /**
   * Another object now describes this peer: its wishes are about to be recorded afresh. Nothing goes out until `settled`,
   * so that a route that is wished again is not withdrawn in between.
   */
  restate(config: PeerConfig): void {
    this.#state = { ...this.#state, config };
    this.#outbound.restate();
  }

  /** The decision is complete: what is not wished by now is not wanted. */
  settled(): void {
    this.#outbound.settled();
  }

  /** While held, the peer is told routes but not that these are all: no End-of-RIB. */
  holdEndOfRib(isHeld: boolean): void {
    this.#outbound.holdEndOfRib(isHeld);
  }

  /** Sends what is pending as far as the socket takes it. */
  flush(): void {
    const line = this.#live?.line;
    if (line !== undefined) this.#safely(() => line.connection.wake());
  }

  /** @returns what the change was, and what it did to the session */
  reconfigure(config: PeerConfig): SessionImpact {
    const impact = sessionImpact(this.config, config);
    const { keepReceived } = this.config;
    const reset = impact.kind === "reset" ? CONFIGURATION_CHANGE : null;
    this.#safely(() => this.#step({ type: "reconfigured", config, reset }));
    if (reset !== null) {
      this.#outbound.setFamilies(config.families);
      return impact;
    }
    if (this.#live !== null) {
      const { line, negotiated } = this.#live;
      this.#live = { line, negotiated: this.#agreed(line) ?? negotiated };
    }
    if (config.keepReceived !== keepReceived) this.#receiveAnew();
    this.#safely(() => this.#checkLimit());
    this.#safely(() => this.#chooseNextHops());
    return impact;
  }

  /** Withdraws everything, then Cease with a text. The promise settles when all of it is with the kernel, or cannot be. */
  async shutdown(notification: NotificationMessage, detail: string): Promise<void> {
    if (this.#live !== null) {
      this.#outbound.unwantAll();
      const done = new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
      this.flush();
      this.#checkDrained();
      await done;
    }
    this.remove(notification, detail);
  }

  /** Ends the peer for good: this Cease, no withdrawals, no return. */
  remove(notification: NotificationMessage, detail: string): void {
    this.#removed = true;
    this.#safely(() => this.#step({ type: "stop", notification, detail, restart: false }));
    this.#outbound.discard();
    this.#armTimer();
  }

  /** Ends back-off and damping: the next attempt starts now. */
  clearHold(): void {
    this.#safely(() => this.#step({ type: "clearHold" }));
  }

  /** Works on one event after the other: one that comes up meanwhile waits until the actions of its cause are done. */
  #step(event: PeerEvent): void {
    if (this.#queue !== null) {
      this.#queue.push(event);
      return;
    }
    this.#queue = [event];
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) this.#work(next);
    } finally {
      this.#queue = null;
    }
    this.#armTimer();
  }

  #work(event: PeerEvent): void {
    const now = this.#around.clock.now();
    const wasLive = this.#live?.line.side ?? null;
    const result = step(this.#state, event, now, () => this.#around.random.next());
    this.#state = result.state;
    for (const action of result.actions) {
      this.#perform(action);
      if (action.type !== "side" || action.action.type !== "ended") continue;
      this.#around.observer.ended(this, action.action.cause, action.side === wasLive);
    }
  }

  #perform(action: PeerAction): void {
    switch (action.type) {
      case "side":
        this.#performSide(action.side, action.action);
        return;
      case "moved":
        this.#lines = { out: this.#lines.in, in: null };
        if (this.#lines.out !== null) this.#lines.out.side = "out";
        return;
      case "stateChanged":
        this.#around.observer.stateChanged(this, action.from, action.to);
        return;
      default:
        assertNever(action);
    }
  }

  #performSide(side: Side, action: FsmAction): void {
    const line = this.#lines[side];
    switch (action.type) {
      case "connect":
        this.#connect();
        return;
      case "sendOpen":
        this.counters.opensSent++;
        line?.send(action.open);
        return;
      case "sendKeepalive":
        this.counters.keepalivesSent++;
        line?.send({ type: "keepalive" });
        return;
      case "sendNotification":
        this.counters.notificationsSent++;
        line?.send(action.notification);
        return;
      case "close":
        this.#detach(side);
        line?.connection.finish();
        return;
      case "abort":
        this.#detach(side);
        line?.connection.abort();
        return;
      case "established":
        if (line !== null) this.#established(line, action.negotiated);
        return;
      case "update":
        this.#take(action.update);
        return;
      case "routeRefresh":
        this.#refresh(action.refresh);
        return;
      case "ended":
        this.#detach(side);
        return;
      default:
        assertNever(action);
    }
  }

  #connect(): void {
    const { config } = this.#state;
    const address = dialAddress(this.#state);
    if (address === null) return;
    const options: ConnectOptions = {
      address,
      zone: config.interface,
      port: config.port,
      sourceAddress: config.sourceAddress,
      device: config.interface ?? config.vrf,
      password: config.password,
      ...socketTerms(config),
    };
    this.#open("out", address, (handlers) => this.#around.network.connect(options, handlers));
  }

  #open(side: Side, remote: Ip, take: (handlers: ConnectionHandlers) => Connection): Line {
    // what the connection says cannot come before it has been handed over (network.ts), so the line is filled in afterwards
    let line: Line | null = null;
    const event = (what: FsmEvent): void => this.#guard(line, (at) => this.#event(at.side, what));
    const handlers: ConnectionHandlers = {
      connected: (local) => {
        if (line !== null) line.local = local;
        event({ type: "tcpConnected" });
      },
      data: (bytes) => this.#guard(line, (at) => this.#read(at, bytes)),
      fill: (slab) => this.#safely(() => this.#fill(line, slab)) ?? 0,
      sent: () => this.#guard(line, (at) => this.#sent(at)),
      closed: (detail) => event({ type: "tcpFailed", detail }),
    };
    line = new Line(side, remote, take(handlers), new Inbound(this.counters));
    this.#lines[side] = line;
    return line;
  }

  /** Runs a callback of a connection unless it has been replaced. */
  #guard(line: Line | null, work: (line: Line) => void): void {
    if (line !== null && this.#lines[line.side] === line) this.#safely(() => work(line));
  }

  /** The wall around this peer: a defect of ours that shows inside ends this session, with damping, and no other. */
  #safely<T>(work: () => T): T | null {
    try {
      return work();
    } catch (error) {
      this.#defect(error);
      return null;
    }
  }

  #defect(error: unknown): void {
    try {
      this.#around.observer.defect(this, error);
      this.#step({ type: "standDown", notification: cease(CEASE.outOfResources), detail: "internal error" });
    } catch {
      this.#reset();
    }
  }

  /** The last resort, when even the orderly end of a session fails: everything is dropped and made anew, later. */
  #reset(): void {
    const lines = [this.#lines.out, this.#lines.in];
    const now = this.#around.clock.now();
    const idleHold = { until: later(now, MAX_IDLE_HOLD), why: "internal error", damped: true };
    const { config, neighbor, restart, bfd } = this.#state;
    const fresh: PeerState = { ...initialPeer(config, now, restart), neighbor, bfd };
    this.#state = this.#removed ? fresh : { ...fresh, admin: "up", idleHold };
    this.#detach("out");
    this.#detach("in");
    for (const line of lines) line?.connection.abort();
    this.#armTimer();
  }

  #event(side: Side, event: FsmEvent): void {
    this.#step({ type: "connection", side, event });
  }

  #read(line: Line, bytes: Uint8Array): void {
    line.inbound.read(bytes, {
      negotiated: () => this.#agreed(line),
      faultyUpdate: (update, body) => {
        this.#reception.noteFault(update, body, this.#around.clock.now());
        this.#around.observer.updateFaults(this, update);
      },
      event: (event) => {
        this.#event(line.side, event);
        return this.#lines[line.side] === line;
      },
    });
  }

  #agreed({ side }: Line): Negotiated | null {
    const state = this.#state[side];
    return state.name === "Established" || state.name === "OpenConfirm" ? state.negotiated : null;
  }

  #established(line: Line, negotiated: Negotiated): void {
    this.#live = { line, negotiated };
    this.#reception.open(negotiated, this.config.keepReceived);
    this.#outbound.open(negotiated, this.#nextHopChooser(line, negotiated));
    this.flush();
  }

  #chooseNextHops(): void {
    if (this.#live === null) return;
    const { line, negotiated } = this.#live;
    this.#outbound.chooseAgain(this.#nextHopChooser(line, negotiated));
    this.flush();
  }

  #nextHopChooser({ local, remote }: Line, negotiated: Negotiated): ChooseNextHop {
    const { config } = this.#state;
    if (local === null) return () => ({ ok: false, reason: "our address on the session is not known" });
    const onHost = this.#around.network.localAddresses?.() ?? [];
    const onInterface = addressesBeside(local, config.interface, onHost);
    return (family) => chooseNextHop(family, config, negotiated, { local, remote, onInterface });
  }

  /** What is kept of received routes changed: the peer is asked to send them again where it can (RFC 2918). */
  #receiveAnew(): void {
    for (const family of this.#reception.keepDifferently(this.config.keepReceived)) {
      this.counters.routeRefreshesSent++;
      this.#live?.line.send({ type: "routeRefresh", ...afiSafi(family), subtype: REFRESH_SUBTYPE.request });
    }
  }

  #refresh(message: RouteRefreshMessage): void {
    const family = message.subtype === REFRESH_SUBTYPE.end ? familyOf(message.afi, message.safi) : null;
    if (family !== null) this.#reception.refreshEnded(family);
    this.#outbound.refresh(message);
    this.flush();
  }

  #watch(): ReceptionWatch | null {
    const { watcher } = this.#around;
    if (watcher === undefined) return null;
    return {
      isWatched: (attributes) => watcher.isWatched(attributes),
      changed: (prefix, attributes) => watcher.routeChanged(this, prefix, attributes),
      readingChanged: (reading) => watcher.readingChanged(this, reading),
    };
  }

  /** Received routes are counted, and kept where asked for; they are never used for forwarding (C-157). */
  #take(update: UpdateMessage): void {
    this.#reception.take(update);
    this.#checkLimit();
  }

  #checkLimit(): void {
    const { maxPrefixes } = this.config;
    if (!this.#reception.isOver(maxPrefixes)) return;
    const detail = `the peer has advertised more than ${maxPrefixes} prefixes`;
    this.#step({ type: "standDown", notification: cease(CEASE.maxPrefixes), detail });
  }

  #detach(side: Side): void {
    this.#lines[side] = null;
    if (this.#live?.line.side === side) {
      this.#live = null;
      this.#reception.close();
      this.#outbound.close();
      this.#drained?.();
    }
  }

  /** Octets for the socket: small messages, then withdrawals, announcements, End-of-RIB. */
  #fill(line: Line | null, slab: Uint8Array): number {
    if (line === null) return 0;
    const at = line.fill(slab);
    return this.#live?.line === line && !line.isFinishing ? this.#outbound.fill(slab, at) : at;
  }

  #sent({ side }: Line): void {
    this.#event(side, { type: "bytesSent" });
    this.#checkDrained();
    if (this.#outbound.isDrained) this.#around.observer.drained?.(this);
  }

  #checkDrained(): void {
    if (this.#outbound.isDrained) this.#drained?.();
  }

  #armTimer(): void {
    this.#alarm.set(this.#removed ? null : peerDeadline(this.#state));
  }
}
