// What a service manager (systemd) is told of the daemon's life: starting, ready, reloading, stopping, alive. Owns when which
// message is sent. Knows nothing of sockets or of what the daemon does. Contract: READY once, after the first decision is with the
// peers; WATCHDOG from the event loop alone and only while the daemon is healthy, so that one that hangs or cannot decide is
// started anew; more time is asked for while a start waits for its source, and once for a stop.
import type { TimerHandle, Timers } from "../kernel/clock.ts";
import { Millis } from "../kernel/units.ts";

/** How often a start that is not over asks for more time, and for how much. */
export const START_PULSE_MS = 10_000;
const START_GRACE_MS = 60_000;
/** Beyond what a stop is known to take. */
const STOP_GRACE_MS = 5_000;

export interface ServiceManagerOptions {
  readonly notify: (message: string) => boolean;
  /** How long the manager waits for a sign of life; null: it does not. */
  readonly watchdog: Millis | null;
  readonly timers: Timers;
  /** Monotonic microseconds, as CLOCK_MONOTONIC counts them. */
  readonly monotonicMicros: () => bigint;
  /** What keeps the daemon from being healthy; null: nothing. */
  readonly unhealthy: () => string | null;
  /** What a start waits for; null: it is over. */
  readonly notReady: () => string | null;
}

export class ServiceManager {
  readonly #options: ServiceManagerOptions;
  #isReady = false;
  #isStopping = false;
  #timer: TimerHandle | null = null;

  constructor(options: ServiceManagerOptions) {
    this.#options = options;
    this.#pulse();
  }

  /** The first decision is with the peers. Further calls do nothing. */
  ready(): void {
    if (this.#isReady || this.#isStopping) return;
    this.#isReady = true;
    this.#options.notify("READY=1\nSTATUS=announcing");
    this.#timer?.cancel();
    this.#pulse();
  }

  /** Around the reading of settings anew. */
  reload(read: () => void): void {
    const { notify, monotonicMicros } = this.#options;
    if (this.#isReady) notify(`RELOADING=1\nMONOTONIC_USEC=${monotonicMicros()}\nSTATUS=reading everything again`);
    read();
    if (this.#isReady) notify("READY=1\nSTATUS=announcing");
  }

  /** @param within what stopping may take */
  stopping(within: Millis): void {
    this.#isStopping = true;
    if (!this.#isReady) this.#timer?.cancel(); // a start that is over asks for no more time
    this.#options.notify(`STOPPING=1\nSTATUS=withdrawing\n${extension(within + STOP_GRACE_MS)}`);
  }

  /** No more messages. */
  end(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** Until ready, asks for time; afterwards, gives signs of life, twice as often as they are waited for. */
  #pulse(): void {
    const { notify, watchdog, timers, unhealthy, notReady } = this.#options;
    const every = this.#isReady ? (watchdog === null ? null : watchdog / 2) : START_PULSE_MS;
    if (every === null) return;
    this.#timer = timers.after(Millis(every), () => {
      if (!this.#isReady) notify(`STATUS=${notReady() ?? "starting"}\n${extension(START_GRACE_MS)}`);
      else if (unhealthy() === null) notify("WATCHDOG=1");
      this.#pulse();
    });
  }
}

const extension = (ms: number): string => `EXTEND_TIMEOUT_USEC=${Math.round(ms * 1000)}`;

/** WATCHDOG_USEC, where it is meant for this process. @returns null: nobody waits for signs of life */
export function watchdogOf(env: Readonly<Record<string, string | undefined>>, pid: number): Millis | null {
  const { WATCHDOG_USEC: micros = "", WATCHDOG_PID: owner = "" } = env;
  if (owner !== "" && owner !== String(pid)) return null;
  return /^[1-9]\d*$/.test(micros) ? Millis(Number(micros) / 1000) : null;
}
