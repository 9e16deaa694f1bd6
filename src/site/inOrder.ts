// Work that keeps its order, however long a piece of it takes. Owns who is next; knows nothing of the work, and no clock. Contract: a job
// begins when those before it have ended, so what follows from a history does not depend on where it was cut; small ones are done as soon
// as they come, until BATCH steps have been made without a call of `work`.

/** A generator that rests after every step. */
export type Job = Generator<void, void>;

/** Steps between two looks of the caller at the clock; one takes some ten microseconds with the line of the log that may come of it. */
export const BATCH = 32;

export class InOrder {
  /** In the order in which they came. */
  readonly #jobs = new Set<Job>();
  #left = BATCH;
  #isWorking = false;

  /** Something waits for `work`. */
  get isBusy(): boolean {
    return this.#jobs.size > 0;
  }

  add(job: Job): void {
    this.#jobs.add(job);
    if (!this.#isWorking) this.#work();
  }

  /** Goes on by BATCH steps. */
  work(): void {
    this.#left = BATCH;
    this.#work();
  }

  #work(): void {
    this.#isWorking = true;
    try {
      for (const job of this.#jobs) {
        while (this.#left > 0) {
          this.#left--;
          if (job.next().done !== true) continue;
          this.#jobs.delete(job);
          break;
        }
        if (this.#left === 0) return;
      }
    } finally {
      this.#isWorking = false;
    }
  }
}
