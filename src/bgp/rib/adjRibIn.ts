// What one peer has advertised on the session that stands: how many prefixes, and, where asked for, which with what.
// Owns the count and the kept routes. Installs nothing and chooses nothing: received routes never reach the
// kernel or what we announce (C-157). Contract: one object per session, dropped with it; `apply` takes judged UPDATEs in order.
import { type Ip, ipv4, ipv6, type Prefix, prefixOf } from "../../kernel/ip.ts";
import type { Family, Negotiated, NlriBlock, ReceivedAttributes, UpdateMessage } from "../wire/message.ts";
import { forEachPrefix } from "../wire/nlri.ts";
import { familyOf } from "../wire/registry.ts";
import { PrefixMap } from "./prefixMap.ts";

export interface AdjRibInOptions {
  readonly negotiated: Negotiated;
  /** Keep attributes with the prefixes; else prefixes are only counted. */
  readonly keep: boolean;
}

export interface ReceivedRoute {
  readonly prefix: Prefix;
  readonly attributes: ReceivedAttributes;
}

/** Number under which prefixes are held when their attributes are not kept. */
const COUNTED = 1;

/** Places of the table that are looked at before the caller gets what was found there. */
const SLOTS_AT_ONCE = 1024;

export class AdjRibIn {
  readonly #options: AdjRibInOptions;
  readonly #tables = new Map<Family, PrefixMap>();
  /** Attributes of kept routes by number, with their users; numbers 0 and 1 are taken (absent, COUNTED). */
  readonly #attributes: ({ readonly value: ReceivedAttributes; users: number } | undefined)[] = [undefined, undefined];
  readonly #free: number[] = [];
  readonly #ended = new Set<Family>();

  constructor(options: AdjRibInOptions) {
    this.#options = options;
    for (const family of options.negotiated.families) {
      this.#tables.set(family, new PrefixMap(family === "ipv4-unicast" ? 4 : 6));
    }
  }

  /** Prefixes the peer has advertised and not withdrawn, over all families; routes that came from us do not count. */
  get count(): number {
    let count = 0;
    for (const table of this.#tables.values()) count += table.size;
    return count;
  }

  /** @param maxPrefixes over all families; 0: no limit */
  isOver(maxPrefixes: number): boolean {
    return maxPrefixes > 0 && this.count > maxPrefixes;
  }

  countOf(family: Family): number {
    return this.#tables.get(family)?.size ?? 0;
  }

  /** Families whose End-of-RIB has come. */
  get endedFamilies(): ReadonlySet<Family> {
    return this.#ended;
  }

  /** The caller asks `isOver` after each, so that what is held stays within one UPDATE of the limit. */
  apply(update: UpdateMessage): void {
    if (update.verdict === "sessionReset") return;
    for (const block of update.withdrawn) this.#withdraw(block);
    // RFC 4271 9.1.2: a path with our own AS is a loop; routers send our routes back to us by the table
    const isUsable = update.verdict !== "treatAsWithdraw" && !this.#isLoop(update.attributes);
    for (const block of update.reachable) {
      if (isUsable) this.#announce(block, update.attributes);
      else this.#withdraw(block);
    }
    const ended = update.endOfRib === null ? null : familyOf(update.endOfRib.afi, update.endOfRib.safi);
    if (ended !== null) this.#ended.add(ended);
  }

  /** Routes are kept, not only counted. */
  get isKept(): boolean {
    return this.#options.keep;
  }

  /** Kept routes as they are when the first is asked for, in no particular order; none unless they are kept. */
  *routes(): Generator<ReceivedRoute, void> {
    const attributes = this.#attributes.map((held) => held?.value);
    const tables = [...this.#tables.values()].map((table) => table.copy());
    for (const table of this.#options.keep ? tables : []) {
      for (let at: number | null = 0; at !== null; ) {
        const found: ReceivedRoute[] = [];
        at = table.visit(at, SLOTS_AT_ONCE, (w0, w1, w2, w3, length, id) => {
          const held = attributes[id];
          const ip: Ip = table.version === 4 ? ipv4(w0) : ipv6(w0, w1, w2, w3);
          if (held !== undefined) found.push({ prefix: prefixOf(ip, length), attributes: held });
        });
        yield* found;
      }
    }
  }

  /** What the peer says about a prefix; null: nothing, or not kept. */
  find(prefix: Prefix): ReceivedAttributes | null {
    const table = this.#tables.get(prefix.version === 4 ? "ipv4-unicast" : "ipv6-unicast");
    const id = table?.get(prefix.w0, prefix.w1, prefix.w2, prefix.w3, prefix.length) ?? 0;
    return this.#attributes[id]?.value ?? null;
  }

  #isLoop({ asPath }: ReceivedAttributes): boolean {
    const { localAsn, isInternal } = this.#options.negotiated;
    return !isInternal && (asPath ?? []).some((segment) => segment.asns.includes(localAsn));
  }

  #announce(block: NlriBlock, attributes: ReceivedAttributes): void {
    const table = this.#tableOf(block);
    if (table === undefined) return;
    const id = this.#options.keep ? this.#hold(attributes) : COUNTED;
    forEachPrefix(block, (w0, w1, w2, w3, length) => {
      this.#retain(id);
      this.#release(table.set(w0, w1, w2, w3, length, id));
    });
    this.#release(id);
  }

  #withdraw(block: NlriBlock): void {
    const table = this.#tableOf(block);
    if (table === undefined) return;
    forEachPrefix(block, (w0, w1, w2, w3, length) => this.#release(table.delete(w0, w1, w2, w3, length)));
  }

  #tableOf({ afi, safi }: NlriBlock): PrefixMap | undefined {
    const family = familyOf(afi, safi);
    return family === null ? undefined : this.#tables.get(family);
  }

  /** A number for these attributes with one user: the caller. */
  #hold(value: ReceivedAttributes): number {
    const id = this.#free.pop() ?? this.#attributes.length;
    this.#attributes[id] = { value, users: 1 };
    return id;
  }

  #retain(id: number): void {
    const held = this.#attributes[id];
    if (held !== undefined) held.users++;
  }

  #release(id: number): void {
    const held = this.#attributes[id];
    if (held === undefined || --held.users > 0) return;
    this.#attributes[id] = undefined;
    this.#free.push(id);
  }
}
