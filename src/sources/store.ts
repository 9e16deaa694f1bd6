// The object store: the one snapshot of all objects that both sources fill and the decision reads.
// Owns identity and the index from a service to its slices. Knows nothing of where objects come from or what is done
// with them. Contract: `put` and `remove` return what changed (or null), the caller hands that to the engine.
import type { EndpointSliceObject, ModelKind, ModelObject, ObjectOfKind } from "../announce/model.ts";
import type { ObjectRef } from "../kernel/problem.ts";
import type { ServiceKey } from "../kernel/units.ts";

export interface StoreChange {
  readonly kind: ModelKind;
  readonly ref: ObjectRef;
  readonly before: ModelObject | undefined;
  readonly after: ModelObject | undefined;
}

/** Key of an object within its kind: `namespace/name`, or `name` for cluster-wide kinds. */
export const objectKey = (ref: ObjectRef): string =>
  ref.namespace === null ? ref.name : `${ref.namespace}/${ref.name}`;

/** What readers of the store may do. */
export interface StoreView {
  get<K extends ModelKind>(kind: K, key: string): ObjectOfKind<K> | undefined;
  list<K extends ModelKind>(kind: K): Iterable<ObjectOfKind<K>>;
  count(kind: ModelKind): number;
  slicesOf(service: ServiceKey): Iterable<EndpointSliceObject>;
}

export class ObjectStore implements StoreView {
  readonly #kinds = new Map<ModelKind, Map<string, ModelObject>>();
  readonly #slices = new Map<ServiceKey, Set<EndpointSliceObject>>();

  put(object: ModelObject): StoreChange {
    const key = objectKey(object.ref);
    const kind = this.#kind(object.kind);
    const before = kind.get(key);
    kind.set(key, object);
    this.#unindex(before);
    this.#index(object);
    return { kind: object.kind, ref: object.ref, before, after: object };
  }

  /** null when there was no such object. */
  remove(kind: ModelKind, ref: ObjectRef): StoreChange | null {
    const key = objectKey(ref);
    const objects = this.#kind(kind);
    const before = objects.get(key);
    if (before === undefined) return null;
    objects.delete(key);
    this.#unindex(before);
    return { kind, ref, before, after: undefined };
  }

  get<K extends ModelKind>(kind: K, key: string): ObjectOfKind<K> | undefined {
    return this.#kind(kind).get(key) as ObjectOfKind<K> | undefined;
  }

  list<K extends ModelKind>(kind: K): Iterable<ObjectOfKind<K>> {
    return this.#kind(kind).values() as Iterable<ObjectOfKind<K>>;
  }

  count(kind: ModelKind): number {
    return this.#kind(kind).size;
  }

  slicesOf(service: ServiceKey): Iterable<EndpointSliceObject> {
    return this.#slices.get(service) ?? [];
  }

  #kind(kind: ModelKind): Map<string, ModelObject> {
    let objects = this.#kinds.get(kind);
    if (objects === undefined) {
      objects = new Map();
      this.#kinds.set(kind, objects);
    }
    return objects;
  }

  #index(object: ModelObject): void {
    if (object.kind !== "EndpointSlice" || object.service === null) return;
    const slices = this.#slices.get(object.service);
    if (slices === undefined) this.#slices.set(object.service, new Set([object]));
    else slices.add(object);
  }

  #unindex(object: ModelObject | undefined): void {
    if (object === undefined || object.kind !== "EndpointSlice" || object.service === null) return;
    const slices = this.#slices.get(object.service);
    slices?.delete(object);
    if (slices?.size === 0) this.#slices.delete(object.service);
  }
}
