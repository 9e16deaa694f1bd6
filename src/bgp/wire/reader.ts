// A cursor over octets that cannot leave them. Owns bounds checks for the whole codec; knows no message.
// Contract: a read that does not fit changes nothing and answers -1 (numbers) or null (octets), never throws, never
// gives a short slice. Sub-readers end where the enclosing field ends, so a lying length is found where it lies.

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
    return this.#at < this.#bytes.length ? (this.#bytes[this.#at++] ?? 0) : -1;
  }

  u16(): number {
    if (this.remaining < 2) return -1;
    const value = readU16(this.#bytes, this.#at);
    this.#at += 2;
    return value;
  }

  /** Unsigned. */
  u32(): number {
    if (this.remaining < 4) return -1;
    const value = readU32(this.#bytes, this.#at);
    this.#at += 4;
    return value;
  }

  /** The next `size` octets as a view on the input; a size of -1 (a failed read) answers null as well. */
  bytes(size: number): Uint8Array | null {
    if (size < 0 || size > this.remaining) return null;
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
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
}

/** Two octets in network order. The caller has checked that they are there. */
export const readU16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

/** Four octets in network order, unsigned. The caller has checked that they are there. */
export const readU32 = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;
