// SHELL: one term of office of a controller: from being elected to losing the Lease. Lists everything anew, allocates, has it written.
// Owns the order of these; rules of allocation are allocate/, of writing control/. Contract: what the controller before us wrote is in the
// first list, because that list is asked for after the Lease is held and answered from what is stored, not from a cache; nothing is
// allocated before it is complete, and nothing is written that is not decided.
import { AllocationEngine, type AllocationSink, type Remembered } from "../allocate/engine.ts";
import { OWN_USE } from "../allocate/ledger.ts";
import type { AllocationEvent, AllocationOptions, PoolCounters, ServiceAllocation } from "../allocate/model.ts";
import { verdictOf } from "../control/configurationState.ts";
import { wantedStatus } from "../control/serviceStatus.ts";
import type { Clock, Random, Timers } from "../kernel/clock.ts";
import type { ConfigProblem } from "../kernel/problem.ts";
import { ServiceKey } from "../kernel/units.ts";
import { KubeClient } from "../kube/client.ts";
import type { Transport } from "../kube/exchange.ts";
import { type FollowedResource, KubeSource } from "../kube/kubeSource.ts";
import { WATCHED_BY_CONTROLLER } from "../kube/resources.ts";
import type { Logger } from "../observe/log.ts";
import type { RawObject } from "../sources/fields.ts";
import { ObjectStore } from "../sources/store.ts";
import { ControllerWrites, type WriteCounts } from "./controllerWrites.ts";
import { Reconciler } from "./reconcile.ts";

export interface TermSurroundings {
  /** Of this term alone; closed at its end. */
  readonly transport: Transport;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Logger;
  /** Namespace of MetalLB's objects. */
  readonly home: string;
  readonly lbClass: string;
  /** metadata.ownerReferences of what we make. */
  readonly owner: readonly RawObject[];
  readonly counts: WriteCounts;
  readonly isLeader: () => boolean;
  readonly problemsChanged: () => void;
  /** Changes came from the API server. */
  readonly changed: () => void;
}

export class ControllerTerm {
  readonly #around: TermSurroundings;
  readonly #options: AllocationOptions;
  readonly #store = new ObjectStore();
  readonly #source: KubeSource;
  readonly #reconciler: Reconciler;
  readonly #writes: ControllerWrites;
  /** Services that were ours and are no more. */
  readonly #released = new Set<string>();
  #engine: AllocationEngine | null = null;
  #counters: readonly PoolCounters[] | null = null;
  #sourceProblems: readonly ConfigProblem[] = [];

  constructor(surroundings: TermSurroundings) {
    const { transport, clock, timers, random, home, lbClass } = surroundings;
    this.#around = surroundings;
    this.#options = { lbClass, source: "cluster" };
    this.#writes = new ControllerWrites({
      ...surroundings,
      client: new KubeClient(transport, timers),
      mayWrite: () => this.#reconciler.isSettled && this.#reconciler.since === null && surroundings.isLeader(),
      wanted: (key, stored) => {
        const service = this.#store.get("Service", key);
        const allocation = service === undefined ? undefined : this.#engine?.allocations.get(service.key);
        return wantedStatus(service, stored, allocation, this.#released.has(key), this.#options);
      },
      counters: () => this.counters(),
      verdict: () => verdictOf(this.#readProblems()),
    });
    this.#reconciler = new Reconciler(
      { apply: (changes) => this.#engine?.apply(changes), run: (isOver) => (this.#run(isOver) ? "done" : "more") },
      () => {},
      { clock, timers, deadline: () => null },
      {
        turn: () => {},
        settled: () => {
          this.#counters = null;
          this.#writes.decided();
          surroundings.problemsChanged();
        },
      },
    );
    this.#source = new KubeSource(
      this.#store,
      home,
      { transport, clock, timers, random },
      {
        changed: (changes) => {
          surroundings.changed();
          this.#reconciler.changed(changes);
        },
        problemsChanged: (problems) => {
          this.#sourceProblems = problems;
          surroundings.problemsChanged();
          if (this.#reconciler.isSettled) this.#reconciler.changed([]);
        },
        listed: () => this.#reconciler.listed(),
      },
      {
        watched: WATCHED_BY_CONTROLLER,
        seen: (resource, key, raw) => {
          if (raw === null) this.#released.delete(key);
          this.#writes.seen(resource, key, raw);
          this.#wake();
        },
      },
    );
  }

