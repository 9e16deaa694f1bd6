// All configuration objects to one node's CompiledConfig. Owns what needs more than one object to judge: which of two objects
// that conflict stays, and what an advertisement gives which peer. Must not know services, endpoints or sources.
// Contract: pure; the unit of isolation is the object (ADR 1), conflicts are settled oldest first, and every
// problem found is in `problems`. Deviation from MetalLB's FRR modes: different myASN or routerID on one node are accepted, as in
// native mode.
import type { Family } from "../bgp/wire/message.ts";
import type { IpVersion } from "../kernel/ip.ts";
import { type ConfigProblem, type ObjectRef, problemOf, refKey, refText } from "../kernel/problem.ts";
import { listed } from "../kernel/suggest.ts";
import { PeerName, type RouterId } from "../kernel/units.ts";
import type { StoreView } from "../sources/store.ts";
import { appliesToPool, type CheckedAdvertisement, checkAdvertisement, conflictOnPool } from "./advertisements.ts";
import { compareAge, compareText } from "./age.ts";
import { collectAliases } from "./aliases.ts";
import type {
  AskedAttributes,
  CompiledAdvertisement,
  CompiledConfig,
  CompiledPool,
  DecisionOptions,
  Inherited,
  NodeState,
  NotOwner,
  Offer,
  PlannedPeer,
} from "./compiled.ts";
import { candidates, versionsOf } from "./lastGood.ts";
import { routeOf } from "./merge.ts";
import { say } from "./messages.ts";
import type { BGPPeerObject, IPAddressPoolObject, Labels } from "./model.ts";
import { compilePeer, identityOf, profileOf, type StandingPeer, standingPeer } from "./peers.ts";
import { hasFamily, indexPools } from "./pools.ts";
import { nodeRouterId } from "./routerId.ts";
import { EXCLUDE_LABEL, matchesAnyOrNone } from "./select.ts";
import { compileSitePolicies, keepingForWitnesses } from "./sitePolicies.ts";

/**
 * Everything of the configuration that matters on `options.nodeName`.
 * @param before the configuration that this one follows
 */
export function compile(store: StoreView, options: DecisionOptions, before: Inherited | null = null): CompiledConfig {
  const node = store.get("Node", options.nodeName);
  const labels: Labels = node?.labels ?? new Map([["kubernetes.io/hostname", options.nodeName]]);
  const nodeState: NodeState = {
    name: options.nodeName,
    networkUnavailable: node?.networkUnavailable ?? false,
    isExcluded: labels.has(EXCLUDE_LABEL) && !options.ignoreExcludeLb,
    drained: null, // of the daemon, not of the objects
  };

  const index = indexPools(store.list("IPAddressPool"));
  const aliases = collectAliases(store.list("Community"), before?.usedAliases);
  const known = {
    pools: [...store.list("IPAddressPool")].map((p) => p.ref.name),
    peers: [...store.list("BGPPeer")].map((p) => p.ref.name),
  };
  const allAdvertisements = [...store.list("BGPAdvertisement")];
  const selectsNode = ({ object }: CheckedAdvertisement | StandingPeer) =>
    matchesAnyOrNone(object.nodeSelectors, labels);
  const allPools = [...index.pools.values()];
  const checked = candidates(allAdvertisements, before?.lastGood.advertisements, labels)
    .map((candidate) => checkAdvertisement(candidate, allPools, aliases, known))
    .filter(selectsNode);
  const standing = candidates([...store.list("BGPPeer")], before?.lastGood.peers, labels)
    .map(standingPeer)
    .filter(selectsNode);
  const selected = standing.map((s) => s.object);
  const survivors = settleConflicts(selected, checked, store);

  const routerId = nodeRouterId(options.nodeName, options.routerId, node?.internalIps ?? [], before?.routerId ?? null);
  const policies = [...store.list("SitePolicy")].filter((p) => matchesAnyOrNone(p.nodeSelectors, labels));
  const compiledPeers = planPeers(selected, store, routerId, survivors);
  const planned = { ...compiledPeers, peers: keepingForWitnesses(compiledPeers.peers, policies) };
  const sites = compileSitePolicies(policies, planned.peers, aliases, known);
  const inForce = checked.filter((c) => !survivors.conflicts.has(refKey(c.object.ref)) && !c.isOut);
  const advertisements = inForce
    .map((c) => ({ checked: c, ...compileAdvertisement(c, planned.peers) }))
    .sort((a, b) => compareText(refKey(a.compiled.ref), refKey(b.compiled.ref)));

  // the first error of an advertisement counts as the reason why it is out: a conflict comes before an alias that it only keeps
  const problems = [
    ...index.problems,
    ...aliases.problems,
    ...standing.flatMap((s) => s.refused),
    ...planned.problems,
    ...survivors.problems,
    ...checked.flatMap((c) => c.problems),
    ...sites.problems,
  ];
  const errors = problems.filter((p) => p.severity === "error");
  const isOut = new Map([...errors].reverse().map((p) => [refKey(p), p]));
  const peersText = JSON.stringify(planned.peers.map((p) => [p.name, p.config?.families ?? p.problem, p.problemPath]));
  const pools = new Map<string, CompiledPool>();
  for (const pool of index.pools.values()) {
    const own = advertisements.filter((a) => a.checked.pools.has(pool));
    const notOwner = own.length > 0 ? null : whyNotOwner(pool, allAdvertisements, isOut, options.nodeName);
    pools.set(pool.ref.name, compilePool(pool, own, notOwner, peersText));
  }
  return {
    options,
    routerId,
    usedAliases: new Map([...checked.map((c) => [refKey(c.object.ref), c.used] as const), ...sites.usedAliases]),
    lastGood: {
      advertisements: versionsOf(checked.filter((c) => !c.isOut).map((c) => c.object)),
      peers: versionsOf(standing.filter((s) => s.isGood).map((s) => s.object)),
    },
    node: nodeState,
    peers: planned.peers,
    ranges: index.ranges,
    pools,
    sitePolicies: sites.policies,
    offerKeys: new Set(advertisements.flatMap(({ compiled }) => [compiled.offer[4].key, compiled.offer[6].key])),
    problems: sortProblems(problems),
  };
}

