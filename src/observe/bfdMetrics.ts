// The metrics of BFD: its sessions, under the names of MetalLB's speaker, and the thread they live on. A part of metricTable.ts. Owns their
// names. Contract: as for the table: bounded labels, values read when asked for.
import { LATENESS_BOUNDS } from "../bfd/gauges.ts";
import type { SessionStatus } from "../bfd/protocol.ts";
import { type Kind, type MetricRow, PEER, single } from "./metric.ts";

const perBfdSession = (name: string, type: Kind, help: string, value: (s: SessionStatus) => number): MetricRow => ({
  name,
  type,
  help,
  labels: PEER,
  read: (i, put) => {
    for (const { session } of i.bfd().sessions) {
      put({ peer: session.address.peer, vrf: session.address.vrf ?? "default" }, value(session));
    }
  },
});

export const BFD_ROWS: readonly MetricRow[] = [
  perBfdSession("metallb_bfd_session_up", "gauge", "1 while the BFD session is Up", (s) => Number(s.state === "Up")),
  perBfdSession(
    "metallb_bfd_control_packet_input",
    "counter",
    "BFD control packets taken",
    (s) => s.counters.controlIn,
  ),
  perBfdSession(
    "metallb_bfd_control_packet_output",
    "counter",
    "BFD control packets sent",
    (s) => s.counters.controlOut,
  ),
  perBfdSession(
    "metallb_bfd_echo_packet_input",
    "counter",
    "BFD echo packets that came back",
    (s) => s.counters.echoIn,
  ),
  perBfdSession("metallb_bfd_echo_packet_output", "counter", "BFD echo packets sent", (s) => s.counters.echoOut),
  perBfdSession(
    "metallb_bfd_session_up_events",
    "counter",
    "Times the BFD session came Up",
    (s) => s.counters.upEvents,
  ),
  perBfdSession("metallb_bfd_session_down_events", "counter", "Times it went Down", (s) => s.counters.downEvents),
  perBfdSession(
    "metallb_bfd_zebra_notifications",
    "counter",
    "Changes of state told to BGP; the name is FRR's",
    (s) => s.counters.upEvents + s.counters.downEvents,
  ),
  {
    name: "vipcast_bfd_lateness_seconds",
    type: "histogram",
    help: "How late the BFD thread began what was due",
    labels: [],
    bounds: LATENESS_BOUNDS.map((micros) => micros / 1e6),
    read: (i) => {
      const { lateness } = i.bfd();
      return lateness === null ? null : { counts: lateness.counts, sum: lateness.sum / 1e6 };
    },
  },
  single(
    "vipcast_bfd_stalls_total",
    "counter",
    "Times the BFD thread was away longer than a detection time",
    (i) => i.bfd().stalls,
  ),
  single(
    "vipcast_bfd_thread_restarts_total",
    "counter",
    "Times the BFD thread died and was started again",
    (i) => i.bfd().restarts,
  ),
  {
    name: "vipcast_bfd_dropped_packets_total",
    type: "counter",
    help: "BFD packets that were dropped; kernel: a wrong TTL on a single hop, or no room in the socket",
    labels: ["cause"],
    read: (i, put) => {
      for (const [cause, count] of Object.entries(i.bfd().drops)) put({ cause }, count);
    },
  },
  {
    name: "vipcast_bfd_scheduling",
    type: "gauge",
    help: "1 for the scheduling class the BFD thread runs with; no series while it does not run",
    labels: ["class"],
    read: (i, put) => {
      const { thread } = i.bfd();
      if (thread === null) return;
      for (const c of ["fifo", "nice", "normal"]) put({ class: c }, Number(c === thread.schedulingClass));
    },
  },
];
