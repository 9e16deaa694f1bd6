// The metrics of the daemon as Prometheus reads them. Owns their text form and the two histograms. The only file that knows
// prom-client, which keeps the histograms and the process metrics; mirrored values are printed here, because a registry
// full of 10,000 Services holds up the event loop for 50 ms. Contract: values are read when they are asked for, so hot
// paths do no work for them, and the series of a peer or Service that is gone are gone with it.
import { setImmediate as nextTurn } from "node:timers/promises";
import { collectDefaultMetrics, Histogram, Registry } from "prom-client";
import type { NotificationMessage } from "../bgp/wire/message.ts";
import { type Direction, type MetricRow, type MetricsInput, peerLabels, type Tally } from "./metric.ts";
import {
  CHANGE_SECONDS,
  CONTROLLER_METRICS,
  codeLabels,
  DECISION_SECONDS,
  METRIC_ROWS,
  SPEAKER_METRICS,
} from "./metricTable.ts";
import type { PeerView } from "./peerView.ts";

export interface Metrics {
  /** Prometheus' text form. */
  render(): Promise<string>;
  /** @param seconds of one turn of deciding */
  decided(seconds: number): void;
  /** @param seconds from the arrival of a change to its octets with the kernel */
  changeSent(seconds: number): void;
  /** Counts a NOTIFICATION; nothing else in the daemon keeps them by code. */
  notification(peer: PeerView, direction: Direction, notification: NotificationMessage): void;
}

type Series = readonly [labels: Readonly<Record<string, string>>, value: number];

/** Series printed in one turn of the event loop. */
const BATCH = 1000;

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", '"': '\\"', "\n": "\\n" };

/** One line of Prometheus' text form. */
function line(name: string, labels: Series[0], value: number): string {
  const inner = Object.entries(labels).map(
    ([key, text]) => `${key}="${text.replace(/["\\\n]/g, (c) => ESCAPES[c] ?? c)}"`,
  );
  return inner.length === 0 ? `${name} ${value}\n` : `${name}{${inner.join(",")}} ${value}\n`;
}

/** A histogram that somebody else counts; buckets are cumulative in the text form. */
function mirroredHistogram(row: Extract<MetricRow, { readonly bounds: unknown }>, input: MetricsInput): string {
  const found = row.read(input);
  if (found === null) return "";
  let below = 0;
  const buckets = found.counts.map((count, i) => {
    below += count;
    return line(`${row.name}_bucket`, { le: i < row.bounds.length ? String(row.bounds[i]) : "+Inf" }, below);
  });
  const head = `# HELP ${row.name} ${row.help}\n# TYPE ${row.name} histogram\n`;
  return `${head}${buckets.join("")}${line(`${row.name}_sum`, {}, found.sum)}${line(`${row.name}_count`, {}, below)}`;
}

/**
 * @param withProcess also memory, CPU, event loop and garbage collection, under prom-client's names
 * @param rows of the program; absent: of the speaker
 */
export function createMetrics(
  input: MetricsInput,
  withProcess = true,
  rows: readonly MetricRow[] = SPEAKER_METRICS,
): Metrics {
  const registry = new Registry();
  const tallies = new Map<string, Tally>();
  const histograms = new Map<string, Histogram>();
  const currentTallies = (): readonly Tally[] => {
    const known = new Set([...input.peers()].map((p) => JSON.stringify(peerLabels(p))));
    for (const [key, { peer, vrf }] of tallies) if (!known.has(JSON.stringify({ peer, vrf }))) tallies.delete(key);
    return [...tallies.values()];
  };
  for (const row of rows) {
    if (row.type !== "histogram" || !("buckets" in row)) continue;
    const { name, help, labels, buckets } = row;
    const settings = { name, help, labelNames: [...labels], buckets: [...buckets], registers: [registry] };
    histograms.set(name, new Histogram(settings));
  }
  // 100 ms instead of 10: an idle daemon should not wake up a hundred times a second to measure that it is idle
  if (withProcess) collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
  return {
    async render() {
      const parts: string[] = [];
      for (const row of rows) {
        if (row.type === "histogram") {
          if ("bounds" in row) parts.push(mirroredHistogram(row, input));
          continue;
        }
        const series: Series[] = [];
        row.read(input, (labels, value) => series.push([labels, value]), currentTallies);
        parts.push(`# HELP ${row.name} ${row.help}\n# TYPE ${row.name} ${row.type}\n`);
        for (let i = 0; i < series.length; i += BATCH) {
          parts.push(...series.slice(i, i + BATCH).map(([labels, value]) => line(row.name, labels, value)));
          if (i + BATCH < series.length) await nextTurn();
        }
      }
      return `${parts.join("")}${await registry.metrics()}`;
    },
    decided: (seconds) => histograms.get(DECISION_SECONDS)?.observe(seconds),
    changeSent: (seconds) => histograms.get(CHANGE_SECONDS)?.observe(seconds),
    notification(peer, direction, notification) {
      const labels = { ...peerLabels(peer), direction, ...codeLabels(notification) };
      const key = JSON.stringify(labels);
      tallies.set(key, { ...labels, count: (tallies.get(key)?.count ?? 0) + 1 });
    },
  };
}

/** Name, type, labels and help of every metric of ours. */
export const metricsTable = (): readonly (Pick<MetricRow, "name" | "type" | "labels" | "help"> & {
  readonly by: string;
})[] =>
  METRIC_ROWS.map((row) => {
    const { name, type, labels, help } = row;
    const by = `${SPEAKER_METRICS.includes(row) ? "S" : ""}${CONTROLLER_METRICS.includes(row) ? "C" : ""}`;
    return { name, type, labels, help, by };
  });

/** docs/metrics.md. */
export function renderMetricsDoc(): string {
  const rows = metricsTable().map(
    ({ name, type, labels, help, by }) =>
      `| \`${name}\` | ${by} | ${type} | ${labels.map((l) => `\`${l}\``).join(", ")} | ${help} |`,
  );
  return `# Metrics

Generated from \`src/observe/metricTable.ts\`; do not edit.

Served at \`/metrics\` of the address given with \`--metrics\`. Names that begin with \`metallb_\` are those of MetalLB's programs, with the
same types and labels; \`peer\` is \`address:port\` with the configured port (IPv6 in brackets) in every state, \`vrf\` is \`default\` or the
name of the VRF. The series of a peer or Service end with it. The controller serves those that are marked with C, and alone the ones marked with C only.

| Name | By | Type | Labels | Meaning |
|---|---|---|---|---|
${rows.join("\n")}

Process metrics (\`process_*\`, \`nodejs_*\`) are those of prom-client.
`;
}
