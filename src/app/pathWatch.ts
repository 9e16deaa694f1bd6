// BFD beside BGP (RFC 5882): which sessions the peers ask for, what their state means to each peer, and what is told of it.
// Owns the choice of hop kind, address and interface. The sessions themselves run in their own thread behind bfd/client.ts.
// Contract: `sync` may be called whenever anything changed; it commands only differences. Nothing here ever resets BGP for a
// failure of our own (C-255): only a path that was Up and is Down by the word of the engine does.
import { networkInterfaces } from "node:os";
import { BfdClient, type ClientEvent } from "../bfd/client.ts";
import type { BfdProfile } from "../bfd/config.ts";
import {
  type BfdCommand,
  diagText,
  type HopKind,
  type SessionAddress,
  type SessionStatus,
  type StateChanged,
  sessionKey,
} from "../bfd/protocol.ts";
import { localMillis } from "../bfd/threadClock.ts";
import { timelinessWarning, type WorkerStatus } from "../bfd/threads.ts";
import type { PeerRunner } from "../bgp/peerRunner.ts";
import type { PeerConfig } from "../bgp/session/config.ts";
import { type BfdVerdict, isBarredByBfd } from "../bgp/session/peer.ts";
import type { Speaker } from "../bgp/speaker.ts";
import { formatIp, type Ip, ipEquals, isLinkLocal, parsePrefix, prefixOf } from "../kernel/ip.ts";
import { type ConfigProblem, problemOf } from "../kernel/problem.ts";
import { PeerName } from "../kernel/units.ts";
import type { BfdThreadView, BfdView } from "../observe/bfdView.ts";
import type { Logger } from "../observe/log.ts";
import { say } from "./messages.ts";

export interface PathWatchSurroundings {
  readonly speaker: Speaker;
  readonly log: Logger;
  readonly problemsChanged: () => void;
  /** What BFD says of a path is another thing. */
  readonly verdictChanged?: () => void;
  /** Absent: the real thread, and the addresses of this host. */
  readonly makeClient?: (onEvent: (event: ClientEvent) => void) => BfdClient;
  readonly addresses?: () => readonly LocalAddress[];
}

/** A session as it was commanded for one peer. */
interface Watched {
  readonly address: SessionAddress;
  readonly profile: BfdProfile;
  /** Equal text, same command. */
  readonly text: string;
}

/** What is known of a path, for whoever asks for its session next. */
interface Known {
  readonly verdict: BfdVerdict;
  readonly detail: string;
}

/** How often is looked at what nothing tells of: addresses of the host, and what has not happened. */
const LOOK_AGAIN_MS = 5_000;
/** Looks in a row at an established session without BFD before that is told: the slow start takes seconds. */
const PATIENT_LOOKS = 2;

