// A clock that moves when the test says so, for shells that wait for promises in between. Owns the timers armed on it. Contract: timers fire in
// the order of their deadlines, each after what the promises of the one before led to.
import type { Clock, Timers } from "../src/kernel/clock.ts";
import { Millis } from "../src/kernel/units.ts";

export class TestTime {
  now = 0;
  readonly #armed = new Set<{ readonly at: number; readonly callback: () => void }>();
  readonly clock: Pick<Clock, "now"> = { now: () => Millis(this.now) };
  readonly timers: Timers = {
    after: (delay, callback) => {
      const entry = { at: this.now + delay, callback };
      this.#armed.add(entry);
      return { cancel: () => void this.#armed.delete(entry) };
    },
  };

  /** Timers that wait. */
  get armed(): number {
    return this.#armed.size;
  }

  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve)); // what promises lead to comes before the next timer
      const [next] = [...this.#armed].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#armed.delete(next);
      this.now = next.at;
      next.callback();
    }
    this.now = end;
  }
}
