// SHELL: the assignments that outlive the daemon, in one file of the state directory. Owns when it is written, and reading it at the start.
// Knows no rules of allocation. Contract: the file is replaced by rename after its content, and before its name, is with the disk, so it is
// whole or of before, also after SIGKILL or loss of power; one write at a time; a file that cannot be understood stops the start, because
// giving out addresses without knowing who has them would take them from somebody.
import { mkdir, open, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Remembered } from "../allocate/engine.ts";
import { formattingRemembered, parseRemembered } from "../allocate/remembered.ts";
import type { Clock, TimerHandle, Timers } from "../kernel/clock.ts";
import type { ServiceKey } from "../kernel/units.ts";
import { Millis } from "../kernel/units.ts";
import { inSlices } from "./slices.ts";

/** Between two attempts to write where the first one failed. */
export const RETRY_INTERVAL = Millis(1_000);

const NAME = "allocations.json";

type Held = ReadonlyMap<ServiceKey, Remembered>;

export interface AllocationFileSurroundings {
  readonly clock: Clock;
  readonly timers: Timers;
  /** What the file is to hold, now. */
  readonly current: () => Iterable<readonly [ServiceKey, Remembered]>;
  /** The disk has these. */
  readonly saved: (held: Held) => void;
  /** The last attempt failed; told for each. It is tried again. */
  readonly failed: (error: unknown) => void;
}

export class AllocationFile {
  readonly path: string;
  readonly #directory: string;
  readonly #around: AllocationFileSurroundings;
  /** Device, inode and time of the file as we know it; null: there is none. */
  #identity: string | null = null;
  #isWriting = false;
  #isWanted = false;
  #isStopped = false;
  #timer: TimerHandle | null = null;

  constructor(directory: string, around: AllocationFileSurroundings) {
    this.#directory = directory;
    this.path = join(directory, NAME);
    this.#around = around;
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
    this.#isWanted = true;
    if (this.#isWriting || this.#isStopped) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#isWanted = false;
    this.#isWriting = true;
    const held = new Map(this.#around.current());
    // 10,000 services take tens of milliseconds: too long for one turn
    inSlices(formattingRemembered(held), this.#around.clock)
      .then((text) => this.#write(text))
      .then(
        () => this.#around.saved(held),
        (error: unknown) => {
          this.#isWanted = true;
          this.#timer = this.#around.timers.after(RETRY_INTERVAL, () => this.save());
          this.#around.failed(error);
        },
      )
      .finally(() => {
        this.#isWriting = false;
        if (this.#isWanted && this.#timer === null) this.save();
      });
  }

  /** No further write begins. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  async #write(text: string): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    const found = await this.#look();
    if (found !== null && found !== this.#identity) {
      throw new Error(
        `${this.path} was changed by somebody else; two daemons must not share a state directory. Restart this one.`,
      );
    }
    const file = await open(`${this.path}.new`, "w", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${this.path}.new`, this.path);
    this.#identity = await this.#look();
    const directory = await open(this.#directory, "r");
    try {
      await directory.sync(); // the new name, too, survives a loss of power
    } finally {
      await directory.close();
    }
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

const codeOf = (error: unknown): string => (error instanceof Error && "code" in error ? String(error.code) : "");
