// Who of several controllers allocates: the rules of a Lease of coordination.k8s.io/v1, as client-go follows them. Owns what to do with a
// Lease as it was read, and until when we may believe to hold it. Must not know requests, timers or names. Contract: pure; all times are
// monotonic milliseconds of this process, because clocks of two machines say nothing about each other: a Lease is over when it has not
// changed for its duration under our own eyes. `mayWrite` ends RENEW_DEADLINE after the last renewal was sent, before anyone can take over.
import type { Millis } from "../kernel/units.ts";
import { apiVersionOf, LEASES } from "../kube/resources.ts";
import { isRawObject, type RawObject } from "../sources/fields.ts";

/** How long a Lease lasts without renewal. */
export const LEASE_DURATION_SECONDS = 15;
/** The holder stops writing when it could not renew for so long, milliseconds. */
export const RENEW_DEADLINE_MS = 10_000;
/** Between two looks at the Lease, and between two renewals, milliseconds. */
export const RETRY_PERIOD_MS = 2_000;

export interface LeaseRecord {
  /** Empty: released. */
  readonly holder: string;
  readonly durationSeconds: number;
  readonly acquireTime: string;
  readonly transitions: number;
  readonly resourceVersion: string;
}

export type LeaseStep =
  | { readonly type: "create" | "update"; readonly body: RawObject }
  /** Somebody else holds it. */
  | { readonly type: "wait"; readonly holder: string };

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const count = (value: unknown): number => (typeof value === "number" && value >= 0 ? value : 0);

/** What is missing or of another type counts as empty: such a Lease is free. */
export function readLease(raw: RawObject): LeaseRecord {
  const spec = isRawObject(raw.spec) ? raw.spec : {};
  const metadata = isRawObject(raw.metadata) ? raw.metadata : {};
  return {
    holder: text(spec.holderIdentity),
    durationSeconds: count(spec.leaseDurationSeconds),
    acquireTime: text(spec.acquireTime),
    transitions: count(spec.leaseTransitions),
    resourceVersion: text(metadata.resourceVersion),
  };
}

/** MicroTime of the API. */
const microTime = (wall: number): string => new Date(wall).toISOString().replace(/Z$/, "000Z");

export class Election {
  readonly identity: string;
  readonly #metadata: { readonly name: string; readonly namespace: string };
  /** null: there is no Lease; undefined: nobody has looked. */
  #record: LeaseRecord | null | undefined;
  /** When the record was last seen to change. */
  #changedAt = Number.NEGATIVE_INFINITY;
  #hasRival = false;
  /** When the last renewal that succeeded was sent; null: we do not hold it. */
  #renewedAt: number | null = null;

  /** @param identity of this process alone: another life of it is somebody else */
  constructor(identity: string, name: string, namespace: string) {
    this.identity = identity;
    this.#metadata = { name, namespace };
  }

  /** Who holds the Lease as far as is known; null: nobody. */
  get holder(): string | null {
    return this.#record?.holder || null;
  }

  /** Another process was seen to renew the Lease: it is no leftover. */
  get hasRival(): boolean {
    return this.#hasRival;
  }

  /** Holds the Lease, and nobody can take it before the deadline. */
  mayWrite(now: Millis): boolean {
    return this.#renewedAt !== null && now < this.#renewedAt + RENEW_DEADLINE_MS;
  }

  /** When `mayWrite` ends; null: it is not so now. */
  get deadline(): number | null {
    return this.#renewedAt === null ? null : this.#renewedAt + RENEW_DEADLINE_MS;
  }

  /** @param raw the Lease; null: there is none */
  saw(raw: RawObject | null, now: Millis): void {
    const record = raw === null ? null : readLease(raw);
    const before = this.#record;
    if (before === undefined || record?.resourceVersion !== before?.resourceVersion) this.#changedAt = now;
    const isOthers = record !== null && record.holder !== "" && record.holder !== this.identity;
    if (isOthers && before?.holder === record.holder && before.resourceVersion !== record.resourceVersion) {
      this.#hasRival = true;
    }
    this.#record = record;
    if (record?.holder !== this.identity) this.#renewedAt = null;
  }

  /** What to ask of the API server next. @param wall milliseconds since 1970 */
  next(now: Millis, wall: number): LeaseStep {
    const record = this.#record ?? null;
    if (record === null) return { type: "create", body: this.#body(this.identity, record, wall) };
    const isOurs = record.holder === this.identity;
    const isOver = record.holder === "" || now >= this.#changedAt + record.durationSeconds * 1000;
    if (!isOurs && !isOver) return { type: "wait", holder: record.holder };
    return { type: "update", body: this.#body(this.identity, record, wall) };
  }

  /** Whether the next step needs a look at the Lease first: only its holder knows what is in it, until a write is refused. */
  get mustLook(): boolean {
    return this.#renewedAt === null || this.#record === undefined;
  }

  /** The step succeeded. @param sentAt when its request was sent */
  wrote(raw: RawObject, sentAt: Millis, now: Millis): void {
    this.saw(raw, now);
    if (this.#record?.holder === this.identity) this.#renewedAt = sentAt;
  }

  /** The step was refused: what we know of the Lease is out of date. */
  refused(): void {
    this.#record = undefined;
  }

  /** Gives the Lease back; null: we do not hold it. Nothing may be written after this. */
  release(wall: number): RawObject | null {
    const record = this.#record ?? null;
    if (this.#renewedAt === null || record === null) return null;
    this.#renewedAt = null;
    return this.#body("", record, wall, 1);
  }

  #body(holder: string, before: LeaseRecord | null, wall: number, duration = LEASE_DURATION_SECONDS): RawObject {
    const isKept = before !== null && before.holder === holder;
    const isHandover = before !== null && holder !== "" && before.holder !== holder;
    const version = before === null ? {} : { resourceVersion: before.resourceVersion };
    return {
      apiVersion: apiVersionOf(LEASES),
      kind: LEASES.kind,
      metadata: { ...this.#metadata, ...version },
      spec: {
        holderIdentity: holder,
        leaseDurationSeconds: duration,
        acquireTime: isKept && before.acquireTime !== "" ? before.acquireTime : microTime(wall),
        renewTime: microTime(wall),
        leaseTransitions: (before?.transitions ?? 0) + (isHandover ? 1 : 0),
      },
    };
  }
}
