// SitePolicies as one node sees them: references to peers and communities resolved, and which policy governs a Service. Owns what
// needs more than one object to judge. Must not know claims, or what other sites do. Contract: pure. A reference that leads
// nowhere is told and left out, and the policy stays in force: without it every site would announce.
import { type ConfigProblem, problemOf, refKey, refText } from "../kernel/problem.ts";
import { type KnownNames, unknownIn } from "./advertisements.ts";
import { compareAge } from "./age.ts";
import { type Aliases, resolveAll, type UsedAliases } from "./aliases.ts";
import { type CommunityValue, sortCommunities, uniteLarge, uniteStandard } from "./communities.ts";
import type { AskedAttributes, Offer, PlannedPeer } from "./compiled.ts";
import { routeOf } from "./merge.ts";
import { say } from "./messages.ts";
import type { Labels, SiteEncoding, SitePolicyObject } from "./model.ts";
import { matchesAnyOrNone } from "./select.ts";
import type { CompiledEncoding, CompiledSitePolicy } from "./siteGate.ts";

/** Peers that a policy names as witnesses keep what they receive, without an annotation of their own. */
export function keepingForWitnesses(
  peers: readonly PlannedPeer[],
  policies: readonly SitePolicyObject[],
): readonly PlannedPeer[] {
  const named = new Set(policies.flatMap((p) => p.witnesses));
  if (named.size === 0) return peers;
  return peers.map((peer) =>
    peer.config === null || !named.has(peer.name) ? peer : { ...peer, config: { ...peer.config, keepReceived: true } },
  );
}

export interface CompiledSitePolicies {
  readonly policies: readonly CompiledSitePolicy[];
  /** What the aliases that they name stand for. */
  readonly usedAliases: UsedAliases;
  readonly problems: readonly ConfigProblem[];
}

/** @param objects those that select this node @param peers of this node */
export function compileSitePolicies(
  objects: readonly SitePolicyObject[],
  peers: readonly PlannedPeer[],
  aliases: Aliases,
  known: Pick<KnownNames, "pools" | "peers">,
): CompiledSitePolicies {
  const problems: ConfigProblem[] = [];
  const policies: CompiledSitePolicy[] = [];
  const usedAliases = new Map<string, ReadonlyMap<string, CommunityValue>>();
  for (const object of [...objects].sort(compareAge)) {
    const older = policies.find((p) => selectsAll(p.object));
    if (older !== undefined) {
      const said = say("sameSiteServices", { older: refText(older.object.ref) });
      problems.push(problemOf(object.ref, "spec.selector", said, "warning"));
    }
    const used = new Map<string, CommunityValue>();
    usedAliases.set(refKey(object.ref), used);
    policies.push(compilePolicy(object, peers, aliases, known, used, problems));
  }
  return { policies, usedAliases, problems };
}

const selectsAll = ({ serviceSelectors, ipAddressPools }: SitePolicyObject): boolean =>
  serviceSelectors.length === 0 && ipAddressPools.length === 0;

function compilePolicy(
  object: SitePolicyObject,
  peers: readonly PlannedPeer[],
  aliases: Aliases,
  known: Pick<KnownNames, "pools" | "peers">,
  used: Map<string, CommunityValue>,
  problems: ConfigProblem[],
): CompiledSitePolicy {
  const { ref } = object;
  problems.push(
    ...unknownIn(ref, "spec.witnesses", object.witnesses, known.peers, "BGPPeer"),
    ...unknownIn(ref, "spec.selector.ipAddressPools", object.ipAddressPools, known.pools, "IPAddressPool"),
  );
  const isNamed = object.witnesses.length > 0;
  const witnesses = peers
    .filter((p) => (isNamed ? object.witnesses.includes(p.name) : p.config?.keepReceived === true))
    .map((p) => p.name);
  const quorum = object.quorum ?? Math.floor(witnesses.length / 2) + 1;
  if (object.quorum !== null && quorum > witnesses.length) {
    problems.push(problemOf(ref, "spec.quorum", say("fewWitnesses", { quorum, count: witnesses.length }), "warning"));
  }
  const encode = (encoding: SiteEncoding, path: string): CompiledEncoding => {
    const resolved = resolveAll(ref, `${path}.communities`, encoding.communities, aliases);
    problems.push(...resolved.problems, ...resolved.kept);
    for (const [name, value] of resolved.used) used.set(name, value);
    const { localPref, med, asPathPrepend } = encoding;
    return { ...sortCommunities(resolved.values), localPref, med, asPathPrepend };
  };
  const ranks = object.rankEncoding
    .map(({ rank, ...encoding }, i) => ({ rank, encoding: encode(encoding, `spec.rankEncoding[${i}]`) }))
    .sort((a, b) => a.rank - b.rank);
  const standby = encode(object.standbyEncoding, "spec.standbyEncoding");
  if (object.whenNotPreferred === "deprioritize" && isNothing(standby)) {
    problems.push(problemOf(ref, "spec.standbyEncoding", say("standbyAsServing"), "warning"));
  }
  const { createdAt: _, order: __, labels: ___, ...spec } = object;
  const text = JSON.stringify([spec, witnesses, quorum, ranks, standby]);
  return { key: `${ref.namespace ?? ""}/${ref.name}`, object, witnesses, quorum, ranks, standby, text };
}

const isNothing = (e: CompiledEncoding): boolean =>
  e.communities.length + e.largeCommunities.length === 0 && (e.localPref ?? e.med ?? e.asPathPrepend) === null;

/** The policy that governs a Service; null: none, and it is announced as without SitePolicies. */
export function governing(
  policies: readonly CompiledSitePolicy[],
  labels: Labels,
  pool: string | null,
): CompiledSitePolicy | null {
  const found = policies.find(
    ({ object: { serviceSelectors, ipAddressPools } }) =>
      matchesAnyOrNone(serviceSelectors, labels) &&
      (ipAddressPools.length === 0 || (pool !== null && ipAddressPools.includes(pool))),
  );
  return found ?? null;
}

/** The offer with what a SitePolicy adds to it. */
export function withSite(offer: Offer, policy: string, adds: CompiledEncoding): Offer {
  const { asked } = offer;
  const changed: AskedAttributes = {
    ...asked,
    localPref: adds.localPref ?? asked.localPref,
    med: adds.med ?? asked.med,
    asPathPrepend: adds.asPathPrepend ?? asked.asPathPrepend,
    communities: uniteStandard([asked.communities, adds.communities]),
    largeCommunities: uniteLarge([asked.largeCommunities, adds.largeCommunities]),
  };
  return {
    ...offer,
    asked: changed,
    attributes: routeOf(changed),
    key: `${offer.key} ${policy} ${JSON.stringify(adds)}`,
  };
}
