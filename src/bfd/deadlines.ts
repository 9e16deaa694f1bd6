// The nearest of many deadlines: a binary heap over small integer ids, in typed arrays. Owns the order; knows no session.
// Contract: set and remove cost O(log n), the nearest is read in O(1), nothing is allocated after growth.
import { type Micros, NEVER } from "./protocol.ts";

const ABSENT = -1;

export class Deadlines {
  /** What each id wishes for; `update` makes it count. Written in place, so that no number has to be handed over. */
  readonly wished: Float64Array;
  readonly #at: Float64Array;
  readonly #heap: Int32Array;
  /** Where an id stands in the heap. */
  readonly #place: Int32Array;
  #size = 0;

  /** @param capacity ids are 0..capacity-1 */
  constructor(capacity: number) {
    this.wished = new Float64Array(capacity).fill(NEVER);
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

  isDue(now: Micros): boolean {
    return this.#size !== 0 && (this.#at[this.#heap[0] ?? 0] ?? NEVER) <= now;
  }

  /** The wish of `id` counts from now on; NEVER removes it. */
  update(id: number): void {
    const at = this.wished[id] ?? NEVER;
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
    this.#at[id] = this.wished[id] = NEVER;
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
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const other = this.#heap[parent] ?? 0;
      if (!this.#isBefore(id, other)) break;
      this.#put(place, other);
      place = parent;
    }
    this.#put(place, id);
  }

  #sink(start: number): void {
    let place = start;
    const id = this.#heap[place] ?? 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#size) break;
      let nearer = this.#heap[child] ?? 0;
      const right = this.#heap[child + 1] ?? 0;
      if (child + 1 < this.#size && this.#isBefore(right, nearer)) {
        child++;
        nearer = right;
      }
      if (!this.#isBefore(nearer, id)) break;
      this.#put(place, nearer);
      place = child;
    }
    this.#put(place, id);
  }

  #isBefore(a: number, b: number): boolean {
    return (this.#at[a] ?? NEVER) < (this.#at[b] ?? NEVER);
  }
}
