// Is this service announced on this node, with which prefixes, and if not, why? Owns the ordered checks of metallb-compat 2.4 and
// the way from addresses to prefixes (2.5). Must not know other services, sessions' states, or what was announced before.
// Contract: pure; the first failing check gives the reason, `detail` names the object and field that caused it. Steps 3, 7 and 8
// of the list are about state over time and do not exist in a level-triggered decision.
import {
  formatIp,
  formatPrefix,
  type Ip,
  ipv4,
  maxPrefixLength,
  type Prefix,
  parseIp,
  prefixOf,
} from "../kernel/ip.ts";
import { type ConfigProblem, problemAt, refKey, refText } from "../kernel/problem.ts";
import { listed } from "../kernel/suggest.ts";
import type { StoreView } from "../sources/store.ts";
import { settingPath } from "./annotations.ts";
import type { CompiledAdvertisement, CompiledConfig, Offer } from "./compiled.ts";
import { routeOf } from "./merge.ts";
import type { EndpointObject, ServiceObject } from "./model.ts";
import { findPool } from "./pools.ts";
import type { Reason } from "./reasons.ts";
import { EXCLUDE_LABEL, matchesAnyOrNone } from "./select.ts";

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
  /** Canonical text of the allocated addresses, once they are all valid. */
  readonly vips: readonly string[];
  /** Name of the pool that holds them all. */
  readonly pool: string | null;
  readonly contributions: readonly Contribution[];
  /** Of the Service's own annotations. */
  readonly problems: readonly ConfigProblem[];
}

const NONE: readonly never[] = [];

/** @param view for the EndpointSlices of the service. */
export function decideService(service: ServiceObject, view: StoreView, config: CompiledConfig): ServiceDecision {
  let vips: readonly string[] = NONE;
  let pool: string | null = null;
  const no = (reason: Reason, detail: string): ServiceDecision => ({
    announced: false,
    reason,
    detail,
    vips,
    pool,
    contributions: NONE,
    problems: NONE,
  });

  // the type first, so that a service that leaves LoadBalancer and loses its class is still handled
  if (service.type !== "LoadBalancer") return no("notLoadBalancer", `spec.type is ${service.type}`);
  const { lbClass } = config.options;
  if (service.loadBalancerClass !== (lbClass === "" ? null : lbClass)) {
    const served = lbClass === "" ? "Services without a class" : `"${lbClass}"`;
    const own = service.loadBalancerClass === null ? "not set" : `"${service.loadBalancerClass}"`;
    return no("otherLoadBalancerClass", `spec.loadBalancerClass is ${own}; this speaker serves ${served}`);
  }
  if (service.ingress.length === 0) return no("noIPAllocated", "status.loadBalancer.ingress is empty");

  const ips: Ip[] = [];
  for (const [i, { ip }] of service.ingress.entries()) {
    const parsed = ip === null ? null : parseVip(ip);
    const path = `status.loadBalancer.ingress[${i}]`;
    if (parsed === null)
      return no("invalidIP", ip === null ? `${path} has no ip` : `${path}.ip is no address: "${ip}"`);
    ips.push(parsed);
  }
  vips = ips.map(formatIp);

  const holders = ips.map((ip) => findPool(config.ranges, ip));
  const stray = holders.findIndex((p) => p === null || p !== holders[0]);
  if (stray >= 0) {
    const other = holders[stray];
    const detail =
      other == null ? "is in no IPAddressPool in force" : `is in IPAddressPool ${other}, not in ${holders[0]}`;
    return no("ipNotAllowed", `${vips[stray]} ${detail}`);
  }
  pool = holders[0] ?? null;
  const compiled = pool === null ? undefined : config.pools.get(pool);
  if (compiled === undefined) return no("internalError", `IPAddressPool ${pool} was not compiled`);

  if (compiled.notOwner !== null) return no("notOwner", compiled.notOwner);
  const matching = compiled.advertisements.filter((a) => matchesAnyOrNone(a.serviceSelectors, service.labels));
  if (matching.length === 0) {
    return no("noMatchingAdvertisement", `spec.serviceSelectors of ${refs(compiled.advertisements)} do not match`);
  }
  const conflict = compiled.conflicts.find(([a, b]) => matching.includes(a) && matching.includes(b));
  if (conflict !== undefined) {
    const text = conflict.map((a) => `spec.localPref ${a.localPref ?? "not set"} in ${refText(a.ref)}`).join(" and ");
    return no("conflictingAdvertisements", `${text} for the same prefixes and peers`);
  }

  const { node } = config;
  if (node.networkUnavailable) {
    return no("nodeNetworkUnavailable", `Node ${node.name} has condition NetworkUnavailable with status True`);
  }
  if (node.isExcluded) {
    return no("nodeLabeledExcludeBalancers", `Node ${node.name} has the label ${EXCLUDE_LABEL}`);
  }
  const isLocal = service.externalTrafficPolicy === "Local";
  if (!hasEndpoint(service, view, isLocal ? node.name : null)) {
    if (!isLocal) return no("noEndpoints", "no endpoint in the EndpointSlices of the Service is ready or serving");
    const where = `no ready or serving endpoint has nodeName ${node.name}`;
    return no("noLocalEndpoints", `spec.externalTrafficPolicy is Local and ${where}`);
  }

  const contributions = contribute(service, ips, matching);
  if (contributions.length === 0) return no("noPeers", whyNoPeers(config, matching));
  const problems = idleSettings(service, contributions);
  return { announced: true, reason: null, detail: null, vips, pool, contributions, problems };
}

