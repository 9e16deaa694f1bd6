// SHELL: the BFD thread (second bundle, dist/bfdWorker.js). Owns the translation between messages of the main thread and the
// loop, and the orderly end. Knows no BGP. Contract: nothing is logged or printed here; every defect ends the thread as an
// uncaught error, and whoever started it starts another.
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { assertNever, invariant } from "../kernel/result.ts";
import { Descriptors } from "../linux/descriptors.ts";
import { raisePriority } from "../linux/scheduling.ts";
import { SocketOptionError } from "../linux/sockopt.ts";
import { DgramLoop } from "./dgramLoop.ts";
import type { Engine } from "./engine.ts";
import { LoopGauges } from "./gauges.ts";
import { type BfdLoop, type LoopOptions, NativeLoop } from "./loop.ts";
import { type BfdCommand, type Micros, sessionKey } from "./protocol.ts";
import { monotonicMicros, nodeDigest, pooledRandom } from "./threadClock.ts";
import type { FromWorker, ToWorker, WorkerSetup } from "./threads.ts";

class BfdThread {
  readonly #port: MessagePort;
  readonly #setup: WorkerSetup;
  /** By user and session: what is to be taken back at the end. */
  readonly #wanted = new Map<string, Extract<BfdCommand, { type: "upsert" }>>();
  #loop: BfdLoop | null = null;
  #stopAt: Micros | null = null;

  constructor(port: MessagePort, setup: WorkerSetup) {
    this.#port = port;
    this.#setup = setup;
  }

  run(): void {
    const scheduling = raisePriority(this.#setup.bestClass);
    const native = this.#setup.kind === "native" ? this.#nativeLoop() : null;
    const isNative = native instanceof NativeLoop;
    this.#post({
      type: "started",
      kind: isNative ? "native" : "dgram",
      kindReason: typeof native === "string" ? native : null,
      schedulingClass: scheduling.class,
      schedulingReason: scheduling.reason,
    });
    if (isNative) this.#runNative(native);
    else this.#runDgram();
  }

  /** The loop, or why there is none on this machine. */
  #nativeLoop(): NativeLoop | string {
    const { wakeFd } = this.#setup;
    invariant(wakeFd !== null, "a native loop is woken by a descriptor");
    try {
      return new NativeLoop({ ...this.#loopOptions(), wakeFd, onWake: () => this.#drainMessages() });
    } catch (error) {
      if (error instanceof SocketOptionError) return error.message;
      throw error;
    }
  }

  #runNative(loop: NativeLoop): void {
    this.#loop = loop;
    try {
      this.#drainMessages();
      while (!this.#isOver(loop.engine)) loop.round();
    } finally {
      loop.close();
    }
    this.#post({ type: "stopped" });
  }

  #runDgram(): void {
    const loop = new DgramLoop(this.#loopOptions());
    this.#loop = loop;
    loop.onRound = () => {
      if (this.#isOver(loop.engine)) this.#end();
    };
    this.#port.on("message", (message: ToWorker) => this.#take(message));
  }

  #loopOptions(): Omit<LoopOptions, "wakeFd" | "onWake"> {
    const { counters, gauges, descriptors, maxSessions, ports } = this.#setup;
    const random = pooledRandom();
    return {
      engine: { jitter: random, secret: random, digest: nodeDigest, maxSessions, counters: new Float64Array(counters) },
      random,
      clock: monotonicMicros,
      ports,
      descriptors: new Descriptors(descriptors),
      gauges: new LoopGauges(gauges),
      onEvent: (event) => this.#post(event),
    };
  }

  #drainMessages(): void {
    for (;;) {
      const received: { message: ToWorker } | undefined = receiveMessageOnPort(this.#port);
      if (received === undefined) return;
      this.#take(received.message);
    }
  }

  #take(message: ToWorker): void {
    const loop = this.#loop;
    invariant(loop !== null, "messages come after the start");
    switch (message.type) {
      case "command": {
        const { command } = message;
        if (command.type !== "interface") {
          const key = `${command.user} ${sessionKey(command.address)}`;
          if (command.type === "upsert") this.#wanted.set(key, command);
          else this.#wanted.delete(key);
        }
        loop.command(command);
        return;
      }
      case "askStatus": {
        const { engine, receiverCount } = loop;
        const status = { sessions: engine.status(), drops: engine.drops(), receivers: receiverCount };
        this.#post({ type: "status", ask: message.ask, status });
        return;
      }
      case "stop":
        this.#stopAt = monotonicMicros() + message.limit;
        for (const { user, address } of this.#wanted.values()) loop.command({ type: "remove", user, address });
        this.#wanted.clear();
        return;
      default:
        assertNever(message);
    }
  }

  #isOver(engine: Engine): boolean {
    return this.#stopAt !== null && (engine.sessionCount === 0 || monotonicMicros() >= this.#stopAt);
  }

  /** Of the loop on Node's sockets: nothing is left that would keep the thread alive. */
  #end(): void {
    this.#loop?.close();
    this.#post({ type: "stopped" });
    this.#port.close();
  }

  #post(message: FromWorker): void {
    this.#port.postMessage(message);
  }
}

if (parentPort !== null) new BfdThread(parentPort, workerData as WorkerSetup).run();
