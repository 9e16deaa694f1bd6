// Every metric of ours: name, type, help, labels, and how its value is read. Metric names stand here and in the parts this joins
// (bfd-, site-, kube- and controllerMetrics.ts), nowhere else. Owns the names of MetalLB's speaker, kept bit for bit (metallb-compat 5.4),
// and our own under `vipcast_`. Knows nothing of prom-client. Contract: label values are bounded: peers and services of the configuration,
// or words of closed lists.
import type { FsmStateName } from "../bgp/session/fsm.ts";
import type { SeenNotification } from "../bgp/session/peer.ts";
import { BFD_ROWS } from "./bfdMetrics.ts";
import { isControllers, isControllersAlone, LEADER_ROW, POOL_ROWS } from "./controllerMetrics.ts";
import { KUBE_ROWS } from "./kubeMetrics.ts";
import { type Direction, type Kind, type MetricRow, PEER, peerLabels, single } from "./metric.ts";
import { type PeerView, prefixCounts, wallOf } from "./peerView.ts";
import { SITE_ROWS } from "./siteMetrics.ts";

const perPeer = (name: string, type: Kind, help: string, value: (peer: PeerView) => number): MetricRow => ({
  name,
  type,
  help,
  labels: PEER,
  read: (i, put) => {
    for (const peer of i.peers()) put(peerLabels(peer), value(peer));
  },
});

/** The kernel counts for the whole network namespace, and not everything on every version. */
const kernelDrops = (name: string, counter: string, why: string): MetricRow => ({
  name,
  type: "counter",
  help: `TCP segments that the kernel dropped ${why}; of the whole network namespace`,
  labels: [],
  read: (i, put) => {
    const count = i.tcpDrops()[counter];
    if (count !== undefined) put({}, count);
  },
});

const STATES: readonly FsmStateName[] = ["Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"];

const isUp = (peer: PeerView): boolean => peer.stateName === "Established";

const totalSent = ({ counters: c }: PeerView): number =>
  c.opensSent + c.updatesSent + c.keepalivesSent + c.notificationsSent + c.routeRefreshesSent;
const totalReceived = ({ counters: c }: PeerView): number =>
  c.opensReceived + c.updatesReceived + c.keepalivesReceived + c.notificationsReceived + c.routeRefreshesReceived;

/** 0.1 ms to 1 s: the aim is 0.5 ms, and a second is an outage. */
const LATENCY = [0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1];

export const DECISION_SECONDS = "vipcast_decision_duration_seconds";
export const CHANGE_SECONDS = "vipcast_change_to_kernel_seconds";

/** Error codes and subcodes of NOTIFICATIONs that get a series of their own; a remote cannot make more. */
export const boundedCode = (n: number, highest: number): string => (n <= highest ? String(n) : "other");

