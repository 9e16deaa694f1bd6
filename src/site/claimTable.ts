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
  #asns: ReadonlySet<Asn> = new Set();

  /** Claims under other ASNs are not kept from now on; those that come in under new ones are the feeder's to tell again. */
  setAsns(asns: ReadonlySet<Asn>): void {
    this.#asns = asns;
  }

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

  /** @param communities null: withdrawn @returns whether anything is different now */
  set(from: PeerName, prefixKey: string, communities: readonly LargeCommunity[] | null, now: Millis): boolean {
    const { prefixes } = this.#peer(from);
    const before = prefixes.get(prefixKey);
    const claims =
      communities === null || communities.length === 0
        ? NONE
        : [...this.#asns].flatMap((asn) => decodeClaims(communities, asn).map((claim) => ({ asn, claim })));
    if (claims.length === 0) return prefixes.delete(prefixKey);
    const isSame = before !== undefined && JSON.stringify(before.claims) === JSON.stringify(claims);
    if (isSame && !before.isRemembered) return false;
    prefixes.set(prefixKey, { claims, isRemembered: false, since: isSame ? before.since : now });
    return true;
  }

  /** The claims of a session that has ended are remembered from now on; those of a complete table that it has not confirmed go. */
  setSight(from: PeerName, sight: Sight): void {
    const { sight: before, prefixes } = this.#peer(from);
    this.#peer(from).sight = sight;
    if (sight === "complete") {
      for (const [key, { isRemembered }] of prefixes) if (isRemembered) prefixes.delete(key);
      return;
    }
    // a session that was replaced without a word between is a new table, too
    if (before !== "none") for (const known of prefixes.values()) known.isRemembered = true;
  }

  /** @returns prefixes whose claims are different now */
  forget(from: PeerName): readonly string[] {
    const keys = [...(this.#peers.get(from)?.prefixes.keys() ?? NONE)];
    this.#peers.delete(from);
    return keys;
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
