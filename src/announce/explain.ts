// Why is this service announced to these peers, or not: the answer behind `vipcast why`, from the snapshot alone. Owns the walk
// over the rules for one service and, peer by peer, the first thing that keeps a route from it. Decides nothing itself: routes come
// from reference.ts, rules from service.ts. Must not know sessions (observe/why.ts adds them) or files.
// Contract: pure; work that grows with the number of services is cut by `yield`, so that a caller may rest between.
import type { RouteAttributes } from "../bgp/wire/message.ts";
import type { DrainLevel } from "../drain/machine.ts";
import { comparePrefix, containsIp, formatIp, type Ip, type Prefix } from "../kernel/ip.ts";
import { type ObjectRef, refKey, refText } from "../kernel/problem.ts";
import { listed } from "../kernel/suggest.ts";
import { PeerName, type ServiceKey } from "../kernel/units.ts";
import type { StoreView } from "../sources/store.ts";
import type { CompiledConfig, PlannedPeer } from "./compiled.ts";
import { type HoldView, NO_HOLDS } from "./holds.ts";
import type { ServiceObject } from "./model.ts";
import type { PeerReason, Reason } from "./reasons.ts";
import { tabulating, toEnd } from "./reference.ts";
import {
  type Cause,
  decideService,
  FAMILY_PATH,
  isMeant,
  parseVip,
  type RuleStep,
  type ServiceDecision,
  type ServiceWalk,
  walkRules,
} from "./service.ts";

import { POLICY_ALONE, type SiteView } from "./siteGate.ts";

/** What keeps a route from a peer. */
export interface PeerFailure {
  readonly reason: Reason | PeerReason;
  readonly detail: string;
  readonly cause: Cause;
}

export interface ExplainedRoute {
  readonly prefix: Prefix;
  readonly attributes: RouteAttributes;
  /** BGPAdvertisements that give it, on behalf of any service. */
  readonly advertisements: readonly ObjectRef[];
  /** Services that ask for it, ascending. */
  readonly services: readonly ServiceKey[];
}

export interface ExplainedPeer {
  readonly name: PeerName;
  /** null: the BGPPeer does not select this node. */
  readonly planned: PlannedPeer | null;
  /** What it is to get for this service. */
  readonly routes: readonly ExplainedRoute[];
  /** Addresses of the service without a route to this peer; with all of them missing `routes` is empty. */
  readonly missing: readonly { readonly vip: string; readonly failure: PeerFailure }[];
  /** Why there is no route at all; null exactly when there is one. */
  readonly failure: PeerFailure | null;
}

export interface Explanation {
  readonly service: ServiceKey;
  readonly decision: ServiceDecision;
  readonly steps: readonly RuleStep[];
  /** By name; those that do not select the node last. */
  readonly peers: readonly ExplainedPeer[];
}

export interface ExplainOptions {
  /** How far the node has drained; absent: not at all. */
  readonly level?: DrainLevel;
  /** What is decided of other services already; absent: they are decided here where they may share a prefix. */
  readonly decisions?: ReadonlyMap<ServiceKey, ServiceDecision>;
  /** What counts as ready now; absent: the delays of annotations are over. */
  readonly holds?: HoldView;
  /** What other sites let this one announce; absent: what SitePolicies say on their own. */
  readonly sites?: SiteView;
}

/** Services looked at between two rests. */
const BATCH = 64;

/** The whole of `explaining` at once. */
export function explain(
  service: ServiceObject,
  store: StoreView,
  config: CompiledConfig,
  options: ExplainOptions = {},
): Explanation {
  return toEnd(explaining(service, store, config, options));
}

/** @param config of the node in question */
export function* explaining(
  service: ServiceObject,
  store: StoreView,
  config: CompiledConfig,
  { level = "none", decisions, holds = NO_HOLDS, sites = POLICY_ALONE }: ExplainOptions = {},
): Generator<void, Explanation> {
  const decision = decideService(service, store, config, holds, sites);
  const walk = walkRules(service, store, config, holds, sites);
  const sharers = yield* servicesAt(service.key, decision, store, config, decisions);
  const { routes } = yield* tabulating(config, sharers, level);
  const explained = (planned: PlannedPeer): ExplainedPeer => {
    const own = [...(routes.get(planned.name)?.values() ?? [])]
      .filter((r) => r.services.includes(service.key))
      .sort((a, b) => comparePrefix(a.prefix, b.prefix));
    return explainPeer(planned, decision, walk, own.map(withAdvertisements(planned.name, sharers)));
  };
  const planned = new Set(config.peers.map((p) => p.name as string));
  const others = [...store.list("BGPPeer")].filter((p) => !planned.has(p.ref.name)).map((p) => p.ref);
  return {
    service: service.key,
    decision,
    steps: walk.steps,
    peers: [...config.peers.map(explained), ...others.map((ref) => notSelected(ref, config.node.name))],
  };
}

