// Which objects have to be written, and when one is tried again. Owns order, concurrency and pauses. Must not know what is written: an
// attempt compares what should be with what is, and says there is nothing to do. Contract: one attempt per key at a time; who is added
// while under way is looked at again; a refusal makes only its own key rest, longer each time, and a conflict no longer than until the
// newer object is there (`add`); what does not stay as it was written is written ever more rarely. Nothing begins after `stop`.
import type { Random, TimerHandle, Timers } from "../kernel/clock.ts";
import { Millis } from "../kernel/units.ts";
import { ApiError } from "../kube/apiError.ts";

/** Writes under way together. */
export const WRITES_AT_ONCE = 16;
/** Rest after the first failure; doubles up to LAST_REST. The rest itself is anywhere between half of that and all. */
export const FIRST_REST = Millis(1_000);
export const LAST_REST = Millis(60_000);
/** Writes of one key that may work in a row and leave it to be written again, as steps that build on each other do; then it rests, too. */
export const WRITES_IN_A_ROW = 8;
/** Keys looked at in one turn of the event loop. */
const LOOKS_PER_TURN = 256;

export interface WriteQueueSurroundings {
  readonly timers: Timers;
  readonly random: Random;
  /** null: nothing is to be written. May be asked at any time. */
  readonly attempt: (key: string) => Promise<unknown> | null;
  /** Whether anything may be written now; `pump` when that changes. */
  readonly mayWrite: () => boolean;
  readonly settled: (key: string, failure: ApiError | null) => void;
}

interface Rest {
  readonly timer: TimerHandle;
  /** Something newer is on its way to us. */
  readonly isConflict: boolean;
}

export class WriteQueue {
  readonly #around: WriteQueueSurroundings;
  readonly #ready = new Set<string>();
  readonly #busy = new Map<string, Promise<void>>();
  readonly #again = new Set<string>();
  readonly #resting = new Map<string, Rest>();
  readonly #failures = new Map<string, number>();
  /** Writes that worked in a row, each with a look at the key asked for before it was over. */
  readonly #worked = new Map<string, number>();
  #isStopped = false;
  #isScheduled = false;

  constructor(surroundings: WriteQueueSurroundings) {
    this.#around = surroundings;
  }

  /** Keys that wait, rest or are under way. */
  get size(): number {
    return this.#ready.size + this.#busy.size + this.#resting.size;
  }

  add(key: string): void {
    if (this.#isStopped) return;
    const rest = this.#resting.get(key);
    if (this.#busy.has(key)) this.#again.add(key);
    else if (rest === undefined || rest.isConflict) {
      rest?.timer.cancel();
      this.#resting.delete(key);
      this.#ready.add(key);
      this.#schedule();
    }
  }

  /** Begins what may begin. */
  pump(): void {
    let looks = 0;
    for (const key of this.#ready) {
      if (this.#isStopped || this.#busy.size >= WRITES_AT_ONCE || !this.#around.mayWrite()) return;
      if (++looks > LOOKS_PER_TURN) {
        this.#schedule();
        return;
      }
      this.#ready.delete(key);
      this.#try(key);
    }
  }

  /** Settles when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const { timer } of this.#resting.values()) timer.cancel();
    await Promise.all(this.#busy.values());
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#around.timers.after(Millis(0), () => {
      this.#isScheduled = false;
      this.pump();
    });
  }

  #try(key: string): void {
    const attempt = this.#around.attempt(key);
    if (attempt === null) {
      this.#worked.delete(key);
      this.#settle(key, null);
      return;
    }
    const over = attempt.then(
      () => {
        this.#settle(key, null);
        this.#noteWorked(key);
      },
      (error: unknown) => {
        if (!(error instanceof ApiError)) throw error; // our own defect: the last resort of the process tells it
        this.#settle(key, error);
      },
    );
    this.#busy.set(
      key,
      over.finally(() => {
        this.#busy.delete(key);
        if (this.#again.delete(key)) this.add(key);
        else this.#worked.delete(key);
        this.pump();
      }),
    );
  }

  #settle(key: string, failure: ApiError | null): void {
    this.#around.settled(key, failure);
    // who is gone is no failure: the watch says so, too
    if (failure === null || failure.isNotFound) {
      this.#failures.delete(key);
      return;
    }
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.#rest(key, failures, failure.retryAfter ?? Millis(0), failure.isConflict);
  }

  /** Somebody else may set back what we write, or the server keep none of it: not as fast as it answers, then. */
  #noteWorked(key: string): void {
    const inRow = (this.#worked.get(key) ?? 0) + 1;
    this.#worked.set(key, inRow);
    if (inRow >= WRITES_IN_A_ROW) this.#rest(key, inRow - WRITES_IN_A_ROW, Millis(0), false);
  }

  /** @param before rests in a row before this one @param least milliseconds */
  #rest(key: string, before: number, least: Millis, isConflict: boolean): void {
    if (this.#isStopped) return;
    const longest = Math.min(LAST_REST, FIRST_REST * 2 ** Math.min(before, 20));
    const rest = Math.max(least, longest * (0.5 + this.#around.random.next() / 2));
    const timer = this.#around.timers.after(Millis(rest), () => {
      this.#resting.delete(key);
      this.#ready.add(key);
      this.pump();
    });
    this.#resting.set(key, { timer, isConflict });
  }
}
