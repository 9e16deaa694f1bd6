// Injected routes in the documents of a running daemon: in `routes` beside the decided ones, marked as what they are. Owns that
// mark and the bound on how many are shown. Changes nothing. Contract: pure; a document stays small whatever is injected, and
// says what it leaves out; `vipcast inject list` prints them all.
import { checkRoute } from "../announce/report.ts";
import type { PeerConfig } from "../bgp/session/config.ts";
import type { Injections } from "../inject/injections.ts";
import { type Cursor, START } from "../inject/table.ts";
import { comparePrefix, type Prefix, parsePrefix } from "../kernel/ip.ts";
import type { PeerName } from "../kernel/units.ts";
import type { RouteStatus, RoutesStatus } from "./status.ts";

/** Injected routes of one peer in `routes`. */
export const MAX_SHOWN = 10_000;
/** Slices of the table that are looked through for them. */
const MAX_SLICES = 50;

type Running = { readonly name: PeerName; readonly config: PeerConfig | null };

/** The tables with what is injected; a decided route behind an injected one is not sent, and not shown. */
export function withInjected(routes: RoutesStatus, planned: readonly Running[], injections: Injections): RoutesStatus {
  if (injections.table.size === 0) return routes;
  const entries = Object.entries(routes.peers).map(([name, own]) => {
    const peer = planned.find((p) => p.name === name);
    if (peer?.config == null) return [name, own] as const;
    const { name: peerName, config } = peer;
    const shown = new Map<string, { readonly prefix: Prefix; readonly route: RouteStatus }>();
    let slices = 0;
    for (let at: Cursor | null = START; at !== null && shown.size < MAX_SHOWN && slices < MAX_SLICES; slices++) {
      at = injections.visitFor(peerName, at, (prefix, attributes) => {
        if (shown.size >= MAX_SHOWN) return;
        const { origin } = attributes;
        const route = { ...checkRoute({ prefix, attributes, services: [] }, config), ...(origin && { origin }) };
        shown.set(route.prefix, { prefix, route: { ...route, source: "injected" } });
      });
    }
    for (const route of own.routes) {
      const prefix = parsePrefix(route.prefix);
      if (prefix === null || shown.has(route.prefix)) continue;
      if (injections.routeAt(peerName, prefix) !== null) continue;
      shown.set(route.prefix, { prefix, route });
    }
    const count = injections.countFor({ name: peerName, families: config.families });
    const notShown = count - [...shown.values()].filter((s) => s.route.source === "injected").length;
    const sorted = [...shown.values()].sort((a, b) => comparePrefix(a.prefix, b.prefix)).map((s) => s.route);
    return [name, { ...own, routes: sorted, ...(notShown > 0 ? { injectedNotShown: notShown } : {}) }] as const;
  });
  return { peers: Object.fromEntries(entries) };
}
