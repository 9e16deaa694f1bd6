// The status documents of a running daemon (`status`, `peers`, `routes`) as plain data, made from what it looks like now.
// Owns the JSON shapes that docs promise. Knows no sockets and no layout (statusText.ts prints them). Contract: pure; no
// secret ever enters a document (C-259): every field is named here, no object is passed through.

import type { AllocationReport, PoolReport } from "../allocate/report.ts";
import type { CheckRoute } from "../announce/report.ts";
import { type PeerConfig, peerHost, scopedIp } from "../bgp/session/config.ts";
import type { FsmStateName } from "../bgp/session/fsm.ts";
import { type PeerState, type SeenNotification, waitingFor } from "../bgp/session/peer.ts";
import { formatCapability } from "../bgp/wire/capability.ts";
import type { Origin } from "../bgp/wire/message.ts";
import { describeNotification, shutdownText } from "../bgp/wire/notification.ts";
import { errorName } from "../bgp/wire/registry.ts";
import type { ConfigProblem } from "../kernel/problem.ts";
import { escapeText } from "../kernel/text.ts";
import { Millis } from "../kernel/units.ts";
import { type BfdSessionView, type BfdStatus, type BfdThreadStatus, bfdStatus } from "./bfdView.ts";
import type { DrainStatus } from "./drainView.ts";
import { type PeerView, peerOpen, prefixCounts, wallOf } from "./peerView.ts";
import { type SourceStatus, type SourceView, sourceStatus } from "./sourceView.ts";

export interface NotificationStatus {
  readonly code: number;
  readonly subcode: number;
  readonly name: string;
  /** Shutdown text of RFC 9003, escaped; null where there is none. */
  readonly text: string | null;
  /** RFC 3339. */
  readonly at: string;
}

export interface PeerStatus {
  readonly name: string;
  /** The interface of an unnumbered peer until it has been heard; null for a peer that cannot run. */
  readonly address: string | null;
  readonly port: number | null;
  readonly vrf: string | null;
  readonly state: FsmStateName;
  /** Since when it is in that state, RFC 3339; null for a peer that cannot run. */
  readonly since: string | null;
  /** Why there is no session; null while there is one. */
  readonly why: string | null;
  /** Before this moment no attempt is made, RFC 3339; null: nothing is being waited for. */
  readonly nextAttemptAt: string | null;
  readonly localAsn: number | null;
  /** The AS in the peer's OPEN, else the configured one or `internal`, `external`. */
  readonly peerAsn: number | "internal" | "external" | null;
  /** Seconds, agreed or, without a session, configured. */
  readonly holdTime: number | null;
  readonly keepaliveTime: number | null;
  /** Agreed or, without a session, offered. */
  readonly families: readonly string[];
  /** Families of the session without a next hop, or with another one than is configured: why. */
  readonly nextHopProblems: Readonly<Record<string, string>>;
  /** From the peer's OPEN, in its order; empty before it has come. */
  readonly capabilities: readonly string[];
  /** Prefixes that are at the peer. */
  readonly advertised: number;
  /** Prefixes that should be at the peer and are not yet, or no longer should. */
  readonly pending: number;
  /** Prefixes that are injected for it, in the families it carries. */
  readonly injected: number;
  /** Prefixes the peer has at us; null where they are not counted. */
  readonly received: number | null;
  readonly lastNotificationSent: NotificationStatus | null;
  readonly lastNotificationReceived: NotificationStatus | null;
  /** The last UPDATE that had to be judged (RFC 7606), in hex for `vipcast decode`. */
  readonly lastFaultyUpdate: {
    readonly at: string;
    readonly verdict: string;
    readonly detail: string;
    readonly hex: string;
  } | null;
  /** Attempts and sessions in a row that did not last (RFC 4271 8.1.1). */
  readonly connectRetryCounter: number;
  /** Sessions that reached Established. */
  readonly timesEstablished: number;
  /** Messages by type, both ways, and received UPDATEs with faults. */
  readonly counters: PeerView["counters"] | null;
  /** null: no BFD session is asked for, or its thread has not answered. */
  readonly bfd: BfdStatus | null;
  /** What is wrong with its configuration; null: nothing. */
  readonly problem: string | null;
}

export interface PeersStatus {
  readonly peers: readonly PeerStatus[];
}

