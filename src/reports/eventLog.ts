// Events on Services, as client-go's recorder makes them in spirit: what is said again counts on the Event that is there, a Service
// that says too much is cut off for a while, and what waits is bounded. Owns these rules and the bodies. Knows nothing of requests, nor of
// when there is something to say. Contract: at most one request for one Event at a time; occurrences meanwhile are counted, not queued.
import { Millis } from "../kernel/units.ts";
import type { ApiFailure } from "../kube/apiError.ts";
import type { RawObject } from "../sources/fields.ts";
import { rfc3339 } from "./configurationState.ts";
import { Obstacles, type WriteFault } from "./obstacles.ts";
import { Bucket } from "./pace.ts";

/** Different Events that are remembered, so that a repetition counts on the one that is there. */
export const MAX_EVENTS = 4_096;
/** Events of one Service in a row, and how often one more may follow (client-go's numbers). */
export const EVENT_BURST = 25;
export const EVENT_EVERY = Millis(300_000);

/** The Service that it is about. */
export interface EventTarget {
  readonly namespace: string;
  readonly name: string;
  /** Without it `kubectl describe` does not find the Event. */
  readonly uid: string | null;
}

export interface Occurrence {
  readonly target: EventTarget;
  readonly component: string;
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

export interface EventWrite {
  readonly id: string;
  readonly namespace: string;
  /** Of the Event to be patched; null: it is created. */
  readonly name: string | null;
  readonly body: RawObject;
  /** Occurrences that the body counts. */
  readonly count: number;
}

interface Known {
  readonly occurrence: Occurrence;
  /** Wall clock, milliseconds. */
  readonly firstAt: number;
  lastAt: number;
  count: number;
  /** As the server has it; null: it has none. */
  stored: { readonly name: string; readonly count: number } | null;
}

export class EventLog {
  readonly #random: { next(): number };
  /** The one that spoke last at the end. */
  readonly #known = new Map<string, Known>();
  readonly #buckets = new Map<string, Bucket>();
  readonly #queue = new Set<string>();
  readonly #busy = new Set<string>();
  readonly #obstacles: Obstacles;
  #dropped = 0;

  constructor(random: { next(): number }) {
    this.#random = random;
    this.#obstacles = new Obstacles(random);
  }

  get fault(): WriteFault | null {
    return this.#obstacles.fault;
  }

  get pending(): number {
    return this.#queue.size + this.#busy.size;
  }

  /** Occurrences that were not told: too many of one Service, or of all. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @param wall milliseconds since 1970 */
  add(occurrence: Occurrence, now: Millis, wall: number): void {
    const { target, reason, message } = occurrence;
    const service = `${target.namespace}/${target.name}`;
    if (!this.#bucketOf(service, now).take(now)) {
      this.#dropped++;
      return;
    }
    const id = JSON.stringify([service, target.uid, reason, message]);
    const known = this.#known.get(id) ?? { occurrence, firstAt: wall, lastAt: wall, count: 0, stored: null };
    known.count++;
    known.lastAt = wall;
    this.#known.delete(id);
    this.#known.set(id, known);
    this.#queue.add(id);
    this.#forgetOldest();
  }

  next(now: Millis): EventWrite | null {
    if (this.#obstacles.isPaused(now)) return null;
    for (const id of this.#queue) {
      if (this.#busy.has(id)) continue;
      this.#queue.delete(id);
      const known = this.#known.get(id);
      if (known === undefined) continue;
      this.#busy.add(id);
      const { namespace } = known.occurrence.target;
      const { stored, count } = known;
      const body = stored === null ? this.#newBody(known) : repeatBody(known);
      return { id, namespace, name: stored?.name ?? null, body, count };
    }
    return null;
  }

  deadline(): Millis | null {
    return this.#queue.size === 0 ? null : this.#obstacles.pausedUntil;
  }

  /** @param name of the Event as the server has it */
  worked(write: EventWrite, name: string): void {
    this.#busy.delete(write.id);
    this.#obstacles.worked(actionOf(write));
    const known = this.#known.get(write.id);
    if (known === undefined) return;
    known.stored = { name, count: write.count };
  }

  failed(write: EventWrite, failure: ApiFailure, now: Millis): void {
    this.#busy.delete(write.id);
    const known = this.#known.get(write.id);
    if (known === undefined) return;
    if (failure.code === 404 && write.name !== null) {
      // the server has forgotten it, as it does after an hour: a new one
      known.stored = null;
      this.#queue.add(write.id);
      return;
    }
    if (!isLost(failure)) {
      this.#queue.add(write.id);
      // a conflict: its name was taken, it gets another one
      if (failure.code === 409) this.#obstacles.wait(now, null);
      else if (this.#obstacles.stopped(actionOf(write), failure, now)) return;
    }
    if (failure.code === 409) return;
    this.#queue.delete(write.id);
    this.#dropped++;
    this.#known.delete(write.id);
  }

  #bucketOf(service: string, now: Millis): Bucket {
    const bucket = this.#buckets.get(service) ?? new Bucket(EVENT_BURST, EVENT_EVERY, now);
    this.#buckets.delete(service);
    this.#buckets.set(service, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MAX_EVENTS && oldest !== undefined) this.#buckets.delete(oldest);
    return bucket;
  }

  #forgetOldest(): void {
    if (this.#known.size <= MAX_EVENTS) return;
    for (const id of this.#known.keys()) {
      if (this.#busy.has(id)) continue;
      this.#known.delete(id);
      if (this.#queue.delete(id)) this.#dropped++;
      return;
    }
  }

  #newBody({ occurrence, firstAt, lastAt, count }: Known): RawObject {
    const { target, component, type, reason, message } = occurrence;
    const { namespace, name, uid } = target;
    // as client-go names them: the object, then what no other Event has
    const suffix = Math.floor(this.#random.next() * 2 ** 48).toString(16);
    return {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: `${name}.${Math.floor(firstAt).toString(16)}${suffix.padStart(12, "0")}`, namespace },
      involvedObject: { apiVersion: "v1", kind: "Service", namespace, name, ...(uid === null ? {} : { uid }) },
      type,
      reason,
      message,
      source: { component },
      reportingComponent: component,
      reportingInstance: "",
      firstTimestamp: rfc3339(firstAt),
      lastTimestamp: rfc3339(lastAt),
      count,
    };
  }
}

const repeatBody = ({ count, lastAt }: Known): RawObject => ({ count, lastTimestamp: rfc3339(lastAt) });
const actionOf = ({ name }: EventWrite): string => (name === null ? "create" : "patch");
/** The namespace is gone, or ends: so is who might read it. */
const isLost = ({ code, message }: ApiFailure): boolean =>
  code === 404 || (code === 403 && message.includes("being terminated"));
