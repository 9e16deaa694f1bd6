// Is this service announced on this node, with which prefixes, and if not, why? Owns the ordered checks of metallb-compat 2.4 and
// the way from addresses to prefixes (2.5). Must not know other services, sessions' states, or what was announced before.
// Contract: pure; the first failing check gives the reason, `detail` names the object and field that caused it. Steps 3, 7 and 8
// of the list are about state over time and do not exist in a level-triggered decision.
import {
  formatIp,
  formatPrefix,
  type Ip,
  type IpVersion,
  ipv4,
  maxPrefixLength,
  type Prefix,
  parseIp,
  prefixOf,
} from "../kernel/ip.ts";
import { type ConfigProblem, type ObjectRef, problemOf, refKey, refText } from "../kernel/problem.ts";
import { listed } from "../kernel/suggest.ts";
import type { Millis } from "../kernel/units.ts";
import type { StoreView } from "../sources/store.ts";
import { settingPath } from "./annotations.ts";
import type { CompiledAdvertisement, CompiledConfig, CompiledPool, Offer, PlannedPeer } from "./compiled.ts";
import { type HoldView, NO_HOLDS, type ReadinessKind, readinessOf } from "./holds.ts";
import { routeOf } from "./merge.ts";
import { say } from "./messages.ts";
import type { ServiceObject } from "./model.ts";
import { findPool } from "./pools.ts";
import type { Reason } from "./reasons.ts";
import { EXCLUDE_LABEL, matchesAnyOrNone } from "./select.ts";
import { type GovernedPrefix, POLICY_ALONE, type SiteView } from "./siteGate.ts";
import { governing, withSite } from "./sitePolicies.ts";

/** One prefix as one advertisement offers it on behalf of a service; `peers` is never empty. */
export interface Contribution extends Offer {
  readonly prefix: Prefix;
  /** Canonical text of `prefix`. */
  readonly prefixKey: string;
}

export interface ServiceDecision {
  readonly announced: boolean;
  /** null exactly when announced. */
  readonly reason: Reason | null;
  /** For operators: which object and field; null exactly when announced. */
  readonly detail: string | null;
  /** The same as data; null exactly when announced. */
  readonly cause: Cause | null;
  /** Canonical text of the allocated addresses, once they are all valid. */
  readonly vips: readonly string[];
  /** Name of the pool that holds them all. */
  readonly pool: string | null;
  readonly contributions: readonly Contribution[];
  /** Of the Service's own annotations. */
  readonly problems: readonly ConfigProblem[];
  /** Monotonic moment at which a delay of its annotations will change this by itself; absent: nothing is delayed. */
  readonly heldUntil?: Millis;
  /** Prefixes that could be announced and are up to a SitePolicy; absent: none. */
  readonly governed?: readonly GovernedPrefix[];
}

/** The first rule that fails: its word, what it saw, and the object and field that an operator has to look at. */
export interface Failure {
  readonly reason: Reason;
  readonly detail: string;
  readonly cause: Cause;
}

export interface Cause {
  readonly ref: ObjectRef;
  /** Field path from the object's root; empty: the object as a whole. */
  readonly path: string;
}

/** A rule with its answer for one service; null: not asked, because an earlier one failed. */
export interface RuleStep {
  /** What holds where the rule passes. */
  readonly claim: string;
  readonly passed: boolean | null;
}

const NONE: readonly never[] = [];

/** What the rules know of a service and find out for each other. */
interface Case {
  readonly service: ServiceObject;
  readonly view: StoreView;
  readonly config: CompiledConfig;
  readonly holds: HoldView;
  readonly sites: SiteView;
  ips: readonly Ip[];
  /** Those of `ips` with an endpoint that can take the traffic. */
  served: readonly Ip[];
  heldUntil: Millis | null;
  vips: readonly string[];
  pool: string | null;
  compiled: CompiledPool | null;
  matching: readonly CompiledAdvertisement[];
  contributions: readonly Contribution[];
  governed: readonly GovernedPrefix[];
}

interface Rule {
  readonly claim: string;
  /** null: it passes. */
  readonly check: (c: Case) => Failure | null;
}

const fail = (reason: Reason, detail: string, ref: ObjectRef, path: string): Failure => ({
  reason,
  detail,
  cause: { ref, path },
});

