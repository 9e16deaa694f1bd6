// What became of each Service lately: when its objects changed, when that was decided, when it was written to the peers. Owns a
// ring of numbers for all services and the moment since which each has its answer. Knows no texts beyond the words of reasons.
// Contract: noting costs a few array stores, nothing is formatted before it is asked for; memory is bounded by HISTORY_LIMITS
// and by the number of services there are.
import { type Reason, reasons } from "../announce/reasons.ts";
import type { ServiceDecision } from "../announce/service.ts";
import { Millis, type ServiceKey } from "../kernel/units.ts";

export const HISTORY_LIMITS = {
  /** Changes of all services together. */
  changes: 16_384,
  /** Changes that are told of one service. */
  perService: 16,
} as const;

/** What is decided of a service, in a word. */
export type Outcome = "absent" | "announced" | Reason;

export interface ServiceChange {
  /** Its objects changed in the store. */
  readonly at: Millis;
  readonly decidedAt: Millis;
  /** Sessions stand, and each has been given all that was decided; null: not yet. */
  readonly writtenAt: Millis | null;
  readonly from: Outcome;
  /** The same as `from`: announced otherwise, or not announced for another object's sake. */
  readonly to: Outcome;
}

const OUTCOMES: readonly Outcome[] = ["absent", "announced", ...(Object.keys(reasons) as Reason[])];
const CODES: ReadonlyMap<Outcome, number> = new Map(OUTCOMES.map((outcome, i) => [outcome, i]));

interface Latest {
  /** Number of the last change, counted from 1 over all services. */
  last: number;
  /** Since when the outcome is what it is. */
  since: Millis;
  /** The same, or later: since when it is announced as it is. */
  as: Millis;
}

export class ServiceHistory {
  readonly #size: number;
  readonly #at: Float64Array;
  readonly #decided: Float64Array;
  /** 0: not yet. */
  readonly #written: Float64Array;
  readonly #from: Uint8Array;
  readonly #to: Uint8Array;
  /** Number of the change before of the same service; 0: none. */
  readonly #before: Float64Array;
  readonly #keys: (ServiceKey | undefined)[];
  readonly #latest = new Map<ServiceKey, Latest>();
  /** Arrival of changes that are not decided yet. */
  readonly #arrived = new Map<ServiceKey, Millis>();
  #count = 0;
  #settledUpTo = 0;
  #writtenUpTo = 0;

  constructor(size: number = HISTORY_LIMITS.changes) {
    this.#size = size;
    this.#at = new Float64Array(size);
    this.#decided = new Float64Array(size);
    this.#written = new Float64Array(size);
    this.#from = new Uint8Array(size);
    this.#to = new Uint8Array(size);
    this.#before = new Float64Array(size);
    this.#keys = new Array<ServiceKey | undefined>(size);
  }

  /** An object of this service has changed in the store. */
  arrived(key: ServiceKey, now: Millis): void {
    if (!this.#arrived.has(key)) this.#arrived.set(key, now);
  }

  /** @param since arrival of the change, where it was not one of the service's own objects */
  decided(
    key: ServiceKey,
    before: ServiceDecision | undefined,
    after: ServiceDecision | undefined,
    since: Millis,
    now: Millis,
  ): void {
    const [from, to] = [codeOf(before), codeOf(after)];
    const number = ++this.#count;
    const slot = number % this.#size;
    this.#forget(slot);
    const latest = this.#latest.get(key);
    this.#at[slot] = this.#arrived.get(key) ?? since;
    this.#decided[slot] = now;
    this.#written[slot] = 0;
    this.#from[slot] = from;
    this.#to[slot] = to;
    this.#before[slot] = latest?.last ?? 0;
    this.#keys[slot] = key;
    if (latest === undefined) this.#latest.set(key, { last: number, since: now, as: now });
    else {
      latest.last = number;
      if (from !== to) latest.since = now;
      if (from !== to || after?.announced === true) latest.as = now;
    }
  }

  /** Nothing is left to decide of what has arrived. */
  settled(): void {
    this.#arrived.clear();
    this.#settledUpTo = this.#count;
  }

  /** Something is decided that is not known to be written. */
  get isAwaitingWrite(): boolean {
    return this.#writtenUpTo < this.#settledUpTo;
  }

  /** Every session that stands has been given all that was settled. */
  written(now: Millis): void {
    const first = Math.max(this.#writtenUpTo, this.#count - this.#size) + 1;
    for (let number = first; number <= this.#settledUpTo; number++) this.#written[number % this.#size] = now;
    this.#writtenUpTo = this.#settledUpTo;
  }

  /** Since when the outcome is what it is; null: nothing is known of such a service. */
  since(key: ServiceKey): Millis | null {
    return this.#latest.get(key)?.since ?? null;
  }

  /** Since when it is announced just as it is; of one that is not announced the same as `since`. */
  unaltered(key: ServiceKey): Millis | null {
    return this.#latest.get(key)?.as ?? null;
  }

  /** Newest first, at most HISTORY_LIMITS.perService. */
  changes(key: ServiceKey): readonly ServiceChange[] {
    const out: ServiceChange[] = [];
    let number = this.#latest.get(key)?.last ?? 0;
    while (number > 0 && number > this.#count - this.#size && out.length < HISTORY_LIMITS.perService) {
      const slot = number % this.#size;
      const written = this.#written[slot] ?? 0;
      out.push({
        at: Millis(this.#at[slot] ?? 0),
        decidedAt: Millis(this.#decided[slot] ?? 0),
        writtenAt: written === 0 ? null : Millis(written),
        from: OUTCOMES[this.#from[slot] ?? 0] ?? "absent",
        to: OUTCOMES[this.#to[slot] ?? 0] ?? "absent",
      });
      number = this.#before[slot] ?? 0;
    }
    return out;
  }

  /** The slot is used anew: a service that is gone, and of which nothing else is kept, leaves with it. */
  #forget(slot: number): void {
    const key = this.#keys[slot];
    if (key === undefined || OUTCOMES[this.#to[slot] ?? 0] !== "absent") return;
    const latest = this.#latest.get(key);
    if (latest !== undefined && latest.last % this.#size === slot && latest.last <= this.#count - this.#size) {
      this.#latest.delete(key);
    }
  }
}

function codeOf(decision: ServiceDecision | undefined): number {
  return CODES.get(decision === undefined ? "absent" : (decision.reason ?? "announced")) ?? 0;
}
