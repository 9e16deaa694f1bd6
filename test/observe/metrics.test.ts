import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { LATENESS_BOUNDS } from "../../src/bfd/gauges.ts";
import type { NotificationMessage } from "../../src/bgp/wire/message.ts";
import { Asn, Millis, PeerName } from "../../src/kernel/units.ts";
import { type BfdView, NO_BFD } from "../../src/observe/bfdView.ts";
import type { MetricsInput, SourceHealth } from "../../src/observe/metric.ts";
import { createMetrics, metricsTable, renderMetricsDoc } from "../../src/observe/metrics.ts";
import type { PeerView } from "../../src/observe/peerView.ts";
import type { ResourceView } from "../../src/observe/sourceView.ts";
import { bfdSession } from "./bfdSession.ts";
import { ip, PASSWORD, peer } from "./peers.ts";

const NOW = Millis(1_000_000);
const WALL = Date.UTC(2026, 0, 1);

let peers: PeerView[] = [];
let announced: { service: string; vips: readonly string[] }[] = [];
let source: SourceHealth;
let resources: ResourceView[] = [];
let bfd: BfdView = NO_BFD;
const input: MetricsInput = {
  reports: () => null,
  version: "1.2.3",
  nodeName: "worker-1",
  startedAt: Millis(940_000),
  now: () => NOW,
  wall: () => WALL,
  peers: () => peers,
  announced: () => announced,
  source: () => source,
  resources: () => resources,
  problems: () => [{ severity: "error" }, { severity: "warning" }, { severity: "warning" }],
  pools: () => [{ pool: "p1", assigned: { 4: 3, 6: 2 }, capacity: { 4: 256n, 6: 2n ** 63n - 1n }, services: 4 }],
  internalErrors: () => 2,
  bfd: () => bfd,
  injected: () => 0,
  sites: () => [],
  witnessed: () => null,
  shadow: () => ({ isCompared: true, different: 2, explained: 3 }),
  inbound: () => ({ accepted: 5, strangers: 6, refused: 7 }),
  tcpDrops: () => ({ TCPMD5NotFound: 8, TCPMinTTLDrop: 9 }),
  logLinesDropped: () => 7,
};

beforeEach(() => {
  peers = [];
  announced = [];
  resources = [];
  bfd = NO_BFD;
  source = { updates: 5, updateErrors: 1, isLoaded: true, staleSince: null };
});

/** Series and values as Prometheus would see them. */
async function scrape(metrics = createMetrics(input, false)): Promise<Map<string, number>> {
  const lines = (await metrics.render()).split("\n").filter((l) => l !== "" && !l.startsWith("#"));
  return new Map(lines.map((l) => [l.slice(0, l.lastIndexOf(" ")), Number(l.slice(l.lastIndexOf(" ") + 1))]));
}

const notification = (errorCode: number, errorSubcode: number): NotificationMessage => ({
  type: "notification",
  errorCode,
  errorSubcode,
  data: new Uint8Array(0),
});

