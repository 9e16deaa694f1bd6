// The incremental decision: keeps what reference.ts would compute, at a cost proportional to the change. Owns which services are
// dirty, what each prefix is offered, and what each peer was told. Must not know sockets, clocks or where objects come from.
// Contract: `apply` only marks; `run` works the marks off, re-decides only dirty services, re-merges only prefixes they touch, and
// tells the sink only real changes. After a run that returned true, the routes told to the sink are exactly decideAll's, by what the
// configuration before has left.
import { peerConfigText } from "../bgp/session/config.ts";
import type { RouteAttributes } from "../bgp/wire/message.ts";
import type { DrainLevel } from "../drain/machine.ts";
import { formatPrefix, ipEquals, type Prefix } from "../kernel/ip.ts";
import type { ConfigProblem } from "../kernel/problem.ts";
import { assertNever } from "../kernel/result.ts";
import { Millis, type PeerName, type ServiceKey } from "../kernel/units.ts";
import type { StoreChange, StoreView } from "../sources/store.ts";
import { compile } from "./compile.ts";
import type { CompiledConfig, DecisionOptions, Offer, PlannedPeer } from "./compiled.ts";
import { Governed, governedKey } from "./governed.ts";
import { Holds, type HoldView } from "./holds.ts";
import { attributesEqual, drained, mergeOffers } from "./merge.ts";
import type { PoolRange } from "./pools.ts";
import { joinProblems, type Table, tableOf } from "./reference.ts";
import { type Contribution, decideService, decisionsEqual, type ServiceDecision } from "./service.ts";
import { type GovernedPrefix, NO_SITES, type SiteGate, type SiteView } from "./siteGate.ts";

export interface DecisionSink {
  /**
   * The peers of this node, by name, each time any of them differs. Called before routes that need the new list. A peer that
   * left the list or lost its config has no routes any more, without a call for each; one that stays keeps its routes.
   */
  peersChanged(peers: readonly PlannedPeer[]): void;
  /** null withdraws. Only for peers with a config, and only families they carry. */
  setRoute(peer: PeerName, prefix: Prefix, attributes: RouteAttributes | null): void;
  serviceChanged(key: ServiceKey, before: ServiceDecision | undefined, after: ServiceDecision | undefined): void;
  /** The whole list, sorted, each time it differs. */
  problemsChanged(problems: readonly ConfigProblem[]): void;
}

/** What is known about one prefix some service asks for. */
interface PrefixEntry {
  readonly prefix: Prefix;
  /** By offer key, with the number of services that make the same offer: an aggregate of many services stays cheap. */
  readonly offers: Map<string, { readonly offer: Offer; count: number }>;
  /** As the sink was told. */
  sent: Map<PeerName, RouteAttributes>;
  problems: readonly ConfigProblem[];
}

/** For who has no delays to wait for. */
const START = Millis(0);

/** Services decided, or prefixes merged and told, between two looks at the clock. */
const BATCH = 16;

export class DecisionEngine {
  readonly #store: StoreView;
  readonly #options: DecisionOptions;
  readonly #sink: DecisionSink;
  #config: CompiledConfig | null = null;
  #isConfigDirty = true;
  #areProblemsDirty = true;
  #problemsText = "";
  /** Services whose own objects changed go before those that only a configuration change made dirty. */
  readonly #changed = new Set<ServiceKey>();
  readonly #affected = new Set<ServiceKey>();
  readonly #decisions = new Map<ServiceKey, ServiceDecision>();
  readonly #prefixes = new Map<string, PrefixEntry>();
  /** Prefixes whose offers have changed. */
  readonly #touched = new Set<string>();
  /** Of the touched ones, those with an offer of an old configuration. */
  readonly #waiting = new Set<string>();
  /** Prefixes whose offers are the same, but what becomes of them may not be. Any number, so they come last. */
  readonly #restated = new Set<string>();
  /** What has problems, so that telling them costs nothing where there are none. */
  readonly #troubledServices = new Map<ServiceKey, ServiceDecision>();
  readonly #troubledPrefixes = new Set<PrefixEntry>();
  #level: DrainLevel = "none";
  #drainedWhy: string | null = null;
  readonly #holds: Holds;
  readonly #sites: SiteGate;
  readonly #governed = new Governed();
  #now = START;

