// SHELL: requests over `node:https` (or `node:http`), one Agent per TLS identity. Owns connections, TCP keep-alive, and how much of an
// answer is handled in one turn of the event loop. Knows nothing of kinds, of lists or watches.
// Contract: exchange.ts's. A request that never gets an answer is the caller's to abort: there is no timer here.
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { ServerAccess } from "./access.ts";
import { ApiError, type ApiFailure, answerFailure, localFailure } from "./apiError.ts";
import { CredentialStore, type CredentialSurroundings, type Credentials, type TlsMaterial } from "./credentials.ts";
import type { Exchange, ExchangeHandlers, ExchangeRequest, Transport } from "./exchange.ts";

/** The kernel asks a silent server after this, then every second: a dead path is noticed after 20 s (milliseconds). */
export const KEEP_ALIVE_MS = 10_000;
/** Longest stretch of handling answers in one turn, milliseconds; the chunk under way is finished. */
const TURN_MS = 4;
/** Octets kept of an answer that is an error. */
const MAX_ERROR_BODY = 64 * 1024;

type AnyAgent = HttpAgent | HttpsAgent;

export class HttpTransport implements Transport {
  readonly server: string;
  readonly #url: URL;
  readonly #access: ServerAccess;
  readonly #credentials: CredentialStore;
  readonly #userAgent: string;
  readonly #open = new Set<OpenExchange>();
  #agent: { readonly tls: TlsMaterial; readonly agent: AnyAgent } | null = null;
  #busy = 0;

  constructor(access: ServerAccess, surroundings: CredentialSurroundings, userAgent: string) {
    this.server = access.url;
    this.#url = new URL(access.url);
    this.#access = access;
    this.#credentials = new CredentialStore(access, surroundings);
    this.#userAgent = userAgent;
  }

  exchange(request: ExchangeRequest, handlers: ExchangeHandlers): Exchange {
    const open: OpenExchange = new OpenExchange(handlers, () => this.#open.delete(open));
    this.#open.add(open);
    this.#send(request, open).catch((error: unknown) => {
      open.fail(error instanceof ApiError ? error : connectionFailure(error));
    });
    return open;
  }

  close(): void {
    for (const open of [...this.#open]) open.abort();
    this.#agent?.agent.destroy();
  }

  async #send({ method, path, query, body }: ExchangeRequest, open: OpenExchange): Promise<void> {
    const credentials = await this.#credentials.current();
    if (open.isOver) return;
    const search = query === undefined ? "" : new URLSearchParams(query).toString();
    const send = this.#url.protocol === "https:" ? httpsRequest : httpRequest;
    const { authorization } = credentials;
    const sent = send({
      agent: this.#agentFor(credentials.tls),
      method,
      host: this.#url.hostname.replace(/^\[|\]$/g, ""),
      port: this.#url.port === "" ? (this.#url.protocol === "https:" ? 443 : 80) : this.#url.port,
      path: `${this.#url.pathname.replace(/\/$/, "")}${path}${search === "" ? "" : `?${search}`}`,
      headers: {
        host: this.#url.host,
        accept: "application/json",
        "user-agent": this.#userAgent,
        ...(authorization === null ? {} : { authorization }),
        ...(body === undefined ? {} : { "content-type": body.type, "content-length": Buffer.byteLength(body.text) }),
      },
    });
    open.sent(sent);
    sent.on("socket", (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS));
    sent.on("error", (error) => open.fail(connectionFailure(error)));
    sent.on("response", (answer) => this.#answered(answer, credentials, open));
    sent.end(body?.text);
  }

  #answered(answer: IncomingMessage, credentials: Credentials, open: OpenExchange): void {
    const status = answer.statusCode ?? 0;
    answer.on("error", (error) => open.fail(connectionFailure(error)));
    if (status < 200 || status > 299) {
      if (status === 401) this.#credentials.refused(credentials);
      collectError(answer, (body) => open.fail(answerFailure(status, body, answer.headers["retry-after"])));
      return;
    }
    open.answered();
    answer.on("data", (chunk: Uint8Array) => {
      const began = performance.now();
      open.data(chunk);
      this.#busy += performance.now() - began;
      if (this.#busy < TURN_MS || open.isOver) return;
      answer.pause();
      setImmediate(() => {
        this.#busy = 0;
        answer.resume();
      });
    });
    answer.on("end", () => open.end());
  }

  /** A changed certificate or authority gets connections of its own; those that stand go on until they end. */
  #agentFor(tls: TlsMaterial): AnyAgent {
    if (this.#agent?.tls === tls) return this.#agent.agent;
    for (const idle of Object.values(this.#agent?.agent.freeSockets ?? {})) for (const s of idle ?? []) s.destroy();
    const { serverName, isInsecure } = this.#access;
    const common = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS, maxFreeSockets: 4 };
    const agent =
      this.#url.protocol === "http:"
        ? new HttpAgent(common)
        : new HttpsAgent({
            ...common,
            rejectUnauthorized: !isInsecure,
            ...(serverName === null ? {} : { servername: serverName }),
            ...(tls.ca === null ? {} : { ca: tls.ca }),
            ...(tls.certificate === null || tls.key === null ? {} : { cert: tls.certificate, key: tls.key }),
          });
    this.#agent = { tls, agent };
    return agent;
  }
}

/** Keeps the promise that nothing is called after the end. */
class OpenExchange implements Exchange {
  readonly #handlers: ExchangeHandlers;
  readonly #onOver: () => void;
  #request: ClientRequest | null = null;
  isOver = false;

  constructor(handlers: ExchangeHandlers, onOver: () => void) {
    this.#handlers = handlers;
    this.#onOver = onOver;
  }

  sent(request: ClientRequest): void {
    this.#request = request;
  }

  answered(): void {
    if (!this.isOver) this.#handlers.answered();
  }

  data(chunk: Uint8Array): void {
    if (!this.isOver) this.#handlers.data(chunk);
  }

  end(): void {
    if (this.#finish()) this.#handlers.ended();
  }

  fail(failure: ApiFailure): void {
    if (this.#finish()) this.#handlers.failed(failure);
  }

  abort(): void {
    if (this.#finish()) this.#request?.destroy();
  }

  #finish(): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    this.#onOver();
    return true;
  }
}

function collectError(answer: IncomingMessage, done: (body: string) => void): void {
  let body = "";
  answer.setEncoding("utf8");
  answer.on("data", (text: string) => {
    if (body.length < MAX_ERROR_BODY) body += text.slice(0, MAX_ERROR_BODY - body.length);
    else answer.destroy(); // the rest is not worth waiting for
  });
  answer.on("close", () => done(body));
}

/** Words for what kept us from the server; the system's own where there are none better. */
const CAUSES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the connection was reset",
  ETIMEDOUT: "the server does not answer",
  EHOSTUNREACH: "no way to the host",
  ENETUNREACH: "no way to the network",
  ENOTFOUND: "the name of the server has no address",
  EAI_AGAIN: "the name of the server cannot be resolved at present",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the server's certificate is signed by nobody the certificate authority knows",
  SELF_SIGNED_CERT_IN_CHAIN: "the server's certificate comes from another certificate authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the server's certificate comes from another certificate authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "the server's certificate comes from another certificate authority",
  CERT_HAS_EXPIRED: "the server's certificate has expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "the server's certificate is for another name",
};

function connectionFailure(error: unknown): ApiFailure {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const words = CAUSES[code] ?? (error instanceof Error && error.message !== "" ? error.message : "no connection");
  return localFailure("connection", code === "" ? words : `${words} (${code})`);
}
