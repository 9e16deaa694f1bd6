// Several offers for one prefix at one peer become one route (metallb-compat 2.5). Owns the merging of attributes and the
// warning where LOCAL_PREFs differ. Knows neither services nor sessions.
// Contract: the result does not depend on the order of the offers; a single offer is passed on as the same object.
import type { RouteAttributes } from "../bgp/wire/message.ts";
import { type ConfigProblem, problemAt, refText } from "../kernel/problem.ts";
import type { PeerName } from "../kernel/units.ts";
import { compareText } from "./age.ts";
import { compareLarge, uniteLarge, uniteStandard } from "./communities.ts";
import type { Offer } from "./compiled.ts";

/** Communities united, the highest LOCAL_PREF, "not set" being lower than any; the first of a single list as it is. */
export function mergeAttributes(lists: readonly [RouteAttributes, ...RouteAttributes[]]): RouteAttributes {
  const [first] = lists;
  if (lists.length === 1) return first;
  const prefs = lists.flatMap((a) => (a.localPref === null ? [] : [a.localPref]));
  return {
    ...first,
    localPref: prefs.length === 0 ? null : Math.max(...prefs),
    communities: uniteStandard(lists.map((a) => a.communities)),
    largeCommunities: uniteLarge(lists.map((a) => a.largeCommunities)),
  };
}

/** The routes of one prefix: each peer that some offer names, with what it gets. */
export function mergeOffers(offers: readonly Offer[]): ReadonlyMap<PeerName, RouteAttributes> {
  const routes = new Map<PeerName, RouteAttributes>();
  const [only] = offers;
  if (only === undefined) return routes;
  if (offers.length === 1) {
    for (const peer of only.peers) routes.set(peer, only.attributes);
    return routes;
  }
  const byAge = [...offers].sort((a, b) => compareText(a.key, b.key));
  for (const peer of new Set(byAge.flatMap((o) => o.peers))) {
    const [first, ...rest] = byAge.filter((o) => o.peers.includes(peer)).map((o) => o.attributes);
    if (first !== undefined) routes.set(peer, mergeAttributes([first, ...rest]));
  }
  return routes;
}

/** A warning per advertisement whose LOCAL_PREF loses against another one's at a common peer; unset ones lose silently. */
export function localPrefWarnings(offers: readonly Offer[]): readonly ConfigProblem[] {
  if (offers.length < 2) return [];
  return offers.flatMap((loser) =>
    offers
      .filter((o) => (o.attributes.localPref ?? 0) > (loser.attributes.localPref ?? Number.POSITIVE_INFINITY))
      .filter((o) => o.peers.some((p) => loser.peers.includes(p)))
      .map((winner) => {
        const { localPref } = winner.attributes;
        const message = `${loser.attributes.localPref} loses where ${refText(winner.advertisement)} announces the same prefix with ${localPref}`;
        const hint = "The highest localPref wins: give both the same, or let them select different services.";
        return problemAt(loser.advertisement, "spec.localPref", message, hint, "warning");
      }),
  );
}

export function attributesEqual(a: RouteAttributes, b: RouteAttributes): boolean {
  if (a === b) return true;
  return (
    a.localPref === b.localPref &&
    a.med === b.med &&
    a.asPathPrepend === b.asPathPrepend &&
    a.linkBandwidth === b.linkBandwidth &&
    (a.nextHop === b.nextHop || JSON.stringify(a.nextHop) === JSON.stringify(b.nextHop)) &&
    a.communities.length === b.communities.length &&
    a.communities.every((c, i) => c === b.communities[i]) &&
    a.largeCommunities.length === b.largeCommunities.length &&
    a.largeCommunities.every((c, i) => {
      const other = b.largeCommunities[i];
      return other !== undefined && compareLarge(c, other) === 0;
    })
  );
}
