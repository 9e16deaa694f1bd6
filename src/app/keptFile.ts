// When something in memory is written to its file. Owns that at most one write runs, that none is forgotten, and the pauses between those
// that fail. Knows not what the file holds. Contract: level, not edge: whatever changed while a write ran, or could not be
// written, is written after it; memory is never given up for the disk. Whoever asks `settled` hears of a write that began no earlier.
import type { TimerHandle, Timers } from "../kernel/clock.ts";
import { Millis } from "../kernel/units.ts";
import { type FileFault, faultOf } from "./durableFile.ts";

/** Between a write that failed and the next one; doubled each time up to the longest. */
export const RETRY_PAUSE = Millis(1_000);
export const LONGEST_RETRY_PAUSE = Millis(30_000);

export interface KeptFileSurroundings {
  readonly path: string;
  readonly timers: Timers;
  /** Least time from a change to a write that nobody waits for; 0: at once. */
  readonly pause: Millis;
  /** Writes what is to be kept as it is at this call, or later. @throws Error (rejects), usually a FileFault */
  readonly write: () => Promise<void>;
  /** A write has ended. @param fault null: the disk has it */
  readonly told: (fault: FileFault | null) => void;
}

export class KeptFile {
  readonly #around: KeptFileSurroundings;
  /** Changes since the start, and those of them that the disk has. */
  #changes = 0;
  #kept = 0;
  /** Those that the write has that runs, or ran last. */
  #upTo = 0;
  #writing: Promise<void> | null = null;
  #timer: TimerHandle | null = null;
  #fault: FileFault | null = null;
  /** Writes that failed since the last one that did not. */
  #failures = 0;
  #isStopped = false;

  constructor(around: KeptFileSurroundings) {
    this.#around = around;
  }

  /** Why the last write failed; null: it did not. */
  get fault(): FileFault | null {
    return this.#fault;
  }

  /** What is to be kept has changed. While writes fail it waits for the next attempt. */
  changed(): void {
    this.#changes++;
    this.#next();
  }

  /** Settles when the disk has what was to be kept at this call, or a write that could have brought it there has failed. */
  async settled(): Promise<FileFault | null> {
    const wanted = this.#changes;
    if (this.#writing !== null && this.#upTo < wanted) await this.#writing; // it is of before
    if (this.#kept < wanted) await (this.#writing ?? this.#write());
    return this.#kept < wanted ? this.#fault : null;
  }

  /** No write begins by itself any more. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #next(): void {
    if (this.#isStopped || this.#writing !== null || this.#timer !== null || this.#kept === this.#changes) return;
    const doubled = RETRY_PAUSE * 2 ** (this.#failures - 1);
    const wait = this.#failures === 0 ? this.#around.pause : Math.min(doubled, LONGEST_RETRY_PAUSE);
    if (wait === 0) void this.#write();
    else this.#timer = this.#around.timers.after(Millis(wait), () => void this.#write());
  }

  #write(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    this.#upTo = this.#changes;
    const ended = (fault: FileFault | null): void => {
      this.#writing = null;
      this.#fault = fault;
      this.#failures = fault === null ? 0 : this.#failures + 1;
      if (fault === null) this.#kept = this.#upTo;
      this.#around.told(fault);
      this.#next();
    };
    this.#writing = this.#around.write().then(
      () => ended(null),
      (error: unknown) => ended(faultOf(this.#around.path, "written", error)),
    );
    return this.#writing;
  }
}
