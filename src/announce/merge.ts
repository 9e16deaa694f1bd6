// Several offers for one prefix at one peer become one route (metallb-compat 2.5). Owns the merging of attributes, the warning
// where values differ, and the bound that keeps a route within a message. Knows neither services nor sessions.
// Contract: the result does not depend on the order of the offers; a single offer is passed on as the same object.
import type { RouteAttributes } from "../bgp/wire/message.ts";
import { GRACEFUL_SHUTDOWN } from "../bgp/wire/registry.ts";
import { communityOctets, MAX_COMMUNITY_OCTETS } from "../bgp/wire/routeAttributes.ts";
import type { DrainLevel } from "../drain/machine.ts";
import { type ConfigProblem, type ObjectRef, problemOf, refText } from "../kernel/problem.ts";
import { listed } from "../kernel/suggest.ts";
import type { PeerName } from "../kernel/units.ts";
import { compareText } from "./age.ts";
import { settingPath } from "./annotations.ts";
import { compareLarge, uniteLarge, uniteStandard } from "./communities.ts";
import type { AskedAttributes, Offer } from "./compiled.ts";
import { say } from "./messages.ts";

export const routeOf = (asked: AskedAttributes): RouteAttributes => ({
  ...asked,
  asPathPrepend: asked.asPathPrepend ?? 0,
});

/** The values of which one wins; "not set" is no opinion. */
type Ranked = "localPref" | "med" | "asPathPrepend";

const BEST: Readonly<Record<Ranked, (...values: number[]) => number>> = {
  localPref: Math.max,
  med: Math.min,
  asPathPrepend: Math.min,
};

function best(field: Ranked, lists: readonly AskedAttributes[]): number | null {
  const values = lists.flatMap((a) => a[field] ?? []);
  return values.length === 0 ? null : BEST[field](...values);
}

/** Communities united; of the other values the one that attracts most traffic: the highest LOCAL_PREF, the lowest of the others. */
export function mergeAttributes(lists: readonly [AskedAttributes, ...AskedAttributes[]]): RouteAttributes {
  return {
    ...lists[0],
    localPref: best("localPref", lists),
    med: best("med", lists),
    asPathPrepend: best("asPathPrepend", lists) ?? 0,
    communities: uniteStandard(lists.map((a) => a.communities)),
    largeCommunities: uniteLarge(lists.map((a) => a.largeCommunities)),
  };
}

export interface Merged {
  /** Each peer that some offer names, with what it gets. */
  readonly routes: ReadonlyMap<PeerName, RouteAttributes>;
  /** Values that lost, and offers left out; each once. */
  readonly problems: readonly ConfigProblem[];
}

/** The routes of one prefix. */
export function mergeOffers(offers: readonly Offer[]): Merged {
  const [only] = offers;
  if (only === undefined || offers.length === 1) {
    return { routes: new Map(only?.peers.map((peer) => [peer, only.attributes])), problems: [] };
  }
  const routes = new Map<PeerName, RouteAttributes>();
  const problems = new Map<string, ConfigProblem>();
  const byKey = [...offers].sort((a, b) => compareText(a.key, b.key));
  for (const peer of new Set(byKey.flatMap((o) => o.peers))) {
    const { fit, faults } = fitting(byKey.filter((o) => o.peers.includes(peer)));
    const [first, ...rest] = fit;
    if (first === undefined) continue;
    routes.set(
      peer,
      rest.length === 0 ? first.attributes : mergeAttributes([first.asked, ...rest.map((o) => o.asked)]),
    );
    for (const p of [...faults, ...lostValues(fit)]) problems.set(JSON.stringify(p), p);
  }
  return { routes, problems: [...problems.values()] };
}

type Routes = Merged["routes"];

/** The routes of a node that drains: marked, or none. */
export function drained(routes: Routes, level: DrainLevel): Routes {
  switch (level) {
    case "none":
      return routes;
    case "marked":
      return new Map([...routes].map(([peer, attributes]) => [peer, markedRoute(attributes)]));
    case "withdrawn":
      return NO_ROUTES;
  }
}