/** By kind, namespace, name, path, then text: the order does not depend on how the store was filled. */
export function sortProblems(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  const key = (p: ConfigProblem): string => `${refKey(p)}|${p.path}|${p.message}`;
  return [...problems].sort((a, b) => compareText(key(a), key(b)));
}

interface Settled {
  /** refKey of each object that lost -> what it lost to. */
  readonly conflicts: ReadonlyMap<string, ConfigProblem>;
  /** Peers that cannot even be listed: an older one has their name. */
  readonly nameless: ReadonlySet<BGPPeerObject>;
  readonly problems: readonly ConfigProblem[];
}

/** One walk from the oldest to the youngest object: each stays unless it conflicts with one that stayed. */
function settleConflicts(
  peers: readonly BGPPeerObject[],
  advertisements: readonly CheckedAdvertisement[],
  store: StoreView,
): Settled {
  const conflicts = new Map<string, ConfigProblem>();
  const nameless = new Set<BGPPeerObject>();
  const problems: ConfigProblem[] = [];
  const stayed: Stayed = { peers: [], advertisements: [] };
  const lose = (problem: ConfigProblem): void => {
    conflicts.set(refKey(problem), problem);
    problems.push(problem);
  };
  const settlePeer = (peer: BGPPeerObject): void => {
    const conflict = conflictOfPeer(peer, stayed, store);
    if (conflict === null) stayed.peers.push(peer);
    else lose(conflict);
    if (conflict?.path === NAME_PATH) nameless.add(peer);
  };
  const settleAdvertisement = (c: CheckedAdvertisement): void => {
    const conflict = conflictOfAdvertisement(c, stayed, store);
    if (conflict === null) stayed.advertisements.push(c);
    else lose(conflict);
  };
  const walk = [
    ...peers.map((peer) => ({ object: peer, settle: () => settlePeer(peer) })),
    ...advertisements.filter((c) => !c.isOut).map((c) => ({ object: c.object, settle: () => settleAdvertisement(c) })),
  ];
  for (const { settle } of walk.sort((a, b) => compareAge(a.object, b.object))) settle();
  return { conflicts, nameless, problems };
}