/** In the order in which they are asked; a later one may rely on what an earlier one found. */
const RULES: readonly Rule[] = [
  // the type first, so that a service that leaves LoadBalancer and loses its class is still handled
  { claim: "the Service is of type LoadBalancer", check: checkType },
  { claim: "its load-balancer class is the one this speaker serves", check: checkClass },
  { claim: "it has addresses", check: checkAllocated },
  { claim: "its addresses are valid", check: checkAddresses },
  { claim: "one IPAddressPool holds them all", check: checkPool },
  { claim: "a BGPAdvertisement of the pool selects this node", check: checkOwner },
  { claim: "one of these selects the Service", check: checkAdvertisements },
  { claim: "these do not contradict each other", check: checkConflicts },
  { claim: "the network of the node is available", check: checkNetwork },
  { claim: "the node is not excluded from load balancers", check: checkExclusion },
  { claim: "the node is not drained", check: checkDrain },
  { claim: "an endpoint can take the traffic", check: checkEndpoints },
  { claim: "a peer of this node gets one of the prefixes", check: checkPeers },
  { claim: "its SitePolicy, if any, lets this site announce it", check: checkSite },
];

/**
 * @param view for the EndpointSlices of the service
 * @param holds what counts as ready at the moment in question; without it the delays of annotations are over
 * @param sites what other sites let this one announce; without it what SitePolicies say on their own
 */
export function decideService(
  service: ServiceObject,
  view: StoreView,
  config: CompiledConfig,
  holds: HoldView = NO_HOLDS,
  sites: SiteView = POLICY_ALONE,
): ServiceDecision {
  const c = newCase(service, view, config, holds, sites);
  const failure = firstFailure(c);
  const { vips, pool } = c;
  const held = {
    ...(c.heldUntil === null ? {} : { heldUntil: c.heldUntil }),
    ...(c.governed.length === 0 ? {} : { governed: c.governed }),
  };
  if (failure !== null) {
    return { announced: false, ...failure, vips, pool, contributions: NONE, problems: NONE, ...held };
  }
  const { contributions } = c;
  const problems = idleSettings(service, contributions);
  return { announced: true, reason: null, detail: null, cause: null, vips, pool, contributions, problems, ...held };
}

function firstFailure(c: Case): Failure | null {
  for (const { check } of RULES) {
    const failure = check(c);
    if (failure !== null) return failure;
  }
  return null;
}

/** A decision and how it came about. */
export interface ServiceWalk {
  readonly steps: readonly RuleStep[];
  /** Addresses of the Service; empty before they are known to be valid. */
  readonly ips: readonly Ip[];
  /** Advertisements that select pool, node and Service; empty before that is known. */
  readonly matching: readonly CompiledAdvertisement[];
}

/** The same walk, rule by rule, for people. */
export function walkRules(
  service: ServiceObject,
  view: StoreView,
  config: CompiledConfig,
  holds: HoldView = NO_HOLDS,
  sites: SiteView = POLICY_ALONE,
): ServiceWalk {
  const c = newCase(service, view, config, holds, sites);
  let isOver = false;
  const steps = RULES.map(({ claim, check }) => {
    if (isOver) return { claim, passed: null };
    isOver = check(c) !== null;
    return { claim, passed: !isOver };
  });
  return { steps, ips: c.ips, matching: c.matching };
}

const newCase = (
  service: ServiceObject,
  view: StoreView,
  config: CompiledConfig,
  holds: HoldView,
  sites: SiteView,
): Case => ({
  service,
  view,
  config,
  holds,
  sites,
  ips: NONE,
  served: NONE,
  heldUntil: null,
  vips: NONE,
  pool: null,
  compiled: null,
  matching: NONE,
  contributions: NONE,
  governed: NONE,
});

function checkType({ service: { ref, type } }: Case): Failure | null {
  return type === "LoadBalancer" ? null : fail("notLoadBalancer", `spec.type is ${type}`, ref, "spec.type");
}

function checkClass({ service: { ref, loadBalancerClass }, config }: Case): Failure | null {
  const { lbClass } = config.options;
  if (loadBalancerClass === (lbClass === "" ? null : lbClass)) return null;
  const served = lbClass === "" ? "Services without a class" : `"${lbClass}"`;
  const own = loadBalancerClass === null ? "not set" : `"${loadBalancerClass}"`;
  const detail = `spec.loadBalancerClass is ${own}; this speaker serves ${served}`;
  return fail("otherLoadBalancerClass", detail, ref, "spec.loadBalancerClass");
}

const INGRESS = "status.loadBalancer.ingress";

function checkAllocated({ service: { ref, ingress } }: Case): Failure | null {
  return ingress.length > 0 ? null : fail("noIPAllocated", `${INGRESS} is empty`, ref, INGRESS);
}

