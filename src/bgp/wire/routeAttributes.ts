// Path attributes of the routes we advertise, encoded for one session and family: the counterpart of attribute.ts.
// Owns what goes to whom: LOCAL_PREF to internal peers, our AS in front for external ones, AS4_PATH to two-octet peers.
// Must not know prefixes or messages. Contract: attributes ascend by type code, MP_REACH_NLRI excepted, which updateForm.ts
// puts in front of them (RFC 7606 section 5.1) because it holds the prefixes.
import { type Ip, ipToBytes } from "../../kernel/ip.ts";
import { invariant } from "../../kernel/result.ts";
import { writeAsSequence } from "./asPath.ts";
import type { Family, Negotiated, Origin, RouteAttributes } from "./message.ts";
import {
  AS_TRANS,
  ATTRIBUTE,
  afiSafi,
  FLAG,
  HEADER_SIZE,
  MAX_EXTENDED_MESSAGE,
  MAX_MESSAGE,
  MAX_PATH_TAIL,
  MAX_PREPEND,
} from "./registry.ts";
import { Writer } from "./writer.ts";

/** Of a route that asks for nothing. */
export const BARE_ATTRIBUTES: RouteAttributes = {
  nextHop: "self",
  localPref: null,
  med: null,
  asPathPrepend: 0,
  communities: [],
  largeCommunities: [],
  linkBandwidth: null,
};

export interface AttributeContext {
  readonly negotiated: Negotiated;
  readonly family: Family;
  /** Resolved: never "self" here. */
  readonly nextHop: Ip;
  /** Second IPv6 next hop, only where the peer shares the link (RFC 2545 section 3). */
  readonly linkLocalNextHop: Ip | null;
}

export interface EncodedAttributes {
  readonly family: Family;
  /** All attributes but MP_REACH_NLRI. */
  readonly attributes: Uint8Array;
  /** The value of MP_REACH_NLRI up to its prefixes; null where prefixes stand at the end of the message (IPv4). */
  readonly reach: Uint8Array | null;
}

const WELL_KNOWN = FLAG.transitive;
const OPTIONAL = FLAG.optional;
const OPTIONAL_TRANSITIVE = FLAG.optional | FLAG.transitive;

const ORIGIN: Readonly<Record<Origin, number>> = { igp: 0, egp: 1, incomplete: 2 };
/** What internal peers get where the route sets nothing. */
const DEFAULT_LOCAL_PREF = 100;

/** Two-octet AS specific, not transitive across ASes (RFC 4360 section 3, draft-ietf-idr-link-bandwidth). */
const LINK_BANDWIDTH = { type: 0x40, subtype: 0x04 } as const;

function float32Bits(value: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  return view.getUint32(0);
}

/** What may stand beside the communities in a message with one prefix: the longest form of everything, on any session. */
const MOST_BESIDE_COMMUNITIES =
  HEADER_SIZE +
  4 + // lengths of the two sections
  4 + // ORIGIN
  (5 + 2 * (1 + MAX_PREPEND + MAX_PATH_TAIL)) + // AS_PATH of an old peer
  (5 + 4 * (1 + MAX_PREPEND + MAX_PATH_TAIL)) + // AS4_PATH
  7 + // MULTI_EXIT_DISC
  7 + // LOCAL_PREF
  4 + // one more community, GRACEFUL_SHUTDOWN
  11 + // EXTENDED_COMMUNITIES
  (4 + 5 + 32 + 17); // MP_REACH_NLRI with two next hops and one IPv6 host

/** Octets that `communityOctets` of a route may be, so that it fits a message of any session (RFC 4271 section 4.3). */
export const MAX_COMMUNITY_OCTETS = MAX_MESSAGE - MOST_BESIDE_COMMUNITIES;

/** Octets of COMMUNITIES and LARGE_COMMUNITY, heads of four octets included. */
export const communityOctets = (route: Pick<RouteAttributes, "communities" | "largeCommunities">): number =>
  8 + 4 * route.communities.length + 12 * route.largeCommunities.length;

/**
 * Encodes the attributes once for all prefixes that share them.
 * @throws Bug for a next hop that the session cannot carry, or attributes beyond the session's message size: both are
 * refused by the decision (MAX_COMMUNITY_OCTETS)
 */
