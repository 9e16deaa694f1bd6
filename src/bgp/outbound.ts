// What one peer should have and is sent: its table per family, and, while a session stands, the octets for it. Owns wishes,
// End-of-RIB and refreshes. Knows no connections and no state machine. Contract: `want` and its like record, `fill` is
// pulled when the socket has room; nothing is sent while wishes are being restated, no End-of-RIB before they were complete.
import type { Ip, Prefix } from "../kernel/ip.ts";
import { formatIp, ipEquals } from "../kernel/ip.ts";
import type { PeerCounters } from "./counters.ts";
import { AdjRibOut } from "./rib/adjRibOut.ts";
import type { AttributeSets } from "./rib/attributeSets.ts";
import { type PackContext, type Packed, packEndOfRib, packUpdates, packWithdrawals } from "./rib/packer.ts";
import type { NextHopChoice } from "./session/nextHop.ts";
import type { Family, Negotiated, RouteAttributes, RouteRefreshMessage } from "./wire/message.ts";
import { REFRESH_SUBTYPE, writeRouteRefresh } from "./wire/refresh.ts";
import { afiSafi, familyOf } from "./wire/registry.ts";

/** The next hop for a family, by the rules of the session (session/nextHop.ts). */
export type ChooseNextHop = (family: Family) => NextHopChoice;

/** One family on the established session. */
interface FamilyPack {
  readonly family: Family;
  readonly rib: AdjRibOut;
  readonly negotiated: Negotiated;
  /** null: there is no next hop, so nothing but End-of-RIB is sent. */
  context: PackContext | null;
  /** Why there is no next hop, or not the one that is configured. */
  problem: string | null;
  endOfRibSent: boolean;
  /** ROUTE-REFRESH: `asked` waits for its turn; while one is `running` the next may be asked for, and no more (C-173). */
  isRefreshAsked: boolean;
  isRefreshing: boolean;
}

export class Outbound {
  readonly #ribs = new Map<Family, AdjRibOut>();
  readonly #counters: PeerCounters;
  readonly #sets: AttributeSets;
  /** Empty while no session stands. */
  #packs: readonly FamilyPack[] = [];
  #restating = false;
  /** The wishes have been complete once (docs/design.md, rule 3). */
  #complete = false;
  #isEndHeld = false;

  constructor(families: readonly Family[], counters: PeerCounters, sets: AttributeSets) {
    this.#counters = counters;
    this.#sets = sets;
    this.setFamilies(families);
  }

  get ribs(): ReadonlyMap<Family, AdjRibOut> {
    return this.#ribs;
  }

  /** Families that the session carries and for which there is a next hop. */
  get sendingFamilies(): readonly Family[] {
    return this.#packs.flatMap((p) => (p.context === null ? [] : [p.family]));
  }

  /** What stands for "self" on the session; null: no session carries the family, or there is no next hop for it. */
  nextHopOf(family: Family): Ip | null {
    return this.#packs.find((p) => p.family === family)?.context?.nextHop ?? null;
  }

