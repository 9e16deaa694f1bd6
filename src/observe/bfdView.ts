// What observers see of BFD: the sessions of the peers and how the thread behind them is doing. Owns the status document of a
// session. Knows nothing of how it was asked for. Contract: times of the BFD thread are made this process's here, once.
import type { Lateness } from "../bfd/gauges.ts";
import { diagText, type SessionStatus } from "../bfd/protocol.ts";
import type { SchedulingClass } from "../bfd/threads.ts";

export interface BfdSessionView {
  /** Name of the BGPPeer. */
  readonly peer: string;
  readonly isStrict: boolean;
  readonly session: SessionStatus;
}

export interface BfdView {
  readonly sessions: readonly BfdSessionView[];
  /** null while no session runs. */
  readonly lateness: Lateness | null;
  readonly schedulingClass: SchedulingClass | null;
  /** Times the thread was away longer than a detection time. */
  readonly stalls: number;
  /** Times the thread died and was started again. */
  readonly restarts: number;
}

export const NO_BFD: BfdView = { sessions: [], lateness: null, schedulingClass: null, stalls: 0, restarts: 0 };

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
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly upEvents: number;
  readonly downEvents: number;
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
    packetsIn: s.counters.controlIn,
    packetsOut: s.counters.controlOut,
    upEvents: s.counters.upEvents,
    downEvents: s.counters.downEvents,
    transitions: s.transitions.map(({ at, from, to, reason }) => ({ at: time(at), from, to, reason })),
  };
}
