// What `check` answers: what every node would announce to every peer, and why not. Owns the JSON document of docs (stable from
// the first release) as a function of the store, built on the reference decision. Must not read files or print.
// Contract: keys and lists are sorted, so that equal configurations give equal documents.
import type { PeerConfig } from "../bgp/session/config.ts";
import { formatCommunity, formatLargeCommunity } from "../bgp/wire/registry.ts";
import { comparePrefix, formatIp, formatPrefix } from "../kernel/ip.ts";
import { withHint } from "../kernel/messages.ts";
import { type ConfigProblem, problemOf } from "../kernel/problem.ts";
import { nameHint } from "../kernel/suggest.ts";
import type { StoreView } from "../sources/store.ts";
import { compareText } from "./age.ts";
import type { DecisionOptions } from "./compiled.ts";
import { say } from "./messages.ts";
import type { Reason } from "./reasons.ts";
import { decideAll, joinProblems, type Table, type TableRoute } from "./reference.ts";

export interface CheckRoute {
  readonly prefix: string;
  /** An address, where the route or the peer (vipcast.io/next-hop) has one; else `self`: ours on the session. */
  readonly nextHop: string;
  /** null where unset, and for external peers, which never carry it. */
  readonly localPref: number | null;
  readonly med: number | null;
  readonly asPathPrepend: number;
  readonly communities: readonly string[];
  readonly largeCommunities: readonly string[];
  /** `namespace/name`. */
  readonly services: readonly string[];
}

export interface CheckPeer {
  /** Why the peer runs no session; null when it does. */
  readonly problem: string | null;
  readonly routes: readonly CheckRoute[];
}

export interface CheckService {
  readonly announced: boolean;
  readonly reason: Reason | null;
  readonly detail: string | null;
  readonly vips: readonly string[];
  readonly pool: string | null;
}

export interface CheckNode {
  readonly peers: Readonly<Record<string, CheckPeer>>;
  readonly services: Readonly<Record<string, CheckService>>;
}

export interface CheckProblem extends Omit<ConfigProblem, "file" | "line"> {
  /** null where the problem is in no file. */
  readonly file: string | null;
  readonly line: number | null;
}

export interface CheckReport {
  readonly nodes: Readonly<Record<string, CheckNode>>;
  readonly problems: readonly CheckProblem[];
}

export interface CheckOptions extends Omit<DecisionOptions, "nodeName"> {
  /** Only this node; null: every Node object. */
  readonly nodeName: string | null;
  /** Where the object of a cross-object problem was read; the source knows. */
  readonly locate?: (problem: ConfigProblem) => { readonly file: string; readonly line: number } | null;
}

/** @param problems what the source found wrong while reading; problems that several nodes share appear once. */
export function checkReport(store: StoreView, problems: readonly ConfigProblem[], options: CheckOptions): CheckReport {
  const known = [...store.list("Node")].map((n) => n.ref.name).sort();
  const names = options.nodeName === null ? known : [options.nodeName];
  const tables = names.map((nodeName) => [nodeName, decideAll(store, { ...options, nodeName })] as const);
  const located = (p: ConfigProblem): ConfigProblem =>
    p.file === undefined ? { ...p, ...(options.locate?.(p) ?? {}) } : p;
  const strays = known.length === 0 ? [] : names.filter((name) => !known.includes(name));
  const all = joinProblems(problems, strays.map(strayNode(known)), ...tables.map(([, table]) => table.problems)).map(
    located,
  );
  return {
    nodes: Object.fromEntries(tables.map(([name, table]) => [name, checkNode(table)])),
    problems: all.map(checkProblem).sort(compareProblems),
  };
}

/** Without any Node object every node is as good as another; beside others it is likely a slip. */
const strayNode =
  (known: readonly string[]) =>
  (name: string): ConfigProblem => {
    const said = say("nodeNotThere");
    const ref = { kind: "Node", namespace: null, name };
    return problemOf(ref, "", withHint(said, `${nameHint(name, known, "Node")} ${said.hint}`), "warning");
  };

export function checkProblem(p: ConfigProblem): CheckProblem {
  const { severity, kind, namespace, name, path, message, hint } = p;
  return { severity, kind, namespace, name, path, message, hint, file: p.file ?? null, line: p.line ?? null };
}

/** By place in the files; what has no place comes last. */
function compareProblems(a: CheckProblem, b: CheckProblem): number {
  if ((a.file === null) !== (b.file === null)) return a.file === null ? 1 : -1;
  return compareText(a.file ?? "", b.file ?? "") || (a.line ?? 0) - (b.line ?? 0);
}

function checkNode(table: Table): CheckNode {
  return {
    peers: Object.fromEntries(
      table.peers.map(({ name, config, problem }) => [name, { problem, routes: checkRoutes(table, name, config) }]),
    ),
    services: checkServices(table),
  };
}

/** Sorted by name. */
export function checkServices(table: Table): CheckNode["services"] {
  const services = [...table.decisions].sort(([a], [b]) => compareText(a, b));
  return Object.fromEntries(services.map(([key, decision]) => [key, checkService(decision)]));
}

export function checkService({ announced, reason, detail, vips, pool }: CheckService): CheckService {
  return { announced, reason, detail, vips, pool };
}

/** Sorted by prefix; none for a peer without a session. */
export function checkRoutes(
  table: Table,
  peer: Table["peers"][number]["name"],
  config: PeerConfig | null,
): CheckRoute[] {
  if (config === null) return [];
  return [...(table.routes.get(peer)?.values() ?? [])]
    .sort((a, b) => comparePrefix(a.prefix, b.prefix))
    .map((route) => checkRoute(route, config));
}

/** One route in the stable JSON shape; also what `routes` of a running daemon prints. */
export function checkRoute({ prefix, attributes, services }: TableRoute, config: PeerConfig): CheckRoute {
  const isInternal = config.peerAsn === "internal" || config.peerAsn === config.localAsn;
  const own = config.nextHops[prefix.version === 4 ? "ipv4-unicast" : "ipv6-unicast"] ?? "self";
  const nextHop = attributes.nextHop === "self" ? own : attributes.nextHop;
  return {
    prefix: formatPrefix(prefix),
    nextHop: nextHop === "self" ? "self" : formatIp(nextHop),
    localPref: isInternal ? attributes.localPref : null,
    med: attributes.med,
    asPathPrepend: attributes.asPathPrepend,
    communities: attributes.communities.map(formatCommunity),
    largeCommunities: attributes.largeCommunities.map(formatLargeCommunity),
    services,
  };
}
