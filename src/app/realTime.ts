// SHELL: the one place where real time and randomness enter the process. Owns no policy.
// Contract for timers (conformance C-093): a callback runs only after the input that was pending when it fell due has been
// read, so that a process that was stopped for a while does not take unread keepalives for silence.
import { performance } from "node:perf_hooks";
import type { Clock, Random, TimerHandle, Timers } from "../kernel/clock.ts";
import { Millis } from "../kernel/units.ts";

export const realClock: Clock = {
  now: () => Millis(performance.now()),
  wall: () => Date.now(),
};

export const realRandom: Random = { next: () => Math.random() };

/** Node fires at once above this delay, so longer waits are made of several (C-097). */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

export const realTimers: Timers = {
  after(delay: Millis, callback: () => void): TimerHandle {
    return new RealTimer(delay, callback);
  },
};

class RealTimer implements TimerHandle {
  readonly #callback: () => void;
  #timeout: NodeJS.Timeout | null = null;
  #immediate: NodeJS.Immediate | null = null;

  constructor(delay: number, callback: () => void) {
    this.#callback = callback;
    this.#arm(delay);
  }

  cancel(): void {
    if (this.#timeout !== null) clearTimeout(this.#timeout);
    if (this.#immediate !== null) clearImmediate(this.#immediate);
  }

  #arm(left: number): void {
    const now = Math.min(left, LONGEST_TIMEOUT_MS);
    // rounded up: Node may fire up to a millisecond early otherwise
    this.#timeout = setTimeout(() => {
      if (left > now) this.#arm(left - now);
      // the poll phase, which reads sockets, lies between the timers and the immediates of one turn
      else this.#immediate = setImmediate(this.#callback);
    }, Math.ceil(now));
  }
}
