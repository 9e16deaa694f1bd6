// The numbers and names of BGP as IANA keeps them: message types, errors, capabilities, attributes, families,
// well-known communities. Owns every protocol constant; knows nothing of encoding. Contract: names for people come only
// from here, and an unknown number always has a printable form.
import type { AfiSafi, Family, LargeCommunity } from "./message.ts";

export const HEADER_SIZE = 19;
/** RFC 4271 section 4.1. */
export const MAX_MESSAGE = 4096;
/** RFC 8654 section 4: UPDATE, NOTIFICATION and ROUTE-REFRESH once both sides agreed. */
export const MAX_EXTENDED_MESSAGE = 65_535;
/** Stands in for an AS number that needs 32 bits wherever only 16 are available (RFC 6793). */
export const AS_TRANS = 23_456;

type Names = Readonly<Record<number, string>>;

export const MESSAGE_TYPE = { open: 1, update: 2, notification: 3, keepalive: 4, routeRefresh: 5 } as const;

/** Extra copies of our AS that a route may ask for. */
export const MAX_PREPEND = 10;
/** ASes of others behind ours in a path that we make. */
export const MAX_PATH_TAIL = 4;

export const ERROR = {
  header: 1,
  open: 2,
  update: 3,
  holdTimer: 4,
  fsm: 5,
  cease: 6,
  routeRefresh: 7,
  sendHoldTimer: 8,
} as const;

export const HEADER_ERROR = { notSynchronized: 1, badLength: 2, badType: 3 } as const;

export const OPEN_ERROR = {
  unspecific: 0,
  unsupportedVersion: 1,
  badPeerAs: 2,
  badIdentifier: 3,
  unsupportedParameter: 4,
  unacceptableHoldTime: 6,
  unsupportedCapability: 7,
  roleMismatch: 11,
} as const;

export const UPDATE_ERROR = {
  malformedAttributeList: 1,
  unrecognizedWellKnown: 2,
  missingWellKnown: 3,
  attributeFlags: 4,
  attributeLength: 5,
  invalidOrigin: 6,
  invalidNextHop: 8,
  optionalAttribute: 9,
  invalidNetworkField: 10,
  malformedAsPath: 11,
} as const;

/** RFC 6608. */
export const FSM_ERROR = { unspecific: 0, inOpenSent: 1, inOpenConfirm: 2, inEstablished: 3 } as const;

/** RFC 4486, 8538 (hardReset), 9384 (bfdDown). */
export const CEASE = {
  maxPrefixes: 1,
  adminShutdown: 2,
  peerDeconfigured: 3,
  adminReset: 4,
  connectionRejected: 5,
  configurationChange: 6,
  connectionCollision: 7,
  outOfResources: 8,
  hardReset: 9,
  bfdDown: 10,
} as const;

/** RFC 7313 section 5. */
export const ROUTE_REFRESH_ERROR = { badLength: 1 } as const;

const ERROR_NAMES: Readonly<Record<number, readonly [name: string, subcodes: Names]>> = {
  1: ["Message Header Error", { 1: "Connection Not Synchronized", 2: "Bad Message Length", 3: "Bad Message Type" }],
  2: [
    "OPEN Message Error",
    {
      1: "Unsupported Version Number",
      2: "Bad Peer AS",
      3: "Bad BGP Identifier",
      4: "Unsupported Optional Parameter",
      5: "Authentication Failure (deprecated)",
      6: "Unacceptable Hold Time",
      7: "Unsupported Capability",
      8: "Grouping Conflict (deprecated)",
      9: "Grouping Required (deprecated)",
      10: "Capability Value Mismatch (deprecated)",
      11: "Role Mismatch",
    },
  ],
  3: [
    "UPDATE Message Error",
    {
      1: "Malformed Attribute List",
      2: "Unrecognized Well-known Attribute",
      3: "Missing Well-known Attribute",
      4: "Attribute Flags Error",
      5: "Attribute Length Error",
      6: "Invalid ORIGIN Attribute",
      7: "AS Routing Loop (deprecated)",
      8: "Invalid NEXT_HOP Attribute",
      9: "Optional Attribute Error",
      10: "Invalid Network Field",
      11: "Malformed AS_PATH",
    },
  ],
  4: ["Hold Timer Expired", {}],
  5: [
    "Finite State Machine Error",
    {
      1: "Unexpected Message in OpenSent State",
      2: "Unexpected Message in OpenConfirm State",
      3: "Unexpected Message in Established State",
    },
  ],
  6: [
    "Cease",
    {
      1: "Maximum Number of Prefixes Reached",
      2: "Administrative Shutdown",
      3: "Peer De-configured",
      4: "Administrative Reset",
      5: "Connection Rejected",
      6: "Other Configuration Change",
      7: "Connection Collision Resolution",
      8: "Out of Resources",
      9: "Hard Reset",
      10: "BFD Down",
    },
  ],
  7: ["ROUTE-REFRESH Message Error", { 1: "Invalid Message Length" }],
  8: ["Send Hold Timer Expired", {}],
};