  /**
   * @param isTrusting endpoints that are ready at the start have been so for long
   * @param sites who knows what other sites do; without it SitePolicies are taken on their own
   */
  constructor(
    store: StoreView,
    options: DecisionOptions,
    sink: DecisionSink,
    isTrusting = false,
    sites: SiteGate = NO_SITES,
  ) {
    this.#store = store;
    this.#sites = sites;
    this.#holds = new Holds(store, options.nodeName, isTrusting);
    this.#options = options;
    this.#sink = sink;
  }

  /** As of the last `run`; complete when that returned true. */
  get decisions(): ReadonlyMap<ServiceKey, ServiceDecision> {
    return this.#decisions;
  }

  /** null before the first `run`. */
  get config(): CompiledConfig | null {
    return this.#config;
  }

  /** What the sink was told for a prefix at a peer; null: nothing. */
  routeAt(peer: PeerName, prefix: Prefix): RouteAttributes | null {
    return this.#prefixes.size === 0 ? null : (this.#prefixes.get(formatPrefix(prefix))?.sent.get(peer) ?? null);
  }

  get level(): DrainLevel {
    return this.#level;
  }

  /** Every route with the services behind it, for status; costs a walk over all services. null before the first `run`. */
  table(): Table | null {
    return this.#config === null ? null : tableOf(this.#config, this.#decisions, this.#level);
  }

