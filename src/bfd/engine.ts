// All BFD sessions of a process: commands in, packets and events out, one deadline for all of them. Owns the sessions, who uses
// them, and the counts of what was dropped. Knows no socket, no thread, no clock.
//
// How a shell drives it (time is integer monotonic microseconds and never goes back; every call takes the same `now` of a turn):
//   1. sleep until a socket is readable or `nextDeadline()` has come (NEVER: nothing is due), 100 ms at most;
//   2. now = clock(); engine.wake(now, lastWake), where lastWake is the `now` of the turn before;
//   3. read EVERYTHING that is waiting: engine.receive(...) / receiveEcho(...) per datagram, engine.command(...) per command;
//   4. engine.fire(now). Only here is a peer judged, so step 3 must not be skipped or cut short after a pause (C-231). A flood
//      may be read in portions: then fire() between them is right, because wake() was told the truth.
// Outputs are called from within these calls and must not call back into the engine. The bytes given to them are one buffer,
// overwritten by the next packet. `opened` comes before a session's first packet, `closed` after its last; `rebound` when
// `local` or `usesEcho` of a handle changed. Sockets open with the first session and close with the last one (C-245).
// Steady state allocates nothing: no object per packet, one typed-array heap of deadlines, counters in a given Float64Array
// (over a SharedArrayBuffer if the shell likes: row `handle.id`, columns SESSION_COUNTERS).
import type { Random } from "../kernel/clock.ts";
import { parseIp } from "../kernel/ip.ts";
import { assertNever, invariant } from "../kernel/result.ts";
import type { Digest } from "./auth.ts";
import { authFaults, echoWanted, profileDifferences, profileFaults, sameAuth } from "./config.ts";
import { Deadlines } from "./deadlines.ts";
import { Demux, type Route } from "./demux.ts";
import { decodeControl, ECHO_LENGTH, echoDiscr, MAX_CONTROL_LENGTH, newControlPacket } from "./packet.ts";
import {
  type Arrival,
  type BfdCommand,
  type BfdEvent,
  type ConfigFault,
  DROP_CAUSES,
  type DropCause,
  type Micros,
  SESSION_COUNTERS,
  type SessionHandle,
  type SessionStatus,
  type Stalled,
  sessionKey,
} from "./protocol.ts";
import { COUNTER, Session, type SessionConfig, type SessionContext } from "./session.ts";

export interface EngineOutputs {
  opened(handle: SessionHandle): void;
  rebound(handle: SessionHandle): void;
  closed(handle: SessionHandle): void;
  /** Port 3784 (single hop) or 4784, TTL 255, from the session's own source port (RFC 5881 4, 5883 4). */
  transmit(handle: SessionHandle, bytes: Uint8Array, length: number): void;
  /** Port 3785 (RFC 5881 4). */
  transmitEcho(handle: SessionHandle, bytes: Uint8Array, length: number): void;
  event(event: BfdEvent): void;
}

export interface EngineOptions {
  /** Uniform in [0, 1), for transmit times; called once per packet. */
  readonly jitter: Random;
  /** Uniform in [0, 1) and unpredictable, with 32 bits: discriminators, sequence numbers, echo tags. */
  readonly secret: Random;
  readonly digest: Digest;
  /** Sessions at a time, the ones that are saying goodbye included. */
  readonly maxSessions: number;
  /** `maxSessions * SESSION_COUNTERS.length` numbers; absent: made here. */
  readonly counters?: Float64Array;
}

export const DEFAULT_MAX_SESSIONS = 4096;

type Upsert = Extract<BfdCommand, { type: "upsert" }>;

interface Entry {
  readonly session: Session;
  readonly route: Route<Session>;
  /** By user, sorted: the first one's wishes count. */
  users: readonly Upsert[];
  /** As last reported. */
  conflict: string;
}

const DROP_INDEX = Object.fromEntries(DROP_CAUSES.map((cause, i) => [cause, i])) as Readonly<Record<DropCause, number>>;
const COLUMNS = SESSION_COUNTERS.length;

export class Engine {
  readonly #outputs: EngineOutputs;
  readonly #options: EngineOptions;
  readonly #context: SessionContext;
  readonly #demux: Demux<Session>;
  readonly #deadlines: Deadlines;
  readonly #entries = new Map<string, Entry>();
  readonly #byId: (Entry | undefined)[] = [];
  readonly #spareIds: number[] = [];
  readonly #counters: Float64Array;
  readonly #drops = new Float64Array(DROP_CAUSES.length);
  readonly #packet = newControlPacket();
  #gap: Micros = 0;
  #overdue: Micros = 0;
  /** What the turn has forgiven so far: one stall of ours, however many sessions it would have cost. */
  #stalled: Stalled | null = null;

