// Prefix lists as they stand on the wire: a length octet and as many address octets as the length needs, per prefix.
// Owns checking, walking and writing them; must not know which message they came in. Contract: a block that was read is
// well formed, so walking it cannot fail; writing takes raw words and makes no object, for it runs a million times.
import type { IpVersion, Prefix } from "../../kernel/ip.ts";
import { ipv4, ipv6, prefixOf } from "../../kernel/ip.ts";
import type { Family, NlriBlock } from "./message.ts";
import { afiSafi } from "./registry.ts";

/** Octets of a prefix of that length on the wire: 1..5 or 1..17. */
export const prefixWireSize = (length: number): number => 1 + ((length + 7) >>> 3);

/**
 * Checks every length against the family (RFC 7606 section 5.3) and copies the octets.
 * null: a length beyond 32 or 128, or a last prefix cut short.
 */
export function readNlri(family: Family, bytes: Uint8Array): NlriBlock | null {
  const most = family === "ipv4-unicast" ? 32 : 128;
  let count = 0;
  let at = 0;
  while (at < bytes.length) {
    const length = bytes[at] ?? 0;
    if (length > most) return null;
    at += prefixWireSize(length);
    count++;
  }
  return at === bytes.length ? { ...afiSafi(family), count, bytes: bytes.slice() } : null;
}

/** Words as in `Ip`; bits beyond `length` are cleared, whatever was sent (RFC 4271 section 4.3). */
export type PrefixVisitor = (w0: number, w1: number, w2: number, w3: number, length: number) => void;

/** Calls back once per prefix, in wire order, without making an object. */
export function forEachPrefix(block: NlriBlock, visit: PrefixVisitor): void {
  const { bytes } = block;
  for (let at = 0; at < bytes.length; ) {
    const length = bytes[at] ?? 0;
    at++;
    const end = at + ((length + 7) >>> 3);
    visit(
      word(bytes, at, end, length),
      word(bytes, at + 4, end, length - 32),
      word(bytes, at + 8, end, length - 64),
      word(bytes, at + 12, end, length - 96),
      length,
    );
    at = end;
  }
}

/** Up to four octets of the address from `at`, those from `end` on read as 0, keeping the first `bits` bits. */
function word(bytes: Uint8Array, at: number, end: number, bits: number): number {
  if (bits <= 0) return 0;
  let value = 0;
  for (let i = at; i < at + 4; i++) value = (value << 8) | (i < end ? (bytes[i] ?? 0) : 0);
  return (bits >= 32 ? value : value & (0xffff_ffff << (32 - bits))) >>> 0;
}

/** The prefixes as values: for logs and tests, not for tables of routes. */
export function prefixesOf(block: NlriBlock): Prefix[] {
  const out: Prefix[] = [];
  forEachPrefix(block, (w0, w1, w2, w3, length) => {
    out.push(prefixOf(block.afi === 1 ? ipv4(w0) : ipv6(w0, w1, w2, w3), length));
  });
  return out;
}

/**
 * Writes one prefix and answers where the next one goes. The caller has made sure of `prefixWireSize(length)` octets
 * of room and passes words whose bits beyond the length are zero, as every `Prefix` has them (RFC 4271 section 4.3).
 * @param version 4 uses `w0` alone
 */
export function writePrefix(
  out: Uint8Array,
  at: number,
  version: IpVersion,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
  length: number,
): number {
  out[at] = length;
  const end = at + 1 + ((length + 7) >>> 3);
  writeWord(out, at + 1, end, w0);
  if (version === 6 && length > 32) {
    writeWord(out, at + 5, end, w1);
    if (length > 64) writeWord(out, at + 9, end, w2);
    if (length > 96) writeWord(out, at + 13, end, w3);
  }
  return end;
}

function writeWord(out: Uint8Array, at: number, end: number, value: number): void {
  if (end - at >= 4) {
    out[at] = value >>> 24;
    out[at + 1] = value >>> 16;
    out[at + 2] = value >>> 8;
    out[at + 3] = value;
  } else {
    for (let shift = 24, i = at; i < end; i++, shift -= 8) out[i] = value >>> shift;
  }
}
