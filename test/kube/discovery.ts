// Which groups, versions and resources there are: the documents that clients read before they ask for objects. Owns their
// shape. Knows nothing of objects. Contract: says what the registry says at this moment, so that a kind defined a moment ago
// is found by the next client.
import { REVIEWS } from "./access.ts";
import { apiVersionOf, type Kind, type KindRegistry } from "./kinds.ts";
import type { JsonObject } from "./objects.ts";

const VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

const reviewGroups = (): readonly { readonly group: string; readonly version: string }[] =>
  Object.keys(REVIEWS).map((key) => {
    const [group = "", version = ""] = key.split("/");
    return { group, version };
  });

/** @returns null: the path is none of discovery */
export function discovery(registry: KindRegistry, path: string): JsonObject | null {
  switch (path) {
    case "/version":
      return { major: "1", minor: "33", gitVersion: "v1.33.0", platform: "linux/amd64" };
    case "/api":
      return { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] };
    case "/apis":
      return { kind: "APIGroupList", apiVersion: "v1", groups: groups(registry).map((g) => group(registry, g)) };
    case "/openapi/v3":
      return {
        paths: Object.fromEntries(
          groupVersions(registry).map((gv) => [gv, { serverRelativeURL: `/openapi/v3/${gv}` }]),
        ),
      };
  }
  const [, root, name = "", version] = path.split("/");
  if (path.startsWith("/openapi/v3/")) return openApi(registry, path.slice("/openapi/v3/".length));
  if (root === "api" && name === "v1" && version === undefined) return resources(registry, "", "v1");
  if (root !== "apis" || path.split("/").length > 4) return null;
  if (version !== undefined) return resources(registry, name, version);
  return groups(registry).includes(name) ? { kind: "APIGroup", apiVersion: "v1", ...group(registry, name) } : null;
}

const groups = (registry: KindRegistry): readonly string[] => [
  ...new Set([...registry.all(), ...reviewGroups()].map((k) => k.group).filter((g) => g !== "")),
];

const groupVersions = (registry: KindRegistry): readonly string[] => [
  ...new Set(registry.all().map((k) => (k.group === "" ? `api/${k.version}` : `apis/${apiVersionOf(k)}`))),
];

function group(registry: KindRegistry, name: string): JsonObject {
  const found = [...registry.all(), ...reviewGroups()].filter((k) => k.group === name).map((k) => k.version);
  // the newest first, as the server orders them: v1 before v1beta2 before v1beta1
  const versions = [...new Set(found)]
    .sort((a, b) => rank(b) - rank(a))
    .map((v) => ({ groupVersion: `${name}/${v}`, version: v }));
  return { name, versions, preferredVersion: versions[0] ?? { groupVersion: "", version: "" } };
}

function rank(version: string): number {
  const [, major = "0", stage, minor = "0"] = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version) ?? [];
  const level = stage === undefined ? 2 : stage === "beta" ? 1 : 0;
  return level * 1e6 + Number(major) * 1e3 + Number(minor);
}

function resources(registry: KindRegistry, groupName: string, version: string): JsonObject | null {
  const kinds = registry.all().filter((k) => k.group === groupName && k.version === version);
  const reviews = Object.entries(REVIEWS).filter(([key]) => key.startsWith(`${groupName}/${version}/`));
  if (kinds.length === 0 && reviews.length === 0) return null;
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion: apiVersionOf({ group: groupName, version }),
    resources: [
      ...kinds.flatMap(entries),
      ...reviews.map(([key, kind]) => ({
        name: key.split("/")[2] ?? "",
        singularName: "",
        namespaced: false,
        kind,
        verbs: ["create"],
      })),
    ],
  };
}

function entries(kind: Kind): readonly JsonObject[] {
  const base = { singularName: kind.singular, namespaced: kind.isNamespaced, kind: kind.kind };
  const main = { name: kind.plural, ...base, verbs: VERBS, shortNames: kind.shortNames };
  const status = { name: `${kind.plural}/status`, ...base, singularName: "", verbs: ["get", "patch", "update"] };
  return kind.hasStatus ? [main, status] : [main];
}

/** No more than tells a client that the server itself looks for unknown fields. */
function openApi(registry: KindRegistry, groupVersion: string): JsonObject | null {
  const kinds = registry
    .all()
    .filter((k) => (k.group === "" ? `api/${k.version}` : `apis/${apiVersionOf(k)}`) === groupVersion);
  if (kinds.length === 0) return null;
  const paths = kinds.map((k) => {
    const place = k.isNamespaced ? "namespaces/{namespace}/" : "";
    const patch = {
      parameters: [{ name: "fieldValidation", in: "query", schema: { type: "string", uniqueItems: true } }],
      "x-kubernetes-group-version-kind": { group: k.group, version: k.version, kind: k.kind },
      responses: {},
    };
    return [`/${groupVersion}/${place}${k.plural}/{name}`, { patch }] as const;
  });
  return {
    openapi: "3.0.0",
    info: { title: "test", version: "v1" },
    paths: Object.fromEntries(paths),
    components: { schemas: {} },
  };
}
