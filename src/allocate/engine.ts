// The incremental allocator: which services are looked at again when something changes, and in which order. Owns the queues and what each
// service was told. Must not know clocks, files or API servers; the rules for one service are converge.ts.
// Contract: `apply` only marks; `run` works the marks off. Nobody is given an address before everybody has been asked what they hold and
// every release of the same turn is done, and the elder is served first: so the outcome depends on what is held, not on the order of
// events. A change costs what it touches, plus one look at each service that waits for an address when one becomes free.
import type { Labels, ServiceObject } from "../announce/model.ts";
import { type ConfigProblem, problemOf } from "../kernel/problem.ts";
import type { ServiceKey } from "../kernel/units.ts";
import type { StoreChange, StoreView } from "../sources/store.ts";
import { isServed, retain, type Step, type Surroundings, supply } from "./converge.ts";
import { Ledger, type Terms } from "./ledger.ts";
import { say } from "./messages.ts";
import {
  type AllocationEvent,
  type AllocationOptions,
  type EventReason,
  events,
  type PoolCounters,
  type ServiceAllocation,
} from "./model.ts";
import { PoolTable } from "./pool.ts";
import { SeniorityQueue } from "./seniority.ts";
import { deprecatedAnnotations, parseHeldIp, requestPath } from "./wishes.ts";

/** What a service held when it was last written down. */
export interface Remembered {
  /** In the order of status.loadBalancer.ingress. */
  readonly ips: readonly string[];
  readonly terms: Terms;
}

export interface AllocationSink {
  /**
   * Something a service has, or may be told, changed. @param events what happened, in order @param after undefined: it is not ours any more
   */
  allocated(
    key: ServiceKey,
    before: ServiceAllocation | undefined,
    after: ServiceAllocation | undefined,
    events: readonly AllocationEvent[],
  ): void;
}

/** Services looked at between two looks at the clock. */
const BATCH = 16;

export class AllocationEngine {
  readonly #store: StoreView;
  readonly #options: AllocationOptions;
  readonly #sink: AllocationSink;
  readonly #around: Surroundings;
  readonly #ledger = new Ledger();
  readonly #told = new Map<ServiceKey, ServiceAllocation>();
  /** What services are said to have, until they have been asked. */
  readonly #claims = new Map<ServiceKey, readonly string[]>();
  /** Holders whose Service is not in the store (yet), or has not been asked since it came. */
  readonly #absent: Map<ServiceKey, Remembered>;
  /** Services that `supply` could not give all they want. */
  readonly #waiting = new Set<ServiceKey>();
  readonly #asked = new SeniorityQueue();
  readonly #wanting = new SeniorityQueue();
  readonly #changedNamespaces = new Set<string>();
  #arePoolsDirty = true;
  #isFirst = true;
  #areAbsentReserved = false;

  /** @param held assignments from before; they go before what `status` says */
  constructor(
    store: StoreView,
    options: AllocationOptions,
    sink: AllocationSink,
    held: ReadonlyMap<ServiceKey, Remembered> = new Map(),
  ) {
    this.#store = store;
    this.#options = options;
    this.#sink = sink;
    this.#absent = new Map(held);
    this.#around = { ledger: this.#ledger, options, labelsOf: (namespace) => this.#labelsOf(namespace) };
  }

  /** Every service of ours, as of the last `run`. */
  get allocations(): ReadonlyMap<ServiceKey, ServiceAllocation> {
    return this.#told;
  }

