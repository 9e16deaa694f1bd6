// One stream of commands, line by line, and the answer to each. Owns line numbers, batches and the words of the answers.
// Must not know where lines come from, nor when they end up at a router. Contract: pure but for the injections; each line that
// is not empty and no comment gets one answer, in order, ending in a newline; what may take long is given back as work, to be
// done in slices. Memory is bounded: a batch by MAX_BATCH, a line by its reader (MAX_LINE_OCTETS).
import type { Said } from "../kernel/messages.ts";
import type { PeerName } from "../kernel/units.ts";
import { type Change, type Command, isChange, type LineParser, lineParser } from "./command.ts";
import type { Injections } from "./injections.ts";
import { say } from "./messages.ts";
import { type Parsed, refused } from "./parsed.ts";
import { formatJson, formatWords, linesOf } from "./render.ts";
import { type Cursor, START } from "./table.ts";

/** Changes that one turn may carry out. */
export const MAX_BATCH = 10_000;
/** Octets of one line of a stream; a JSON array is a line. */
export const MAX_LINE_OCTETS = 1024 * 1024;

/** The rest of an answer, in slices; null when it is complete. */
export interface Work {
  step(): string | null;
}

interface Batch {
  readonly changes: { readonly change: Change; readonly line: number }[];
  /** Lines that were wrong: the batch is not carried out. */
  faults: number;
}

export interface ConversationOptions {
  /** Answers are JSON objects; else words. */
  readonly json: boolean;
}

export class Conversation {
  readonly #injections: Injections;
  readonly #json: boolean;
  readonly #parse: LineParser = lineParser();
  #line = 0;
  #batch: Batch | null = null;
  #changesKept = false;

  constructor(injections: Injections, { json }: ConversationOptions) {
    this.#injections = injections;
    this.#json = json;
  }

  /** It has changed what is to outlive the daemon, so that the disk is to be waited for. */
  get changesKept(): boolean {
    return this.#changesKept;
  }

