// What an allocation is made of: options, outcomes, the events that tell of it. Owns the closed list of event reasons with their texts
// (metallb-compat 5.6). Knows no rule. Contract: reasons and texts of MetalLB's controller, so that what matches them keeps working.
import type { ServiceKey } from "../kernel/units.ts";

export interface AllocationOptions {
  /** Empty: Services without a class; else those with exactly this class (metallb-compat 2.3). */
  readonly lbClass: string;
  /**
   * `cluster`: an API server has filled in cluster addresses, and `status` is the truth about who holds what. `manifests`: nobody
   * has; families come from the spec, and what is held is what we remember, else what `status` in the manifest says.
   */
  readonly source: "cluster" | "manifests";
}

/** Reasons of Events, with their type; the words are MetalLB's. */
export const EVENT_TYPES = {
  IPAllocated: "Normal",
  ClearAssignment: "Normal",
  AdditionalAssignFailed: "Normal",
  AllocationFailed: "Warning",
  LoadBalancerFailed: "Warning",
  "not enough clusterips": "Warning",
  nolbIPsIPFamily: "Warning",
  noclusterIPsIPFamily: "Warning",
  deprecatedAnnotation: "Warning",
} as const satisfies Readonly<Record<string, "Normal" | "Warning">>;

export type EventReason = keyof typeof EVENT_TYPES;

export interface AllocationEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: EventReason;
  readonly text: string;
}

const event = (reason: EventReason, text: string): AllocationEvent => ({ type: EVENT_TYPES[reason], reason, text });
const quoted = (texts: readonly string[]): string => texts.map((t) => `"${t}"`).join(" ");

export const events = {
  allocated: (ips: readonly string[]) => event("IPAllocated", `Assigned IP [${quoted(ips)}]`),
  added: (ip: string) => event("IPAllocated", `Assigned additional IP "${ip}"`),
  cleared: (cause: string) =>
    event("ClearAssignment", `current IP of the service not allowed by config, new assignment will be tried: ${cause}`),
  notAdded: (cause: string) => event("AdditionalAssignFailed", `no additional IP for PreferDualStack: ${cause}`),
  failed: (key: ServiceKey, cause: string) => event("AllocationFailed", `Failed to allocate IP for "${key}": ${cause}`),
  badRequest: (cause: string) => event("LoadBalancerFailed", `invalid requested loadbalancer IPs: ${cause}`),
  tooFewClusterIps: () =>
    event("not enough clusterips", "RequireDualStack needs two ClusterIPs, and the service has fewer"),
  oddHeldFamily: (ips: readonly string[]) =>
    event("nolbIPsIPFamily", `the addresses it has are of no family or of one twice: [${quoted(ips)}]`),
  oddClusterFamily: (ips: readonly string[]) =>
    event("noclusterIPsIPFamily", `its ClusterIPs are of no family or of one twice: [${quoted(ips)}]`),
  deprecated: (old: string, current: string) =>
    event("deprecatedAnnotation", `annotation ${old} is deprecated, write ${current}`),
} as const;

/** What a service has, and what keeps it from having more. */
export interface ServiceAllocation {
  /** Canonical texts, in the order of status.loadBalancer.ingress; empty: none. */
  readonly ips: readonly string[];
  /** Name of the pool that holds them; null: none. */
  readonly pool: string | null;
  /** Why it has not what it asks for, as long as that is so; null: it has. Of type Normal where it can do without. */
  readonly standing: AllocationEvent | null;
}

/** As in status of IPAddressPool, plus the capacity behind it (metallb-compat 4.9). */
export interface PoolCounters {
  readonly pool: string;
  /** Distinct addresses in use. */
  readonly assigned: Readonly<Record<4 | 6, number>>;
  /** Addresses there are; at most 2^63 - 1. */
  readonly capacity: Readonly<Record<4 | 6, bigint>>;
  /** Services that hold addresses of the pool. */
  readonly services: number;
}
