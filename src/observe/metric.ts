// What a metric is and what it is read from: the shapes of the tables of metrics (metricTable.ts joins them). Owns no name of a metric.
// Knows nothing of prom-client. Contract: a row reads what is there when it is asked, and keeps nothing.
import type { PoolCounters } from "../allocate/model.ts";
import type { ListenerCounts } from "../bgp/listener.ts";
import type { Severity } from "../kernel/problem.ts";
import type { Millis } from "../kernel/units.ts";
import type { SitePolicyView } from "../site/sites.ts";
import type { BfdView } from "./bfdView.ts";
import type { ReportsView } from "./kubeMetrics.ts";
import { type PeerView, peerEndpoint } from "./peerView.ts";
import type { ResourceView } from "./sourceView.ts";

export type Direction = "sent" | "received";

/** What the metrics are read from, at the moment they are asked for. */
export interface MetricsInput {
  readonly version: string;
  readonly nodeName: string;
  /** Monotonic milliseconds. */
  readonly startedAt: Millis;
  readonly now: () => Millis;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
  readonly peers: () => Iterable<PeerView>;
  /** Services that are announced from this node, with their addresses. */
  readonly announced: () => Iterable<{ readonly service: string; readonly vips: readonly string[] }>;
  readonly source: () => SourceHealth;
  /** Kinds that are followed at an API server; none for manifests. */
  readonly resources: () => Iterable<ResourceView>;
  /** Writes of reports to the cluster, by how they ended; null: there is none. */
  readonly reports: () => ReportsView | null;
  readonly problems: () => Iterable<{ readonly severity: Severity }>;
  /** Of the pools that addresses are given from; none where nobody asked us to. */
  readonly pools: () => Iterable<PoolCounters>;
  /** Services that differ from what MetalLB reports; null: the daemon is no shadow. */
  readonly shadow: () => {
    readonly isCompared: boolean;
    readonly different: number;
    readonly explained: number;
  } | null;
  readonly internalErrors: () => number;
  readonly logLinesDropped: () => number;
  /** Prefixes injected for a peer. */
  readonly injected: (peer: PeerView) => number;
  /** Routes with claims that a witness follows; null: the daemon is none. */
  readonly witnessed: () => number | null;
  readonly inbound: () => Readonly<ListenerCounts>;
  readonly bfd: () => BfdView;
  /** Prefixes under SitePolicies; none without them. */
  readonly sites: () => Iterable<SitePolicyView>;
  /** By the kernel's names (linux/netstat.ts); what this kernel does not count is absent. */
  readonly tcpDrops: () => Readonly<Partial<Record<string, number>>>;
  /** Of the controller: holds the Lease; absent: this is the speaker. */
  readonly isLeader?: () => boolean;
}

export interface SourceHealth {
  /** Changes taken over from the source, and those that failed. */
  readonly updates: number;
  readonly updateErrors: number;
  /** A first complete configuration was read. */
  readonly isLoaded: boolean;
  /** Since when what is in force is not what the source holds (unreadable, invalid, gone); null: it is. */
  readonly staleSince: Millis | null;
}

/** Called once per series. */
export type Put = (labels: Readonly<Record<string, string>>, value: number) => void;

/** Occurrences by label values that no one else keeps. */
export interface Tally {
  readonly peer: string;
  readonly vrf: string;
  readonly direction: Direction;
  readonly code: string;
  readonly subcode: string;
  readonly count: number;
}

export type MetricRow = { readonly name: string; readonly help: string; readonly labels: readonly string[] } & (
  | {
      readonly type: "gauge" | "counter";
      readonly read: (i: MetricsInput, put: Put, tallies: () => readonly Tally[]) => void;
    }
  /** Observed as it happens. @param buckets upper bounds, seconds */
  | { readonly type: "histogram"; readonly buckets: readonly number[] }
  /** Counted elsewhere. @param read counts per bucket, one more than bounds, and their sum; null: nothing to tell */
  | {
      readonly type: "histogram";
      readonly bounds: readonly number[];
      readonly read: (i: MetricsInput) => { readonly counts: readonly number[]; readonly sum: number } | null;
    }
);

export const peerLabels = (peer: PeerView): { readonly peer: string; readonly vrf: string } => ({
  peer: peerEndpoint(peer),
  vrf: peer.config.vrf ?? "default",
});

/** Labels of a series per peer. */
export const PEER = ["peer", "vrf"] as const;
export type Kind = "gauge" | "counter";

/** A metric without labels. */
export const single = (name: string, type: Kind, help: string, value: (i: MetricsInput) => number): MetricRow => ({
  name,
  type,
  help,
  labels: [],
  read: (i, put) => put({}, value(i)),
});
