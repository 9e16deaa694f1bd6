// One entry of a pool as a row of numbered addresses: offset 0 is the lowest that may be given. Owns the arithmetic between
// addresses and offsets, and what avoidBuggyIPs leaves out. Knows nothing of who uses what.
// Contract: no address is enumerated, and no BigInt is used; offsets from 2^53 on are not told apart, because whoever takes the
// lowest free one never gets there.
import type { AddressRange } from "../announce/model.ts";
import { compareIp, type Ip, type IpVersion, ipToBigInt, ipv4, ipv6 } from "../kernel/ip.ts";
import { invariant } from "../kernel/result.ts";

export interface Span {
  readonly version: IpVersion;
  readonly first: Ip;
  readonly last: Ip;
  /** .0 and .255 of every /24 do not exist (metallb-compat 1.4). */
  readonly avoidsBuggy: boolean;
  /** Addresses that may be given, as far as offsets tell them apart. */
  readonly size: number;
}

/** The offset of an address too far from the first one to have a number. */
export const FAR = Number.POSITIVE_INFINITY;

const TWO_32 = 2 ** 32;
const USABLE_PER_24 = 254;
const lastOctet = (ip: Ip): number => ip.w0 & 255;
const isBuggy = (ip: Ip): boolean => lastOctet(ip) === 0 || lastOctet(ip) === 255;

/** @returns null when avoidBuggyIPs leaves nothing of the range */
export function makeSpan({ first, last }: AddressRange, avoidBuggyIPs: boolean): Span | null {
  const { version } = first;
  if (version === 6 || !avoidBuggyIPs) {
    const size = distance(first, last) + 1;
    return { version, first, last, avoidsBuggy: false, size: Number.isSafeInteger(size) ? size : FAR };
  }
  const low = first.w0 + (lastOctet(first) === 0 ? 1 : lastOctet(first) === 255 ? 2 : 0);
  const high = last.w0 - (lastOctet(last) === 255 ? 1 : lastOctet(last) === 0 ? 2 : 0);
  if (low > high) return null;
  const span = { version, first: ipv4(low), last: ipv4(high), avoidsBuggy: true };
  return { ...span, size: rank(span.last) - rank(span.first) + 1 };
}

/** @returns the offset, FAR where it has no number, null when the address is not one of the span */
export function offsetIn(span: Span, ip: Ip): number | null {
  if (ip.version !== span.version || compareIp(ip, span.first) < 0 || compareIp(ip, span.last) > 0) return null;
  if (!span.avoidsBuggy) return distance(span.first, ip);
  return isBuggy(ip) ? null : rank(ip) - rank(span.first);
}

/** @param offset 0 to size - 1 */
export function addressAt(span: Span, offset: number): Ip {
  invariant(Number.isSafeInteger(offset) && offset >= 0 && offset < span.size, `no offset of a span: ${offset}`);
  const { first } = span;
  if (span.avoidsBuggy) {
    const n = rank(first) + offset;
    return ipv4(Math.floor(n / USABLE_PER_24) * 256 + (n % USABLE_PER_24) + 1);
  }
  if (span.version === 4) return ipv4(first.w0 + offset);
  const w3 = first.w3 + (offset % TWO_32);
  const w2 = first.w2 + Math.floor(offset / TWO_32) + Math.floor(w3 / TWO_32);
  const w1 = first.w1 + Math.floor(w2 / TWO_32);
  const w0 = first.w0 + Math.floor(w1 / TWO_32);
  return ipv6(w0, w1 % TWO_32, w2 % TWO_32, w3 % TWO_32);
}

/** Number of an IPv4 address among all that are not buggy. */
const rank = (ip: Ip): number => (ip.w0 >>> 8) * USABLE_PER_24 + lastOctet(ip) - 1;

/** to - from, FAR from 2^53 on. @param to not below `from` */
function distance(from: Ip, to: Ip): number {
  if (from.version === 4) return to.w0 - from.w0;
  const d3 = to.w3 - from.w3;
  const d2 = to.w2 - from.w2 - (d3 < 0 ? 1 : 0);
  const d1 = to.w1 - from.w1 - (d2 < 0 ? 1 : 0);
  const d0 = to.w0 - from.w0 - (d1 < 0 ? 1 : 0);
  const high = d2 < 0 ? d2 + TWO_32 : d2;
  if (d0 !== 0 || d1 !== 0 || high >= 2 ** 21) return FAR;
  return high * TWO_32 + (d3 < 0 ? d3 + TWO_32 : d3);
}

/** The greatest count an int64 field of the API holds: more is not told apart. */
export const MAX_COUNT = 2n ** 63n - 1n;

/** Addresses of a range that may be given, as MetalLB counts them: a CIDR with 62 or more host bits is MAX_COUNT. */
export function capacityOf(range: AddressRange, span: Span | null): bigint {
  if (span === null) return 0n;
  if (range.first.version === 6 && range.shortestMask <= 66) return MAX_COUNT;
  return span.avoidsBuggy ? BigInt(span.size) : ipToBigInt(range.last) - ipToBigInt(range.first) + 1n;
}

/** The sum, MAX_COUNT where it would be more. */
export const saturatingSum = (a: bigint, b: bigint): bigint => (a + b > MAX_COUNT ? MAX_COUNT : a + b);
