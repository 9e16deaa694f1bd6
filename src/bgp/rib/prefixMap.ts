// A map from prefixes of one family to small numbers, in typed arrays: about 15 octets per IPv4 prefix at a million of them.
// Owns hashing, growth and deletion (open addressing, backward shift). Knows nothing of what the numbers mean.
// Contract: words beyond the prefix length are zero, as in every `Prefix`; a stored number is 1 or more, 0 reads as absent.

const MIN_SLOTS = 16;
/** Grown when more than this share of the slots is used. */
const MAX_LOAD = 0.6;

type PrefixVisitor = (w0: number, w1: number, w2: number, w3: number, length: number, value: number) => void;

export class PrefixMap {
  readonly version: 4 | 6;
  #slots = MIN_SLOTS;
  #w0 = new Uint32Array(MIN_SLOTS);
  /** w1, w2, w3 per slot; IPv6 only. */
  #rest: Uint32Array;
  #length = new Uint8Array(MIN_SLOTS);
  /** 0: the slot is free. */
  #value = new Uint32Array(MIN_SLOTS);
  #size = 0;

  constructor(version: 4 | 6) {
    this.version = version;
    this.#rest = new Uint32Array(version === 4 ? 0 : 3 * MIN_SLOTS);
  }

  get size(): number {
    return this.#size;
  }

  /** 0 where there is none. */
  get(w0: number, w1: number, w2: number, w3: number, length: number): number {
    return at(this.#value, this.#find(w0, w1, w2, w3, length));
  }

  /** @param value 1..2^32-1 @returns what stood there before, 0 for nothing */
  set(w0: number, w1: number, w2: number, w3: number, length: number, value: number): number {
    let slot = this.#find(w0, w1, w2, w3, length);
    const before = at(this.#value, slot);
    if (before === 0) {
      if (this.#size + 1 > this.#slots * MAX_LOAD) {
        this.#grow();
        slot = this.#find(w0, w1, w2, w3, length);
      }
      this.#write(slot, w0, w1, w2, w3, length);
      this.#size++;
    }
    this.#value[slot] = value;
    return before;
  }

  /** @returns what stood there before, 0 for nothing */
  delete(w0: number, w1: number, w2: number, w3: number, length: number): number {
    let hole = this.#find(w0, w1, w2, w3, length);
    const before = at(this.#value, hole);
    if (before === 0) return 0;
    const mask = this.#slots - 1;
    for (let slot = (hole + 1) & mask; at(this.#value, slot) !== 0; slot = (slot + 1) & mask) {
      // an entry may move into the hole unless its home lies cyclically after the hole
      if (((slot - this.#home(slot)) & mask) < ((slot - hole) & mask)) continue;
      this.#move(slot, hole);
      hole = slot;
    }
    this.#value[hole] = 0;
    this.#size--;
    return before;
  }

  /** In no particular order; the map must not change meanwhile. */
  forEach(visit: PrefixVisitor): void {
    this.visit(0, this.#slots, visit);
  }

  /**
   * Part of `forEach`. @param from 0, or what the last call returned @param slots places to look at, taken or not
   * @returns where to go on; null: that was all
   */
  visit(from: number, slots: number, visit: PrefixVisitor): number | null {
    const end = Math.min(from + slots, this.#slots);
    for (let slot = from; slot < end; slot++) {
      const value = at(this.#value, slot);
      if (value === 0) continue;
      visit(
        at(this.#w0, slot),
        this.#word(1, slot),
        this.#word(2, slot),
        this.#word(3, slot),
        at(this.#length, slot),
        value,
      );
    }
    return end === this.#slots ? null : end;
  }

  /** A map of its own with what is in this one now; a plain copy of memory. */
  copy(): PrefixMap {
    const other = new PrefixMap(this.version);
    other.#slots = this.#slots;
    other.#size = this.#size;
    [other.#w0, other.#rest, other.#length, other.#value] = [
      this.#w0.slice(),
      this.#rest.slice(),
      this.#length.slice(),
      this.#value.slice(),
    ];
    return other;
  }

  #find(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const mask = this.#slots - 1;
    for (let slot = hash(w0, w1, w2, w3, length) & mask; ; slot = (slot + 1) & mask) {
      if (at(this.#value, slot) === 0) return slot;
      if (at(this.#w0, slot) !== w0 || at(this.#length, slot) !== length) continue;
      if (this.version === 4) return slot;
      if (this.#word(1, slot) === w1 && this.#word(2, slot) === w2 && this.#word(3, slot) === w3) return slot;
    }
  }

  #home(slot: number): number {
    const h = hash(
      at(this.#w0, slot),
      this.#word(1, slot),
      this.#word(2, slot),
      this.#word(3, slot),
      at(this.#length, slot),
    );
    return h & (this.#slots - 1);
  }

  #word(i: number, slot: number): number {
    return this.version === 4 ? 0 : at(this.#rest, 3 * slot + i - 1);
  }

  #write(slot: number, w0: number, w1: number, w2: number, w3: number, length: number): void {
    this.#w0[slot] = w0;
    this.#length[slot] = length;
    if (this.version === 4) return;
    this.#rest[3 * slot] = w1;
    this.#rest[3 * slot + 1] = w2;
    this.#rest[3 * slot + 2] = w3;
  }

  #move(from: number, to: number): void {
    const [w1, w2, w3] = [this.#word(1, from), this.#word(2, from), this.#word(3, from)];
    this.#write(to, at(this.#w0, from), w1, w2, w3, at(this.#length, from));
    this.#value[to] = at(this.#value, from);
  }

  #grow(): void {
    const old = new PrefixMap(this.version);
    [old.#slots, old.#w0, old.#rest, old.#length, old.#value] = [
      this.#slots,
      this.#w0,
      this.#rest,
      this.#length,
      this.#value,
    ];
    this.#slots *= 2;
    this.#w0 = new Uint32Array(this.#slots);
    this.#rest = new Uint32Array(this.version === 4 ? 0 : 3 * this.#slots);
    this.#length = new Uint8Array(this.#slots);
    this.#value = new Uint32Array(this.#slots);
    old.forEach((w0, w1, w2, w3, length, value) => {
      const slot = this.#find(w0, w1, w2, w3, length);
      this.#write(slot, w0, w1, w2, w3, length);
      this.#value[slot] = value;
    });
  }
}

function hash(w0: number, w1: number, w2: number, w3: number, length: number): number {
  let h = Math.imul(w0 ^ (length << 24), 0x9e37_79b1);
  h = Math.imul(h ^ w1 ^ (h >>> 15), 0x85eb_ca6b);
  h = Math.imul(h ^ w2 ^ (h >>> 13), 0xc2b2_ae35);
  h = Math.imul(h ^ w3 ^ (h >>> 16), 0x27d4_eb2f);
  return h ^ (h >>> 15);
}

const at = (array: Uint32Array | Uint8Array, i: number): number => array[i] as number;
