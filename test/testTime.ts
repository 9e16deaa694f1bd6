// A clock that moves when the test says so, for shells that wait for promises in between. Owns the timers armed on it. Contract: timers fire in
// the order of their deadlines, each after what the promises of the one before led to; whoever arms them without end is found out.
import type { Clock, Timers } from "../src/kernel/clock.ts";
import { Millis } from "../src/kernel/units.ts";

export class TestTime {
  now = 0;
  /** Timers that have fired. */
  fired = 0;
  readonly #armed = new Set<{ readonly at: number; readonly callback: () => void }>();
  readonly clock: Clock = { now: () => Millis(this.now), wall: () => Date.UTC(2026, 0, 1) + this.now };
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

  /** @throws Error (rejects) when more than 10,000 timers fire in it */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    for (let round = 0; ; round++) {
      await new Promise((resolve) => setImmediate(resolve)); // what promises lead to comes before the next timer
      const [next] = [...this.#armed].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      if (round === 10_000) throw new Error(`timers without end at ${this.now} ms`);
      this.#armed.delete(next);
      this.fired++;
      this.now = next.at;
      next.callback();
    }
    this.now = end;
  }
}
