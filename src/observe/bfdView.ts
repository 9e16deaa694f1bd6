// What observers see of BFD: the sessions of the peers and how the thread behind them is doing. Owns the status document of a
// session. Knows nothing of how it was asked for. Contract: times of the BFD thread are made this process's here, once.
import type { Lateness } from "../bfd/gauges.ts";
import { type DropCause, diagText, type SessionStatus } from "../bfd/protocol.ts";
import type { LoopKind, SchedulingClass } from "../bfd/threads.ts";

export interface BfdSessionView {
  /** Name of the BGPPeer. */
  readonly peer: string;
  readonly isStrict: boolean;
  readonly session: SessionStatus;
}

/** How the thread runs. */
export interface BfdThreadView {
  readonly kind: LoopKind;
  /** Why it is not the native one; null: it is. */
  readonly kindReason: string | null;
  readonly schedulingClass: SchedulingClass;
  /** Why it is no better class; null for `fifo`. */
  readonly schedulingReason: string | null;
}

/** Packets that no session got, by cause; `kernel`: wrong TTL on a single hop, or no room in the socket. */
export type BfdDrops = Readonly<Partial<Record<DropCause | "kernel", number>>>;

export interface BfdView {
  readonly sessions: readonly BfdSessionView[];
  /** null while no thread runs. */
  readonly thread: BfdThreadView | null;
  /** null while no session runs. */
  readonly lateness: Lateness | null;
  /** Causes that were not seen may be missing. */
  readonly drops: BfdDrops;
  /** Times the thread was away longer than a detection time. */
  readonly stalls: number;
  /** Times the thread died and was started again. */
  readonly restarts: number;
}

export const NO_BFD: BfdView = { sessions: [], thread: null, lateness: null, drops: {}, stalls: 0, restarts: 0 };

/** The thread in the status document. */
export interface BfdThreadStatus extends BfdThreadView {
  readonly stalls: number;
  readonly restarts: number;
  /** Greatest lateness since the daemon started, milliseconds. */
  readonly greatestLatenessMs: number;
  /** Causes that were seen. */
  readonly drops: BfdDrops;
}

/** null while no thread runs. */
export function bfdThreadStatus({ thread, lateness, drops, stalls, restarts }: BfdView): BfdThreadStatus | null {
  if (thread === null) return null;
  const { kind, kindReason, schedulingClass, schedulingReason } = thread;
  const seen = Object.fromEntries(Object.entries(drops).filter(([, count]) => count > 0));
  return {
    kind,
    kindReason,
    schedulingClass,
    schedulingReason,
    stalls,
    restarts,
    greatestLatenessMs: (lateness?.max ?? 0) / 1000,
    drops: seen,
  };
}

export interface BfdStatus {
  readonly state: string;
  readonly remoteState: string;
  readonly diag: string;
  readonly remoteDiag: string;
  readonly localDiscr: number;
  readonly remoteDiscr: number;
  readonly profile: string;
  readonly strict: boolean;
  readonly hop: "single" | "multi";
  readonly interface: string | null;
  /** Milliseconds between our packets; null: none are sent periodically. */
  readonly transmitIntervalMs: number | null;
  /** Milliseconds of silence after which the path is Down; null: the peer has not been heard. */
  readonly detectionTimeMs: number | null;
  readonly detectMultiplier: number;
  readonly remoteDetectMultiplier: number;
  readonly echoIntervalMs: number | null;
  /** What the peer asks for, milliseconds: the least between its packets, and between ours. */
  readonly remoteTransmitIntervalMs: number;
  readonly remoteReceiveIntervalMs: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly echoPacketsIn: number;
  readonly echoPacketsOut: number;
  /** Of packets that were its own: a TTL too low, a wrong authentication. */
  readonly packetsDropped: number;
  readonly upEvents: number;
  readonly downEvents: number;
  /** Expired detection times that were our own lateness, and changes of our interval because of it. */
  readonly expiriesIgnored: number;
  readonly adaptations: number;
  /** Oldest first, the last eight. */
  readonly transitions: readonly {
    readonly at: string;
    readonly from: string;
    readonly to: string;
    readonly reason: string;
  }[];
}

/** @param time of a moment of the BFD thread, RFC 3339 */
export function bfdStatus({ session: s, isStrict }: BfdSessionView, time: (at: number) => string): BfdStatus {
  const ms = (micros: number | null): number | null => (micros === null ? null : micros / 1000);
  return {
    state: s.state,
    remoteState: s.remoteState,
    diag: diagText(s.localDiag),
    remoteDiag: diagText(s.remoteDiag),
    localDiscr: s.localDiscr,
    remoteDiscr: s.remoteDiscr,
    profile: s.profile,
    strict: isStrict,
    hop: s.address.hop,
    interface: s.address.interface,
    transmitIntervalMs: ms(s.transmitInterval),
    detectionTimeMs: ms(s.detectionTime),
    detectMultiplier: s.detectMult,
    remoteDetectMultiplier: s.remoteDetectMult,
    echoIntervalMs: ms(s.echoInterval),
    remoteTransmitIntervalMs: s.remoteDesiredMinTxInterval / 1000,
    remoteReceiveIntervalMs: s.remoteRequiredMinRxInterval / 1000,
    packetsIn: s.counters.controlIn,
    packetsOut: s.counters.controlOut,
    echoPacketsIn: s.counters.echoIn,
    echoPacketsOut: s.counters.echoOut,
    packetsDropped: s.counters.dropped,
    upEvents: s.counters.upEvents,
    downEvents: s.counters.downEvents,
    expiriesIgnored: s.counters.expiriesIgnored,
    adaptations: s.counters.adaptations,
    transitions: s.transitions.map(({ at, from, to, reason }) => ({ at: time(at), from, to, reason })),
  };
}
