// SHELL: the injected routes that outlive the daemon, in one file of the state directory: the commands that inject them again.
// Owns when it is written, and reading it at the start. Knows nothing of peers. Contract: whole or of before, and what is `saved` survives
// a loss of power (durableFile.ts); at most one write at a time, one a second unless somebody waits for it; a write never holds up
// the event loop for more than a slice.
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setImmediate as nextTurn } from "node:timers/promises";
import { lineParser } from "../inject/command.ts";
import type { Injections } from "../inject/injections.ts";
import { formatWords, linesOf } from "../inject/render.ts";
import { type Cursor, type InjectTable, START } from "../inject/table.ts";
import type { Timers } from "../kernel/clock.ts";
import { Millis } from "../kernel/units.ts";
import { codeOf, type FileFault, type FileSystem, replaceFile } from "./durableFile.ts";
import { KeptFile } from "./keptFile.ts";

/** Between two writes that nobody waits for. */
export const SAVE_INTERVAL = Millis(1_000);
/** Routes formatted in one turn. */
const SLICE = 512;

const NAME = "injected.routes";
const HEAD = "# Injected routes that outlive the daemon; written by vipcast, read at its start.\n";

export interface FileSurroundings {
  readonly timers: Timers;
  readonly files: FileSystem;
  /** A line that was passed over, or the whole file. */
  readonly unreadable: (message: string) => void;
  /** A write has ended. @param fault null: the disk has it */
  readonly told: (fault: FileFault | null) => void;
}

export class InjectedFile {
  readonly #path: string;
  readonly #table: InjectTable;
  readonly #around: FileSurroundings;
  readonly #kept: KeptFile;
  /** Revision of the table that is written, or on its way to be. */
  #noticed = 0;

  constructor(directory: string, table: InjectTable, around: FileSurroundings) {
    this.#path = join(directory, NAME);
    this.#table = table;
    this.#around = around;
    const { timers, files, told } = around;
    const write = (): Promise<void> => replaceFile(this.#path, this.#lines(), { files });
    this.#kept = new KeptFile({ path: this.#path, timers, pause: SAVE_INTERVAL, write, told });
  }

  /** Takes over what the last process kept; lines that make no sense are told and passed over. */
  async restore(injections: Injections): Promise<void> {
    const path = this.#path;
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
      if (codeOf(error) !== "ENOENT")
        this.#around.unreadable(`${path} cannot be read: ${String(error)}; what it holds is not injected`);
    }
    this.#noticed = this.#table.revision;
  }

  /** What is kept may have changed. */
  touch(): void {
    if (this.#noticed === this.#table.revision) return;
    this.#noticed = this.#table.revision;
    this.#kept.changed();
  }

  /** Settles when the file has what the table had at this call, or more, or could not be written. */
  saved(): Promise<FileFault | null> {
    this.touch();
    return this.#kept.settled();
  }

  /** Settles when what is still to be written is, or cannot be; nothing is written after that. */
  close(): Promise<unknown> {
    const last = this.saved();
    this.#kept.stop();
    return last;
  }

  async *#lines(): AsyncGenerator<string> {
    yield HEAD;
    for (let at: Cursor | null = START; at !== null; ) {
      const out: string[] = [];
      at = this.#table.visit(at, SLICE, (prefix, plan) => {
        for (const line of linesOf(prefix, plan, null)) if (line.route.isPersistent) out.push(formatWords(line), "\n");
      });
      if (out.length > 0) yield out.join("");
      await nextTurn();
    }
  }
}
