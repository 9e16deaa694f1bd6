// SHELL: whether this start follows an end without a goodbye, and whether the host has forwarded since (RFC 4724 section 4.1).
// Owns one small file in the state directory: boot id and last life sign. Knows nothing of peers. Contract: the file is read
// once, before the first life sign; it is whole or of before; a file that cannot be read or makes no sense counts as none, for claiming a
// restart that was none is the one thing peers must not be told. No disk is made to sync for a life sign: after a loss of power the host
// has not forwarded, so that little is lost with the sign.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock, TimerHandle, Timers } from "../kernel/clock.ts";
import type { ConfigProblem } from "../kernel/problem.ts";
import { Millis } from "../kernel/units.ts";
import type { Logger } from "../observe/log.ts";
import {
  type FileFault,
  type FileSystem,
  faultOf,
  faultProblem,
  realFiles,
  removeFile,
  replaceFile,
} from "./durableFile.ts";
import { realClock, realTimers } from "./realTime.ts";

export interface RestartFacts {
  /** The last process ended without a goodbye, within the longest time for which peers keep routes. */
  readonly isRestart: boolean;
  /** The host has not been booted since: what the kernel was told to forward it has forwarded all the while. */
  readonly isForwardingKept: boolean;
}

interface Marker {
  readonly bootId: string;
  /** Wall clock of the last life sign, milliseconds since 1970. */
  readonly aliveAt: number;
}

/** Between two life signs; short against the restart times that make sense (RFC 4724: below the hold time, 180 s). */
export const LIFE_SIGN_INTERVAL = Millis(5_000);
/** The longest restart time that fits an OPEN: 12 bits of seconds. */
export const LONGEST_RESTART = Millis(4_095_000);

const NAME = "alive.json";
const NOTHING_KNOWN: RestartFacts = { isRestart: false, isForwardingKept: false };

export interface MarkerSurroundings {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly files?: FileSystem;
  /** Whether it can be written has changed; while it cannot, the next start will not count as a restart. @param fault null: it can */
  readonly told: (fault: FileFault | null) => void;
  /** Where the kernel tells its boot id. */
  readonly bootIdFile?: string;
}

export class RestartMarker {
  readonly facts: RestartFacts;
  readonly #path: string;
  readonly #around: MarkerSurroundings;
  readonly #bootId: string | null;
  #timer: TimerHandle | null = null;
  #writing: Promise<void> = Promise.resolve();
  #isOver = false;
  #fault: FileFault | null = null;

  /** Reads what the last process left. */
  constructor(directory: string, around: MarkerSurroundings) {
    this.#path = join(directory, NAME);
    this.#around = around;
    this.#bootId = readText(around.bootIdFile ?? "/proc/sys/kernel/random/boot_id");
    this.facts = factsOf(readMarker(this.#path), this.#bootId, around.clock.wall());
  }

  problems(): readonly ConfigProblem[] {
    return this.#fault === null ? [] : [faultProblem(this.#fault, "lifeSignsNotKept")];
  }

  /** Gives life signs from now on. Settles when the first one is written, or has failed. */
  start(): Promise<void> {
    this.#giveSign();
    return this.#writing;
  }

  /** The peers have been told: the next start follows a goodbye. */
  async remove(): Promise<void> {
    this.stop();
    await this.#writing;
    // BFD's farewell comes after this one, and must not wait for a disk
    const { files = realFiles } = this.#around;
    await removeFile(this.#path, { files, outlives: "process" }).catch((error: unknown) => this.#ended(error));
  }

  /** No more life signs; the last one stays. */
  stop(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  #giveSign(): void {
    this.#writing = this.#write().then(
      () => this.#ended(null),
      (error: unknown) => this.#ended(error),
    );
    void this.#writing.then(() => {
      // after the write, so that a slow disk never has two of them
      if (!this.#isOver) this.#timer = this.#around.timers.after(LIFE_SIGN_INTERVAL, () => this.#giveSign());
    });
  }

  async #write(): Promise<void> {
    if (this.#bootId === null) return;
    const marker: Marker = { bootId: this.#bootId, aliveAt: this.#around.clock.wall() };
    const { files = realFiles } = this.#around;
    await replaceFile(this.#path, [`${JSON.stringify(marker)}\n`], { files, outlives: "process" });
  }

  #ended(error: unknown): void {
    const fault = error === null ? null : faultOf(this.#path, "written", error);
    const isNews = fault?.message !== this.#fault?.message;
    this.#fault = fault;
    if (isNews) this.#around.told(fault);
  }
}

/** The marker in this directory on the real clock; what it found, and what it cannot do, is logged. */
export function openMarker(directory: string, log: Logger, problemsChanged: () => void): RestartMarker {
  const marker = new RestartMarker(directory, {
    clock: realClock,
    timers: realTimers,
    told: (fault) => {
      if (fault !== null) log.warn("stateDir", {}, fault.message);
      problemsChanged();
    },
  });
  const { isRestart, isForwardingKept } = marker.facts;
  const kept = isForwardingKept ? "the host has forwarded since" : "the host has been booted since";
  if (isRestart) log.info("restart", {}, `the last process ended without a goodbye; ${kept}`);
  return marker;
}

function factsOf(marker: Marker | null, bootId: string | null, wall: number): RestartFacts {
  if (marker === null || bootId === null) return NOTHING_KNOWN;
  const age = wall - marker.aliveAt;
  // a life sign from the future: the clock was set, and nothing is known of the time between
  return { isRestart: age >= 0 && age < LONGEST_RESTART, isForwardingKept: marker.bootId === bootId };
}

function readMarker(path: string): Marker | null {
  const text = readText(path);
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("bootId" in value) || !("aliveAt" in value)) return null;
    const { bootId, aliveAt } = value;
    return typeof bootId === "string" && typeof aliveAt === "number" ? { bootId, aliveAt } : null;
  } catch {
    return null;
  }
}

/** null: not there, empty, or not readable. */
function readText(path: string): string | null {
  try {
    const text = readFileSync(path, "utf8").trim();
    return text === "" ? null : text;
  } catch {
    return null;
  }
}
