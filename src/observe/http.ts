// SHELL. `/metrics`, `/healthz` and `/readyz` over TCP or TLS, only where an address was given. Owns the listening socket, the meaning of
// the two health pages and what somebody hears who may not have the metrics. Knows nothing of BGP: whether we are ready is told by a function.
// Contract: boundedServer.ts's limits; `healthz` says that the event loop turns, `readyz` that the first decision is made.
import type { SecureContextOptions } from "node:tls";
import { type HostPort, joinHostPort } from "../config/readers.ts";
import type { Said } from "../kernel/messages.ts";
import { assertNever } from "../kernel/result.ts";
import { escapeText } from "../kernel/text.ts";
import {
  createBoundedServer,
  createBoundedTlsServer,
  ListenError,
  listening,
  type Page,
  type PageMaker,
  type Pages,
  stopServer,
  textPage,
} from "./boundedServer.ts";
import { say } from "./messages.ts";
import type { Admission } from "./scrapeAccess.ts";

export interface HttpInput {
  /** The metrics in Prometheus' text form; null: not served there. */
  readonly metrics: (() => Promise<string>) | null;
  /** null once the source has been listed and the first decision is complete; else what is still missing. */
  readonly notReady: () => string | null;
  /** Asked before metrics are given; then there is no other page. Absent: everybody gets them. @param authorization the header */
  readonly admit?: (authorization: string) => Promise<Admission>;
  /** Certificate, key and what else TLS is made with; absent: plain. */
  readonly tls?: SecureContextOptions;
  /** Told what a page threw. */
  readonly onDefect: (error: unknown) => void;
}

export interface HttpServer {
  /** The port in use; differs from the one asked for when that was 0. */
  readonly port: number;
  /** From now on connections get this; only of a server over TLS. */
  renew(tls: SecureContextOptions): void;
  stop(): Promise<void>;
}

const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** @throws ListenError (rejects) with a message that names the flag */
export async function startHttp(address: HostPort, input: HttpInput): Promise<HttpServer> {
  const { metrics, admit, tls, onDefect } = input;
  const metricsPage: PageMaker | null = metrics === null ? null : guarded(metrics, admit);
  const health: readonly (readonly [string, PageMaker])[] = [
    ["/healthz", () => textPage(200, "ok")],
    [
      "/readyz",
      () => {
        const missing = input.notReady();
        return missing === null ? textPage(200, "ok") : textPage(503, say("notReady", { missing }).message);
      },
    ],
  ];
  const pages: Pages = new Map([
    ...(metricsPage === null ? [] : [["/metrics", metricsPage] as const]),
    ...(admit === undefined ? health : []),
  ]);
  const secure = tls === undefined ? null : createBoundedTlsServer(pages, onDefect, tls);
  const server = secure ?? createBoundedServer(pages, onDefect);
  const { host, port } = address;
  await listening(
    server,
    () => server.listen({ host, port }),
    (code, error) => {
      const place = `${metrics === null ? "--health" : "--metrics"} ${joinHostPort(host, port)}`;
      return REFUSALS[code]?.(place) ?? say("listenFailed", { place, error: error.message });
    },
  );
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new ListenError(say("noPort"), "UNKNOWN", null);
  return {
    port: bound.port,
    renew: (renewed) => secure?.setSecureContext(renewed),
    stop: () => stopServer(server),
  };
}

/** Seconds after which a scraper may come again that could not be judged. */
const COME_AGAIN = "5";

function guarded(metrics: () => Promise<string>, admit: HttpInput["admit"]): PageMaker {
  const page = async (): Promise<Page> => ({ status: 200, contentType: METRICS_TYPE, body: await metrics() });
  if (admit === undefined) return page;
  return async ({ authorization }) => {
    const admission = await admit(authorization);
    switch (admission.type) {
      case "allowed":
        return page();
      case "unauthenticated": {
        return { ...textPage(401, say("tokenNeeded").message), headers: { "www-authenticate": "Bearer" } };
      }
      case "forbidden": {
        return textPage(403, say("metricsForbidden", { user: escapeText(admission.user) }).message);
      }
      case "unavailable": {
        return { ...textPage(503, say("tokenNotJudged").message), headers: { "retry-after": COME_AGAIN } };
      }
      default:
        return assertNever(admission);
    }
  };
}

const REFUSALS: Readonly<Record<string, (place: string) => Said>> = {
  EADDRINUSE: (place) => say("portTaken", { place }),
  EADDRNOTAVAIL: (place) => say("addressNotHere", { place }),
  EACCES: (place) => say("portForbidden", { place }),
  ENOTFOUND: (place) => say("nameWithoutAddress", { place }),
};