/** Decisions of the services with a prefix of this one, cut to those prefixes: what `tableOf` needs for them. */
function* servicesAt(
  key: ServiceKey,
  decision: ServiceDecision,
  store: StoreView,
  config: CompiledConfig,
  known: ReadonlyMap<ServiceKey, ServiceDecision> | undefined,
): Generator<void, ReadonlyMap<ServiceKey, ServiceDecision>> {
  const prefixes = new Map(decision.contributions.map((c) => [c.prefixKey, c.prefix]));
  const found = new Map<ServiceKey, ServiceDecision>([[key, decision]]);
  if (prefixes.size === 0) return found;
  const add = (other: ServiceKey, theirs: ServiceDecision | undefined): void => {
    const contributions = theirs?.contributions.filter((c) => prefixes.has(c.prefixKey)) ?? [];
    if (theirs !== undefined && contributions.length > 0) found.set(other, { ...theirs, contributions });
  };
  let looked = 0;
  for (const other of store.list("Service")) {
    if (++looked % BATCH === 0) yield;
    if (other.key === key) continue;
    if (known !== undefined) add(other.key, known.get(other.key));
    else if (isWithin(other, prefixes.values())) add(other.key, decideService(other, store, config));
  }
  return found;
}

function isWithin({ type, ingress }: ServiceObject, prefixes: Iterable<Prefix>): boolean {
  if (type !== "LoadBalancer") return false;
  const ips = ingress.map(({ ip }) => (ip === null ? null : parseVip(ip)));
  return [...prefixes].some((prefix) => ips.some((ip) => ip !== null && containsIp(prefix, ip)));
}

const withAdvertisements =
  (peer: PeerName, sharers: ReadonlyMap<ServiceKey, ServiceDecision>) =>
  (route: Omit<ExplainedRoute, "advertisements">): ExplainedRoute => {
    const refs = new Map<string, ObjectRef>();
    for (const { contributions } of sharers.values()) {
      for (const { prefix, peers, advertisement } of contributions) {
        if (comparePrefix(prefix, route.prefix) === 0 && peers.includes(peer))
          refs.set(refKey(advertisement), advertisement);
      }
    }
    return { ...route, advertisements: [...refs].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, ref]) => ref) };
  };

function notSelected(ref: ObjectRef, node: string): ExplainedPeer {
  const cause = { ref, path: "spec.nodeSelectors" };
  const detail = `spec.nodeSelectors of ${refText(ref)} do not select node ${node}`;
  const failure: PeerFailure = { reason: "peerNotSelected", detail, cause };
  return { name: PeerName(ref.name), planned: null, routes: [], missing: [], failure };
}

function explainPeer(
  planned: PlannedPeer,
  decision: ServiceDecision,
  walk: ServiceWalk,
  routes: readonly ExplainedRoute[],
): ExplainedPeer {
  const missing = walk.ips
    .filter((ip) => !routes.some((r) => containsIp(r.prefix, ip)))
    .map((ip) => ({ vip: formatIp(ip), failure: whyMissing(planned, ip, decision, walk) }));
  const [first] = missing;
  const failure = routes.length > 0 ? null : (first?.failure ?? serviceFailure(decision));
  return { name: planned.name, planned, routes, missing: routes.length > 0 ? missing : [], failure };
}

/**
 * Why a peer gets no route of the service for its first address, where it gets none at all: without a look at other services.
 * @returns null: there is no such BGPPeer
 */
export function whyNotTo(
  service: ServiceObject,
  peer: string,
  store: StoreView,
  config: CompiledConfig,
  holds: HoldView = NO_HOLDS,
  sites: SiteView = POLICY_ALONE,
): PeerFailure | null {
  const planned = config.peers.find((p) => p.name === peer);
  if (planned === undefined) {
    const other = [...store.list("BGPPeer")].find((p) => p.ref.name === peer);
    return other === undefined ? null : notSelected(other.ref, config.node.name).failure;
  }
  const decision = decideService(service, store, config, holds, sites);
  const walk = walkRules(service, store, config, holds, sites);
  const [first] = walk.ips;
  return first === undefined ? serviceFailure(decision) : whyMissing(planned, first, decision, walk);
}

/** The service is not announced at all; the same for every peer. */
function serviceFailure({ reason, detail, cause }: ServiceDecision): PeerFailure | null {
  return reason === null || detail === null || cause === null ? null : { reason, detail, cause };
}

/** The first of the peer's own rules that fails for this address; `noPeers` is told peer by peer. */
function whyMissing(planned: PlannedPeer, ip: Ip, decision: ServiceDecision, walk: ServiceWalk): PeerFailure {
  const ofService = decision.reason === "noPeers" ? null : serviceFailure(decision);
  if (ofService !== null) return ofService;
  const { name, ref, config, problem, problemPath } = planned;
  if (config === null) {
    const detail = `BGPPeer ${name} runs no session: ${problem}`;
    return { reason: "peerNotUsed", detail, cause: { ref, path: problemPath ?? "" } };
  }
  const [first] = walk.matching;
  if (!walk.matching.some((a) => isMeant(a, planned))) {
    const detail = `spec.peers of ${listed(walk.matching.map((a) => refText(a.ref)))} does not name ${name}`;
    return { reason: "peerNotNamed", detail, cause: { ref: first?.ref ?? ref, path: "spec.peers" } };
  }
  const detail = `the session with ${name} carries ${config.families.join(" and ")}, not the family of ${formatIp(ip)}`;
  return { reason: "familyNotConfigured", detail, cause: { ref, path: FAMILY_PATH } };
}
