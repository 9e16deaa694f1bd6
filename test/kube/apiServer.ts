// The API server for tests: Kubernetes' HTTP interface over a store in memory, with faults on demand. Owns sockets, the order
// of what happens to a request (log, fault, who, may they, what) and the interface that tests steer it by. The rules of
// reading, writing, selecting, access are in the files beside it. Contract: behaves like the real one for what vipcast and
// kubectl ask; what it does not know it refuses, it never pretends. Everything in it ends with `stop`.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { parse, parseAllDocuments } from "yaml";
import { ADMIN, ANONYMOUS, type Attributes, isAllowed, REVIEWS, review, type User } from "./access.ts";
import { acceptedStatus, kindsOf } from "./definitions.ts";
import { discovery } from "./discovery.ts";
import { type ArmedFault, type Fault, Faults, type FaultTarget, Outlet } from "./faults.ts";
import { CRD_GROUP, type Kind, KindRegistry, tableOf } from "./kinds.ts";
import {
  ApiError,
  badRequest,
  expired,
  forbidden,
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
  noSuchPath,
  object,
  text,
  unauthorized,
} from "./objects.ts";
import { inVersion, listObjects, type Watch, watchObjects } from "./reading.ts";
import { type LoggedRequest, RequestLog } from "./requestLog.ts";
import { parseRoute, type ResourceRequest } from "./routes.ts";
import { keyOf, Store } from "./store.ts";
import { asTable, wantsTable } from "./table.ts";
import * as writing from "./writing.ts";

export interface ApiServerOptions {
  /** Serve TLS with this certificate; without: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
  /** Users by bearer token. None and no clientCa: everybody may do everything. */
  readonly tokens?: Readonly<Record<string, User>>;
  /** How often a watch that asked for bookmarks gets one, milliseconds. */
  readonly bookmarkEveryMs?: number;
  /** Whether a watch at a compacted revision is refused with HTTP 410 or with an ERROR event. */
  readonly goneAs?: "status" | "event";
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

  get url(): string {
    return `${this.#options.tls === undefined ? "http" : "https"}://127.0.0.1:${this.#port}`;
  }

  // --- what tests do to it

