// SHELL: the wish to stay drained over restarts, as a file of the state directory that is there or not. Owns its name. Knows nothing
// of how a node drains. Contract: the disk has the file, or has it no more, before the answer is given (durableFile.ts); one that cannot
// be read counts as there, because to announce from a node that somebody drained is the worse mistake. A change that fails is refused,
// and nothing stays in memory that would have to be tried again.
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "../observe/log.ts";
import { FileFault, type FileSystem, realFiles, removeFile, replaceFile } from "./durableFile.ts";

const NAME = "drained";

export class DrainFile {
  readonly #path: string;
  readonly #log: Logger;
  readonly #files: FileSystem;
  isThere: boolean;

  constructor(directory: string, log: Logger, files: FileSystem = realFiles) {
    this.#path = join(directory, NAME);
    this.#log = log;
    this.#files = files;
    this.isThere = existsSync(this.#path);
  }

  /** @returns what went wrong, with the cure; it is logged, too; null: nothing */
  async keep(): Promise<string | null> {
    const failure = await this.#change(true, () =>
      replaceFile(this.#path, ["this node stays drained until `vipcast undrain`\n"], { files: this.#files }),
    );
    // it may be there already without the disk's word for it, and the drain is refused
    if (failure !== null && !this.isThere) await removeFile(this.#path, { files: this.#files }).catch(() => {});
    return failure;
  }

  /** @returns what went wrong, with the cure; it is logged, too; null: nothing */
  async forget(): Promise<string | null> {
    return this.isThere ? this.#change(false, () => removeFile(this.#path, { files: this.#files })) : null;
  }

  async #change(isThere: boolean, change: () => Promise<void>): Promise<string | null> {
    try {
      await change();
      this.isThere = isThere;
      return null;
    } catch (error) {
      if (!(error instanceof FileFault)) throw error;
      this.#log.error("drainNotKept", {}, error.message);
      return error.message;
    }
  }
}