export function writeAttributes(route: RouteAttributes, context: AttributeContext): EncodedAttributes {
  const { negotiated, family, nextHop } = context;
  const isPlain = family === "ipv4-unicast" && nextHop.version === 4;
  const w = new Writer(new Uint8Array(negotiated.extendedMessage ? MAX_EXTENDED_MESSAGE : MAX_MESSAGE));

  writeAttribute(w, WELL_KNOWN, ATTRIBUTE.origin, 1, () => w.u8(ORIGIN[route.origin ?? "igp"]));
  // RFC 4271 section 5.1.2: our AS leads the path outside, inside it is empty; RFC 6793 section 4.2.2: two octets per AS
  // for an old speaker, and AS4_PATH where that loses something
  const { localAsn } = negotiated;
  const own = new Array<number>(1 + route.asPathPrepend).fill(localAsn);
  const path = negotiated.isInternal ? [] : [...own, ...(route.asPathTail ?? [])];
  const width = negotiated.fourOctetAsn ? 4 : 2;
  writeAttribute(w, WELL_KNOWN, ATTRIBUTE.asPath, sequenceSize(path, width), () => writeAsSequence(w, path, width));
  if (isPlain) writeAttribute(w, WELL_KNOWN, ATTRIBUTE.nextHop, 4, () => w.u32(nextHop.w0));
  writeAttribute(w, OPTIONAL, ATTRIBUTE.med, 4, () => w.u32(route.med ?? 0));
  if (negotiated.isInternal) {
    writeAttribute(w, WELL_KNOWN, ATTRIBUTE.localPref, 4, () => w.u32(route.localPref ?? DEFAULT_LOCAL_PREF));
  }
  if (route.communities.length > 0) {
    writeAttribute(w, OPTIONAL_TRANSITIVE, ATTRIBUTE.communities, 4 * route.communities.length, () => {
      for (const community of route.communities) w.u32(community);
    });
  }
  const { linkBandwidth } = route;
  if (linkBandwidth !== null) {
    writeAttribute(w, OPTIONAL_TRANSITIVE, ATTRIBUTE.extendedCommunities, 8, () => {
      const asn = localAsn > 0xffff ? AS_TRANS : localAsn;
      w.u8(LINK_BANDWIDTH.type).u8(LINK_BANDWIDTH.subtype).u16(asn).u32(float32Bits(linkBandwidth));
    });
  }
  if (width === 2 && path.some((asn) => asn > 0xffff)) {
    writeAttribute(w, OPTIONAL_TRANSITIVE, ATTRIBUTE.as4Path, sequenceSize(path, 4), () => writeAsSequence(w, path, 4));
  }
  if (route.largeCommunities.length > 0) {
    writeAttribute(w, OPTIONAL_TRANSITIVE, ATTRIBUTE.largeCommunities, 12 * route.largeCommunities.length, () => {
      for (const c of route.largeCommunities) w.u32(c.globalAdmin).u32(c.local1).u32(c.local2);
    });
  }
  return { family, attributes: w.written(), reach: isPlain ? null : reachHead(context) };
}

/** Flags, type, length; the extended length only where it is needed (RFC 4271 section 4.3). */
function writeAttribute(w: Writer, flags: number, code: number, size: number, value: () => void): void {
  if (size > 255) {
    w.u8(flags | FLAG.extendedLength)
      .u8(code)
      .u16(size);
  } else {
    w.u8(flags).u8(code).u8(size);
  }
  value();
}

const sequenceSize = (asns: readonly number[], width: 2 | 4): number =>
  asns.length === 0 ? 0 : 2 + asns.length * width;

/** AFI, SAFI, next hop and the reserved octet (RFC 4760 section 3). */
function reachHead({ family, negotiated, nextHop, linkLocalNextHop }: AttributeContext): Uint8Array {
  invariant(nextHop.version === 6, `${family} over MP_REACH_NLRI needs an IPv6 next hop`);
  invariant(
    family !== "ipv4-unicast" || negotiated.extendedNextHop,
    "IPv6 next hop for IPv4 was not agreed (RFC 8950)",
  );
  const { afi, safi } = afiSafi(family);
  const hops = linkLocalNextHop === null ? [nextHop] : [nextHop, linkLocalNextHop];
  const w = new Writer(new Uint8Array(5 + 32));
  w.u16(afi)
    .u8(safi)
    .u8(16 * hops.length);
  for (const hop of hops) w.bytes(ipToBytes(hop));
  return w.u8(0).written();
}
