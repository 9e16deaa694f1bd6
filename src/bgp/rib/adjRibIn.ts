// What one peer has advertised on the session that stands: how many prefixes, and, where asked for, which with what.
// Owns the count and the kept routes. Installs nothing and chooses nothing: received routes never reach the
// kernel (C-157). Contract: one object per session, dropped with it; `apply` takes judged UPDATEs in order. A path with our own
// AS is of no use (RFC 4271 9.1.2) and not counted, but kept where routes are: a witness tells us of other sites of our own AS.
import { type Ip, ipv4, ipv6, type Prefix, prefixOf } from "../../kernel/ip.ts";
import type { Family, Negotiated, NlriBlock, ReceivedAttributes, UpdateMessage } from "../wire/message.ts";
import { forEachPrefix } from "../wire/nlri.ts";
import { familyOf } from "../wire/registry.ts";
import { PrefixMap } from "./prefixMap.ts";

export interface AdjRibInOptions {
  readonly negotiated: Negotiated;
  /** Keep attributes with the prefixes; else prefixes are only counted. */
  readonly keep: boolean;
  /** Told of kept routes; absent: nobody is. */
  readonly watch?: RouteWatch;
}

/** Who follows some of the kept routes. What it costs is proportional to the changes of these. */
export interface RouteWatch {
  /** Whether routes with these attributes are followed; asked once for each set. */
  isWatched(attributes: ReceivedAttributes): boolean;
  /** A followed route came or changed; null: it is gone, or is none of those any more. */
  changed(prefix: Prefix, attributes: ReceivedAttributes | null): void;
}

export interface ReceivedRoute {
  readonly prefix: Prefix;
  readonly attributes: ReceivedAttributes;
  /** Our own AS is in its path. */
  readonly isLoop: boolean;
}

interface Held {
  readonly value: ReceivedAttributes;
  readonly isLoop: boolean;
  isWatched: boolean;
  users: number;
}

/** Number under which prefixes are held when their attributes are not kept. */
const COUNTED = 1;

/** Places of the table that are looked at before the caller gets what was found there. */
const SLOTS_AT_ONCE = 1024;

