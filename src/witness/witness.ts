// The witness: a third place that sites look at to learn of each other. What its peers claim it tells the others, and nothing else.
// Owns what each peer is to be told, and when it may be told that this is all. Pure: no sessions, no clock. Must not know who wins.
// Contract: events record, `run` works off what they touched in slices. Every other site may rely on End-of-RIB: it is held back until
// each peer has told all it has, or has been away for DEFERRAL (as RFC 4724 4.1 defers) while somebody else was there. No event costs
// a walk: what a session has claimed counts as long as the session does, and `run` clears it away.
import type { LargeCommunity, RouteAttributes } from "../bgp/wire/message.ts";
import { wellKnownCommunity } from "../bgp/wire/registry.ts";
import { BARE_ATTRIBUTES } from "../bgp/wire/routeAttributes.ts";
import { formatPrefix, type Prefix } from "../kernel/ip.ts";
import { Asn, later, Millis, type PeerName } from "../kernel/units.ts";
import { type Claim, decodeClaims, encodeClaim, mergeClaims, type Sight } from "../site/model.ts";

export interface WitnessHost {
  /** What the peer is to be told of a prefix; null: nothing. */
  setRoute(peer: PeerName, prefix: Prefix, attributes: RouteAttributes | null): void;
  /** While held, the peer may be told routes but not that these are all. */
  holdEndOfRib(peer: PeerName, isHeld: boolean): void;
  /** There is room for routes that were refused: every peer's are to be told again, in the way of a new session. */
  hearAgain(): void;
}

/** How long a peer that is away, or never ends its table, keeps others from hearing End-of-RIB. */
export const DEFERRAL = Millis(30_000);
/** Routes with claims that are followed, over all peers. */
export const MAX_WITNESSED = 100_000;

/** Refused routes are asked for below this part of the limit, so that they are not asked for with each one that goes. */
const ROOM_AGAIN = 0.9;

/** A router that takes such a route by mistake does not pass it on (RFC 1997). */
const NO_ADVERTISE = wellKnownCommunity("no-advertise") ?? 0xffff_ff02;

interface Peer {
  sight: Sight;
  /** Claims of earlier ones do not count any more. Of no other peer, past or present. */
  session: number;
  /** Routes with claims of that session. */
  count: number;
  /** Number of the round in which every prefix is looked at for this peer; earlier ones did not know it as it is. */
  round: number;
  /** Since when its table has not been known, later by all the time in which nobody had a session; null: it is complete. */
  incompleteSince: Millis | null;
  /** Its AS on the session; null: no session. */
  asn: Asn | null;
  isHeld: boolean;
}

interface Entry {
  readonly prefix: Prefix;
  /** By the peer that makes them. */
  readonly claims: Map<PeerName, PeerClaims>;
  /** What peers have been told. */
  readonly told: Map<PeerName, RouteAttributes>;
  /** The last round that has looked at it. */
  round: number;
}

interface PeerClaims {
  /** Never empty. */
  readonly communities: readonly LargeCommunity[];
  /** `Peer.session` in which they were made. */
  readonly session: number;
}

export class Witness {
  readonly #host: WitnessHost;
  readonly #most: number;
  readonly #peers = new Map<PeerName, Peer>();
  readonly #entries = new Map<string, Entry>();
  /** Prefixes whose telling may have to change. */
  readonly #dirty = new Set<string>();
  /** A round looks at every prefix; entries of an earlier number are yet to be looked at. */
  #round = 0;
  /** Where the walk of a round has come to; null: none is under way. */
  #walk: Iterator<readonly [string, Entry]> | null = null;
  /** The number that entries had to reach when the walk began: a round that begins meanwhile takes another walk. */
  #walkRound = 0;
  #sessions = 0;
  /** Since when no peer has had a session; null: one has. */
  #aloneSince: Millis | null = null;
  #count = 0;
  #refused = 0;

  /** @param most routes with claims that are followed, over all peers */
  constructor(host: WitnessHost, most = MAX_WITNESSED) {
    this.#host = host;
    this.#most = most;
  }

  /** Routes with claims that are followed. */
  get count(): number {
    return this.#count;
  }

  /** Routes with claims that were too many to follow, since they were last asked for. */
  get refused(): number {
    return this.#refused;
  }