interface Stayed {
  readonly peers: BGPPeerObject[];
  readonly advertisements: CheckedAdvertisement[];
}

const NAME_PATH = "metadata.name";

function conflictOfPeer(peer: BGPPeerObject, stayed: Stayed, store: StoreView): ConfigProblem | null {
  const namesake = stayed.peers.find((p) => p.ref.name === peer.ref.name);
  if (namesake !== undefined) return problemOf(peer.ref, NAME_PATH, say("olderPeer", { older: refText(namesake.ref) }));
  const twin = stayed.peers.find((p) => identityOf(p) === identityOf(peer));
  if (twin !== undefined) {
    const [field, what] = peer.interface === null ? ["peerAddress", "address"] : ["interface", "interface"];
    return problemOf(peer.ref, `spec.${field}`, say("samePeer", { older: refText(twin.ref), what }));
  }
  const echo = stayed.advertisements.find((c) => echoOverIpv6(peer, c, store));
  if (echo !== undefined) {
    const said = say("echoPeer", { advertisement: refText(echo.object.ref) });
    return problemOf(peer.ref, "spec.bfdProfile", said);
  }
  return null;
}

function conflictOfAdvertisement(c: CheckedAdvertisement, stayed: Stayed, store: StoreView): ConfigProblem | null {
  const rival = stayed.advertisements.find((other) => conflictAtLoad(c, other));
  if (rival !== undefined) {
    const pref = (x: CheckedAdvertisement): string => String(x.object.localPref ?? "not set");
    const values = { own: pref(c), older: refText(rival.object.ref), other: pref(rival) };
    return problemOf(c.object.ref, "spec.localPref", say("prefConflict", values));
  }
  const echo = stayed.peers.find((p) => echoOverIpv6(p, c, store));
  if (echo !== undefined) {
    return problemOf(c.object.ref, "spec.peers", say("echoAdvertisement", { peer: refText(echo.ref) }));
  }
  return null;
}

/** metallb-compat 1.1, last cross-object rule. */
function echoOverIpv6(peer: BGPPeerObject, { object, pools }: CheckedAdvertisement, store: StoreView): boolean {
  if (profileOf(peer, store)?.echoMode !== true) return false;
  return (object.peers.length === 0 || object.peers.includes(peer.ref.name)) && [...pools].some((p) => hasFamily(p, 6));
}

/** metallb-compat 2.6: advertisements with serviceSelectors are judged per service instead. */
function conflictAtLoad(a: CheckedAdvertisement, b: CheckedAdvertisement): boolean {
  if (a.object.serviceSelectors.length > 0 || b.object.serviceSelectors.length > 0) return false;
  if (a.object.localPref === b.object.localPref) return false;
  return [...a.pools].some((pool) => b.pools.has(pool) && conflictOnPool(a.object, b.object, pool));
}

function planPeers(
  selected: readonly BGPPeerObject[],
  store: StoreView,
  routerId: RouterId,
  settled: Settled,
): { readonly peers: readonly PlannedPeer[]; readonly problems: readonly ConfigProblem[] } {
  const peers: PlannedPeer[] = [];
  const problems: ConfigProblem[] = [];
  for (const peer of selected) {
    const compiled = compilePeer(peer, store, routerId);
    problems.push(...compiled.problems);
    if (settled.nameless.has(peer)) continue;
    const conflict = settled.conflicts.get(refKey(peer.ref));
    const errors = compiled.problems.filter((p) => p.severity === "error");
    if (conflict !== undefined) errors.push(conflict);
    peers.push({
      name: PeerName(peer.ref.name),
      ref: peer.ref,
      config: errors.length === 0 ? compiled.config : null,
      problem: errors.length === 0 ? null : errors.map((p) => p.message).join("; "),
      problemPath: errors[0]?.path ?? null,
    });
  }
  return { peers: peers.sort((a, b) => compareText(a.name, b.name)), problems };
}

interface Compiled {
  readonly compiled: CompiledAdvertisement;
  /** Equal text, equal advertisement. */
  readonly text: string;
}

