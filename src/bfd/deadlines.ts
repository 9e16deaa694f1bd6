// The nearest of many deadlines: a binary heap over small integer ids, in typed arrays. Owns the order; knows no session.
// Contract: set and remove cost O(log n), the nearest is read in O(1), nothing is allocated after growth.
import { type Micros, NEVER } from "./protocol.ts";

const ABSENT = -1;

export class Deadlines {
  #at: Float64Array;
  #heap: Int32Array;
  /** Where an id stands in the heap. */
  #place: Int32Array;
  #size = 0;

  /** @param capacity ids are 0..capacity-1 */
  constructor(capacity: number) {
    this.#at = new Float64Array(capacity).fill(NEVER);
    this.#heap = new Int32Array(capacity);
    this.#place = new Int32Array(capacity).fill(ABSENT);
  }

  get size(): number {
    return this.#size;
  }

  /** NEVER when there is none. */
  get nearest(): Micros {
    return this.#size === 0 ? NEVER : (this.#at[this.#heap[0] ?? 0] ?? NEVER);
  }

  /** Id of the nearest deadline; -1 when there is none. */
  get nearestId(): number {
    return this.#size === 0 ? ABSENT : (this.#heap[0] ?? ABSENT);
  }

  /** NEVER removes. */
  set(id: number, at: Micros): void {
    const old = this.#at[id] ?? NEVER;
    if (old === at) return;
    if (at === NEVER) {
      this.remove(id);
      return;
    }
    this.#at[id] = at;
    let place = this.#place[id] ?? ABSENT;
    if (place === ABSENT) {
      place = this.#size++;
      this.#put(place, id);
    }
    if (at < old) this.#rise(place);
    else this.#sink(place);
  }

  remove(id: number): void {
    const place = this.#place[id] ?? ABSENT;
    if (place === ABSENT) return;
    this.#place[id] = ABSENT;
    this.#at[id] = NEVER;
    const last = this.#heap[--this.#size] ?? 0;
    if (place === this.#size) return;
    this.#put(place, last);
    this.#rise(place);
    this.#sink(this.#place[last] ?? place);
  }

  #put(place: number, id: number): void {
    this.#heap[place] = id;
    this.#place[id] = place;
  }

  #rise(start: number): void {
    let place = start;
    const id = this.#heap[place] ?? 0;
    const at = this.#at[id] ?? NEVER;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const other = this.#heap[parent] ?? 0;
      if ((this.#at[other] ?? NEVER) <= at) break;
      this.#put(place, other);
      place = parent;
    }
    this.#put(place, id);
  }

  #sink(start: number): void {
    let place = start;
    const id = this.#heap[place] ?? 0;
    const at = this.#at[id] ?? NEVER;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#size) break;
      const left = this.#at[this.#heap[child] ?? 0] ?? NEVER;
      const right = child + 1 < this.#size ? (this.#at[this.#heap[child + 1] ?? 0] ?? NEVER) : NEVER;
      if (right < left) child++;
      if (Math.min(left, right) >= at) break;
      this.#put(place, this.#heap[child] ?? 0);
      place = child;
    }
    this.#put(place, id);
  }
}
