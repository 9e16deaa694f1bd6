// Our BFD thread in a namespace, driven and watched from outside. Owns the lines that are exchanged with bfdProgram.ts. Knows
// nothing of what is tried with it.
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { ClientEvent } from "../src/bfd/client.ts";
import { bfdProfile, DEFAULT_PROFILE, type ProfileMillis } from "../src/bfd/config.ts";
import type { Lateness } from "../src/bfd/gauges.ts";
import type { BfdCommand, SessionStatus, StateChanged } from "../src/bfd/protocol.ts";
import type { WorkerStatus } from "../src/bfd/threads.ts";
import type { Ask } from "./bfdProgram.ts";
import type { Host } from "./lab.ts";
import { waitFor } from "./waitFor.ts";

export interface UpsertOptions {
  readonly peer: string;
  readonly local?: string | null;
  readonly user?: string;
  readonly hop?: "single" | "multi";
  readonly interface?: string | null;
  readonly profile?: Partial<ProfileMillis>;
}

export const upsert = (o: UpsertOptions): Extract<BfdCommand, { type: "upsert" }> => ({
  type: "upsert",
  user: o.user ?? "test",
  address: { peer: o.peer, interface: o.interface ?? null, vrf: null, hop: o.hop ?? "single" },
  local: o.local ?? null,
  profile: bfdProfile({ ...DEFAULT_PROFILE, ...o.profile }),
  auth: null,
  isAdminDown: false,
});

export interface Answer {
  readonly status: WorkerStatus | null;
  readonly lateness: Lateness;
  /** Processor time of the whole process so far. */
  readonly microseconds: number;
  /** Packets that the thread has read, and (counted once a second) that the kernel has kept from it. */
  readonly datagramsIn: number;
  readonly kernelDrops: number;
}

export class BfdSpeaker {
  readonly events: ClientEvent[] = [];
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #answers = new Map<number, (answer: Answer) => void>();
  #nextAsk = 0;
  #done: () => void = () => {};
  #said = "";

  /** @param program command line that runs bfdProgram.ts */
  constructor(host: Host, program: readonly string[]) {
    this.name = `bfd@${host.name}`;
    this.#child = spawn("ip", ["netns", "exec", host.namespace, ...program], {
      env: host.env,
      stdio: ["pipe", "pipe", "pipe"],
      detached: true, // as every program of a lab: the scheduler then weighs it against others, not against its parent
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
    timeoutMs = 20_000,
  ): Promise<SessionStatus | null> {
    const accept = (s: SessionStatus | null): boolean => s !== null && is(s);
    return waitFor(what, () => this.session(peer), accept, { timeoutMs, logs: [this] });
  }

  changes(since = 0): readonly StateChanged[] {
    return this.events.slice(since).filter((e) => e.type === "stateChanged");
  }

  /** The first change to Down from event `since` on. */
  down(since: number, timeoutMs = 20_000): Promise<StateChanged> {
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
