// One real timer for whatever is due next. Owns that timer. Knows nothing of what it wakes.
// Contract: rings at the moment set or, where that has moved away since, earlier; whoever is woken looks for himself what is due.
import type { Clock, TimerHandle, Timers } from "../kernel/clock.ts";
import { Millis } from "../kernel/units.ts";

export class Alarm {
  readonly #around: { readonly clock: Clock; readonly timers: Timers };
  readonly #ring: () => void;
  #set: { readonly handle: TimerHandle; readonly at: Millis } | null = null;

  constructor(around: { readonly clock: Clock; readonly timers: Timers }, ring: () => void) {
    this.#around = around;
    this.#ring = ring;
  }

  /** @param at monotonic milliseconds; null: nothing will be due */
  set(at: Millis | null): void {
    if (this.#set?.at === at) return;
    // a deadline that only moved away, as with every message that comes, keeps the timer: cheaper than arming a new one
    if (this.#set !== null && at !== null && this.#set.at < at) return;
    this.#set?.handle.cancel();
    this.#set = null;
    if (at === null) return;
    const delay = Millis(Math.max(0, at - this.#around.clock.now()));
    const handle = this.#around.timers.after(delay, () => {
      this.#set = null;
      this.#ring();
    });
    this.#set = { at, handle };
  }
}
