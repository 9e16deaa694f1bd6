// One BFD session: state variables, timers and procedures of RFC 5880 6.8. Owns everything between two packets of one peer.
// Knows no socket, no clock and no other session; which packets are its own is the demultiplexer's business.
// Contract: every call has the time as its last argument (integer monotonic microseconds, never going back); after it, `arm`
// tells when `fire` must be called next; octets given to the outputs are valid during that call only. Nothing is
// allocated between two changes of state.
import type { Random } from "../kernel/clock.ts";
import { AuthState, type Digest, sequenceIsStale } from "./auth.ts";
import { type BfdProfile, echoWanted, LEAST_INTERVAL, SLOW_INTERVAL, sameAuth } from "./config.ts";
import { Echo } from "./echo.ts";
import { Intervals } from "./intervals.ts";
import { CONTROL_LENGTH, type ControlPacket, encodeControl } from "./packet.ts";
import {
  type BfdAuth,
  type BfdState,
  DIAG,
  type DropCause,
  type Micros,
  NEVER,
  SESSION_COUNTERS,
  type SessionAddress,
  type SessionCounter,
  type SessionHandle,
  type SessionStatus,
  type StateReason,
  sessionKey,
  type Transition,
} from "./protocol.ts";
import { judgeLateness, newPunctuality, wasAway } from "./stallPolicy.ts";
import { STATE_TABLE } from "./stateTable.ts";

/** What a user asked for, checked. */
export interface SessionConfig {
  readonly local: string | null;
  readonly profile: BfdProfile;
  readonly auth: BfdAuth | null;
  readonly isAdminDown: boolean;
}

/** What all sessions of an engine share. */
export interface SessionContext {
  /** For transmit times; cheap. */
  readonly jitter: Random;
  /** Unpredictable. */
  readonly secret: Random;
  readonly digest: Digest;
  /** Scratch for packets we send. */
  readonly packet: ControlPacket;
  readonly buffer: Uint8Array;
  sendControl(session: Session, length: number): void;
  sendEcho(session: Session, length: number): void;
  changed(session: Session, transition: Transition): void;
  stalled(session: Session, away: Micros, detectionTime: Micros): void;
  adapted(session: Session, from: Micros, to: Micros): void;
  /** AdminDown was said for long enough. */
  retired(session: Session): void;
}

/** Row of counters: `SESSION_COUNTERS` in their order. */
export const COUNTER = Object.fromEntries(SESSION_COUNTERS.map((name, i) => [name, i])) as Readonly<
  Record<SessionCounter, number>
>;

/** Packets outside the periodic ones (Finals, changes of state): this many at once, then one per GAP (RFC 5880 6.8.7). */
const BURST = 8;
const BURST_GAP: Micros = LEAST_INTERVAL;
/** A peer may ask for hours between packets; a removed session does not linger so long (C-220). */
const LONGEST_FAREWELL: Micros = 60_000_000;
const TRANSITIONS_KEPT = 8;

export class Session implements SessionHandle {
  readonly id: number;
  readonly key: string;
  readonly address: SessionAddress;
  readonly localDiscr: number;
  readonly counters: Float64Array;
  /** Over which the peer was last heard; 0: not known. */
  interfaceIndex = 0;
  readonly #context: SessionContext;
  readonly #intervals: Intervals;
  readonly #echo: Echo;
  readonly #punctuality = newPunctuality();
  readonly #lastSent = new Uint8Array(CONTROL_LENGTH);
  #auth: AuthState | null = null;
  #local: string | null;
  #profile: BfdProfile;
  #transitions: readonly Transition[] = [];

  // RFC 5880 6.8.1
  #state: BfdState = "Down";
  #remoteState: BfdState = "Down";
  #remoteDiscr = 0;
  #localDiag: number = DIAG.none;
  #remoteDiag: number = DIAG.none;
  #remoteMinRxInterval: Micros = 1;
  #remoteMinTxInterval: Micros = 0;
  #remoteMinEchoRxInterval: Micros = 0;
  #remoteDetectMult = 0;
  #remoteDemand = false;

  // Points in time start as NEVER, a fraction to the machine: a number that grows out of the small integers later would
  // make it rebuild the object.
  #nextTxAt: Micros = NEVER;
  #plannedInterval: Micros = NEVER;
  #lastPeriodicAt: Micros = Number.NEGATIVE_INFINITY;
  #lastRxAt: Micros = NEVER;
  #detectionTime: Micros = NEVER;
  #detectAt: Micros = NEVER;
  /** Packets owed outside the periodic ones, and when the next of them may go. */
  #finalOwed = false;
  #changeOwed = false;
  #releaseAt: Micros = NEVER;
  #burstEnd: Micros = Number.NEGATIVE_INFINITY;
  #farewellEnd: Micros = NEVER;
  #isLeaving = false;
  /** One expiry is forgiven, not a row of them (C-231). */
  #expiryForgiven = false;

