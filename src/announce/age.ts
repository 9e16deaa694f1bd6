// Which of two objects is older: the one that stays when both cannot. Owns that total order (ADR 1); knows nothing
// of why objects conflict. Contract: a strict total order over objects with distinct names.
import type { Meta } from "./model.ts";

export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Negative when `a` is older: creationTimestamp, then namespace/name; objects without a timestamp count as newer than any with
 * one (what is in the cluster was there before what is only written down) and go by reading order among themselves.
 */
export function compareAge(a: Meta, b: Meta): number {
  const byName = (): number =>
    compareText(a.ref.namespace ?? "", b.ref.namespace ?? "") ||
    compareText(a.ref.name, b.ref.name) ||
    compareText(a.ref.kind, b.ref.kind);
  if (a.createdAt !== null && b.createdAt !== null) return a.createdAt - b.createdAt || byName();
  if (a.createdAt === null && b.createdAt === null) return a.order - b.order || byName();
  return a.createdAt === null ? 1 : -1;
}
