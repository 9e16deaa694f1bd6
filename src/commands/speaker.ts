// `vipcast speaker`: the daemon as a process: signals, listeners, the last resort for our own defects. Owns how it starts and
// ends; what it does is app/daemon.ts. Never calls process.exit: main.ts does that with the code given back here.
import { Daemon } from "../app/daemon.ts";
import type { DaemonOptions } from "../app/daemonOptions.ts";
import { STOP_LIMIT_MS } from "../app/farewell.ts";
import { startMetricsServer } from "../app/metricsServer.ts";
import { realClock, realTimers } from "../app/realTime.ts";
import { ServiceManager, watchdogOf } from "../app/serviceManager.ts";
import { SHADOWED } from "../app/shadowing.ts";
import { metricsInput, statusPages } from "../app/views.ts";
import { joinHostPort } from "../config/readers.ts";
import type { ResolvedConfig } from "../config/resolve.ts";
import { type ConfigKey, type DaemonConfig, SPEAKER_KEYS } from "../config/schema.ts";
import { STOP_ACK_LIMIT } from "../drain/machine.ts";
import { Millis } from "../kernel/units.ts";
import { raiseCapabilities } from "../linux/capabilities.ts";
import { openNotifySocket } from "../linux/sdNotify.ts";
import { startHttp } from "../observe/http.ts";
import { createLogger, type Logger, limitRepeats } from "../observe/log.ts";
import { createLogSink } from "../observe/logSink.ts";
import { createMetrics, type Metrics } from "../observe/metrics.ts";
import { type ShadowReport, shadowExitCode } from "../observe/shadowView.ts";
import { startStatusSocket } from "../observe/statusSocket.ts";
import { say } from "./messages.ts";
import { LOG_FLUSH_MS, onDefects, problemLine, reread } from "./process.ts";
import { UsageError } from "./result.ts";
import { shadowText } from "./shadow.ts";
import { chooseSource } from "./source.ts";

/** The settings without which the daemon cannot run. */
export const REQUIRED = ["nodeName"] as const satisfies readonly ConfigKey[];

/** Exit code where a peer has not acknowledged its withdrawals. */
const UNPROVEN = 3;

/**
 * Runs until a signal ends it.
 * @param read the configuration, now and again on SIGHUP @param env the environment @returns the exit code
 */
export async function speaker(
  read: () => ResolvedConfig,
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const resolved = read();
  const { config } = resolved;
  const { source, problems: sourceProblems } = chooseSource(config, env);
  const problems = [...resolved.problems, ...sourceProblems];
  if (problems.some((p) => p.severity === "error") || config.nodeName === null || source === null) {
    throw new UsageError(say("settingsRefused", { problems: problems.map(problemLine).join("\n") }));
  }
  const sink = createLogSink(config.shadowOnce === null ? 1 : 2); // then the comparison has the output to itself
  const log = limitRepeats(createLogger(config.logLevel, sink, realClock.wall), realClock, realTimers);
  log.info("start", { node: config.nodeName, version: VIPCAST_VERSION }, `vipcast ${VIPCAST_VERSION} starts`);
  for (const p of problems) log.warn("configProblem", { kind: p.kind, name: p.name, path: p.path }, problemLine(p));
  const withheld = raiseCapabilities(); // before any thread is started: threads have those of their maker
  if (withheld !== null) log.debug("capabilities", {}, `capabilities stay as they are: ${withheld}`);
  const { nodeName } = config;
  const options: DaemonOptions = { ...config, ...(config.shadow ? SHADOWED : {}), nodeName, source };
  const daemon = new Daemon(options, log, {
    turn: (duration) => metrics.decided(duration / 1000),
    settled: ({ duration }) => {
      metrics.changeSent(duration / 1000);
      service?.ready();
    },
    notification: (runner, direction, notification) => metrics.notification(runner, direction, notification),
  });
  const metrics = createMetrics(metricsInput(daemon, () => sink.dropped()));
  const service = openServiceManager(daemon, log);
  const stopListeners: (() => Promise<void>)[] = [];
  const ending = untilEnded(daemon, log, service, () => reread(read(), config, SPEAKER_KEYS, log));
  let exitCode: number;
  try {
    stopListeners.push(...(await startListeners(daemon, config, metrics, log)));
    await daemon.start();
    const once = config.shadowOnce === null ? null : daemon.shadowing?.once();
    exitCode = await (once == null ? ending : Promise.race([ending, once.then((report) => printOnce(report, config))]));
    if (once != null) await daemon.stop();
  } catch (error) {
    log.error("startFailed", { error }, error instanceof Error ? error.message : String(error));
    exitCode = 1;
  }
  await Promise.all(stopListeners.map((stop) => stop()));
  log.info("stopped", {}, "vipcast has stopped");
  service?.end();
  sink.flush(LOG_FLUSH_MS);
  return exitCode;
}