  /** What is wrong with the next hops of the session, family by family; a family without problem is absent. */
  get nextHopProblems(): ReadonlyMap<Family, string> {
    return new Map(this.#packs.flatMap((p) => (p.problem === null ? [] : [[p.family, p.problem] as const])));
  }

  /** All that is wished has been handed out. */
  get isDrained(): boolean {
    return this.#packs.every((p) => p.context === null || p.rib.pendingCount === 0);
  }

  /** Only while no session stands. Wishes of families that stay are kept. */
  setFamilies(families: readonly Family[]): void {
    for (const family of families) if (!this.#ribs.has(family)) this.#ribs.set(family, this.#newRib(family));
    for (const [family, rib] of this.#ribs) {
      if (families.includes(family)) continue;
      rib.discard();
      this.#ribs.delete(family);
    }
    this.#complete = false; // a new family has nothing wished yet
  }

  /** The peer is gone for good. */
  discard(): void {
    for (const rib of this.#ribs.values()) rib.discard();
  }

  #newRib(family: Family): AdjRibOut {
    return new AdjRibOut(family === "ipv4-unicast" ? 4 : 6, 0, this.#sets);
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

  /** While held no End-of-RIB is sent, whatever else is. */
  holdEndOfRib(isHeld: boolean): void {
    this.#isEndHeld = isHeld;
  }

  /** Everything is withdrawn, also what was about to be restated. */
  unwantAll(): void {
    this.#restating = false;
    for (const rib of this.#ribs.values()) rib.unwantAll();
  }

  /** A session is established: the peer has nothing yet. */
  open(negotiated: Negotiated, choose: ChooseNextHop): void {
    this.#packs = [...this.#ribs].flatMap(([family, rib]): FamilyPack[] => {
      if (!negotiated.families.includes(family)) return [];
      const choice = choose(family);
      const context = choice.ok ? contextOf(negotiated, family, choice) : null;
      const problem = choice.ok ? null : choice.reason;
      return [
        { family, rib, negotiated, context, problem, endOfRibSent: false, isRefreshAsked: false, isRefreshing: false },
      ];
    });
  }

  /**
   * The next hops may have changed: what they change goes out again, as a replacement without a withdrawal. One that has
   * become impossible changes nothing but the problem that is shown.
   */
  chooseAgain(choose: ChooseNextHop): void {
    for (const pack of this.#packs) {
      const choice = choose(pack.family);
      if (!choice.ok) {
        const current = pack.context === null ? "" : `; ${formatIp(pack.context.nextHop)} stays`;
        pack.problem = choice.reason + current;
        continue;
      }
      pack.problem = null;
      const context = contextOf(pack.negotiated, pack.family, choice);
      if (pack.context !== null && isSameHop(pack.context, context)) continue;
      if (pack.context !== null) pack.rib.resendAll();
      pack.context = context;
    }
  }

  /** The session is gone, and with it all that the peer had from us. */
  close(): void {
    this.#packs = [];
    for (const rib of this.#ribs.values()) rib.forgetSent();
  }

  /**
   * ROUTE-REFRESH (RFC 2918): the whole table of that family goes out again, once for all requests that come meanwhile.
   * The marks of the peer's own refresh and unknown subtypes ask for nothing (RFC 7313 section 5).
   */
  refresh({ afi, safi, subtype }: RouteRefreshMessage): void {
    if (subtype !== REFRESH_SUBTYPE.request) return;
    const family = familyOf(afi, safi);
    const pack = this.#packs.find((p) => p.family === family);
    if (pack === undefined) this.#counters.routeRefreshesIgnored++;
    else pack.isRefreshAsked = true;
  }

  /** Withdrawals of every family before announcements of any (C-104), End-of-RIB after each full table (C-117). */
  fill(slab: Uint8Array, start: number): number {
    if (this.#restating) return start;
    let at = start;
    const add = (packed: Packed): void => {
      at = packed.end;
      this.#counters.updatesSent += packed.messages;
    };
    for (const { rib, context } of this.#packs) if (context !== null) add(packWithdrawals(rib, context, slab, at));
    if (this.#packs.some(({ rib, context }) => context !== null && rib.hasWithdrawals)) return at;
    for (const pack of this.#packs) {
      at = this.#beginRefresh(pack, slab, at);
      if (pack.context !== null) add(packUpdates(pack.rib, pack.context, slab, at));
      if (this.#owesEndOfRib(pack)) {
        const end = packEndOfRib(pack.family, slab, at);
        pack.endOfRibSent = end > at;
        add({ end, messages: pack.endOfRibSent ? 1 : 0 });
      }
      at = this.#endRefresh(pack, slab, at);
    }
    return at;
  }

  readonly #owesEndOfRib = ({ endOfRibSent, context, rib }: FamilyPack): boolean =>
    !endOfRibSent && this.#complete && !this.#isEndHeld && (context === null || rib.pendingCount === 0);

  /** After End-of-RIB: before it the table is on its way anyway, and RFC 7313 section 4 wants that order. */
  #beginRefresh(pack: FamilyPack, slab: Uint8Array, at: number): number {
    if (!pack.isRefreshAsked || pack.isRefreshing || !pack.endOfRibSent) return at;
    const end = this.#mark(pack, REFRESH_SUBTYPE.beginning, slab, at);
    if (end === null) return at;
    pack.isRefreshAsked = false;
    pack.isRefreshing = true;
    pack.rib.resendAll();
    return end;
  }

  /** What was there at the beginning has gone out again; changes that came since need not have. */
  #endRefresh(pack: FamilyPack, slab: Uint8Array, at: number): number {
    if (!pack.isRefreshing || (pack.context !== null && pack.rib.staleCount > 0)) return at;
    const end = this.#mark(pack, REFRESH_SUBTYPE.end, slab, at);
    if (end === null) return at;
    pack.isRefreshing = false;
    return end;
  }

  /** BoRR or EoRR where the peer knows them (RFC 7313). @returns where it ends; null: the slab has no room for it */
  #mark({ family, negotiated }: FamilyPack, subtype: number, slab: Uint8Array, at: number): number | null {
    if (!negotiated.enhancedRouteRefresh) return at;
    const message = writeRouteRefresh({ type: "routeRefresh", ...afiSafi(family), subtype });
    if (at + message.length > slab.length) return null;
    slab.set(message, at);
    this.#counters.routeRefreshesSent++;
    return at + message.length;
  }
}

function contextOf(
  negotiated: Negotiated,
  family: Family,
  { nextHop }: Extract<NextHopChoice, { ok: true }>,
): PackContext {
  return { negotiated, family, nextHop: nextHop.address, linkLocalNextHop: nextHop.linkLocal };
}

function isSameHop(a: PackContext, b: PackContext): boolean {
  const [x, y] = [a.linkLocalNextHop, b.linkLocalNextHop];
  return ipEquals(a.nextHop, b.nextHop) && (x === null || y === null ? x === y : ipEquals(x, y));
}
