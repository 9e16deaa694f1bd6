// Prefixes of one family with a number each, in an order that stays while the table changes: what a walk in slices needs.
// Owns entries and their reuse. Knows nothing of what the numbers mean. Contract: a walk from 1 on meets every entry that was
// there when it began and is still there at its end, however the table changes in between. About 25 octets per IPv4 prefix.
import { PrefixMap } from "../bgp/rib/prefixMap.ts";
import type { Prefix } from "../kernel/ip.ts";

const MIN_CAPACITY = 64;
const FREED = 255;

export class PrefixTable {
  readonly version: 4 | 6;
  /** Prefix -> entry; entry 0 is never used. */
  readonly #entries: PrefixMap;
  #capacity = MIN_CAPACITY;
  #w0 = new Uint32Array(MIN_CAPACITY);
  /** w1, w2, w3 per entry; IPv6 only. */
  #rest: Uint32Array;
  #length = new Uint8Array(MIN_CAPACITY);
  /** In a freed entry: the next freed one. */
  #value = new Uint32Array(MIN_CAPACITY);
  #top = 0;
  #free = 0;

  constructor(version: 4 | 6) {
    this.version = version;
    this.#entries = new PrefixMap(version);
    this.#rest = new Uint32Array(version === 4 ? 0 : 3 * MIN_CAPACITY);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** 0 where there is none. */
  get({ w0, w1, w2, w3, length }: Prefix): number {
    const entry = this.#entries.get(w0, w1, w2, w3, length);
    return entry === 0 ? 0 : (this.#value[entry] ?? 0);
  }

  /** @param value 1..2^32-1; 0 removes */
  set(prefix: Prefix, value: number): void {
    const { w0, w1, w2, w3, length } = prefix;
    const entry = this.#entries.get(w0, w1, w2, w3, length);
    if (entry !== 0 && value !== 0) this.#value[entry] = value;
    else if (entry === 0 && value !== 0) this.#insert(prefix, value);
    else if (entry !== 0) {
      this.#entries.delete(w0, w1, w2, w3, length);
      this.#length[entry] = FREED;
      this.#value[entry] = this.#free;
      this.#free = entry;
    }
  }

  /**
   * Visits entries from `from` on; the visitor may remove the one it is given.
   * @param most entries looked at, freed ones included @returns where to go on; 0: that was the end
   */
  visit(from: number, most: number, visitor: (prefix: Prefix, value: number) => void): number {
    const end = Math.min(from + most - 1, this.#top);
    for (let entry = from; entry <= end; entry++) {
      if (this.#length[entry] !== FREED) visitor(this.#prefix(entry), this.#value[entry] ?? 0);
    }
    return end < this.#top ? end + 1 : 0;
  }

  #prefix(entry: number): Prefix {
    const rest = (i: number): number => (this.version === 4 ? 0 : (this.#rest[3 * entry + i - 1] ?? 0));
    const length = this.#length[entry] ?? 0;
    return { version: this.version, w0: this.#w0[entry] ?? 0, w1: rest(1), w2: rest(2), w3: rest(3), length };
  }

  #insert({ w0, w1, w2, w3, length }: Prefix, value: number): void {
    let entry = this.#free;
    if (entry !== 0) this.#free = this.#value[entry] ?? 0;
    else {
      entry = ++this.#top;
      if (entry >= this.#capacity) this.#grow();
    }
    this.#entries.set(w0, w1, w2, w3, length, entry);
    this.#w0[entry] = w0;
    this.#length[entry] = length;
    this.#value[entry] = value;
    if (this.version === 6) this.#rest.set([w1, w2, w3], 3 * entry);
  }

  #grow(): void {
    this.#capacity *= 2;
    const wider = (old: Uint32Array, size: number): Uint32Array<ArrayBuffer> => {
      const made = new Uint32Array(size);
      made.set(old);
      return made;
    };
    this.#w0 = wider(this.#w0, this.#capacity);
    this.#value = wider(this.#value, this.#capacity);
    this.#rest = wider(this.#rest, this.version === 4 ? 0 : 3 * this.#capacity);
    const length = new Uint8Array(this.#capacity);
    length.set(this.#length);
    this.#length = length;
  }
}
