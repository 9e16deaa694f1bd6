// The metrics of what we do at an API server: following kinds, and writing reports. A part of metricTable.ts. Knows
// nothing of prom-client. Contract: label values are kinds of a closed list and HTTP statuses of another.
import type { MetricRow, MetricsInput } from "./metric.ts";
import { type ResourceView, silence } from "./sourceView.ts";

/** How the reports to the cluster are doing. */
export interface ReportsView {
  readonly writes: Iterable<{ readonly kind: string; readonly result: string; readonly count: number }>;
  /** Objects and Events that are not known to be as they should. */
  readonly pending: number;
  readonly eventsDropped: number;
}

const perResource = (
  name: string,
  type: "gauge" | "counter",
  help: string,
  value: (r: ResourceView, i: MetricsInput) => number | null,
): MetricRow => ({
  name,
  type,
  help,
  labels: ["resource"],
  read: (i, put) => {
    for (const view of i.resources()) {
      const found = value(view, i);
      if (found !== null) put({ resource: view.resource }, found);
    }
  },
});

/** Statuses of the API server that get a series of their own; what is between us and it may answer with any other. */
const API_CODES: ReadonlySet<string> = new Set([
  "400",
  "401",
  "403",
  "404",
  "405",
  "409",
  "410",
  "429",
  "500",
  "502",
  "503",
  "504",
]);
const apiCode = (code: string): string => (/^\d/.test(code) && !API_CODES.has(code) ? "other" : code);

export const KUBE_ROWS: readonly MetricRow[] = [
  perResource(
    "vipcast_kube_silence_seconds",
    "gauge",
    "Seconds since the API server last sent a list, an event or a bookmark; bookmarks come about once a minute",
    (r, i) => silence(r, i.now()),
  ),
  perResource("vipcast_kube_watch_up", "gauge", "1 while a watch is open", (r) => Number(r.phase === "watching")),
  perResource("vipcast_kube_watch_restarts_total", "counter", "Watches opened after the first one", (r) => r.restarts),
  perResource("vipcast_kube_lists_total", "counter", "Complete lists; more than one: history was lost", (r) => r.lists),
  perResource("vipcast_kube_objects", "gauge", "Objects the API server is known to have", (r) => r.objects),
  {
    name: "vipcast_kube_errors_total",
    type: "counter",
    help: "Requests of list and watch that failed, by HTTP status, or without an answer: connection, timeout, silence, broken, credentials",
    labels: ["resource", "code"],
    read: (i, put) => {
      for (const { resource, errors } of i.resources()) {
        const byCode = new Map<string, number>();
        for (const [code, n] of errors) byCode.set(apiCode(code), (byCode.get(apiCode(code)) ?? 0) + n);
        for (const [code, n] of byCode) put({ resource, code }, n);
      }
    },
  },
  {
    name: "vipcast_kube_writes_total",
    type: "counter",
    help: "Writes of reports to the API server, by kind and how they ended: ok, conflict, forbidden, absent (no such kind), refused (not valid there), trouble (tried again)",
    labels: ["kind", "result"],
    read: (i, put) => {
      for (const { kind, result, count } of i.reports()?.writes ?? []) put({ kind, result }, count);
    },
  },
  {
    name: "vipcast_kube_reports_pending",
    type: "gauge",
    help: "Reports that are not yet in the cluster as they should be",
    labels: [],
    read: (i, put) => {
      const reports = i.reports();
      if (reports !== null) put({}, reports.pending);
    },
  },
  {
    name: "vipcast_kube_events_dropped_total",
    type: "counter",
    help: "Events that were not sent: too many of one Service, or nowhere to write them",
    labels: [],
    read: (i, put) => {
      const reports = i.reports();
      if (reports !== null) put({}, reports.eventsDropped);
    },
  },
];