  /** The peers that are followed and told. @param now monotonic milliseconds */
  setPeers(names: Iterable<PeerName>, now: Millis): void {
    const wanted = new Set(names);
    for (const [name, peer] of this.#peers) {
      if (wanted.has(name)) continue;
      this.#endSession(peer);
      this.#peers.delete(name);
    }
    for (const name of wanted) {
      if (this.#peers.has(name)) continue;
      const unheard = { session: ++this.#sessions, count: 0, round: this.#round };
      this.#peers.set(name, { sight: "none", ...unheard, incompleteSince: now, asn: null, isHeld: true });
      this.#host.holdEndOfRib(name, true);
    }
    this.#noteAlone(now);
  }

  /** @param asn of the peer on its session; null exactly for `none` */
  sightChanged(name: PeerName, sight: Sight, asn: Asn | null, now: Millis): void {
    const peer = this.#peers.get(name);
    if (peer === undefined) return;
    peer.sight = sight;
    peer.asn = asn;
    this.#noteAlone(now);
    if (sight === "complete") {
      peer.incompleteSince = null;
      return;
    }
    peer.incompleteSince ??= now;
    if (sight === "none") this.#endSession(peer);
    // before anything can be sent on the new session: what is to be told is worked out in `run`
    else this.#hold(name, peer, true);
    peer.round = ++this.#round;
  }

  /** A route of that peer. @param communities its large communities; null: it is gone, or of no use */
  routeChanged(from: PeerName, prefix: Prefix, communities: readonly LargeCommunity[] | null): void {
    const peer = this.#peers.get(from);
    if (peer === undefined) return;
    const claims = communities === null ? [] : claimsIn(communities);
    const key = formatPrefix(prefix);
    const entry = this.#entries.get(key);
    const isKnown = entry?.claims.get(from)?.session === peer.session;
    if (claims.length === 0) {
      if (!isKnown) return;
      entry?.claims.delete(from);
      this.#add(peer, -1);
    } else if (!isKnown && this.#count >= this.#most) {
      this.#refused++;
      return;
    } else {
      if (!isKnown) this.#add(peer, 1);
      const made = { communities: claims, session: peer.session };
      if (entry !== undefined) entry.claims.set(from, made);
      else this.#entries.set(key, { prefix, claims: new Map([[from, made]]), told: new Map(), round: this.#round });
    }
    this.#dirty.add(key);
  }

  /** Works off what changed. @returns false: time is over, there is more */
  run(isOver: () => boolean, now: Millis): boolean {
    for (const key of this.#dirty) {
      this.#dirty.delete(key);
      const entry = this.#entries.get(key);
      if (entry !== undefined) this.#work(key, entry, true);
      if (isOver() && (this.#dirty.size > 0 || this.#isRoundOpen)) return false;
    }
    while (this.#isRoundOpen) {
      this.#advance();
      if (this.#isRoundOpen && isOver()) return false;
    }
    if (this.#refused > 0 && this.#count < this.#most * ROOM_AGAIN) {
      this.#refused = 0;
      this.#host.hearAgain();
    }
    for (const [name, peer] of this.#peers) {
      if (!peer.isHeld) continue;
      const at = this.#othersKnownAt(name);
      if (at === null || now >= at) this.#hold(name, peer, false);
    }
    return true;
  }

  /** When `run` has something to do although nothing changes; null: not before something does. */
  deadline(): Millis | null {
    const due = [...this.#peers].flatMap(([name, { isHeld }]) => (isHeld ? (this.#othersKnownAt(name) ?? []) : []));
    return due.length === 0 ? null : Millis(Math.min(...due));
  }

  /** What is told to a peer of a prefix; null: nothing. */
  routeAt(peer: PeerName, prefix: Prefix): RouteAttributes | null {
    return this.#entries.get(formatPrefix(prefix))?.told.get(peer) ?? null;
  }

  /** All that is told to a peer. */
  *routesOf(peer: PeerName): Generator<{ readonly prefix: Prefix; readonly attributes: RouteAttributes }, void> {
    for (const { prefix, told } of this.#entries.values()) {
      const attributes = told.get(peer);
      if (attributes !== undefined) yield { prefix, attributes };
    }
  }

  get #isRoundOpen(): boolean {
    return this.#walkRound < this.#round || this.#walk !== null;
  }

  /** The next prefix of the round that it has not looked at. */
  #advance(): void {
    if (this.#walk === null) {
      this.#walk = this.#entries.entries();
      this.#walkRound = this.#round;
    }
    for (let next = this.#walk.next(); next.done !== true; next = this.#walk.next()) {
      const [key, entry] = next.value;
      if (entry.round >= this.#walkRound) continue;
      this.#work(key, entry, false);
      return;
    }
    this.#walk = null;
  }

  /** @param isTouched a claim to it has changed; else it concerns peers alone that are not what they were */
  #work(key: string, entry: Entry, isTouched: boolean): void {
    const { claims, told, prefix } = entry;
    let isChanged = isTouched;
    for (const [from, { session }] of claims) {
      if (this.#peers.get(from)?.session === session) continue;
      claims.delete(from);
      isChanged = true;
    }
    for (const name of told.keys()) {
      if (!this.#peers.has(name) && told.delete(name)) this.#host.setRoute(name, prefix, null);
    }
    for (const [name, { asn, round }] of this.#peers) {
      if (isChanged || round > entry.round) this.#tell(name, entry, asn);
    }
    entry.round = this.#round;
    if (claims.size === 0) this.#entries.delete(key);
  }

  #tell(name: PeerName, { prefix, claims, told }: Entry, asn: Asn | null): void {
    const others = asn === null ? [] : [...claims].flatMap(([from, made]) => (from === name ? [] : [made.communities]));
    const attributes = asn === null || others.length === 0 ? null : reflection(others, asn);
    if (attributes === null) {
      if (told.delete(name)) this.#host.setRoute(name, prefix, null);
      return;
    }
    told.set(name, attributes);
    this.#host.setRoute(name, prefix, attributes);
  }

  #add(peer: Peer, by: 1 | -1): void {
    peer.count += by;
    this.#count += by;
  }

  /** What it has claimed, and what it was told, is cleared away in the next round. */
  #endSession(peer: Peer): void {
    this.#count -= peer.count;
    peer.count = 0;
    peer.session = ++this.#sessions;
    this.#round++;
  }

  /** Who is cut off from all is away itself: counted as the peers' time, the first to return would be told that it is alone. */
  #noteAlone(now: Millis): void {
    if ([...this.#peers.values()].every(({ sight }) => sight === "none")) {
      this.#aloneSince ??= now;
      return;
    }
    if (this.#aloneSince === null) return;
    const alone = now - this.#aloneSince;
    this.#aloneSince = null;
    for (const peer of this.#peers.values()) {
      if (peer.incompleteSince !== null) peer.incompleteSince = Millis(Math.min(now, peer.incompleteSince + alone));
    }
  }

  /** When all that others can tell counts as told, the last of them awaited for DEFERRAL; null: it is told. */
  #othersKnownAt(name: PeerName): Millis | null {
    let last: Millis | null = null;
    for (const [other, { incompleteSince: since }] of this.#peers) {
      if (other !== name && since !== null && (last === null || since > last)) last = since;
    }
    return last === null ? null : later(last, DEFERRAL);
  }

  #hold(name: PeerName, peer: Peer, isHeld: boolean): void {
    peer.isHeld = isHeld;
    this.#host.holdEndOfRib(name, isHeld);
  }
}

/** Whether there is a claim among them, whatever its ASN: the witness needs no configuration for that. */
export const hasClaims = (communities: readonly LargeCommunity[]): boolean => claimsIn(communities).length > 0;

interface Claimed {
  readonly asn: Asn;
  readonly claims: readonly Claim[];
}

/** The claims among them by their ASN, in one walk whatever was sent. */
function claimsByAsn(communities: readonly LargeCommunity[]): readonly Claimed[] {
  const groups = new Map<number, LargeCommunity[]>();
  for (const community of communities) {
    const own = groups.get(community.globalAdmin);
    if (own === undefined) groups.set(community.globalAdmin, [community]);
    else own.push(community);
  }
  groups.delete(0); // no AS (RFC 7607)
  return [...groups].map(([number, own]) => ({ asn: Asn(number), claims: decodeClaims(own, Asn(number)) }));
}

const claimsIn = (communities: readonly LargeCommunity[]): readonly LargeCommunity[] =>
  claimsByAsn(communities).flatMap(({ asn, claims }) => claims.flatMap((claim) => encodeClaim(asn, claim)));

/** One claim for each site, as a whole: the epoch of one node must not stand beside the state of another. */
function merged(lists: readonly (readonly LargeCommunity[])[]): readonly LargeCommunity[] {
  const all = new Map<Asn, Claim[]>();
  for (const { asn, claims } of lists.flatMap(claimsByAsn)) all.set(asn, [...(all.get(asn) ?? []), ...claims]);
  return [...all].flatMap(([asn, claims]) => mergeClaims(claims).flatMap((claim) => encodeClaim(asn, claim)));
}

/**
 * One route for all that the others claim, merged as sites read it. The receiver's own AS stands in the path, so that a router
 * which peers by mistake sees a loop and never uses it (RFC 4271 9.1.2); a speaker that keeps routes looks at it all the same.
 */
function reflection(lists: readonly (readonly LargeCommunity[])[], asn: Asn): RouteAttributes {
  const large = [...merged(lists)].sort(
    (a, b) => a.globalAdmin - b.globalAdmin || a.local1 - b.local1 || a.local2 - b.local2,
  );
  return { ...BARE_ATTRIBUTES, asPathTail: [asn], communities: [NO_ADVERTISE], largeCommunities: large };
}