/** `Cease/Administrative Shutdown`; subcode 0 is left out; unknown numbers stand as numbers. */
export function errorName(errorCode: number, errorSubcode: number): string {
  const [name, subcodes] = ERROR_NAMES[errorCode] ?? [`error ${errorCode}`, {} as Names];
  return errorSubcode === 0 ? name : `${name}/${subcodes[errorSubcode] ?? `subcode ${errorSubcode}`}`;
}

export const CAPABILITY = {
  multiprotocol: 1,
  routeRefresh: 2,
  extendedNextHop: 5,
  extendedMessage: 6,
  role: 9,
  gracefulRestart: 64,
  fourOctetAsn: 65,
  enhancedRouteRefresh: 70,
  fqdn: 73,
  softwareVersion: 75,
} as const;

const CAPABILITY_NAMES: Names = {
  1: "multiprotocol",
  2: "route-refresh",
  3: "outbound-route-filtering",
  5: "extended-next-hop",
  6: "extended-message",
  7: "bgpsec",
  8: "multiple-labels",
  9: "role",
  64: "graceful-restart",
  65: "four-octet-asn",
  67: "dynamic-capability",
  68: "multisession",
  69: "add-path",
  70: "enhanced-route-refresh",
  71: "long-lived-graceful-restart",
  72: "routing-policy-distribution",
  73: "fqdn",
  74: "bfd-strict",
  75: "software-version",
  76: "paths-limit",
  128: "route-refresh-prestandard",
  131: "multisession-prestandard",
};

export const capabilityName = (code: number): string => CAPABILITY_NAMES[code] ?? `capability-${code}`;

export const ATTRIBUTE = {
  origin: 1,
  asPath: 2,
  nextHop: 3,
  med: 4,
  localPref: 5,
  atomicAggregate: 6,
  aggregator: 7,
  communities: 8,
  originatorId: 9,
  clusterList: 10,
  mpReach: 14,
  mpUnreach: 15,
  extendedCommunities: 16,
  as4Path: 17,
  as4Aggregator: 18,
  ipv6ExtendedCommunities: 25,
  largeCommunities: 32,
  onlyToCustomer: 35,
} as const;

/** RFC 4271 section 4.3; the low four bits are unused and ignored. */
export const FLAG = { optional: 0x80, transitive: 0x40, partial: 0x20, extendedLength: 0x10 } as const;

const FAMILIES: Readonly<Record<Family, AfiSafi>> = {
  "ipv4-unicast": { afi: 1, safi: 1 },
  "ipv6-unicast": { afi: 2, safi: 1 },
};

/** null for every family this speaker cannot carry. */
export const familyOf = (afi: number, safi: number): Family | null =>
  safi !== 1 ? null : afi === 1 ? "ipv4-unicast" : afi === 2 ? "ipv6-unicast" : null;

export const afiSafi = (family: Family): AfiSafi => FAMILIES[family];

const AFI_NAMES: Names = { 1: "ipv4", 2: "ipv6", 25: "l2vpn", 16388: "link-state" };
const SAFI_NAMES: Names = { 1: "unicast", 2: "multicast", 4: "labeled", 70: "evpn", 128: "vpn", 133: "flowspec" };

/** `ipv4-unicast`, `l2vpn-evpn`; unknown numbers as `afi99-safi7`. */
export const formatAfiSafi = ({ afi, safi }: AfiSafi): string =>
  `${AFI_NAMES[afi] ?? `afi${afi}`}-${SAFI_NAMES[safi] ?? `safi${safi}`}`;

/** RFC 8326. */
export const GRACEFUL_SHUTDOWN = 0xffff_0000;

const COMMUNITIES: readonly (readonly [name: string, value: number])[] = [
  ["graceful-shutdown", GRACEFUL_SHUTDOWN],
  ["accept-own", 0xffff_0001],
  ["route-filter-translated-v4", 0xffff_0002],
  ["route-filter-v4", 0xffff_0003],
  ["route-filter-translated-v6", 0xffff_0004],
  ["route-filter-v6", 0xffff_0005],
  ["llgr-stale", 0xffff_0006],
  ["no-llgr", 0xffff_0007],
  ["accept-own-nexthop", 0xffff_0008],
  ["blackhole", 0xffff_029a],
  ["no-export", 0xffff_ff01],
  ["no-advertise", 0xffff_ff02],
  ["no-export-subconfed", 0xffff_ff03],
  ["no-peer", 0xffff_ff04],
];

const COMMUNITY_BY_NAME: ReadonlyMap<string, number> = new Map(COMMUNITIES);
const NAME_BY_COMMUNITY: ReadonlyMap<number, string> = new Map(COMMUNITIES.map(([name, value]) => [value, name]));

/** The value of a well-known community by its name in lower case with dashes; null for any other text. */
export const wellKnownCommunity = (name: string): number | null => COMMUNITY_BY_NAME.get(name) ?? null;

/** A well-known name, or `high:low`. */
export const formatCommunity = (value: number): string =>
  NAME_BY_COMMUNITY.get(value) ?? `${value >>> 16}:${value & 0xffff}`;

/** RFC 8092 section 5: three decimal numbers. */
export const formatLargeCommunity = (c: LargeCommunity): string => `${c.globalAdmin}:${c.local1}:${c.local2}`;