  start(): void {
    void this.#source.start();
  }

  /** Everything again (SIGHUP). */
  rescan(): void {
    void this.#source.rescan();
  }

  /** Lets the writes under way come to their end. */
  async finish(): Promise<void> {
    this.#reconciler.stop();
    await this.#writes.stop();
    this.#source.stop();
  }

  /** At once: what is under way is given up. */
  abandon(): void {
    this.#reconciler.stop();
    void this.#writes.stop();
    this.#source.stop();
  }

  /** null: everything has been listed and allocated; else what is missing. */
  notReady(): string | null {
    if (this.#reconciler.isSettled) return null;
    return this.#source.waitingFor() ?? "addresses have not been allocated yet";
  }

  problems(): readonly ConfigProblem[] {
    return [...this.#readProblems(), ...(this.#engine?.problems() ?? []), ...this.#writes.problems()];
  }

  resources(): readonly FollowedResource[] {
    return this.#source.resources();
  }

  counters(): readonly PoolCounters[] {
    this.#counters ??= this.#engine?.counters() ?? [];
    return this.#counters;
  }

  /** Services that are decided and not yet written. */
  get backlog(): number {
    return this.#writes.backlog;
  }

  #readProblems(): readonly ConfigProblem[] {
    return [...this.#sourceProblems, ...(this.#engine?.poolProblems ?? [])];
  }

  #run(isOver: () => boolean): boolean {
    this.#engine ??= this.#makeEngine();
    const isDone = this.#engine.run(isOver);
    if (!isDone || !this.#engine.hasAbsent) return isDone;
    // those that are not deleted may be mended; what one of them keeps says nothing of the others
    this.#engine.releaseAbsent((key) => this.#writes.services.get(key) !== undefined);
    return this.#engine.run(isOver);
  }

  /** What the API server has of Services that we cannot read is nobody else's. */
  #makeEngine(): AllocationEngine {
    const held = new Map<ServiceKey, Remembered>();
    for (const key of this.#unreadable()) {
      const [namespace = "", name = ""] = key.split("/");
      const ips = this.#writes.services.get(key)?.ingress ?? [];
      held.set(ServiceKey(namespace, name), { ips, terms: OWN_USE });
    }
    const sink: AllocationSink = {
      allocated: (key, _before, after, events) => this.#allocated(key, after, events),
    };
    return new AllocationEngine(this.#store, this.#options, sink, held);
  }

  *#unreadable(): Generator<string, void> {
    for (const key of this.#writes.services.keys()) if (this.#store.get("Service", key) === undefined) yield key;
  }

  #allocated(key: ServiceKey, after: ServiceAllocation | undefined, events: readonly AllocationEvent[]): void {
    this.#counters = null;
    if (after === undefined && this.#store.get("Service", key) !== undefined) this.#released.add(key);
    else this.#released.delete(key);
    this.#writes.allocated(key, events);
    const { log } = this.#around;
    for (const { type, reason, text } of events) {
      const fields = { service: key, reason, vips: after?.ips ?? [], pool: after?.pool ?? "" };
      if (type === "Warning") log.warn("allocation", fields, text);
      else log.info("allocation", fields, text);
    }
  }

  /** A version that changes nothing for the allocator may still end a conflict: its write is tried again after this turn. */
  #wake(): void {
    queueMicrotask(() => {
      if (this.#reconciler.isSettled && this.#reconciler.since === null) this.#writes.decided();
    });
  }
}
