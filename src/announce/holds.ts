// Readiness over time: since when endpoints of a service have been ready, and whether that already, or still, counts. Owns the
// delays that annotations ask for (announce-delay, withdraw-delay). Must not know clocks, prefixes or peers. Contract: `observe` is
// told every change of a Service or EndpointSlice when it arrives, with the time; what counts at a moment is then a function of
// what was observed and of that moment alone. Only services with a delay cost anything.
import { later, Millis, type ServiceKey } from "../kernel/units.ts";
import type { StoreChange, StoreView } from "../sources/store.ts";
import type { EndpointObject, ServiceObject } from "./model.ts";

/** Endpoints of any address family, or of one. */
export type Readiness = Readonly<Record<ReadinessKind, boolean>>;
export type ReadinessKind = "any" | 4 | 6;
const KINDS = ["any", 4, 6] as const satisfies readonly ReadinessKind[];

/** metallb-compat 2.4: ready wins; nil counts as ready; terminating is not looked at. */
export const isUsable = (e: EndpointObject): boolean =>
  e.hasAddresses && (e.ready === null || e.ready || e.serving === true);

/** What the EndpointSlices say now; with policy Local only those of this node count. */
export function readinessOf(service: ServiceObject, view: StoreView, nodeName: string): Readiness {
  const onNode = service.externalTrafficPolicy === "Local" ? nodeName : null;
  const found = { any: false, 4: false, 6: false };
  for (const { addressType, endpoints } of view.slicesOf(service.key)) {
    if (!endpoints.some((e) => (onNode === null || e.nodeName === onNode) && isUsable(e))) continue;
    found.any = true;
    if (addressType === "IPv4") found[4] = true;
    else if (addressType === "IPv6") found[6] = true;
  }
  return found;
}

export interface Held {
  /** It counts as ready. */
  readonly counts: boolean;
  /** When that will change if nothing else does; null: it will not. */
  readonly until: Millis | null;
}

/** null: the service has no delay, what is ready counts. */
export type HoldView = (key: ServiceKey) => Readonly<Record<ReadinessKind, Held>> | null;
export const NO_HOLDS: HoldView = () => null;

interface Delays {
  readonly announce: Millis;
  readonly withdraw: Millis;
}

interface Hold {
  isReady: boolean;
  /** Since when it has been so. */
  since: Millis;
  counts: boolean;
}

interface HeldService {
  delays: Delays;
  readonly holds: Readonly<Record<ReadinessKind, Hold>>;
}

export class Holds {
  readonly #store: StoreView;
  readonly #nodeName: string;
  readonly #services = new Map<ServiceKey, HeldService>();
  /** When each service that waits for something is due. */
  readonly #pending = new Map<ServiceKey, Millis>();
  #isTrusting: boolean;
  #isDraining = false;

  /** @param isTrusting what is ready before `begin` has been so for long: the last process had announced it */
  constructor(store: StoreView, nodeName: string, isTrusting = false) {
    this.#store = store;
    this.#nodeName = nodeName;
    this.#isTrusting = isTrusting;
  }

  /** Takes note of a change that the store already has. */
  observe({ before, after }: StoreChange, now: Millis): void {
    for (const object of [before, after]) {
      // a service that was there without a delay does not begin anew when it gets one
      if (object?.kind === "Service") this.#look(object.key, now, before != null && after != null);
      else if (object?.kind === "EndpointSlice" && object.service !== null) this.#look(object.service, now, false);
    }
  }

