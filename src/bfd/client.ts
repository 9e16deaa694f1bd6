// SHELL: the BFD thread as the main thread sees it. Owns its life: started with the first session, started again when it dies,
// ended in order. Owns which sessions are wanted, so that a new thread gets them. Knows no packets and no BGP.
// Contract: events come in the order in which the loop saw them; the death of the thread is our own failure and never a Down of
// a session (C-255): `restarted` is told and counted, and sessions come up again. Counters and lateness are read from shared
// memory, without asking.
import { writeSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { Descriptors, newDescriptorMemory } from "../linux/descriptors.ts";
import { nativeProblem } from "../linux/native.ts";
import { closeDescriptor, openEvent } from "../linux/poll.ts";
import { DEFAULT_MAX_SESSIONS } from "./engine.ts";
import { type Lateness, type LoopGauge, LoopGauges, newGaugeMemory } from "./gauges.ts";
import { type BfdCommand, type BfdEvent, SESSION_COUNTERS, type SessionCounter, sessionKey } from "./protocol.ts";
import {
  type BfdPorts,
  type FromWorker,
  type LoopEvent,
  type LoopKind,
  type SchedulingClass,
  STANDARD_PORTS,
  type ToWorker,
  type WorkerSetup,
  type WorkerStatus,
} from "./threads.ts";

/** What the thread is doing, and what became of it. */
export type ClientEvent =
  | BfdEvent
  | LoopEvent
  /** The thread died and another one is started after `delay` milliseconds. */
  | { readonly type: "restarted"; readonly why: string; readonly restarts: number; readonly delay: number };

export interface ClientOptions {
  readonly onEvent: (event: ClientEvent) => void;
  /** The bundle; default: beside this program's. */
  readonly workerFile?: URL;
  /** `native` unless it cannot be. */
  readonly kind?: LoopKind;
  /** No better class than this is tried; default `fifo`. */
  readonly bestClass?: SchedulingClass;
  readonly maxSessions?: number;
  readonly ports?: BfdPorts;
  /** Sees every thread that is started; for tests, which end them. */
  readonly onThread?: (thread: Worker) => void;
}

/** Delays before a thread that died is replaced, milliseconds: the first at once. A calm minute begins anew. */
export const RESTART_DELAYS: readonly number[] = [0, 1_000, 5_000, 30_000];
const CALM_MS = 60_000;
/** How long sessions may say AdminDown at the end. */
export const FAREWELL_MS = 1_000;
/** And how long the thread may take beyond that before it is ended. */
const STOP_MARGIN_MS = 500;
/** How long is waited for an answer: a thread that hangs must not take those who look at it along. */
const ANSWER_LIMIT_MS = 1_000;
const ONE = new Uint8Array(BigUint64Array.of(1n).buffer);

type Upsert = Extract<BfdCommand, { type: "upsert" }>;

export class BfdClient {
  readonly #options: ClientOptions;
  readonly #kind: LoopKind;
  readonly #maxSessions: number;
  readonly #wanted = new Map<string, Upsert>();
  readonly #gaugeMemory = newGaugeMemory();
  readonly #gauges = new LoopGauges(this.#gaugeMemory);
  readonly #counterMemory: SharedArrayBuffer;
  readonly #counters: Float64Array;
  readonly #asks = new Map<number, Ask>();
  #nextAsk = 0;
  #wakeFd: number | null = null;
  #thread: Thread | null = null;
  #restarts = 0;
  #failuresInRow = 0;
  #restartTimer: NodeJS.Timeout | null = null;
  #closing: Promise<void> | null = null;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#kind = options.kind ?? (nativeProblem() === null ? "native" : "dgram");
    this.#maxSessions = options.maxSessions ?? DEFAULT_MAX_SESSIONS;
    this.#counterMemory = new SharedArrayBuffer(8 * this.#maxSessions * SESSION_COUNTERS.length);
    this.#counters = new Float64Array(this.#counterMemory);
  }

  /** How often the thread has died. */
  get restarts(): number {
    return this.#restarts;
  }

  get isRunning(): boolean {
    return this.#thread !== null;
  }

  /** Hands a command on; the first one starts the thread. */
  command(command: BfdCommand): void {
    if (this.#closing !== null) return;
    if (command.type !== "interface") {
      const key = `${command.user} ${sessionKey(command.address)}`;
      if (command.type === "upsert") this.#wanted.set(key, command);
      else if (!this.#wanted.delete(key)) return;
    }
    if (this.#thread !== null) this.#post({ type: "command", command });
    else if (this.#restartTimer === null && this.#wanted.size > 0) this.#start();
  }

  /** @param id of the session's handle. Counts since the session was opened; the thread's death begins anew. */
  counter(id: number, name: SessionCounter): number {
    return this.#counters[id * SESSION_COUNTERS.length + SESSION_COUNTERS.indexOf(name)] ?? 0;
  }

  gauge(name: LoopGauge): number {
    return this.#gauges.get(name);
  }

  lateness(): Lateness {
    return this.#gauges.lateness();
  }

  /** Everything about every session; null while there is no thread, or none that answers. */
  status(): Promise<WorkerStatus | null> {
    if (this.#thread === null) return Promise.resolve(null);
    const ask = this.#nextAsk++;
    return new Promise((resolve) => {
      const limit = setTimeout(() => this.#answer(ask, null), ANSWER_LIMIT_MS);
      this.#asks.set(ask, { resolve, limit });
      this.#post({ type: "askStatus", ask });
    });
  }

  /** Says AdminDown in every session, for as long as peers need to notice (a second at most), and ends the thread. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#restartTimer !== null) clearTimeout(this.#restartTimer);
    const thread = this.#thread;
    if (thread !== null) {
      this.#post({ type: "stop", limit: FAREWELL_MS * 1_000 });
      const timer = setTimeout(() => void thread.worker.terminate(), FAREWELL_MS + STOP_MARGIN_MS);
      await thread.ended;
      clearTimeout(timer);
    }
    if (this.#wakeFd !== null) closeDescriptor(this.#wakeFd);
    this.#wakeFd = null;
  }

  #start(): void {
    this.#restartTimer = null;
    if (this.#kind === "native") this.#wakeFd ??= openEvent();
    const descriptors = newDescriptorMemory();
    const setup: WorkerSetup = {
      kind: this.#kind,
      wakeFd: this.#wakeFd,
      maxSessions: this.#maxSessions,
      counters: this.#counterMemory,
      gauges: this.#gaugeMemory,
      descriptors,
      bestClass: this.#options.bestClass ?? "fifo",
      ports: this.#options.ports ?? STANDARD_PORTS,
    };
    const worker = new Worker(this.#options.workerFile ?? new URL("./bfdWorker.js", import.meta.url), {
      name: "bfd",
      workerData: setup,
      // a small young generation: what garbage there is, is collected in less than a millisecond
      resourceLimits: { maxYoungGenerationSizeMb: 1 },
    });
    this.#options.onThread?.(worker);
    const startedAt = performance.now();
    let why = "the thread ended";
    worker.on("message", (message: FromWorker) => this.#take(message));
    worker.on("error", (error) => {
      why = error.stack ?? error.message;
    });
    const ended = new Promise<void>((resolve) => {
      worker.once("exit", () => {
        // ended from outside, it had no chance to close them
        if (this.#kind === "native") new Descriptors(descriptors).closeAll();
        this.#thread = null;
        for (const ask of this.#asks.keys()) this.#answer(ask, null);
        resolve();
        if (this.#closing === null) this.#restartLater(why, performance.now() - startedAt);
      });
    });
    this.#thread = { worker, ended };
    for (const command of this.#wanted.values()) this.#post({ type: "command", command });
  }

  #restartLater(why: string, livedMs: number): void {
    if (livedMs > CALM_MS) this.#failuresInRow = 0;
    const delay = RESTART_DELAYS[Math.min(this.#failuresInRow, RESTART_DELAYS.length - 1)] ?? 0;
    this.#failuresInRow++;
    this.#restarts++;
    this.#restartTimer = setTimeout(() => this.#start(), delay);
    this.#options.onEvent({ type: "restarted", why, restarts: this.#restarts, delay });
  }

  #post(message: ToWorker): void {
    this.#thread?.worker.postMessage(message);
    if (this.#wakeFd !== null) writeSync(this.#wakeFd, ONE);
  }

  #take(message: FromWorker): void {
    if (message.type === "stopped") return;
    if (message.type !== "status") {
      this.#options.onEvent(message);
      return;
    }
    this.#answer(message.ask, message.status);
  }

  #answer(number: number, status: WorkerStatus | null): void {
    const ask = this.#asks.get(number);
    if (ask === undefined) return;
    clearTimeout(ask.limit);
    this.#asks.delete(number);
    ask.resolve(status);
  }
}

interface Ask {
  readonly resolve: (status: WorkerStatus | null) => void;
  readonly limit: NodeJS.Timeout;
}

interface Thread {
  readonly worker: Worker;
  readonly ended: Promise<void>;
}