function compileAdvertisement({ object, attributes }: CheckedAdvertisement, peers: readonly PlannedPeer[]): Compiled {
  const offer = (family: Family): Offer => {
    const receivers = peers.filter(
      (p) => p.config?.families.includes(family) && (object.peers.length === 0 || object.peers.includes(p.name)),
    );
    return makeOffer(
      object.ref,
      family,
      attributes,
      receivers.map((p) => p.name),
    );
  };
  const compiled = {
    ref: object.ref,
    peers: object.peers,
    serviceSelectors: object.serviceSelectors,
    localPref: object.localPref,
    hasLocalMoreSpecifics: object.settings.localMoreSpecifics ?? false,
    length: { 4: object.aggregationLength, 6: object.aggregationLengthV6 } satisfies Record<IpVersion, number>,
    offer: { 4: offer("ipv4-unicast"), 6: offer("ipv6-unicast") },
  };
  // the keys of the offers hold the object's name and attributes
  const { hasLocalMoreSpecifics, length } = compiled;
  const rest = JSON.stringify([object.peers, object.serviceSelectors, length, hasLocalMoreSpecifics]);
  return { compiled, text: `${compiled.offer[4].key} ${compiled.offer[6].key} ${rest}` };
}

/** @param peers ascending. */
export function makeOffer(
  advertisement: ObjectRef,
  family: Family,
  asked: AskedAttributes,
  peers: readonly PeerName[],
): Offer {
  const key = JSON.stringify([refKey(advertisement), family, asked, peers]);
  const setBy = { med: advertisement, asPathPrepend: advertisement };
  return { advertisement, asked, attributes: routeOf(asked), setBy, peers, key, compiledKey: key };
}

function compilePool(
  pool: IPAddressPoolObject,
  own: readonly (Compiled & { readonly checked: CheckedAdvertisement })[],
  notOwner: NotOwner | null,
  peersText: string,
): CompiledPool {
  const advertisements = own.map((a) => a.compiled);
  const mayConflict = new Set(advertisements.map((a) => a.localPref)).size > 1;
  const conflicts = (mayConflict ? own : []).flatMap((a, i) =>
    own
      .slice(i + 1)
      .filter((b) => conflictOnPool(a.checked.object, b.checked.object, pool))
      .map((b) => [a.compiled, b.compiled] as const),
  );
  const conflictNames = conflicts.map((pair) => pair.map((a) => refKey(a.ref)));
  const requiresFamilyEndpoints = pool.settings.requireFamilyEndpoints ?? false;
  return {
    ref: pool.ref,
    name: pool.ref.name,
    advertisements,
    conflicts,
    notOwner,
    requiresFamilyEndpoints,
    text: [
      ...own.map((a) => a.text),
      JSON.stringify([conflictNames, notOwner, requiresFamilyEndpoints]),
      peersText,
    ].join("\n"),
  };
}

/** For the operator: the nearest reason why no advertisement of the pool is in force on this node. @param isOut the first error of each object */
function whyNotOwner(
  pool: IPAddressPoolObject,
  advertisements: readonly CheckedAdvertisement["object"][],
  isOut: ReadonlyMap<string, ConfigProblem>,
  nodeName: string,
): NotOwner {
  const applying = advertisements
    .filter((adv) => appliesToPool(adv, pool))
    .sort((a, b) => compareText(refText(a.ref), refText(b.ref)));
  const [first] = applying;
  const names = (list: readonly CheckedAdvertisement["object"][]): string => listed(list.map((a) => refText(a.ref)));
  const text = refText(pool.ref);
  if (first === undefined) {
    return { detail: `no BGPAdvertisement applies to ${text}`, cause: { ref: pool.ref, path: "" } };
  }
  const out = applying.filter((adv) => isOut.has(refKey(adv.ref)));
  const [wrong] = out;
  if (wrong !== undefined) {
    const detail = `${names(out)} is not used for ${text} because of a configuration error`;
    return { detail, cause: { ref: wrong.ref, path: isOut.get(refKey(wrong.ref))?.path ?? "" } };
  }
  const detail = `spec.nodeSelectors of ${names(applying)} do not select node ${nodeName}`;
  return { detail, cause: { ref: first.ref, path: "spec.nodeSelectors" } };
}
