// In which order services are served: the elder first. Owns that order (creationTimestamp, then namespace/name) and a queue in it.
// Knows nothing of what being served means. Contract: a total order that does not depend on the order of events or of files; a service
// is in the queue once; n services are queued and taken in O(n log n).
import { compareText } from "../announce/age.ts";
import type { ServiceKey } from "../kernel/units.ts";

interface Place {
  readonly key: ServiceKey;
  readonly createdAt: number | null;
}

/** Negative when `a` is served before `b`; a service without a timestamp comes after those with one. */
export function compareSeniority(a: Place, b: Place): number {
  if (a.createdAt === b.createdAt) return compareText(a.key, b.key);
  if (a.createdAt === null || b.createdAt === null) return a.createdAt === null ? 1 : -1;
  return a.createdAt - b.createdAt;
}

export class SeniorityQueue {
  readonly #members = new Set<ServiceKey>();
  /** The eldest last, when sorted; a place without a member is left over from `remove`. */
  #places: Place[] = [];
  #isSorted = true;

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  add(key: ServiceKey, createdAt: number | null): void {
    if (this.#members.has(key)) return;
    this.#members.add(key);
    this.#places.push({ key, createdAt });
    this.#isSorted = false;
  }

  remove(key: ServiceKey): void {
    this.#members.delete(key);
  }

  /** The eldest, which leaves the queue; undefined when it is empty. */
  take(): ServiceKey | undefined {
    if (!this.#isSorted) this.#places.sort((a, b) => compareSeniority(b, a));
    this.#isSorted = true;
    for (let place = this.#places.pop(); place !== undefined; place = this.#places.pop()) {
      if (this.#members.delete(place.key)) return place.key;
    }
    return undefined;
  }
}
