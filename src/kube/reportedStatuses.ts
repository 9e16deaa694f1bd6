// What a running MetalLB reports for one node: its ServiceBGPStatus objects (metallb-compat 1.8), followed. Owns the reading of these objects
// and what is known of them now. Knows nothing of what they are compared with. Contract: pure but for the watch; only lists and watches
// are sent; an object that is no report of this node is not counted, a second one for the same Service adds its peers.
import { ServiceKey } from "../kernel/units.ts";
import { isRawObject, type RawObject } from "../sources/fields.ts";
import { SERVICE_BGP_STATUSES, type WatchedResource } from "./resources.ts";
import { ResourceWatch, type WatchSurroundings } from "./resourceWatch.ts";

interface Reported {
  readonly service: ServiceKey;
  readonly peers: readonly string[];
}

/** Labels are cut to 63 characters by nobody: a longer node name cannot be one, and all objects are read. */
const MAX_LABEL = 63;

export class ReportedStatuses {
  readonly #node: string;
  readonly #watch: ResourceWatch;
  readonly #objects = new Map<string, Reported>();
  #isListed = false;

  /** @param home MetalLB's namespace @param changed told after every stretch of changes, and when `missing` may be another */
  constructor(node: string, home: string, surroundings: WatchSurroundings, changed: () => void) {
    this.#node = node;
    const selector = node.length > MAX_LABEL ? {} : { labelSelector: `metallb.io/node=${node}` };
    const watched: WatchedResource = {
      resource: SERVICE_BGP_STATUSES,
      scope: "home",
      ifForbidden: "without",
      ...selector,
    };
    let isChanged = false;
    this.#watch = new ResourceWatch(watched, home, surroundings, {
      put: (key, object) => {
        isChanged = true;
        this.#put(key, object);
      },
      delete: (key) => {
        isChanged = true;
        this.#objects.delete(key);
      },
      listed: () => {
        this.#isListed = true;
        isChanged = true;
      },
      faultChanged: () => {
        isChanged = true;
      },
      flush: () => {
        if (!isChanged) return;
        isChanged = false;
        changed();
      },
    });
  }

  start(): void {
    this.#watch.list();
  }

  stop(): void {
    this.#watch.stop();
  }

  /** Why there is nothing to compare with; null: what is reported is known. What was read before trouble still counts. */
  missing(): string | null {
    const { fault } = this.#watch.view();
    if (fault?.kind === "absent")
      return "the API server has no servicebgpstatuses.metallb.io: MetalLB is too old, or is not installed";
    if (fault?.kind === "forbidden")
      return `no permission to ${fault.verb} servicebgpstatuses.metallb.io: ${fault.failure.message}`;
    if (this.#isListed) return null;
    return fault === null ? "what MetalLB reports has not been listed yet" : fault.failure.message;
  }

  /** Peers by service. */
  reported(): ReadonlyMap<ServiceKey, ReadonlySet<string>> {
    const all = new Map<ServiceKey, Set<string>>();
    for (const { service, peers } of this.#objects.values()) {
      const known = all.get(service) ?? new Set();
      all.set(service, known);
      for (const peer of peers) known.add(peer);
    }
    return all;
  }

  #put(key: string, { status }: RawObject): void {
    // between its creation and the first write of its status an object says nothing
    const { node, serviceName, serviceNamespace, peers } = isRawObject(status) ? status : {};
    if (node !== this.#node || typeof serviceName !== "string" || typeof serviceNamespace !== "string") {
      this.#objects.delete(key);
      return;
    }
    const names = (Array.isArray(peers) ? peers : []).filter((p): p is string => typeof p === "string");
    this.#objects.set(key, { service: ServiceKey(serviceNamespace, serviceName), peers: names });
  }
}
