// The values that the codec turns octets into and back. Owns types only; the rest of the codec lives in its siblings.
// A decoded value never refers to the receive buffer: what outlives the turn is copied by the reader.
import type { Ip, Prefix } from "../../kernel/ip.ts";
import type { WireFault } from "../../kernel/result.ts";
import type { Asn, Seconds } from "../../kernel/units.ts";

/** The families this speaker can carry. */
export type Family = "ipv4-unicast" | "ipv6-unicast";

/** AFI and SAFI as numbers, for what a peer may say about families we do not know. */
export interface AfiSafi {
  readonly afi: number;
  readonly safi: number;
}

export type Capability =
  | { readonly type: "multiprotocol"; readonly afi: number; readonly safi: number }
  | { readonly type: "routeRefresh" }
  | { readonly type: "extendedNextHop"; readonly entries: readonly (AfiSafi & { readonly nextHopAfi: number })[] }
  | { readonly type: "extendedMessage" }
  | { readonly type: "role"; readonly role: number }
  | {
      readonly type: "gracefulRestart";
      /** R bit: the sender has just restarted. */
      readonly restarting: boolean;
      /** N bit, RFC 8538. */
      readonly notification: boolean;
      /** Seconds, 0..4095. */
      readonly restartTime: number;
      readonly families: readonly (AfiSafi & { readonly forwarding: boolean })[];
    }
  | { readonly type: "fourOctetAsn"; readonly asn: number }
  | { readonly type: "enhancedRouteRefresh" }
  | { readonly type: "fqdn"; readonly hostname: string; readonly domain: string }
  | { readonly type: "softwareVersion"; readonly text: string }
  /** Unknown code, or a known one whose value could not be used (RFC 5492 section 3: ignore, but show). */
  | { readonly type: "unknown"; readonly code: number; readonly value: Uint8Array };

export interface OpenMessage {
  readonly type: "open";
  readonly version: number;
  /** The two-octet My Autonomous System field as it stands; may be AS_TRANS 23456. */
  readonly asn: number;
  readonly holdTime: Seconds;
  /** BGP Identifier as unsigned 32 bits; may be the illegal 0 in a received OPEN. */
  readonly identifier: number;
  readonly capabilities: readonly Capability[];
}

export interface KeepaliveMessage {
  readonly type: "keepalive";
}

export interface NotificationMessage {
  readonly type: "notification";
  readonly errorCode: number;
  readonly errorSubcode: number;
  readonly data: Uint8Array;
}

export interface RouteRefreshMessage {
  readonly type: "routeRefresh";
  readonly afi: number;
  readonly safi: number;
  /** 0 request, 1 BoRR, 2 EoRR (RFC 7313), others unknown. */
  readonly subtype: number;
}

export interface LargeCommunity {
  readonly globalAdmin: number;
  readonly local1: number;
  readonly local2: number;
}

/** RFC 7606 section 2, weakest first. */
export type UpdateVerdict = "accept" | "attributeDiscard" | "treatAsWithdraw" | "sessionReset";

export interface UpdateFault {
  readonly verdict: Exclude<UpdateVerdict, "accept">;
  /** Attribute type code; 0 where the fault is not in one attribute. */
  readonly attribute: number;
  readonly fault: WireFault;
}

/** One run of prefixes of one family, still packed: `forEachPrefix` (nlri.ts) walks it. Checked when it was read. */
export interface NlriBlock {
  readonly afi: number;
  readonly safi: number;
  /** Prefixes in it. */
  readonly count: number;
  /** Length octet and address octets per prefix. A copy. */
  readonly bytes: Uint8Array;
}

export interface AsPathSegment {
  readonly type: "sequence" | "set" | "confedSequence" | "confedSet";
  readonly asns: readonly number[];
}

/** Known attributes of a received UPDATE that were accepted; absent where not sent or discarded. */
export interface ReceivedAttributes {
  readonly origin: number | null;
  readonly asPath: readonly AsPathSegment[] | null;
  /** From NEXT_HOP, or the global address of MP_REACH_NLRI. */
  readonly nextHop: Ip | null;
  /** Second address of a 32-octet MP_REACH next hop. */
  readonly linkLocalNextHop: Ip | null;
  readonly med: number | null;
  readonly localPref: number | null;
  readonly communities: readonly number[];
  readonly largeCommunities: readonly LargeCommunity[];
}

export interface UpdateMessage {
  readonly type: "update";
  readonly verdict: UpdateVerdict;
  readonly faults: readonly UpdateFault[];
  readonly withdrawn: readonly NlriBlock[];
  readonly reachable: readonly NlriBlock[];
  readonly attributes: ReceivedAttributes;
  /** Families in it that were not agreed: skipped unread, the session stays (RFC 4760 section 6). Worth one log line. */
  readonly ignoredFamilies: readonly AfiSafi[];
  /** Set when the message is an End-of-RIB marker (RFC 4724 section 2). */
  readonly endOfRib: AfiSafi | null;
}

export type Message = OpenMessage | UpdateMessage | KeepaliveMessage | NotificationMessage | RouteRefreshMessage;

/** What the two OPENs agreed on (session/negotiate.ts makes it). Frozen; encoders and decoders receive it. */
export interface Negotiated {
  readonly localAsn: Asn;
  readonly peerAsn: Asn;
  readonly isInternal: boolean;
  readonly fourOctetAsn: boolean;
  readonly extendedMessage: boolean;
  readonly families: readonly Family[];
  /** Families for which an IPv6 next hop was agreed for IPv4 routes (RFC 8950). */
  readonly extendedNextHop: boolean;
  readonly routeRefresh: boolean;
  readonly enhancedRouteRefresh: boolean;
  /** Seconds; 0 means no hold timer and no keepalives. */
  readonly holdTime: Seconds;
  /** Seconds between keepalives; 0 together with hold time 0. */
  readonly keepaliveTime: Seconds;
}

/** RFC 4271 section 5.1.1, by its names. */
export type Origin = "igp" | "egp" | "incomplete";

/** Attributes of a route as the decision wants them, independent of the peer that will receive it. */
export interface RouteAttributes {
  /** `self`: our address on the session that carries the route. */
  readonly nextHop: Ip | "self";
  /** null: not set; internal peers then get 100. */
  readonly localPref: number | null;
  /** null: not set; sent as 0, as FRR does for locally originated routes. */
  readonly med: number | null;
  /** Extra copies of our AS in front of the path to external peers, 0..MAX_PREPEND. */
  readonly asPathPrepend: number;
  /** ASes behind ours in the path to external peers, at most MAX_PATH_TAIL; absent: none, the route begins here. */
  readonly asPathTail?: readonly number[];
  /** Unsigned 32-bit values, ascending, no duplicates. */
  readonly communities: readonly number[];
  /** Ascending, no duplicates. */
  readonly largeCommunities: readonly LargeCommunity[];
  /** Link bandwidth extended community, octets per second, 0 or more; null: not sent. */
  readonly linkBandwidth: number | null;
  /** Absent: igp, as for all that is decided. */
  readonly origin?: Origin;
}

export interface Route {
  readonly prefix: Prefix;
  readonly attributes: RouteAttributes;
}