function checkAddresses(c: Case): Failure | null {
  const { ref, ingress } = c.service;
  const ips: Ip[] = [];
  for (const [i, { ip }] of ingress.entries()) {
    const parsed = ip === null ? null : parseVip(ip);
    const path = `${INGRESS}[${i}]`;
    if (ip === null) return fail("invalidIP", `${path} has no ip`, ref, path);
    if (parsed === null) return fail("invalidIP", `${path}.ip is no address: "${ip}"`, ref, `${path}.ip`);
    ips.push(parsed);
  }
  c.ips = ips;
  c.vips = ips.map(formatIp);
  return null;
}

function checkPool(c: Case): Failure | null {
  const { config, service, ips } = c;
  const holders = ips.map((ip) => findPool(config.ranges, ip));
  const stray = holders.findIndex((p) => p === null || p !== holders[0]);
  const path = `${INGRESS}[${Math.max(stray, 0)}].ip`;
  if (stray >= 0) {
    const other = holders[stray];
    const detail =
      other == null ? "is in no IPAddressPool in force" : `is in IPAddressPool ${other}, not in ${holders[0]}`;
    return fail("ipNotAllowed", `${c.vips[stray]} ${detail}`, service.ref, path);
  }
  c.pool = holders[0] ?? null;
  c.compiled = (c.pool === null ? undefined : config.pools.get(c.pool)) ?? null;
  return c.compiled !== null
    ? null
    : fail("internalError", `IPAddressPool ${c.pool} was not compiled`, service.ref, path);
}

function checkOwner({ compiled }: Case): Failure | null {
  return compiled === null || compiled.notOwner === null ? null : { reason: "notOwner", ...compiled.notOwner };
}

function checkAdvertisements(c: Case): Failure | null {
  const advertisements = c.compiled?.advertisements ?? NONE;
  c.matching = advertisements.filter((a) => matchesAnyOrNone(a.serviceSelectors, c.service.labels));
  if (c.matching.length > 0) return null;
  const detail = `spec.serviceSelectors of ${refs(advertisements)} do not match`;
  return fail("noMatchingAdvertisement", detail, advertisements[0]?.ref ?? c.service.ref, "spec.serviceSelectors");
}

function checkConflicts({ compiled, matching }: Case): Failure | null {
  const conflict = compiled?.conflicts.find(([a, b]) => matching.includes(a) && matching.includes(b));
  if (conflict === undefined) return null;
  const text = conflict.map((a) => `spec.localPref ${a.localPref ?? "not set"} in ${refText(a.ref)}`).join(" and ");
  const detail = `${text} for the same prefixes and peers`;
  return fail("conflictingAdvertisements", detail, conflict[1].ref, "spec.localPref");
}

const nodeRef = (name: string): ObjectRef => ({ kind: "Node", namespace: null, name });

function checkNetwork({ config: { node } }: Case): Failure | null {
  if (!node.networkUnavailable) return null;
  const detail = `Node ${node.name} has condition NetworkUnavailable with status True`;
  return fail("nodeNetworkUnavailable", detail, nodeRef(node.name), "status.conditions");
}

function checkExclusion({ config: { node } }: Case): Failure | null {
  if (!node.isExcluded) return null;
  const detail = `Node ${node.name} has the label ${EXCLUDE_LABEL}`;
  return fail("nodeLabeledExcludeBalancers", detail, nodeRef(node.name), "metadata.labels");
}

function checkDrain({ config: { node } }: Case): Failure | null {
  return node.drained === null ? null : fail("nodeDrained", node.drained, nodeRef(node.name), "");
}

function checkEndpoints(c: Case): Failure | null {
  const { service, view, ips, compiled } = c;
  const { node } = c.config;
  const isFamilyRequired = service.settings.requireFamilyEndpoints ?? compiled?.requiresFamilyEndpoints ?? false;
  const kindOf = (ip: Ip): ReadinessKind => (isFamilyRequired ? ip.version : "any");
  const ready = readinessOf(service, view, node.name);
  const held = c.holds(service.key);
  c.served = ips.filter((ip) => held?.[kindOf(ip)].counts ?? ready[kindOf(ip)]);
  if (held !== null) c.heldUntil = earliest(ips.map((ip) => held[kindOf(ip)].until));
  if (c.served.length > 0) return null;
  if (ips.some((ip) => ready[kindOf(ip)])) {
    const detail = "endpoints are ready, but not yet for as long as vipcast.io/announce-delay asks for";
    return fail("announceDelayed", detail, service.ref, settingPath("announceDelay"));
  }
  if (isFamilyRequired && ready.any) {
    const families = [...new Set(ips.map((ip) => `IPv${ip.version}`))].join(" or ");
    const detail = `no endpoint of family ${families} is ready or serving, and vipcast.io/require-family-endpoints is set`;
    const isOwn = service.settings.requireFamilyEndpoints !== undefined;
    const ref = isOwn ? service.ref : (compiled?.ref ?? service.ref);
    return fail("noFamilyEndpoints", detail, ref, settingPath("requireFamilyEndpoints"));
  }
  if (service.externalTrafficPolicy !== "Local") {
    return fail("noEndpoints", "no endpoint in the EndpointSlices of the Service is ready or serving", service.ref, "");
  }
  const detail = `spec.externalTrafficPolicy is Local and no ready or serving endpoint has nodeName ${node.name}`;
  return fail("noLocalEndpoints", detail, service.ref, "spec.externalTrafficPolicy");
}

