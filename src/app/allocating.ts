// SHELL: addresses without a cluster. Puts the allocator between store and decision: a change is allocated, written down, decided, in that
// order. Owns what is published to the decision and when. No rule about addresses lives here. Contract: an address that a service lost is
// out of the decision in the same turn; a new one is in it as soon as the disk has it, so that what was announced once is remembered.
// Everything else passes through in the turn it comes.
import { AllocationEngine, type AllocationSink, type Remembered } from "../allocate/engine.ts";
import type { AllocationEvent, AllocationOptions, PoolCounters, ServiceAllocation } from "../allocate/model.ts";
import { AllocatedView } from "../allocate/view.ts";
import type { Clock, Timers } from "../kernel/clock.ts";
import type { ConfigProblem } from "../kernel/problem.ts";
import { invariant } from "../kernel/result.ts";
import type { ServiceKey } from "../kernel/units.ts";
import type { Logger } from "../observe/log.ts";
import type { StoreChange, StoreView } from "../sources/store.ts";
import { AllocationFile } from "./allocationFile.ts";
import { type FileFault, type FileSystem, faultProblem, realFiles } from "./durableFile.ts";
import type { Progress, ReconcileTarget } from "./reconcile.ts";

export interface AllocatingSurroundings {
  readonly stateDir: string;
  /** Absent: the real ones. */
  readonly files?: FileSystem;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  /** Whether everything in the source could be read: else a Service that is not there may yet be meant to be. */
  readonly isSourceClean: () => boolean;
  /** There is something to run for. */
  readonly wake: () => void;
  readonly problemsChanged: () => void;
}

/** Kinds of problems behind which a Service may be that has not been read. */
const MAY_HIDE: ReadonlySet<string> = new Set(["File", "Service"]);

/** Whether Services may be meant to be there although the source has not got them. @param problems of the source */
export const mayHideServices = (problems: readonly ConfigProblem[]): boolean =>
  problems.some((p) => p.severity === "error" && MAY_HIDE.has(p.kind));

export class Allocating implements ReconcileTarget {
  /** What the decision is to read instead of the store. */
  readonly view: AllocatedView;
  readonly #store: StoreView;
  readonly #options: AllocationOptions;
  readonly #around: AllocatingSurroundings;
  readonly #file: AllocationFile;
  #decision: ReconcileTarget | null = null;
  #engine: AllocationEngine | null = null;
  /** What the disk has. */
  #durable: ReadonlyMap<ServiceKey, Remembered> = new Map();
  /** Services whose allocation changed in this run. */
  readonly #changed = new Set<ServiceKey>();
  /** Services that have more than the disk knows of. */
  readonly #unpublished = new Set<ServiceKey>();
  /** Until the first whole allocation is with the disk, or cannot be. */
  #isFirst = true;
  #fault: FileFault | null = null;
  #problems: readonly ConfigProblem[] = [];

