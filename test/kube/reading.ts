// What list and watch answer: resource versions, pages, continue tokens, selectors; the stream of a watch with its bookmarks.
// Owns the rules of resourceVersion, resourceVersionMatch, limit and continue. Knows nothing of sockets: a watch is written
// line by line to whoever asked. Contract: a list is exact at one revision, over all its pages.

import { apiVersionOf, type Kind, tableOf } from "./kinds.ts";
import { ApiError, badRequest, expired, type Json, type JsonObject, type KubeObject } from "./objects.ts";
import { fieldSelector, labelSelector, type Predicate } from "./selectors.ts";
import { Compacted, keyOf, type Store, type StoreEvent } from "./store.ts";

export interface Selection {
  readonly kind: Kind;
  /** Empty: all. */
  readonly namespace: string;
  readonly query: URLSearchParams;
}

interface ContinueToken {
  readonly v: "meta.k8s.io/v1";
  readonly rv: number;
  readonly start: string;
}

/** What the server answers from when a list says resourceVersion=0: null: the newest. */
export type CacheRevision = number | null;

const BOOKMARK_END = "k8s.io/initial-events-end";

/** As it is served in one version of its kind. */
export const inVersion = (kind: Kind, object: KubeObject): KubeObject =>
  kind.schema === null ? object : { ...object, apiVersion: apiVersionOf(kind) };

function predicate({ kind, namespace, query }: Selection): Predicate {
  const labels = labelSelector(query.get("labelSelector") ?? "");
  const fields = fieldSelector(query.get("fieldSelector") ?? "", kind.selectableFields);
  return (object) => (namespace === "" || object.metadata.namespace === namespace) && labels(object) && fields(object);
}

function parseRevision(query: URLSearchParams): number | null {
  const given = query.get("resourceVersion") ?? "";
  if (given === "") return null;
  if (!/^\d+$/.test(given))
    throw badRequest(`Invalid value: ${JSON.stringify(given)}: resourceVersion must be a number`);
  return Number(given);
}

const tooLarge = (asked: number, current: number): ApiError =>
  new ApiError(504, "Timeout", `Too large resource version: ${asked}, current: ${current}`, { retryAfterSeconds: 1 });

/** @throws ApiError 400, 410, 504 */
export function listObjects(store: Store, selection: Selection, cache: CacheRevision): JsonObject {
  const { kind, query } = selection;
  const matches = predicate(selection);
  const asked = parseRevision(query);
  const match = query.get("resourceVersionMatch") ?? "";
  const token = query.get("continue") ?? "";
  const { revision, start } = token === "" ? { revision: listedAt(), start: "" } : readToken(token, asked);
  // the real server answers resourceVersion=0 from its cache, which knows no pages
  const limit = asked === 0 && token === "" ? 0 : Number(query.get("limit") ?? 0);

  function listedAt(): number {
    if (match !== "" && !["Exact", "NotOlderThan"].includes(match)) {
      throw badRequest(`resourceVersionMatch: Unsupported value: ${JSON.stringify(match)}`);
    }
    if (match !== "" && asked === null)
      throw badRequest("resourceVersionMatch is forbidden unless resourceVersion is provided");
    if (match === "Exact" && asked === 0)
      throw badRequest('resourceVersionMatch "Exact" is forbidden for resourceVersion "0"');
    if (asked === null) return store.revision;
    if (asked > store.revision) throw tooLarge(asked, store.revision);
    if (asked === 0) return cache ?? store.revision;
    const isExact = match === "Exact" || (match === "" && query.has("limit"));
    return isExact ? asked : store.revision;
  }

  let all: readonly KubeObject[];
  try {
    all = store.snapshot(tableOf(kind), revision);
  } catch (error) {
    if (!(error instanceof Compacted)) throw error;
    // a new token lets the client go on, at the price of a list that is of no one moment
    const inconsistent = token === "" ? {} : { continue: writeToken({ v: "meta.k8s.io/v1", rv: -1, start }) };
    throw expired(revision, error.oldest, inconsistent);
  }
  const rest = all.filter((o) => matches(o) && (start === "" || keyOfObject(o) >= start));
  const page = limit > 0 ? rest.slice(0, limit) : rest;
  const next = rest[page.length];
  const isPlain = !query.has("labelSelector") && !query.has("fieldSelector");
  const metadata: JsonObject = {
    resourceVersion: String(revision),
    ...(next === undefined
      ? {}
      : {
          continue: writeToken({ v: "meta.k8s.io/v1", rv: revision, start: keyOfObject(next) }),
          ...(isPlain ? { remainingItemCount: rest.length - page.length } : {}),
        }),
  };
  return {
    kind: `${kind.kind}List`,
    apiVersion: apiVersionOf(kind),
    metadata,
    items: page.map((o) => inVersion(kind, o)),
  };

  function readToken(given: string, rv: number | null): { readonly revision: number; readonly start: string } {
    if (rv !== null && rv !== 0) throw badRequest("specifying resource version is not allowed when using continue");
    try {
      const read = JSON.parse(Buffer.from(given, "base64url").toString()) as ContinueToken;
      if (read.v === "meta.k8s.io/v1" && Number.isInteger(read.rv) && typeof read.start === "string") {
        return { revision: read.rv === -1 ? store.revision : read.rv, start: read.start };
      }
    } catch {
      // told below
    }
    throw badRequest("continue key is not valid");
  }
}