/** An IPv4-mapped IPv6 address means the IPv4 address, as in Go's net.ParseIP. */
function parseVip(text: string): Ip | null {
  const ip = parseIp(text);
  if (ip === null || ip.version === 4) return ip;
  return ip.w0 === 0 && ip.w1 === 0 && ip.w2 === 0xffff ? ipv4(ip.w3) : ip;
}

const refs = (advertisements: readonly CompiledAdvertisement[]): string =>
  listed(advertisements.map((a) => refText(a.ref)));

/** metallb-compat 2.4: ready wins; nil counts as ready; terminating is not looked at. */
export const isUsable = (e: EndpointObject): boolean =>
  e.hasAddresses && (e.ready === null || e.ready || e.serving === true);

/** @param onNode null: anywhere. */
function hasEndpoint(service: ServiceObject, view: StoreView, onNode: string | null): boolean {
  for (const slice of view.slicesOf(service.key)) {
    for (const e of slice.endpoints) if ((onNode === null || e.nodeName === onNode) && isUsable(e)) return true;
  }
  return false;
}

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
      const prefix = prefixOf(ip, adv.length[ip.version]);
      const prefixKey = formatPrefix(prefix);
      // an aggregate stands for others too: what one Service says must not change it
      const offer = isHost(prefix) ? offerOf(service, compiled) : compiled;
      // two addresses under one aggregate are one contribution
      if (ips.length > 1 && contributions.some((c) => c.key === offer.key && c.prefixKey === prefixKey)) continue;
      contributions.push({ ...offer, prefix, prefixKey });
    }
  }
  return contributions;
}

const isHost = (prefix: Prefix): boolean => prefix.length === maxPrefixLength(prefix.version);

/** Annotations that change nothing, because all routes of the Service are aggregates. */
function idleSettings(
  { ref, settings }: ServiceObject,
  contributions: readonly Contribution[],
): readonly ConfigProblem[] {
  if (Object.keys(settings).length === 0 || contributions.some((c) => isHost(c.prefix))) return NONE;
  const where = listed([...new Set(contributions.map((c) => refText(c.advertisement)))]);
  const message = `has no effect: ${where} announces aggregates only, which are not this Service's alone`;
  const hint = "Annotate the BGPAdvertisement, or announce the addresses on their own as well.";
  return (["med", "asPathPrepend"] as const)
    .filter((setting) => settings[setting] !== undefined)
    .map((setting) => problemAt(ref, settingPath(setting), message, hint, "warning"));
}

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
  const key = `${offer.compiledKey} ${JSON.stringify([refKey(ref), settings])}`;
  return { ...offer, asked, attributes: routeOf(asked), setBy, key };
}

function whyNoPeers(config: CompiledConfig, advertisements: readonly CompiledAdvertisement[]): string {
  if (config.peers.length === 0) return `no BGPPeer selects node ${config.node.name}`;
  const meant = config.peers.filter((p) =>
    advertisements.some((a) => a.peers.length === 0 || a.peers.includes(p.name)),
  );
  if (meant.length === 0) return `spec.peers of ${refs(advertisements)} names no BGPPeer of node ${config.node.name}`;
  const broken = meant.filter((p) => p.config === null);
  const [first] = broken;
  if (first !== undefined && broken.length === meant.length)
    return `BGPPeer ${first.name} runs no session: ${first.problem}`;
  return `no session of ${listed(meant.map((p) => p.name))} carries the family of the addresses (see spec.dualStackAddressFamily)`;
}

/** Same outcome in every respect an observer can see. */
export function decisionsEqual(a: ServiceDecision | undefined, b: ServiceDecision | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.reason === b.reason &&
    a.detail === b.detail &&
    a.pool === b.pool &&
    a.vips.length === b.vips.length &&
    a.vips.every((vip, i) => vip === b.vips[i]) &&
    (a.problems.length + b.problems.length === 0 || JSON.stringify(a.problems) === JSON.stringify(b.problems)) &&
    a.contributions.length === b.contributions.length &&
    a.contributions.every((c, i) => c.key === b.contributions[i]?.key && c.prefixKey === b.contributions[i]?.prefixKey)
  );
}
