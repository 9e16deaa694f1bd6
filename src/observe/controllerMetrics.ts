// Metrics of the pools and of the controller: rows of the table (metricTable.ts), and which rows the controller serves. Owns their names.
// Knows nothing of prom-client. Contract: as for the table: bounded labels, values read when asked for.
import type { PoolCounters } from "../allocate/model.ts";
import { saturatingSum } from "../allocate/span.ts";
import type { MetricRow } from "./metric.ts";

const perPool = (name: string, help: string, value: (pool: PoolCounters) => bigint | number): MetricRow => ({
  name: `metallb_allocator_${name}_total`,
  type: "gauge",
  help,
  labels: ["pool"],
  read: (i, put) => {
    for (const pool of i.pools()) put({ pool: pool.pool }, Number(value(pool)));
  },
});

export const POOL_ROWS: readonly MetricRow[] = [
  perPool("addresses", "Addresses of the pool", (p) => saturatingSum(p.capacity[4], p.capacity[6])),
  perPool("ipv4_addresses", "IPv4 addresses of the pool", (p) => p.capacity[4]),
  perPool("ipv6_addresses", "IPv6 addresses of the pool", (p) => p.capacity[6]),
  perPool("addresses_in_use", "Addresses of the pool that a Service has", (p) => p.assigned[4] + p.assigned[6]),
  perPool("ipv4_addresses_in_use", "IPv4 addresses of the pool that a Service has", (p) => p.assigned[4]),
  perPool("ipv6_addresses_in_use", "IPv6 addresses of the pool that a Service has", (p) => p.assigned[6]),
  perPool("services_allocated", "Services that have addresses of the pool", (p) => p.services),
];

const LEADER = "vipcast_controller_leader";

export const LEADER_ROW: MetricRow = {
  name: LEADER,
  type: "gauge",
  help: "1 while this controller holds the Lease",
  labels: [],
  read: (i, put) => put({}, Number(i.isLeader?.() === true)),
};

const SHARED_PREFIXES = ["metallb_k8s_client_", "metallb_allocator_", "vipcast_kube_", "vipcast_log_"];
const SHARED: readonly string[] = [
  "vipcast_build_info",
  "vipcast_uptime_seconds",
  "vipcast_internal_errors_total",
  "vipcast_config_problems",
  "vipcast_source_stale_seconds",
];

export const isControllersAlone = (name: string): boolean => name === LEADER;

export const isControllers = (name: string): boolean =>
  name === LEADER || SHARED.includes(name) || SHARED_PREFIXES.some((p) => name.startsWith(p));