export class AdjRibIn {
  readonly #options: AdjRibInOptions;
  readonly #tables = new Map<Family, PrefixMap>();
  /** Attributes of kept routes by number, with their users; numbers 0 and 1 are taken (absent, COUNTED). */
  readonly #attributes: (Held | undefined)[] = [undefined, undefined];
  readonly #free: number[] = [];
  readonly #ended = new Set<Family>();
  /** Kept prefixes whose path is a loop. */
  #loops = 0;

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
    return count - this.#loops;
  }

  /** @param maxPrefixes over all families, kept loops included, for they take room; 0: no limit */
  isOver(maxPrefixes: number): boolean {
    return maxPrefixes > 0 && this.count + this.#loops > maxPrefixes;
  }

  /** Families whose End-of-RIB has come. */
  get endedFamilies(): ReadonlySet<Family> {
    return this.#ended;
  }

  /** The peer has told all it has of every family. */
  get isComplete(): boolean {
    return this.#ended.size === this.#tables.size;
  }

  /** The end of a refresh says the same as End-of-RIB (RFC 7313 section 4). */
  end(family: Family): void {
    if (this.#tables.has(family)) this.#ended.add(family);
  }

  /** The watcher follows other routes from now on; it has to look at `routes` itself. */
  rewatch(): void {
    for (const held of this.#attributes) if (held !== undefined) held.isWatched = this.#isWatched(held.value);
  }

  /** The caller asks `isOver` after each, so that what is held stays within one UPDATE of the limit. */
  apply(update: UpdateMessage): void {
    if (update.verdict === "sessionReset") return;
    for (const block of update.withdrawn) this.#withdraw(block);
    // RFC 4271 9.1.2: a path with our own AS is a loop; routers send our routes back to us by the table
    const isLoop = this.#isLoop(update.attributes);
    const isUsable = update.verdict !== "treatAsWithdraw" && (this.#options.keep || !isLoop);
    for (const block of update.reachable) {
      if (isUsable) this.#announce(block, update.attributes, isLoop);
      else this.#withdraw(block);
    }
    const ended = update.endOfRib === null ? null : familyOf(update.endOfRib.afi, update.endOfRib.safi);
    if (ended !== null) this.end(ended);
  }

  /** Routes are kept, not only counted. */
  get isKept(): boolean {
    return this.#options.keep;
  }

  /** Kept routes as they are when the first is asked for, in no particular order; none unless they are kept. */
  *routes(): Generator<ReceivedRoute, void> {
    const attributes = [...this.#attributes];
    const tables = [...this.#tables.values()].map((table) => table.copy());
    for (const table of this.#options.keep ? tables : []) {
      for (let at: number | null = 0; at !== null; ) {
        const found: ReceivedRoute[] = [];
        at = table.visit(at, SLOTS_AT_ONCE, (w0, w1, w2, w3, length, id) => {
          const held = attributes[id];
          const ip: Ip = table.version === 4 ? ipv4(w0) : ipv6(w0, w1, w2, w3);
          if (held === undefined) return;
          found.push({ prefix: prefixOf(ip, length), attributes: held.value, isLoop: held.isLoop });
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

  #announce(block: NlriBlock, attributes: ReceivedAttributes, isLoop: boolean): void {
    const table = this.#tableOf(block);
    if (table === undefined) return;
    const id = this.#options.keep ? this.#hold(attributes, isLoop) : COUNTED;
    const held = this.#attributes[id];
    forEachPrefix(block, (w0, w1, w2, w3, length) => {
      this.#retain(id);
      if (isLoop) this.#loops++;
      const wasWatched = this.#release(table.set(w0, w1, w2, w3, length, id));
      if (held?.isWatched === true) this.#tell(table, w0, w1, w2, w3, length, held.value);
      else if (wasWatched) this.#tell(table, w0, w1, w2, w3, length, null);
    });
    this.#drop(id);
  }

  #withdraw(block: NlriBlock): void {
    const table = this.#tableOf(block);
    if (table === undefined) return;
    forEachPrefix(block, (w0, w1, w2, w3, length) => {
      if (this.#release(table.delete(w0, w1, w2, w3, length))) this.#tell(table, w0, w1, w2, w3, length, null);
    });
  }

  #tell(
    { version }: PrefixMap,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    length: number,
    attributes: ReceivedAttributes | null,
  ): void {
    const ip: Ip = version === 4 ? ipv4(w0) : ipv6(w0, w1, w2, w3);
    this.#options.watch?.changed(prefixOf(ip, length), attributes);
  }

  readonly #isWatched = (attributes: ReceivedAttributes): boolean =>
    this.#options.watch?.isWatched(attributes) === true;

  #tableOf({ afi, safi }: NlriBlock): PrefixMap | undefined {
    const family = familyOf(afi, safi);
    return family === null ? undefined : this.#tables.get(family);
  }

  /** A number for these attributes with one user: the caller. */
  #hold(value: ReceivedAttributes, isLoop: boolean): number {
    const id = this.#free.pop() ?? this.#attributes.length;
    this.#attributes[id] = { value, users: 1, isLoop, isWatched: this.#isWatched(value) };
    return id;
  }

  #retain(id: number): void {
    const held = this.#attributes[id];
    if (held !== undefined) held.users++;
  }

  /** A prefix has these attributes no more. @returns whether it was followed */
  #release(id: number): boolean {
    const held = this.#attributes[id];
    if (held?.isLoop === true) this.#loops--;
    this.#drop(id);
    return held?.isWatched === true;
  }

  #drop(id: number): void {
    const held = this.#attributes[id];
    if (held === undefined || --held.users > 0) return;
    this.#attributes[id] = undefined;
    this.#free.push(id);
  }
}