const earliest = (moments: readonly (Millis | null)[]): Millis | null =>
  moments.reduce((a, b) => (a === null || (b !== null && b < a) ? b : a), null);

function checkPeers(c: Case): Failure | null {
  c.contributions = contribute(c.service, c.served, c.matching);
  return c.contributions.length > 0 ? null : whyNoPeers(c.config, c.matching);
}

function checkSite(c: Case): Failure | null {
  const { sitePolicies } = c.config;
  if (sitePolicies.length === 0) return null;
  const policy = governing(sitePolicies, c.service.labels, c.pool);
  if (policy === null) return null;
  const prefixes = new Map(c.contributions.map(({ prefix, prefixKey }) => [prefixKey, prefix]));
  c.governed = [...prefixes].map(([prefixKey, prefix]) => ({ policy: policy.key, prefixKey, prefix }));
  const outcomes = new Map(c.governed.map(({ prefixKey }) => [prefixKey, c.sites(policy, prefixKey)]));
  c.contributions = c.contributions.flatMap((offered) => {
    const outcome = outcomes.get(offered.prefixKey);
    return outcome?.announces === true ? [{ ...offered, ...withSite(offered, policy.key, outcome.adds) }] : [];
  });
  if (c.contributions.length > 0) return null;
  for (const outcome of outcomes.values()) {
    if (!outcome.announces) return fail(outcome.reason, outcome.detail, policy.object.ref, "spec");
  }
  return null;
}

/** An IPv4-mapped IPv6 address means the IPv4 address, as in Go's net.ParseIP. */
export function parseVip(text: string): Ip | null {
  const ip = parseIp(text);
  if (ip === null || ip.version === 4) return ip;
  return ip.w0 === 0 && ip.w1 === 0 && ip.w2 === 0xffff ? ipv4(ip.w3) : ip;
}

const refs = (advertisements: readonly CompiledAdvertisement[]): string =>
  listed(advertisements.map((a) => refText(a.ref)));

function contribute(
  service: ServiceObject,
  ips: readonly Ip[],
  advertisements: readonly CompiledAdvertisement[],
): readonly Contribution[] {
  const contributions: Contribution[] = [];
  for (const adv of advertisements) {
    for (const ip of ips) {
      const compiled = adv.offer[ip.version];
      if (compiled.peers.length === 0) continue;
      for (const length of lengthsOf(adv, service, ip.version)) {
        const prefix = prefixOf(ip, length);
        const prefixKey = formatPrefix(prefix);
        // an aggregate stands for others too: what one Service says must not change it
        const offer = isHost(prefix) ? offerOf(service, compiled) : compiled;
        // two addresses under one aggregate are one contribution
        if (ips.length > 1 && contributions.some((c) => c.key === offer.key && c.prefixKey === prefixKey)) continue;
        contributions.push(contributionOf(offer, prefix, prefixKey));
      }
    }
  }
  return contributions;
}

/** The aggregate, and with policy Local the address itself where that is asked for. */
function lengthsOf(adv: CompiledAdvertisement, service: ServiceObject, version: IpVersion): readonly number[] {
  const length = adv.length[version];
  const host = maxPrefixLength(version);
  const isLocal = service.externalTrafficPolicy === "Local";
  return adv.hasLocalMoreSpecifics && isLocal && length < host ? [length, host] : [length];
}

const isHost = (prefix: Prefix): boolean => prefix.length === maxPrefixLength(prefix.version);