export class PathWatch {
  readonly #speaker: Speaker;
  readonly #log: Logger;
  readonly #problemsChanged: () => void;
  readonly #verdictChanged: () => void;
  readonly #client: BfdClient;
  readonly #watched = new Map<PeerName, Watched>();
  readonly #known = new Map<string, Known>();
  readonly #socketProblems = new Map<string, string>();
  readonly #refusals = new Map<string, string>();
  /** Looks in a row at which BGP stood and BFD did not. */
  readonly #unwatched = new Map<PeerName, number>();
  readonly #addresses: () => readonly LocalAddress[];
  #thread: BfdThreadView | null = null;
  #drops: WorkerStatus["drops"] | null = null;
  #statuses: readonly SessionStatus[] = [];
  #stalls = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor({ speaker, log, problemsChanged, ...given }: PathWatchSurroundings) {
    this.#speaker = speaker;
    this.#log = log;
    this.#problemsChanged = problemsChanged;
    this.#verdictChanged = given.verdictChanged ?? (() => {});
    this.#addresses = given.addresses ?? localAddresses;
    const makeClient = given.makeClient ?? ((onEvent) => new BfdClient({ onEvent }));
    this.#client = makeClient((event) => this.#onEvent(event));
  }

  /** As of the last `refresh`, its times in milliseconds of this process. */
  view(): BfdView {
    const byKey = new Map(this.#statuses.map((s) => [s.key, s]));
    const sessions = [...this.#watched].flatMap(([peer, { address }]) => {
      const session = byKey.get(sessionKey(address));
      return session === undefined ? [] : [{ peer, isStrict: this.#isStrict(peer), session: inLocalTime(session) }];
    });
    const lateness = this.#client.isRunning ? this.#client.lateness() : null;
    const { restarts } = this.#client;
    const drops = this.#drops === null ? {} : { ...this.#drops, kernel: this.#client.gauge("kernelDrops") };
    return { sessions, thread: this.#thread, lateness, drops, stalls: this.#stalls, restarts };
  }

  readonly #isStrict = (peer: PeerName): boolean => this.#speaker.peer(peer)?.config.bfd?.isStrict ?? false;

  /** Asks the thread for the state of everything. */
  async refresh(): Promise<void> {
    const status = await this.#client.status();
    this.#statuses = status?.sessions ?? [];
    this.#drops = status?.drops ?? null;
  }

  /** Brings the sessions in line with the peers as they are now. */
  sync(): void {
    const runners = [...this.#speaker.peers()];
    // a renamed peer takes its session over before the old name lets go of it
    for (const runner of runners) this.#syncPeer(runner);
    const there = new Set(runners.map((r) => r.config.name));
    for (const [name, watched] of this.#watched) if (!there.has(name)) this.#forget(name, watched);
    const isNeeded = this.#watched.size > 0;
    if (isNeeded && this.#timer === null) this.#timer = setInterval(() => void this.look(), LOOK_AGAIN_MS).unref();
    if (!isNeeded && this.#timer !== null) clearInterval(this.#timer);
    if (!isNeeded) this.#timer = null;
  }

  /** Looks at what no event tells of. */
  async look(): Promise<void> {
    this.sync();
    await this.refresh();
    this.#lookForAdminDown();
    let isTold = false;
    for (const name of this.#watched.keys()) {
      const runner = this.#speaker.peer(name);
      const before = this.#unwatched.get(name) ?? 0;
      const isUnwatched = runner?.stateName === "Established" && runner.state.bfd !== "up";
      if (isUnwatched) this.#unwatched.set(name, before + 1);
      else this.#unwatched.delete(name);
      isTold ||= before >= PATIENT_LOOKS - 1;
    }
    if (isTold) this.#problemsChanged();
  }

  /**
   * A peer may be AdminDown before we were ever Up, which is no change of our own state and counts all the same (RFC 5882 4.1).
   * It counts until the peer says something else, which is one: it may be silent meanwhile (RFC 5880 6.8.16).
   */
  #lookForAdminDown(): void {
    for (const { key, state, remoteState, users } of this.#statuses) {
      if (remoteState !== "AdminDown" || state !== "Down" || this.#known.get(key)?.verdict === "adminDown") continue;
      this.#tell(key, users, { verdict: "adminDown", detail: ADMIN_DOWN });
    }
  }

  /** Says AdminDown, then ends the thread. BGP has said goodbye before (C-254). */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#client.close();
  }

  /** @param namespace of the BGPPeers */
  problems(namespace: string): readonly ConfigProblem[] {
    return [...this.#watched].flatMap(([name, { address, profile }]) => {
      const ref = { kind: "BGPPeer", namespace, name };
      const path = "spec.bfdProfile";
      const refused = this.#refusals.get(name);
      const looks = this.#unwatched.get(name) ?? 0;
      const broken = this.#socketProblems.get(sessionKey(address));
      const late =
        this.#thread === null
          ? null
          : timelinessWarning(profile, this.#thread.schedulingClass, this.#thread.schedulingReason);
      return [
        ...(broken === undefined ? [] : [problemOf(ref, path, say("bfdCannotFlow", { why: broken }))]),
        ...(refused === undefined ? [] : [problemOf(ref, path, say("bfdRefused", { why: refused }))]),
        ...(looks < PATIENT_LOOKS ? [] : [problemOf(ref, path, say("bfdUnwatched"), "warning")]),
        ...(late === null ? [] : [problemOf(ref, path, say("bfdLate", { why: late }), "warning")]),
      ];
    });
  }

  #syncPeer(runner: PeerRunner): void {
    const { config } = runner;
    const before = this.#watched.get(config.name);
    const remote = runner.remoteAddress;
    if (config.bfd === null || remote === null) {
      if (before !== undefined) this.#forget(config.name, before);
      return;
    }
    const { profile, auth } = config.bfd;
    const address: SessionAddress = {
      peer: formatIp(remote),
      interface: isLinkLocal(remote) ? config.interface : null,
      vrf: config.vrf,
      hop: isStillDirect(runner, remote, before) ? "single" : hopKind(config, remote, this.#addresses),
    };
    const local = config.sourceAddress === null ? null : formatIp(config.sourceAddress);
    const command: BfdCommand = {
      type: "upsert",
      user: config.name,
      address,
      local,
      profile,
      auth,
      isAdminDown: false,
    };
    const text = JSON.stringify(command);
    if (before?.text === text) return;
    if (before !== undefined && sessionKey(before.address) !== sessionKey(address)) this.#forget(config.name, before);
    this.#watched.set(config.name, { address, profile, text });
    this.#refusals.delete(config.name);
    this.#client.command(command);
    // the session may be there for another peer, and its next change be far away
    const known = this.#known.get(sessionKey(address));
    if (known !== undefined) runner.bfd(known.verdict, known.detail);
  }

  #forget(name: PeerName, { address }: Watched): void {
    const key = sessionKey(address);
    this.#watched.delete(name);
    this.#refusals.delete(name);
    this.#unwatched.delete(name);
    if (!this.#isWatched(key)) {
      this.#known.delete(key);
      this.#socketProblems.delete(key);
    }
    this.#client.command({ type: "remove", user: name, address });
    this.#speaker.peer(name)?.bfd("unknown", "BFD is not asked for any more");
  }

  readonly #isWatched = (key: string): boolean =>
    [...this.#watched.values()].some((w) => sessionKey(w.address) === key);

  #tell(key: string, users: readonly string[], known: Known): void {
    // what was under way when the last peer let go of the session says nothing of the next one there
    if (users.length > 0 && this.#isWatched(key)) this.#known.set(key, known);
    for (const user of users) this.#speaker.peer(PeerName(user))?.bfd(known.verdict, known.detail);
    this.#verdictChanged();
  }

  #onEvent(event: ClientEvent): void {
    switch (event.type) {
      case "stateChanged":
        this.#stateChanged(event);
        return;
      case "started":
        this.#thread = event;
        this.#log.info(
          "bfdStarted",
          { reason: event.schedulingReason },
          `BFD runs with class ${event.schedulingClass}`,
        );
        this.#problemsChanged();
        return;
      case "restarted":
        this.#thread = null;
        this.#known.clear();
        this.#socketProblems.clear();
        // our own failure says nothing about any path
        for (const name of this.#watched.keys()) this.#speaker.peer(name)?.bfd("unknown", "the BFD thread restarts");
        this.#verdictChanged();
        this.#log.error(
          "bfdRestarted",
          { reason: event.why, count: event.restarts },
          "the BFD thread died and is started again",
        );
        return;
      case "socketProblem":
        if (event.problem === null || !this.#isWatched(event.key)) this.#socketProblems.delete(event.key);
        else this.#socketProblems.set(event.key, event.problem);
        this.#problemsChanged();
        return;
      case "weaker":
        this.#log.warn("bfdWeaker", { reason: event.why }, `BFD session ${event.key}: ${event.why}`);
        return;
      case "stalled": {
        this.#stalls++;
        const whose = event.sessions === 1 ? event.key : `${event.key} and ${event.sessions - 1} more`;
        const text = `BFD was away for ${ms(event.away)}, longer than the detection time of ${whose}: not held against ${event.sessions === 1 ? "the peer" : "the peers"}`;
        this.#log.warn("bfdStalled", { durationMs: event.away / 1000 }, text);
        return;
      }
      case "adapted": {
        const text = `BFD session ${event.key} sends every ${ms(event.to)} now, configured are ${ms(event.configured)}`;
        this.#log.warn("bfdAdapted", { reason: event.why }, text);
        return;
      }
      case "conflict": {
        if (event.ignored.length === 0) return;
        const others = event.ignored.map((i) => `${i.user} (${i.fields.join(", ")})`).join(", ");
        const text = `BFD session ${event.key} has one profile for all: that of ${event.kept}, not that of ${others}`;
        this.#log.warn("bfdConflict", { peer: event.kept }, text);
        return;
      }
      case "refused": {
        const faults = event.faults.map((f) => `${f.path} ${f.message}`).join("; ");
        this.#refusals.set(event.user, faults);
        this.#log.error("bfdRefused", { peer: event.user }, `BFD session ${event.key} cannot run: ${faults}`);
        this.#problemsChanged();
        return;
      }
      case "removed":
        return;
    }
  }

  #stateChanged(event: StateChanged): void {
    const { from, to, reason, localDiag, remoteDiag } = event;
    const verdict: BfdVerdict =
      to === "Up" ? "up" : reason === "peerAdminDown" || to === "AdminDown" ? "adminDown" : "down";
    const diag = reason === "peerDown" ? remoteDiag : localDiag;
    const detail = `BFD ${to}: ${diagText(diag)}`;
    for (const user of event.users) {
      const fields = { peer: user, from, state: to, reason };
      if (to === "Up") this.#log.info("bfdUp", fields, `BFD with ${user} is up`);
      else if (from === "Up") this.#log.warn("bfdDown", fields, `BFD with ${user} is down: ${diagText(diag)}`);
    }
    this.#tell(event.key, event.users, { verdict, detail });
    let isSolved = false;
    if (to === "Up") for (const user of event.users) isSolved = this.#unwatched.delete(PeerName(user)) || isSolved;
    if (isSolved) this.#problemsChanged();
  }
}

const ADMIN_DOWN = "BFD is administratively down at the peer";

/** An address of this host. */
export interface LocalAddress {
  /** With prefix length. */
  readonly cidr: string | null;
}

const localAddresses = (): readonly LocalAddress[] => Object.values(networkInterfaces()).flatMap((of) => of ?? []);

/** As FRR chooses: multihop where eBGP may span hops, and for internal peers on no shared subnet. */
function hopKind(config: PeerConfig, remote: Ip, addresses: () => readonly LocalAddress[]): HopKind {
  const { ebgpMultihop, peerAsn, localAsn } = config;
  if (ebgpMultihop) return "multi";
  const isInternal = peerAsn === "internal" || peerAsn === localAsn;
  return isInternal && !isOnLink(remote, addresses()) ? "multi" : "single";
}

/**
 * A link that loses its carrier takes its addresses off the list just when its session has to tell of that: who was on the
 * link is found to be elsewhere only by a BGP session that stands although BFD does not. One that waits for BFD never would.
 */
function isStillDirect({ config, stateName, state }: PeerRunner, remote: Ip, before: Watched | undefined): boolean {
  if (config.ebgpMultihop || before?.address.hop !== "single" || before.address.peer !== formatIp(remote)) return false;
  return state.bfd === "up" || (stateName !== "Established" && !isBarredByBfd(state));
}

function isOnLink(remote: Ip, addresses: readonly LocalAddress[]): boolean {
  if (isLinkLocal(remote)) return true;
  return addresses.some(({ cidr }) => {
    const subnet = cidr === null ? null : parsePrefix(cidr);
    return subnet !== null && subnet.version === remote.version && ipEquals(prefixOf(remote, subnet.length), subnet);
  });
}

const inLocalTime = (s: SessionStatus): SessionStatus => ({
  ...s,
  transitions: s.transitions.map((t) => ({ ...t, at: localMillis(t.at) })),
});

const ms = (micros: number): string => `${(micros / 1000).toFixed(0)} ms`;
