// What one peer should have (`wanted`) and what it has been sent (`sent`), for one family. Owns the difference between the
// two: a withdraw list and one list per attribute set, each prefix in at most one of them however often it changes.
// Knows no messages and no sockets (packer.ts pulls from here). Contract: `want` records the wish and keeps the lists
// right; `take…` hands out pending prefixes and marks them sent; `forgetSent` is a new session: everything wanted is
// pending again. Columns are typed arrays, about 30 octets per IPv4 prefix, because a peer may get a million of them.
import type { Prefix } from "../../kernel/ip.ts";
import { invariant } from "../../kernel/result.ts";
import type { RouteAttributes } from "../wire/message.ts";
import { AttributeSets, type InternedAttributes, STALE_ID } from "./attributeSets.ts";

/** Id of "no route" in the columns `wanted` and `sent`. */
const NONE = 0;
const MIN_CAPACITY = 16;

/** Called with the raw words of a prefix; w1..w3 are 0 for IPv4. */
export type PrefixVisitor = (w0: number, w1: number, w2: number, w3: number, length: number) => void;

export class AdjRibOut {
  readonly version: 4 | 6;
  readonly #sets: AttributeSets;
  // columns, indexed by entry; entry 0 is never used, so 0 can mean "none" in links and in the hash
  #w0: Uint32Array;
  /** w1, w2, w3 per entry; IPv6 only, empty for IPv4. */
  #rest: Uint32Array;
  #length: Uint8Array;
  #wanted: Uint32Array;
  #sent: Uint32Array;
  #prev: Uint32Array;
  #next: Uint32Array;
  #capacity: number;
  /** Entries 1..#top have been handed out at some time; freed ones are chained through #next. */
  #top = 0;
  #free = 0;
  /** Entries that are freed but still in the hash and not chained: those of a table that is being emptied. */
  #buried = 0;
  #hash: Uint32Array;
  #mask: number;
  /** First and last pending entry per wanted id; id 0 is the withdraw list. */
  readonly #head: number[] = [0];
  readonly #tail: number[] = [0];
  readonly #pendingSets = new Set<number>();
  #pending = 0;
  #wantedCount = 0;
  #sentCount = 0;
  #staleCount = 0;

  /** @param expected a hint: how many prefixes will come @param sets may be shared with other tables; see `discard` */
  constructor(version: 4 | 6, expected = 0, sets = new AttributeSets()) {
    this.version = version;
    this.#sets = sets;
    this.#capacity = Math.max(MIN_CAPACITY, expected + 1);
    this.#w0 = new Uint32Array(this.#capacity);
    this.#rest = new Uint32Array(version === 4 ? 0 : 3 * this.#capacity);
    this.#length = new Uint8Array(this.#capacity);
    this.#wanted = new Uint32Array(this.#capacity);
    this.#sent = new Uint32Array(this.#capacity);
    this.#prev = new Uint32Array(this.#capacity);
    this.#next = new Uint32Array(this.#capacity);
    this.#hash = new Uint32Array(hashSize(this.#capacity));
    this.#mask = this.#hash.length - 1;
  }

  /** Prefixes that should be at the peer. */
  get wantedCount(): number {
    return this.#wantedCount;
  }

  /** Prefixes that have been handed out to the packer on this session and not withdrawn since. */
  get sentCount(): number {
    return this.#sentCount;
  }

  /** Prefixes whose wish and state differ. */
  get pendingCount(): number {
    return this.#pending;
  }

  /** Prefixes that `resendAll` has marked and that have been neither sent again nor withdrawn since. */
  get staleCount(): number {
    return this.#staleCount;
  }

