// One resource of the API server, followed: the core's words performed. Owns the request under way, its stream and the one timer.
// Knows nothing of sockets (exchange.ts) nor of what objects mean. Contract: the sink hears of changes in their order, and `flush`
// after each stretch of them; after `stop` it hears nothing.
import type { Clock, Random, TimerHandle, Timers } from "../kernel/clock.ts";
import { assertNever } from "../kernel/result.ts";
import { Millis } from "../kernel/units.ts";
import type { RawObject } from "../sources/fields.ts";
import { localFailure } from "./apiError.ts";
import type { Exchange, ExchangeHandlers, Transport } from "./exchange.ts";
import { LineSplitter } from "./lines.ts";
import { ListReader } from "./listReader.ts";
import { pathOf, type WatchedResource } from "./resources.ts";
import { WatchCore } from "./watchCore.ts";
import type { WatchAction, WatchEvent, WatchQuery, WatchView } from "./watchTypes.ts";

export interface WatchSurroundings {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
}

export interface WatchSink {
  put(key: string, object: RawObject): void;
  delete(key: string): void;
  /** Once. */
  listed(): void;
  /** `view().fault` is another one. */
  faultChanged(): void;
  flush(): void;
}

export class ResourceWatch {
  readonly watched: WatchedResource;
  readonly #path: string;
  readonly #with: WatchSurroundings;
  readonly #sink: WatchSink;
  readonly #core: WatchCore;
  #exchange: Exchange | null = null;
  #timer: TimerHandle | null = null;
  #isStopped = false;

  /** @param home namespace of MetalLB's own objects */
  constructor(watched: WatchedResource, home: string, surroundings: WatchSurroundings, sink: WatchSink) {
    const { resource, scope, name, labelSelector, ifForbidden } = watched;
    this.watched = watched;
    this.#path = pathOf(resource, { namespace: scope === "home" ? home : null });
    this.#with = surroundings;
    this.#sink = sink;
    const query = {
      ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
    };
    this.#core = new WatchCore({ ifForbidden, query, random: surroundings.random });
  }

  /** Begins, or begins anew. */
  list(): void {
    this.#handle({ type: "list" });
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#exchange?.abort();
  }

  view(): WatchView {
    return this.#core.view();
  }

  #handle(event: WatchEvent): void {
    if (this.#isStopped) return;
    for (const action of this.#core.handle(event, this.#with.clock.now())) {
      this.#perform(action);
      if (this.#isStopped) return; // what was told may be a reason to stop
    }
    this.#sink.flush();
    if (!this.#isStopped) this.#arm();
  }

  #perform(action: WatchAction): void {
    switch (action.type) {
      case "request":
        this.#exchange = this.#ask(action.verb, action.query);
        break;
      case "abort":
        this.#exchange?.abort();
        this.#exchange = null;
        break;
      case "put":
        this.#sink.put(action.key, action.object);
        break;
      case "delete":
        this.#sink.delete(action.key);
        break;
      case "listed":
        this.#sink.listed();
        break;
      case "faultChanged":
        this.#sink.faultChanged();
        break;
      default:
        assertNever(action);
    }
  }

  #ask(verb: "list" | "watch", query: WatchQuery): Exchange {
    const stream = verb === "list" ? this.#listing() : this.#watching();
    const failed: ExchangeHandlers["failed"] = (failure) => this.#handle({ type: "failed", failure });
    return this.#with.transport.exchange({ method: "GET", path: this.#path, query }, { ...stream, failed });
  }

  #listing(): Omit<ExchangeHandlers, "failed"> {
    const reader = new ListReader();
    return {
      answered: () => this.#handle({ type: "progress" }),
      data: (chunk) => {
        const { items, fault } = reader.push(chunk);
        this.#handle(items.length > 0 ? { type: "items", items } : { type: "progress" });
        if (fault !== null) this.#broken(fault);
      },
      ended: () => {
        const end = reader.end();
        if (typeof end === "string") this.#broken(end);
        else this.#handle({ type: "page", ...end });
      },
    };
  }

  #watching(): Omit<ExchangeHandlers, "failed"> {
    const splitter = new LineSplitter();
    return {
      answered: () => this.#handle({ type: "opened" }),
      data: (chunk) => {
        const { lines, fault } = splitter.push(chunk);
        if (lines.length === 0) this.#handle({ type: "progress" });
        for (const text of lines) this.#handle({ type: "line", text });
        if (fault !== null) this.#broken(fault);
      },
      // half a line at the end is lost without harm: the next watch resumes before it
      ended: () => this.#handle({ type: "closed" }),
    };
  }

  #broken(message: string): void {
    this.#exchange?.abort();
    this.#exchange = null;
    this.#handle({ type: "failed", failure: localFailure("broken", message) });
  }

  #arm(): void {
    this.#timer?.cancel();
    const due = this.#core.deadline();
    if (due === null) return;
    const delay = Millis(Math.max(0, due - this.#with.clock.now()));
    this.#timer = this.#with.timers.after(delay, () => this.#handle({ type: "tick" }));
  }
}
