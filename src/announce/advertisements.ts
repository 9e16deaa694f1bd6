// BGPAdvertisement objects against what they refer to: pools, peers, communities. Owns the pool check of aggregation lengths
// (metallb-compat 1.3) and the conflict rule for LOCAL_PREF (2.6). Must not know nodes or sessions. Contract: a version with any error
// is not used (for a pool, where the error is about that pool alone and no version before it was used there); the last good one is,
// where there is one (lastGood.ts); every error is listed.
import { type ConfigProblem, type ObjectRef, problemOf, refKey, withLastGood } from "../kernel/problem.ts";
import { nameHint } from "../kernel/suggest.ts";
import { type Aliases, NONE_USED, type Resolved, resolveAll } from "./aliases.ts";
import { type CommunityValue, sortCommunities } from "./communities.ts";
import type { AskedAttributes } from "./compiled.ts";
import type { Candidate } from "./lastGood.ts";
import { say } from "./messages.ts";
import type { BGPAdvertisementObject, IPAddressPoolObject } from "./model.ts";
import { hasFamily } from "./pools.ts";
import { matchesAny } from "./select.ts";

/** An advertisement with its references resolved. */
export interface CheckedAdvertisement {
  /** The version that counts. */
  readonly object: BGPAdvertisementObject;
  /** Pools in force it is used for: those it applies to, but for the ones whose entries its aggregates are too wide for. */
  readonly pools: ReadonlySet<IPAddressPoolObject>;
  readonly attributes: AskedAttributes;
  /** Not used at all; then there was no good version before. */
  readonly isOut: boolean;
  /** What the aliases of `object` stand for, also those that keep their last value; empty when it is out. */
  readonly used: ReadonlyMap<string, CommunityValue>;
  readonly problems: readonly ConfigProblem[];
}

/** Names there are, whether or not the objects are in force: an unknown one is a slip, the others have their own problem. */
export interface KnownNames {
  readonly pools: readonly string[];
  readonly peers: readonly string[];
}

/** Both pool lists empty: every pool; else the union of names and label matches. */
export function appliesToPool(adv: BGPAdvertisementObject, pool: IPAddressPoolObject): boolean {
  if (adv.ipAddressPools.length === 0 && adv.ipAddressPoolSelectors.length === 0) return true;
  return adv.ipAddressPools.includes(pool.ref.name) || matchesAny(adv.ipAddressPoolSelectors, pool.labels);
}

/**
 * The newest version; or the last good one, with what its aliases stood for, where the newest is out or its aggregates are too wide
 * for a pool that the last one is used for.
 */
export function checkAdvertisement(
  { newest, last }: Candidate<BGPAdvertisementObject>,
  pools: readonly IPAddressPoolObject[],
  aliases: Aliases,
  known: KnownNames,
): CheckedAdvertisement {
  const checked = checkVersion(newest, pools, aliases, known);
  if (last === null || checked.problems.every((p) => p.severity !== "error")) return checked;
  const values = aliases.used.get(refKey(newest.ref)) ?? new Map();
  const kept = checkVersion(last, pools, { ...aliases, values }, known);
  const losesPool = [...kept.pools].some((pool) => appliesToPool(newest, pool) && !checked.pools.has(pool));
  if (!checked.isOut && !losesPool) return checked;
  const refused = checked.problems.map((p) => (p.severity === "error" ? withLastGood(p) : p));
  return { ...kept, problems: [...refused, ...kept.problems] };
}

function checkVersion(
  object: BGPAdvertisementObject,
  allPools: readonly IPAddressPoolObject[],
  aliases: Aliases,
  known: KnownNames,
): CheckedAdvertisement {
  const applying = allPools.filter((pool) => appliesToPool(object, pool));
  const tooWide = new Map(applying.map((pool) => [pool, aggregationProblems(object, pool)]));
  const resolve = (by: Aliases): Resolved => resolveAll(object.ref, "spec.communities", object.communities, by);
  const named = resolve(aliases);
  const isOut = named.problems.length > 0;
  // what is out for another reason has no value in force that it could keep
  const communities = isOut ? resolve({ ...aliases, used: NONE_USED }) : named;
  const attributes: AskedAttributes = {
    nextHop: "self",
    localPref: object.localPref,
    med: object.settings.med ?? null,
    asPathPrepend: object.settings.asPathPrepend ?? null,
    linkBandwidth: null,
    ...sortCommunities(communities.values),
  };
  return {
    object,
    pools: new Set(applying.filter((pool) => tooWide.get(pool)?.length === 0)),
    attributes,
    isOut,
    used: isOut ? new Map() : communities.used,
    // what only keeps its value comes last: it is no reason for not being used
    problems: [
      ...unknownNames(object, known),
      ...communities.problems,
      ...[...tooWide.values()].flat(),
      ...communities.kept,
    ],
  };
}

function unknownNames({ ref, ipAddressPools, peers }: BGPAdvertisementObject, known: KnownNames): ConfigProblem[] {
  return [
    ...unknownIn(ref, "spec.ipAddressPools", ipAddressPools, known.pools, "IPAddressPool"),
    ...unknownIn(ref, "spec.peers", peers, known.peers, "BGPPeer"),
  ];
}

/** A warning for each name of a list that no object has. */
export function unknownIn(
  ref: ObjectRef,
  path: string,
  names: readonly string[],
  there: readonly string[],
  kind: string,
): ConfigProblem[] {
  return names.flatMap((name, i) => {
    if (there.includes(name)) return [];
    const said = say("unknownName", { kind, name }, nameHint(name, there, kind));
    return [problemOf(ref, `${path}[${i}]`, said, "warning")];
  });
}

/**
 * metallb-compat 1.3: an aggregate must not be shorter than the shortest mask of an entry of its pool. Such a pool is not
 * announced by the advertisement; its other pools are (docs/adr/0005): a pool that is added must not withdraw others.
 */
function aggregationProblems(adv: BGPAdvertisementObject, pool: IPAddressPoolObject): ConfigProblem[] {
  return pool.addresses.flatMap(({ first, shortestMask, text }) => {
    const [field, length] =
      first.version === 4
        ? ["aggregationLength", adv.aggregationLength]
        : ["aggregationLengthV6", adv.aggregationLengthV6];
    if (length >= shortestMask) return [];
    const where = `${text} in IPAddressPool ${pool.ref.name}`;
    return [problemOf(adv.ref, `spec.${field}`, say("aggregateTooWide", { length, mask: shortestMask, where }))];
  });
}

/**
 * Would the two give one prefix of this pool different LOCAL_PREFs at one peer (metallb-compat 2.6; the nodes are taken care of
 * by the caller)? As in MetalLB the families of the pool count, not those of the service, and "not set" differs from a value.
 */
export function conflictOnPool(
  a: BGPAdvertisementObject,
  b: BGPAdvertisementObject,
  pool: IPAddressPoolObject,
): boolean {
  if (a.localPref === b.localPref) return false;
  const overlap = a.peers.length === 0 || b.peers.length === 0 || a.peers.some((p) => b.peers.includes(p));
  const same4 = hasFamily(pool, 4) && a.aggregationLength === b.aggregationLength;
  const same6 = hasFamily(pool, 6) && a.aggregationLengthV6 === b.aggregationLengthV6;
  return overlap && (same4 || same6);
}
