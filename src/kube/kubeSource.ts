// The API server as the daemon's source: every kind of resources.ts followed, its objects handed to the store. Owns when the whole is
// listed, and what is said of what cannot be followed. Knows nothing of sockets, nor of what is done with objects.
// Contract: sources/source.ts's. `listed` comes once each kind has been listed, or is out of reach in a way that the table allows to
// do without; nothing is ever taken from the store because the server is away.
import { type ConfigProblem, problemOf } from "../kernel/problem.ts";
import { Millis } from "../kernel/units.ts";
import type { RawObject } from "../sources/fields.ts";
import type { Source, SourceCallbacks } from "../sources/source.ts";
import type { ObjectStore, StoreChange } from "../sources/store.ts";
import { ClusterObjects } from "./clusterObjects.ts";
import { say } from "./messages.ts";
import { apiVersionOf, type KubeResource, resourceText, WATCHED, type WatchedResource } from "./resources.ts";
import { ResourceWatch, type WatchSurroundings } from "./resourceWatch.ts";
import type { WatchFault, WatchView } from "./watchTypes.ts";

/** Trouble that passes within this is nobody's business, milliseconds. */
export const TROUBLE_GRACE = Millis(10_000);

/** One kind, as observers see it. */
export interface FollowedResource {
  /** `services`, `bgppeers.metallb.io`. */
  readonly resource: string;
  readonly view: WatchView;
}

export interface KubeSourceOptions {
  /** What is followed; absent: what the speaker decides from. */
  readonly watched?: readonly WatchedResource[];
  /** Sees each object as it comes, before the store does; null: it is gone. For those who write to it. */
  readonly seen?: (resource: KubeResource, key: string, raw: RawObject | null) => void;
}

export class KubeSource implements Source {
  readonly #with: WatchSurroundings;
  readonly #home: string;
  readonly #callbacks: SourceCallbacks;
  readonly #seen: NonNullable<KubeSourceOptions["seen"]>;
  readonly #objects: ClusterObjects;
  readonly #watches: readonly ResourceWatch[];
  readonly #unlisted: Set<ResourceWatch>;
  #changes: StoreChange[] = [];
  #toldRevision = 0;
  #isStopped = false;

  /** @param home namespace of MetalLB's own objects */
  constructor(
    store: ObjectStore,
    home: string,
    surroundings: WatchSurroundings,
    callbacks: SourceCallbacks,
    { watched = WATCHED, seen = () => {} }: KubeSourceOptions = {},
  ) {
    this.#seen = seen;
    this.#with = surroundings;
    this.#home = home;
    this.#callbacks = callbacks;
    this.#objects = new ClusterObjects(store, home);
    this.#watches = watched.map((one) => this.#follow(one));
    this.#unlisted = new Set(this.#watches);
  }

  /** Where it leads to, for people. */
  get server(): string {
    return this.#with.transport.server;
  }

  resources(): readonly FollowedResource[] {
    return this.#watches.map((w) => ({ resource: resourceText(w.watched.resource), view: w.view() }));
  }

