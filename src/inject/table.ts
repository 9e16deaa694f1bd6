// What has been injected: per prefix a route for all peers, routes for single ones, or both. Owns the plans (each distinct one
// once, with a count of its prefixes) and the numbers of routes. Must not know which peers run, nor what is decided.
// Contract: a route for a named peer stands before the one for all; the same object given again is recognized, so that a bulk
// load costs two look-ups per prefix; walks may be cut into slices while the table changes.
import { attributeKey } from "../bgp/rib/attributeSets.ts";
import type { RouteAttributes } from "../bgp/wire/message.ts";
import type { Prefix } from "../kernel/ip.ts";
import type { PeerName } from "../kernel/units.ts";
import type { AddSpec } from "./command.ts";
import { PrefixTable } from "./prefixTable.ts";

export interface InjectedRoute {
  readonly attributes: RouteAttributes;
  readonly isPersistent: boolean;
}

/** What one prefix gives to whom; never nothing for nobody. */
export interface Plan {
  readonly all: InjectedRoute | null;
  /** By name, ascending. */
  readonly peers: ReadonlyMap<PeerName, InjectedRoute>;
}

interface InternedPlan {
  readonly id: number;
  readonly key: string;
  readonly plan: Plan;
  users: number;
}

/** Where a walk goes on. */
export interface Cursor {
  readonly version: 4 | 6;
  readonly entry: number;
}

export const START: Cursor = { version: 4, entry: 1 };

/** What a named peer has of its own; `both`: where there is a route for all as well. */
interface OwnCount {
  own: number;
  both: number;
}

const newCounts = (): { all: number; readonly peers: Map<PeerName, OwnCount> } => ({ all: 0, peers: new Map() });

export class InjectTable {
  readonly #tables = { 4: new PrefixTable(4), 6: new PrefixTable(6) } as const;
  readonly #counts = { 4: newCounts(), 6: newCounts() } as const;
  readonly #byId: (InternedPlan | undefined)[] = [undefined];
  readonly #byKey = new Map<string, InternedPlan>();
  readonly #freeIds: number[] = [];
  /** The plan that a spec alone makes. */
  readonly #bySpec = new WeakMap<AddSpec, InternedPlan>();
  #persistent = 0;
  #revision = 0;

  /** Prefixes. */
  get size(): number {
    return this.#tables[4].size + this.#tables[6].size;
  }

  /** Prefixes with a route that outlives the daemon. */
  get persistentSize(): number {
    return this.#persistent;
  }

  /** Another number after each change of what outlives the daemon. */
  get revision(): number {
    return this.#revision;
  }

  /** Prefixes of that family for a peer. */
  countFor(peer: PeerName, version: 4 | 6): number {
    const { all, peers } = this.#counts[version];
    const { own, both } = peers.get(peer) ?? { own: 0, both: 0 };
    return all + own - both;
  }

  planOf(prefix: Prefix): Plan | null {
    return this.#byId[this.#tables[prefix.version].get(prefix)]?.plan ?? null;
  }

  /** null: nothing is injected for that peer. */
  routeFor(peer: PeerName, prefix: Prefix): InjectedRoute | null {
    const plan = this.planOf(prefix);
    return plan === null ? null : (plan.peers.get(peer) ?? plan.all);
  }

  add(prefix: Prefix, spec: AddSpec): void {
    const before = this.planOf(prefix);
    if (before !== null && before.peers.size > 0) {
      this.#set(prefix, this.#intern(withSpec(before, spec)));
      return;
    }
    if (before?.all != null && spec.peers !== null) {
      this.#set(prefix, this.#intern(withSpec(before, spec)));
      return;
    }
    const known = this.#bySpec.get(spec);
    if (known !== undefined && this.#byId[known.id] === known) {
      this.#set(prefix, known);
      return;
    }
    const interned = this.#intern(withSpec(NOTHING, spec));
    this.#bySpec.set(spec, interned);
    this.#set(prefix, interned);
  }

  /** Takes the route of these peers away; null: whatever is injected for the prefix. */
  remove(prefix: Prefix, peers: readonly PeerName[] | null): void {
    const before = this.planOf(prefix);
    if (before === null) return;
    const kept = new Map(before.peers);
    for (const peer of peers ?? []) kept.delete(peer);
    const isEmpty = peers === null || (before.all === null && kept.size === 0);
    this.#set(prefix, isEmpty ? null : this.#intern({ all: before.all, peers: kept }));
  }

  /**
   * Walks over the table in slices. The visitor may remove the prefix it is given.
   * @param most entries looked at @returns where to go on; null: that was the end
   */
  visit(from: Cursor, most: number, visitor: (prefix: Prefix, plan: Plan) => void): Cursor | null {
    const entry = this.#tables[from.version].visit(from.entry, most, (prefix, id) => {
      const plan = this.#byId[id]?.plan;
      if (plan !== undefined) visitor(prefix, plan);
    });
    if (entry !== 0) return { version: from.version, entry };
    return from.version === 4 ? { version: 6, entry: 1 } : null;
  }

  #set(prefix: Prefix, after: InternedPlan | null): void {
    const table = this.#tables[prefix.version];
    const before = this.#byId[table.get(prefix)] ?? null;
    if (before === after) return;
    table.set(prefix, after?.id ?? 0);
    if (after !== null) {
      after.users++;
      this.#count(prefix.version, after.plan, 1);
    }
    if (before !== null) {
      this.#count(prefix.version, before.plan, -1);
      if (--before.users === 0) this.#forget(before);
    }
  }

  #count(version: 4 | 6, plan: Plan, by: 1 | -1): void {
    const counts = this.#counts[version];
    if (plan.all !== null) counts.all += by;
    let isPersistent = plan.all?.isPersistent === true;
    for (const [peer, route] of plan.peers) {
      const count = counts.peers.get(peer) ?? { own: 0, both: 0 };
      counts.peers.set(peer, count);
      count.own += by;
      if (plan.all !== null) count.both += by;
      if (count.own === 0) counts.peers.delete(peer);
      if (route.isPersistent) isPersistent = true;
    }
    if (!isPersistent) return;
    this.#persistent += by;
    this.#revision++;
  }

  #intern(plan: Plan): InternedPlan {
    const key = planKey(plan);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const id = this.#freeIds.pop() ?? this.#byId.length;
    const interned: InternedPlan = { id, key, plan, users: 0 };
    this.#byKey.set(key, interned);
    this.#byId[id] = interned;
    return interned;
  }

  #forget({ id, key }: InternedPlan): void {
    this.#byKey.delete(key);
    this.#byId[id] = undefined;
    this.#freeIds.push(id);
  }
}

const NOTHING: Plan = { all: null, peers: new Map() };

function withSpec({ all, peers }: Plan, { attributes, isPersistent, peers: named }: AddSpec): Plan {
  const route: InjectedRoute = { attributes, isPersistent };
  if (named === null) return { all: route, peers };
  const merged = new Map([...peers, ...named.map((peer) => [peer, route] as const)]);
  return { all, peers: new Map([...merged].sort(([a], [b]) => (a < b ? -1 : 1))) };
}

const routeKey = ({ attributes, isPersistent }: InjectedRoute): string =>
  `${attributeKey(attributes)}${isPersistent ? " kept" : ""}`;

function planKey({ all, peers }: Plan): string {
  const own = [...peers].map(([peer, route]) => `${peer}=${routeKey(route)}`);
  return `${all === null ? "-" : routeKey(all)};${own.join(";")}`;
}