/** A peer as the decision planned it; `config` null: it cannot run, `problem` says why. */
export interface PlannedView {
  readonly name: string;
  readonly config: object | null;
  readonly problem: string | null;
}

/**
 * @param now monotonic milliseconds @param wall the same moment in milliseconds since 1970
 * @param bfd sessions with their times in milliseconds of this process
 */
export function peersStatus(
  peers: Iterable<PeerView>,
  planned: readonly PlannedView[],
  now: Millis,
  wall: number,
  bfd: readonly BfdSessionView[] = [],
  injected: (peer: Pick<PeerConfig, "name" | "families">) => number = () => 0,
): PeersStatus {
  const problems = new Map(planned.map((p) => [p.name, p.problem]));
  const running = [...peers].map((p) => {
    const own = bfd.find((s) => s.peer === p.config.name) ?? null;
    const problem = problems.get(p.config.name) ?? null;
    return { ...peerStatus(p, problem, now, wall, own), injected: injected(p.config) };
  });
  const others = planned.filter((p) => p.config === null).map((p) => peerWithoutSession(p.name, p.problem));
  return { peers: [...running, ...others].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)) };
}

function peerStatus(
  peer: PeerView,
  problem: string | null,
  now: Millis,
  wall: number,
  bfd: BfdSessionView | null,
): Omit<PeerStatus, "injected"> {
  const { config, state, negotiated } = peer;
  const time = (at: Millis): string => new Date(wallOf(at, now, wall)).toISOString();
  const { wanted: _wanted, sent } = prefixCounts(peer);
  let pending = 0;
  for (const rib of peer.ribs().values()) pending += rib.pendingCount;
  const { idleHold } = state;
  return {
    name: config.name,
    address: peer.remoteAddress === null ? peerHost(config) : scopedIp(peer.remoteAddress, config.interface),
    port: config.port,
    vrf: config.vrf,
    state: peer.stateName,
    since: time(state.stateChangedAt),
    why: whyDown(state, negotiated !== null),
    nextAttemptAt: idleHold === null || idleHold.until <= now ? null : time(idleHold.until),
    localAsn: config.localAsn,
    peerAsn: negotiated?.peerAsn ?? config.peerAsn,
    holdTime: negotiated?.holdTime ?? config.holdTime,
    keepaliveTime: negotiated?.keepaliveTime ?? config.keepaliveTime,
    families: negotiated?.families ?? config.families,
    nextHopProblems: Object.fromEntries(peer.nextHopProblems()),
    capabilities: peerOpen(peer)?.capabilities.map(formatCapability) ?? [],
    advertised: sent,
    pending,
    received: peer.receivedCount,
    lastNotificationSent: notificationStatus(state.lastNotificationSent, time),
    lastNotificationReceived: notificationStatus(state.lastNotificationReceived, time),
    lastFaultyUpdate: faultStatus(peer.lastFaultyUpdate, time),
    connectRetryCounter: state.failures,
    timesEstablished: state.timesEstablished,
    counters: { ...peer.counters },
    bfd: bfd === null ? null : bfdStatus(bfd, (at) => time(Millis(at))),
    problem,
  };
}

const peerWithoutSession = (name: string, problem: string | null): PeerStatus => ({
  name,
  address: null,
  port: null,
  vrf: null,
  state: "Idle",
  since: null,
  why: problem,
  nextAttemptAt: null,
  localAsn: null,
  peerAsn: null,
  holdTime: null,
  keepaliveTime: null,
  families: [],
  nextHopProblems: {},
  capabilities: [],
  advertised: 0,
  pending: 0,
  injected: 0,
  received: null,
  lastNotificationSent: null,
  lastNotificationReceived: null,
  lastFaultyUpdate: null,
  connectRetryCounter: 0,
  timesEstablished: 0,
  counters: null,
  bfd: null,
  problem,
});

/** Why there is no session, in words; null while there is one. */
export function whyDown(state: PeerState, isUp: boolean): string | null {
  if (isUp) return null;
  const waiting = waitingFor(state);
  const ended = whyEnded(state.lastEnd);
  if (ended === null) return waiting ?? (state.admin === "down" ? "stopped" : "no attempt has ended yet");
  return waiting === null ? ended : `${ended}; ${waiting}`;
}

