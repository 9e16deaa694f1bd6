// SHELL. `/metrics`, `/healthz` and `/readyz` over TCP, only where an address was given. Owns the listening socket and the
// meaning of the two health pages. Knows nothing of BGP: whether we are ready is told by a function.
// Contract: boundedServer.ts's limits; `healthz` says that the event loop turns, `readyz` that the first decision is made.
import { type HostPort, joinHostPort } from "../config/readers.ts";
import {
  createBoundedServer,
  ListenError,
  listening,
  type PageMaker,
  type Pages,
  stopServer,
  textPage,
} from "./boundedServer.ts";

export interface HttpInput {
  /** The metrics in Prometheus' text form; null: not served there. */
  readonly metrics: (() => Promise<string>) | null;
  /** null once the source has been listed and the first decision is complete; else what is still missing. */
  readonly notReady: () => string | null;
  /** Told what a page threw. */
  readonly onDefect: (error: unknown) => void;
}

export interface HttpServer {
  /** The port in use; differs from the one asked for when that was 0. */
  readonly port: number;
  stop(): Promise<void>;
}

const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** @throws ListenError (rejects) with a message that names the flag */
export async function startHttp(address: HostPort, input: HttpInput): Promise<HttpServer> {
  const { metrics } = input;
  const pages: Pages = new Map<string, PageMaker>([
    ...(metrics === null
      ? []
      : [["/metrics", async () => ({ status: 200, contentType: METRICS_TYPE, body: await metrics() })] as const]),
    ["/healthz", () => textPage(200, "ok")],
    [
      "/readyz",
      () => {
        const missing = input.notReady();
        return missing === null ? textPage(200, "ok") : textPage(503, `not ready: ${missing}`);
      },
    ],
  ]);
  const server = createBoundedServer(pages, input.onDefect);
  const { host, port } = address;
  await listening(
    server,
    () => server.listen({ host, port }),
    (code, error) =>
      `${metrics === null ? "--health" : "--metrics"} ${joinHostPort(host, port)}: ${CURES[code] ?? error.message}`,
  );
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new ListenError("no port was bound", "UNKNOWN", null);
  return { port: bound.port, stop: () => stopServer(server) };
}

const CURES: Readonly<Record<string, string>> = {
  EADDRINUSE: "another process listens there already; stop it or choose another port (EADDRINUSE)",
  EADDRNOTAVAIL: "this host has no such address; give one it has, or 0.0.0.0 or [::] for all (EADDRNOTAVAIL)",
  EACCES: "not permitted; ports below 1024 need root or NET_BIND_SERVICE (EACCES)",
  ENOTFOUND: "the name has no address; give an IP address (ENOTFOUND)",
};