  /** Everything that must be remembered, holders included whose Service is not there. */
  *holdings(): Iterable<readonly [ServiceKey, Remembered]> {
    if (!this.#areAbsentReserved) yield* this.#absent;
    for (const [key, { texts, terms }] of this.#ledger.holdings) yield [key, { ips: texts, terms }];
  }

  /** By pool name. */
  counters(): readonly PoolCounters[] {
    const services = new Map<string, number>();
    for (const { pool } of this.#told.values()) if (pool !== null) services.set(pool, (services.get(pool) ?? 0) + 1);
    return [...this.#ledger.table.pools.values()].map(({ name, assigned, capacity }) => ({
      pool: name,
      assigned: { ...assigned },
      capacity,
      services: services.get(name) ?? 0,
    }));
  }

  /** Services that have not what they ask for. What is wrong between pools: `poolProblems`. */
  problems(): readonly ConfigProblem[] {
    const out: ConfigProblem[] = [];
    for (const [key, { standing }] of this.#told) {
      if (standing === null || standing.type === "Normal") continue;
      const service = this.#store.get("Service", key);
      if (service === undefined) continue;
      // a request that cannot be understood is not used; everything else may come right by itself
      const why = { why: standing.text };
      const path = FIELD_OF[standing.reason] ?? requestPath(service);
      if (standing.reason === "LoadBalancerFailed") out.push(problemOf(service.ref, path, say("requestNotUsed", why)));
      else out.push(problemOf(service.ref, path, say("lacksAddresses", why), "warning"));
    }
    return out;
  }

  get poolProblems(): readonly ConfigProblem[] {
    return this.#ledger.table.problems;
  }

  /** Notes what the changes may touch. The store already holds their outcome. */
  apply(changes: readonly StoreChange[]): void {
    if (this.#isFirst) return; // the first run looks at everything
    for (const { kind, ref, before, after } of changes) {
      if (kind === "IPAddressPool") this.#arePoolsDirty = true;
      else if (kind === "Namespace") this.#changedNamespaces.add(ref.name);
      else if (before?.kind === "Service" || after?.kind === "Service") {
        this.#ask(before?.kind === "Service" ? before : undefined, after?.kind === "Service" ? after : undefined);
      }
    }
  }

  /** From the next `run` on, addresses of services that are not in the store are free. @param mayCome those for whom they are still kept */
  releaseAbsent(mayCome: (key: ServiceKey) => boolean = () => false): void {
    for (const key of this.#absent.keys()) {
      if (mayCome(key)) continue;
      if (this.#areAbsentReserved) this.#ledger.release(key);
      this.#absent.delete(key);
    }
  }

  /** Whether `releaseAbsent` could release anything. */
  get hasAbsent(): boolean {
    return this.#absent.size > 0;
  }

  /** Works off what is marked. @param isOver asked every few services; true ends the turn @returns true when nothing is left to do */
  run(isOver: () => boolean = () => false): boolean {
    if (this.#isFirst) for (const service of this.#store.list("Service")) this.#ask(undefined, service);
    this.#isFirst = false;
    if (this.#arePoolsDirty) this.#renewPools();
    this.#askInNamespaces();
    let done = 0;
    for (let key = this.#asked.take(); key !== undefined; key = this.#asked.take()) {
      this.#retain(key);
      if (++done % BATCH === 0 && isOver()) return false;
    }
    this.#reserveAbsent();
    if (this.#ledger.takeFreed()) {
      for (const key of this.#waiting) this.#wanting.add(key, this.#store.get("Service", key)?.createdAt ?? null);
    }
    for (let key = this.#wanting.take(); key !== undefined; key = this.#wanting.take()) {
      this.#supply(key);
      if (++done % BATCH === 0 && isOver()) return this.#wanting.isEmpty;
    }
    return true;
  }

  #ask(before: ServiceObject | undefined, after: ServiceObject | undefined): void {
    const service = after ?? before;
    if (service === undefined) return;
    const { key } = service;
    this.#asked.add(key, service.createdAt);
    if (after === undefined) {
      this.#claims.delete(key);
      return;
    }
    const known = this.#absent.get(key);
    if (known !== undefined) {
      this.#claims.set(key, known.ips);
      return;
    }
    const held = this.#ledger.holdings.get(key)?.texts ?? [];
    const said = ingressOf(after);
    const isNews = before === undefined || ingressOf(before).join() !== said.join();
    const counts = this.#options.source === "cluster" || held.length === 0;
    // in a cluster our own write comes back to us, and then says what we know
    if (isNews && counts && said.join() !== held.join()) this.#claims.set(key, said);
  }

  #askInNamespaces(): void {
    if (this.#changedNamespaces.size === 0) return;
    const isRuled = [...this.#ledger.table.pools.values()].some(
      ({ object }) => (object.allocation?.namespaceSelectors.length ?? 0) > 0,
    );
    for (const service of isRuled ? this.#store.list("Service") : []) {
      if (service.request !== null && this.#changedNamespaces.has(service.ref.namespace ?? "")) {
        this.#asked.add(service.key, service.createdAt);
      }
    }
    this.#changedNamespaces.clear();
  }

  /** Asks the services whose pool is another one than before. */
  #renewPools(): void {
    this.#arePoolsDirty = false;
    const table = new PoolTable(this.#store.list("IPAddressPool"), this.#ledger.table.pools);
    // of what they hold, not of what they were told: in a turn that was cut short nobody may have been told yet
    const holders = [...this.#ledger.holdings].map(([key, { ips }]) => ({ key, pool: this.#ledger.poolOf(ips) }));
    this.#ledger.setPools(table);
    for (const { key, pool } of holders) {
      const isTouched = pool === null || table.pools.get(pool.name) !== pool;
      if (!isTouched || this.#absent.has(key)) continue;
      this.#asked.add(key, this.#store.get("Service", key)?.createdAt ?? null);
    }
  }

  #retain(key: ServiceKey): void {
    const service = this.#store.get("Service", key);
    const claim = this.#claims.get(key) ?? null;
    this.#claims.delete(key);
    this.#absent.delete(key);
    this.#waiting.delete(key);
    this.#wanting.remove(key);
    if (service === undefined || !isServed(service, this.#options)) {
      this.#ledger.release(key);
      const before = this.#told.get(key);
      this.#told.delete(key);
      if (before !== undefined) this.#sink.allocated(key, before, undefined, []);
      return;
    }
    if (claim !== null) this.#ledger.release(key);
    const step = retain(service, claim, this.#around);
    if (step.isWanting) this.#wanting.add(key, service.createdAt);
    // who goes on to be supplied is told now only of a loss: the address may be somebody else's before this turn ends
    if (!step.isWanting || step.events.length > 0) this.#tell(service, step);
  }

  #supply(key: ServiceKey): void {
    const service = this.#store.get("Service", key);
    if (service === undefined || !isServed(service, this.#options)) return;
    const step = supply(service, this.#around);
    if (step.standing === null) this.#waiting.delete(key);
    else this.#waiting.add(key);
    this.#tell(service, step);
  }

  #tell(service: ServiceObject, { standing, events: steps }: Step): void {
    const { key } = service;
    const before = this.#told.get(key);
    const holding = this.#ledger.holdings.get(key);
    const ips = holding?.texts ?? [];
    const pool = holding === undefined ? null : (this.#ledger.poolOf(holding.ips)?.name ?? null);
    const isSame = before?.pool === pool && before.ips.join() === ips.join();
    const isSaid = before?.standing?.text === standing?.text;
    if (isSame && isSaid) return;
    const news = steps.filter((event) => !(isSaid && event === standing));
    if (!isSame) news.push(...deprecatedAnnotations(service).map(([old, current]) => events.deprecated(old, current)));
    const after = { ips, pool, standing };
    this.#told.set(key, after);
    this.#sink.allocated(key, before, after, news);
  }

  /** What is remembered of services that are not there is nobody else's until it is clear that they do not come. */
  #reserveAbsent(): void {
    if (this.#areAbsentReserved) return;
    this.#areAbsentReserved = true;
    for (const [key, { ips, terms }] of this.#absent) {
      const parsed = ips.map(parseHeldIp);
      this.#ledger.hold(
        key,
        parsed.flatMap((ip) => (ip === null ? [] : [ip])),
        terms,
      );
    }
  }

  /** As the API server has them: every namespace carries its own name. */
  #labelsOf(namespace: string): Labels {
    const labels = this.#store.get("Namespace", namespace)?.labels ?? new Map<string, string>();
    return labels.has(NAME_LABEL) ? labels : new Map([...labels, [NAME_LABEL, namespace]]);
  }
}

const NAME_LABEL = "kubernetes.io/metadata.name";
/** The field to look at, where it is not the one that asks. */
const FIELD_OF: Partial<Record<EventReason, string>> = {
  "not enough clusterips": "spec.ipFamilyPolicy",
  noclusterIPsIPFamily: "spec.clusterIPs",
  nolbIPsIPFamily: "status.loadBalancer.ingress",
};

/** The texts of the addresses; entries with only a hostname are not ours. */
const ingressOf = (service: ServiceObject | undefined): readonly string[] =>
  (service?.ingress ?? []).flatMap(({ ip }) => (ip === null ? [] : [ip]));
