// Time and randomness as the cores see them: interfaces only. The one real implementation is in app/, tests bring a
// virtual one.
import type { Millis } from "./units.ts";

export interface Clock {
  /** Monotonic milliseconds; never steps with the wall clock. */
  now(): Millis;
  /** Wall clock, milliseconds since 1970, for logs and status only. */
  wall(): number;
}

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
}

export interface TimerHandle {
  cancel(): void;
}

export interface Timers {
  /**
   * Calls back once, not before `delay` has passed, and not before all input that was waiting at that moment has been
   * delivered: after a pause of the whole process a peer is judged by what it sent, not by what was not yet read
   * (conformance C-093). Delays beyond 2^31 ms are legal.
   */
  after(delay: Millis, callback: () => void): TimerHandle;
}
