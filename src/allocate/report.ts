// Allocations for those who look: the block of `check --allocate` and of status as plain data, and its lines for people. Owns both
// shapes. Decides nothing. Contract: pure, sorted by service.
import { compareText } from "../announce/age.ts";
import type { ServiceKey } from "../kernel/units.ts";
import type { EventReason, PoolCounters, ServiceAllocation } from "./model.ts";

export interface AllocationReport {
  readonly ips: readonly string[];
  readonly pool: string | null;
  /** `AllocationFailed` where the service has not got what it needs, whatever the reason; else null. */
  readonly event: "AllocationFailed" | null;
  /** The event a controller would write, and its text; null: it has all it asks for. */
  readonly reason: EventReason | null;
  readonly detail: string | null;
}

export function reportAllocations(
  allocations: ReadonlyMap<ServiceKey, ServiceAllocation>,
): Readonly<Record<string, AllocationReport>> {
  const sorted = [...allocations].sort(([a], [b]) => compareText(a, b));
  return Object.fromEntries(
    sorted.map(([key, { ips, pool, standing }]) => {
      const event = standing?.type === "Warning" ? "AllocationFailed" : null;
      return [key, { ips, pool, event, reason: standing?.reason ?? null, detail: standing?.text ?? null }];
    }),
  );
}

export interface PoolReport {
  readonly assignedIPv4: number;
  readonly assignedIPv6: number;
  /** Rounded beyond 2^53. */
  readonly availableIPv4: number;
  readonly availableIPv6: number;
}

/** As status of IPAddressPool has them. */
export const reportPools = (counters: readonly PoolCounters[]): Readonly<Record<string, PoolReport>> =>
  Object.fromEntries(
    counters.map(({ pool, assigned, capacity }) => [
      pool,
      {
        assignedIPv4: assigned[4],
        assignedIPv6: assigned[6],
        availableIPv4: Number(capacity[4] - BigInt(assigned[4])),
        availableIPv6: Number(capacity[6] - BigInt(assigned[6])),
      },
    ]),
  );

/** One line for each service, and one for what is missing. */
export function renderAllocations(report: Readonly<Record<string, AllocationReport>>): string {
  const lines = Object.entries(report).flatMap(([key, { ips, pool, event, detail }]) => {
    const given = `  ${key}: ${ips.length === 0 ? "none" : `${ips.join(", ")} of pool ${pool}`}`;
    return event === null || detail === null ? [given] : [given, `      ${detail}`];
  });
  return ["Allocations", ...(lines.length === 0 ? ["  no Service asks for an address"] : lines), ""].join("\n");
}
