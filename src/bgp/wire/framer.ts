// Cuts the byte stream of one connection into messages and judges every header (RFC 4271 section 6.1).
// Must not know what is inside a message. Contract: push(chunk), then next() until it answers null, then push again.
// A body is a view, valid until the next call. After a fault nothing is interpreted any more. Memory: at most one
// unfinished message, grown with the octets that have arrived, never by what a length field promises.
import { type Decoded, invariant, type WireFault, wireFault } from "../../kernel/result.ts";
import type { Negotiated } from "./message.ts";
import { readU16 } from "./reader.ts";
import { ERROR, HEADER_ERROR, HEADER_SIZE, MAX_EXTENDED_MESSAGE, MAX_MESSAGE, MESSAGE_TYPE } from "./registry.ts";

export interface Frame {
  readonly type: number;
  /** What follows the header. A view: copy what must outlive the next call. */
  readonly body: Uint8Array;
}

interface Limits {
  /** Message lengths, header included. */
  readonly min: number;
  readonly max: number;
}

const EMPTY = new Uint8Array(0);

export class Framer {
  #chunk: Uint8Array = EMPTY;
  #at = 0;
  #held: Uint8Array = EMPTY;
  #heldSize = 0;
  /** Length of the message in `#held` once its header was judged good, 0 before. */
  #length = 0;
  #failed = false;
  #extendedMessage = false;
  #enhancedRouteRefresh = false;

  /** To be called between the peer's OPEN and the message after it: the limits that both OPENs agreed on. */
  apply(negotiated: Pick<Negotiated, "extendedMessage" | "enhancedRouteRefresh">): void {
    this.#extendedMessage = negotiated.extendedMessage;
    this.#enhancedRouteRefresh = negotiated.enhancedRouteRefresh;
  }

  /** Octets of an unfinished message that are being kept. */
  get held(): number {
    return this.#heldSize;
  }

  /**
   * Hands over the next octets of the stream; they are not modified, and not kept once next() has answered null.
   * @throws Bug when the previous chunk was not drained
   */
  push(bytes: Uint8Array): void {
    if (this.#failed) return;
    invariant(this.#at === this.#chunk.length, "framer fed before it was drained");
    this.#chunk = bytes;
    this.#at = 0;
  }

  /** The next message; a fault, once; or null when more octets are needed or the stream has failed. */
  next(): Decoded<Frame> | null {
    if (this.#failed) return null;
    if (this.#heldSize === 0) {
      const available = this.#chunk.length - this.#at;
      if (available >= HEADER_SIZE) {
        const length = this.#judge(this.#chunk, this.#at);
        if (typeof length !== "number") return this.#fail(length);
        if (available >= length) {
          const message = this.#chunk.subarray(this.#at, this.#at + length);
          this.#at += length;
          return frame(message);
        }
      }
    }
    if (!this.#hold(HEADER_SIZE)) return null;
    if (this.#length === 0) {
      const length = this.#judge(this.#held, 0);
      if (typeof length !== "number") return this.#fail(length);
      this.#length = length;
    }
    if (!this.#hold(this.#length)) return null;
    const message = this.#held.subarray(0, this.#length);
    this.#heldSize = 0;
    this.#length = 0;
    return frame(message);
  }

  /** Moves octets from the chunk until `size` are held; false when the chunk ends first. */
  #hold(size: number): boolean {
    const take = Math.min(size - this.#heldSize, this.#chunk.length - this.#at);
    if (take > 0) {
      const needed = this.#heldSize + take;
      if (this.#held.length < needed) {
        const grown = new Uint8Array(Math.max(needed, Math.min(2 * this.#held.length, MAX_EXTENDED_MESSAGE)));
        grown.set(this.#held.subarray(0, this.#heldSize));
        this.#held = grown;
      }
      this.#held.set(this.#chunk.subarray(this.#at, this.#at + take), this.#heldSize);
      this.#heldSize = needed;
      this.#at += take;
    }
    if (this.#at === this.#chunk.length) {
      this.#chunk = EMPTY; // the caller may reuse its buffer from here on
      this.#at = 0;
    }
    return this.#heldSize >= size;
  }

  #fail(fault: WireFault): Decoded<Frame> {
    this.#failed = true;
    this.#chunk = this.#held = EMPTY;
    this.#at = this.#heldSize = 0;
    return { ok: false, fault };
  }

  /** The message length, or what is wrong with the 19 octets at `at`: marker, length, type, then the type's own limits. */
  #judge(bytes: Uint8Array, at: number): number | WireFault {
    for (let i = at; i < at + 16; i++) {
      if (bytes[i] !== 0xff) {
        return wireFault(ERROR.header, HEADER_ERROR.notSynchronized, "marker is not all ones");
      }
    }
    const length = readU16(bytes, at + 16);
    const type = bytes[at + 18] ?? 0;
    const most = this.#extendedMessage ? MAX_EXTENDED_MESSAGE : MAX_MESSAGE;
    const badLength = (): WireFault =>
      wireFault(
        ERROR.header,
        HEADER_ERROR.badLength,
        `length ${length} in a message of type ${type}`,
        bytes.slice(at + 16, at + 18),
      );
    if (length < HEADER_SIZE || length > most) return badLength();
    const limits = this.#limits(type, most);
    if (limits === null) {
      return wireFault(ERROR.header, HEADER_ERROR.badType, `message type ${type}`, Uint8Array.of(type));
    }
    return length < limits.min || length > limits.max ? badLength() : length;
  }

  #limits(type: number, most: number): Limits | null {
    switch (type) {
      case MESSAGE_TYPE.open:
        return { min: 29, max: MAX_MESSAGE }; // RFC 8654 section 4: never longer, whatever was agreed
      case MESSAGE_TYPE.update:
        return { min: 23, max: most };
      case MESSAGE_TYPE.notification:
        return { min: 21, max: most };
      case MESSAGE_TYPE.keepalive:
        return { min: HEADER_SIZE, max: HEADER_SIZE };
      case MESSAGE_TYPE.routeRefresh:
        // RFC 7313 section 5: with enhanced refresh the decoder answers a wrong length, with the whole message as data
        return this.#enhancedRouteRefresh ? { min: HEADER_SIZE, max: most } : { min: 23, max: 23 };
      default:
        return null;
    }
  }
}

const frame = (message: Uint8Array): Decoded<Frame> => ({
  ok: true,
  value: { type: message[HEADER_SIZE - 1] ?? 0, body: message.subarray(HEADER_SIZE) },
});
