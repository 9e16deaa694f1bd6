// The object store as the decision should see it: each Service with the addresses it was given as its status. Owns which addresses are
// published for whom. Must not know why. Contract: everything but status.loadBalancer.ingress of the Services we serve is the store's; a
// Service that nothing is published for has no address, whatever its manifest says.
import type { ModelKind, ModelObject, ObjectOfKind, ServiceObject } from "../announce/model.ts";
import type { ServiceKey } from "../kernel/units.ts";
import type { StoreChange, StoreView } from "../sources/store.ts";
import { isServed } from "./converge.ts";
import type { AllocationOptions } from "./model.ts";

export class AllocatedView implements StoreView {
  readonly #store: StoreView;
  readonly #options: AllocationOptions;
  readonly #published = new Map<ServiceKey, readonly string[]>();
  /** The last filled-in form of each Service asked for, so that equal questions get the same object. */
  readonly #filled = new Map<ServiceKey, { readonly from: ServiceObject; readonly service: ServiceObject }>();

  constructor(store: StoreView, options: AllocationOptions) {
    this.#store = store;
    this.#options = options;
  }

  published(key: ServiceKey): readonly string[] {
    return this.#published.get(key) ?? NOTHING;
  }

  /** @returns what the decision is to be told; null: it saw the same before, or there is no such Service */
  publish(key: ServiceKey, ips: readonly string[]): StoreChange | null {
    const before = this.get("Service", key);
    const isSame = this.published(key).join() === ips.join();
    if (ips.length === 0) this.#published.delete(key);
    else this.#published.set(key, ips);
    this.#filled.delete(key);
    const after = this.get("Service", key);
    return isSame || after === undefined ? null : { kind: "Service", ref: after.ref, before, after };
  }

  get<K extends ModelKind>(kind: K, key: string): ObjectOfKind<K> | undefined {
    const object = this.#store.get(kind, key);
    return object === undefined ? undefined : this.#fill(object);
  }

  *list<K extends ModelKind>(kind: K): Iterable<ObjectOfKind<K>> {
    for (const object of this.#store.list(kind)) yield this.#fill(object);
  }

  count(kind: ModelKind): number {
    return this.#store.count(kind);
  }

  slicesOf(service: ServiceKey): ReturnType<StoreView["slicesOf"]> {
    return this.#store.slicesOf(service);
  }

  #fill<K extends ModelKind>(object: ObjectOfKind<K>): ObjectOfKind<K> {
    const from: ModelObject = object;
    // a Service comes out where a Service went in
    return from.kind === "Service" ? (this.#withAddresses(from) as ObjectOfKind<K>) : object;
  }

  #withAddresses(from: ServiceObject): ServiceObject {
    if (!isServed(from, this.#options)) return from;
    const ips = this.published(from.key);
    if (ips.length === 0 && from.ingress.length === 0) return from;
    const known = this.#filled.get(from.key);
    if (known?.from === from) return known.service;
    const service = { ...from, ingress: ips.map((ip) => ({ ip })) };
    this.#filled.set(from.key, { from, service });
    return service;
  }
}

const NOTHING: readonly never[] = [];
