// The kinds that the server serves: names, scope, status subresource. Owns the table of built-in kinds and the registry that
// definitions (CRDs) add to. Knows nothing of requests or storage, only the table name under which objects are kept.
// Contract: one storage table per group and plural, whatever the version; the registry answers with the newest definition.
import type { KubeObject } from "./objects.ts";
import type { Schema } from "./schema.ts";

/** A column of `kubectl get`. */
export interface Column {
  readonly name: string;
  readonly type: string;
  readonly path: string;
  readonly priority: number;
}

export interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly isNamespaced: boolean;
  readonly hasStatus: boolean;
  /** Whether a write of the status may change labels and annotations as well: so with Services, not with defined kinds. */
  readonly statusHasMetadata: boolean;
  /** Whether metadata.generation counts the changes of what is not status. */
  readonly hasGeneration: boolean;
  /** Of a defined kind; null: built in, taken as it comes. */
  readonly schema: Schema | null;
  readonly columns: readonly Column[];
  /** Field selectors beyond metadata.name and metadata.namespace. */
  readonly selectableFields: readonly string[];
}

export const tableOf = (kind: { readonly group: string; readonly plural: string }): string =>
  `${kind.group}/${kind.plural}`;

export const apiVersionOf = (kind: { readonly group: string; readonly version: string }): string =>
  kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;

type Scope = "namespaced" | "cluster";

const kind = (
  group: string,
  version: string,
  name: string,
  plural: string,
  scope: Scope,
  extra: Partial<Kind> = {},
): Kind => ({
  group,
  version,
  kind: name,
  plural,
  singular: name.toLowerCase(),
  shortNames: [],
  isNamespaced: scope === "namespaced",
  hasStatus: false,
  statusHasMetadata: false,
  hasGeneration: false,
  schema: null,
  columns: [],
  selectableFields: [],
  ...extra,
});

const RBAC = "rbac.authorization.k8s.io";
export const CRD_GROUP = "apiextensions.k8s.io";

const BUILT_IN: readonly Kind[] = [
  kind("", "v1", "Namespace", "namespaces", "cluster", { hasStatus: true, shortNames: ["ns"] }),
  kind("", "v1", "Node", "nodes", "cluster", {
    hasStatus: true,
    shortNames: ["no"],
    selectableFields: ["spec.unschedulable"],
  }),
  kind("", "v1", "Service", "services", "namespaced", {
    hasStatus: true,
    statusHasMetadata: true,
    shortNames: ["svc"],
    selectableFields: ["spec.type", "spec.clusterIP"],
  }),
  kind("", "v1", "Pod", "pods", "namespaced", {
    hasStatus: true,
    shortNames: ["po"],
    selectableFields: ["spec.nodeName", "spec.serviceAccountName", "status.phase", "status.podIP"],
  }),
  kind("", "v1", "Secret", "secrets", "namespaced", { selectableFields: ["type"] }),
  kind("", "v1", "ConfigMap", "configmaps", "namespaced", { shortNames: ["cm"] }),
  kind("", "v1", "ServiceAccount", "serviceaccounts", "namespaced", { shortNames: ["sa"] }),
  kind("", "v1", "Event", "events", "namespaced", {
    shortNames: ["ev"],
    selectableFields: [
      "involvedObject.kind",
      "involvedObject.name",
      "involvedObject.namespace",
      "involvedObject.uid",
      "reason",
      "type",
      "source",
    ],
  }),
  kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", "namespaced", { hasGeneration: true }),
  kind("coordination.k8s.io", "v1", "Lease", "leases", "namespaced"),
  kind("apps", "v1", "Deployment", "deployments", "namespaced", { hasStatus: true, hasGeneration: true }),
  kind("apps", "v1", "DaemonSet", "daemonsets", "namespaced", { hasStatus: true, hasGeneration: true }),
  kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", "namespaced", {
    hasStatus: true,
    hasGeneration: true,
  }),
  kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", "namespaced", { hasGeneration: true }),
  kind(
    "admissionregistration.k8s.io",
    "v1",
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
    "cluster",
    { hasGeneration: true },
  ),
  kind(RBAC, "v1", "ClusterRole", "clusterroles", "cluster"),
  kind(RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", "cluster"),
  kind(RBAC, "v1", "Role", "roles", "namespaced"),
  kind(RBAC, "v1", "RoleBinding", "rolebindings", "namespaced"),
  kind(CRD_GROUP, "v1", "CustomResourceDefinition", "customresourcedefinitions", "cluster", {
    hasStatus: true,
    hasGeneration: true,
    shortNames: ["crd", "crds"],
  }),
];

export class KindRegistry {
  readonly #kinds = new Map<string, Kind>();

  constructor() {
    for (const builtIn of BUILT_IN) this.add(builtIn);
  }

  add(added: Kind): void {
    this.#kinds.set(`${apiVersionOf(added)}/${added.plural}`, added);
  }

  remove(removed: Kind): void {
    this.#kinds.delete(`${apiVersionOf(removed)}/${removed.plural}`);
  }

  find(group: string, version: string, plural: string): Kind | null {
    return this.#kinds.get(`${apiVersionOf({ group, version })}/${plural}`) ?? null;
  }

  /** Of an object as it is written in a manifest. */
  of(written: Pick<KubeObject, "apiVersion" | "kind">): Kind | null {
    return this.all().find((k) => k.kind === written.kind && apiVersionOf(k) === written.apiVersion) ?? null;
  }

  all(): readonly Kind[] {
    return [...this.#kinds.values()];
  }
}