  /**
   * Writes objects with their status, whatever is there, as an administrator. Namespaces that are missing are made.
   * @param objects YAML of one or more documents, or an object @throws ApiError as for a request
   */
  apply(objects: string | Json): readonly KubeObject[] {
    const documents = typeof objects === "string" ? parseAllDocuments(objects).map((d) => d.toJS() as Json) : [objects];
    const flat = documents.flatMap((d) => (isObject(d) && d.kind === "List" && Array.isArray(d.items) ? d.items : [d]));
    return flat.filter(isObject).map((written) => this.#put(written));
  }

  #put(written: JsonObject): KubeObject {
    const kind = this.kinds.of({ apiVersion: text(written.apiVersion), kind: text(written.kind) });
    if (kind === null) throw badRequest(`no kind ${text(written.kind)} in ${text(written.apiVersion)}`);
    const metadata = object(written.metadata);
    const namespace = kind.isNamespaced ? text(metadata.namespace) || "default" : "";
    if (namespace !== "" && this.store.get("/namespaces", keyOf("", namespace)) === null) {
      this.#put({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    }
    const target = { kind, namespace, name: text(metadata.name), subresource: "" };
    const options = this.#writeOptions(new URLSearchParams("fieldManager=test"));
    const isThere = this.store.get(tableOf(kind), keyOf(namespace, target.name)) !== null;
    const body = { ...written, metadata: { ...metadata, resourceVersion: "" } };
    const current = isThere ? this.get(text(written.kind), namespace, target.name) : null;
    const main = isThere
      ? writing.update(this.store, target, withVersion(body, current), options)
      : writing.create(this.store, target, body, options);
    this.#changed(kind, main);
    const status = written.status;
    if (status === undefined || !kind.hasStatus) return main;
    return writing.update(
      this.store,
      { ...target, name: main.metadata.name, subresource: "status" },
      { ...main, status },
      options,
    );
  }

  /** @param kind e.g. `Service` @throws ApiError 404 */
  get(kind: string, namespace: string, name: string): KubeObject {
    const found = this.#kindNamed(kind);
    return writing.existing(this.store, { kind: found, namespace, name, subresource: "" });
  }

  list(kind: string): readonly KubeObject[] {
    return this.store.snapshot(tableOf(this.#kindNamed(kind)));
  }

  /** @throws ApiError 404 */
  delete(kind: string, namespace: string, name: string): void {
    const found = this.#kindNamed(kind);
    const target = { kind: found, namespace, name, subresource: "" };
    this.#removed(found, writing.remove(this.store, target, null, this.#writeOptions(new URLSearchParams())));
  }

  #kindNamed(name: string): Kind {
    const found = this.kinds.all().findLast((k) => k.kind === name);
    if (found === undefined) throw badRequest(`no kind ${name}`);
    return found;
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
      server.listen(port, "127.0.0.1", resolve);
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
      const result = this.#serve(kind, route, url.searchParams, entry.contentType, body);
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

  #serve(kind: Kind, route: ResourceRequest, query: URLSearchParams, contentType: string, body: Json): JsonObject {
    const { verb, namespace, name, subresource } = route;
    const target = { kind, namespace, name, subresource };
    const options = this.#writeOptions(query);
    switch (verb) {
      case "get":
        return inVersion(kind, writing.existing(this.store, target));
      case "list":
      case "watch":
        return listObjects(this.store, { kind, namespace, query }, this.#cacheRevision);
      case "create":
        this.#check(kind, body);
        return inVersion(kind, this.#changed(kind, writing.create(this.store, target, body, options)));
      case "update":
        this.#check(kind, body);
        return inVersion(kind, this.#changed(kind, writing.update(this.store, target, body, options)));
      case "patch":
        return inVersion(kind, this.#changed(kind, writing.patch(this.store, target, contentType, body, options)));
      case "delete":
        return this.#removed(kind, writing.remove(this.store, target, body, options));
      case "deletecollection": {
        const found = listObjects(this.store, { kind, namespace, query }, null);
        for (const item of (found.items as readonly KubeObject[] | undefined) ?? []) {
          const place = text(item.metadata.namespace);
          const one = { ...target, namespace: place, name: item.metadata.name };
          this.#removed(kind, writing.remove(this.store, one, null, options));
        }
        return found;
      }
    }
  }

  #writeOptions(query: URLSearchParams): writing.WriteOptions {
    return {
      fieldManager: query.get("fieldManager") ?? "",
      force: query.get("force") === "true",
      isDryRun: query.has("dryRun"),
      now: () => new Date(),
    };
  }

  /** A definition that cannot be held to is refused before it is stored. */
  #check(kind: Kind, body: Json): void {
    if (kind.group === CRD_GROUP && isObject(body)) kindsOf({ metadata: { name: "" }, ...body } as KubeObject);
  }

  /** What follows from an object's being there. */
  #changed(kind: Kind, stored: KubeObject): KubeObject {
    if (kind.group !== CRD_GROUP) return stored;
    for (const defined of kindsOf(stored)) this.kinds.add(defined);
    if (stored.status !== undefined) return stored;
    const status = acceptedStatus(stored, new Date().toISOString());
    return this.store.put(tableOf(kind), { ...stored, status });
  }

  /** What follows from an object's not being there any more: its dependents go, a namespace takes everything along. */
  #removed(kind: Kind, last: KubeObject): KubeObject {
    if (last.metadata.deletionTimestamp !== undefined) return last;
    if (kind.group === CRD_GROUP) for (const defined of kindsOf(last)) this.kinds.remove(defined);
    const { uid, name } = last.metadata;
    const isNamespace = tableOf(kind) === "/namespaces";
    const seen = new Set<string>();
    for (const other of this.kinds.all()) {
      if (seen.has(tableOf(other))) continue;
      seen.add(tableOf(other));
      for (const dependent of this.store.snapshot(tableOf(other))) {
        const owners = dependent.metadata.ownerReferences;
        const isOwned =
          Array.isArray(owners) && owners.length > 0 && owners.every((o) => object(o as Json).uid === uid);
        if (!isOwned && !(isNamespace && dependent.metadata.namespace === name)) continue;
        const target = {
          kind: other,
          namespace: text(dependent.metadata.namespace),
          name: dependent.metadata.name,
          subresource: "",
        };
        this.#removed(other, writing.remove(this.store, target, null, this.#writeOptions(new URLSearchParams())));
      }
    }
    return last;
  }

  /** The connection below TLS. */
  #socketOf(request: IncomingMessage): Socket {
    return this.#sockets.get(request.socket.remotePort ?? 0) ?? request.socket;
  }
}

const withVersion = (body: JsonObject, current: KubeObject | null): JsonObject =>
  current === null
    ? body
    : { ...body, metadata: { ...object(body.metadata), resourceVersion: current.metadata.resourceVersion ?? "" } };

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