  /** Octets of the columns and of the hash; attribute sets come on top. */
  get byteLength(): number {
    const words = [this.#w0, this.#rest, this.#wanted, this.#sent, this.#prev, this.#next, this.#hash];
    return words.reduce((sum, c) => sum + c.byteLength, this.#length.byteLength);
  }

  get hasWithdrawals(): boolean {
    return this.#head[NONE] !== 0;
  }

  /** Records what the peer should have for a prefix; null: nothing. The same wish twice costs nothing. */
  want(prefix: Prefix, attributes: RouteAttributes | null): void {
    invariant(prefix.version === this.version, "prefix of the wrong family for this table");
    this.wantWords(prefix.w0, prefix.w1, prefix.w2, prefix.w3, prefix.length, attributes);
  }

  /** `want` without a prefix object, for bulk loads. */
  wantWords(w0: number, w1: number, w2: number, w3: number, length: number, attributes: RouteAttributes | null): void {
    let entry = this.#find(w0, w1, w2, w3, length);
    if (entry === 0) {
      if (attributes === null) return;
      entry = this.#insert(w0, w1, w2, w3, length);
    }
    this.#setWanted(entry, attributes === null ? NONE : this.#sets.idOf(attributes));
  }

  #setWanted(entry: number, id: number): void {
    const old = column(this.#wanted, entry);
    if (old === id) return;
    if (this.#isPending(entry)) this.#unlink(entry, old);
    this.#wanted[entry] = id;
    if (old === NONE) this.#wantedCount++;
    else this.#sets.release(old);
    if (id === NONE) this.#wantedCount--;
    else this.#sets.retain(id);
    if (this.#isPending(entry)) this.#link(entry, id);
    else if (id === NONE) this.#remove(entry);
  }

  /** What the peer should have for a prefix; null: nothing. */
  wantedFor(prefix: Prefix): RouteAttributes | null {
    const entry = this.#find(prefix.w0, prefix.w1, prefix.w2, prefix.w3, prefix.length);
    return entry === 0 ? null : this.#sets.attributes(column(this.#wanted, entry));
  }

  /** The prefix is wanted, and the peer has been handed just that. */
  isSent(prefix: Prefix): boolean {
    const entry = this.#find(prefix.w0, prefix.w1, prefix.w2, prefix.w3, prefix.length);
    return entry !== 0 && this.#wanted[entry] !== NONE && !this.#isPending(entry);
  }

  /** Nothing is wanted any more: all that was sent becomes a withdrawal. */
  unwantAll(): void {
    const top = this.#top;
    for (let entry = 1; entry <= top; entry++) {
      if (this.#length[entry] !== FREED && this.#wanted[entry] !== NONE) this.#setWanted(entry, NONE);
    }
  }

  /** The end of the table: nothing is wanted nor at the peer, and shared sets lose these users. */
  discard(): void {
    this.unwantAll();
    this.forgetSent();
  }

  /** Visits every wanted prefix in no particular order; the table must not change meanwhile. */
  forEachWanted(visit: (prefix: Prefix, attributes: RouteAttributes) => void): void {
    for (let entry = 1; entry <= this.#top; entry++) {
      const attributes = this.#sets.attributes(column(this.#wanted, entry));
      if (attributes === null) continue;
      const length = column(this.#length, entry);
      visit(
        {
          version: this.version,
          w0: column(this.#w0, entry),
          w1: this.#restWord(1, entry),
          w2: this.#restWord(2, entry),
          w3: this.#restWord(3, entry),
          length,
        },
        attributes,
      );
    }
  }

  /** A new session (or none): the peer has nothing, and what is wanted is pending in the order of first wish. */
  forgetSent(): void {
    this.#resend(() => NONE);
  }

  /** ROUTE-REFRESH: all that is wanted goes out again; what the peer has meanwhile stays known, so withdraws still work. */
  resendAll(): void {
    // A set id that nobody wants marks "the peer has something here, but it must be sent again".
    this.#resend((sent) => (sent === NONE ? NONE : STALE_ID));
  }

  /** Hands out up to `most` prefixes to withdraw and marks them gone. Returns how many. */
  takeWithdrawals(most: number, visit: PrefixVisitor): number {
    return this.#take(NONE, most, visit);
  }

  /** The attribute set whose list is to be sent next; null when none is pending. */
  nextPendingSet(): InternedAttributes | null {
    for (const id of this.#pendingSets) return this.#sets.interned(id);
    return null;
  }

  /** Hands out up to `most` prefixes of that set and marks them sent. Returns how many. */
  takeAnnouncements(set: InternedAttributes, most: number, visit: PrefixVisitor): number {
    return this.#take(set.id, most, visit);
  }

  #take(id: number, most: number, visit: PrefixVisitor): number {
    let taken = 0;
    let entry = this.#head[id] ?? 0;
    const isEmptying = id === NONE && this.#wantedCount === 0 && (this.#buried > 0 || this.#isWorthBurying());
    while (entry !== 0 && taken < most) {
      const next = column(this.#next, entry);
      visit(
        column(this.#w0, entry),
        this.#restWord(1, entry),
        this.#restWord(2, entry),
        this.#restWord(3, entry),
        column(this.#length, entry),
      );
      taken++;
      this.#markSent(entry, id, isEmptying);
      entry = next;
    }
    this.#setHead(id, entry);
    this.#pending -= taken;
    this.#clearIfEmpty();
    return taken;
  }

  /** The list head moves past the entry in #take; only the columns change here. */
  #markSent(entry: number, id: number, isEmptying: boolean): void {
    const old = column(this.#sent, entry);
    this.#sent[entry] = id;
    if (old === NONE) this.#sentCount++;
    else this.#sets.release(old);
    if (old === STALE_ID) this.#staleCount--;
    if (id === NONE) {
      this.#sentCount--;
      if (isEmptying) this.#bury(entry);
      else this.#remove(entry);
    } else {
      this.#sets.retain(id);
    }
  }

  #resend(becomes: (sent: number) => number): void {
    this.#head.fill(0);
    this.#tail.fill(0);
    this.#pendingSets.clear();
    this.#pending = 0;
    this.#sentCount = 0;
    this.#staleCount = 0;
    const top = this.#top;
    for (let entry = 1; entry <= top; entry++) {
      if (column(this.#length, entry) === FREED) continue;
      const old = column(this.#sent, entry);
      const sent = becomes(old);
      if (sent !== NONE) this.#sets.retain(sent);
      if (old !== NONE) this.#sets.release(old);
      this.#sent[entry] = sent;
      if (sent !== NONE) this.#sentCount++;
      if (sent === STALE_ID) this.#staleCount++;
      const wanted = column(this.#wanted, entry);
      if (wanted !== sent) this.#link(entry, wanted);
      else if (wanted === NONE) this.#remove(entry);
    }
    this.#clearIfEmpty();
  }

  #isPending(entry: number): boolean {
    return this.#wanted[entry] !== this.#sent[entry];
  }

  #link(entry: number, id: number): void {
    const tail = this.#tail[id] ?? 0;
    this.#prev[entry] = tail;
    this.#next[entry] = 0;
    if (tail === 0) this.#setHead(id, entry);
    else this.#next[tail] = entry;
    this.#tail[id] = entry;
    this.#pending++;
  }

  #unlink(entry: number, id: number): void {
    const prev = column(this.#prev, entry);
    const next = column(this.#next, entry);
    if (next === 0) this.#tail[id] = prev;
    else this.#prev[next] = prev;
    if (prev === 0) this.#setHead(id, next);
    else this.#next[prev] = next;
    this.#pending--;
  }

  #setHead(id: number, entry: number): void {
    while (this.#head.length <= id) {
      this.#head.push(0);
      this.#tail.push(0);
    }
    this.#head[id] = entry;
    if (entry === 0) {
      this.#tail[id] = 0;
      this.#pendingSets.delete(id);
    } else {
      this.#prev[entry] = 0;
      if (id !== NONE) this.#pendingSets.add(id);
    }
  }

  /** Word 1, 2 or 3. */
  #restWord(i: number, entry: number): number {
    return this.version === 4 ? 0 : column(this.#rest, 3 * entry + i - 1);
  }

  #slot(w0: number, w1: number, w2: number, w3: number, length: number): number {
    let h = Math.imul(w0 ^ (length << 24), 0x9e37_79b1);
    if (this.version === 6) {
      h = Math.imul(h ^ w1 ^ (h >>> 15), 0x85eb_ca6b);
      h = Math.imul(h ^ w2 ^ (h >>> 13), 0xc2b2_ae35);
      h = Math.imul(h ^ w3 ^ (h >>> 16), 0x27d4_eb2f);
    }
    return (h ^ (h >>> 15)) & this.#mask;
  }

  #matches(entry: number, w0: number, w1: number, w2: number, w3: number, length: number): boolean {
    if (column(this.#w0, entry) !== w0 || this.#length[entry] !== length) return false;
    return (
      this.version === 4 ||
      (this.#restWord(1, entry) === w1 && this.#restWord(2, entry) === w2 && this.#restWord(3, entry) === w3)
    );
  }

  #find(w0: number, w1: number, w2: number, w3: number, length: number): number {
    for (let slot = this.#slot(w0, w1, w2, w3, length); ; slot = (slot + 1) & this.#mask) {
      const entry = column(this.#hash, slot);
      if (entry === 0 || this.#matches(entry, w0, w1, w2, w3, length)) return entry;
    }
  }

  #insert(w0: number, w1: number, w2: number, w3: number, length: number): number {
    if (this.#free === 0 && this.#top + 1 === this.#capacity) this.#grow();
    let entry = this.#free;
    if (entry === 0) entry = ++this.#top;
    else this.#free = column(this.#next, entry);
    this.#w0[entry] = w0;
    if (this.version === 6) {
      this.#rest[3 * entry] = w1;
      this.#rest[3 * entry + 1] = w2;
      this.#rest[3 * entry + 2] = w3;
    }
    this.#length[entry] = length;
    this.#wanted[entry] = NONE;
    this.#sent[entry] = NONE;
    this.#hashIn(entry);
    return entry;
  }

  #hashIn(entry: number): void {
    let slot = this.#slotOf(entry);
    while (this.#hash[slot] !== 0) slot = (slot + 1) & this.#mask;
    this.#hash[slot] = entry;
  }

  #slotOf(entry: number): number {
    return this.#slot(
      column(this.#w0, entry),
      this.#restWord(1, entry),
      this.#restWord(2, entry),
      this.#restWord(3, entry),
      column(this.#length, entry),
    );
  }

  /** Takes an entry out of the hash (backward shift, so no tombstones) and puts it on the free chain. */
  #remove(entry: number): void {
    let hole = this.#slotOf(entry);
    while (this.#hash[hole] !== entry) hole = (hole + 1) & this.#mask;
    for (let slot = (hole + 1) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const other = column(this.#hash, slot);
      if (other === 0) break;
      const home = this.#slotOf(other);
      // the entry may move into the hole unless its home lies cyclically after the hole
      if (((slot - home) & this.#mask) >= ((slot - hole) & this.#mask)) {
        this.#hash[hole] = other;
        hole = slot;
      }
    }
    this.#hash[hole] = 0;
    this.#length[entry] = FREED;
    this.#next[entry] = this.#free;
    this.#free = entry;
  }

  /** Clearing the hash at the end must not cost more than what burying saves. */
  #isWorthBurying(): boolean {
    return this.#sentCount > this.#hash.length / 16;
  }

  /**
   * Frees an entry, but leaves it in the hash, where it matches nothing: closing the gaps one by one is most of the cost of
   * emptying a table of a million. It is not used again before the hash has been cleared or built anew.
   */
  #bury(entry: number): void {
    this.#length[entry] = FREED;
    this.#buried++;
  }

  #clearIfEmpty(): void {
    if (this.#buried === 0 || this.#wantedCount + this.#sentCount > 0) return;
    this.#hash.fill(0);
    this.#top = 0;
    this.#free = 0;
    this.#buried = 0;
  }

  /** Called without a free entry: makes some, of those that are buried where these are many. */
  #grow(): void {
    if (this.#buried < this.#capacity / 4) this.#widen();
    this.#hash = new Uint32Array(hashSize(this.#capacity));
    this.#mask = this.#hash.length - 1;
    this.#buried = 0;
    for (let entry = 1; entry <= this.#top; entry++) {
      if (this.#length[entry] !== FREED) this.#hashIn(entry);
      else {
        this.#next[entry] = this.#free;
        this.#free = entry;
      }
    }
  }

  #widen(): void {
    this.#capacity *= 2;
    const wider = (old: Uint32Array): Uint32Array => {
      const wide = new Uint32Array(2 * old.length);
      wide.set(old);
      return wide;
    };
    this.#w0 = wider(this.#w0);
    this.#rest = wider(this.#rest);
    this.#wanted = wider(this.#wanted);
    this.#sent = wider(this.#sent);
    this.#prev = wider(this.#prev);
    this.#next = wider(this.#next);
    const lengths = new Uint8Array(this.#capacity);
    lengths.set(this.#length);
    this.#length = lengths;
  }
}

/** In the length column: the entry is on the free chain, or buried. */
const FREED = 255;

/** A power of two of at least 1.5 times the capacity. */
const hashSize = (capacity: number): number => 2 ** Math.ceil(Math.log2(capacity * 1.5));

const column = (array: Uint32Array | Uint8Array, i: number): number => array[i] as number;
