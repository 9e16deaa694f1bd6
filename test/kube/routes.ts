// From method and URL to what is asked: group, version, resource, namespace, name, subresource, verb. Owns the shape of the
// paths. Knows nothing of which kinds exist, of bodies or answers.

export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete" | "deletecollection";

export interface ResourceRequest {
  readonly verb: Verb;
  readonly group: string;
  readonly version: string;
  /** Plural. */
  readonly resource: string;
  readonly namespace: string;
  /** Empty: the collection. */
  readonly name: string;
  /** `status`, or empty. */
  readonly subresource: string;
}

const VERBS: Readonly<Record<string, { readonly one: Verb | null; readonly all: Verb | null }>> = {
  GET: { one: "get", all: "list" },
  POST: { one: "create", all: "create" },
  PUT: { one: "update", all: null },
  PATCH: { one: "patch", all: null },
  DELETE: { one: "delete", all: "deletecollection" },
};

/** @returns null: not a path of objects, or not a method for it */
export function parseRoute(method: string, url: URL): ResourceRequest | null {
  const parts = url.pathname
    .split("/")
    .filter((p) => p !== "")
    .map(decodeURIComponent);
  const [root, ...rest] = parts;
  const [group, version, tail] =
    root === "api" ? ["", rest[0], rest.slice(1)] : root === "apis" ? [rest[0], rest[1], rest.slice(2)] : [];
  if (group === undefined || version === undefined || tail === undefined || tail.length === 0) return null;
  // "namespaces/NAME/services": in a namespace; "namespaces/NAME" and "namespaces/NAME/status": the namespace itself
  const isInside = tail[0] === "namespaces" && tail.length > 2 && tail[2] !== "status" && tail[2] !== "finalize";
  const namespace = isInside ? (tail[1] ?? "") : "";
  const [resource = "", name = "", subresource = "", ...more] = isInside ? tail.slice(2) : tail;
  if (more.length > 0) return null;
  const verbs = VERBS[method];
  let verb = name === "" ? verbs?.all : verbs?.one;
  if (verb === undefined || verb === null) return null;
  const isWatch = ["true", "1"].includes(url.searchParams.get("watch") ?? "");
  if (isWatch && (verb === "list" || verb === "get")) verb = "watch";
  return { verb, group, version, resource, namespace, name, subresource };
}