  /**
   * From the next `run` on: every route as decided, or the last choice of routers, or none.
   * @param why in words, for services that are not announced; null exactly when the level is `none`
   */
  setLevel(level: DrainLevel, why: string | null, now: Millis = this.#now): void {
    const drainedWhy = level === "withdrawn" ? why : null;
    if (drainedWhy !== this.#drainedWhy) this.#isConfigDirty = true;
    this.#drainedWhy = drainedWhy;
    if (level === this.#level) return;
    this.#level = level;
    for (const key of this.#holds.setDraining(level !== "none", now)) this.#changed.add(key);
    for (const key of this.#prefixes.keys()) this.#restated.add(key);
  }

  /** Notes what the changes may touch; cheap, tells the sink nothing. The store already holds their outcome. */
  apply(changes: readonly StoreChange[], now: Millis = START): void {
    for (const change of changes) {
      this.#mark(change);
      this.#holds.observe(change, now);
    }
  }

  /** When `run` is to be called again although nothing changes; null: not before something does. */
  deadline(): Millis | null {
    const [held, sites] = [this.#holds.deadline(), this.#sites.deadline()];
    return held === null || (sites !== null && sites < held) ? sites : held;
  }

  /** What other sites let this one announce now. */
  get siteView(): SiteView {
    return this.#sites.view;
  }

  /** What counts as ready at that moment. */
  holdsAt(now: Millis): HoldView {
    return this.#holds.at(now);
  }

  /**
   * Works off what is dirty. @param isOver asked every few services; true ends the turn. @param now monotonic milliseconds
   * @returns true when nothing is left to do.
   */
  run(isOver: () => boolean = () => false, now: Millis = START): boolean {
    this.#now = now;
    for (const key of this.#holds.due(now)) this.#changed.add(key);
    if (this.#isConfigDirty) this.#recompile();
    this.#markGoverned();
    const config = this.#config;
    if (config === null) return true;
    // what a drain withdraws goes before the services are told of it, however many there are
    if (this.#level === "withdrawn" && !this.#restate(config, isOver)) return false;
    while (this.#changed.size + this.#affected.size > 0 || this.#sites.isBusy) {
      this.#decideSome(config);
      // a prefix that could be announced from now on may be granted at once
      this.#markGoverned();
      // at once, so that telling is spread over the turns as well
      this.#flush(this.#touched, config);
      if ((this.#changed.size + this.#affected.size > 0 || this.#sites.isBusy) && isOver()) return false;
    }
    for (const key of this.#waiting) this.#restated.add(key);
    this.#waiting.clear();
    if (!this.#restate(config, isOver)) return false;
    if (this.#areProblemsDirty) this.#tellProblems(config);
    return true;
  }

  /** @returns false: the turn is over before the end */
  #restate(config: CompiledConfig, isOver: () => boolean): boolean {
    while (this.#restated.size > 0) {
      this.#flush(this.#restated, config);
      if (this.#restated.size > 0 && isOver()) return false;
    }
    return true;
  }

  #mark({ kind, before, after }: StoreChange): void {
    switch (kind) {
      case "Service":
      case "EndpointSlice":
        for (const object of [before, after]) {
          if (object?.kind === "Service") this.#changed.add(object.key);
          else if (object?.kind === "EndpointSlice" && object.service !== null) this.#changed.add(object.service);
        }
        return;
      case "Node":
        if ((after ?? before)?.ref.name === this.#options.nodeName) this.#isConfigDirty = true;
        return;
      case "Namespace":
        return; // matters to the allocator alone
      case "Secret":
      case "IPAddressPool":
      case "BGPAdvertisement":
      case "Community":
      case "BFDProfile":
      case "BGPPeer":
      case "SitePolicy":
        this.#isConfigDirty = true;
        return;
    }
    assertNever(kind);
  }

  #recompile(): void {
    this.#isConfigDirty = false;
    this.#areProblemsDirty = true;
    const before = this.#config;
    const compiled = compile(this.#store, this.#options, before);
    const after = { ...compiled, node: { ...compiled.node, drained: this.#drainedWhy } };
    this.#config = after;
    if (before === null || peersText(before.peers) !== peersText(after.peers)) {
      if (before !== null) this.#dropRoutes(before.peers, after.peers);
      this.#sink.peersChanged(after.peers);
    }
    const arePoliciesEqual = textOf(before?.sitePolicies ?? []) === textOf(after.sitePolicies);
    if (!arePoliciesEqual) this.#sites.setPolicies(after.sitePolicies, this.#now);
    if (before === null) {
      this.#holds.begin(this.#now);
      for (const service of this.#store.list("Service")) this.#affected.add(service.key);
      return;
    }
    const isEveryServiceAffected =
      !arePoliciesEqual ||
      !rangesEqual(before.ranges, after.ranges) ||
      JSON.stringify(before.node) !== JSON.stringify(after.node);
    // a pool that comes or goes changes the ranges
    const names = [...after.pools.keys()];
    const pools = new Set(names.filter((name) => before.pools.get(name)?.text !== after.pools.get(name)?.text));
    if (!isEveryServiceAffected && pools.size === 0) return;
    for (const [key, { pool }] of this.#decisions) {
      if (isEveryServiceAffected || (pool !== null && pools.has(pool))) this.#affected.add(key);
    }
  }

  /** Forgets the routes of peers that no longer run; withdraws those of a family that a peer no longer carries. */
  #dropRoutes(before: readonly PlannedPeer[], after: readonly PlannedPeer[]): void {
    const now = new Map(after.map((p) => [p.name, p.config]));
    for (const { name, config } of before) {
      const next = now.get(name) ?? null;
      if (config === null || (next !== null && config.families.every((f) => next.families.includes(f)))) continue;
      for (const [key, { prefix, sent }] of this.#prefixes) {
        if (next?.families.includes(prefix.version === 4 ? "ipv4-unicast" : "ipv6-unicast")) continue;
        if (!sent.delete(name)) continue;
        // the peer may be back before this prefix's services are decided again, and then nothing else would notice
        this.#restated.add(key);
        if (next !== null) this.#sink.setRoute(name, prefix, null);
      }
    }
  }

  #decideSome(config: CompiledConfig): void {
    let left = BATCH;
    for (const queue of [this.#changed, this.#affected]) {
      for (const key of queue) {
        if (left-- === 0) return;
        queue.delete(key);
        this.#affected.delete(key);
        this.#decide(key, config);
      }
    }
  }

  /** Services of prefixes whose site outcome has changed are dirty. */
  #markGoverned(): void {
    for (const at of this.#sites.changed(this.#now)) {
      for (const key of this.#governed.servicesOf(at)) this.#changed.add(key);
    }
  }

  #setGoverned(
    key: ServiceKey,
    before: readonly GovernedPrefix[] | undefined,
    after: readonly GovernedPrefix[] | undefined,
  ): void {
    if (before === undefined && after === undefined) return;
    // first what comes: a prefix that only changes hands between services stays able all the time
    for (const at of after ?? []) {
      this.#governed.add(at, key);
      // told although it is known: a policy that was away between two decisions of the service knows no prefixes any more
      this.#sites.setAble(at, true, this.#now);
    }
    const kept = new Set(after?.map(governedKey));
    for (const at of before ?? []) {
      if (kept.has(governedKey(at))) continue;
      if (this.#governed.remove(at, key)) this.#sites.setAble(at, false, this.#now);
    }
  }

  #decide(key: ServiceKey, config: CompiledConfig): void {
    const service = this.#store.get("Service", key);
    const before = this.#decisions.get(key);
    const after =
      service === undefined
        ? undefined
        : decideService(service, this.#store, config, this.#holds.at(this.#now), this.#sites.view);
    if (decisionsEqual(before, after)) return;
    this.#setGoverned(key, before?.governed, after?.governed);
    for (const c of before?.contributions ?? []) this.#retract(c);
    for (const c of after?.contributions ?? []) this.#offer(c);
    if (JSON.stringify(before?.problems ?? []) !== JSON.stringify(after?.problems ?? [])) this.#areProblemsDirty = true;
    if (after === undefined || after.problems.length === 0) this.#troubledServices.delete(key);
    else this.#troubledServices.set(key, after);
    if (after === undefined) this.#decisions.delete(key);
    else this.#decisions.set(key, after);
    this.#sink.serviceChanged(key, before, after);
  }

  #offer(c: Contribution): void {
    let entry = this.#prefixes.get(c.prefixKey);
    if (entry === undefined) {
      entry = { prefix: c.prefix, offers: new Map(), sent: new Map(), problems: [] };
      this.#prefixes.set(c.prefixKey, entry);
    }
    const known = entry.offers.get(c.key);
    if (known !== undefined) known.count++;
    else entry.offers.set(c.key, { offer: c, count: 1 });
    this.#touched.add(c.prefixKey);
  }

  #retract(c: Contribution): void {
    const entry = this.#prefixes.get(c.prefixKey);
    const known = entry?.offers.get(c.key);
    if (entry === undefined || known === undefined) return;
    if (--known.count === 0) entry.offers.delete(c.key);
    this.#touched.add(c.prefixKey);
  }

  /**
   * Tells the sink what became of a batch of these prefixes, withdrawals first. While services are still to be decided, a prefix
   * with an offer of the old configuration waits for the rest of its services: else an aggregate would show mixtures of old and new.
   */
  #flush(keys: Set<string>, config: CompiledConfig): void {
    const additions: (() => void)[] = [];
    const areAllDecided = this.#changed.size + this.#affected.size === 0;
    let left = keys === this.#touched ? keys.size : BATCH;
    for (const key of keys) {
      if (left-- === 0) break;
      keys.delete(key);
      this.#waiting.delete(key);
      const entry = this.#prefixes.get(key);
      if (entry === undefined) continue;
      if (!areAllDecided && [...entry.offers.values()].some((o) => !config.offerKeys.has(o.offer.compiledKey))) {
        this.#waiting.add(key);
        continue;
      }
      this.#remerge(entry, additions);
      if (entry.offers.size === 0) this.#prefixes.delete(key);
    }
    for (const add of additions) add();
  }

  #remerge(entry: PrefixEntry, additions: (() => void)[]): void {
    const { prefix, sent } = entry;
    const offers = [...entry.offers.values()].map((o) => o.offer);
    const { routes, problems } = mergeOffers(offers);
    const wanted = new Map(drained(routes, this.#level));
    for (const peer of sent.keys()) if (!wanted.has(peer)) this.#sink.setRoute(peer, prefix, null);
    for (const [peer, attributes] of wanted) {
      const told = sent.get(peer);
      if (told === undefined || !attributesEqual(told, attributes)) {
        additions.push(() => this.#sink.setRoute(peer, prefix, attributes));
      }
    }
    entry.sent = wanted;
    const areNew =
      problems.length + entry.problems.length > 0 && JSON.stringify(problems) !== JSON.stringify(entry.problems);
    if (areNew) this.#areProblemsDirty = true;
    entry.problems = problems;
    if (problems.length > 0) this.#troubledPrefixes.add(entry);
    else this.#troubledPrefixes.delete(entry);
  }

  #tellProblems(config: CompiledConfig): void {
    this.#areProblemsDirty = false;
    const merging = [...this.#troubledPrefixes].flatMap((entry) => entry.problems);
    const services = [...this.#troubledServices.values()].flatMap((d) => d.problems);
    const problems = joinProblems(config.problems, merging, services);
    const text = JSON.stringify(problems);
    if (text === this.#problemsText) return;
    this.#problemsText = text;
    this.#sink.problemsChanged(problems);
  }
}

/** Compares what a peer is, password included: never log it. */
const peersText = (peers: readonly PlannedPeer[]): string =>
  JSON.stringify(
    peers.map((p) => [p.name, p.ref, p.problem, p.problemPath, p.config === null ? null : peerConfigText(p.config)]),
  );

const textOf = (policies: CompiledConfig["sitePolicies"]): string => policies.map((p) => p.text).join("\n");

const rangesEqual = (a: readonly PoolRange[], b: readonly PoolRange[]): boolean =>
  a.length === b.length &&
  a.every((r, i) => {
    const other = b[i];
    return (
      other !== undefined && r.pool === other.pool && ipEquals(r.first, other.first) && ipEquals(r.last, other.last)
    );
  });
