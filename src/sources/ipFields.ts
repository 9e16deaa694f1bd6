// Address arithmetic at the edge: IP literals, CIDRs and ranges as operators write them -> canonical kernel values.
// Owns the texts about bad addresses and the only contact with ip-num. Knows nothing of the objects they stand in.
// Contract: what MetalLB's parser (Go's net package) accepts is accepted, and IPv4 written as ::ffff:a.b.c.d is IPv4.
import { IPv4, IPv4CidrRange, IPv4Prefix, IPv6, IPv6CidrRange, IPv6Prefix, RangedSet } from "ip-num";
import { compareIp, type Ip, ipToBigInt, ipv4, ipv6, maxPrefixLength, parseIp, parsePrefix } from "../kernel/ip.ts";
import type { Said } from "../kernel/messages.ts";
import { quote } from "../kernel/text.ts";
import type { Fields } from "./fields.ts";
import { say } from "./messages.ts";

/** An IP literal without zone; null for anything else. */
export function parseGoIp(text: string): Ip | null {
  const ip = parseIp(text);
  if (ip === null || ip.version === 4 || ip.w0 !== 0 || ip.w1 !== 0 || ip.w2 !== 0xffff) return ip;
  return ipv4(ip.w3);
}

/** null: absent or not an IP literal (reported). */
export function readIp(fields: Fields, key: string): Ip | null {
  const text = fields.string(key);
  if (text === null) return null;
  const ip = parseGoIp(text);
  if (ip === null) fields.error(key, say("notAnIp", { text: quote(text) }, ipHint(text)));
  return ip;
}

function ipHint(text: string): string {
  if (text !== text.trim()) return "Remove the spaces.";
  if (text.includes("%")) return "Leave out the zone; for a link-local peer use spec.interface.";
  if (text.includes("/")) return "Give a single address without a prefix length.";
  if (/^[0-9.]+$/.test(text)) return "Four numbers 0 to 255 without leading zeros, e.g. 192.0.2.1.";
  if (/^[A-Za-z0-9.-]+$/.test(text)) return "Host names are not looked up: give the IP address.";
  return "";
}

/** A pool entry as a range; see announce/model.ts AddressRange. */
export interface ParsedRange {
  readonly first: Ip;
  readonly last: Ip;
  readonly shortestMask: number;
}

export type RangeResult =
  | { readonly ok: true; readonly value: ParsedRange }
  /** From IPv4 to IPv6: MetalLB takes it and finds no address in it, so it must not cost the pool its other entries. */
  | { readonly ok: true; readonly value: null; readonly said: Said }
  | { readonly ok: false; readonly said: Said };

const fail = (said: Said): RangeResult => ({ ok: false, said });

/** `a.b.c.d/n` (host bits are masked off) or `first-last`, spaces around the dash allowed (metallb-compat 1.4). */
export function parseRange(text: string): RangeResult {
  return text.includes("-") ? parseFirstLast(text) : parseCidr(text);
}

function parseCidr(text: string): RangeResult {
  const prefix = parsePrefix(text);
  if (prefix === null) {
    const lone = parseGoIp(text);
    if (lone !== null) {
      return fail(say("loneAddress", { text, length: maxPrefixLength(lone.version) }));
    }
    return fail(say("notARange", { text: quote(text) }));
  }
  const length = BigInt(prefix.length);
  const range =
    prefix.version === 4
      ? new IPv4CidrRange(toIPv4(prefix), new IPv4Prefix(length))
      : new IPv6CidrRange(toIPv6(prefix), new IPv6Prefix(length));
  const first = fromBigInt(range.getFirst().getValue(), prefix.version);
  const last = fromBigInt(range.getLast().getValue(), prefix.version);
  return { ok: true, value: { first, last, shortestMask: prefix.length } };
}

function parseFirstLast(text: string): RangeResult {
  const dash = text.indexOf("-");
  const ends = [text.slice(0, dash).trim(), text.slice(dash + 1).trim()] as const;
  const [first, last] = [parseGoIp(ends[0]), parseGoIp(ends[1])];
  if (first === null || last === null) {
    const bad = first === null ? ends[0] : ends[1];
    return fail(say("badRangeEnd", { end: quote(bad), text: quote(text) }));
  }
  if (compareIp(first, last) > 0) {
    if (first.version !== last.version) return fail(say("mixedRangeRefused", { text: quote(text) }));
    return fail(say("backwardRange", { text: quote(text), first: ends[0], last: ends[1] }));
  }
  if (first.version !== last.version) {
    return { ok: true, value: null, said: say("mixedRange", { text: quote(text) }) };
  }
  return { ok: true, value: { first, last, shortestMask: shortestCoveringMask(first, last) } };
}

/** Of the fewest CIDRs that cover the range exactly, the length of the widest. */
function shortestCoveringMask(first: Ip, last: Ip): number {
  const set =
    first.version === 4 ? new RangedSet(toIPv4(first), toIPv4(last)) : new RangedSet(toIPv6(first), toIPv6(last));
  const bits = maxPrefixLength(first.version);
  let widest = 0;
  let at = set.getFirst().getValue();
  for (let left = set.getSize(); left > 0n; ) {
    let hostBits = left.toString(2).length - 1;
    // a CIDR begins at a multiple of its size
    while (hostBits > 0 && at % (1n << BigInt(hostBits)) !== 0n) hostBits--;
    widest = Math.max(widest, hostBits);
    at += 1n << BigInt(hostBits);
    left -= 1n << BigInt(hostBits);
  }
  return bits - widest;
}

const toIPv4 = (ip: Ip): IPv4 => IPv4.fromNumber(ipToBigInt(ip));
const toIPv6 = (ip: Ip): IPv6 => IPv6.fromBigInt(ipToBigInt(ip));

function fromBigInt(value: bigint, version: 4 | 6): Ip {
  const word = (shift: bigint): number => Number((value >> shift) & 0xffff_ffffn);
  return version === 4 ? ipv4(word(0n)) : ipv6(word(96n), word(64n), word(32n), word(0n));
}
