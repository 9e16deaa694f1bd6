// What keeps writes of one kind from being made: the server is away or asks for patience, the kind is not there, a verb is not allowed, an
// object is not taken. Owns the pauses and what is told. Knows nothing of what is written. Contract: trouble that passes is waited for in
// pauses that double; what only an operator can mend is tried again slowly, and told once.
import { later, Millis } from "../kernel/units.ts";
import type { ApiFailure } from "../kube/apiError.ts";
import { doubled } from "./pace.ts";

/** The first pause after a failure that may pass, times 0.5 to 1; doubles up to the last. */
export const PAUSE_FIRST = Millis(500);
export const PAUSE_LAST = Millis(30_000);
/** Where only an operator can help. */
export const PAUSE_SLOW = Millis(60_000);

export interface WriteFault {
  readonly kind: "forbidden" | "absent" | "refused";
  /** What was asked for, a word of the caller's. */
  readonly action: string;
  readonly failure: ApiFailure;
}

export class Obstacles {
  readonly #random: { next(): number };
  #pausedUntil: Millis | null = null;
  #pauses = 0;
  #fault: WriteFault | null = null;

  constructor(random: { next(): number }) {
    this.#random = random;
  }

  get fault(): WriteFault | null {
    return this.#fault;
  }

  get pausedUntil(): Millis | null {
    return this.#pausedUntil;
  }

  isPaused(now: Millis): boolean {
    if (this.#pausedUntil === null) return false;
    if (now < this.#pausedUntil) return true;
    this.#pausedUntil = null;
    return false;
  }

  worked(action: string): void {
    this.#pauses = 0;
    // a read that works says nothing of a verb that is refused
    if (this.#fault?.action === action) this.#fault = null;
  }

  /** @returns true: no write of the kind goes out for a while */
  stopped(action: string, failure: ApiFailure, now: Millis): boolean {
    const { code, retryAfter } = failure;
    if (code === 403 || code === 404) {
      const kind = code === 403 ? "forbidden" : "absent";
      // told once: the words of the server name another object each time
      if (this.#fault?.kind !== kind || this.#fault.action !== action) this.#fault = { kind, action, failure };
      this.#pause(now, PAUSE_SLOW);
      return true;
    }
    if (!mayPass(failure)) return false;
    this.wait(now, retryAfter);
    return true;
  }

  /** @param retryAfter what the server asks for; null: nothing */
  wait(now: Millis, retryAfter: Millis | null): void {
    this.#pauses++;
    const pause = Millis(doubled(this.#pauses, PAUSE_FIRST, PAUSE_LAST) * (0.5 + this.#random.next() / 2));
    this.#pause(now, retryAfter === null ? pause : Millis(Math.max(pause, retryAfter)));
  }

  /** Several requests of one moment may fail: the longest pause counts. */
  #pause(now: Millis, pause: Millis): void {
    const until = later(now, pause);
    if (this.#pausedUntil === null || until > this.#pausedUntil) this.#pausedUntil = until;
  }
}

/** Of itself, without anybody's doing to the object. */
const mayPass = ({ code }: ApiFailure): boolean => code === null || code === 401 || code === 429 || code >= 500;
