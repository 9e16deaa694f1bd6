// Who asks, and whether they may: bearer tokens and client certificates to users, RBAC objects of the store to permissions,
// and the review resources that ask the same about others. Owns the rules of RBAC. Knows nothing of HTTP but codes in errors.
// Contract: without tokens everybody may do everything; with them, nobody may do anything that no role says.
import { type Json, type JsonObject, type KubeObject, list, object, text, texts } from "./objects.ts";
import type { Store } from "./store.ts";

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** What is asked for: a resource, or a path that is none. */
export interface Attributes {
  readonly verb: string;
  readonly group: string;
  /** Plural, with the subresource after a slash where there is one. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  /** Empty: a resource is asked for. */
  readonly path: string;
}

export const ANONYMOUS: User = { name: "system:anonymous", groups: ["system:unauthenticated"] };
export const ADMIN: User = { name: "admin", groups: ["system:masters", "system:authenticated"] };

/** A service account, as its token names it. */
export const serviceAccount = (namespace: string, name: string): User => ({
  name: `system:serviceaccount:${namespace}:${name}`,
  groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
});

const includes = (given: readonly string[], wanted: string): boolean => given.includes("*") || given.includes(wanted);

function ruleAllows(rule: JsonObject, asked: Attributes): boolean {
  if (!includes(texts(rule.verbs), asked.verb)) return false;
  if (asked.path !== "") {
    return texts(rule.nonResourceURLs).some((p) =>
      p.endsWith("*") ? asked.path.startsWith(p.slice(0, -1)) : p === asked.path,
    );
  }
  const names = texts(rule.resourceNames);
  return (
    includes(texts(rule.apiGroups), asked.group) &&
    includes(texts(rule.resources), asked.resource) &&
    (names.length === 0 || names.includes(asked.name))
  );
}

function isSubject(subject: JsonObject, user: User, namespace: string): boolean {
  const name = text(subject.name);
  switch (subject.kind) {
    case "User":
      return name === user.name;
    case "Group":
      return user.groups.includes(name);
    case "ServiceAccount":
      return user.name === serviceAccount(text(subject.namespace) || namespace, name).name;
    default:
      return false;
  }
}

/** @returns whether a role bound to the user says so */
export function isAllowed(store: Store, user: User, asked: Attributes): boolean {
  if (user.groups.includes("system:masters")) return true;
  const group = "rbac.authorization.k8s.io";
  const bindings: readonly (readonly [table: string, isCluster: boolean])[] = [
    ["clusterrolebindings", true],
    ["rolebindings", false],
  ];
  return bindings.some(([table, isCluster]) =>
    store.snapshot(`${group}/${table}`).some((binding) => {
      const namespace = text(binding.metadata.namespace);
      if (!isCluster && (asked.path !== "" || namespace !== asked.namespace)) return false;
      if (!list(binding.subjects).some((s) => isSubject(object(s), user, namespace))) return false;
      const { kind, name } = object(binding.roleRef);
      const role =
        kind === "Role"
          ? store.get(`${group}/roles`, `${namespace}/${text(name)}`)
          : store.get(`${group}/clusterroles`, `/${text(name)}`);
      return list(role?.rules).some((rule) => ruleAllows(object(rule), asked));
    }),
  );
}

/** Kinds that are questions: created, answered, never kept. */
export const REVIEWS: Readonly<Record<string, string>> = {
  "authentication.k8s.io/v1/tokenreviews": "TokenReview",
  "authorization.k8s.io/v1/subjectaccessreviews": "SubjectAccessReview",
  "authorization.k8s.io/v1/selfsubjectaccessreviews": "SelfSubjectAccessReview",
};

/** @param user who asks @param users by token */
export function review(
  store: Store,
  kind: string,
  body: Json,
  user: User,
  users: ReadonlyMap<string, User>,
): KubeObject {
  const spec = object(object(body).spec);
  const base = { ...object(body), kind, metadata: { name: "", creationTimestamp: null } };
  const answer = (status: JsonObject): KubeObject => ({
    ...base,
    apiVersion: text(object(body).apiVersion),
    spec,
    status,
  });
  if (kind === "TokenReview") {
    const found = users.get(text(spec.token));
    if (found === undefined) return answer({ authenticated: false, error: "invalid bearer token" });
    return answer({ authenticated: true, user: { username: found.name, groups: found.groups } });
  }
  const resource = object(spec.resourceAttributes);
  const path = text(object(spec.nonResourceAttributes).path);
  const subresource = text(resource.subresource);
  const asked: Attributes = {
    verb: text(path === "" ? resource.verb : object(spec.nonResourceAttributes).verb),
    group: text(resource.group),
    resource: text(resource.resource) + (subresource === "" ? "" : `/${subresource}`),
    namespace: text(resource.namespace),
    name: text(resource.name),
    path,
  };
  const subject = kind === "SelfSubjectAccessReview" ? user : { name: text(spec.user), groups: texts(spec.groups) };
  return answer({ allowed: users.size === 0 || isAllowed(store, subject, asked) });
}
