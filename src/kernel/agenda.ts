// What is due when, of many things with one deadline each: a binary heap that finds a thing by itself. Owns the order; knows nothing of
// what is due, and no clock. Contract: the nearest deadline is read at once, `set` and `take` cost O(log n); things that are due at the
// same moment come in no particular order. (bfd/deadlines.ts is the same for a thread that must not allocate.)
import type { Millis } from "./units.ts";

interface Due<T> {
  readonly item: T;
  at: Millis;
  /** Index in the heap. */
  place: number;
}

export class Agenda<T> {
  readonly #heap: Due<T>[] = [];
  readonly #byItem = new Map<T, Due<T>>();

  get size(): number {
    return this.#heap.length;
  }

  /** The nearest deadline; null: nothing is due ever. */
  get nearest(): Millis | null {
    return this.#heap[0]?.at ?? null;
  }

  /** @param at instead of what it was; null: not any more */
  set(item: T, at: Millis | null): void {
    const known = this.#byItem.get(item);
    if (at === null) {
      if (known !== undefined) this.#remove(known);
    } else if (known === undefined) {
      const due = { item, at, place: this.#heap.length };
      this.#byItem.set(item, due);
      this.#heap.push(due);
      this.#rise(due);
    } else if (known.at !== at) {
      known.at = at;
      this.#rise(known);
      this.#sink(known);
    }
  }

  /** One that is due by now, and it is due no more; undefined: none is. */
  take(now: Millis): T | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.#remove(first);
    return first.item;
  }

  #remove(due: Due<T>): void {
    this.#byItem.delete(due.item);
    const last = this.#heap.pop();
    if (last === undefined || last === due) return;
    this.#put(last, due.place);
    this.#rise(last);
    this.#sink(last);
  }

  #rise(due: Due<T>): void {
    while (due.place > 0) {
      const from = due.place;
      const parent = this.#heap[(from - 1) >> 1];
      if (parent === undefined || parent.at <= due.at) return;
      this.#put(due, parent.place);
      this.#put(parent, from);
    }
  }

  #sink(due: Due<T>): void {
    for (;;) {
      const from = due.place;
      const [left, right] = [this.#heap[2 * from + 1], this.#heap[2 * from + 2]];
      const nearer = left !== undefined && right !== undefined && right.at < left.at ? right : left;
      if (nearer === undefined || nearer.at >= due.at) return;
      this.#put(due, nearer.place);
      this.#put(nearer, from);
    }
  }

  #put(due: Due<T>, place: number): void {
    this.#heap[place] = due;
    due.place = place;
  }
}