  /** @param text without its newline */
  hear(text: string): string | Work {
    this.#line++;
    const line = text.trim();
    if (line === "" || line.startsWith("#")) return "";
    const parsed = this.#parse(line);
    if (!parsed.ok) {
      if (this.#batch !== null) this.#batch.faults++;
      return this.#refuse(parsed);
    }
    return this.#obey(parsed.value);
  }

  /** A line that was too long to be read. */
  overlong(): string {
    this.#line++;
    if (this.#batch !== null) this.#batch.faults++;
    return this.#refuse(say("overlong", { max: MAX_LINE_OCTETS }));
  }

  /** No line follows. @returns what is still to be said */
  end(): string {
    if (this.#batch === null) return "";
    this.#batch = null;
    return this.#refuse(say("notCommitted"));
  }

  /** All lines or none: a body that came in one piece. @returns the answer, and whether it was done */
  hearAll(text: string): { readonly answer: string; readonly ok: boolean } {
    const changes: Batch["changes"] = [];
    const answers: string[] = [];
    for (const raw of text.split("\n")) {
      this.#line++;
      const line = raw.trim();
      if (line === "" || line.startsWith("#")) continue;
      const parsed = this.#toBatch(this.#parse(line));
      if (parsed.ok) changes.push(...parsed.value.map((change) => ({ change, line: this.#line })));
      else answers.push(this.#refuse(parsed));
      if (changes.length > MAX_BATCH) return { answer: this.#refuse(TOO_MANY), ok: false };
    }
    if (answers.length > 0) return { answer: answers.join(""), ok: false };
    return this.#carryOut(changes);
  }

  #toBatch(parsed: Parsed<Command>): Parsed<readonly Change[]> {
    if (!parsed.ok) return parsed;
    const command = parsed.value;
    if (command.type === "batch") return { ok: true, value: command.changes };
    if (isChange(command)) return { ok: true, value: [command] };
    return refused(say("notInBody", { name: command.type }));
  }

  #obey(command: Command): string | Work {
    if (this.#batch !== null) return this.#inBatch(command, this.#batch);
    switch (command.type) {
      case "add":
      case "del":
        return this.#carryOut([{ change: command, line: this.#line }]).answer;
      case "batch": {
        if (command.changes.length > MAX_BATCH) return this.#refuse(TOO_MANY);
        const line = this.#line;
        return this.#carryOut(command.changes.map((change) => ({ change, line }))).answer;
      }
      case "flush":
        return this.#flush();
      case "list":
        return this.#list(command.peers);
      case "begin":
        this.#batch = { changes: [], faults: 0 };
        return this.#agree("");
      case "commit":
      case "abort":
        return this.#refuse(say("withoutBegin", { name: command.type }));
    }
  }

  #inBatch(command: Command, batch: Batch): string {
    switch (command.type) {
      case "add":
      case "del":
      case "flush":
        if (batch.changes.length >= MAX_BATCH) {
          batch.faults++;
          return this.#refuse(TOO_MANY);
        }
        batch.changes.push({ change: command, line: this.#line });
        return this.#agree("");
      case "abort":
        this.#batch = null;
        return this.#agree("");
      case "commit": {
        this.#batch = null;
        if (batch.faults === 0) return this.#carryOut(batch.changes).answer;
        const lines = batch.faults === 1 ? "a line of it was wrong" : `${batch.faults} lines of it were wrong`;
        return this.#refuse(say("wrongLines", { lines }));
      }
      case "begin":
      case "batch":
      case "list":
        batch.faults++;
        return this.#refuse(say("withinBatch", { name: command.type }));
    }
  }

  /** One answer for all; where it is refused, one for each change that was at fault. */
  #carryOut(changes: Batch["changes"]): { readonly answer: string; readonly ok: boolean } {
    const outcome = this.#noting(() => this.#injections.apply(changes.map((c) => c.change)));
    if (!outcome.ok) {
      // in a stream each line has one answer: the first fault is told, and how many there are
      const [first] = outcome.faults;
      if (first === undefined) return { answer: "", ok: false };
      const [index, fault] = first;
      const line = changes[index]?.line ?? this.#line;
      const more = outcome.faults.size === 1 ? "" : ` (and ${outcome.faults.size - 1} more)`;
      const at = line === this.#line ? "" : `line ${line}: `;
      return { answer: this.#refuse(say("refusedAt", { at, fault: fault.message, more }, fault.hint)), ok: false };
    }
    const notes = outcome.notes.filter((note) => note !== "");
    const [note = ""] = notes;
    return { answer: this.#agree(notes.length > 1 ? `${note} (and ${notes.length - 1} more)` : note), ok: true };
  }

  #noting<T>(change: () => T): T {
    const { table } = this.#injections;
    const before = table.revision;
    const result = change();
    if (table.revision !== before) this.#changesKept = true;
    return result;
  }

  #flush(): Work {
    let at: Cursor | null = START;
    return {
      step: () => {
        if (at === null) return null;
        const from = at;
        at = this.#noting(() => this.#injections.flushSome(from));
        return at === null ? this.#agree("") : "";
      },
    };
  }

  #list(only: readonly PeerName[] | null): Work {
    let at: Cursor | null = START;
    const format = this.#json ? formatJson : formatWords;
    return {
      step: () => {
        if (at === null) return null;
        const out: string[] = [];
        at = this.#injections.table.visit(at, LIST_SLICE, (prefix, plan) => {
          for (const line of linesOf(prefix, plan, only)) out.push(format(line), "\n");
        });
        if (at === null) out.push(this.#agree(""));
        return out.join("");
      },
    };
  }

  #agree(note: string): string {
    if (this.#json) return `${JSON.stringify({ ok: true, line: this.#line, ...(note === "" ? {} : { note }) })}\n`;
    return note === "" ? "ok\n" : `ok: ${note}\n`;
  }

  #refuse({ message, hint }: Said): string {
    if (this.#json) return `${JSON.stringify({ ok: false, line: this.#line, message, hint })}\n`;
    return `error line ${this.#line}: ${message}${hint === "" ? "" : `. ${hint}`}\n`;
  }
}

/** Routes printed in one slice. */
const LIST_SLICE = 512;

const TOO_MANY = say("tooManyChanges", { max: MAX_BATCH });

/** The first words of answers that say no, in either form. */
export const isRefusal = (answer: string): boolean => answer.startsWith("error ") || answer.startsWith('{"ok":false');
/** The last line of the answer to `list`. */
export const isAgreement = (answer: string): boolean => answer === "ok" || answer.startsWith('{"ok":true');