  constructor(outputs: EngineOutputs, options: EngineOptions) {
    this.#outputs = outputs;
    this.#options = options;
    this.#demux = new Demux(options.secret);
    this.#deadlines = new Deadlines(options.maxSessions);
    this.#counters = options.counters ?? new Float64Array(options.maxSessions * COLUMNS);
    invariant(this.#counters.length >= options.maxSessions * COLUMNS, "room for every session's counters");
    const buffer = new Uint8Array(MAX_CONTROL_LENGTH);
    this.#context = {
      jitter: options.jitter,
      secret: options.secret,
      digest: options.digest,
      packet: newControlPacket(),
      buffer,
      sendControl: (session, length) => outputs.transmit(session, buffer, length),
      sendEcho: (session, length) => outputs.transmitEcho(session, buffer, length),
      changed: (s, t) =>
        outputs.event({
          type: "stateChanged",
          key: s.key,
          users: this.#usersOf(s),
          from: t.from,
          to: t.to,
          reason: t.reason,
          remoteState: s.remoteState,
          localDiag: t.localDiag,
          remoteDiag: t.remoteDiag,
          localDiscr: s.localDiscr,
          remoteDiscr: s.remoteDiscr,
          at: t.at,
        }),
      stalled: ({ key }, away, detectionTime) => {
        const first = this.#stalled ?? { type: "stalled", key, detectionTime, sessions: 0, away };
        this.#stalled = { ...first, sessions: first.sessions + 1 };
      },
      adapted: (s, from, to) => {
        const configured = this.#byId[s.id]?.users[0]?.profile.desiredMinTxInterval ?? to;
        outputs.event({ type: "adapted", key: s.key, why: to > from ? "late" : "calm", from, to, configured });
      },
      retired: (session) => this.#close(session),
    };
  }

  get sessionCount(): number {
    return this.#entries.size;
  }

  /** NEVER when nothing is due. */
  nextDeadline(): Micros {
    return this.#deadlines.nearest;
  }

  /** A turn begins. @param lastWake `now` of the turn before */
  wake(now: Micros, lastWake: Micros): void {
    this.#gap = now - lastWake;
    this.#overdue = Math.max(0, now - this.#deadlines.nearest);
  }

  // --- packets

  /**
   * A datagram from port 3784 or 4784: the first `length` octets of `bytes`, of any content.
   * @returns why it was dropped, or null
   */
  receive(bytes: Uint8Array, length: number, from: Arrival, now: Micros): DropCause | null {
    const packet = this.#packet;
    const fault = decodeControl(bytes, length, packet);
    if (fault !== null) return this.#drop(fault);
    // RFC 5881 5: before anything else is believed, and for every packet (C-204)
    if (from.hop === "single" && from.ttl !== -1 && from.ttl !== 255) return this.#drop("ttl");
    const route = this.#demux.find(packet, from);
    if (typeof route === "string") return this.#drop(route);
    const session = route.target;
    if (from.hop === "multi" && from.ttl !== -1 && from.ttl < session.minimumTtl) return this.#drop("ttl", session);
    const forged = session.authenticate(packet, bytes, now);
    if (forged !== null) return this.#drop(forged, session);
    session.interfaceIndex = from.interfaceIndex;
    session.handle(packet, now);
    this.#arm(session);
    return null;
  }

  /** A datagram from port 3785 that came back to us (one of the peer's own is to be reflected by the shell, not given here). */
  receiveEcho(bytes: Uint8Array, length: number, now: Micros): DropCause | null {
    if (length < ECHO_LENGTH || bytes.length < length) return this.#drop("tooShort");
    const session = this.#demux.byDiscr(echoDiscr(bytes))?.target;
    if (session === undefined || !session.handleEcho(bytes, now)) return this.#drop("echoForeign", session);
    this.#arm(session);
    return null;
  }

