// Objects of the API server -> the store. Owns which version of an object is in force, and what is kept of it: everything passes the
// same door as manifests (sources/intake.ts), and what no reader asks for is gone with the text it came in. Knows nothing of requests.
// Contract: an object that cannot be used keeps its last good version until it is deleted, and its problems say so
// (docs/adr/0001-isolation-in-files.md, rule 2); what did not change makes no change.
import type { ModelKind } from "../announce/model.ts";
import { type ConfigProblem, type ObjectRef, refKey, withLastGood } from "../kernel/problem.ts";
import { isRawObject, type RawObject } from "../sources/fields.ts";
import { readObject } from "../sources/intake.ts";
import { isSame } from "../sources/same.ts";
import { type ObjectStore, objectKey, type StoreChange } from "../sources/store.ts";
import { apiVersionOf, type KubeResource } from "./resources.ts";

const KINDS_OF_THE_MODEL: readonly ModelKind[] = [
  "Service",
  "EndpointSlice",
  "Node",
  "Namespace",
  "Secret",
  "BGPPeer",
  "BGPAdvertisement",
  "IPAddressPool",
  "BFDProfile",
  "Community",
  "SitePolicy",
];
/** What is followed and not in here (ConfigMap, L2Advertisement) is read for its problems alone. */
const MODEL_KINDS: ReadonlyMap<string, ModelKind> = new Map(KINDS_OF_THE_MODEL.map((kind) => [kind, kind]));

export class ClusterObjects {
  readonly #store: ObjectStore;
  readonly #home: string;
  /** Of the newest version of each object that has any, by refKey. */
  readonly #problems = new Map<string, readonly ConfigProblem[]>();
  #revision = 0;

  /** @param home namespace of MetalLB's own objects */
  constructor(store: ObjectStore, home: string) {
    this.#store = store;
    this.#home = home;
  }

  /** Grows whenever `problems()` may give another answer. */
  get revision(): number {
    return this.#revision;
  }

  /** @param key as keyOf() gives it @param raw as it came, or an item of a list, which names no type */
  put(resource: KubeResource, key: string, raw: RawObject): StoreChange | null {
    const read = readObject(trimmed(resource, raw), 0, this.#home);
    if (read.object === null && read.problems.length === 0) return this.remove(resource, key);
    const ref = refOf(resource, key);
    if (read.object === null) {
      const kind = MODEL_KINDS.get(resource.kind);
      const isKept = kind !== undefined && this.#store.get(kind, objectKey(ref)) !== undefined;
      this.#tell(ref, isKept ? read.problems.map(withLastGood) : read.problems);
      return null;
    }
    this.#tell(ref, read.problems);
    const before = this.#store.get(read.object.kind, objectKey(read.object.ref));
    return before !== undefined && isSame(before, read.object) ? null : this.#store.put(read.object);
  }

  remove(resource: KubeResource, key: string): StoreChange | null {
    const ref = refOf(resource, key);
    this.#tell(ref, []);
    const kind = MODEL_KINDS.get(resource.kind);
    return kind === undefined ? null : this.#store.remove(kind, ref);
  }

  /** Everything that is wrong with objects, by kind and name. */
  problems(): readonly ConfigProblem[] {
    const keys = [...this.#problems.keys()].sort();
    return keys.flatMap((key) => this.#problems.get(key) ?? []);
  }

  #tell(ref: ObjectRef, problems: readonly ConfigProblem[]): void {
    const key = refKey(ref);
    const before = this.#problems.get(key) ?? [];
    if (isSame(before, problems)) return;
    if (problems.length === 0) this.#problems.delete(key);
    else this.#problems.set(key, problems);
    this.#revision++;
  }
}

function refOf({ kind }: KubeResource, key: string): ObjectRef {
  const slash = key.indexOf("/");
  return slash < 0
    ? { kind, namespace: null, name: key }
    : { kind, namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** Annotations that mean something to MetalLB or to us; others are the bulk of many objects, and nobody's input here. */
const ANNOTATIONS = ["metallb.io/", "metallb.universe.tf/", "vipcast.io/"];
/** The one label of an EndpointSlice that is read; its copies of the Service's labels would cost more than the slice. */
const SLICE_LABELS = ["kubernetes.io/service-name"];

/** The object with its type, and with only those labels and annotations that are read. */
function trimmed(resource: KubeResource, raw: RawObject): RawObject {
  const metadata = isRawObject(raw.metadata) ? raw.metadata : {};
  const { name, namespace, creationTimestamp, labels, annotations } = metadata;
  const kept = resource.kind === "EndpointSlice" ? entriesWith(labels, SLICE_LABELS) : labels;
  const uid = resource.kind === "Service" ? { uid: metadata.uid } : {};
  return {
    ...raw,
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: {
      name,
      namespace,
      ...uid,
      creationTimestamp,
      labels: kept,
      annotations: entriesWith(annotations, ANNOTATIONS),
    },
  };
}

/** What is no mapping is left as it is: the reader says what is wrong with it. */
function entriesWith(value: unknown, prefixes: readonly string[]): unknown {
  if (!isRawObject(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => prefixes.some((p) => name.startsWith(p))));
}
