// BFD interop: our BFD thread in a namespace, driven and watched from the test. Owns the program's bundle and its lines.
// Knows nothing of what is tested.
import { type ChildProcess, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { build } from "esbuild";
import type { Host } from "../../lab/lab.ts";
import { waitFor } from "../../lab/waitFor.ts";
import type { ClientEvent } from "../../src/bfd/client.ts";
import type { Lateness } from "../../src/bfd/gauges.ts";
import type { BfdCommand, SessionStatus, StateChanged } from "../../src/bfd/protocol.ts";
import type { WorkerStatus } from "../../src/bfd/threads.ts";
import type { Ask } from "./bfdSpeaker.ts";

const root = join(import.meta.dirname, "..", "..");
const outdir = join(root, "dist", "tools", `bfd-${process.pid}`);
let bundled: Promise<unknown> | null = null;

/** Built once per process. */
function bundle(): Promise<unknown> {
  bundled ??= build({
    entryPoints: {
      bfdSpeaker: join(root, "test", "interop", "bfdSpeaker.ts"),
      bfdWorker: join(root, "src", "bfd", "worker.ts"),
    },
    outdir,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    logLevel: "warning",
  }).then(() => process.once("exit", () => rmSync(outdir, { recursive: true, force: true })));
  return bundled;
}

export type SchedulingWish = "fifo" | "nice" | "normal";

export interface Answer {
  readonly status: WorkerStatus | null;
  readonly lateness: Lateness;
  /** Processor time of the whole process so far. */
  readonly microseconds: number;
}

export async function startBfd(host: Host, best: SchedulingWish = "fifo"): Promise<BfdSpeaker> {
  await bundle();
  return new BfdSpeaker(host, best);
}

export class BfdSpeaker {
  readonly events: ClientEvent[] = [];
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #answers = new Map<number, (answer: Answer) => void>();
  #nextAsk = 0;
  #done: () => void = () => {};
  #said = "";

  constructor(host: Host, best: SchedulingWish) {
    this.name = `bfd@${host.name}`;
    const program = [process.execPath, join(outdir, "bfdSpeaker.js"), best];
    this.#child = spawn("ip", ["netns", "exec", host.namespace, ...program], {
      env: host.env,
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child.stderr?.on("data", (text) => {
      this.#said += String(text);
    });
    const { stdout } = this.#child;
    if (stdout !== null) createInterface({ input: stdout }).on("line", (line) => this.#take(JSON.parse(line)));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  command(command: BfdCommand): void {
    this.#ask({ type: "command", command });
  }

  answer(): Promise<Answer> {
    const ask = this.#nextAsk++;
    return new Promise((resolve) => {
      this.#answers.set(ask, resolve);
      this.#ask({ type: "status", ask });
    });
  }

  async session(peer: string): Promise<SessionStatus | null> {
    const { status } = await this.answer();
    return status?.sessions.find((s) => s.address.peer === peer) ?? null;
  }

  /** Polls until the session is as wanted. */
  until(
    what: string,
    peer: string,
    is: (s: SessionStatus) => boolean,
    timeoutMs = 10_000,
  ): Promise<SessionStatus | null> {
    const accept = (s: SessionStatus | null): boolean => s !== null && is(s);
    return waitFor(what, () => this.session(peer), accept, { timeoutMs, logs: [this] });
  }

  changes(since = 0): readonly StateChanged[] {
    return this.events.slice(since).filter((e) => e.type === "stateChanged");
  }

  /** The first change to Down from event `since` on. */
  down(since: number, timeoutMs = 10_000): Promise<StateChanged> {
    const find = () => this.changes(since).find((e) => e.to === "Down");
    return waitFor("Down", find, (e) => e !== undefined, {
      timeoutMs,
      everyMs: 2,
      logs: [this],
    }) as Promise<StateChanged>;
  }

  /** Keeps its main thread busy; resolves when it is free again. */
  burden(ask: Extract<Ask, { type: "block" | "allocate" }>): Promise<void> {
    return new Promise((resolve) => {
      this.#done = resolve;
      this.#ask(ask);
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it in order. @returns its exit code */
  async stop(): Promise<number | null> {
    this.#child.stdin?.end();
    return this.#exit();
  }

  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.#exit();
  }

  logTail(): string {
    return `${this.#said}\n${this.events
      .slice(-20)
      .map((e) => JSON.stringify(e))
      .join("\n")}`;
  }

  #exit(): Promise<number | null> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
    return new Promise((resolve) => child.once("exit", (code) => resolve(code)));
  }

  #ask(ask: Ask): void {
    this.#child.stdin?.write(`${JSON.stringify(ask)}\n`);
  }

  #take(
    line: ClientEvent | (Answer & { readonly type: "answer"; readonly ask: number }) | { readonly type: "done" },
  ): void {
    if (line.type === "answer") {
      this.#answers.get(line.ask)?.(line);
      this.#answers.delete(line.ask);
    } else if (line.type === "done") this.#done();
    else this.events.push(line);
  }
}

/** The system's monotonic clock, as events have it; microseconds. */
export function monotonicNow(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + nanoseconds / 1e3;
}
