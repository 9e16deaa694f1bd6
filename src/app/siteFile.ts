// SHELL: what a site remembers over the end of the daemon, in one file of the state directory: epochs and promotes by SitePolicy. Owns
// reading it at the start and writing it. Knows nothing of claims. Contract: the file is replaced by rename, so it is whole or of
// before; at most one write at a time; a file that cannot be read is told and counts as empty.
import { readFileSync } from "node:fs";
import { mkdir, open, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Remembered, RememberedSite } from "../site/governing.ts";
import { MAX_EPOCH } from "../site/model.ts";

const NAME = "sites.json";

export interface SiteFileSurroundings {
  /** The file as a whole, or a policy in it, makes no sense and is passed over. */
  readonly unreadable: (message: string) => void;
  readonly failed: (error: unknown) => void;
}

export class SiteFile {
  readonly #directory: string;
  readonly #with: SiteFileSurroundings;
  #isWriting = false;
  #next: Remembered | null = null;
  #isTold = false;

  constructor(directory: string, surroundings: SiteFileSurroundings) {
    this.#directory = directory;
    this.#with = surroundings;
  }

  /** What the last process wrote; small, and needed before anything is decided. */
  read(): Remembered {
    const path = join(this.#directory, NAME);
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
      const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
      if (!isMissing) this.#with.unreadable(`${path} cannot be read: ${String(error)}; epochs begin anew`);
    }
    return found;
  }

  /** Soon; of several the last. */
  write(remembered: Remembered): void {
    this.#next = new Map(remembered);
    if (!this.#isWriting) void this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    while (this.#next !== null) {
      const text = `${JSON.stringify(Object.fromEntries(this.#next), null, 2)}\n`;
      this.#next = null;
      const path = join(this.#directory, NAME);
      try {
        await mkdir(this.#directory, { recursive: true });
        const file = await open(`${path}.new`, "w", 0o600);
        try {
          await file.write(text);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(`${path}.new`, path);
        this.#isTold = false;
      } catch (error) {
        if (!this.#isTold) this.#with.failed(error);
        this.#isTold = true;
      }
    }
    this.#isWriting = false;
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