  constructor(store: StoreView, lbClass: string, around: AllocatingSurroundings) {
    this.#store = store;
    this.#options = { lbClass, source: "manifests" };
    this.#around = around;
    this.view = new AllocatedView(store, this.#options);
    this.#file = new AllocationFile(around.stateDir, {
      clock: around.clock,
      timers: around.timers,
      files: around.files ?? realFiles,
      current: () => this.#started.holdings(),
      saved: (held) => this.#saved(held),
      failed: (fault) => this.#failed(fault),
    });
  }

  /** @param decision gets every change, and what the allocation makes of it */
  pass(decision: ReconcileTarget): void {
    this.#decision = decision;
  }

  get allocations(): ReadonlyMap<ServiceKey, ServiceAllocation> {
    return this.#engine?.allocations ?? new Map();
  }

  /** What each Service holds now, as it is remembered. */
  holdings(): readonly (readonly [ServiceKey, Remembered])[] {
    return this.#engine === null ? [] : [...this.#engine.holdings()];
  }

  counters(): readonly PoolCounters[] {
    return this.#engine?.counters() ?? [];
  }

  problems(): readonly ConfigProblem[] {
    return this.#problems;
  }

  /** Takes over what the last process wrote. @throws Error when that cannot be understood */
  async start(): Promise<void> {
    const held = await this.#file.read();
    this.#durable = held ?? new Map();
    const sink: AllocationSink = {
      allocated: (key, _before, after, events) => this.#allocated(key, after, events),
    };
    this.#engine = new AllocationEngine(this.#store, this.#options, sink, this.#durable);
    const { log } = this.#around;
    const text = held === null ? "no addresses are remembered: this is a first start" : "addresses are remembered";
    log.info("allocationsRead", { count: this.#durable.size, path: this.#file.path }, text);
  }

  /** What is in the source may be known better than before. */
  sourceChanged(): void {
    if (this.#engine?.hasAbsent === true) this.#around.wake();
  }

  apply(changes: readonly StoreChange[]): void {
    this.#started.apply(changes);
    this.#decision?.apply(changes);
  }

  run(isOver: () => boolean): Progress {
    const engine = this.#started;
    let isAllocated = engine.run(isOver);
    if (isAllocated && engine.hasAbsent && this.#around.isSourceClean()) {
      engine.releaseAbsent();
      this.#file.save();
      isAllocated = engine.run(isOver);
    }
    this.#publishChanged();
    if (this.#isFirst) {
      if (!isAllocated) return "more";
      if (this.#unpublished.size > 0 && this.#fault === null) return "waiting";
      this.#isFirst = false;
    }
    const progress = this.#decision?.run(isOver) ?? "done";
    return isAllocated ? progress : "more";
  }

  stop(): void {
    this.#file.stop();
  }

  get #started(): AllocationEngine {
    invariant(this.#engine !== null, "the allocator runs before it has read what is remembered");
    return this.#engine;
  }

  #allocated(key: ServiceKey, after: ServiceAllocation | undefined, events: readonly AllocationEvent[]): void {
    this.#changed.add(key);
    for (const { type, reason, text } of events) {
      const fields = { service: key, reason, ips: after?.ips ?? [], pool: after?.pool ?? "" };
      if (type === "Warning") this.#around.log.warn("allocation", fields, text);
      else this.#around.log.info("allocation", fields, text);
    }
  }

  #publishChanged(): void {
    if (this.#changed.size === 0) return;
    for (const key of this.#changed) this.#publish(key);
    this.#changed.clear();
    this.#tellProblems();
    this.#file.save();
  }

  /** As much of what a service has as the disk knows of; what it lost is gone at once. */
  #publish(key: ServiceKey): void {
    const has = this.allocations.get(key)?.ips ?? [];
    const known = this.#durable.get(key)?.ips ?? [];
    const isKnown = has.every((ip) => known.includes(ip));
    if (isKnown) this.#unpublished.delete(key);
    else this.#unpublished.add(key);
    const change = this.view.publish(key, isKnown ? has : this.view.published(key).filter((ip) => has.includes(ip)));
    if (change !== null) this.#decision?.apply([change]);
  }

  #saved(held: ReadonlyMap<ServiceKey, Remembered>): void {
    this.#durable = held;
    const isMended = this.#fault !== null;
    this.#fault = null;
    for (const key of [...this.#unpublished]) this.#publish(key);
    if (isMended) this.#tellProblems();
    this.#around.wake();
  }

  #failed(fault: FileFault): void {
    const isNews = this.#fault === null;
    this.#fault = fault;
    if (isNews) this.#around.log.error("allocationsNotKept", {}, fault.message);
    this.#tellProblems();
    if (this.#isFirst) this.#around.wake();
  }

  #tellProblems(): void {
    const own = this.#fault === null ? [] : [faultProblem(this.#fault, "allocationsNotKept")];
    this.#problems = [...own, ...this.#started.problems()];
    this.#around.problemsChanged();
  }
}
