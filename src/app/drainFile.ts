// SHELL: the wish to stay drained over restarts, as a file of the state directory that is there or not. Owns its name. Knows nothing
// of how a node drains. Contract: the file is written before the answer is given; one that cannot be read counts as there, because
// to announce from a node that somebody drained is the worse mistake.
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../observe/log.ts";

const NAME = "drained";

export class DrainFile {
  readonly #directory: string;
  readonly #log: Logger;
  isThere: boolean;

  constructor(directory: string, log: Logger) {
    this.#directory = directory;
    this.#log = log;
    this.isThere = existsSync(join(directory, NAME));
  }

  /** @returns what went wrong, which is logged, too; null: nothing */
  keep(): Promise<string | null> {
    return this.#change(true, async () => {
      await mkdir(this.#directory, { recursive: true });
      await writeFile(join(this.#directory, NAME), "this node stays drained until `vipcast undrain`\n");
    });
  }

  /** @returns what went wrong, which is logged, too; null: nothing */
  async forget(): Promise<string | null> {
    if (!this.isThere) return null;
    return this.#change(false, () => rm(join(this.#directory, NAME), { force: true }));
  }

  async #change(isThere: boolean, change: () => Promise<void>): Promise<string | null> {
    try {
      await change();
      this.isThere = isThere;
      return null;
    } catch (error) {
      const text = `${this.#directory} cannot be written: a restart would not know whether the node is drained`;
      this.#log.error("drainNotKept", { error }, text);
      return `${text} (${error instanceof Error ? error.message : String(error)})`;
    }
  }
}
