// An append cursor over octets the caller owns, with back-patching of length fields, and the frame of a small message.
// Knows nothing of message bodies. Contract: running out of room is our own mistake and throws Bug before anything is
// written; all numbers are written in network order.
import { invariant } from "../../kernel/result.ts";
import { HEADER_SIZE, MAX_MESSAGE } from "./registry.ts";

export class Writer {
  readonly #out: Uint8Array;
  #at: number;

  constructor(out: Uint8Array, at = 0) {
    this.#out = out;
    this.#at = at;
  }

  /** Where the next octet goes. */
  get position(): number {
    return this.#at;
  }

  u8(value: number): this {
    this.#need(1);
    this.#out[this.#at++] = value;
    return this;
  }

  u16(value: number): this {
    this.#need(2);
    writeU16(this.#out, this.#at, value);
    this.#at += 2;
    return this;
  }

  u32(value: number): this {
    this.#need(4);
    writeU32(this.#out, this.#at, value);
    this.#at += 4;
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#need(value.length);
    this.#out.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  /** Writes one octet, runs `body`, then sets that octet to the number of octets `body` wrote (at most 255). */
  sized8(body: () => void): this {
    const at = this.#at;
    this.u8(0);
    body();
    const size = this.#at - at - 1;
    invariant(size <= 255, `field of ${size} octets behind a one-octet length`);
    this.#out[at] = size;
    return this;
  }

  /** As `sized8` with a two-octet length. */
  sized16(body: () => void): this {
    const at = this.#at;
    this.u16(0);
    body();
    const size = this.#at - at - 2;
    invariant(size <= 0xffff, `field of ${size} octets behind a two-octet length`);
    writeU16(this.#out, at, size);
    return this;
  }

  /** A copy of everything written so far. */
  written(): Uint8Array {
    return this.#out.slice(0, this.#at);
  }

  #need(size: number): void {
    invariant(this.#at + size <= this.#out.length, "no room left to write");
  }
}

export function writeU16(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 8;
  out[at + 1] = value;
}

export function writeU32(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
}

/** Marker, length and type (RFC 4271 section 4.1) in front of a message of `length` octets, header included. */
export function writeHeader(out: Uint8Array, at: number, length: number, type: number): void {
  out.fill(0xff, at, at + 16);
  writeU16(out, at + 16, length);
  out[at + 18] = type;
}

/**
 * One whole message of at most 4096 octets.
 * @throws Bug when the body does not fit
 */
export function writeMessage(type: number, body: (w: Writer) => void): Uint8Array {
  const out = new Uint8Array(MAX_MESSAGE);
  const w = new Writer(out, HEADER_SIZE);
  body(w);
  writeHeader(out, 0, w.position, type);
  return w.written();
}
