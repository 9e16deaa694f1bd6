// How often: the pause that doubles while something keeps changing or failing, and the bucket that bounds a rate. Owns the two rules.
// Knows nothing of what is paced. Contract: pure state over monotonic milliseconds; nothing here reads a clock.
import { later, Millis } from "../kernel/units.ts";

/** The n-th pause in a row (from 1): `first`, doubled each time, at most `last`. */
export const doubled = (n: number, first: Millis, last: Millis): Millis =>
  Millis(Math.min(last, first * 2 ** Math.min(n - 1, 30)));

/** The first change of a report at once, the second of a row after this; doubles up to PACE_LAST. */
export const PACE_FIRST = Millis(1_000);
export const PACE_LAST = Millis(60_000);
/** A report without a change for so long begins anew. */
export const PACE_CALM = Millis(120_000);

/** The changes of one report. */
export class Pace {
  #at: Millis | null = null;
  #changes = 0;

  /** When the next change may go out; null: now. @param isUrgent waits for the least gap only */
  waitsUntil(now: Millis, isUrgent: boolean): Millis | null {
    if (this.#at === null || this.#changes === 0) return null;
    if (now - this.#at >= PACE_CALM) return null;
    const gap = isUrgent ? PACE_FIRST : doubled(this.#changes, PACE_FIRST, PACE_LAST);
    const at = later(this.#at, gap);
    return at <= now ? null : at;
  }

  goes(now: Millis): void {
    if (this.#at !== null && now - this.#at >= PACE_CALM) this.#changes = 0;
    this.#at = now;
    this.#changes++;
  }

  /** Nothing of it is worth remembering. */
  isOver(now: Millis): boolean {
    return this.#at === null || now - this.#at >= PACE_CALM;
  }
}

/** Token bucket: `burst` at once, then one every `every` milliseconds. */
export class Bucket {
  readonly #burst: number;
  readonly #every: Millis;
  #tokens: number;
  #at: Millis;

  constructor(burst: number, every: Millis, now: Millis) {
    this.#burst = burst;
    this.#every = every;
    this.#tokens = burst;
    this.#at = now;
  }

  has(now: Millis): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) / this.#every);
    this.#at = now;
    return this.#tokens >= 1;
  }

  /** @returns false: there was none */
  take(now: Millis): boolean {
    if (!this.has(now)) return false;
    this.#tokens--;
    return true;
  }

  /** When there will be one, as of the last look. */
  nextAt(): Millis {
    return later(this.#at, Millis(Math.max(0, Math.ceil((1 - this.#tokens) * this.#every))));
  }
}
