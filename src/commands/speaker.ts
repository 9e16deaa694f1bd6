// `vipcast speaker`: the daemon as a process: signals, listeners, the last resort for our own defects. Owns how it starts and
// ends; what it does is app/daemon.ts. Never calls process.exit: main.ts does that with the code given back here.
import { Daemon, type DaemonOptions } from "../app/daemon.ts";
import { realClock, realTimers } from "../app/realTime.ts";
import type { HostPort } from "../config/readers.ts";
import { startHttp } from "../observe/http.ts";
import { createLogger, limitRepeats, type Logger, type LogLevel } from "../observe/log.ts";
import { createLogSink } from "../observe/logSink.ts";
import { startStatusSocket } from "../observe/statusSocket.ts";

export interface SpeakerCommandOptions extends DaemonOptions {
  readonly logLevel: LogLevel;
  readonly metrics: HostPort | null;
  readonly socket: string | null;
}

/** How long the log may hold up the end of the process, milliseconds. */
const LOG_FLUSH_MS = 200;

/** Defects outside every peer's own handling within a minute after which the process ends rather than limps on. */
const DEFECTS_PER_MINUTE = 20;

/** Runs until a signal ends it. @returns the exit code */
export async function speaker(options: SpeakerCommandOptions): Promise<number> {
  const sink = createLogSink(1);
  const log = limitRepeats(createLogger(options.logLevel, sink, realClock.wall), realClock, realTimers);
  log.info("start", { node: options.nodeName, version: VIPCAST_VERSION }, `vipcast ${VIPCAST_VERSION} starts`);
  const daemon = new Daemon(options, log);
  const ending = untilEnded(daemon, log);
  try {
    await startListeners(daemon, options, log);
    await daemon.start();
  } catch (error) {
    log.error("startFailed", { error }, error instanceof Error ? error.message : String(error));
    sink.flush(LOG_FLUSH_MS);
    return 1;
  }
  const exitCode = await ending;
  log.info("stopped", {}, "vipcast has stopped");
  sink.flush(LOG_FLUSH_MS);
  return exitCode;
}

async function startListeners(daemon: Daemon, options: SpeakerCommandOptions, log: Logger): Promise<void> {
  const onDefect = (error: unknown): void => daemon.defect(error);
  const { metrics, socket } = options;
  if (metrics !== null) {
    const server = await startHttp(metrics, { metrics: () => daemon.metrics(), notReady: () => daemon.notReady(), onDefect });
    log.info("listening", { address: `${metrics.host}:${server.port}` }, "metrics and health pages are served");
  }
  if (socket !== null) {
    await startStatusSocket(socket, daemon.statusPages(), onDefect);
    log.info("listening", { path: socket }, "status socket is open");
  }
}

/** Settles with the exit code once a signal, or too many defects, have ended the daemon. */
function untilEnded(daemon: Daemon, log: Logger): Promise<number> {
  return new Promise((resolve) => {
    let isStopping = false;
    const stop = (exitCode: number): void => {
      isStopping = true;
      daemon.stop().then(
        () => resolve(exitCode),
        () => resolve(1),
      );
    };
    const onSignal = (signal: NodeJS.Signals): void => {
      log.info("signal", { signal }, isStopping ? "second signal: leaving at once" : "withdrawing everything and leaving");
      if (isStopping) resolve(1);
      else stop(0);
    };
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
    process.on("SIGHUP", () => daemon.reload());
    const recent: number[] = [];
    const onDefect = (error: unknown): void => {
      daemon.defect(error);
      const now = realClock.now();
      recent.push(now);
      while ((recent[0] ?? now) < now - 60_000) recent.shift();
      if (recent.length > DEFECTS_PER_MINUTE && !isStopping) stop(1);
    };
    // a defect in one corner must not withdraw every address; it is counted, told, and ends the process only in a storm
    process.on("uncaughtException", onDefect);
    process.on("unhandledRejection", onDefect);
  });
}
