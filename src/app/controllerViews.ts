// What observers see of a running controller: the input of its metrics. Reads, never changes.
import type { BfdView } from "../observe/bfdView.ts";
import type { MetricsInput } from "../observe/metric.ts";
import type { Controller } from "./controller.ts";
import { realClock } from "./realTime.ts";

const NO_CONNECTIONS = { accepted: 0, strangers: 0, refused: 0 } as const;
const NO_BFD: BfdView = { sessions: [], thread: null, lateness: null, drops: {}, stalls: 0, restarts: 0 };

/** Rows of the speaker alone are not printed (CONTROLLER_METRICS), so what they read is empty. */
export function controllerMetricsInput(controller: Controller, logLinesDropped: () => number): MetricsInput {
  return {
    version: VIPCAST_VERSION,
    nodeName: "",
    startedAt: controller.startedAt,
    now: realClock.now,
    wall: realClock.wall,
    peers: () => [],
    announced: () => [],
    source: () => controller.sourceHealth(),
    resources: () => controller.resources(),
    problems: () => controller.problems(),
    pools: () => controller.counters(),
    internalErrors: () => controller.internalErrors,
    logLinesDropped,
    injected: () => 0,
    inbound: () => NO_CONNECTIONS,
    bfd: () => NO_BFD,
    tcpDrops: () => ({}),
    witnessed: () => null,
    shadow: () => null,
    sites: () => [],
    reports: () => ({
      writes: controller.counts.values(),
      pending: controller.backlog,
      eventsDropped: controller.eventsDropped,
    }),
    isLeader: () => controller.leader.isElected,
  };
}