/** @returns the exit code, once the output has been taken */
function printOnce(report: ShadowReport, { shadowOnce }: DaemonConfig): Promise<number> {
  const text = shadowText(report, shadowOnce === "json", { color: false, wall: realClock.wall() });
  return new Promise((resolve) => process.stdout.write(text, () => resolve(shadowExitCode(report))));
}

async function startListeners(
  daemon: Daemon,
  config: DaemonConfig,
  metrics: Metrics,
  log: Logger,
): Promise<(() => Promise<void>)[]> {
  const onDefect = (error: unknown): void => daemon.defect(error);
  const stops: (() => Promise<void>)[] = [];
  const render = async (): Promise<string> => {
    await daemon.paths.refresh();
    return metrics.render();
  };
  const pages = { metrics: render, notReady: () => daemon.notReady(), onDefect };
  const server = await startMetricsServer(config, daemon.options.source, pages, log);
  if (server !== null && config.metrics !== null) {
    stops.push(() => server.stop());
    const address = joinHostPort(config.metrics.host, server.port);
    log.info("listening", { address }, "metrics and health pages are served");
  }
  if (config.health !== null) {
    const server = await startHttp(config.health, { metrics: null, notReady: () => daemon.notReady(), onDefect });
    stops.push(() => server.stop());
    log.info("listening", { address: joinHostPort(config.health.host, server.port) }, "health pages are served");
  }
  if (config.socket !== null) {
    const socket = await startStatusSocket(config.socket, statusPages(daemon), onDefect);
    stops.push(() => socket.stop());
    log.info("listening", { path: config.socket }, "status socket is open");
  }
  return stops;
}

/** Whom to tell of our life, where a service manager asks to be told; null: nobody asks, or nobody can be told. */
function openServiceManager(daemon: Daemon, log: Logger): ServiceManager | null {
  const { env, pid } = process;
  const socket = env.NOTIFY_SOCKET ?? "";
  if (socket === "") return null;
  const notify = openNotifySocket(socket);
  if (typeof notify === "string") {
    log.warn(
      "serviceManager",
      { path: socket },
      `the service manager cannot be told that the daemon is ready: ${notify}`,
    );
    return null;
  }
  return new ServiceManager({
    notify,
    watchdog: watchdogOf(env, pid),
    timers: realTimers,
    monotonicMicros: () => process.hrtime.bigint() / 1000n,
    unhealthy: () => daemon.reconciler.stuck(),
    notReady: () => daemon.notReady(),
  });
}

/** Settles with the exit code once a signal, or too many defects, have ended the daemon. */
function untilEnded(
  daemon: Daemon,
  log: Logger,
  service: ServiceManager | null,
  onReload: () => void,
): Promise<number> {
  return new Promise((resolve) => {
    let isStopping = false;
    const stop = (exitCode: number): void => {
      isStopping = true;
      service?.stopping(Millis(daemon.options.drainTime + STOP_ACK_LIMIT + STOP_LIMIT_MS));
      daemon.stop().then(
        (outcome) => {
          if (outcome !== "taken back") resolve(exitCode === 0 && outcome === "not proven" ? UNPROVEN : exitCode);
          else isStopping = false;
        },
        () => resolve(1),
      );
    };
    const onSignal = (signal: NodeJS.Signals): void => {
      log.info(
        "signal",
        { signal },
        isStopping ? "second signal: leaving at once" : "withdrawing everything and leaving",
      );
      if (isStopping) resolve(1);
      else stop(0);
    };
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
    process.on("SIGHUP", () => {
      const reload = (): void => {
        onReload();
        daemon.reload();
      };
      if (service === null) reload();
      else service.reload(reload);
    });
    // a defect in one corner must not withdraw every address; it is counted, told, and ends the process only in a storm
    onDefects(
      (error) => daemon.defect(error),
      () => {
        if (!isStopping) stop(1);
      },
    );
  });
}
