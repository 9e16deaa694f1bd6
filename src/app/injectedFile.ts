// SHELL: the injected routes that outlive the daemon, in one file of the state directory: the commands that inject them again.
// Owns when it is written, and reading it at the start. Knows nothing of peers. Contract: the file is replaced by rename, so it
// is whole or of before; at most one write at a time, one a second unless somebody waits for it; a write never holds up the
// event loop for more than a slice.
import { createReadStream } from "node:fs";
import { mkdir, open, rename } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setImmediate as nextTurn } from "node:timers/promises";
import { lineParser } from "../inject/command.ts";
import type { Injections } from "../inject/injections.ts";
import { formatWords, linesOf } from "../inject/render.ts";
import { type Cursor, type InjectTable, START } from "../inject/table.ts";
import type { TimerHandle, Timers } from "../kernel/clock.ts";
import { Millis } from "../kernel/units.ts";

/** Between two writes that nobody waits for. */
export const SAVE_INTERVAL = Millis(1_000);
/** Routes formatted in one turn. */
const SLICE = 512;

const NAME = "injected.routes";
const HEAD = "# Injected routes that outlive the daemon; written by vipcast, read at its start.\n";

export interface FileSurroundings {
  readonly timers: Timers;
  /** A line that was passed over, or the whole file. */
  readonly unreadable: (message: string) => void;
  readonly failed: (error: unknown) => void;
}

export class InjectedFile {
  readonly #directory: string;
  readonly #table: InjectTable;
  readonly #around: FileSurroundings;
  /** Revision of the table that the file has. */
  #saved = 0;
  #writing: Promise<string | null> | null = null;
  #timer: TimerHandle | null = null;
  #isTold = false;

  constructor(directory: string, table: InjectTable, around: FileSurroundings) {
    this.#directory = directory;
    this.#table = table;
    this.#around = around;
  }

  /** Takes over what the last process kept; lines that make no sense are told and passed over. */
  async restore(injections: Injections): Promise<void> {
    const path = join(this.#directory, NAME);
    const parse = lineParser();
    let number = 0;
    try {
      for await (const raw of createInterface({ input: createReadStream(path, "utf8") })) {
        number++;
        const line = raw.trim();
        if (line === "" || line.startsWith("#")) continue;
        const parsed = parse(line);
        if (parsed.ok && parsed.value.type === "add" && parsed.value.spec.isPersistent) {
          injections.restore(parsed.value.prefix, parsed.value.spec);
        } else {
          const why = parsed.ok ? "is no add --persist" : parsed.message;
          this.#around.unreadable(`${path}, line ${number}: ${why}; it is passed over`);
        }
      }
    } catch (error) {
      const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
      if (!isMissing)
        this.#around.unreadable(`${path} cannot be read: ${String(error)}; what it holds is not injected`);
    }
    this.#saved = this.#table.revision;
  }

  /** What is kept may have changed. */
  touch(): void {
    if (this.#isCurrent || this.#writing !== null || this.#timer !== null) return;
    this.#timer = this.#around.timers.after(SAVE_INTERVAL, () => {
      this.#timer = null;
      void this.saved();
    });
  }

  /** Settles when the file has what the table had at this call, or more. @returns what went wrong; null: nothing */
  async saved(): Promise<string | null> {
    const wanted = this.#table.revision;
    let failure: string | null = null;
    // a write that runs already may be of before
    for (let round = 0; round < 2 && this.#saved < wanted; round++) {
      this.#writing ??= this.#write().finally(() => {
        this.#writing = null;
      });
      failure = await this.#writing;
    }
    this.touch();
    return this.#saved < wanted ? failure : null;
  }

  get #isCurrent(): boolean {
    return this.#saved === this.#table.revision;
  }

  async #write(): Promise<string | null> {
    const revision = this.#table.revision;
    const path = join(this.#directory, NAME);
    try {
      await mkdir(this.#directory, { recursive: true });
      const file = await open(`${path}.new`, "w", 0o600);
      try {
        await file.write(HEAD);
        for (let at: Cursor | null = START; at !== null; ) {
          const out: string[] = [];
          at = this.#table.visit(at, SLICE, (prefix, plan) => {
            for (const line of linesOf(prefix, plan, null))
              if (line.route.isPersistent) out.push(formatWords(line), "\n");
          });
          if (out.length > 0) await file.write(out.join(""));
          await nextTurn();
        }
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(`${path}.new`, path);
      this.#saved = revision;
      this.#isTold = false;
      return null;
    } catch (error) {
      if (!this.#isTold) this.#around.failed(error);
      this.#isTold = true;
      return `injected, but not kept: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
}
