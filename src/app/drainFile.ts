// SHELL: the wish to stay drained over restarts, as a file of the state directory that is there or not. Owns its name. Knows nothing
// of how a node drains. Contract: the file is written before the answer is given; one that cannot be read counts as there, because
// to announce from a node that somebody drained is the worse mistake.
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

const NAME = "drained";

export class DrainFile {
  readonly #directory: string;
  isThere: boolean;

  constructor(directory: string) {
    this.#directory = directory;
    this.isThere = existsSync(join(directory, NAME));
  }

  /** @throws Error (rejects) when the directory cannot be written */
  async keep(): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    await writeFile(join(this.#directory, NAME), "this node stays drained until `vipcast undrain`\n");
    this.isThere = true;
  }

  /** @throws Error (rejects) when the directory cannot be written */
  async forget(): Promise<void> {
    if (!this.isThere) return;
    await rm(join(this.#directory, NAME), { force: true });
    this.isThere = false;
  }
}
