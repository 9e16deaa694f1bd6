// What passes between the main thread and the BFD worker, besides what protocol.ts says of the engine. Owns the message types
// and what one thread promises the other about time. Pure. Knows no sockets and no threads.
// Contract: plain data only. Times are microseconds of the system's monotonic clock, the same in both threads.
import type { BfdProfile } from "./config.ts";
import type { BfdCommand, BfdEvent, DropCause, HopKind, Micros, SessionStatus } from "./protocol.ts";

/** `native`: a blocking loop of its own. `dgram`: Node's sockets and timers, where native calls cannot be made. */
export type LoopKind = "native" | "dgram";

/** What a socket is for. */
export type PortKind = HopKind | "echo";

/** UDP ports: where we listen, and where we send to. */
export interface BfdPorts {
  readonly listen: Readonly<Record<PortKind, number>>;
  readonly send: Readonly<Record<PortKind, number>>;
}

const STANDARD: Readonly<Record<PortKind, number>> = { single: 3784, multi: 4784, echo: 3785 };

/** RFC 5881 4, RFC 5883 5. Other ones are for tests alone. */
export const STANDARD_PORTS: BfdPorts = { listen: STANDARD, send: STANDARD };

/** As in linux/scheduling.ts. */
export type SchedulingClass = "fifo" | "nice" | "normal";

export interface WorkerSetup {
  readonly kind: LoopKind;
  /** Event counter that is raised when a message is posted; null for `dgram`. */
  readonly wakeFd: number | null;
  readonly maxSessions: number;
  /** Of the engine: a row per session. */
  readonly counters: SharedArrayBuffer;
  /** As gauges.ts lays it out. */
  readonly gauges: SharedArrayBuffer;
  /** As linux/descriptors.ts lays it out. */
  readonly descriptors: SharedArrayBuffer;
  readonly bestClass: SchedulingClass;
  readonly ports: BfdPorts;
}

export type ToWorker =
  | { readonly type: "command"; readonly command: BfdCommand }
  | { readonly type: "askStatus"; readonly ask: number }
  /** Says AdminDown in every session and ends, at the latest after `limit`. */
  | { readonly type: "stop"; readonly limit: Micros };

/** What the loop tells besides the engine's events. */
export type LoopEvent =
  | {
      readonly type: "started";
      readonly kind: LoopKind;
      /** Why it is not `native` although that was asked for; else null. */
      readonly kindReason: string | null;
      readonly schedulingClass: SchedulingClass;
      /** Why it is no better class; null for `fifo`. */
      readonly schedulingReason: string | null;
    }
  /** Packets of a session cannot flow, or (null) can again. */
  | { readonly type: "socketProblem"; readonly key: string; readonly problem: string | null }
  /** The session runs with less than was asked for: what is missing. */
  | { readonly type: "weaker"; readonly key: string; readonly why: string };

export type FromWorker =
  | LoopEvent
  | BfdEvent
  | { readonly type: "status"; readonly ask: number; readonly status: WorkerStatus }
  | { readonly type: "stopped" };

export interface WorkerStatus {
  readonly sessions: readonly SessionStatus[];
  readonly drops: Readonly<Record<DropCause, number>>;
  /** Open descriptors, for those who look for leaks. */
  readonly receivers: number;
}

/**
 * Shortest detection time that a class has been measured to keep on a busy machine; `normal`, late by up to 151 ms there, lost
 * two sessions of 150 ms in ten minutes (docs/benchmarks.md).
 */
const KEPT: Readonly<Record<SchedulingClass, Micros>> = { fifo: 30_000, nice: 60_000, normal: 300_000 };

/** A sentence when the profile's detection time is too short for the class; else null. */
export function timelinessWarning(
  profile: BfdProfile,
  schedulingClass: SchedulingClass,
  reason: string | null,
): string | null {
  const { detectMult, desiredMinTxInterval, requiredMinRxInterval } = profile;
  const detectionTime = detectMult * Math.min(desiredMinTxInterval, requiredMinRxInterval);
  const kept = KEPT[schedulingClass];
  if (detectionTime >= kept) return null;
  return (
    `a detection time of ${detectionTime / 1_000} ms is too short for a thread of scheduling class ${schedulingClass}` +
    ` (from ${kept / 1_000} ms on it is kept on a busy machine)${reason === null ? "" : `: ${reason}`}`
  );
}
