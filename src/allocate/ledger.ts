// Who holds which address, and who may share it. Owns the rules of sharing (metallb-compat 4.7), the search for the first address that is free
// or shareable, and the pools' counts of what is in use. Must not know why a service gets or loses an address: converge.ts decides.
// Contract: `hold` and `release` always succeed; whoever asks `conflict` first never makes two services share that may not. Cost of each call
// does not grow with the number of services or addresses, sharing groups with equal ports aside, which amortise.
import { formatIp, type Ip, type IpVersion } from "../kernel/ip.ts";
import { listed } from "../kernel/suggest.ts";
import type { ServiceKey } from "../kernel/units.ts";
import { comparePlace, type Place, type Pool, PoolTable } from "./pool.ts";

/** On what terms a service uses its addresses. */
export interface Terms {
  /** Empty: shared with nobody. */
  readonly sharingKey: string;
  readonly backendKey: string;
  /** `TCP/80`, ascending. */
  readonly ports: readonly string[];
}

/** Of a service that shares with nobody, or of which no more is known. */
export const OWN_USE: Terms = { sharingKey: "", backendKey: "", ports: [] };

export interface Holding {
  readonly ips: readonly Ip[];
  readonly texts: readonly string[];
  readonly terms: Terms;
}

/** An address in use. */
interface Entry {
  readonly ip: Ip;
  readonly text: string;
  /** null: no pool has it any more. */
  place: Place | null;
  readonly users: Map<ServiceKey, Terms>;
  readonly ports: Map<string, ServiceKey>;
  group: Group | null;
}

/** Addresses of one pool and family that are used on the same terms, ports aside. */
interface Group {
  readonly key: string;
  /** By place. */
  readonly entries: { readonly place: Place; readonly entry: Entry }[];
  /** By ports: every entry before that place has one of them taken. */
  readonly cursors: Map<string, Pick<Place, "index" | "offset">>;
}

export class Ledger {
  #table: PoolTable = new PoolTable([]);
  readonly #holdings = new Map<ServiceKey, Holding>();
  readonly #entries = new Map<string, Entry>();
  readonly #groups = new Map<string, Group>();
  #hasFreed = false;

  get table(): PoolTable {
    return this.#table;
  }

  get holdings(): ReadonlyMap<ServiceKey, Holding> {
    return this.#holdings;
  }

  /** True once after anything was released, or may be shared by others than before. */
  takeFreed(): boolean {
    const had = this.#hasFreed;
    this.#hasFreed = false;
    return had;
  }

  /** Other pools from now on: everybody keeps what they hold, and each address is counted where it now lies. */
  setPools(table: PoolTable): void {
    this.#table = table;
    this.#hasFreed = true;
    const moving = [...this.#entries.values()].filter(
      ({ place }) => place === null || table.pools.get(place.pool.name) !== place.pool,
    );
    // all of them before the first one joins: a group must not hold places of two tables
    for (const entry of moving) this.#leaveGroup(entry);
    for (const entry of moving) {
      entry.place = table.locate(entry.ip);
      entry.place?.pool.use(entry.ip.version, entry.place);
      this.#regroup(entry);
    }
  }

  /** The one pool that has all of them; null: there is none. */
  poolOf(ips: readonly Ip[]): Pool | null {
    const [first, ...others] = ips.map((ip) => this.#table.locate(ip)?.pool ?? null);
    return first !== undefined && others.every((pool) => pool === first) ? first : null;
  }

  /** Replaces what the service held. */
  hold(key: ServiceKey, ips: readonly Ip[], terms: Terms): void {
    const before = this.#holdings.get(key);
    const texts = ips.map(formatIp);
    const hadFreed = this.#hasFreed;
    const isSameTerms = before !== undefined && sameTerms(before.terms, terms);
    if (isSameTerms && sameTexts(before.texts, texts)) return;
    this.release(key);
    if (isSameTerms && before.texts.every((text) => texts.includes(text))) this.#hasFreed = hadFreed;
    this.#holdings.set(key, { ips, texts, terms });
    for (const [i, ip] of ips.entries()) this.#join(ip, texts[i] ?? "", key, terms);
  }

  release(key: ServiceKey): void {
    const holding = this.#holdings.get(key);
    if (holding === undefined) return;
    this.#holdings.delete(key);
    this.#hasFreed = true;
    for (const text of holding.texts) this.#leave(text, key, holding.terms);
  }

  /** Why the service may not have the address beside those who use it, in words; null: it may. What it holds itself is no reason. */
  conflict(ip: Ip, key: ServiceKey, terms: Terms): string | null {
    const entry = this.#entries.get(formatIp(ip));
    if (entry === undefined) return null;
    const other = otherUser(entry, key);
    if (other === null) return null;
    const by = (): string => listed([...entry.users.keys()].filter((user) => user !== key));
    if (terms.sharingKey === "" || terms.sharingKey !== other.sharingKey) {
      const why = terms.sharingKey === "" ? "no sharing key" : "another sharing key";
      return `can't share ${entry.text}: it is in use by ${by()}, and the service has ${why}`;
    }
    if (terms.backendKey !== other.backendKey) {
      return `can't share ${entry.text}: it is in use by ${by()}, with another externalTrafficPolicy or selector`;
    }
    const port = terms.ports.find((p) => (entry.ports.get(p) ?? key) !== key);
    return port === undefined ? null : `port ${port} is already in use on ${entry.text} by ${entry.ports.get(port)}`;
  }

  /** The first address in the pool's order that is free, or that the service may share; null: there is none. */
  lowest(pool: Pool, version: IpVersion, key: ServiceKey, terms: Terms): Ip | null {
    const free = pool.lowestFree(version);
    if (terms.sharingKey === "") return free?.ip ?? null;
    const group = this.#groups.get(groupKey(pool, version, terms));
    const shared = group === undefined ? null : this.#firstShareable(group, key, terms);
    if (shared === null || (free !== null && comparePlace(free, shared.place) < 0)) return free?.ip ?? null;
    return shared.entry.ip;
  }

  #firstShareable(group: Group, key: ServiceKey, terms: Terms): Group["entries"][number] | null {
    const ports = terms.ports.join(" ");
    const { entries, cursors } = group;
    for (let i = positionOf(entries, cursors.get(ports) ?? ORIGIN); i < entries.length; i++) {
      const found = entries[i];
      if (found === undefined) break;
      cursors.set(ports, found.place);
      if (this.conflict(found.entry.ip, key, terms) === null) return found;
    }
    return null;
  }

