// A file system in memory that can lose its power after any step, and refuse any. What is not synced is lost, or is not: both are tried.
import { dirname } from "node:path";
import type { FileSystem } from "../../src/app/durableFile.ts";

interface Inode {
  text: string;
  /** What a loss of power leaves of it. */
  durable: string;
}

/** What a loss of power does to names that were not synced: the worst case for a rename is that it comes to the disk before its content. */
export type Loss = "names are lost" | "names are there";

export const systemError = (code: string): Error => Object.assign(new Error(`${code}: as the test wants it`), { code });

export class Disk {
  readonly #names = new Map<string, Inode>();
  readonly #durable = new Map<string, Inode>();
  readonly #directories = new Set(["/"]);
  readonly #durableDirectories = new Set(["/"]);
  /** Steps so far, by the name of the operation. */
  readonly steps: string[] = [];
  /** Asked before each step; a code is thrown. */
  refuses: (step: string, path: string) => string | null = () => null;
  /** Asked before each step; settles when the step may be done. */
  delays: (step: string) => Promise<void> = async () => {};

  readonly files: FileSystem = {
    mkdir: async (path) => {
      await this.#step("mkdir", path);
      const missing: string[] = [];
      for (let at = path; !this.#directories.has(at); at = dirname(at)) missing.unshift(at);
      for (const at of missing) this.#directories.add(at);
      return missing[0];
    },
    open: async (path, flags) => {
      await this.#step(`open ${flags}`, path);
      if (flags === "r") return this.#directory(path);
      const inode: Inode = { text: "", durable: "" };
      this.#names.set(path, inode);
      return {
        writeFile: async (text) => {
          await this.#step("write", path);
          inode.text += text;
        },
        sync: async () => {
          await this.#step("sync", path);
          inode.durable = inode.text;
        },
        close: () => this.#step("close", path),
      };
    },
    rename: async (from, to) => {
      await this.#step("rename", to);
      const inode = this.#names.get(from);
      if (inode === undefined) throw systemError("ENOENT");
      this.#names.delete(from);
      this.#names.set(to, inode);
    },
    rm: async (path) => {
      await this.#step("rm", path);
      this.#names.delete(path);
    },
  };

  /** What a process reads now; null: there is no such file. */
  read(path: string): string | null {
    return this.#names.get(path)?.text ?? null;
  }

  names(): readonly string[] {
    return [...this.#names.keys()].sort();
  }

  /** What is read after the power has come back; null: there is no such file. */
  afterLoss(path: string, loss: Loss): string | null {
    const names = loss === "names are lost" ? this.#durable : this.#names;
    const directories = loss === "names are lost" ? this.#durableDirectories : this.#directories;
    for (let at = dirname(path); at !== "/"; at = dirname(at)) if (!directories.has(at)) return null;
    return names.get(path)?.durable ?? null;
  }

  #directory(path: string) {
    if (!this.#directories.has(path)) throw systemError("ENOENT");
    return {
      writeFile: async () => {
        throw systemError("EBADF");
      },
      sync: async () => {
        await this.#step("sync directory", path);
        for (const at of this.#directories) if (dirname(at) === path) this.#durableDirectories.add(at);
        for (const at of [...this.#durable.keys()]) if (dirname(at) === path) this.#durable.delete(at);
        for (const [at, inode] of this.#names) if (dirname(at) === path) this.#durable.set(at, inode);
      },
      close: () => this.#step("close", path),
    };
  }

  async #step(step: string, path: string): Promise<void> {
    await this.delays(step);
    const code = this.refuses(step, path);
    if (code !== null) throw systemError(code);
    this.steps.push(step);
  }
}
