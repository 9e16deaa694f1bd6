// SHELL. The HTTP server under both `http.ts` (TCP) and `statusSocket.ts` (Unix socket): GET and HEAD of a fixed set of
// paths, POST of those that say so, nothing else. Owns the limits (C-270). Knows nothing of what a page says. Contract: a client can be slow, huge,
// silent or hostile and costs a bounded amount of memory and time; a page that fails is a 500 and nothing more.

import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { SecureContextOptions } from "node:tls";
import type { Said } from "../kernel/messages.ts";

export interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whole, or in pieces as the reader takes them. */
  readonly body: string | AsyncIterable<string>;
}

export interface PageRequest {
  readonly query: URLSearchParams;
  /** Of a POST; empty otherwise. */
  readonly body: string;
  /** The header of that name; empty: there is none. */
  readonly authorization: string;
}

export type PageMaker = (request: PageRequest) => Page | Promise<Page>;

/** By exact path; a POST has the method in front: `POST /inject`. */
export type Pages = ReadonlyMap<string, PageMaker>;

/** Limits of every server of this program. */
export const HTTP_LIMITS = {
  /** Octets of request line and headers. */
  headerOctets: 8192,
  /** Octets of the body of a POST. */
  bodyOctets: 1024 * 1024,
  /** Milliseconds for a request to be complete. */
  requestMs: 5000,
  /** Milliseconds a connection may stand still in either direction. */
  idleMs: 10_000,
  connections: 64,
} as const;

export const textPage = (status: number, body: string): Page => ({
  status,
  contentType: "text/plain; charset=utf-8",
  body: `${body}\n`,
});

/** A JSON document that is made while it is read. */
export const streamPage = (pieces: AsyncIterable<string>): Page => ({
  status: 200,
  contentType: "application/json; charset=utf-8",
  body: pieces,
});

export const jsonPage = (value: unknown): Page => ({
  status: 200,
  contentType: "application/json; charset=utf-8",
  body: `${JSON.stringify(value)}\n`,
});

const SERVER_OPTIONS = {
  maxHeaderSize: HTTP_LIMITS.headerOctets,
  headersTimeout: HTTP_LIMITS.requestMs,
  requestTimeout: HTTP_LIMITS.requestMs,
  connectionsCheckingInterval: 1000,
  keepAliveTimeout: HTTP_LIMITS.requestMs,
} as const;

/** @param onDefect told what a page threw */
export const createBoundedServer = (pages: Pages, onDefect: (error: unknown) => void): Server =>
  bounded(createServer(SERVER_OPTIONS, answering(pages, onDefect)));

/**
 * The same over TLS. @param bodyOctets of a POST, where another limit fits
 * @throws Error of the TLS library when certificate and key are of no use
 */
export const createBoundedTlsServer = (
  pages: Pages,
  onDefect: (error: unknown) => void,
  tls: SecureContextOptions,
  bodyOctets?: number,
): TlsServer =>
  bounded(
    createTlsServer(
      { ...SERVER_OPTIONS, handshakeTimeout: HTTP_LIMITS.requestMs, ...tls },
      answering(pages, onDefect, bodyOctets),
    ),
  );

function bounded<S extends Server | TlsServer>(server: S): S {
  server.maxConnections = HTTP_LIMITS.connections;
  server.timeout = HTTP_LIMITS.idleMs;
  return server;
}

const answering =
  (pages: Pages, onDefect: (error: unknown) => void, bodyOctets: number = HTTP_LIMITS.bodyOctets): RequestListener =>
  (request, response) => {
    answer(pages, request, response, bodyOctets).catch((error: unknown) => {
      onDefect(error);
      if (!response.headersSent) send(request, response, textPage(500, "internal error, see the log")).catch(onDefect);
      else response.destroy();
    });
  };

async function answer(
  pages: Pages,
  request: IncomingMessage,
  response: ServerResponse,
  bodyOctets: number,
): Promise<void> {
  const { path, query } = targetOf(request);
  const authorization = request.headers.authorization ?? "";
  const posted = request.method === "POST" ? pages.get(`POST ${path}`) : undefined;
  if (posted !== undefined) {
    const body = await readBody(request, bodyOctets).catch(goneOrThrow);
    if (body === undefined) return;
    if (body === null) await send(request, response, textPage(413, `more than ${bodyOctets} octets`));
    else await send(request, response, await posted({ query, body, authorization }));
    return;
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("allow", "GET, HEAD");
    await send(request, response, textPage(405, "only GET and HEAD"));
    return;
  }
  const page = pages.get(path);
  if (page === undefined) {
    await send(request, response, textPage(404, `not found; there are: ${[...pages.keys()].join(" ")}`));
    return;
  }
  await send(request, response, await page({ query, body: "", authorization }));
}

/** What was asked for, whatever the client wrote: no URL is made of it, for there are texts that none can be made of. */
export function targetOf({ url: target = "" }: Pick<IncomingMessage, "url">): {
  readonly path: string;
  readonly query: URLSearchParams;
} {
  const cut = target.indexOf("?");
  return cut < 0
    ? { path: target, query: new URLSearchParams() }
    : { path: target.slice(0, cut), query: new URLSearchParams(target.slice(cut + 1)) };
}

/** null when it is too large: the rest of it is not read. */
async function readBody(request: IncomingMessage, most: number): Promise<string | null> {
  const chunks: Buffer[] = [];
  let octets = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk);
    octets += chunk.length;
    if (octets > most) return null;
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function send(request: IncomingMessage, response: ServerResponse, page: Page): Promise<void> {
  // a request that brings a body has nothing to say to us: the rest of it is not worth reading
  if (request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined) {
    response.setHeader("connection", "close");
  }
  const { status, contentType, headers = {}, body } = page;
  response.writeHead(status, {
    ...headers,
    "content-type": contentType,
    ...(typeof body === "string" ? { "content-length": Buffer.byteLength(body) } : {}),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  if (request.method === "HEAD") response.end();
  else if (typeof body === "string") response.end(body);
  // a reader that goes, or stands still for too long (`idleMs`), ends the making of pieces, too
  else await pipeline(Readable.from(body, { highWaterMark: 16 }), response).catch(goneOrThrow);
}

/** The other end of a connection went away, which is its right and no defect of ours. */
export const isGone = (error: unknown): boolean =>
  error instanceof Error &&
  "code" in error &&
  ["ECONNRESET", "EPIPE", "ERR_STREAM_PREMATURE_CLOSE"].includes(String(error.code));

function goneOrThrow(error: unknown): undefined {
  if (!isGone(error)) throw error;
}

/** Stops listening and ends every connection. Settles when the last one is gone. */
export function stopServer(server: Server | TlsServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** The system did not let us listen; `message` names the flag and the cure. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly code: string;

  constructor({ message }: Said, code: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** @param begin calls `listen` @param explain what to say for an error code @throws ListenError (rejects) */
export function listening(
  server: Server | TlsServer,
  begin: () => void,
  explain: (code: string, error: Error) => Said,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      const code = error.code ?? "UNKNOWN";
      reject(new ListenError(explain(code, error), code, error));
    };
    server.once("error", failed);
    server.once("listening", () => {
      server.off("error", failed);
      // e.g. EMFILE in accept: the connection is lost, the server goes on
      server.on("error", () => {});
      resolve();
    });
    begin();
  });
}
