// What one peer should have and is sent: its table per family, and, while a session stands, the octets for it. Owns wishes,
// End-of-RIB and refreshes. Knows no connections and no state machine. Contract: `want` and its like record, `fill` is
// pulled when the socket has room; nothing is sent while wishes are being restated, no End-of-RIB before they were complete.
import { type Ip, isUnspecified, type Prefix } from "../kernel/ip.ts";
import type { PeerCounters } from "./counters.ts";
import { AdjRibOut } from "./rib/adjRibOut.ts";
import { type PackContext, type Packed, packEndOfRib, packUpdates, packWithdrawals } from "./rib/packer.ts";
import type { Family, Negotiated, RouteAttributes, RouteRefreshMessage } from "./wire/message.ts";
import { afiSafi } from "./wire/registry.ts";

/** One family on the established session. */
interface FamilyPack {
  readonly family: Family;
  readonly rib: AdjRibOut;
  readonly context: PackContext;
  endOfRibSent: boolean;
}

export class Outbound {
  readonly #ribs = new Map<Family, AdjRibOut>();
  readonly #counters: PeerCounters;
  /** Empty while no session stands. */
  #packs: readonly FamilyPack[] = [];
  #restating = false;
  /** The wishes have been complete once (docs/design.md section 3). */
  #complete = false;

  constructor(families: readonly Family[], counters: PeerCounters) {
    this.#counters = counters;
    this.setFamilies(families);
  }

  get ribs(): ReadonlyMap<Family, AdjRibOut> {
    return this.#ribs;
  }

  /** Families that the session carries and for which there is a next hop. */
  get sendingFamilies(): readonly Family[] {
    return this.#packs.map((p) => p.family);
  }

  /** All that is wished has been handed out. */
  get isDrained(): boolean {
    return this.#packs.every((p) => p.rib.pendingCount === 0);
  }

  /** Only while no session stands. Wishes of families that stay are kept. */
  setFamilies(families: readonly Family[]): void {
    for (const family of families) if (!this.#ribs.has(family)) this.#ribs.set(family, newRib(family));
    for (const family of this.#ribs.keys()) if (!families.includes(family)) this.#ribs.delete(family);
    this.#complete = false; // a new family has nothing wished yet
  }

  want(prefix: Prefix, attributes: RouteAttributes | null): void {
    this.#ribs.get(prefix.version === 4 ? "ipv4-unicast" : "ipv6-unicast")?.want(prefix, attributes);
  }

  /** All wishes are about to be recorded afresh; nothing goes out until `settled`. */
  restate(): void {
    this.#restating = true;
    for (const rib of this.#ribs.values()) rib.unwantAll();
  }

  /** The wishes are complete: what is not wished by now is not wanted. */
  settled(): void {
    this.#restating = false;
    this.#complete = true;
  }

  /** Everything is withdrawn, also what was about to be restated. */
  unwantAll(): void {
    this.#restating = false;
    for (const rib of this.#ribs.values()) rib.unwantAll();
  }

  /** A session is established: the peer has nothing yet. @param local our address on its connection */
  open(negotiated: Negotiated, local: Ip): void {
    const packs: FamilyPack[] = [];
    for (const [family, rib] of this.#ribs) {
      const nextHop = negotiated.families.includes(family) ? nextHopFor(family, local) : null;
      if (nextHop !== null) packs.push({ family, rib, context: { negotiated, family, nextHop }, endOfRibSent: false });
    }
    this.#packs = packs;
  }

  /** The session is gone, and with it all that the peer had from us. */
  close(): void {
    this.#packs = [];
    for (const rib of this.#ribs.values()) rib.forgetSent();
  }

  /** ROUTE-REFRESH (RFC 2918): the whole table of that family goes out again. Other families are ignored (C-169). */
  refresh({ afi, safi }: RouteRefreshMessage): void {
    for (const pack of this.#packs) {
      const own = afiSafi(pack.family);
      if (own.afi === afi && own.safi === safi) pack.rib.resendAll();
    }
  }

  /** Withdrawals of every family before announcements of any (C-104), End-of-RIB after each full table (C-117). */
  fill(slab: Uint8Array, start: number): number {
    if (this.#restating) return start;
    let at = start;
    const add = (packed: Packed): void => {
      at = packed.end;
      this.#counters.updatesSent += packed.messages;
    };
    for (const { rib, context } of this.#packs) add(packWithdrawals(rib, context, slab, at));
    if (this.#packs.some(({ rib }) => rib.hasWithdrawals)) return at;
    for (const pack of this.#packs) {
      add(packUpdates(pack.rib, pack.context, slab, at));
      if (pack.endOfRibSent || pack.rib.pendingCount > 0 || !this.#complete) continue;
      const end = packEndOfRib(pack.family, slab, at);
      if (end === at) continue;
      add({ end, messages: 1 });
      pack.endOfRibSent = true;
    }
    return at;
  }
}

const newRib = (family: Family): AdjRibOut => new AdjRibOut(family === "ipv4-unicast" ? 4 : 6);

/** Our address on the connection, where it can carry the family (RFC 4271 5.1.3). null: the family cannot be sent. */
const nextHopFor = (family: Family, local: Ip): Ip | null =>
  (family === "ipv4-unicast") === (local.version === 4) && !isUnspecified(local) ? local : null;
