// The API server for tests: Kubernetes' HTTP interface over a store in memory, with faults on demand. Owns sockets, the order
// of what happens to a request (log, fault, who, may they, what) and the interface that tests steer it by. The rules of
// reading, writing, selecting, access are in the files beside it. Contract: behaves like the real one for what vipcast and
// kubectl ask; what it does not know it refuses, it never pretends. Everything in it ends with `stop`.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { parse } from "yaml";
import { ADMIN, ANONYMOUS, type Attributes, isAllowed, REVIEWS, review, type User } from "./access.ts";
import { discovery } from "./discovery.ts";
import { type ArmedFault, type Fault, Faults, type FaultTarget, Outlet } from "./faults.ts";
import { type Kind, KindRegistry, tableOf } from "./kinds.ts";
import {
  ApiError,
  badRequest,
  expired,
  forbidden,
  type Json,
  type KubeObject,
  noSuchPath,
  unauthorized,
} from "./objects.ts";
import { type Watch, watchObjects } from "./reading.ts";
import { type LoggedRequest, RequestLog } from "./requestLog.ts";
import { parseRoute, type ResourceRequest } from "./routes.ts";
import { Objects } from "./serving.ts";
import { keyOf, Store } from "./store.ts";
import { asTable, wantsTable } from "./table.ts";

export interface ApiServerOptions {
  /** Serve TLS with this certificate; without: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
  /** Users by bearer token. None and no clientCa: everybody may do everything. */
  readonly tokens?: Readonly<Record<string, User>>;
  /** How often a watch that asked for bookmarks gets one, milliseconds. */
  readonly bookmarkEveryMs?: number;
  /** Whether a watch at a compacted revision is refused with HTTP 410 or with an ERROR event. */
  readonly goneAs?: "status" | "event";
  /** To listen on; default 127.0.0.1. */
  readonly address?: string;
  /** 0: any free one. */
  readonly port?: number;
}

/** How long a watch lives that does not ask for a time. */
const WATCH_LIFE_MS = 30 * 60_000;
const BOOKMARK_EVERY_MS = 60_000;
const MAX_BODY_BYTES = 3 * 1024 * 1024;

export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const server = new ApiServer(options);
  await server.listen(options.port ?? 0);
  return server;
}

interface OpenWatch {
  readonly watch: Watch;
  readonly outlet: Outlet;
  readonly route: ResourceRequest;
}

export class ApiServer {
  readonly store = new Store();
  readonly kinds = new KindRegistry();
  readonly objects = new Objects(this.store, this.kinds);
  readonly requests = new RequestLog();
  /** Users by bearer token; may be changed while the server runs. */
  readonly tokens: Map<string, User>;
  readonly #options: ApiServerOptions;
  readonly #faults = new Faults();
  readonly #watches = new Set<OpenWatch>();
  /** By the client's port: the connections below TLS. */
  readonly #sockets = new Map<number, Socket>();
  #server: Server | null = null;
  #port = 0;
  #isMute = false;
  #cacheRevision: number | null = null;
  #goneAs: "status" | "event";

  constructor(options: ApiServerOptions) {
    this.#options = options;
    this.#goneAs = options.goneAs ?? "status";
    this.tokens = new Map(Object.entries(options.tokens ?? {}));
    for (const name of ["default", "kube-system"])
      this.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
  }