const writeToken = (token: ContinueToken): string => Buffer.from(JSON.stringify(token)).toString("base64url");

const keyOfObject = ({ metadata }: KubeObject): string =>
  keyOf(typeof metadata.namespace === "string" ? metadata.namespace : "", metadata.name);

export interface WatchTimes {
  readonly bookmarkEveryMs: number;
  /** Life of a watch that does not say timeoutSeconds. */
  readonly defaultTimeoutMs: number;
}

export interface Watch {
  /** Writes what there is already, then what comes. */
  begin(): void;
  /** A bookmark now, where the client has asked for them. */
  bookmark(): void;
  /** Ends as the server does at its time-out; @param error sent as the last event */
  end(error?: ApiError): void;
}

/**
 * A watch that writes the events after the revision asked for, once begun in the same turn. A resource version that is compacted by now is answered with HTTP 410 (thrown), or, as
 * servers may also do, with an ERROR event.
 * @param ended called once, after the last line
 * @throws ApiError 400, 410
 */
export function watchObjects(
  store: Store,
  selection: Selection,
  times: WatchTimes,
  isErrorInStream: boolean,
  write: (line: string) => void,
  ended: () => void,
): Watch {
  const { kind, query } = selection;
  const matches = predicate(selection);
  const asked = parseRevision(query);
  const wantsBookmarks = query.get("allowWatchBookmarks") === "true";
  const wantsInitial = query.get("sendInitialEvents") === "true";
  if (wantsInitial && query.get("resourceVersionMatch") !== "NotOlderThan") {
    throw badRequest("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
  }
  const table = tableOf(kind);
  let told = asked ?? 0;
  let isOver = false;

  const line = (type: string, object: Json): void => write(`${JSON.stringify({ type, object })}\n`);
  const bookmark = (annotations: JsonObject | null): void => {
    const metadata = {
      resourceVersion: String(told),
      creationTimestamp: null,
      ...(annotations ? { annotations } : {}),
    };
    line("BOOKMARK", { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata });
  };
  const tell = (event: StoreEvent): void => {
    told = event.revision;
    const isIn = event.type !== "DELETED" && matches(event.object);
    const wasIn = event.previous !== null && matches(event.previous);
    if (isIn) line(wasIn ? "MODIFIED" : "ADDED", inVersion(kind, event.object));
    else if (wasIn) {
      // what leaves the selection is told as it was, with the revision of its leaving
      const { resourceVersion } = event.object.metadata;
      const last = event.previous ?? event.object;
      line(
        "DELETED",
        inVersion(kind, { ...last, metadata: { ...last.metadata, resourceVersion: resourceVersion ?? "" } }),
      );
    }
  };

  let backlog: readonly StoreEvent[] = [];
  let initial: readonly KubeObject[] = [];
  let stale: ApiError | null = null;
  try {
    if (asked === null || asked === 0 || wantsInitial) {
      initial = store.snapshot(table).filter(matches);
      told = store.revision;
    } else backlog = store.since(table, asked);
  } catch (error) {
    if (!(error instanceof Compacted)) throw error;
    stale = expired(asked ?? 0, error.oldest);
    if (!isErrorInStream) throw stale;
  }

  let unsubscribe = (): void => {};
  let bookmarks: NodeJS.Timeout | undefined;
  let timeout: NodeJS.Timeout | undefined;
  const watch: Watch = {
    begin: () => {
      if (stale !== null) return watch.end(stale);
      for (const object of initial) line("ADDED", inVersion(kind, object));
      if (wantsInitial && wantsBookmarks) bookmark({ [BOOKMARK_END]: "true" });
      for (const event of backlog) tell(event);
      unsubscribe = store.subscribe(table, tell);
      bookmarks = setInterval(() => watch.bookmark(), times.bookmarkEveryMs);
      const seconds = Number(query.get("timeoutSeconds") ?? 0);
      const expire = (): void => {
        watch.bookmark(); // as the real server: so that the next watch need not start far back
        watch.end();
      };
      timeout = setTimeout(expire, seconds > 0 ? seconds * 1000 : times.defaultTimeoutMs);
    },
    bookmark: () => {
      told = Math.max(told, store.revision);
      if (wantsBookmarks && !isOver) bookmark(null);
    },
    end: (error) => {
      if (isOver) return;
      if (error !== undefined) line("ERROR", error.status);
      isOver = true;
      unsubscribe();
      clearInterval(bookmarks);
      clearTimeout(timeout);
      ended();
    },
  };
  return watch;
}
