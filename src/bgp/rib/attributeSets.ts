// Attribute sets of one or many tables: each distinct set once, under a small number, with a count of its users.
// Owns ids and their reuse. Knows no prefixes. Shared by the tables of all peers, so that a peer which stopped reading
// costs its columns and not a copy of every set. Contract: `idOf` gives an id without taking it; whoever stores the id calls
// `retain`, and `release` when it stores it no longer; an id without users may be given to another set.
import { formatIp } from "../../kernel/ip.ts";
import type { LargeCommunity, RouteAttributes } from "../wire/message.ts";
import { BARE_ATTRIBUTES } from "../wire/routeAttributes.ts";

export interface InternedAttributes {
  readonly id: number;
  readonly attributes: RouteAttributes;
  readonly key: string;
  users: number;
  /** Room for the packer: the encoded form, valid for one session (the token). */
  encoded: { readonly token: object; readonly value: unknown } | null;
}

/** The set that no route ever wants; always there. */
export const STALE_ID = 1;

export class AttributeSets {
  readonly #byKey = new Map<string, InternedAttributes>();
  /** The same object again is the common case, and needs no key then. */
  readonly #byObject = new WeakMap<RouteAttributes, InternedAttributes>();
  readonly #byId: (InternedAttributes | undefined)[] = [
    undefined,
    { id: STALE_ID, attributes: BARE_ATTRIBUTES, key: "stale", users: 1, encoded: null },
  ];
  readonly #freeIds: number[] = [];

  /** Sets with users, the one of STALE_ID aside. */
  get size(): number {
    return this.#byKey.size;
  }

  /** An id for a set with these contents, above STALE_ID. */
  idOf(attributes: RouteAttributes): number {
    const known = this.#byObject.get(attributes);
    if (known !== undefined && this.#byId[known.id] === known) return known.id;
    const interned = this.#intern(attributeKey(attributes), attributes);
    this.#byObject.set(attributes, interned);
    return interned.id;
  }

  interned(id: number): InternedAttributes | null {
    return this.#byId[id] ?? null;
  }

  attributes(id: number): RouteAttributes | null {
    return this.#byId[id]?.attributes ?? null;
  }

  retain(id: number): void {
    const set = this.#byId[id];
    if (set !== undefined) set.users++;
  }

  release(id: number): void {
    const set = this.#byId[id];
    if (set === undefined || --set.users > 0) return;
    this.#byKey.delete(set.key);
    this.#byId[id] = undefined;
    this.#freeIds.push(id);
  }

  #intern(key: string, attributes: RouteAttributes): InternedAttributes {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const id = this.#freeIds.pop() ?? this.#byId.length;
    const interned: InternedAttributes = { id, attributes, key, users: 0, encoded: null };
    this.#byKey.set(key, interned);
    this.#byId[id] = interned;
    return interned;
  }
}

/** Canonical text: equal attributes, equal text. */
export function attributeKey(a: RouteAttributes): string {
  const nextHop = a.nextHop === "self" ? "" : formatIp(a.nextHop);
  const large = a.largeCommunities.map((c: LargeCommunity) => `${c.globalAdmin}:${c.local1}:${c.local2}`);
  const numbers = `${a.localPref}|${a.med}|${a.asPathPrepend}|${a.linkBandwidth}|${a.origin ?? "igp"}|${a.asPathTail?.join(" ") ?? ""}`;
  return `${nextHop}|${numbers}|${a.communities.join()}|${large.join()}`;
}
