// IP addresses and prefixes as plain values: parse, print, compare, mask. Owns the canonical text of both
// (RFC 5952 for IPv6), which is used as key everywhere. Knows nothing of sockets or of pools.

export type IpVersion = 4 | 6;

/** An address as unsigned 32-bit words, most significant first; IPv4 uses w0 alone, the rest is 0. */
export interface Ip {
  readonly version: IpVersion;
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
}

/** An address with a length; bits beyond the length are zero in every value made here. */
export interface Prefix extends Ip {
  /** 0..32 or 0..128 */
  readonly length: number;
}

export const ipv4 = (w0: number): Ip => ({ version: 4, w0: w0 >>> 0, w1: 0, w2: 0, w3: 0 });
export const ipv6 = (w0: number, w1: number, w2: number, w3: number): Ip => ({
  version: 6,
  w0: w0 >>> 0,
  w1: w1 >>> 0,
  w2: w2 >>> 0,
  w3: w3 >>> 0,
});

export const maxPrefixLength = (version: IpVersion): 32 | 128 => (version === 4 ? 32 : 128);

/** Dotted quad without leading zeros; null for anything else. */
export function parseIpv4(text: string): Ip | null {
  let value = 0;
  let octet = -1;
  let digits = 0;
  let dots = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = i < text.length ? text.charCodeAt(i) : 46;
    if (c === 46) {
      if (digits === 0) return null;
      value = value * 256 + octet;
      octet = -1;
      digits = 0;
      if (i < text.length) dots++;
    } else if (c >= 48 && c <= 57) {
      if (digits > 0 && octet === 0) return null;
      octet = digits === 0 ? c - 48 : octet * 10 + (c - 48);
      digits++;
      if (digits > 3 || octet > 255) return null;
    } else {
      return null;
    }
  }
  return dots === 3 ? ipv4(value) : null;
}

/** Any RFC 4291 text form (also with a dotted quad at the end), without zone; null for anything else. */
export function parseIpv6(text: string): Ip | null {
  if (text.length < 2 || text.length > 45 || !text.includes(":")) return null;
  let body = text;
  const tail: number[] = [];
  if (body.includes(".")) {
    const cut = body.lastIndexOf(":");
    const quad = parseIpv4(body.slice(cut + 1));
    if (quad === null) return null;
    tail.push(quad.w0 >>> 16, quad.w0 & 0xffff);
    body = body.slice(0, cut + 1);
    // "::1.2.3.4" leaves "::", "1:2::1.2.3.4" leaves "1:2::": both end in the gap itself
    if (!body.endsWith("::")) body = body.slice(0, -1);
    if (body === "") return null;
  }
  const halves = body.split("::");
  if (halves.length > 2) return null;
  const head = groups(halves[0] ?? "");
  const rest = halves.length === 2 ? groups(halves[1] ?? "") : [];
  if (head === null || rest === null) return null;
  const given = head.length + rest.length + tail.length;
  if (halves.length === 1 ? given !== 8 : given > 7) return null;
  const all = [...head, ...new Array<number>(8 - given).fill(0), ...rest, ...tail];
  const word = (i: number): number => (all[2 * i] ?? 0) * 0x1_0000 + (all[2 * i + 1] ?? 0);
  return ipv6(word(0), word(1), word(2), word(3));
}

function groups(text: string): number[] | null {
  if (text === "") return [];
  const out: number[] = [];
  for (const g of text.split(":")) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(g)) return null;
    out.push(Number.parseInt(g, 16));
  }
  return out;
}

/** IPv4 or IPv6 literal without zone; null for anything else. */
export const parseIp = (text: string): Ip | null => (text.includes(":") ? parseIpv6(text) : parseIpv4(text));

/** Canonical text: dotted quad, or RFC 5952. */
export function formatIp(ip: Ip): string {
  if (ip.version === 4) return `${ip.w0 >>> 24}.${(ip.w0 >>> 16) & 255}.${(ip.w0 >>> 8) & 255}.${ip.w0 & 255}`;
  const g = [ip.w0, ip.w1, ip.w2, ip.w3].flatMap((w) => [w >>> 16, w & 0xffff]);
  // RFC 5952 4.2: the longest run of zero groups, the first of equals, never a single group
  let bestStart = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; ) {
    let j = i;
    while (j < 8 && g[j] === 0) j++;
    if (j - i > bestLength) {
      bestStart = i;
      bestLength = j - i;
    }
    i = j === i ? i + 1 : j;
  }
  if (bestStart === 0 && bestLength === 5 && g[5] === 0xffff) {
    return `::ffff:${formatIp(ipv4(ip.w3))}`; // RFC 5952 5: IPv4-mapped
  }
  const hex = (part: number[]): string => part.map((x) => x.toString(16)).join(":");
  if (bestStart < 0) return hex(g);
  return `${hex(g.slice(0, bestStart))}::${hex(g.slice(bestStart + bestLength))}`;
}

