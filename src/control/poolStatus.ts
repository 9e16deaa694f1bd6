// Counters of a pool as its status has them (metallb-compat 4.9). Owns their names and the write that sets them. Must not know how they
// are counted. Contract: pure; null where the API server has them already. Counts are int64: they are written digit by digit, and what is
// read back may have been rounded, which hides no change, because the count of what is assigned is exact.
import type { PoolCounters } from "../allocate/model.ts";
import { isRawObject, type RawObject } from "../sources/fields.ts";

type Counts = Readonly<Record<"assignedIPv4" | "assignedIPv6" | "availableIPv4" | "availableIPv6", bigint>>;

const countsOf = ({ assigned, capacity }: PoolCounters): Counts => ({
  assignedIPv4: BigInt(assigned[4]),
  assignedIPv6: BigInt(assigned[6]),
  availableIPv4: capacity[4] - BigInt(assigned[4]),
  availableIPv6: capacity[6] - BigInt(assigned[6]),
});

/** @param stored status of the pool as it was read @returns body of a merge patch of the status */
export function poolPatch(counters: PoolCounters, stored: unknown): RawObject | null {
  const counts = countsOf(counters);
  const has = isRawObject(stored) ? stored : {};
  const isSame = Object.entries(counts).every(([name, count]) => has[name] === Number(count));
  return isSame ? null : { status: counts };
}
