// What stays in force of an object whose newest version is refused when it is compiled, after its reader let it pass: the last version
// that was not (docs/adr/0011). Owns that memory and who may be taken from it. Must not know what makes a version good.
// Contract: pure; the memory comes from the configuration before and goes to the next one. A version stays as long as the object
// exists and the version selects the node, until a newer one is good.
import { type ObjectRef, refKey } from "../kernel/problem.ts";
import type { BGPAdvertisementObject, BGPPeerObject, Labels } from "./model.ts";
import { matchesAnyOrNone } from "./select.ts";

/** By refKey, of the objects of one kind that select the node: the version that counts. */
export type Versions<T> = ReadonlyMap<string, T>;

export interface LastGood {
  readonly advertisements: Versions<BGPAdvertisementObject>;
  readonly peers: Versions<BGPPeerObject>;
}

type Remembered = BGPAdvertisementObject | BGPPeerObject;

/** An object of this node, and what to fall back on should it be refused; null: nothing. */
export interface Candidate<T> {
  readonly newest: T;
  readonly last: T | null;
}

/** @param at labels of the node @returns also objects that do not select it, of which an earlier version does */
export function candidates<T extends Remembered>(
  objects: readonly T[],
  versions: Versions<T> | undefined,
  at: Labels,
): readonly Candidate<T>[] {
  return objects.flatMap((newest) => {
    const before = versions?.get(refKey(newest.ref));
    const isHere = before !== undefined && matchesAnyOrNone(before.nodeSelectors, at);
    // its place among the others is that of the object, whatever its version
    const last = isHere ? { ...before, createdAt: newest.createdAt, order: newest.order } : null;
    return last === null && !matchesAnyOrNone(newest.nodeSelectors, at) ? [] : [{ newest, last }];
  });
}

export const versionsOf = <T extends { readonly ref: ObjectRef }>(good: readonly T[]): Versions<T> =>
  new Map(good.map((object) => [refKey(object.ref), object]));
