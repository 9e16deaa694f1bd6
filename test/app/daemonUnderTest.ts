// Daemons as tests start them: with the settings of a start without flags, a log that nobody reads, and their pages on a socket. Owns no
// expectation. Knows neither manifests nor cluster. Contract: whoever makes something ends it.
import { setTimeout as sleep } from "node:timers/promises";
import { Daemon } from "../../src/app/daemon.ts";
import type { DaemonOptions } from "../../src/app/daemonOptions.ts";
import { realClock, realTimers } from "../../src/app/realTime.ts";
import { statusPages } from "../../src/app/views.ts";
import { resolveConfig } from "../../src/config/resolve.ts";
import { Millis } from "../../src/kernel/units.ts";
import { createLogger, limitRepeats } from "../../src/observe/log.ts";
import { type StatusSocket, startStatusSocket } from "../../src/observe/statusSocket.ts";

(globalThis as { VIPCAST_VERSION?: string }).VIPCAST_VERSION = "0.0.0-test";

/** A daemon of node `n1` that leaves without a drain; not started. @param log takes the lines from level debug on; default: no log */
export function makeDaemon(
  { source, ...over }: Pick<DaemonOptions, "source"> & Partial<DaemonOptions>,
  log?: (line: string) => void,
): Daemon {
  const sink = createLogger(log === undefined ? "none" : "debug", { write: log ?? (() => {}) }, realClock.wall);
  const { config } = resolveConfig([]);
  const options = { ...config, nodeName: "n1", source, drainTime: Millis(0), shutdownText: "bye", ...over };
  const logger = limitRepeats(sink, realClock, realTimers);
  return new Daemon(options, logger, { turn: () => {}, settled: () => {}, notification: () => {} });
}

/** What its commands ask, at a Unix socket. */
export const servePages = (daemon: Daemon, socket: string): Promise<StatusSocket> =>
  startStatusSocket(socket, statusPages(daemon), (error) => {
    throw error;
  });

/** Looks until it is as wanted: events inside daemons, seen from outside. @throws Error after some 15 s */
export async function until<T>(look: () => T | Promise<T>, holds: (value: T) => boolean): Promise<T> {
  for (let i = 0; ; i++) {
    const value = await look();
    if (holds(value)) return value;
    if (i === 1_000) throw new Error(`never came: ${JSON.stringify(value, null, 1)}`);
    await sleep(15);
  }
}
