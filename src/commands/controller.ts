// `vipcast controller`: the allocator of a cluster as a process: signals, listeners, exit code. Owns how it starts and ends; what it does is
// app/controller.ts. Never calls process.exit: main.ts does that with the code given back here.
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { Controller } from "../app/controller.ts";
import { controllerMetricsInput } from "../app/controllerViews.ts";
import { startMetricsServer } from "../app/metricsServer.ts";
import { realClock, realTimers } from "../app/realTime.ts";
import type { ClusterOptions } from "../app/source.ts";
import { startWebhooks } from "../app/webhooks.ts";
import { type HostPort, joinHostPort } from "../config/readers.ts";
import type { ResolvedConfig } from "../config/resolve.ts";
import { CONTROLLER_KEYS, type DaemonConfig } from "../config/schema.ts";
import { raiseCapabilities } from "../linux/capabilities.ts";
import { type HttpServer, startHttp } from "../observe/http.ts";
import { createLogger, type Logger, limitRepeats } from "../observe/log.ts";
import { createLogSink } from "../observe/logSink.ts";
import { createMetrics, type Metrics } from "../observe/metrics.ts";
import { CONTROLLER_METRICS } from "../observe/metricTable.ts";
import { say } from "./messages.ts";
import { LOG_FLUSH_MS, onDefects, problemLine, reread } from "./process.ts";
import { UsageError } from "./result.ts";
import { chooseSource } from "./source.ts";

/**
 * Runs until a signal ends it.
 * @param read the configuration, now and again on SIGHUP @param env the environment @returns the exit code
 */
export async function controller(
  read: () => ResolvedConfig,
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const resolved = read();
  const { config } = resolved;
  const { source, problems: sourceProblems } = chooseSource({ ...config, manifests: null }, env);
  const problems = [...resolved.problems, ...sourceProblems];
  if (problems.some((p) => p.severity === "error") || source?.type !== "kubernetes") {
    throw new UsageError(say("settingsRefused", { problems: problems.map(problemLine).join("\n") }));
  }
  const sink = createLogSink(1);
  const log = limitRepeats(createLogger(config.logLevel, sink, realClock.wall), realClock, realTimers);
  log.info("start", { version: VIPCAST_VERSION }, `vipcast ${VIPCAST_VERSION} controller starts`);
  for (const p of problems) log.warn("configProblem", { kind: p.kind, name: p.name, path: p.path }, problemLine(p));
  const withheld = raiseCapabilities();
  if (withheld !== null) log.debug("capabilities", {}, `capabilities stay as they are: ${withheld}`);
  const { access } = source;
  const { namespace, lbClass, leaderElect, podName } = config;
  const identity = `${podName ?? hostname()}_${randomUUID()}`;
  let end: (exitCode: number) => void = () => {};
  const options = { access, env, namespace, lbClass, leaderElect, podName, identity };
  const running = new Controller(options, log, () => end(1));
  const metrics = createMetrics(
    controllerMetricsInput(running, () => sink.dropped()),
    true,
    CONTROLLER_METRICS,
  );
  const ended = new Promise<number>((resolve) => {
    end = resolve;
  });
  onSignals(
    log,
    () => end(0),
    () => {
      reread(read(), config, CONTROLLER_KEYS, log);
      running.reload();
    },
  );
  onDefects(
    (error) => running.defect(error),
    () => end(1),
  );
  const stopListeners: (() => Promise<void>)[] = [];
  let exitCode: number;
  try {
    stopListeners.push(...(await startListeners(running, source, config, metrics, log)));
    // who is told to end while it starts need not hear what it asked for
    exitCode = await Promise.race([running.start().then(() => ended), ended]);
    await running.stop();
  } catch (error) {
    log.error("startFailed", { error }, error instanceof Error ? error.message : String(error));
    exitCode = 1;
  }
  await Promise.all(stopListeners.map((stop) => stop()));
  log.info("stopped", {}, "vipcast has stopped");
  sink.flush(LOG_FLUSH_MS);
  return exitCode;
}

async function startListeners(
  running: Controller,
  source: ClusterOptions,
  config: DaemonConfig,
  metrics: Metrics,
  log: Logger,
): Promise<(() => Promise<void>)[]> {
  const stops: (() => Promise<void>)[] = [];
  const notReady = (): string | null => running.notReady();
  const onDefect = (error: unknown): void => running.defect(error);
  const opened = (server: HttpServer, { host }: HostPort, what: string): void => {
    stops.push(() => server.stop());
    log.info("listening", { address: joinHostPort(host, server.port) }, what);
  };
  const server = await startMetricsServer(config, source, { metrics: () => metrics.render(), notReady, onDefect }, log);
  if (server !== null && config.metrics !== null) opened(server, config.metrics, "metrics and health pages are served");
  const webhooks = await startWebhooks(config, source, log, onDefect);
  if (webhooks !== null) stops.push(() => webhooks.stop());
  if (config.health !== null) {
    const pages = { metrics: null, notReady, onDefect };
    opened(await startHttp(config.health, pages), config.health, "health pages are served");
  }
  return stops;
}

/** A second signal ends the process at once: the first one's `stop` is bounded, but an operator may know better. */
function onSignals(log: Logger, stop: () => void, reload: () => void): void {
  const onSignal = (signal: NodeJS.Signals): void => {
    log.info("signal", { signal }, "finishing what is being written, giving back the Lease, leaving");
    stop();
  };
  process.once("SIGTERM", onSignal);
  process.once("SIGINT", onSignal);
  process.on("SIGHUP", reload);
}
