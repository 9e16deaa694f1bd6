// What observers see of a running daemon: the input of the metrics and the pages of the status socket. Reads, never changes.

import { reportAllocations, reportPools } from "../allocate/report.ts";
import { tabulating } from "../announce/reference.ts";
import { checkRoute } from "../announce/report.ts";
import type { ReceivedRoute } from "../bgp/rib/adjRibIn.ts";
import type { PeerConfig } from "../bgp/session/config.ts";
import { comparePrefix } from "../kernel/ip.ts";
import { readTcpDrops } from "../linux/netstat.ts";
import { bfdThreadStatus } from "../observe/bfdView.ts";
import { withInjected } from "../observe/injectView.ts";
import type { MetricsInput } from "../observe/metric.ts";
import {
  decidedText,
  type PeerTable,
  type Pieces,
  type ReceivedHead,
  receivedRoute,
  receivedRoutes,
  tablesText,
} from "../observe/routesStream.ts";
import { shadowCounts } from "../observe/shadowView.ts";
import { type DaemonStatus, daemonStatus, peersStatus, type RoutesStatus } from "../observe/status.ts";
import type { StatusPages } from "../observe/statusSocket.ts";
import type { Daemon } from "./daemon.ts";
import { beginDrain, drainAnswer, endDrain } from "./drainAnswer.ts";
import { planBase } from "./planAnswer.ts";
import { realClock } from "./realTime.ts";
import { streamInSlices } from "./slices.ts";
import { clearAnswer, whyAnswer } from "./whyAnswer.ts";

export function metricsInput(daemon: Daemon, logLinesDropped: () => number): MetricsInput {
  return {
    version: VIPCAST_VERSION,
    nodeName: daemon.options.nodeName,
    startedAt: daemon.startedAt,
    now: realClock.now,
    wall: realClock.wall,
    peers: () => daemon.speaker.peers(),
    announced: function* () {
      if (daemon.shadowing !== null) return; // it announces nothing, and MetalLB's own series are there beside it
      for (const [service, { announced, vips }] of daemon.engine.decisions) if (announced) yield { service, vips };
    },
    source: () => daemon.sourceHealth(),
    resources: () => daemon.sourceView().resources,
    reports: () => daemon.reporting,
    problems: () => daemon.problems.all(),
    shadow: () => (daemon.shadowing === null ? null : shadowCounts(daemon.shadowing.report())),
    pools: () => daemon.allocating?.counters() ?? [],
    internalErrors: () => daemon.reports.internalErrors,
    logLinesDropped,
    injected: (peer) => daemon.injecting.injections.countFor(peer.config),
    witnessed: () => daemon.witnessing?.count ?? null,
    inbound: () => daemon.access.counts,
    bfd: () => daemon.paths.view(),
    sites: () => daemon.siting.sites.report(),
    tcpDrops: readTcpDrops,
  };
}

const allocationsOf = ({ allocating }: Daemon): DaemonStatus["allocations"] =>
  allocating === null
    ? null
    : { services: reportAllocations(allocating.allocations), pools: reportPools(allocating.counters()) };

function* routesText({ engine, planned, injecting, witnessing }: Daemon, peer: string | null): Pieces {
  const { config, decisions, level } = engine;
  const table = config === null ? null : yield* resting(tabulating(config, decisions, level));
  const asked = planned.filter((p) => peer === null || p.name === peer);
  const { injections } = injecting;
  yield* decidedText(table, asked, (name, own) => {
    const all = withWitnessed(witnessing, planned, name, own);
    return withInjected({ peers: { [name]: all } }, planned, injections).peers[name] ?? all;
  });
}

/** What a witness tells this peer; beside it there are no decided routes. */
function withWitnessed(
  witnessing: Daemon["witnessing"],
  planned: Daemon["planned"],
  name: string,
  own: RoutesStatus["peers"][string],
): RoutesStatus["peers"][string] {
  const peer = planned.find((p) => p.name === name);
  if (witnessing === null || peer?.config == null) return own;
  const { config } = peer;
  const routes = [...witnessing.routesOf(peer.name)].sort((a, b) => comparePrefix(a.prefix, b.prefix));
  return {
    ...own,
    routes: routes.map((route) => ({ ...checkRoute({ ...route, services: [] }, config), source: "witness" as const })),
  };
}

function* receivedText({ speaker }: Daemon, peer: string | null): Pieces {
  const asked = [...speaker.peers()].filter(({ config }) => peer === null || config.name === peer);
  const tables = asked.map((runner): PeerTable<ReceivedRoute> => {
    const head: ReceivedHead = {
      count: runner.receivedCount,
      kept: runner.adjRibIn?.isKept ?? runner.config.keepReceived,
    };
    return { name: runner.config.name, head, routes: receivedRoutes(runner.adjRibIn?.routes() ?? []) };
  });
  yield* tablesText(tables, receivedRoute);
}

function* resting<T>(work: Generator<void, T>): Generator<undefined, T> {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    yield;
  }
}

export function statusPages(daemon: Daemon): StatusPages {
  const peers = () => {
    const { sessions } = daemon.paths.view();
    const injected = (peer: Pick<PeerConfig, "name" | "families">): number =>
      daemon.injecting.injections.countFor(peer);
    return peersStatus(daemon.speaker.peers(), daemon.planned, realClock.now(), realClock.wall(), sessions, injected);
  };
  return {
    peers: async () => {
      await daemon.paths.refresh();
      return peers();
    },
    routes: (peer) => streamInSlices(routesText(daemon, peer), realClock),
    received: (peer) => streamInSlices(receivedText(daemon, peer), realClock),
    inject: daemon.injecting,
    why: (question) => whyAnswer(daemon, question),
    clear: (peer) => clearAnswer(daemon, peer),
    drain: () => drainAnswer(daemon),
    beginDrain: (question) => beginDrain(daemon, question),
    endDrain: () => endDrain(daemon),
    planBase: (node) => planBase(daemon, node),
    ...(daemon.shadowing === null ? {} : { shadow: () => daemon.shadowing?.report() }),
    site: (action, name) => daemon.siting.operate(action, name),
    status: async () => {
      await daemon.paths.refresh();
      const { nodeName } = daemon.options;
      const input = {
        version: VIPCAST_VERSION,
        node: nodeName,
        notReady: daemon.notReady(),
        source: daemon.sourceView(),
        problems: daemon.problems.all(),
        startedAt: daemon.startedAt,
        peers: peers(),
        injected: {
          prefixes: daemon.injecting.injections.table.size,
          persistent: daemon.injecting.injections.table.persistentSize,
        },
        shadow: daemon.shadowing === null ? null : shadowCounts(daemon.shadowing.report()),
        drain: daemon.draining.state.name === "normal" ? null : drainAnswer(daemon),
        allocations: allocationsOf(daemon),
        decisions: daemon.engine.decisions.values(),
        bfd: bfdThreadStatus(daemon.paths.view()),
      };
      return daemonStatus(input, realClock.now(), realClock.wall());
    },
  };
}
