// The tables of all peers as one JSON document that is made piece by piece: a million routes are never one string, and never one
// turn. Owns the framing of `routes` and the shape of received routes. Knows no sockets and no clock.
// Contract: the pieces, joined, are the document; `undefined` between them is a place to rest.
import type { PlannedPeer } from "../announce/compiled.ts";
import type { Table, TableRoute } from "../announce/reference.ts";
import { checkRoute } from "../announce/report.ts";
import type { ReceivedRoute } from "../bgp/rib/adjRibIn.ts";
import type { PeerConfig } from "../bgp/session/config.ts";
import { formatAsPath } from "../bgp/wire/print.ts";
import { formatCommunity, formatLargeCommunity } from "../bgp/wire/registry.ts";
import { comparePrefix, formatIp, formatPrefix, type Prefix } from "../kernel/ip.ts";
import { sorting } from "../kernel/sorting.ts";
import type { RouteStatus, RoutesStatus } from "./status.ts";

/** A piece of text, or a place to rest. */
export type Pieces = Generator<string | undefined, void>;

export interface PeerTable<R> {
  readonly name: string;
  /** Whatever stands beside `routes`. */
  readonly head: object;
  readonly routes: Generator<undefined, readonly R[]>;
}

/** Routes put into one piece, and looked at between two rests. */
const BATCH = 128;

/** `{"peers":{NAME:{...head,"routes":[...]},...}}` */
export function* tablesText<R>(tables: Iterable<PeerTable<R>>, show: (route: R) => object): Pieces {
  yield '{"peers":{';
  let isFirst = true;
  for (const { name, head, routes } of tables) {
    yield `${isFirst ? "" : ","}${JSON.stringify(name)}:{${JSON.stringify(head).slice(1, -1)},"routes":[`;
    isFirst = false;
    const list = yield* routes;
    for (let from = 0; from < list.length; from += BATCH) {
      const texts = list.slice(from, from + BATCH).map((route) => JSON.stringify(show(route)));
      yield `${from === 0 ? "" : ","}${texts.join(",")}`;
    }
    yield "]}";
  }
  yield "}}\n";
}

type PeerRoutes = RoutesStatus["peers"][string];

/**
 * What each peer should have, in the shape of `check`: the page `routes`.
 * @param table null before the first decision @param amend the last word on what a peer's entry says
 */
export function* decidedText(
  table: Table | null,
  planned: readonly Pick<PlannedPeer, "name" | "config" | "problem">[],
  amend: (name: string, own: PeerRoutes) => PeerRoutes = (_, own) => own,
): Pieces {
  const tables: PeerTable<RouteStatus>[] = [];
  for (const { name, config, problem } of planned) {
    const decided = yield* decidedRoutes(table?.routes.get(name), config);
    const { routes, ...head } = amend(name, { problem, routes: decided });
    tables.push({ name, head, routes: made(routes) });
  }
  yield* tablesText(tables, (route) => route);
}

// biome-ignore lint/correctness/useYield: it stands where a generator is asked for
function* made<T>(value: T): Generator<undefined, T> {
  return value;
}

/** The decided routes of one peer, sorted. */
export function* decidedRoutes(
  routes: ReadonlyMap<string, TableRoute> | undefined,
  config: PeerConfig | null,
): Generator<undefined, readonly RouteStatus[]> {
  if (config === null || routes === undefined) return [];
  const sorted = yield* sorting([...routes.values()], byPrefix);
  const out: RouteStatus[] = [];
  for (const route of sorted) {
    out.push(checkRoute(route, config));
    if (out.length % BATCH === 0) yield;
  }
  return out;
}

/** What a peer has advertised to us, sorted. */
export function* receivedRoutes(routes: Iterable<ReceivedRoute>): Generator<undefined, readonly ReceivedRoute[]> {
  const out: ReceivedRoute[] = [];
  for (const route of routes) {
    out.push(route);
    if (out.length % BATCH === 0) yield;
  }
  return yield* sorting(out, byPrefix);
}

const byPrefix = (a: { readonly prefix: Prefix }, b: { readonly prefix: Prefix }): number =>
  comparePrefix(a.prefix, b.prefix);

export interface ReceivedStatus {
  readonly prefix: string;
  readonly nextHop: string | null;
  readonly origin: "igp" | "egp" | "incomplete" | null;
  /** As in `vipcast decode`; null where the path had none. */
  readonly asPath: string | null;
  readonly localPref: number | null;
  readonly med: number | null;
  readonly communities: readonly string[];
  readonly largeCommunities: readonly string[];
  /** Our own AS is in its path: of no use but to be looked at, and not in `count`. */
  readonly isLoop: boolean;
}

/** The part of a peer's entry that stands beside its received routes. */
export interface ReceivedHead {
  /** Prefixes that the peer has advertised, whether or not they are kept. */
  readonly count: number;
  /** Routes are kept (vipcast.io/keep-received), so that `routes` has them. */
  readonly kept: boolean;
}

const ORIGINS = ["igp", "egp", "incomplete"] as const;

export function receivedRoute({ prefix, attributes: a, isLoop }: ReceivedRoute): ReceivedStatus {
  return {
    prefix: formatPrefix(prefix),
    nextHop: a.nextHop === null ? null : formatIp(a.nextHop),
    origin: ORIGINS[a.origin ?? -1] ?? null,
    asPath: a.asPath === null ? null : formatAsPath(a.asPath),
    localPref: a.localPref,
    med: a.med,
    communities: a.communities.map(formatCommunity),
    largeCommunities: a.largeCommunities.map(formatLargeCommunity),
    isLoop,
  };
}

export interface ReceivedTables {
  readonly peers: Readonly<Record<string, ReceivedHead & { readonly routes: readonly ReceivedStatus[] }>>;
}