/** Annotations that change nothing, because all routes of the Service are aggregates. */
function idleSettings(
  { ref, settings }: ServiceObject,
  contributions: readonly Contribution[],
): readonly ConfigProblem[] {
  if (Object.keys(settings).length === 0 || contributions.some((c) => isHost(c.prefix))) return NONE;
  const where = listed([...new Set(contributions.map((c) => refText(c.advertisement)))]);
  return (["med", "asPathPrepend"] as const)
    .filter((setting) => settings[setting] !== undefined)
    .map((setting) => problemOf(ref, settingPath(setting), say("aggregatesOnly", { where }), "warning"));
}

/** Field by field: V8 gives every result of a spread a shape of its own, three times the memory, and there is one for each Service. */
const contributionOf = (offer: Offer, prefix: Prefix, prefixKey: string): Contribution => ({
  advertisement: offer.advertisement,
  asked: offer.asked,
  attributes: offer.attributes,
  setBy: offer.setBy,
  peers: offer.peers,
  key: offer.key,
  compiledKey: offer.compiledKey,
  prefix,
  prefixKey,
});

/** The offer with the values that the Service's annotations set in place of the advertisement's. */
function offerOf({ ref, settings }: ServiceObject, offer: Offer): Offer {
  const { med, asPathPrepend } = settings;
  if (med === undefined && asPathPrepend === undefined) return offer;
  const asked = {
    ...offer.asked,
    med: med ?? offer.asked.med,
    asPathPrepend: asPathPrepend ?? offer.asked.asPathPrepend,
  };
  const setBy = {
    med: med === undefined ? offer.setBy.med : ref,
    asPathPrepend: asPathPrepend === undefined ? offer.setBy.asPathPrepend : ref,
  };
  // the Service is part of the key, because a problem with its values names it
  const key = `${offer.compiledKey} ${JSON.stringify([refKey(ref), med, asPathPrepend])}`;
  return { ...offer, asked, attributes: routeOf(asked), setBy, key };
}

function whyNoPeers(config: CompiledConfig, advertisements: readonly CompiledAdvertisement[]): Failure {
  const { node, peers } = config;
  const no = (detail: string, ref: ObjectRef, path: string): Failure => fail("noPeers", detail, ref, path);
  if (peers.length === 0) return no(`no BGPPeer selects node ${node.name}`, nodeRef(node.name), "metadata.labels");
  const meant = peers.filter((p) => advertisements.some((a) => isMeant(a, p)));
  if (meant.length === 0) {
    const detail = `spec.peers of ${refs(advertisements)} names no BGPPeer of node ${node.name}`;
    return no(detail, advertisements[0]?.ref ?? nodeRef(node.name), "spec.peers");
  }
  const broken = meant.filter((p) => p.config === null);
  const [first] = broken;
  if (first !== undefined && broken.length === meant.length) {
    return no(`BGPPeer ${first.name} runs no session: ${first.problem}`, first.ref, first.problemPath ?? "");
  }
  const detail = `no session of ${listed(meant.map((p) => p.name))} carries the family of the addresses (see spec.dualStackAddressFamily)`;
  return no(detail, (meant.find((p) => p.config !== null) ?? meant[0])?.ref ?? nodeRef(node.name), FAMILY_PATH);
}

/** Does the advertisement's list of peers include this one? */
export const isMeant = (a: Pick<CompiledAdvertisement, "peers">, peer: Pick<PlannedPeer, "name">): boolean =>
  a.peers.length === 0 || a.peers.includes(peer.name);

/** The field that adds a family to a session. */
export const FAMILY_PATH = "spec.dualStackAddressFamily";

/** Same outcome in every respect an observer can see. */
export function decisionsEqual(a: ServiceDecision | undefined, b: ServiceDecision | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.reason === b.reason &&
    a.detail === b.detail &&
    a.heldUntil === b.heldUntil &&
    causesEqual(a.cause, b.cause) &&
    a.pool === b.pool &&
    a.vips.length === b.vips.length &&
    a.vips.every((vip, i) => vip === b.vips[i]) &&
    governedEqual(a.governed, b.governed) &&
    (a.problems.length + b.problems.length === 0 || JSON.stringify(a.problems) === JSON.stringify(b.problems)) &&
    a.contributions.length === b.contributions.length &&
    a.contributions.every((c, i) => c.key === b.contributions[i]?.key && c.prefixKey === b.contributions[i]?.prefixKey)
  );
}

const governedEqual = (a: ServiceDecision["governed"] = NONE, b: ServiceDecision["governed"] = NONE): boolean =>
  a.length === b.length && a.every((g, i) => g.policy === b[i]?.policy && g.prefixKey === b[i]?.prefixKey);

const causesEqual = (a: Cause | null, b: Cause | null): boolean =>
  a === b || (a !== null && b !== null && a.path === b.path && refKey(a.ref) === refKey(b.ref));
