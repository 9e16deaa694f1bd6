// Injected routes as text: words that inject them again, and the JSON of `list --json`, which is taken back as well.
// Owns both forms. Knows nothing of streams. Contract: pure; what is printed here is read by command.ts with the same result.
import type { RouteAttributes } from "../bgp/wire/message.ts";
import { formatCommunity, formatLargeCommunity } from "../bgp/wire/registry.ts";
import { formatIp, formatPrefix, type Prefix } from "../kernel/ip.ts";
import type { PeerName } from "../kernel/units.ts";
import type { InjectedRoute, Plan } from "./table.ts";

/** One route of the list; a prefix has one for all peers, and one for each group of peers that have the same of their own. */
export interface InjectedLine {
  readonly prefix: Prefix;
  readonly route: InjectedRoute;
  /** null: all. */
  readonly peers: readonly PeerName[] | null;
}

/** @param only routes that one of these peers gets; null: all */
export function linesOf(prefix: Prefix, plan: Plan, only: readonly PeerName[] | null): readonly InjectedLine[] {
  const lines: { readonly route: InjectedRoute; readonly peers: PeerName[] | null }[] = [];
  if (plan.all !== null && only?.every((peer) => plan.peers.has(peer)) !== true) {
    lines.push({ route: plan.all, peers: null });
  }
  const own = new Map<string, PeerName[]>();
  for (const [peer, route] of plan.peers) {
    if (only !== null && !only.includes(peer)) continue;
    const key = optionWords(route).join(" ");
    const group = own.get(key);
    if (group !== undefined) group.push(peer);
    else {
      const peers = [peer];
      own.set(key, peers);
      lines.push({ route, peers });
    }
  }
  return lines.map((line) => ({ prefix, ...line }));
}

/** `add 192.0.2.0/24 --next-hop self …` */
export function formatWords({ prefix, route, peers }: InjectedLine): string {
  const meant = prefix.length === 0 ? ["--allow-default"] : [];
  const named = (peers ?? []).flatMap((peer) => ["--peer", peer]);
  return ["add", formatPrefix(prefix), ...optionWords(route), ...named, ...meant].join(" ");
}

function optionWords({ attributes, isPersistent }: InjectedRoute): readonly string[] {
  const { localPref, med, asPathPrepend, origin, communities, largeCommunities } = attributes;
  return [
    "--next-hop",
    hopText(attributes),
    ...communities.flatMap((c) => ["--community", formatCommunity(c)]),
    ...largeCommunities.flatMap((c) => ["--large-community", formatLargeCommunity(c)]),
    ...(localPref === null ? [] : ["--local-pref", String(localPref)]),
    ...(med === null ? [] : ["--med", String(med)]),
    ...(asPathPrepend === 0 ? [] : ["--as-path-prepend", String(asPathPrepend)]),
    ...(origin === undefined ? [] : ["--origin", origin]),
    ...(isPersistent ? ["--persist"] : []),
  ];
}

const hopText = ({ nextHop }: RouteAttributes): string => (nextHop === "self" ? "self" : formatIp(nextHop));

/** One object without line breaks; keys as in the JSON commands. */
export function formatJson({ prefix, route, peers }: InjectedLine): string {
  const { localPref, med, asPathPrepend, origin = "igp", communities, largeCommunities } = route.attributes;
  return JSON.stringify({
    prefix: formatPrefix(prefix),
    nextHop: hopText(route.attributes),
    localPref,
    med,
    asPathPrepend,
    origin,
    communities: communities.map(formatCommunity),
    largeCommunities: largeCommunities.map(formatLargeCommunity),
    peers,
    persist: route.isPersistent,
    ...(prefix.length === 0 ? { allowDefault: true } : {}),
  });
}
