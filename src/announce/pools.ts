// Address pools as the speaker needs them: which pool holds an address, which families a pool has. Owns the rule that pools are
// disjoint (metallb-compat 1.4) and the sorted index. Knows nothing of advertisements or services.
// Contract: of two overlapping pools the younger is out as a whole; lookup is O(log n) over all ranges.
import { compareIp, type Ip } from "../kernel/ip.ts";
import { type ConfigProblem, problemOf, refText } from "../kernel/problem.ts";
import { compareAge } from "./age.ts";
import { say } from "./messages.ts";
import type { IPAddressPoolObject } from "./model.ts";

export interface PoolRange {
  readonly first: Ip;
  readonly last: Ip;
  /** metadata.name of the pool. */
  readonly pool: string;
}

export interface PoolIndex {
  /** Pools in force, by name. */
  readonly pools: ReadonlyMap<string, IPAddressPoolObject>;
  /** Disjoint, ascending, IPv4 before IPv6. */
  readonly ranges: readonly PoolRange[];
  readonly problems: readonly ConfigProblem[];
}

/** Oldest first; a pool that overlaps an accepted one or itself, or repeats a name, is left out with a problem. */
export function indexPools(objects: Iterable<IPAddressPoolObject>): PoolIndex {
  const pools = new Map<string, IPAddressPoolObject>();
  const ranges: PoolRange[] = [];
  const problems: ConfigProblem[] = [];
  for (const pool of [...objects].sort(compareAge)) {
    const faults = pools.has(pool.ref.name)
      ? [problemOf(pool.ref, "metadata.name", say("olderPool", { name: pool.ref.name }))]
      : addRanges(ranges, pool);
    if (faults.length === 0) {
      pools.set(pool.ref.name, pool);
      continue;
    }
    problems.push(...faults);
    // back out what this pool added before its fault was found: the object is the unit
    if (!pools.has(pool.ref.name)) removeRanges(ranges, pool.ref.name);
  }
  return { pools, ranges, problems };
}

function addRanges(ranges: PoolRange[], pool: IPAddressPoolObject): ConfigProblem[] {
  const faults: ConfigProblem[] = [];
  for (const { first, last, text, path } of pool.addresses) {
    const at = firstNotBelow(ranges, first);
    const other = [ranges[at - 1], ranges[at]].find(
      (r) => r !== undefined && compareIp(r.first, last) <= 0 && compareIp(first, r.last) <= 0,
    );
    if (other === undefined) ranges.splice(at, 0, { first, last, pool: pool.ref.name });
    else {
      const who = other.pool === pool.ref.name ? "another entry of this pool" : `IPAddressPool ${other.pool}`;
      const hint = other.pool === pool.ref.name ? "Remove one of them." : "";
      faults.push(problemOf(pool.ref, path, say("poolOverlap", { text, who, pool: refText(pool.ref) }, hint)));
    }
  }
  return faults;
}

function removeRanges(ranges: PoolRange[], pool: string): void {
  const kept = ranges.filter((r) => r.pool !== pool);
  ranges.splice(0, ranges.length, ...kept);
}

/** Index of the first range that starts at or after `ip`. */
function firstNotBelow(ranges: readonly PoolRange[], ip: Ip): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const range = ranges[middle];
    if (range !== undefined && compareIp(range.first, ip) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Name of the pool that holds the address; null when none does. */
export function findPool(ranges: readonly PoolRange[], ip: Ip): string | null {
  const at = firstNotBelow(ranges, ip);
  const exact = ranges[at];
  const range = exact !== undefined && compareIp(exact.first, ip) === 0 ? exact : ranges[at - 1];
  return range !== undefined && compareIp(range.first, ip) <= 0 && compareIp(ip, range.last) <= 0 ? range.pool : null;
}

export const hasFamily = (pool: IPAddressPoolObject, version: 4 | 6): boolean =>
  pool.addresses.some((r) => r.first.version === version);