  /** The first complete snapshot is in the store. */
  begin(now: Millis): void {
    for (const { key } of this.#store.list("Service")) this.#look(key, now, false);
    this.#isTrusting = false;
  }

  /**
   * While the node drains nothing is delayed: what is not ready goes at once, what is held is not announced any more.
   * When it drains no more, what was held back is due when it would have been; what has gone stays gone.
   * @returns services to be looked at again
   */
  setDraining(isDraining: boolean, now: Millis): Iterable<ServiceKey> {
    if (isDraining === this.#isDraining) return [];
    if (!isDraining) for (const [key, held] of this.#services) this.#settle(key, held, now);
    this.#isDraining = isDraining;
    if (isDraining) return this.#pending.keys();
    for (const [key, held] of this.#services) this.#settle(key, held, now);
    return this.#services.keys();
  }

  /** The next moment at which something is due; null: nothing is waiting. */
  deadline(): Millis | null {
    let earliest: Millis | null = null;
    for (const at of this.#pending.values()) if (earliest === null || at < earliest) earliest = at;
    return earliest;
  }

  /** Services for which something is due, each once. */
  due(now: Millis): readonly ServiceKey[] {
    const keys = [...this.#pending].flatMap(([key, at]) => (at <= now ? [key] : []));
    for (const key of keys) {
      const held = this.#services.get(key);
      if (held !== undefined) this.#settle(key, held, now);
    }
    return keys;
  }

  /** What counts at that moment, which is not before what was observed. */
  at(now: Millis): HoldView {
    return (key) => {
      const held = this.#services.get(key);
      if (held === undefined) return null;
      const { delays, holds } = held;
      const see = (hold: Hold): Held => {
        const counts = this.#countsAt(hold, delays, now);
        return { counts, until: counts === hold.isReady ? null : this.#dueAt(hold, delays) };
      };
      return { any: see(holds.any), 4: see(holds[4]), 6: see(holds[6]) };
    };
  }

  #look(key: ServiceKey, now: Millis, wasThere: boolean): void {
    const service = this.#store.get("Service", key);
    const delays = service === undefined ? null : delaysOf(service);
    if (service === undefined || delays === null) {
      this.#services.delete(key);
      this.#pending.delete(key);
      return;
    }
    const ready = readinessOf(service, this.#store, this.#nodeName);
    let held = this.#services.get(key);
    if (held === undefined) {
      const begin = (isReady: boolean): Hold => ({ isReady, since: now, counts: isReady && wasThere });
      held = { delays, holds: { any: begin(ready.any), 4: begin(ready[4]), 6: begin(ready[6]) } };
      this.#services.set(key, held);
    }
    for (const kind of KINDS) {
      const hold = held.holds[kind];
      // until now it was as it had been, under the delays there were
      hold.counts = this.#isTrusting ? ready[kind] : this.#countsAt(hold, held.delays, now);
      if (hold.isReady === ready[kind]) continue;
      hold.isReady = ready[kind];
      hold.since = now;
    }
    held.delays = delays;
    this.#settle(key, held, now);
  }

  #settle(key: ServiceKey, { delays, holds }: HeldService, now: Millis): void {
    let earliest: Millis | null = null;
    for (const kind of KINDS) {
      const hold = holds[kind];
      hold.counts = this.#countsAt(hold, delays, now);
      const due = hold.counts === hold.isReady ? null : this.#dueAt(hold, delays);
      if (due !== null && (earliest === null || due < earliest)) earliest = due;
    }
    if (earliest === null) this.#pending.delete(key);
    else this.#pending.set(key, earliest);
  }

  #countsAt(hold: Hold, delays: Delays, now: Millis): boolean {
    const due = this.#dueAt(hold, delays);
    return due !== null && now >= due ? hold.isReady : hold.counts;
  }

  /** When it counts as what it is; null: never. */
  #dueAt({ isReady, since, counts }: Hold, { announce, withdraw }: Delays): Millis | null {
    if (!this.#isDraining) return later(since, isReady ? announce : withdraw);
    return isReady && !counts ? null : since;
  }
}

function delaysOf({ settings }: ServiceObject): Delays | null {
  const { announceDelay, withdrawDelay } = settings;
  if (announceDelay === undefined && withdrawDelay === undefined) return null;
  return { announce: announceDelay ?? NOT_DELAYED, withdraw: withdrawDelay ?? NOT_DELAYED };
}

const NOT_DELAYED = Millis(0);
