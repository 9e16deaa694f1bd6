// What sites tell each other of a prefix, and how it stands in a route: a claim, as large communities (RFC 8092). Owns the types, the
// one table of function numbers, and the interface by which received routes come in. Must not know sessions, services or who wins
// (rules.ts). Contract: decodeClaims(encodeClaim(asn, c), asn) is [c]; what is no claim of that ASN is skipped, never an error.
import type { LargeCommunity } from "../bgp/wire/message.ts";
import type { Prefix } from "../kernel/ip.ts";
import type { Asn, PeerName } from "../kernel/units.ts";

/** `active`: it serves. `standby`: it announces as a fallback only. `leaving`: it serves still and is about to withdraw. */
export type ClaimState = "active" | "standby" | "leaving";

/** What one node of a site says of a prefix it announces. */
export interface Claim {
  /** 1..65535, the same on every node of a site. */
  readonly siteId: number;
  /** Lower is preferred: 1..65535 as configured, 0 while an operator's promote holds. */
  readonly rank: number;
  /** 0..4294967295; raised by every promote and takeover. */
  readonly epoch: number;
  readonly state: ClaimState;
  /** `nodeMark` of who says so; 0: not told. */
  readonly node: number;
}

/** The second number of a claim's communities is function × 100 000 + siteID, so that decimal output can be read: 65000:100007:2. */
export const CLAIM_FUNCTIONS = { rank: 1, epoch: 2, state: 3, node: 4 } as const;
const FUNCTION_STEP = 100_000;

/** The best word first. */
const STATE_NUMBERS: readonly (readonly [ClaimState, number])[] = [
  ["active", 1],
  ["standby", 2],
  ["leaving", 3],
];

export const MAX_SITE_ID = 0xffff;
export const MAX_RANK = 0xffff;
export const MAX_EPOCH = 0xffff_ffff;

type ClaimFunction = keyof typeof CLAIM_FUNCTIONS;

/** @param asn the global administrator: spec.ownership.asn of the SitePolicy, equal at all sites */
export function encodeClaim(asn: Asn, claim: Claim): readonly LargeCommunity[] {
  const state = STATE_NUMBERS.find(([word]) => word === claim.state)?.[1] ?? 1;
  const values: Readonly<Record<ClaimFunction, number>> = { ...claim, state };
  return (Object.keys(CLAIM_FUNCTIONS) as readonly ClaimFunction[]).map((name) => ({
    globalAdmin: asn,
    local1: CLAIM_FUNCTIONS[name] * FUNCTION_STEP + claim.siteId,
    local2: values[name],
  }));
}

/**
 * The claims in a route, by siteID. A route may carry those of several sites; where nodes of one site were merged into one route, the
 * strongest of each value counts (lowest rank, highest epoch, most active state).
 */
export function decodeClaims(communities: readonly LargeCommunity[], asn: Asn): readonly Claim[] {
  const sites = new Map<number, Partial<Record<ClaimFunction, number>>>();
  for (const { globalAdmin, local1, local2 } of communities) {
    if (globalAdmin !== asn) continue;
    const name = FUNCTION_NAMES.get(Math.floor(local1 / FUNCTION_STEP));
    const siteId = local1 % FUNCTION_STEP;
    if (name === undefined || siteId < 1 || siteId > MAX_SITE_ID) continue;
    const values = sites.get(siteId) ?? {};
    sites.set(siteId, values);
    const known = values[name];
    values[name] = known === undefined ? local2 : name === "epoch" ? Math.max(known, local2) : Math.min(known, local2);
  }
  return [...sites]
    .sort(([a], [b]) => a - b)
    .flatMap(([siteId, { rank, epoch, state, node = 0 }]) => {
      if (rank === undefined || rank > MAX_RANK || epoch === undefined) return [];
      const word = STATE_NUMBERS.find(([, number]) => number === (state ?? 1))?.[0];
      // a state of a later version: somebody is there, so better think it serves
      return [{ siteId, rank, epoch, state: word ?? "active", node }];
    });
}

/**
 * What nodes of several sites claim, as one claim for each site: for who tells it to somebody else in one route. A whole claim is chosen,
 * so that no epoch stands beside the state of another: the highest epoch, then the lowest rank, then who leaves before who serves.
 */
export function mergeClaims(claims: Iterable<Claim>): readonly Claim[] {
  const sites = new Map<number, Claim>();
  for (const claim of claims) {
    const known = sites.get(claim.siteId);
    if (known === undefined || isNewer(claim, known)) sites.set(claim.siteId, claim);
  }
  return [...sites.values()].sort((a, b) => a.siteId - b.siteId);
}

const NEWEST_FIRST: readonly ClaimState[] = ["leaving", "active", "standby"];

function isNewer(a: Claim, b: Claim): boolean {
  const byState = NEWEST_FIRST.indexOf(a.state) - NEWEST_FIRST.indexOf(b.state);
  return (b.epoch - a.epoch || a.rank - b.rank || byState || a.node - b.node) < 0;
}

const FUNCTION_NAMES: ReadonlyMap<number, ClaimFunction> = new Map(
  (Object.keys(CLAIM_FUNCTIONS) as readonly ClaimFunction[]).map((name) => [CLAIM_FUNCTIONS[name], name]),
);

/** A number for a node name, 1..4294967295 (FNV-1a): tells our own reflected claim from a sibling's. */
export function nodeMark(nodeName: string): number {
  let hash = 0x811c_9dc5;
  for (const octet of new TextEncoder().encode(nodeName)) hash = Math.imul(hash ^ octet, 0x0100_0193) >>> 0;
  return hash || 1;
}

/**
 * How much of a peer's routes is known. `none`: no session. `reading`: a session, and its End-of-RIB is outstanding. `complete`: every
 * family of the session has had its End-of-RIB; `claimsChanged` keeps it up to date from there.
 */
export type Sight = "none" | "reading" | "complete";

/** Where the daemon feeds what peers say. Peers that are no witness of any policy may be fed, too, and cost nothing. */
export interface ClaimSink {
  /** ASNs whose large communities are worth decoding; empty: no SitePolicy, feed nothing. When it grows, the feed tells all again. */
  readonly claimAsns: ReadonlySet<Asn>;
  /**
   * A route of that peer came, changed or went. @param communities its large communities; null: withdrawn. Not called for the routes
   * a closed session takes along: `sightChanged(peer, "none")` says that, and what was known is remembered until the next `complete`.
   */
  routeChanged(from: PeerName, prefix: Prefix, communities: readonly LargeCommunity[] | null): void;
  /** In order with `routeChanged`: `reading` before the first route of a session, `complete` after its End-of-RIB. */
  sightChanged(from: PeerName, sight: Sight): void;
  /** The peer is not configured any more (or keeps no received routes): whatever it said is forgotten. */
  peerGone(from: PeerName): void;
}