  async start(): Promise<void> {
    for (const watch of this.#watches) watch.list();
  }

  async rescan(): Promise<void> {
    for (const watch of this.#watches) watch.list();
  }

  stop(): void {
    this.#isStopped = true;
    for (const watch of this.#watches) watch.stop();
    this.#with.transport.close();
  }

  waitingFor(): string | null {
    const missing = [...this.#unlisted];
    if (missing.length === 0) return null;
    const names = missing.map((w) => resourceText(w.watched.resource)).join(", ");
    const fault = missing.map((w) => w.view().fault).find((f) => f !== null);
    return `${this.server} has not listed ${names}${fault === undefined ? "" : `: ${fault.failure.message}`}`;
  }

  /** Objects of the API server have no lines. */
  locate(): null {
    return null;
  }

  #follow(watched: WatchedResource): ResourceWatch {
    const { resource } = watched;
    const keep = (change: StoreChange | null): void => {
      if (change !== null) this.#changes.push(change);
    };
    const watch: ResourceWatch = new ResourceWatch(watched, this.#home, this.#with, {
      put: (key, raw) => {
        this.#seen(resource, key, raw);
        keep(this.#objects.put(resource, key, raw));
      },
      delete: (key) => {
        this.#seen(resource, key, null);
        keep(this.#objects.remove(resource, key));
      },
      listed: () => this.#listed(watch),
      faultChanged: () => this.#faultChanged(watch),
      flush: () => this.#flush(),
    });
    return watch;
  }

  #flush(): void {
    const changes = this.#changes;
    if (changes.length > 0) {
      this.#changes = [];
      this.#callbacks.changed(changes, { receivedAt: this.#with.clock.now() });
    }
    if (this.#toldRevision !== this.#objects.revision) this.#tell();
  }

  #listed(watch: ResourceWatch): void {
    this.#unlisted.delete(watch);
    if (this.#unlisted.size > 0) return;
    this.#flush();
    this.#callbacks.listed();
  }

  #faultChanged(watch: ResourceWatch): void {
    const fault = watch.view().fault;
    this.#tell();
    if (fault?.kind !== "trouble") return;
    const left = fault.since + TROUBLE_GRACE - this.#with.clock.now();
    if (left <= 0) return;
    this.#with.timers.after(Millis(left), () => {
      if (!this.#isStopped) this.#tell();
    });
  }

  #tell(): void {
    this.#toldRevision = this.#objects.revision;
    this.#callbacks.problemsChanged([...this.#faults(), ...this.#objects.problems()]);
  }

  /** Permissions and kinds one by one; trouble with the server once, however many kinds it keeps from us. */
  #faults(): readonly ConfigProblem[] {
    const out: ConfigProblem[] = [];
    let trouble: WatchFault | null = null;
    for (const watch of this.#watches) {
      const { watched } = watch;
      const { fault } = watch.view();
      if (fault === null) continue;
      if (fault.kind === "forbidden") out.push(this.#forbidden(watched, fault));
      else if (fault.kind === "absent") out.push(...(watched.isOptional === true ? [] : [this.#absent(watched)]));
      else if (trouble === null || fault.since < trouble.since) trouble = fault;
    }
    if (trouble !== null && this.#with.clock.now() - trouble.since >= TROUBLE_GRACE)
      out.unshift(this.#trouble(trouble));
    return out;
  }

  #forbidden(watched: WatchedResource, { verb, failure }: WatchFault): ConfigProblem {
    const { resource, scope } = watched;
    const place = scope === "home" ? `in namespace ${this.#home}` : "in all namespaces";
    const cost = watched.ifForbidden === "wait" ? "Nothing is decided before the first list. " : "";
    const rule = `apiGroups: ["${resource.group}"], resources: ["${resource.plural}"], verbs: ["list", "watch"]`;
    const values = { verb, what: resourceText(resource), place, why: failure.message, cost, rule };
    return problemOf(this.#anyOf(watched), "", say("forbidden", values));
  }

  #absent(watched: WatchedResource): ConfigProblem {
    const { resource } = watched;
    const values = { what: resourceText(resource), apiVersion: apiVersionOf(resource) };
    return problemOf(this.#anyOf(watched), "", say("noSuchKind", values), "warning");
  }

  #trouble({ failure }: WatchFault): ConfigProblem {
    const ref = { kind: "ApiServer", namespace: null, name: this.server };
    return problemOf(ref, "", say("notFollowed", { why: failure.message }), "warning");
  }

  /** Stands for all objects of the kind. */
  #anyOf({ resource, scope, name }: WatchedResource): { kind: string; namespace: string | null; name: string } {
    return { kind: resource.kind, namespace: scope === "home" ? this.#home : null, name: name ?? "*" };
  }
}
