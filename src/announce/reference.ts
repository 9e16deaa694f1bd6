// The decision as one plain function of the snapshot: every service, every prefix, every peer, from nothing. Owns the definition
// of what is right; the incremental engine is tested against it, and `check` prints it. Must not remember anything.
import type { RouteAttributes } from "../bgp/wire/message.ts";
import type { DrainLevel } from "../drain/machine.ts";
import type { Prefix } from "../kernel/ip.ts";
import { type ConfigProblem, refKey } from "../kernel/problem.ts";
import type { PeerName, ServiceKey } from "../kernel/units.ts";
import type { StoreView } from "../sources/store.ts";
import { compile, sortProblems } from "./compile.ts";
import type { CompiledConfig, DecisionOptions, Inherited, Offer, PlannedPeer } from "./compiled.ts";
import { type HoldView, NO_HOLDS } from "./holds.ts";
import { drained, mergeOffers } from "./merge.ts";
import { decideService, type ServiceDecision } from "./service.ts";

export interface TableRoute {
  readonly prefix: Prefix;
  readonly attributes: RouteAttributes;
  /** Services that ask for this prefix at this peer, ascending. */
  readonly services: readonly ServiceKey[];
}

/** What one node announces. */
export interface Table {
  readonly peers: readonly PlannedPeer[];
  /** A peer without routes has no entry; inner keys are canonical prefix texts. */
  readonly routes: ReadonlyMap<PeerName, ReadonlyMap<string, TableRoute>>;
  readonly decisions: ReadonlyMap<ServiceKey, ServiceDecision>;
  readonly problems: readonly ConfigProblem[];
}

/**
 * @param holds what counts as ready at the moment in question; without it the delays of annotations are over
 * @param before what the configuration before has left; without it the answer is that of a daemon that starts
 */
export const decideAll = (
  store: StoreView,
  options: DecisionOptions,
  holds: HoldView = NO_HOLDS,
  before: Inherited | null = null,
): Table => toEnd(deciding(store, options, holds, before));

/** `decideAll` with a rest every few services, for who must not be away for long. */
export function* deciding(
  store: StoreView,
  options: DecisionOptions,
  holds: HoldView = NO_HOLDS,
  before: Inherited | null = null,
): Generator<void, Table> {
  const config = compile(store, options, before);
  const decisions = new Map<ServiceKey, ServiceDecision>();
  for (const service of store.list("Service")) {
    decisions.set(service.key, decideService(service, store, config, holds));
    if (decisions.size % BATCH === 0) yield;
  }
  return yield* tabulating(config, decisions);
}

/** Merges the decisions of all services into the table of each peer. */
export const tableOf = (
  config: CompiledConfig,
  decisions: ReadonlyMap<ServiceKey, ServiceDecision>,
  level: DrainLevel = "none",
): Table => toEnd(tabulating(config, decisions, level));

/** Services or prefixes looked at between two rests. */
const BATCH = 64;

/** `tableOf` with a rest every few services and prefixes. */
export function* tabulating(
  config: CompiledConfig,
  decisions: ReadonlyMap<ServiceKey, ServiceDecision>,
  level: DrainLevel = "none",
): Generator<void, Table> {
  interface Gathered {
    readonly prefix: Prefix;
    readonly offers: Map<string, Offer>;
    readonly services: Map<PeerName, Set<ServiceKey>>;
  }
  const prefixes = new Map<string, Gathered>();
  const problems: ConfigProblem[] = [];
  let steps = 0;
  for (const [key, { contributions, problems: own }] of decisions) {
    problems.push(...own);
    for (const c of contributions) {
      const entry: Gathered = prefixes.get(c.prefixKey) ?? { prefix: c.prefix, offers: new Map(), services: new Map() };
      prefixes.set(c.prefixKey, entry);
      entry.offers.set(c.key, c);
      for (const peer of c.peers) entry.services.set(peer, (entry.services.get(peer) ?? new Set()).add(key));
    }
    if (++steps % BATCH === 0) yield;
  }
  const routes = new Map<PeerName, Map<string, TableRoute>>();
  for (const [prefixKey, { prefix, offers, services }] of prefixes) {
    const merged = mergeOffers([...offers.values()]);
    problems.push(...merged.problems);
    for (const [peer, attributes] of drained(merged.routes, level)) {
      const table = routes.get(peer) ?? new Map<string, TableRoute>();
      routes.set(peer, table.set(prefixKey, { prefix, attributes, services: [...(services.get(peer) ?? [])].sort() }));
    }
    if (++steps % BATCH === 0) yield;
  }
  return { peers: config.peers, routes, decisions, problems: joinProblems(config.problems, problems) };
}

/** Without any rest. */
export function toEnd<T>(work: Generator<void, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}

/** Both lists, sorted, each problem once. */
export function joinProblems(...lists: readonly (readonly ConfigProblem[])[]): readonly ConfigProblem[] {
  const unique = new Map<string, ConfigProblem>();
  for (const p of lists.flat()) {
    const key = `${refKey(p)}|${p.path}|${p.severity}|${p.message}`;
    if (!unique.has(key)) unique.set(key, p);
  }
  return sortProblems([...unique.values()]);
}