/** Why the last session or attempt ended, in words; null: none has. */
export function whyEnded(lastEnd: PeerState["lastEnd"]): string | null {
  if (lastEnd === null) return null;
  if (lastEnd.received !== null) return `it sent ${describeNotification(lastEnd.received)}`;
  if (lastEnd.sent !== null) return `we sent ${describeNotification(lastEnd.sent)} (${escapeText(lastEnd.detail)})`;
  return lastEnd.detail;
}

function notificationStatus(seen: SeenNotification | null, time: (at: Millis) => string): NotificationStatus | null {
  if (seen === null) return null;
  const { errorCode, errorSubcode } = seen.notification;
  const text = shutdownText(seen.notification);
  return {
    code: errorCode,
    subcode: errorSubcode,
    name: errorName(errorCode, errorSubcode),
    text: text === null ? null : escapeText(text),
    at: time(seen.at),
  };
}

function faultStatus(
  faulty: PeerView["lastFaultyUpdate"],
  time: (at: Millis) => string,
): PeerStatus["lastFaultyUpdate"] {
  if (faulty === null) return null;
  const { at, update, hex } = faulty;
  return { at: time(at), verdict: update.verdict, detail: escapeText(update.faults[0]?.fault.detail ?? ""), hex };
}

export interface RouteStatus extends CheckRoute {
  /** Absent: decided. */
  readonly source?: "injected" | "witness";
  /** Absent: igp. */
  readonly origin?: Origin;
}

export interface RoutesStatus {
  readonly peers: Readonly<
    Record<
      string,
      {
        readonly problem: string | null;
        readonly routes: readonly RouteStatus[];
        /** Injected routes that are left out, because there are so many; absent: none. */
        readonly injectedNotShown?: number;
      }
    >
  >;
}

export interface DaemonStatus {
  readonly version: string;
  readonly node: string;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly uptimeSeconds: number;
  /** null once the source was listed and the first decision is complete; else what is missing. */
  readonly notReady: string | null;
  readonly source: SourceStatus;
  readonly peers: { readonly total: number; readonly established: number };
  readonly services: { readonly total: number; readonly announced: number };
  /** Prefixes put in by hand; `persistent` of them outlive the daemon. */
  readonly injected: { readonly prefixes: number; readonly persistent: number };
  /** Services for which MetalLB reports something else than would be announced; null: the daemon is no shadow. */
  readonly shadow: { readonly isCompared: boolean; readonly different: number; readonly explained: number } | null;
  /** null: the node does not drain. */
  readonly drain: DrainStatus | null;
  /** The thread that runs BFD; null: there is no BFD session. */
  readonly bfd: BfdThreadStatus | null;
  /** null: addresses are taken as the objects have them. */
  readonly allocations: {
    readonly services: Readonly<Record<string, AllocationReport>>;
    readonly pools: Readonly<Record<string, PoolReport>>;
  } | null;
  readonly problems: readonly ConfigProblem[];
}

export interface DaemonStatusInput
  extends Pick<
    DaemonStatus,
    "version" | "node" | "notReady" | "problems" | "injected" | "bfd" | "allocations" | "drain" | "shadow"
  > {
  readonly source: SourceView;
  readonly startedAt: Millis;
  readonly peers: PeersStatus;
  readonly decisions: Iterable<{ readonly announced: boolean; readonly reason: string | null }>;
}

/** @param now monotonic milliseconds @param wall the same moment in milliseconds since 1970 */
export function daemonStatus(input: DaemonStatusInput, now: Millis, wall: number): DaemonStatus {
  const { version, node, notReady, source, problems, startedAt, peers } = input;
  // Services of other types are no candidates
  const candidates = [...input.decisions].filter((d) => d.reason !== "notLoadBalancer");
  return {
    version,
    node,
    startedAt: new Date(wallOf(startedAt, now, wall)).toISOString(),
    uptimeSeconds: Math.floor((now - startedAt) / 1000),
    notReady,
    source: sourceStatus(source, now),
    peers: { total: peers.peers.length, established: peers.peers.filter((p) => p.state === "Established").length },
    shadow: input.shadow,
    drain: input.drain,
    injected: input.injected,
    allocations: input.allocations,
    services: { total: candidates.length, announced: candidates.filter((d) => d.announced).length },
    bfd: input.bfd,
    problems,
  };
}
