// SHELL: what a site remembers over the end of the daemon, in one file of the state directory: epochs and promotes by SitePolicy. Owns
// reading it at the start and writing it. Knows nothing of claims. Contract: whole or of before, and what is `saved` survives a loss of
// power (durableFile.ts); at most one write at a time; a file that cannot be read is told and counts as empty.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Timers } from "../kernel/clock.ts";
import { Millis } from "../kernel/units.ts";
import type { Remembered, RememberedSite } from "../site/governing.ts";
import { MAX_EPOCH } from "../site/model.ts";
import { codeOf, type FileFault, type FileSystem, replaceFile } from "./durableFile.ts";
import { KeptFile } from "./keptFile.ts";

const NAME = "sites.json";

export interface SiteFileSurroundings {
  readonly timers: Timers;
  readonly files: FileSystem;
  /** The file as a whole, or a policy in it, makes no sense and is passed over. */
  readonly unreadable: (message: string) => void;
  /** A write has ended. @param fault null: the disk has it */
  readonly told: (fault: FileFault | null) => void;
}

export class SiteFile {
  readonly #path: string;
  readonly #with: SiteFileSurroundings;
  readonly #kept: KeptFile;
  #remembered: Remembered = new Map();

  constructor(directory: string, surroundings: SiteFileSurroundings) {
    this.#path = join(directory, NAME);
    this.#with = surroundings;
    const { timers, files, told } = surroundings;
    const write = (): Promise<void> => {
      const text = `${JSON.stringify(Object.fromEntries(this.#remembered), null, 2)}\n`;
      return replaceFile(this.#path, [text], { files });
    };
    this.#kept = new KeptFile({ path: this.#path, timers, pause: Millis(0), write, told });
  }

  /** What the last process wrote; small, and needed before anything is decided. */
  read(): Remembered {
    const path = this.#path;
    const found = new Map<string, RememberedSite>();
    try {
      const parsed: unknown = JSON.parse(readFileSync(path, "utf8"));
      if (typeof parsed !== "object" || parsed === null) throw new Error("it is no JSON object");
      for (const [key, value] of Object.entries(parsed)) {
        const site = rememberedSite(value);
        if (site === null) this.#with.unreadable(`${path}: what it has of ${key} makes no sense and is passed over`);
        else found.set(key, site);
      }
    } catch (error) {
      if (codeOf(error) !== "ENOENT")
        this.#with.unreadable(`${path} cannot be read: ${String(error)}; epochs begin anew`);
    }
    return found;
  }

  /** Soon; of several the last. */
  write(remembered: Remembered): void {
    this.#remembered = new Map(remembered);
    this.#kept.changed();
  }

  /** Settles when the file has what was written last, or could not be written. */
  saved(): Promise<FileFault | null> {
    return this.#kept.settled();
  }

  /** The same; nothing is written after that. */
  close(): Promise<unknown> {
    const last = this.saved();
    this.#kept.stop();
    return last;
  }
}

function rememberedSite(value: unknown): RememberedSite | null {
  if (typeof value !== "object" || value === null || !("epoch" in value) || !("promoted" in value)) return null;
  const { epoch, promoted } = value;
  if (!isEpoch(epoch) || !(promoted === null || isEpoch(promoted))) return null;
  return { epoch, promoted };
}

const isEpoch = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_EPOCH;
