// A cursor over octets that cannot leave them. Owns bounds checks for the whole codec; knows no message.
// Contract: a read that does not fit answers -1 (numbers) or null (octets), never throws, never gives a short slice,
// and uses the reader up, so that what follows fails as well and one check at the end of a run of reads is enough.
// Sub-readers end where the enclosing field ends, so a lying length is found where it lies.

export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  /** Octets consumed so far. */
  get position(): number {
    return this.#at;
  }

  u8(): number {
    return this.#take(1) ? (this.#bytes[this.#at - 1] ?? 0) : -1;
  }

  u16(): number {
    return this.#take(2) ? readU16(this.#bytes, this.#at - 2) : -1;
  }

  /** Unsigned. */
  u32(): number {
    return this.#take(4) ? readU32(this.#bytes, this.#at - 4) : -1;
  }

  /** The next `size` octets as a view on the input; a size of -1 (a failed read) answers null as well. */
  bytes(size: number): Uint8Array | null {
    return this.#take(size) ? this.#bytes.subarray(this.#at - size, this.#at) : null;
  }

  /** A reader of the next `size` octets and nothing else. */
  sub(size: number): Reader | null {
    const bytes = this.bytes(size);
    return bytes === null ? null : new Reader(bytes);
  }

  /** Everything that is left, as a view; consumes it. */
  rest(): Uint8Array {
    const bytes = this.#bytes.subarray(this.#at);
    this.#at = this.#bytes.length;
    return bytes;
  }

  #take(size: number): boolean {
    const fits = size >= 0 && size <= this.remaining;
    this.#at = fits ? this.#at + size : this.#bytes.length;
    return fits;
  }
}

/** Two octets in network order. The caller has checked that they are there. */
export const readU16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

/** Four octets in network order, unsigned. The caller has checked that they are there. */
export const readU32 = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;
