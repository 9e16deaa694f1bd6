// From a change in the store to octets with the kernel: the only caller of the decision engine.
// Owns when the engine runs and for how long. Knows nothing of files, peers or messages. Contract: the first change of a
// turn is acted on at once, what follows in the same turn is folded into the next; one run takes at most SLICE_MS, then
// the event loop gets its turn; nothing runs before the source has been listed completely.
import type { Clock, TimerHandle, Timers } from "../kernel/clock.ts";
import { Millis } from "../kernel/units.ts";
import type { StoreChange } from "../sources/store.ts";

/** Longest stretch of deciding in one turn of the event loop; with what it leads to, a turn stays under 10 ms. */
export const SLICE_MS = 4;

/** A change that is not decided after this is a defect: a service manager with a watchdog then starts the daemon anew. */
export const STUCK_MS = 30_000;

/** `waiting`: nothing may be handed on yet, and `changed` is called when it may. */
export type Progress = "done" | "more" | "waiting";

export interface ReconcileTarget {
  apply(changes: readonly StoreChange[]): void;
  run(isOver: () => boolean): Progress;
}

export interface ReconcileTime {
  readonly clock: Clock;
  readonly timers: Timers;
  /** When to run again although nothing changes; null: not before something does. */
  readonly deadline: () => Millis | null;
}

export interface ReconcileObserver {
  /** One turn of deciding and sending has ended. */
  turn(duration: Millis): void;
  /** Nothing is left to decide. */
  settled(report: ReconcileReport): void;
}

export interface ReconcileReport {
  /** Changes in the store since the last report. */
  readonly changes: number;
  /** From the arrival of the first of them in the store to the octets with the kernel. */
  readonly duration: Millis;
  /** Turns that deciding and sending took, and the longest of them. */
  readonly turns: number;
  readonly longestTurn: Millis;
}

export class Reconciler {
  readonly #engine: ReconcileTarget;
  readonly #flush: (settled: boolean) => void;
  readonly #observer: ReconcileObserver;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #deadline: ReconcileTime["deadline"];
  #timer: TimerHandle | null = null;
  #isListed = false;
  #hasRunThisTurn = false;
  #isScheduled = false;
  #isStopped = false;
  #changes = 0;
  #turns = 0;
  #longestTurn = Millis(0);
  #since: Millis | null = null;

  constructor(
    engine: ReconcileTarget,
    flush: (settled: boolean) => void,
    { clock, timers, deadline }: ReconcileTime,
    observer: ReconcileObserver,
  ) {
    this.#timers = timers;
    this.#deadline = deadline;
    this.#engine = engine;
    this.#flush = flush;
    this.#clock = clock;
    this.#observer = observer;
  }

  /** True once the first complete decision has been handed to the peers. */
  isSettled = false;

  /** Arrival of the first change that is not settled; null: all are. */
  get since(): Millis | null {
    return this.#since;
  }

  /** null while decisions keep up with the source; else for how long they have not. */
  stuck(): string | null {
    const waited = this.#since === null || !this.isSettled ? 0 : this.#clock.now() - this.#since;
    return waited > STUCK_MS ? `a change has not been decided for ${Math.round(waited / 1000)} s` : null;
  }

  changed(changes: readonly StoreChange[]): void {
    if (this.#isStopped) return;
    this.#since ??= this.#clock.now();
    this.#changes += changes.length;
    this.#engine.apply(changes);
    if (!this.#isListed) return;
    if (this.#hasRunThisTurn) this.#schedule();
    else this.#run();
  }

  /** The source has been read completely for the first time: the store now says what is, not what is known so far. */
  listed(): void {
    if (this.#isStopped) return;
    this.#isListed = true;
    this.#since ??= this.#clock.now();
    this.#run();
  }

  /** No decision after this. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (!this.#isStopped) this.#run();
    });
  }

  /** One timer, for what is due next. */
  #arm(): void {
    this.#timer?.cancel();
    const at = this.#deadline();
    if (at === null) this.#timer = null;
    else this.#timer = this.#timers.after(Millis(Math.max(0, at - this.#clock.now())), () => this.changed([]));
  }

  #run(): void {
    this.#hasRunThisTurn = true;
    setImmediate(() => {
      this.#hasRunThisTurn = false;
    });
    const started = this.#clock.now();
    const until = started + SLICE_MS;
    const progress = this.#engine.run(() => this.#clock.now() >= until);
    if (progress === "waiting") return;
    const settled = progress === "done";
    this.#flush(settled);
    const now = this.#clock.now();
    const turn = Millis(now - started);
    this.#turns++;
    if (turn > this.#longestTurn) this.#longestTurn = turn;
    this.#observer.turn(turn);
    if (!settled) {
      this.#schedule();
      return;
    }
    this.isSettled = true;
    this.#arm();
    const duration = Millis(now - (this.#since ?? now));
    const report = { changes: this.#changes, duration, turns: this.#turns, longestTurn: this.#longestTurn };
    this.#changes = 0;
    this.#turns = 0;
    this.#longestTurn = Millis(0);
    this.#since = null;
    this.#observer.settled(report);
  }
}