export const METRIC_ROWS: readonly MetricRow[] = [
  {
    name: "metallb_speaker_announced",
    type: "gauge",
    help: "1 for each address of a Service that this node announces; what is intended, whatever the sessions do",
    labels: ["service", "protocol", "node", "ip"],
    read: (i, put) => {
      for (const { service, vips } of i.announced()) {
        for (const ip of vips) put({ service, protocol: "bgp", node: i.nodeName, ip }, 1);
      }
    },
  },
  single(
    "metallb_k8s_client_updates_total",
    "counter",
    "Changes taken over from the source",
    (i) => i.source().updates,
  ),
  single(
    "metallb_k8s_client_update_errors_total",
    "counter",
    "Changes from the source that failed",
    (i) => i.source().updateErrors,
  ),
  single("metallb_k8s_client_config_loaded_bool", "gauge", "1 once a configuration has been read", (i) =>
    Number(i.source().isLoaded),
  ),
  single(
    "metallb_k8s_client_config_stale_bool",
    "gauge",
    "1 while something in force is older than what the source holds, because the newer one cannot be used",
    (i) => Number(i.source().staleSince !== null),
  ),
  ...POOL_ROWS,
  perPeer("metallb_bgp_session_up", "gauge", "1 while the session is Established", (p) => Number(isUp(p))),
  perPeer("metallb_bgp_updates_total", "counter", "UPDATEs sent, withdrawals included", (p) => p.counters.updatesSent),
  perPeer("metallb_bgp_announced_prefixes_total", "gauge", "Prefixes at the peer; 0 while down", (p) =>
    isUp(p) ? prefixCounts(p).sent : 0,
  ),
  perPeer(
    "metallb_bgp_pending_prefixes_total",
    "gauge",
    "Prefixes that should be at the peer",
    (p) => prefixCounts(p).wanted,
  ),
  perPeer("metallb_bgp_opens_sent", "counter", "OPENs sent", (p) => p.counters.opensSent),
  perPeer("metallb_bgp_opens_received", "counter", "OPENs received", (p) => p.counters.opensReceived),
  perPeer("metallb_bgp_notifications_sent", "counter", "NOTIFICATIONs sent", (p) => p.counters.notificationsSent),
  perPeer("metallb_bgp_updates_total_received", "counter", "UPDATEs received", (p) => p.counters.updatesReceived),
  perPeer("metallb_bgp_keepalives_sent", "counter", "KEEPALIVEs sent", (p) => p.counters.keepalivesSent),
  perPeer("metallb_bgp_keepalives_received", "counter", "KEEPALIVEs received", (p) => p.counters.keepalivesReceived),
  perPeer("metallb_bgp_route_refresh_sent", "counter", "ROUTE-REFRESHs sent", (p) => p.counters.routeRefreshesSent),
  perPeer("metallb_bgp_total_sent", "counter", "Messages sent", totalSent),
  perPeer("metallb_bgp_total_received", "counter", "Messages received", totalReceived),

  ...BFD_ROWS,

  {
    name: "vipcast_build_info",
    type: "gauge",
    help: "1, with the versions as labels",
    labels: ["version", "node_version"],
    read: (i, put) => put({ version: i.version, node_version: process.versions.node }, 1),
  },
  single("vipcast_uptime_seconds", "gauge", "Seconds since the daemon started", (i) => (i.now() - i.startedAt) / 1000),
  single("vipcast_internal_errors_total", "counter", "Our own defects that were caught; any is worth a report", (i) =>
    i.internalErrors(),
  ),
  single("vipcast_log_lines_dropped_total", "counter", "Log lines lost to a full disk or a slow reader", (i) =>
    i.logLinesDropped(),
  ),
  {
    name: "vipcast_shadow_differences",
    type: "gauge",
    help: "Services that MetalLB reports otherwise than they would be announced: different, or explained (the same on the wire); of --shadow alone",
    labels: ["verdict"],
    read: (i, put) => {
      const { isCompared = false, different = 0, explained = 0 } = i.shadow() ?? {};
      if (!isCompared) return;
      put({ verdict: "different" }, different);
      put({ verdict: "explained" }, explained);
    },
  },
  {
    name: "vipcast_shadow_compared_bool",
    type: "gauge",
    help: "1 while a shadow can compare with what MetalLB reports; of --shadow alone",
    labels: [],
    read: (i, put) => {
      const shadow = i.shadow();
      if (shadow !== null) put({}, shadow.isCompared ? 1 : 0);
    },
  },
  {
    name: "vipcast_config_problems",
    type: "gauge",
    help: "Problems in the objects read: error (not used), warning (used, but not as written)",
    labels: ["severity"],
    read: (i, put) => {
      const counts = { error: 0, warning: 0 };
      for (const { severity } of i.problems()) counts[severity]++;
      for (const [severity, count] of Object.entries(counts)) put({ severity }, count);
    },
  },
  single("vipcast_source_stale_seconds", "gauge", "How long the source has been stale; 0 while it is not", (i) => {
    const { staleSince } = i.source();
    return staleSince === null ? 0 : (i.now() - staleSince) / 1000;
  }),
  ...KUBE_ROWS,
  LEADER_ROW,
  {
    name: "vipcast_bgp_peer_state",
    type: "gauge",
    help: "1 for the state the peer is in (RFC 4271 section 8), 0 for the others",
    labels: [...PEER, "state"],
    read: (i, put) => {
      for (const peer of i.peers()) {
        for (const state of STATES) put({ ...peerLabels(peer), state }, Number(peer.stateName === state));
      }
    },
  },
  perPeer(
    "vipcast_bgp_sessions_established_total",
    "counter",
    "Times the session came up",
    (p) => p.state.timesEstablished,
  ),
  perPeer(
    "vipcast_bgp_connect_retries",
    "gauge",
    "Attempts and sessions in a row that did not last",
    (p) => p.state.failures,
  ),
  perPeer("vipcast_bgp_queued_prefixes", "gauge", "Prefixes whose change is not yet with the peer", (p) => {
    let pending = 0;
    for (const rib of p.ribs().values()) pending += rib.pendingCount;
    return pending;
  }),
  ...SITE_ROWS,
  {
    name: "vipcast_witnessed_routes",
    type: "gauge",
    help: "Routes with claims of sites that this witness follows and tells its other peers; no sample from a daemon that is none",
    labels: [],
    read: (i, put) => {
      const count = i.witnessed();
      if (count !== null) put({}, count);
    },
  },
  {
    name: "vipcast_injected_routes",
    type: "gauge",
    help: "Prefixes injected by hand for the peer, in the families it carries",
    labels: PEER,
    read: (i, put) => {
      for (const peer of i.peers()) put(peerLabels(peer), i.injected(peer));
    },
  },
  {
    name: "vipcast_bgp_update_faults_total",
    type: "counter",
    help: "Received UPDATEs with a fault, by what it led to (RFC 7606)",
    labels: [...PEER, "verdict"],
    read: (i, put) => {
      for (const peer of i.peers()) {
        const { attributeDiscards, treatedAsWithdraw, sessionResets } = peer.counters;
        put({ ...peerLabels(peer), verdict: "attributeDiscard" }, attributeDiscards);
        put({ ...peerLabels(peer), verdict: "treatAsWithdraw" }, treatedAsWithdraw);
        put({ ...peerLabels(peer), verdict: "sessionReset" }, sessionResets);
      }
    },
  },
  {
    name: "vipcast_bgp_inbound_connections_total",
    type: "counter",
    help: "Connections to us: accepted by a session, refused to a configured peer, closed because it is no peer (stranger)",
    labels: ["outcome"],
    read: (i, put) => {
      const { accepted, refused, strangers } = i.inbound();
      put({ outcome: "accepted" }, accepted);
      put({ outcome: "refused" }, refused);
      put({ outcome: "stranger" }, strangers);
    },
  },
  kernelDrops("vipcast_tcp_md5_not_found_total", "TCPMD5NotFound", "for want of a TCP MD5 signature"),
  kernelDrops("vipcast_tcp_md5_unexpected_total", "TCPMD5Unexpected", "for a TCP MD5 signature that was not expected"),
  kernelDrops("vipcast_tcp_md5_failure_total", "TCPMD5Failure", "for a wrong TCP MD5 signature: the keys differ"),
  kernelDrops("vipcast_tcp_min_ttl_drop_total", "TCPMinTTLDrop", "for a TTL below what GTSM (RFC 5082) asks for"),
  {
    name: "vipcast_bgp_notifications_total",
    type: "counter",
    help: "NOTIFICATIONs by direction, error code and subcode; numbers no RFC knows count as other",
    labels: [...PEER, "direction", "code", "subcode"],
    read: (_i, put, tallies) => {
      for (const { count, ...labels } of tallies()) put(labels, count);
    },
  },
  {
    name: "vipcast_bgp_last_notification_timestamp_seconds",
    type: "gauge",
    help: "When the last NOTIFICATION went each way, Unix time",
    labels: [...PEER, "direction", "code", "subcode"],
    read: (i, put) => {
      const [now, wall] = [i.now(), i.wall()];
      for (const peer of i.peers()) {
        const put1 = (direction: Direction, seen: SeenNotification | null): void => {
          if (seen === null) return;
          const labels = { ...peerLabels(peer), direction, ...codeLabels(seen.notification) };
          put(labels, wallOf(seen.at, now, wall) / 1000);
        };
        put1("sent", peer.state.lastNotificationSent);
        put1("received", peer.state.lastNotificationReceived);
      }
    },
  },
  {
    name: DECISION_SECONDS,
    type: "histogram",
    help: "Time one turn of deciding takes",
    labels: [],
    buckets: LATENCY,
  },
  {
    name: CHANGE_SECONDS,
    type: "histogram",
    help: "From the arrival of a change in the store to its octets with the kernel",
    labels: [],
    buckets: LATENCY,
  },
];

/** What each program serves. */
export const SPEAKER_METRICS = METRIC_ROWS.filter(({ name }) => !isControllersAlone(name));
export const CONTROLLER_METRICS = METRIC_ROWS.filter(({ name }) => isControllers(name));

/** The highest numbers in the IANA registries that this version knows. */
export function codeLabels(n: { readonly errorCode: number; readonly errorSubcode: number }): {
  readonly code: string;
  readonly subcode: string;
} {
  return { code: boundedCode(n.errorCode, 8), subcode: boundedCode(n.errorSubcode, 11) };
}
