// SHELL. The metrics page as the settings want it: plain or over TLS with files that are followed, for everybody or for bearers of a token
// that the API server approves of. Owns how these come together. Contract: the server is up when the promise settles, and ends with `stop`.
import type { DaemonConfig } from "../config/schema.ts";
import { tlsParameters } from "../config/tls.ts";
import { KubeClient } from "../kube/client.ts";
import { reviewToken } from "../kube/reviews.ts";
import { type HttpInput, type HttpServer, startHttp } from "../observe/http.ts";
import type { Logger } from "../observe/log.ts";
import { ScrapeAccess } from "../observe/scrapeAccess.ts";
import { TlsFiles } from "../observe/tlsFiles.ts";
import { realClock, realTimers } from "./realTime.ts";
import { openTransport, type SourceOptions } from "./source.ts";

export type MetricsServerConfig = Pick<
  DaemonConfig,
  | "metrics"
  | "metricsTlsCert"
  | "metricsTlsKey"
  | "metricsAuth"
  | "tlsMinVersion"
  | "tlsCipherSuites"
  | "tlsCurvePreferences"
>;

const METRICS_PATH = "/metrics";

/** @returns null: nobody asked for it @throws Error (rejects) that names flag or file */
export async function startMetricsServer(
  config: MetricsServerConfig,
  source: SourceOptions,
  pages: Pick<HttpInput, "metrics" | "notReady" | "onDefect">,
  log: Logger,
): Promise<HttpServer | null> {
  const { metrics, metricsTlsCert: cert, metricsTlsKey: key } = config;
  if (metrics === null) return null;
  const files = cert === null || key === null ? null : new TlsFiles({ cert, key, parameters: tlsParameters(config) });
  const tls = files === null ? {} : { tls: files.read() };
  const door = config.metricsAuth ? openDoor(source, log) : null;
  const server = await startHttp(metrics, { ...pages, ...tls, ...(door === null ? {} : { admit: door.admit }) });
  const watch = files?.watch(
    realTimers,
    (renewed) => {
      server.renew(renewed);
      log.info("metricsCertificate", { path: cert }, "the certificate of the metrics page has changed");
    },
    (why) => log.warn("metricsCertificate", { path: cert }, `the certificate in force stays: ${why}`),
  );
  return {
    port: server.port,
    renew: (options) => server.renew(options),
    stop: async () => {
      watch?.stop();
      await server.stop();
      door?.close();
    },
  };
}

interface Door {
  readonly admit: NonNullable<HttpInput["admit"]>;
  readonly close: () => void;
}

/** null where there is no API server to ask: the settings have been refused before. */
function openDoor(source: SourceOptions, log: Logger): Door | null {
  if (source.type !== "kubernetes") return null;
  const transport = openTransport(source);
  const client = new KubeClient(transport, realTimers);
  const access = new ScrapeAccess({
    clock: realClock,
    timers: realTimers,
    review: (token) => reviewToken(client, token, METRICS_PATH),
    failed: (error) => log.warn("metricsAccess", { error }, "the API server cannot be asked who may have the metrics"),
  });
  return { admit: (authorization) => access.admit(authorization), close: () => transport.close() };
}
