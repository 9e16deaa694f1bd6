// What two speakers may say to each other, checked octet by octet on a simulated network. Owns the rules of order on one
// connection and the tables that a receiver would have. Knows nothing of how the speaker came to say it.

import { decodeMessage } from "../../../src/bgp/wire/codec.ts";
import { Framer } from "../../../src/bgp/wire/framer.ts";
import type { AfiSafi, Message, NotificationMessage, UpdateMessage } from "../../../src/bgp/wire/message.ts";
import { prefixesOf } from "../../../src/bgp/wire/nlri.ts";
import { formatIp, formatPrefix } from "../../../src/kernel/ip.ts";
import { agreed, configWith, openWith } from "../session/fixtures.ts";
import type { End, Tap } from "./world.ts";

/** How every pair of speakers here agrees, or more: external, four-octet AS, both families, RFC 8950; the reader needs no more. */
const AGREED = agreed(
  configWith({ families: ["ipv4-unicast", "ipv6-unicast"], address: null }),
  openWith({
    capabilities: [
      { type: "multiprotocol", afi: 1, safi: 1 },
      { type: "multiprotocol", afi: 2, safi: 1 },
      { type: "extendedNextHop", entries: [{ afi: 1, safi: 1, nextHopAfi: 2 }] },
      { type: "fourOctetAsn", asn: 64_501 },
      { type: "enhancedRouteRefresh" },
    ],
  }),
);

/** One direction as one of its ends sees it. */
class Direction {
  readonly framer = new Framer();
  readonly messages: Message[] = [];
  /** Prefix to `med|communities`. */
  readonly table = new Map<string, string>();
  readonly endOfRib: number[] = [];
  /** An OPEN, a KEEPALIVE, a NOTIFICATION went by. */
  isOpen = false;
  isConfirmed = false;
  isOver = false;

  add(bytes: Uint8Array): Message[] {
    const added: Message[] = [];
    this.framer.push(bytes);
    for (let frame = this.framer.next(); frame !== null; frame = this.framer.next()) {
      if (!frame.ok) throw new Error(frame.fault.detail);
      const decoded = decodeMessage(frame.value.type, frame.value.body, AGREED);
      if (!decoded.ok) throw new Error(decoded.fault.detail);
      added.push(decoded.value);
      this.isConfirmed ||= decoded.value.type === "keepalive";
      if (decoded.value.type === "update") this.#apply(decoded.value);
    }
    this.messages.push(...added);
    return added;
  }

  #apply(update: UpdateMessage): void {
    if (update.verdict !== "accept") throw new Error(`an UPDATE of ours is ${update.verdict}`);
    const { med, communities } = update.attributes;
    for (const block of update.withdrawn) for (const p of prefixesOf(block)) this.table.delete(formatPrefix(p));
    for (const block of update.reachable) {
      for (const p of prefixesOf(block)) this.table.set(formatPrefix(p), `${med}|${communities.join()}`);
    }
    if (update.endOfRib !== null) this.endOfRib.push(update.endOfRib.afi);
  }
}

export interface EndOfRibSeen {
  readonly end: End;
  readonly family: AfiSafi;
  readonly table: ReadonlyMap<string, string>;
}

/** Listens on every connection of a world. `faults` stays empty as long as everybody behaves. */
export class WireTap implements Tap {
  readonly faults: string[] = [];
  /** Hosts whose words are not judged: they misbehave on purpose. */
  readonly ignored = new Set<string>();
  onEndOfRib: (seen: EndOfRibSeen) => void = () => {};
  readonly #sent = new Map<End, Direction>();
  readonly #received = new Map<End, Direction>();

  sent(end: End, bytes: Uint8Array): void {
    if (this.#isIgnored(end)) return;
    const direction = this.said(end);
    const withdrawnBefore = new Set<string>();
    let announced = false;
    for (const message of this.#try(end, () => direction.add(bytes)) ?? []) {
      this.#judgeOrder(end, direction, message);
      if (message.type !== "update") continue;
      if (message.withdrawn.length > 0 && announced) this.#fault(end, "C-104 withdraws after announcements");
      if (message.reachable.length > 0) announced = true;
      if (message.withdrawn.length > 0 && message.reachable.length > 0) this.#fault(end, "C-105 a mixed UPDATE");
      for (const block of [...message.withdrawn, ...message.reachable]) {
        for (const p of prefixesOf(block)) {
          if (withdrawnBefore.has(formatPrefix(p))) this.#fault(end, "C-106 a prefix twice in one turn");
          withdrawnBefore.add(formatPrefix(p));
        }
      }
      if (message.endOfRib !== null) this.onEndOfRib({ end, family: message.endOfRib, table: direction.table });
    }
  }

  received(end: End, bytes: Uint8Array): void {
    try {
      this.heard(end).add(bytes);
    } catch (error) {
      if (!this.#isIgnored(end.other)) this.#fault(end, String(error));
    }
  }

  /** All that left this end. */
  said(end: End): Direction {
    return entry(this.#sent, end);
  }

  /** All that came in at this end. */
  heard(end: End): Direction {
    return entry(this.#received, end);
  }

  /** NOTIFICATIONs that left that host, over all connections. */
  notificationsOf(address: string): NotificationMessage[] {
    return [...this.#sent]
      .filter(([end]) => formatIp(end.host.address) === address)
      .flatMap(([, direction]) => direction.messages.filter((m) => m.type === "notification"));
  }

  #judgeOrder(end: End, said: Direction, message: Message): void {
    if (said.isOver) this.#fault(end, `${message.type} after a NOTIFICATION`);
    if (said.isOpen === (message.type === "open")) this.#fault(end, `C-038 ${message.type}, OPEN sent: ${said.isOpen}`);
    if (message.type === "update" && !this.heard(end).isConfirmed) {
      this.#fault(end, "C-077 an UPDATE before the peer's KEEPALIVE");
    }
    said.isOpen ||= message.type === "open";
    said.isOver ||= message.type === "notification";
  }

  #isIgnored(end: End): boolean {
    return this.ignored.has(formatIp(end.host.address));
  }

  #try<T>(end: End, work: () => T): T | null {
    try {
      return work();
    } catch (error) {
      this.#fault(end, String(error));
      return null;
    }
  }

  #fault(end: End, what: string): void {
    this.faults.push(`${formatIp(end.host.address)}: ${what}`);
  }
}

function entry(map: Map<End, Direction>, end: End): Direction {
  const known = map.get(end);
  if (known !== undefined) return known;
  const made = new Direction();
  map.set(end, made);
  return made;
}