const wordMask = (bits: number): number =>
  bits <= 0 ? 0 : bits >= 32 ? 0xffff_ffff : (0xffff_ffff << (32 - bits)) >>> 0;

/** The prefix of that length around an address; host bits are cleared. */
export function prefixOf(ip: Ip, length: number): Prefix {
  return {
    version: ip.version,
    w0: (ip.w0 & wordMask(length)) >>> 0,
    w1: (ip.w1 & wordMask(length - 32)) >>> 0,
    w2: (ip.w2 & wordMask(length - 64)) >>> 0,
    w3: (ip.w3 & wordMask(length - 96)) >>> 0,
    length,
  };
}

/** `a.b.c.d/n` or `x::y/n`; host bits are masked off; null for anything else. */
export function parsePrefix(text: string): Prefix | null {
  const slash = text.indexOf("/");
  if (slash < 0) return null;
  const ip = parseIp(text.slice(0, slash));
  const digits = text.slice(slash + 1);
  if (ip === null || !/^(0|[1-9][0-9]{0,2})$/.test(digits)) return null;
  const length = Number(digits);
  return length <= maxPrefixLength(ip.version) ? prefixOf(ip, length) : null;
}

/** Canonical text, also the key of a prefix in every map of the control plane. */
export const formatPrefix = (p: Prefix): string => `${formatIp(p)}/${p.length}`;

export const ipEquals = (a: Ip, b: Ip): boolean =>
  a.version === b.version && a.w0 === b.w0 && a.w1 === b.w1 && a.w2 === b.w2 && a.w3 === b.w3;

/** IPv4 before IPv6, then by value. */
export function compareIp(a: Ip, b: Ip): number {
  return a.version - b.version || a.w0 - b.w0 || a.w1 - b.w1 || a.w2 - b.w2 || a.w3 - b.w3;
}

export const containsIp = (p: Prefix, ip: Ip): boolean =>
  p.version === ip.version && ipEquals(prefixOf(ip, p.length), p);

export const comparePrefix = (a: Prefix, b: Prefix): number => compareIp(a, b) || a.length - b.length;

/** Network order, 4 or 16 octets. */
export function ipToBytes(ip: Ip): Uint8Array {
  const words = ip.version === 4 ? [ip.w0] : [ip.w0, ip.w1, ip.w2, ip.w3];
  return Uint8Array.from(words.flatMap((w) => [w >>> 24, (w >>> 16) & 255, (w >>> 8) & 255, w & 255]));
}

/** From 4 or 16 octets in network order; null for another length. */
export function ipFromBytes(bytes: Uint8Array): Ip | null {
  const word = (i: number): number =>
    (((bytes[i] ?? 0) << 24) | ((bytes[i + 1] ?? 0) << 16) | ((bytes[i + 2] ?? 0) << 8) | (bytes[i + 3] ?? 0)) >>> 0;
  if (bytes.length === 4) return ipv4(word(0));
  if (bytes.length === 16) return ipv6(word(0), word(4), word(8), word(12));
  return null;
}

/** The address as one whole number: for range arithmetic in configuration code, not in hot paths. */
export function ipToBigInt(ip: Ip): bigint {
  if (ip.version === 4) return BigInt(ip.w0);
  return (BigInt(ip.w0) << 96n) | (BigInt(ip.w1) << 64n) | (BigInt(ip.w2) << 32n) | BigInt(ip.w3);
}

export const isUnspecified = (ip: Ip): boolean => ip.w0 === 0 && ip.w1 === 0 && ip.w2 === 0 && ip.w3 === 0;
export const isLoopback = (ip: Ip): boolean =>
  ip.version === 4 ? ip.w0 >>> 24 === 127 : ip.w0 === 0 && ip.w1 === 0 && ip.w2 === 0 && ip.w3 === 1;
export const isMulticast = (ip: Ip): boolean => (ip.version === 4 ? ip.w0 >>> 28 === 14 : ip.w0 >>> 24 === 0xff);
export const isLinkLocal = (ip: Ip): boolean => (ip.version === 4 ? ip.w0 >>> 16 === 0xa9fe : ip.w0 >>> 22 === 0x3fa);
