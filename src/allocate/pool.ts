// A pool with its addresses in use, and the table of all pools in force. Owns where an address lies, the order in which pools are tried, and
// whom a pool serves (metallb-compat 1.4, 4.5, 4.6). Must not know what services hold which address: ledger.ts does.
// Contract: of conflicting pools the older is in force (announce/pools.ts); a pool whose definition did not change stays the same
// object, with what is in use, when the table is made anew. Finding a place is O(log n) over all entries of all pools.
import { compareText } from "../announce/age.ts";
import type { IPAddressPoolObject, Labels, ServiceObject } from "../announce/model.ts";
import { indexPools } from "../announce/pools.ts";
import { matchesAny, matchesAnyOrNone } from "../announce/select.ts";
import { compareIp, type Ip, type IpVersion } from "../kernel/ip.ts";
import type { ConfigProblem } from "../kernel/problem.ts";
import { IntervalSet } from "./intervals.ts";
import { addressAt, capacityOf, FAR, makeSpan, offsetIn, type Span, saturatingSum } from "./span.ts";

export interface Place {
  readonly pool: Pool;
  /** Of the pool's spans of that family. */
  readonly index: number;
  readonly offset: number;
}

/** In the order in which addresses are given. */
export const comparePlace = (a: Pick<Place, "index" | "offset">, b: Pick<Place, "index" | "offset">): number =>
  a.index - b.index || a.offset - b.offset;

export class Pool {
  readonly object: IPAddressPoolObject;
  /** In listed order. */
  readonly spans: Readonly<Record<IpVersion, readonly Span[]>>;
  readonly capacity: Readonly<Record<IpVersion, bigint>>;
  /** Distinct addresses in use. */
  readonly assigned: Record<IpVersion, number> = { 4: 0, 6: 0 };
  readonly #used: Readonly<Record<IpVersion, readonly IntervalSet[]>>;
  /** No span before this one has a free address. */
  readonly #open: Record<IpVersion, number> = { 4: 0, 6: 0 };

  constructor(object: IPAddressPoolObject) {
    this.object = object;
    const all = object.addresses.map((range) => {
      const span = makeSpan(range, object.avoidBuggyIPs);
      return { version: range.first.version, span, capacity: capacityOf(range, span) };
    });
    const spans = (version: IpVersion): readonly Span[] =>
      all.flatMap((entry) => (entry.version === version && entry.span !== null ? [entry.span] : []));
    const capacity = (version: IpVersion): bigint =>
      all.reduce((sum, entry) => (entry.version === version ? saturatingSum(sum, entry.capacity) : sum), 0n);
    this.spans = { 4: spans(4), 6: spans(6) };
    this.capacity = { 4: capacity(4), 6: capacity(6) };
    this.#used = { 4: this.spans[4].map(() => new IntervalSet()), 6: this.spans[6].map(() => new IntervalSet()) };
  }

  get name(): string {
    return this.object.ref.name;
  }

  /** Notes the first use of an address. */
  use(version: IpVersion, { index, offset }: Place): void {
    this.assigned[version]++;
    if (offset !== FAR) this.#used[version][index]?.add(offset);
  }

  /** Notes the end of its last use. */
  free(version: IpVersion, { index, offset }: Place): void {
    this.assigned[version]--;
    if (offset === FAR) return;
    this.#used[version][index]?.delete(offset);
    this.#open[version] = Math.min(this.#open[version], index);
  }

  /** The first address nobody uses, entries in listed order, the lowest first; null: the pool is full. */
  lowestFree(version: IpVersion): { readonly ip: Ip; readonly index: number; readonly offset: number } | null {
    const spans = this.spans[version];
    for (let index = this.#open[version]; index < spans.length; index++) {
      const span = spans[index];
      const offset = this.#used[version][index]?.lowestMissing ?? FAR;
      this.#open[version] = index;
      if (span !== undefined && offset < span.size) return { ip: addressAt(span, offset), index, offset };
    }
    return null;
  }
}

/** Equal text: the same addresses for the same services. */
const definitionOf = ({ addresses, autoAssign, avoidBuggyIPs, allocation }: IPAddressPoolObject): string =>
  JSON.stringify([addresses.map((a) => a.text), autoAssign, avoidBuggyIPs, allocation]);

interface PlacedSpan {
  readonly pool: Pool;
  readonly index: number;
  readonly span: Span;
}

export class PoolTable {
  readonly pools: ReadonlyMap<string, Pool>;
  /** Between pools: of two that overlap the younger is not in force. */
  readonly problems: readonly ConfigProblem[];
  /** autoAssign with serviceAllocation: by priority, then name. */
  readonly pinned: readonly Pool[];
  /** autoAssign for everybody: by name. */
  readonly open: readonly Pool[];
  /** By first address, IPv4 before IPv6; disjoint. */
  readonly #spans: readonly PlacedSpan[];

  /** @param before pools that are still as they were are taken over from there */
  constructor(objects: Iterable<IPAddressPoolObject>, before: ReadonlyMap<string, Pool> = new Map()) {
    const { pools, problems } = indexPools(objects);
    this.problems = problems;
    this.pools = new Map(
      [...pools]
        .sort(([a], [b]) => compareText(a, b))
        .map(([name, object]) => {
          const old = before.get(name);
          return [
            name,
            old !== undefined && definitionOf(old.object) === definitionOf(object) ? old : new Pool(object),
          ];
        }),
    );
    const automatic = [...this.pools.values()].filter((p) => p.object.autoAssign);
    this.pinned = automatic.filter((p) => p.object.allocation !== null).sort((a, b) => rankOf(a) - rankOf(b));
    this.open = automatic.filter((p) => p.object.allocation === null);
    this.#spans = [...this.pools.values()]
      .flatMap((pool) =>
        [...pool.spans[4].entries(), ...pool.spans[6].entries()].map(([index, span]) => ({ pool, index, span })),
      )
      .sort((a, b) => compareIp(a.span.first, b.span.first));
  }

  /** null: in no pool, or an address that avoidBuggyIPs leaves out. */
  locate(ip: Ip): Place | null {
    let low = 0;
    let high = this.#spans.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const found = this.#spans[middle];
      if (found !== undefined && compareIp(found.span.first, ip) <= 0) low = middle + 1;
      else high = middle;
    }
    const placed = this.#spans[low - 1];
    const offset = placed === undefined ? null : offsetIn(placed.span, ip);
    return placed === undefined || offset === null ? null : { pool: placed.pool, index: placed.index, offset };
  }
}

/** Lower goes first; 0 is the least preferred (metallb-compat 1.4). */
const rankOf = ({ object }: Pool): number => object.allocation?.priority || Number.MAX_SAFE_INTEGER;

/** Gives the labels of a namespace. */
export type NamespaceLabels = (namespace: string) => Labels;

/**
 * Why the pool does not serve the service, in words; null: it does. Namespaces and labels both count where both are restricted;
 * namespaceSelectors that select nothing leave the pool to nobody.
 */
export function whyNotServed(pool: Pool, service: ServiceObject, labelsOf: NamespaceLabels): string | null {
  const { allocation } = pool.object;
  if (allocation === null) return null;
  const { namespaces, namespaceSelectors, serviceSelectors } = allocation;
  const namespace = service.ref.namespace ?? "";
  const isNamed = namespaces.length + namespaceSelectors.length === 0 || namespaces.includes(namespace);
  if (!isNamed && !matchesAny(namespaceSelectors, labelsOf(namespace))) return `is not for namespace ${namespace}`;
  return matchesAnyOrNone(serviceSelectors, service.labels) ? null : "does not select the labels of the service";
}
