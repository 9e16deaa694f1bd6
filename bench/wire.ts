// The least of BGP that a stop watch needs: cutting a byte stream into messages and looking into UPDATEs of plain IPv4.
// Owns its own reading of the format, apart from the product's codec, so that both cannot be wrong alike. Must not know
// sockets or clocks. Contract: trusts lengths only as far as the octets at hand; a stream that is not BGP throws.

export const MESSAGE = { open: 1, update: 2, notification: 3, keepalive: 4 } as const;

/** Octets of a message's header. */
export const HEADER = 19;

export type MessageVisitor = (type: number, bytes: Uint8Array, start: number, end: number) => void;

/** Cuts a stream into messages. `start` and `end` bound the body; the octets are valid during the call only. */
export class MessageStream {
  readonly #visit: MessageVisitor;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(visit: MessageVisitor) {
    this.#visit = visit;
  }

  /** @throws Error when the stream cannot be BGP */
  push(chunk: Uint8Array): void {
    let bytes = chunk;
    if (this.#rest.length > 0) {
      bytes = new Uint8Array(this.#rest.length + chunk.length);
      bytes.set(this.#rest);
      bytes.set(chunk, this.#rest.length);
    }
    let at = 0;
    while (at + HEADER <= bytes.length) {
      const length = u16(bytes, at + 16);
      if (length < HEADER || bytes[at] !== 0xff) throw new Error("the stream is not BGP");
      if (at + length > bytes.length) break;
      this.#visit(bytes[at + 18] ?? 0, bytes, at + HEADER, at + length);
      at += length;
    }
    this.#rest = bytes.slice(at);
  }
}

/** What the UPDATEs of a stream amount to. Prefixes are counted as often as they are sent. */
export class Tally {
  announced = 0;
  withdrawn = 0;
  /** Sum of the announced addresses as 32-bit numbers: with the count it tells whether these were the right ones. */
  addressSum = 0;
  updates = 0;

  /** Adds one UPDATE body. */
  add(bytes: Uint8Array, start: number, end: number): void {
    const { withdrawnEnd, reachableStart } = sections(bytes, start);
    this.updates++;
    for (let at = start + 2; at < withdrawnEnd; at += 1 + octets(bytes[at] ?? 0)) this.withdrawn++;
    for (let at = reachableStart; at < end; ) {
      this.addressSum += addressAt(bytes, at);
      this.announced++;
      at += 1 + octets(bytes[at] ?? 0);
    }
  }
}

/** Unsigned 32 bits of the first prefix in an UPDATE body, a withdrawn one before an announced one; null: End-of-RIB. */
export function firstAddress(bytes: Uint8Array, start: number, end: number): number | null {
  const { withdrawnEnd, reachableStart } = sections(bytes, start);
  const at = withdrawnEnd > start + 2 ? start + 2 : reachableStart;
  return at < end ? addressAt(bytes, at) : null;
}

/**
 * What an UPDATE body says about one IPv4 host address.
 * @param address unsigned 32 bits
 */
export function saysAbout(
  bytes: Uint8Array,
  start: number,
  end: number,
  address: number,
): "announced" | "withdrawn" | null {
  const { withdrawnEnd, reachableStart } = sections(bytes, start);
  if (contains(bytes, reachableStart, end, address)) return "announced";
  return contains(bytes, start + 2, withdrawnEnd, address) ? "withdrawn" : null;
}

function contains(bytes: Uint8Array, start: number, end: number, address: number): boolean {
  for (let at = start; at < end; at += 1 + octets(bytes[at] ?? 0)) {
    if (bytes[at] === 32 && u16(bytes, at + 1) === address >>> 16 && u16(bytes, at + 3) === (address & 0xffff)) {
      return true;
    }
  }
  return false;
}

function sections(bytes: Uint8Array, start: number): { withdrawnEnd: number; reachableStart: number } {
  const withdrawnEnd = start + 2 + u16(bytes, start);
  return { withdrawnEnd, reachableStart: withdrawnEnd + 2 + u16(bytes, withdrawnEnd) };
}

/** An OPEN with a hold time of 180 s, IPv4 unicast and four-octet AS numbers. @param identifier unsigned 32 bits */
export function openMessage(asn: number, identifier: number): Uint8Array {
  const capabilities = [2, 6, 1, 4, 0, 1, 0, 1, 2, 6, 65, 4, ...word(asn)];
  const body = [4, ...word(asn > 0xffff ? 23456 : asn).slice(2), 0, 180, ...word(identifier)];
  return message(MESSAGE.open, [...body, capabilities.length, ...capabilities]);
}

/**
 * An UPDATE that announces `count` neighbouring host routes; at most 800.
 * @param asn of the speaker, four octets in the AS_PATH @param nextHop @param base unsigned 32 bits each
 */
export function updateMessage(asn: number, nextHop: number, base: number, count: number): Uint8Array {
  const attributes = [0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, ...word(asn), 0x40, 3, 4, ...word(nextHop)];
  const routes = Array.from({ length: count }, (_, i) => [32, ...word(base + i)]).flat();
  return message(MESSAGE.update, [0, 0, 0, attributes.length, ...attributes, ...routes]);
}

export const keepaliveMessage = (): Uint8Array => message(MESSAGE.keepalive, []);

function message(type: number, body: readonly number[]): Uint8Array {
  const length = HEADER + body.length;
  return Uint8Array.of(...new Array<number>(16).fill(0xff), length >>> 8, length & 255, type, ...body);
}

/** Of the prefix there, unsigned 32 bits. */
function addressAt(bytes: Uint8Array, at: number): number {
  const size = octets(bytes[at] ?? 0);
  let address = 0;
  for (let i = 1; i <= 4; i++) address = (address << 8) | (i <= size ? (bytes[at + i] ?? 0) : 0);
  return address >>> 0;
}

const word = (value: number): number[] => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255);
const octets = (bits: number): number => (bits + 7) >>> 3;
const u16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
