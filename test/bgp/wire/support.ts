// Shorthand for tests of messages and tables: octets from hex, hand-made attributes and UPDATEs, a negotiated session and the
// attributes of a route to vary.
import type { Negotiated, RouteAttributes, UpdateMessage } from "../../../src/bgp/wire/message.ts";
import { prefixesOf } from "../../../src/bgp/wire/nlri.ts";
import { BARE_ATTRIBUTES } from "../../../src/bgp/wire/routeAttributes.ts";
import { readUpdate } from "../../../src/bgp/wire/update.ts";
import { formatPrefix, ipv4 } from "../../../src/kernel/ip.ts";
import { fromHex, toHex } from "../../../src/kernel/text.ts";
import { Asn, Seconds } from "../../../src/kernel/units.ts";

/** Octets of hex digits; white space is free. */
export function hex(text: string): Uint8Array {
  const bytes = fromHex(text);
  if (bytes === null) throw new Error(`not hex: ${text}`);
  return bytes;
}

export { toHex };

export const MARKER = "ff".repeat(16);

/** A whole message of any type with a true length. */
export const message = (type: number, body: Uint8Array): Uint8Array => {
  const length = 19 + body.length;
  return concat(hex(MARKER), [length >>> 8, length & 255, type], body);
};

export const concat = (...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((p) => [...p]));

/** External, four-octet AS, both families, nothing fancy. */
export const external: Negotiated = {
  localAsn: Asn(65000),
  peerAsn: Asn(65001),
  isInternal: false,
  fourOctetAsn: true,
  extendedMessage: false,
  families: ["ipv4-unicast", "ipv6-unicast"],
  extendedNextHop: false,
  routeRefresh: true,
  enhancedRouteRefresh: true,
  holdTime: Seconds(90),
  keepaliveTime: Seconds(30),
};

export const internal: Negotiated = { ...external, peerAsn: Asn(65000), isInternal: true };
export const oldExternal: Negotiated = { ...external, fourOctetAsn: false };

/** How IPv4 routes are packed for the external session. */
export const packing = {
  negotiated: external,
  family: "ipv4-unicast",
  nextHop: ipv4(0x7f00_0002),
  linkLocalNextHop: null,
} as const;

/** Of a route that asks for nothing else. */
export const routeAttributes = (over: Partial<RouteAttributes> = {}): RouteAttributes => ({
  ...BARE_ATTRIBUTES,
  ...over,
});

/** One attribute; extended length where needed or asked for by the flag. */
export function attribute(flags: number, code: number, value: Uint8Array | readonly number[]): Uint8Array {
  const isLong = value.length > 255 || (flags & 0x10) !== 0;
  const length = isLong ? [value.length >>> 8, value.length & 255] : [value.length];
  return concat([isLong ? flags | 0x10 : flags, code, ...length], value);
}

export interface UpdateParts {
  readonly withdrawn?: Uint8Array;
  readonly attributes?: readonly Uint8Array[];
  readonly nlri?: Uint8Array;
}

/** The body of an UPDATE with true section lengths. */
export function updateBody({ withdrawn = hex(""), attributes = [], nlri = hex("") }: UpdateParts): Uint8Array {
  const section = concat(...attributes);
  return concat(
    [withdrawn.length >>> 8, withdrawn.length & 255],
    withdrawn,
    [section.length >>> 8, section.length & 255],
    section,
    nlri,
  );
}

export const ORIGIN = attribute(0x40, 1, [0]);
/** 65001, four octets. */
export const AS_PATH = attribute(0x40, 2, hex("0201 0000fde9"));
export const NEXT_HOP = attribute(0x40, 3, [192, 0, 2, 1]);
export const LOCAL_PREF = attribute(0x40, 5, [0, 0, 0, 200]);
export const MANDATORY = [ORIGIN, AS_PATH, NEXT_HOP] as const;
/** 198.51.100.7/32 */
export const VIP = hex("20 c6336407");
export const VIP_TEXT = "198.51.100.7/32";
export const NEXT_HOP_V6 = hex("20010db8000000000000000000000001");
/** 2001:db8:1::/48 */
export const VIP_V6 = hex("30 20010db80001");

export const mpReach = (afi: number, safi: number, nextHop: Uint8Array, nlri: Uint8Array, reserved = 0): Uint8Array =>
  attribute(0x80, 14, concat([afi >>> 8, afi & 255, safi, nextHop.length], nextHop, [reserved], nlri));

export const mpUnreach = (afi: number, safi: number, nlri: Uint8Array): Uint8Array =>
  attribute(0x80, 15, concat([afi >>> 8, afi & 255, safi], nlri));

/** All orders of a short list. */
export const permutations = <T>(items: readonly T[]): readonly T[][] =>
  items.length < 2
    ? [[...items]]
    : items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));

export const read = (parts: UpdateParts, negotiated: Negotiated = external): UpdateMessage =>
  readUpdate(updateBody(parts), negotiated);

/** `verdict` alone, or with the first fault: `sessionReset 3/1`. */
export function outcome(m: UpdateMessage): string {
  const [first] = m.faults;
  return first === undefined ? m.verdict : `${m.verdict} ${first.fault.errorCode}/${first.fault.errorSubcode}`;
}

export const prefixes = (blocks: UpdateMessage["reachable"]): string[] => blocks.flatMap(prefixesOf).map(formatPrefix);

/** A sound announcement with `extra` attributes. */
export const announced = (...extra: Uint8Array[]): UpdateParts => ({ attributes: [...MANDATORY, ...extra], nlri: VIP });

/** A sound announcement in which `instead` replaces the mandatory attribute of the same code. */
export const replacing = (instead: Uint8Array): UpdateParts => ({
  attributes: [...MANDATORY.filter((a) => a[1] !== instead[1]), instead],
  nlri: VIP,
});
