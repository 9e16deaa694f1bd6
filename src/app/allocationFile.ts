// SHELL: the assignments that outlive the daemon, in one file of the state directory. Owns when it is written, and reading it at the start.
// Knows no rules of allocation. Contract: what is `saved` survives SIGKILL and a loss of power (durableFile.ts); one write at a time; a file
// that cannot be understood stops the start, because giving out addresses without knowing who has them would take them from somebody.
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Remembered } from "../allocate/engine.ts";
import { formattingRemembered, parseRemembered } from "../allocate/remembered.ts";
import type { Clock, Timers } from "../kernel/clock.ts";
import type { ServiceKey } from "../kernel/units.ts";
import { Millis } from "../kernel/units.ts";
import { codeOf, FileFault, type FileSystem, replaceFile } from "./durableFile.ts";
import { KeptFile } from "./keptFile.ts";
import { say } from "./messages.ts";
import { inSlices } from "./slices.ts";

const NAME = "allocations.json";

type Held = ReadonlyMap<ServiceKey, Remembered>;

export interface AllocationFileSurroundings {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly files: FileSystem;
  /** What the file is to hold, now. */
  readonly current: () => Iterable<readonly [ServiceKey, Remembered]>;
  /** The disk has these. */
  readonly saved: (held: Held) => void;
  /** The last attempt failed; told for each. It is tried again. */
  readonly failed: (fault: FileFault) => void;
}

export class AllocationFile {
  readonly path: string;
  readonly #around: AllocationFileSurroundings;
  /** Device, inode and time of the file as we know it; null: there is none. */
  #identity: string | null = null;
  /** What the write that runs, or ran last, gave to the disk. */
  #held: Held = new Map();
  readonly #kept: KeptFile;

  constructor(directory: string, around: AllocationFileSurroundings) {
    this.path = join(directory, NAME);
    this.#around = around;
    this.#kept = new KeptFile({
      path: this.path,
      timers: around.timers,
      pause: Millis(0),
      write: () => this.#write(),
      told: (fault) => (fault === null ? around.saved(this.#held) : around.failed(fault)),
    });
  }

  /** What the last process wrote; null: there is no file. @throws Error when it cannot be used; its message has the cure */
  async read(): Promise<Held | null> {
    let text: string;
    try {
      text = await readFile(this.path, "utf8");
    } catch (error) {
      if (codeOf(error) === "ENOENT") return null;
      throw new Error(`${this.path} cannot be read: ${String(error)}. Let the user of the daemon read it.`);
    }
    const parsed = parseRemembered(text);
    if (parsed.ok) {
      this.#identity = await this.#look();
      return parsed.held;
    }
    const cure =
      "Restore it from a backup; without it services may be given other addresses than they have: only if that does no harm, remove it.";
    throw new Error(`${this.path} does not say who has which address: ${parsed.fault}. ${cure}`);
  }

  /** What is current is written as soon as possible. */
  save(): void {
    this.#kept.changed();
  }

  /** No further write begins. */
  stop(): void {
    this.#kept.stop();
  }

  async #write(): Promise<void> {
    const { clock, files, current } = this.#around;
    this.#held = new Map(current());
    // 10,000 services take tens of milliseconds: too long for one turn
    const text = await inSlices(formattingRemembered(this.#held), clock);
    const found = await this.#look();
    if (found !== null && found !== this.#identity) throw new FileFault(say("fileForeign", { path: this.path }));
    const renamed = async (): Promise<void> => {
      this.#identity = await this.#look();
    };
    await replaceFile(this.path, [text], { files, renamed });
  }

  async #look(): Promise<string | null> {
    try {
      const { dev, ino, size, mtimeNs } = await stat(this.path, { bigint: true });
      // the size, because before Linux 6.13 a file system's clock has ticks of milliseconds, within which a time says nothing
      return `${dev}:${ino}:${size}:${mtimeNs}`;
    } catch (error) {
      if (codeOf(error) === "ENOENT") return null;
      throw error;
    }
  }
}