const NO_ROUTES: Routes = new Map();

/**
 * The last choice of every router: GRACEFUL_SHUTDOWN, by which external peers lower their preference (RFC 8326 section 4), and the
 * preference itself, lowered, which internal peers take as it is; the codec sends it to no other.
 */
export const markedRoute = (attributes: RouteAttributes): RouteAttributes => ({
  ...attributes,
  localPref: 0,
  communities: uniteStandard([attributes.communities, [GRACEFUL_SHUTDOWN]]),
});

/**
 * By namespace and name of their advertisements, offers are taken as long as all communities fit a message of any session. One
 * that does not fit is left out whole: a route without some of an advertisement's communities is not what it asked for.
 */
function fitting(offers: readonly Offer[]): {
  readonly fit: readonly Offer[];
  readonly faults: readonly ConfigProblem[];
} {
  const sum = offers.reduce((octets, o) => octets + communityOctets(o.asked), 0);
  if (sum <= MAX_COMMUNITY_OCTETS) return { fit: offers, faults: [] };
  const fit: Offer[] = [];
  const faults: ConfigProblem[] = [];
  for (const offer of offers) {
    const lists = [...fit, offer].map((o) => o.asked);
    const communities = uniteStandard(lists.map((a) => a.communities));
    const largeCommunities = uniteLarge(lists.map((a) => a.largeCommunities));
    const octets = communityOctets({ communities, largeCommunities });
    if (octets <= MAX_COMMUNITY_OCTETS) {
      fit.push(offer);
      continue;
    }
    const others = listed([...new Set(fit.map((o) => refText(o.advertisement)))]);
    const said = say("communitiesDoNotFit", { others, octets, max: MAX_COMMUNITY_OCTETS });
    faults.push(problemOf(offer.advertisement, "spec.communities", said));
  }
  return { fit, faults };
}

const RANKED: readonly {
  readonly field: Ranked;
  readonly setBy: (offer: Offer) => ObjectRef;
  readonly path: string;
  readonly lost: "lostLocalPref" | "lostMed" | "lostPrepend";
}[] = [
  {
    field: "localPref",
    setBy: (o) => o.advertisement,
    path: "spec.localPref",
    lost: "lostLocalPref",
  },
  {
    field: "med",
    setBy: (o) => o.setBy.med,
    path: settingPath("med"),
    lost: "lostMed",
  },
  {
    field: "asPathPrepend",
    setBy: (o) => o.setBy.asPathPrepend,
    path: settingPath("asPathPrepend"),
    lost: "lostPrepend",
  },
];

/** A warning per value that loses against another one at a common peer. @param offers of one peer, ordered */
function lostValues(offers: readonly Offer[]): readonly ConfigProblem[] {
  if (offers.length < 2) return [];
  return RANKED.flatMap(({ field, setBy, path, lost }) => {
    const set = offers.filter((o) => o.asked[field] !== null);
    const value = best(
      field,
      set.map((o) => o.asked),
    );
    const winner = set.find((o) => o.asked[field] === value);
    if (winner === undefined || value === null) return [];
    const losers = set.filter((o) => o.asked[field] !== value);
    return losers.map((o) => {
      const values = { own: String(o.asked[field]), winner: refText(setBy(winner)), value };
      return problemOf(setBy(o), path, say(lost, values), "warning");
    });
  });
}

export function attributesEqual(a: RouteAttributes, b: RouteAttributes): boolean {
  if (a === b) return true;
  return (
    a.localPref === b.localPref &&
    a.med === b.med &&
    a.asPathPrepend === b.asPathPrepend &&
    a.linkBandwidth === b.linkBandwidth &&
    a.origin === b.origin &&
    a.asPathTail?.join() === b.asPathTail?.join() &&
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
