// How often the same fault may be told (C-265): the first few of a minute pass, the rest are counted. Pure: time comes in
// with each call. Owns the windows per key. Knows nothing of log lines; log.ts turns counts into summaries.
// Contract: memory is bounded; beyond MAX_KEYS all further keys share one window.
import { later, Millis } from "../kernel/units.ts";

export type Admission =
  | { readonly pass: true }
  /** `isFirst`: the first one held back in this window, which ends at `until`: call `close(key)` then. */
  | { readonly pass: false; readonly isFirst: boolean; readonly key: string; readonly until: Millis };

const WINDOW = Millis(60_000);
const MAX_KEYS = 4096;
const OTHERS = "\u0000others";

interface Window {
  readonly until: Millis;
  passed: number;
  held: number;
}

export class FaultLimiter {
  readonly #perMinute: number;
  readonly #windows = new Map<string, Window>();

  /** @param perMinute how many of one key pass in a window, at least 1 */
  constructor(perMinute: number) {
    this.#perMinute = Math.max(1, perMinute);
  }

  /** @param now monotonic milliseconds */
  admit(wanted: string, now: Millis): Admission {
    const key = this.#keyFor(wanted, now);
    let window = this.#windows.get(key);
    // a window that held something back lives until `close` has told how much, however late that is
    if (window === undefined || (window.until <= now && window.held === 0)) {
      window = { until: later(now, WINDOW), passed: 0, held: 0 };
      this.#windows.set(key, window);
    }
    if (window.passed < this.#perMinute) {
      window.passed++;
      return { pass: true };
    }
    window.held++;
    return { pass: false, isFirst: window.held === 1, key, until: window.until };
  }

  /** Ends a window. @returns how many were held back in it */
  close(key: string): number {
    const held = this.#windows.get(key)?.held ?? 0;
    this.#windows.delete(key);
    return held;
  }

  #keyFor(wanted: string, now: Millis): string {
    if (this.#windows.has(wanted) || this.#windows.size < MAX_KEYS) return wanted;
    for (const [key, window] of this.#windows) {
      if (window.until <= now && window.held === 0) this.#windows.delete(key);
    }
    return this.#windows.size < MAX_KEYS ? wanted : OTHERS;
  }
}