  #join(ip: Ip, text: string, key: ServiceKey, terms: Terms): void {
    let entry = this.#entries.get(text);
    if (entry === undefined) {
      entry = { ip, text, place: this.#table.locate(ip), users: new Map(), ports: new Map(), group: null };
      this.#entries.set(text, entry);
      entry.place?.pool.use(ip.version, entry.place);
    }
    entry.users.set(key, terms);
    for (const port of terms.ports) if (!entry.ports.has(port)) entry.ports.set(port, key);
    this.#regroup(entry);
  }

  #leave(text: string, key: ServiceKey, terms: Terms): void {
    const entry = this.#entries.get(text);
    if (entry === undefined) return;
    entry.users.delete(key);
    for (const port of terms.ports) if (entry.ports.get(port) === key) entry.ports.delete(port);
    this.#regroup(entry);
    if (entry.users.size > 0) return;
    this.#entries.delete(text);
    entry.place?.pool.free(entry.ip.version, entry.place);
  }

  /** Puts the entry where its users' terms belong, and lets every search look at it again. */
  #regroup(entry: Entry): void {
    const { place } = entry;
    const [terms] = entry.users.values();
    const isShareable =
      place !== null && Number.isFinite(place.offset) && terms !== undefined && terms.sharingKey !== "";
    const wanted = isShareable ? groupKey(place.pool, entry.ip.version, terms) : null;
    if (entry.group !== null && entry.group.key !== wanted) this.#leaveGroup(entry);
    if (wanted === null || place === null) return;
    if (entry.group === null) {
      const group: Group = this.#groups.get(wanted) ?? { key: wanted, entries: [], cursors: new Map() };
      this.#groups.set(wanted, group);
      group.entries.splice(positionOf(group.entries, place), 0, { place, entry });
      entry.group = group;
    }
    for (const [ports, cursor] of entry.group.cursors) {
      if (comparePlace(cursor, place) > 0) entry.group.cursors.set(ports, place);
    }
  }

  #leaveGroup(entry: Entry): void {
    const { group, place } = entry;
    if (group === null || place === null) return;
    entry.group = null;
    group.entries.splice(positionOf(group.entries, place), 1);
    if (group.entries.length === 0) this.#groups.delete(group.key);
  }
}

const ORIGIN = { index: 0, offset: 0 } as const;

const groupKey = (pool: Pool, version: IpVersion, { sharingKey, backendKey }: Terms): string =>
  JSON.stringify([pool.name, version, sharingKey, backendKey]);

/** Index of the first entry that is not before the place. */
function positionOf(entries: Group["entries"], place: Pick<Place, "index" | "offset">): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const found = entries[middle];
    if (found !== undefined && comparePlace(found.place, place) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Terms of any user but this one: those who share have the same. */
function otherUser(entry: Entry, key: ServiceKey): Terms | null {
  for (const [user, terms] of entry.users) if (user !== key) return terms;
  return null;
}

const sameTexts = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((text, i) => text === b[i]);

const sameTerms = (a: Terms, b: Terms): boolean =>
  a.sharingKey === b.sharingKey && a.backendKey === b.backendKey && sameTexts(a.ports, b.ports);