  #drop(cause: DropCause, session?: Session): DropCause {
    const i = DROP_INDEX[cause];
    this.#drops[i] = (this.#drops[i] ?? 0) + 1;
    if (session !== undefined) session.counters[COUNTER.dropped] = (session.counters[COUNTER.dropped] ?? 0) + 1;
    return cause;
  }

  // --- time

  /** Everything that is due at `now`. */
  fire(now: Micros): void {
    while (this.#deadlines.isDue(now)) {
      const entry = this.#byId[this.#deadlines.nearestId];
      invariant(entry !== undefined, "a deadline belongs to a session");
      const { session } = entry;
      session.fire(this.#gap, this.#overdue, now);
      if (this.#byId[session.id] !== entry) continue;
      this.#arm(session);
      invariant(this.#deadlines.nearestId !== session.id || !this.#deadlines.isDue(now), "what was due has been done");
    }
    this.#gap = this.#overdue = 0;
    if (this.#stalled !== null) this.#outputs.event(this.#stalled);
    this.#stalled = null;
  }

  #arm(session: Session): void {
    session.arm(this.#deadlines.wished);
    this.#deadlines.update(session.id);
  }

  // --- commands

  command(command: BfdCommand, now: Micros): void {
    switch (command.type) {
      case "upsert":
        this.#upsert(command, now);
        return;
      case "remove":
        this.#remove(command.user, sessionKey(command.address), now);
        return;
      case "interface":
        this.#demux.setInterface(command.name, command.index);
        if (!command.isUp || command.index === 0) this.#linkDown(command.name, command.index, now);
        return;
    }
    assertNever(command);
  }

  #linkDown(name: string, index: number, now: Micros): void {
    for (const { session } of this.#entries.values()) {
      const { interface: bound, hop } = session.address;
      const isOver = bound === null ? index !== 0 && session.interfaceIndex === index : bound === name;
      if (!isOver || hop !== "single") continue;
      session.pathDown(now);
      this.#arm(session);
    }
  }

  #upsert(wish: Upsert, now: Micros): void {
    const key = sessionKey(wish.address);
    const old = this.#entries.get(key);
    const faults = this.#faultsOf(wish, old === undefined);
    if (faults.length > 0) this.#outputs.event({ type: "refused", key, user: wish.user, faults });
    if (faults.some((f) => f.path !== ECHO_PATH)) return;
    const entry = old ?? this.#open(wish, now);
    const others = entry.users.filter((u) => u.user !== wish.user);
    entry.users = [...others, wish].sort((a, b) => (a.user < b.user ? -1 : 1));
    this.#settle(entry, now);
  }

  #faultsOf(wish: Upsert, isNew: boolean): readonly ConfigFault[] {
    const faults: ConfigFault[] = [...profileFaults(wish.profile), ...authFaults(wish.auth)];
    if (parseIp(wish.address.peer) === null) faults.push({ path: "address.peer", message: "is not an IP address" });
    if (wish.local !== null && parseIp(wish.local) === null) {
      faults.push({ path: "local", message: "is not an IP address" });
    }
    // RFC 5883 3: the session runs without it (C-242)
    if (wish.profile.echo && !echoWanted(wish.profile, wish.address.hop)) {
      faults.push({ path: ECHO_PATH, message: "echo is not used on multihop sessions" });
    }
    if (isNew && this.#entries.size >= this.#options.maxSessions) {
      faults.push({ path: "", message: `there are ${this.#options.maxSessions} BFD sessions already` });
    }
    return faults;
  }

  #remove(user: string, key: string, now: Micros): void {
    const entry = this.#entries.get(key);
    if (entry === undefined || !entry.users.some((u) => u.user === user)) return;
    entry.users = entry.users.filter((u) => u.user !== user);
    if (entry.users.length > 0) {
      this.#settle(entry, now);
      return;
    }
    entry.session.leave(now);
    this.#arm(entry.session);
  }

  #open(wish: Upsert, now: Micros): Entry {
    const id = this.#spareIds.pop() ?? this.#byId.length;
    const row = this.#counters.subarray(id * COLUMNS, (id + 1) * COLUMNS).fill(0);
    const { address, local } = wish;
    const make = (discr: number): Session => new Session(id, discr, address, wish, row, this.#context, now);
    const route = this.#demux.add(make, address, local);
    const entry: Entry = { session: route.target, route, users: [], conflict: "" };
    this.#entries.set(route.target.key, entry);
    this.#byId[id] = entry;
    this.#outputs.opened(route.target);
    return entry;
  }

  /** Carries out what the first user wants, and says who does not get his way. */
  #settle(entry: Entry, now: Micros): void {
    const { session, route, users } = entry;
    const first = users[0];
    invariant(first !== undefined, "a session that is wanted has users");
    const { local, usesEcho } = session;
    const config: SessionConfig = { ...first, isAdminDown: users.every((u) => u.isAdminDown) };
    session.configure(config, now);
    route.setLocal(first.local);
    this.#arm(session);
    if (session.local !== local || session.usesEcho !== usesEcho) this.#outputs.rebound(session);
    const ignored = users
      .map((u) => ({ user: u.user, fields: differences(first, u) }))
      .filter((u) => u.fields.length > 0);
    const conflict = ignored.length === 0 ? "" : JSON.stringify([first.user, ignored]);
    if (conflict === entry.conflict) return;
    entry.conflict = conflict;
    this.#outputs.event({ type: "conflict", key: session.key, kept: first.user, ignored });
  }

  #close(session: Session): void {
    const entry = this.#byId[session.id];
    if (entry === undefined) return;
    this.#deadlines.remove(session.id);
    this.#demux.remove(entry.route);
    this.#entries.delete(session.key);
    this.#byId[session.id] = undefined;
    this.#spareIds.push(session.id);
    this.#outputs.closed(session);
    this.#outputs.event({ type: "removed", key: session.key });
  }

  // --- what is shown

  #usersOf(session: Session): readonly string[] {
    return this.#byId[session.id]?.users.map((u) => u.user) ?? [];
  }

  /** All sessions, those that are saying goodbye included (they have no users). */
  status(): readonly SessionStatus[] {
    return [...this.#entries.values()].map((e) => e.session.status(e.users.map((u) => u.user)));
  }

  drops(): Readonly<Record<DropCause, number>> {
    return Object.fromEntries(DROP_CAUSES.map((c, i) => [c, this.#drops[i] ?? 0])) as Record<DropCause, number>;
  }
}

const ECHO_PATH = "profile.echo";

/** Where `user` wants another session than `first`. */
function differences(first: Upsert, user: Upsert): readonly string[] {
  return [
    ...profileDifferences(first.profile, user.profile),
    ...(first.local === user.local ? [] : ["local"]),
    ...(sameAuth(first.auth, user.auth) ? [] : ["auth"]),
  ];
}
