// What each peer is heard to claim, prefix by prefix. Owns the memory of claims over the end of a session: what was last seen stays,
// marked as remembered, until the peer's next table is complete. Must not know policies or who wins. Contract: routes without
// claims cost a look and are not kept, so that a peer may send a full table.
import type { LargeCommunity } from "../bgp/wire/message.ts";
import type { Asn, Millis, PeerName } from "../kernel/units.ts";
import { type Claim, decodeClaims, type Sight } from "./model.ts";

export interface SeenClaim {
  readonly from: PeerName;
  /** Under which it was written. */
  readonly asn: Asn;
  readonly claim: Claim;
  /** Of a session that ended; not confirmed since. */
  readonly isRemembered: boolean;
  /** Since when it says so. */
  readonly since: Millis;
}

interface PrefixClaims {
  readonly claims: readonly { readonly asn: Asn; readonly claim: Claim }[];
  readonly since: Millis;
  isRemembered: boolean;
}

interface PeerClaims {
  sight: Sight;
  /** By prefix; never empty. */
  readonly prefixes: Map<string, PrefixClaims>;
}

const NONE: readonly never[] = [];

export class ClaimTable {
  readonly #peers = new Map<PeerName, PeerClaims>();

  sightOf(peer: PeerName): Sight {
    return this.#peers.get(peer)?.sight ?? "none";
  }

  /** Claims for a prefix, from every peer. */
  at(prefixKey: string): readonly SeenClaim[] {
    const found: SeenClaim[] = [];
    for (const [from, { prefixes }] of this.#peers) {
      const known = prefixes.get(prefixKey);
      if (known === undefined) continue;
      for (const { asn, claim } of known.claims) {
        found.push({ from, asn, claim, isRemembered: known.isRemembered, since: known.since });
      }
    }
    return found;
  }

  /**
   * @param communities null: withdrawn @param asns whose claims are kept; those under new ones are the feeder's to tell again
   * @returns whether anything is different now
   */
  set(
    from: PeerName,
    prefixKey: string,
    communities: readonly LargeCommunity[] | null,
    asns: ReadonlySet<Asn>,
    now: Millis,
  ): boolean {
    const { prefixes } = this.#peer(from);
    const before = prefixes.get(prefixKey);
    const claims =
      communities === null || communities.length === 0
        ? NONE
        : [...asns].flatMap((asn) => decodeClaims(communities, asn).map((claim) => ({ asn, claim })));
    if (claims.length === 0) return prefixes.delete(prefixKey);
    const isSame = before !== undefined && JSON.stringify(before.claims) === JSON.stringify(claims);
    if (isSame && !before.isRemembered) return false;
    prefixes.set(prefixKey, { claims, isRemembered: false, since: isSame ? before.since : now });
    return true;
  }

  /**
   * The claims of a session that has ended are remembered from now on; those of a complete table that it has not confirmed go.
   * @returns each prefix whose claims that changes, when it is asked for: until the end of it the rest is as it was
   */
  setSight(from: PeerName, sight: Sight): Iterable<string> {
    const peer = this.#peer(from);
    const before = peer.sight;
    peer.sight = sight;
    if (sight === "complete") return dropping(peer.prefixes);
    // a session that was replaced without a word between is a new table, too
    return before === "none" ? NONE : doubting(peer.prefixes);
  }

  /** @returns prefixes whose claims are different now */
  forget(from: PeerName): Iterable<string> {
    const known = this.#peers.get(from);
    this.#peers.delete(from);
    return known?.prefixes.keys() ?? NONE;
  }

  #peer(name: PeerName): PeerClaims {
    let peer = this.#peers.get(name);
    if (peer === undefined) {
      peer = { sight: "none", prefixes: new Map() };
      this.#peers.set(name, peer);
    }
    return peer;
  }
}

function* dropping(prefixes: PeerClaims["prefixes"]): Generator<string, void> {
  for (const [key, { isRemembered }] of prefixes) {
    if (!isRemembered) continue;
    prefixes.delete(key);
    yield key;
  }
}

function* doubting(prefixes: PeerClaims["prefixes"]): Generator<string, void> {
  for (const [key, known] of prefixes) {
    known.isRemembered = true;
    yield key;
  }
}
