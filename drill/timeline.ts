// What the routers knew about the VIP, and when. Owns the polling of their tables and the reading of their logs. Knows nothing of
// scenarios. Contract: polls every few milliseconds until stopped; keeps changes only; a router that does not answer keeps
// its last entry.
import { setTimeout as sleep } from "node:timers/promises";
import type { Frr } from "../lab/frr.ts";
import { listAt, objectAt, textAt } from "../lab/routes.ts";
import { type RouterName, type TwoSites, VIP_PREFIX } from "../lab/topologies/twoSites.ts";
import { VtyError } from "../lab/vty.ts";
import { wallNow } from "./programs.ts";

export interface Change {
  /** Wall clock, milliseconds. */
  readonly at: number;
  readonly router: RouterName;
  /** Route in use, e.g. `bgp via 192.100.1.221, 192.100.1.222`, `ospf metric 100 via 199.10.1.254`, `none`. */
  readonly route: string;
}

const POLL_EVERY = 5;
const ROUTERS: readonly RouterName[] = ["hub", "access", "dr"];

export type Tables = Readonly<Record<RouterName, string>>;

export class Timeline {
  readonly changes: Change[] = [];
  readonly #sites: TwoSites;
  readonly #last = new Map<RouterName, string>();
  #isStopped = false;

  constructor(sites: TwoSites) {
    this.#sites = sites;
    for (const name of ROUTERS) void this.#follow(name, sites.routers[name]);
  }

  /** The routes in use now. */
  now(): Tables {
    const of = (name: RouterName): string => this.#last.get(name) ?? "unknown";
    return { hub: of("hub"), access: of("access"), dr: of("dr") };
  }

  /** First change of that router after `since` whose route is accepted; null: none so far. */
  first(router: RouterName, since: number, accept: (route: string) => boolean): Change | null {
    return this.changes.find((c) => c.router === router && c.at >= since && accept(c.route)) ?? null;
  }

  /** Last change of that router after `since`; null: none. */
  last(router: RouterName, since: number): Change | null {
    return this.changes.findLast((c) => c.router === router && c.at >= since) ?? null;
  }

  /** When a router first said that a neighbour is gone, after `since`: wall clock, milliseconds; null: none did. */
  detected(since: number): number | null {
    const times = ROUTERS.flatMap((name) => goneAt(this.#sites.routers[name].logTail(400)));
    return times.filter((at) => at >= since).reduce<number | null>((a, b) => (a === null || b < a ? b : a), null);
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #follow(name: RouterName, router: Frr): Promise<void> {
    while (!this.#isStopped) {
      const route = await routeOf(router);
      if (route !== null && route !== this.#last.get(name)) {
        this.#last.set(name, route);
        this.changes.push({ at: wallNow(), router: name, route });
      }
      await sleep(POLL_EVERY);
    }
  }
}

/** null: the router does not answer, for it is being restarted, or the lab is closed. */
async function routeOf(router: Frr): Promise<string | null> {
  try {
    return routeInUse(JSON.parse(await router.ask("zebra", `show ip route ${VIP_PREFIX} json`, 1_000)));
  } catch (error) {
    // without the route FRR gives an empty object and calls the command a failure
    return error instanceof VtyError && error.message.endsWith(": {}") ? "none" : null;
  }
}

function routeInUse(answer: unknown): string {
  const entries = listAt(objectAt(answer)[VIP_PREFIX]).map((e) => objectAt(e));
  const used = entries.find((e) => e.selected === true);
  if (used === undefined) return "none";
  const hops = listAt(used.nexthops)
    .map((h) => objectAt(h))
    .filter((h) => h.fib === true || h.active === true)
    .flatMap((h) => textAt(h.ip) ?? [])
    .sort();
  const metric = used.protocol === "ospf" ? ` metric ${String(used.metric)}` : "";
  return hops.length === 0 ? "none" : `${textAt(used.protocol) ?? "?"}${metric} via ${[...new Set(hops)].join(", ")}`;
}

/** Points in time at which the log says that a BGP or OSPF neighbour went away. */
const goneAt = (log: string): readonly number[] =>
  log.split("\n").flatMap((line) => {
    const [, date = "", time = "", fraction = "0"] =
      /(\d{4}\/\d\d\/\d\d) (\d\d:\d\d:\d\d)\.(\d+).*(?:ADJCHANGE: .* Down|AdjChg: .*-> (?:Down|Deleted))/.exec(line) ??
      [];
    return date === "" ? [] : [Date.parse(`${date.replaceAll("/", "-")}T${time}`) + 1_000 * Number(`0.${fraction}`)];
  });