describe("metrics of a speaker have MetalLB's names, types and labels", () => {
  // metallb-compat 5.4: written out once more on purpose, so that a rename in the table fails here
  const expected: [name: string, type: string, labels: string][] = [
    ["metallb_speaker_announced", "gauge", "service,protocol,node,ip"],
    ["metallb_allocator_addresses_total", "gauge", "pool"],
    ["metallb_allocator_ipv4_addresses_total", "gauge", "pool"],
    ["metallb_allocator_ipv6_addresses_total", "gauge", "pool"],
    ["metallb_allocator_addresses_in_use_total", "gauge", "pool"],
    ["metallb_allocator_ipv4_addresses_in_use_total", "gauge", "pool"],
    ["metallb_allocator_ipv6_addresses_in_use_total", "gauge", "pool"],
    ["metallb_allocator_services_allocated_total", "gauge", "pool"],
    ["metallb_k8s_client_updates_total", "counter", ""],
    ["metallb_k8s_client_update_errors_total", "counter", ""],
    ["metallb_k8s_client_config_loaded_bool", "gauge", ""],
    ["metallb_k8s_client_config_stale_bool", "gauge", ""],
    ["metallb_bgp_session_up", "gauge", "peer,vrf"],
    ["metallb_bfd_session_up", "gauge", "peer,vrf"],
    ["metallb_bfd_control_packet_input", "counter", "peer,vrf"],
    ["metallb_bfd_control_packet_output", "counter", "peer,vrf"],
    ["metallb_bfd_echo_packet_input", "counter", "peer,vrf"],
    ["metallb_bfd_echo_packet_output", "counter", "peer,vrf"],
    ["metallb_bfd_session_up_events", "counter", "peer,vrf"],
    ["metallb_bfd_session_down_events", "counter", "peer,vrf"],
    ["metallb_bfd_zebra_notifications", "counter", "peer,vrf"],
    ["metallb_bgp_updates_total", "counter", "peer,vrf"],
    ["metallb_bgp_announced_prefixes_total", "gauge", "peer,vrf"],
    ["metallb_bgp_pending_prefixes_total", "gauge", "peer,vrf"],
    ["metallb_bgp_opens_sent", "counter", "peer,vrf"],
    ["metallb_bgp_opens_received", "counter", "peer,vrf"],
    ["metallb_bgp_notifications_sent", "counter", "peer,vrf"],
    ["metallb_bgp_updates_total_received", "counter", "peer,vrf"],
    ["metallb_bgp_keepalives_sent", "counter", "peer,vrf"],
    ["metallb_bgp_keepalives_received", "counter", "peer,vrf"],
    ["metallb_bgp_route_refresh_sent", "counter", "peer,vrf"],
    ["metallb_bgp_total_sent", "counter", "peer,vrf"],
    ["metallb_bgp_total_received", "counter", "peer,vrf"],
  ];
  test.each(expected)("%s is a %s with labels %s", async (name, type, labels) => {
    peers = [peer()];
    announced = [{ service: "default/web", vips: ["192.0.2.10"] }];
    bfd = { ...NO_BFD, sessions: [{ peer: "tor-a", isStrict: false, session: bfdSession() }] };
    const text = await createMetrics(input, false).render();
    expect(text).toContain(`# TYPE ${name} ${type}\n`);
    const series = text.split("\n").filter((l) => l.startsWith(`${name} `) || l.startsWith(`${name}{`));
    expect(series).toHaveLength(1);
    const found = [...(series[0] ?? "").matchAll(/([a-z]+)="/g)].map((m) => m[1]);
    expect(found.join(",")).toBe(labels);
  });

  test("no metric has a prefix of neither MetalLB nor ours", () => {
    for (const { name } of metricsTable()) expect(name).toMatch(/^(metallb|vipcast)_[a-z0-9_]+$/);
  });
});

describe("values", () => {
  test("of pools are capacity, addresses in use and services, and a full int64 does not overflow (Q-25)", async () => {
    const series = await scrape();
    const own = (name: string): number | undefined => series.get(`metallb_allocator_${name}_total{pool="p1"}`);
    expect(own("ipv4_addresses")).toBe(256);
    expect([own("addresses"), own("ipv6_addresses")]).toEqual([2 ** 63, 2 ** 63]);
    expect(own("addresses_in_use")).toBe(5);
    expect([own("ipv4_addresses_in_use"), own("ipv6_addresses_in_use"), own("services_allocated")]).toEqual([3, 2, 4]);
  });

  test("mirror the peer's counters, each in its own metric", async () => {
    peers = [
      peer({
        isUp: true,
        wanted: ["192.0.2.10/32", "192.0.2.11/32"],
        counters: {
          opensSent: 1,
          opensReceived: 2,
          updatesSent: 4,
          updatesReceived: 8,
          keepalivesSent: 16,
          keepalivesReceived: 32,
          notificationsSent: 64,
          notificationsReceived: 128,
          routeRefreshesSent: 256,
          routeRefreshesReceived: 512,
          attributeDiscards: 3,
          treatedAsWithdraw: 5,
          sessionResets: 7,
        },
      }),
    ];
    const series = await scrape();
    const own = (name: string): number | undefined => series.get(`${name}{peer="192.0.2.1:179",vrf="default"}`);
    expect(own("metallb_bgp_session_up")).toBe(1);
    expect(own("metallb_bgp_opens_sent")).toBe(1);
    expect(own("metallb_bgp_opens_received")).toBe(2);
    expect(own("metallb_bgp_updates_total")).toBe(4);
    expect(own("metallb_bgp_updates_total_received")).toBe(8);
    expect(own("metallb_bgp_keepalives_sent")).toBe(16);
    expect(own("metallb_bgp_keepalives_received")).toBe(32);
    expect(own("metallb_bgp_notifications_sent")).toBe(64);
    expect(own("metallb_bgp_route_refresh_sent")).toBe(256);
    expect(own("metallb_bgp_total_sent")).toBe(1 + 4 + 16 + 64 + 256);
    expect(own("metallb_bgp_total_received")).toBe(2 + 8 + 32 + 128 + 512);
    expect(own("metallb_bgp_announced_prefixes_total")).toBe(2);
    expect(own("metallb_bgp_pending_prefixes_total")).toBe(2);
    const faults = "vipcast_bgp_update_faults_total";
    for (const [verdict, count] of Object.entries({ attributeDiscard: 3, treatAsWithdraw: 5, sessionReset: 7 })) {
      expect(series.get(`${faults}{peer="192.0.2.1:179",vrf="default",verdict="${verdict}"}`)).toBe(count);
    }
  });

  test("of a peer that is down keep their labels, and show what is wanted and nothing announced (Q-26)", async () => {
    peers = [peer({ wanted: ["192.0.2.10/32"] })];
    const series = await scrape();
    const own = (name: string): number | undefined => series.get(`${name}{peer="192.0.2.1:179",vrf="default"}`);
    expect(own("metallb_bgp_session_up")).toBe(0);
    expect(own("metallb_bgp_announced_prefixes_total")).toBe(0);
    expect(own("metallb_bgp_pending_prefixes_total")).toBe(1);
    const state = (s: string): number | undefined =>
      series.get(`vipcast_bgp_peer_state{peer="192.0.2.1:179",vrf="default",state="${s}"}`);
    expect(["Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"].map(state)).toEqual([
      0, 0, 1, 0, 0, 0,
    ]);
  });

  test("name IPv6 peers with brackets and VRFs by their name", async () => {
    peers = [peer({ config: { address: ip("2001:db8::1"), port: 1790, vrf: "red" } })];
    expect((await scrape()).has(`metallb_bgp_session_up{peer="[2001:db8::1]:1790",vrf="red"}`)).toBe(true);
  });

  test("of the daemon are those it was given", async () => {
    source = { updates: 5, updateErrors: 1, isLoaded: false, staleSince: Millis(970_000) };
    const series = await scrape();
    expect(series.get("metallb_k8s_client_updates_total")).toBe(5);
    expect(series.get("metallb_k8s_client_update_errors_total")).toBe(1);
    expect(series.get("metallb_k8s_client_config_loaded_bool")).toBe(0);
    expect(series.get("metallb_k8s_client_config_stale_bool")).toBe(1);
    expect(series.get("vipcast_source_stale_seconds")).toBe(30);
    expect(series.get("vipcast_uptime_seconds")).toBe(60);
    expect(series.get("vipcast_internal_errors_total")).toBe(2);
    expect(series.get('vipcast_bgp_inbound_connections_total{outcome="stranger"}')).toBe(6);
    expect(series.get('vipcast_bgp_inbound_connections_total{outcome="refused"}')).toBe(7);
    expect(series.get("vipcast_tcp_md5_not_found_total")).toBe(8);
    expect(series.get("vipcast_tcp_min_ttl_drop_total")).toBe(9);
    expect(series.has("vipcast_tcp_md5_failure_total")).toBe(false); // not counted by this kernel
    expect(series.get("vipcast_log_lines_dropped_total")).toBe(7);
    expect(series.get(`vipcast_config_problems{severity="error"}`)).toBe(1);
    expect(series.get(`vipcast_config_problems{severity="warning"}`)).toBe(2);
    expect(series.get(`vipcast_build_info{version="1.2.3",node_version="${process.versions.node}"}`)).toBe(1);
  });

  test("of histograms are in seconds and countable", async () => {
    const metrics = createMetrics(input, false);
    metrics.decided(0.0003);
    metrics.changeSent(0.003);
    const series = await scrape(metrics);
    expect(series.get(`vipcast_decision_duration_seconds_bucket{le="0.00025"}`)).toBe(0);
    expect(series.get(`vipcast_decision_duration_seconds_bucket{le="0.0005"}`)).toBe(1);
    expect(series.get("vipcast_change_to_kernel_seconds_count")).toBe(1);
    expect(series.get("vipcast_change_to_kernel_seconds_sum")).toBe(0.003);
  });

  test("are all there however many, with labels escaped", async () => {
    announced = Array.from({ length: 2500 }, (_, i) => ({
      service: `default/s${i}`,
      vips: [`10.0.${i >> 8}.${i & 255}`],
    }));
    const series = await scrape();
    expect([...series.keys()].filter((k) => k.startsWith("metallb_speaker_announced{"))).toHaveLength(2500);
    announced = [{ service: 'a"b\\c\nd', vips: ["192.0.2.1"] }];
    const text = await createMetrics(input, false).render();
    expect(text).toContain(String.raw`{service="a\"b\\c\nd",protocol="bgp"`);
  });

  test("do not grow when they are read twice", async () => {
    peers = [peer({ counters: { opensSent: 3 } })];
    const metrics = createMetrics(input, false);
    expect(await scrape(metrics)).toEqual(await scrape(metrics));
  });
});

describe("series", () => {
  test("of removed peers and services are gone at the next scrape", async () => {
    const metrics = createMetrics(input, false);
    peers = [peer(), peer({ config: { name: PeerName("b"), address: ip("192.0.2.2") } })];
    announced = [
      { service: "default/web", vips: ["192.0.2.10", "2001:db8::10"] },
      { service: "default/old", vips: ["192.0.2.11"] },
    ];
    for (const p of peers) metrics.notification(p, "sent", notification(6, 2));
    const before = await scrape(metrics);
    expect([...before.keys()].filter((k) => k.startsWith("metallb_speaker_announced"))).toEqual([
      `metallb_speaker_announced{service="default/web",protocol="bgp",node="worker-1",ip="192.0.2.10"}`,
      `metallb_speaker_announced{service="default/web",protocol="bgp",node="worker-1",ip="2001:db8::10"}`,
      `metallb_speaker_announced{service="default/old",protocol="bgp",node="worker-1",ip="192.0.2.11"}`,
    ]);
    expect([...before.keys()].some((k) => k.includes("192.0.2.2:179"))).toBe(true);
    peers.pop();
    announced.pop();
    const after = await scrape(metrics);
    expect([...after.keys()].filter((k) => k.includes("192.0.2.2:179"))).toEqual([]);
    expect([...after.keys()].filter((k) => k.includes("default/old"))).toEqual([]);
    expect(after.get(`metallb_bgp_session_up{peer="192.0.2.1:179",vrf="default"}`)).toBe(0);
  });

  test("C-167 NOTIFICATIONs count by direction, code and subcode, and the last one has its time", async () => {
    const metrics = createMetrics(input, false);
    const seen = { at: Millis(999_000), notification: notification(4, 0) };
    const p = peer({ config: { peerAsn: Asn(1) }, state: { lastNotificationReceived: seen } });
    peers = [p];
    metrics.notification(p, "received", notification(4, 0));
    metrics.notification(p, "received", notification(4, 0));
    metrics.notification(p, "sent", notification(6, 2));
    const series = await scrape(metrics);
    const who = `peer="192.0.2.1:179",vrf="default"`;
    const name = "vipcast_bgp_notifications_total";
    expect(series.get(`${name}{${who},direction="received",code="4",subcode="0"}`)).toBe(2);
    expect(series.get(`${name}{${who},direction="sent",code="6",subcode="2"}`)).toBe(1);
    const last = "vipcast_bgp_last_notification_timestamp_seconds";
    expect(series.get(`${last}{${who},direction="received",code="4",subcode="0"}`)).toBe(WALL / 1000 - 1);
  });

  test("a peer cannot make series by sending numbers that no RFC knows", async () => {
    const metrics = createMetrics(input, false);
    const p = peer();
    peers = [p];
    for (let code = 0; code < 256; code++) {
      for (let subcode = 0; subcode < 256; subcode++) metrics.notification(p, "received", notification(code, subcode));
    }
    const series = [...(await scrape(metrics)).keys()].filter((k) => k.startsWith("vipcast_bgp_notifications_total"));
    expect(series.length).toBeLessThanOrEqual(10 * 13);
  });

  test("C-259 no password is in them", async () => {
    peers = [peer()];
    expect(await createMetrics(input).render()).not.toContain(PASSWORD);
  });
});

test("the document is current and names every metric once", () => {
  const doc = renderMetricsDoc();
  expect(readFileSync(join(import.meta.dirname, "../../docs/metrics.md"), "utf8")).toBe(doc);
  for (const { name } of metricsTable()) expect(doc.split(`\`${name}\``)).toHaveLength(2);
});

describe("BFD", () => {
  test("a session is told with its peer's address and VRF, and goes with it", async () => {
    bfd = { ...NO_BFD, sessions: [{ peer: "tor-a", isStrict: false, session: bfdSession({ state: "Up" }) }] };
    const labels = '{peer="192.0.2.1",vrf="default"}';
    const seen = await scrape();
    expect(seen.get(`metallb_bfd_session_up${labels}`)).toBe(1);
    expect(seen.get(`metallb_bfd_control_packet_input${labels}`)).toBe(11);
    expect(seen.get(`metallb_bfd_control_packet_output${labels}`)).toBe(12);
    expect(seen.get(`metallb_bfd_session_up_events${labels}`)).toBe(2);
    expect(seen.get(`metallb_bfd_session_down_events${labels}`)).toBe(1);
    bfd = NO_BFD;
    expect([...(await scrape()).keys()].filter((k) => k.startsWith("metallb_bfd"))).toEqual([]);
  });

  test("lateness is a histogram with cumulative buckets, in seconds", async () => {
    const counts = LATENESS_BOUNDS.map((_, i) => (i === 0 ? 3 : i === 2 ? 4 : 0));
    const thread = { kind: "native", kindReason: null, schedulingClass: "nice", schedulingReason: "" } as const;
    bfd = {
      ...NO_BFD,
      lateness: { counts: [...counts, 1], sum: 2_500_000, max: 2_000_000 },
      thread,
      drops: { ttl: 3, kernel: 4 },
    };
    const seen = await scrape();
    expect(seen.get('vipcast_bfd_lateness_seconds_bucket{le="0.0001"}')).toBe(3);
    expect(seen.get('vipcast_bfd_lateness_seconds_bucket{le="0.0005"}')).toBe(7);
    expect(seen.get('vipcast_bfd_lateness_seconds_bucket{le="+Inf"}')).toBe(8);
    expect(seen.get("vipcast_bfd_lateness_seconds_sum")).toBe(2.5);
    expect(seen.get("vipcast_bfd_lateness_seconds_count")).toBe(8);
    expect(seen.get('vipcast_bfd_scheduling{class="nice"}')).toBe(1);
    expect(seen.get('vipcast_bfd_scheduling{class="fifo"}')).toBe(0);
    expect(seen.get('vipcast_bfd_dropped_packets_total{cause="ttl"}')).toBe(3);
    expect(seen.get('vipcast_bfd_dropped_packets_total{cause="kernel"}')).toBe(4);
  });
});

test("what is followed at an API server has its series, with statuses of a closed list", async () => {
  const followed = { phase: "watching", objects: 3, heardAt: Millis(NOW - 2500), restarts: 4, lists: 1, fault: null };
  const errors = new Map([
    ["410", 1],
    ["418", 2],
    ["499", 3],
    ["connection", 5],
  ]);
  resources = [
    { resource: "services", ...followed, errors },
    { resource: "nodes", ...followed, phase: "waiting", heardAt: null, errors: new Map() },
  ];
  const text = await createMetrics(input, false).render();
  const lines = text.split("\n").filter((l) => l.startsWith("vipcast_kube_"));
  expect(lines.filter((l) => l.includes("services"))).toEqual([
    'vipcast_kube_silence_seconds{resource="services"} 2.5',
    'vipcast_kube_watch_up{resource="services"} 1',
    'vipcast_kube_watch_restarts_total{resource="services"} 4',
    'vipcast_kube_lists_total{resource="services"} 1',
    'vipcast_kube_objects{resource="services"} 3',
    'vipcast_kube_errors_total{resource="services",code="410"} 1',
    'vipcast_kube_errors_total{resource="services",code="other"} 5',
    'vipcast_kube_errors_total{resource="services",code="connection"} 5',
  ]);
  // nothing heard yet is no silence of a known length
  expect(lines.filter((l) => l.includes("silence"))).toHaveLength(1);
});