  constructor(
    id: number,
    localDiscr: number,
    address: SessionAddress,
    config: SessionConfig,
    counters: Float64Array,
    context: SessionContext,
    now: Micros,
  ) {
    this.id = id;
    this.key = sessionKey(address);
    this.address = address;
    this.localDiscr = localDiscr;
    this.counters = counters;
    this.#context = context;
    this.#profile = config.profile;
    this.#local = config.local;
    this.#intervals = new Intervals(this.#slowTx(), config.profile.requiredMinRxInterval);
    this.#echo = new Echo(localDiscr, context.secret, context.jitter);
    this.#setAuth(config.auth);
    if (config.isAdminDown) {
      this.#state = "AdminDown";
      this.#localDiag = DIAG.adminDown;
    }
    this.#plan(now);
  }

  get local(): string | null {
    return this.#local;
  }
  get usesEcho(): boolean {
    return echoWanted(this.#profile, this.address.hop);
  }
  get state(): BfdState {
    return this.#state;
  }
  get remoteState(): BfdState {
    return this.#remoteState;
  }
  get remoteDiscr(): number {
    return this.#remoteDiscr;
  }
  /** The last user is gone; AdminDown is being said. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }
  get minimumTtl(): number {
    return this.address.hop === "single" ? 255 : this.#profile.minimumTtl;
  }

  /** Writes down when `fire` is due. To be called after every other call. */
  arm(deadlines: Float64Array): void {
    let at = this.#nextTxAt < this.#detectAt ? this.#nextTxAt : this.#detectAt;
    if (this.#releaseAt < at) at = this.#releaseAt;
    if (this.#echo.dueAt < at) at = this.#echo.dueAt;
    if (this.#echo.lostAt < at) at = this.#echo.lostAt;
    deadlines[this.id] = this.#farewellEnd < at ? this.#farewellEnd : at;
  }

  // --- commands

  /** Another configuration, live: nothing here ends a session that is Up, but AdminDown (C-227, C-228, C-229). */
  configure(config: SessionConfig, now: Micros): void {
    const old = this.#profile;
    this.#profile = config.profile;
    this.#local = config.local;
    if (!sameAuth(this.#auth === null ? null : this.#auth.config, config.auth)) this.#setAuth(config.auth);
    const isUp = this.#state === "Up";
    if (!isUp) this.#intervals.setTx(this.#slowTx(), false);
    // an interval that was raised for our lateness stays raised unless the wish itself changed
    else if (old.desiredMinTxInterval !== config.profile.desiredMinTxInterval) {
      this.#intervals.setTx(config.profile.desiredMinTxInterval, true);
    }
    this.#intervals.setRx(config.profile.requiredMinRxInterval, isUp);
    this.#isLeaving = false;
    this.#farewellEnd = NEVER;
    if (config.isAdminDown) this.#toAdminDown(now);
    else if (this.#state === "AdminDown") this.#setState("Down", DIAG.none, "adminUp", now);
    this.#plan(now);
    this.#release(now);
  }

  /** Nobody wants the session any more: AdminDown for as long as the peer needs to notice, then `retired` (RFC 5880 6.8.16). */
  leave(now: Micros): void {
    this.#isLeaving = true;
    const wasHeard = this.#lastRxAt !== NEVER;
    this.#toAdminDown(now);
    const peersPatience = this.#profile.detectMult * Math.max(this.#intervals.tx, this.#remoteMinRxInterval);
    const ours = this.#remoteDiscr === 0 ? 0 : this.#detectionTime;
    // a peer that was never heard has nothing to notice
    this.#farewellEnd = wasHeard ? now + Math.min(Math.max(peersPatience, ours), LONGEST_FAREWELL) : now;
    this.#plan(now);
    this.#release(now);
  }

  /** The link under the session is gone. */
  pathDown(now: Micros): void {
    if (this.#state !== "Up" && this.#state !== "Init") return;
    this.#setState("Down", DIAG.pathDown, "pathDown", now);
    this.#plan(now);
    this.#release(now);
  }

  // --- packets

  /** Is the packet genuine? To be asked before anything is believed (RFC 5880 6.8.6; C-202, C-208). */
  authenticate(packet: ControlPacket, bytes: Uint8Array, now: Micros): DropCause | null {
    if (this.#auth === null) return packet.hasAuth ? "authUnexpected" : null;
    if (!packet.hasAuth) return "authMissing";
    if (sequenceIsStale(now - this.#lastRxAt, this.#detectionTime)) this.#auth.forgetSequence();
    return this.#auth.verify(bytes, packet.length, packet.detectMult);
  }

  /** A packet that has passed every check (RFC 5880 6.8.6 from "Set bfd.RemoteDiscr" on). */
  handle(packet: ControlPacket, now: Micros): void {
    this.#count(COUNTER.controlIn);
    this.#lastRxAt = now;
    this.#expiryForgiven = false;
    this.#remoteDiscr = packet.myDiscr;
    this.#remoteState = packet.state;
    this.#remoteDiag = packet.diag;
    this.#remoteDemand = packet.demand;
    this.#remoteDetectMult = packet.detectMult;
    this.#remoteMinTxInterval = packet.desiredMinTxInterval;
    this.#remoteMinRxInterval = packet.requiredMinRxInterval;
    this.#remoteMinEchoRxInterval = packet.requiredMinEchoRxInterval;
    if (packet.final) this.#intervals.finalReceived();
    const next = STATE_TABLE[this.#state][packet.state];
    if (next.state !== this.#state) {
      const reason = next.state !== "Down" ? "handshake" : packet.state === "AdminDown" ? "peerAdminDown" : "peerDown";
      this.#setState(next.state, next.diag ?? this.#localDiag, reason, now);
    }
    if (packet.poll) this.#finalOwed = true;
    this.#plan(now);
    this.#release(now);
  }

  /** An echo packet with our discriminator; false: not one we are waiting for. */
  handleEcho(bytes: Uint8Array, now: Micros): boolean {
    if (!this.#echo.take(bytes, now)) return false;
    this.#count(COUNTER.echoIn);
    return true;
  }

  // --- time

  /**
   * Does what is due.
   * @param gap how long the shell had not looked at its sockets before this turn, and @param overdue how much of that was not
   * meant; both 0 unless the turn began late
   */
  fire(gap: Micros, overdue: Micros, now: Micros): void {
    if (now >= this.#farewellEnd) {
      this.#context.retired(this);
      return;
    }
    if (now >= this.#detectAt) this.#detectionExpired(gap, overdue, now);
    if (now >= this.#echo.lostAt) this.#echoExpired(gap, overdue, now);
    if (now >= this.#releaseAt) this.#release(now);
    if (now >= this.#nextTxAt) this.#sendPeriodic(now);
    if (now >= this.#echo.dueAt) {
      const length = this.#echo.write(this.#context.buffer, now);
      this.#count(COUNTER.echoOut);
      this.#context.sendEcho(this, length);
    }
  }

  #detectionExpired(gap: Micros, overdue: Micros, now: Micros): void {
    const mattered = this.#state === "Up" || this.#state === "Init";
    if (mattered && this.#isForgiven(gap, overdue, this.#detectionTime)) {
      this.#detectAt = now + this.#detectionTime;
      return;
    }
    // RFC 5880 6.8.1: what the peer told us is not true any more
    this.#remoteDiscr = 0;
    this.#remoteState = "Down";
    this.#remoteDemand = false;
    this.#remoteDetectMult = 0;
    this.#remoteMinTxInterval = 0;
    this.#remoteMinRxInterval = 1;
    this.#remoteMinEchoRxInterval = 0;
    this.#detectAt = NEVER;
    if (mattered) this.#setState("Down", DIAG.detectionTimeExpired, "detectionTimeExpired", now);
    this.#plan(now);
    this.#release(now);
  }

  #echoExpired(gap: Micros, overdue: Micros, now: Micros): void {
    if (this.#isForgiven(gap, overdue, this.#profile.detectMult * this.#echo.interval)) {
      this.#echo.forgive(now);
      return;
    }
    this.#setState("Down", DIAG.echoFailed, "echoFailed", now);
    this.#plan(now);
    this.#release(now);
  }

  #isForgiven(gap: Micros, overdue: Micros, detectionTime: Micros): boolean {
    if (this.#expiryForgiven || !wasAway(gap, overdue, detectionTime)) return false;
    this.#expiryForgiven = true;
    this.#count(COUNTER.expiriesIgnored);
    this.#context.stalled(this, gap, detectionTime);
    return true;
  }

  #sendPeriodic(now: Micros): void {
    const lateness = now - this.#nextTxAt;
    this.#send(false);
    this.#changeOwed = false;
    if (!this.#finalOwed) this.#releaseAt = NEVER;
    this.#armPeriodic(now);
    if (this.#state !== "Up") return;
    const before = this.#intervals.announcedTx;
    const { detectMult, desiredMinTxInterval } = this.#profile;
    const interval = this.#plannedInterval;
    const wish = judgeLateness(this.#punctuality, lateness, interval, detectMult, before, desiredMinTxInterval, now);
    if (wish === before) return;
    this.#intervals.setTx(wish, true);
    this.#count(COUNTER.adaptations);
    this.#context.adapted(this, before, wish);
    this.#plan(now);
  }

  // --- state

  #setState(next: BfdState, diag: number, reason: StateReason, now: Micros): void {
    const from = this.#state;
    this.#state = next;
    this.#localDiag = diag;
    this.#changeOwed = true;
    if (next === "Up") {
      this.#count(COUNTER.upEvents);
      this.#intervals.setTx(this.#profile.desiredMinTxInterval, true);
      if (!this.#intervals.pollActive) this.#intervals.poll();
    } else if (from === "Up") {
      this.#count(COUNTER.downEvents);
      this.#intervals.leaveUp(this.#slowTx());
    }
    const transition: Transition = { at: now, from, to: next, reason, localDiag: diag, remoteDiag: this.#remoteDiag };
    this.#transitions = [...this.#transitions, transition].slice(-TRANSITIONS_KEPT);
    this.#context.changed(this, transition);
  }

  #toAdminDown(now: Micros): void {
    if (this.#state !== "AdminDown") this.#setState("AdminDown", DIAG.adminDown, "adminDown", now);
  }

  #slowTx(): Micros {
    return Math.max(SLOW_INTERVAL, this.#profile.desiredMinTxInterval);
  }

  #setAuth(auth: BfdAuth | null): void {
    const { digest, secret } = this.#context;
    this.#auth = auth === null ? null : new AuthState(auth, digest, Math.floor(secret.next() * 0x1_0000_0000));
  }

  // --- timers

  /** Sets every timer that follows from the state variables. Idempotent, and without effect where nothing changed. */
  #plan(now: Micros): void {
    if (this.#remoteDiscr !== 0) {
      this.#detectionTime = this.#remoteDetectMult * Math.max(this.#intervals.rx, this.#remoteMinTxInterval);
      // a forgiven expiry has been given its own time
      if (!this.#expiryForgiven) this.#detectAt = this.#lastRxAt + this.#detectionTime;
    }
    this.#planPeriodic(now);
    if (this.#state === "Up" && this.usesEcho && this.#remoteMinEchoRxInterval > 0) {
      const interval = Math.max(this.#profile.echoInterval, this.#remoteMinEchoRxInterval);
      this.#echo.run(interval, this.#profile.detectMult, now);
    } else if (this.#echo.isActive) {
      this.#echo.stop();
    }
  }

  #planPeriodic(now: Micros): void {
    const interval = this.#transmitInterval();
    if (interval === NEVER) {
      this.#nextTxAt = this.#plannedInterval = NEVER;
    } else if (interval !== this.#plannedInterval) {
      // counted from the last packet: a shorter interval pulls the next one forward, a longer one pushes it back (C-223)
      this.#plannedInterval = interval;
      this.#nextTxAt = Math.max(now, this.#lastPeriodicAt + this.#jittered(interval));
    }
  }

  /** Between periodic packets before jitter; NEVER: none are to be sent (RFC 5880 6.8.7). */
  #transmitInterval(): Micros {
    if (this.#isMute() || this.#remoteMinRxInterval === 0) return NEVER;
    const demandActive = this.#remoteDemand && this.#state === "Up" && this.#remoteState === "Up";
    if (demandActive && !this.#intervals.pollActive) return NEVER;
    return Math.max(this.#intervals.tx, this.#remoteMinRxInterval);
  }

  /** The passive side says nothing before it is spoken to. */
  #isMute(): boolean {
    return this.#profile.isPassive && this.#remoteDiscr === 0;
  }

  /** RFC 5880 6.8.7: 75 to 100 % of the interval, to 90 % when a single lost packet is the end. */
  #jittered(interval: Micros): Micros {
    const span = this.#profile.detectMult === 1 ? 0.15 : 0.25;
    return Math.floor(interval * (0.75 + span * this.#context.jitter.next()));
  }

  #armPeriodic(now: Micros): void {
    this.#lastPeriodicAt = now;
    if (this.#plannedInterval !== NEVER) this.#nextTxAt = now + this.#jittered(this.#plannedInterval);
  }

  // --- sending

  /** Sends what is owed outside the periodic packets, or arms the moment when it may go. */
  #release(now: Micros): void {
    this.#releaseAt = NEVER;
    if (this.#changeOwed && this.#isMute()) this.#changeOwed = false;
    if (!this.#finalOwed && !this.#changeOwed) return;
    const allowedAt = this.#burstEnd - BURST * BURST_GAP;
    if (now < allowedAt) {
      this.#releaseAt = allowedAt;
      return;
    }
    this.#burstEnd = Math.max(this.#burstEnd, now) + BURST_GAP;
    // A Final says the new state as well. It leaves the periodic timer alone: a flood of polls must not keep our own poll,
    // which rides on periodic packets, from ever being sent.
    const isFinal = this.#finalOwed;
    this.#finalOwed = this.#changeOwed = false;
    this.#send(isFinal);
    if (!isFinal) this.#armPeriodic(now);
  }

  #send(final: boolean): void {
    const { packet, buffer } = this.#context;
    const auth = this.#auth;
    packet.diag = this.#localDiag;
    packet.state = this.#state;
    packet.final = final;
    packet.poll = !final && this.#intervals.pollActive;
    if (packet.poll) this.#intervals.asked();
    packet.hasAuth = auth !== null;
    packet.detectMult = this.#profile.detectMult;
    packet.length = auth === null ? CONTROL_LENGTH : auth.packetLength;
    packet.myDiscr = this.localDiscr;
    packet.yourDiscr = this.#remoteDiscr;
    packet.desiredMinTxInterval = this.#intervals.announcedTx;
    packet.requiredMinRxInterval = this.#intervals.announcedRx;
    packet.requiredMinEchoRxInterval = this.usesEcho ? this.#profile.echoInterval : 0;
    encodeControl(packet, buffer);
    if (auth !== null) auth.sign(buffer, this.#isNews(buffer));
    this.#count(COUNTER.controlOut);
    this.#context.sendControl(this, packet.length);
  }

  /** Does the packet say something else than the one before? */
  #isNews(packet: Uint8Array): boolean {
    let isNews = false;
    for (let i = 0; i < CONTROL_LENGTH; i++) {
      const octet = packet[i] ?? 0;
      if (this.#lastSent[i] !== octet) isNews = true;
      this.#lastSent[i] = octet;
    }
    return isNews;
  }

  #count(counter: number): void {
    this.counters[counter] = (this.counters[counter] ?? 0) + 1;
  }

  status(users: readonly string[]): SessionStatus {
    const interval = this.#transmitInterval();
    const isHeard = this.#remoteDiscr !== 0;
    const counters = Object.fromEntries(SESSION_COUNTERS.map((name) => [name, this.counters[COUNTER[name]] ?? 0]));
    return {
      key: this.key,
      address: this.address,
      local: this.#local,
      users,
      profile: this.#profile.name,
      state: this.#state,
      remoteState: this.#remoteState,
      localDiag: this.#localDiag,
      remoteDiag: this.#remoteDiag,
      localDiscr: this.localDiscr,
      remoteDiscr: this.#remoteDiscr,
      isPassive: this.#profile.isPassive,
      authType: this.#auth === null ? null : this.#auth.config.type,
      pollActive: this.#intervals.pollActive,
      remoteDemand: this.#remoteDemand,
      detectMult: this.#profile.detectMult,
      remoteDetectMult: this.#remoteDetectMult,
      desiredMinTxInterval: this.#intervals.announcedTx,
      requiredMinRxInterval: this.#intervals.announcedRx,
      requiredMinEchoRxInterval: this.usesEcho ? this.#profile.echoInterval : 0,
      remoteDesiredMinTxInterval: this.#remoteMinTxInterval,
      remoteRequiredMinRxInterval: this.#remoteMinRxInterval,
      remoteRequiredMinEchoRxInterval: this.#remoteMinEchoRxInterval,
      transmitInterval: interval === NEVER ? null : interval,
      detectionTime: isHeard ? this.#detectionTime : null,
      echoInterval: this.#echo.isActive ? this.#echo.interval : null,
      lastReceivedAt: this.#lastRxAt === NEVER ? null : this.#lastRxAt,
      counters: counters as Record<SessionCounter, number>,
      transitions: this.#transitions,
    };
  }
}