  get #address(): string {
    return this.#options.address ?? "127.0.0.1";
  }

  get url(): string {
    return `${this.#options.tls === undefined ? "http" : "https"}://${this.#address}:${this.#port}`;
  }

  // --- what tests do to it

  /** As `Objects.apply`. */
  apply(objects: string | Json): readonly KubeObject[] {
    return this.objects.apply(objects);
  }

  /** @param kind e.g. `Service` @throws ApiError 404 */
  get(kind: string, namespace: string, name: string): KubeObject {
    return this.objects.get(kind, namespace, name);
  }

  list(kind: string): readonly KubeObject[] {
    return this.objects.list(kind);
  }

  /** @throws ApiError 404 */
  delete(kind: string, namespace: string, name: string): void {
    this.objects.delete(kind, namespace, name);
  }

  /** The next `times` requests that fit get this fault. */
  fault(fault: Fault, target: FaultTarget = {}, times = 1): ArmedFault {
    return this.#faults.arm(fault, target, times);
  }

  /** Refuses what fits with 403, as if no role allowed it, until disarmed. */
  forbid(target: FaultTarget): ArmedFault {
    const message = `User "test" cannot ${[target.verb ?? "*"].flat().join(",")} resource "${target.resource ?? "*"}"`;
    return this.fault({ type: "status", code: 403, message }, target, Number.POSITIVE_INFINITY);
  }

  /** Forgets all history up to now: a watch or page from before is answered with 410. */
  compact(): void {
    this.store.compact();
  }

  /** From now on: how watches learn that their revision is gone. */
  goneAs(how: "status" | "event"): void {
    this.#goneAs = how;
  }

  /** Lists that say resourceVersion=0 are answered from what is there now, as by a server whose cache lags; false: no longer. */
  freezeCache(isFrozen: boolean): void {
    this.#cacheRevision = isFrozen ? this.store.revision : null;
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  /** Open watches of one resource. @param resource plural */
  watchesOf(resource: string): number {
    return [...this.#watches].filter(({ route }) => route.resource === resource).length;
  }

  /** A bookmark for every watch that asked for them. */
  bookmark(): void {
    for (const { watch } of this.#watches) watch.bookmark();
  }

  /** Ends open watches as at their time-out, or with an ERROR event. @param resource plural; all when left out */
  closeWatches(resource?: string, how: "end" | "gone" = "end"): void {
    const gone = how === "gone" ? expired(0, this.store.revision) : undefined;
    for (const { watch, route } of [...this.#watches]) {
      if (resource === undefined || route.resource === resource) watch.end(gone);
    }
  }

  /** Resets every connection that is open. */
  cut(): void {
    for (const socket of this.#sockets.values()) socket.resetAndDestroy();
  }

  /** Half-open: what is connected stays connected and hears nothing any more. @param resource only these watches */
  stall(resource?: string): void {
    for (const { outlet, route } of this.#watches) {
      if (resource === undefined || route.resource === resource) outlet.mute();
    }
  }

  /** While true, requests are taken and never answered. */
  mute(isMute: boolean): void {
    this.#isMute = isMute;
  }

  /** Listens (again) at the same port. */
  async listen(port = this.#port): Promise<void> {
    const { tls } = this.#options;
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      void this.#handle(request, response);
    };
    const ask = tls?.clientCa === undefined ? {} : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: false };
    const server =
      tls === undefined ? createServer(handle) : createTlsServer({ cert: tls.cert, key: tls.key, ...ask }, handle);
    server.on("connection", (socket: Socket) => {
      const key = socket.remotePort ?? 0;
      this.#sockets.set(key, socket);
      socket.on("close", () => this.#sockets.delete(key));
      socket.on("error", () => {}); // a client may leave at any time
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, this.#address, resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Away: every connection is reset and new ones are refused, until `listen`. What is stored stays. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const { watch, outlet } of [...this.#watches]) {
      outlet.mute();
      watch.end();
    }
    if (server === null) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    this.cut();
    server.closeAllConnections();
    await closed;
  }

  // --- what clients ask of it

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://server");
    const route = parseRoute(request.method ?? "GET", url);
    const user = this.#user(request);
    const entry: LoggedRequest = {
      verb: route?.verb ?? "other",
      resource: route?.resource ?? "",
      namespace: route?.namespace ?? "",
      name: route?.name ?? "",
      subresource: route?.subresource ?? "",
      path: url.pathname,
      query: url.searchParams,
      user: user?.name ?? "",
      contentType: (request.headers["content-type"] ?? "").split(";")[0]?.trim() ?? "",
      at: performance.now(),
      size: 0,
      code: 0,
    };
    this.requests.add(entry);
    if (this.#isMute) return;
    const fault = this.#faults.take(entry);
    const outlet = new Outlet(response, this.#socketOf(request), fault);
    const head = (code: number, headers: Readonly<Record<string, string>> = {}): void => {
      entry.code = code;
      outlet.head(code, { "content-type": "application/json", ...headers });
      this.requests.changed();
    };
    const answer = (code: number, body: Json, headers: Readonly<Record<string, string>> = {}): void => {
      head(code, headers);
      outlet.write(fault?.type === "garbage" ? fault.body : `${JSON.stringify(body)}\n`);
      outlet.end();
    };
    try {
      const body = await readBody(request, entry);
      if (fault?.type === "status") throw faultError(fault);
      if (user === null) throw unauthorized();
      if (route === null) return answer(200, this.#page(url.pathname, user, request.method ?? ""));
      this.#authorize(user, { ...route, name: nameAsked(route, url.searchParams) });
      const reviewed = REVIEWS[`${route.group}/${route.version}/${route.resource}`];
      if (reviewed !== undefined && route.verb === "create") {
        return answer(201, review(this.store, reviewed, body, user, this.tokens));
      }
      const kind = this.kinds.find(route.group, route.version, route.resource);
      if (kind === null || (route.subresource !== "" && route.subresource !== "status")) throw noSuchPath();
      if (route.verb === "watch") {
        if (fault?.type === "garbage") return answer(200, null);
        return this.#watch(kind, route, url.searchParams, outlet, head, response);
      }
      // an apply may create, too
      const isNew = this.store.get(tableOf(kind), keyOf(route.namespace, route.name)) === null;
      const result = this.objects.serve(kind, route, url.searchParams, entry.contentType, body, this.#cacheRevision);
      const table = wantsTable(request.headers.accept ?? "") ? asTable(kind, result) : result;
      answer(["create", "patch"].includes(route.verb) && isNew ? 201 : 200, table);
    } catch (error) {
      const known = error instanceof ApiError ? error : new ApiError(500, "InternalError", String(error));
      const wait = known.details.retryAfterSeconds;
      answer(known.code, known.status, wait === undefined ? {} : { "retry-after": String(wait) });
    }
  }

  #user(request: IncomingMessage): User | null {
    const { socket } = request;
    if (this.#options.tls?.clientCa !== undefined && socket instanceof TLSSocket && socket.authorized) {
      const { CN, O } = socket.getPeerCertificate().subject;
      return { name: String(CN), groups: [...[O ?? []].flat(), "system:authenticated"] };
    }
    const isOpen = this.tokens.size === 0 && this.#options.tls?.clientCa === undefined;
    if (isOpen) return ADMIN;
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
    return token === undefined ? ANONYMOUS : (this.tokens.get(token) ?? null);
  }

  #authorize(user: User, route: ResourceRequest): void {
    const { verb, group, resource, namespace, name, subresource } = route;
    const whole = subresource === "" ? resource : `${resource}/${subresource}`;
    const asked: Attributes = { verb, group, resource: whole, namespace, name, path: "" };
    if (isAllowed(this.store, user, asked)) return;
    const where = namespace === "" ? "at the cluster scope" : `in the namespace "${namespace}"`;
    const what = `User "${user.name}" cannot ${verb} resource "${whole}" in API group "${group}" ${where}`;
    throw forbidden({ plural: whole, group }, name, what);
  }

  #page(path: string, user: User, method: string): Json {
    if (user === ANONYMOUS && !["/healthz", "/readyz", "/livez", "/version"].includes(path)) throw unauthorized();
    if (["/healthz", "/readyz", "/livez"].includes(path)) return "ok";
    const page = method === "GET" ? discovery(this.kinds, path) : null;
    if (page === null) throw noSuchPath();
    return page;
  }

  #watch(
    kind: Kind,
    route: ResourceRequest,
    query: URLSearchParams,
    outlet: Outlet,
    head: (code: number) => void,
    response: ServerResponse,
  ): void {
    const selected = new URLSearchParams(query);
    if (route.name !== "") selected.set("fieldSelector", `metadata.name=${route.name}`);
    const times = {
      bookmarkEveryMs: this.#options.bookmarkEveryMs ?? BOOKMARK_EVERY_MS,
      defaultTimeoutMs: WATCH_LIFE_MS,
    };
    const watch = watchObjects(
      this.store,
      { kind, namespace: route.namespace, query: selected },
      times,
      this.#goneAs === "event",
      (line) => outlet.write(line),
      () => {
        this.#watches.delete(open);
        outlet.end();
      },
    );
    const open: OpenWatch = { watch, outlet, route };
    this.#watches.add(open);
    response.on("close", () => watch.end());
    head(200);
    watch.begin();
  }

  /** The connection below TLS. */
  #socketOf(request: IncomingMessage): Socket {
    return this.#sockets.get(request.socket.remotePort ?? 0) ?? request.socket;
  }
}

/** A list or watch of one object by its name may be allowed by a role for that name. */
const nameAsked = ({ name }: ResourceRequest, query: URLSearchParams): string =>
  name === "" ? (/^metadata\.name==?([^,]+)$/.exec(query.get("fieldSelector") ?? "")?.[1] ?? "") : name;

const REASONS: Readonly<Record<number, string>> = {
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  409: "Conflict",
  410: "Expired",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

const faultError = (fault: Fault & { readonly type: "status" }): ApiError =>
  new ApiError(
    fault.code,
    REASONS[fault.code] ?? "Unknown",
    fault.message ?? "a fault that the test asked for",
    fault.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: fault.retryAfterSeconds },
  );

async function readBody(request: IncomingMessage, entry: LoggedRequest): Promise<Json> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(chunk as Buffer);
    entry.size += (chunk as Buffer).length;
    if (entry.size > MAX_BODY_BYTES) throw new ApiError(413, "RequestEntityTooLarge", "the request is too large");
  }
  const whole = Buffer.concat(chunks).toString();
  if (whole === "") return null;
  if (entry.contentType.includes("protobuf")) throw new ApiError(415, "UnsupportedMediaType", "protobuf is not served");
  try {
    return (entry.contentType.includes("yaml") ? parse(whole) : JSON.parse(whole)) as Json;
  } catch (error) {
    throw badRequest(`the body cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
