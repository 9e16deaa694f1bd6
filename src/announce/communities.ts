// BGP communities as operators write them: literals and aliases. Owns the grammar of metallb-compat 3.8 and the order in which
// communities stand in a route. Knows nothing of advertisements; names of well-known values are the registry's.
// Contract: an alias wins over a literal of the same spelling, and over the well-known name; names are ours, MetalLB has none.
import type { LargeCommunity } from "../bgp/wire/message.ts";
import { wellKnownCommunity } from "../bgp/wire/registry.ts";
import type { Said } from "../kernel/messages.ts";
import { assertNever } from "../kernel/result.ts";
import { say } from "./messages.ts";

export type CommunityValue =
  | { readonly type: "standard"; readonly value: number }
  | { readonly type: "large"; readonly value: LargeCommunity };

export type ParsedCommunity =
  | { readonly type: "value"; readonly community: CommunityValue }
  /** Looks like a literal and is none: no alias can mend it. */
  | { readonly type: "invalid"; readonly said: Said }
  /** Not a literal: an alias that may still be created. */
  | { readonly type: "unknownAlias" };

const unsigned = (text: string, max: number): number | null =>
  /^[0-9]+$/.test(text) && Number(text) <= max ? Number(text) : null;

/** `a:b` (each 0..65535) or `large:a:b:c` (each 0..4294967295), decimal. */
export function parseCommunityLiteral(text: string): ParsedCommunity {
  const parts = text.split(":");
  if (parts.length === 2) {
    const [high, low] = parts.map((p) => unsigned(p, 0xffff));
    if (high == null || low == null) {
      return { type: "invalid", said: say("communityRange", { text }) };
    }
    return { type: "value", community: { type: "standard", value: high * 0x1_0000 + low } };
  }
  if (parts.length === 4) {
    const [globalAdmin, local1, local2] = parts.slice(1).map((p) => unsigned(p, 0xffff_ffff));
    if (parts[0] !== "large" || globalAdmin == null || local1 == null || local2 == null) {
      return { type: "invalid", said: say("largeCommunityRange", { text }) };
    }
    return { type: "value", community: { type: "large", value: { globalAdmin, local1, local2 } } };
  }
  return { type: "unknownAlias" };
}

/** An alias first, then a well-known name such as `no-export`, then a literal (metallb-compat 3.8). */
export function resolveCommunity(text: string, aliases: ReadonlyMap<string, CommunityValue>): ParsedCommunity {
  const alias = aliases.get(text);
  if (alias !== undefined) return { type: "value", community: alias };
  const value = wellKnownCommunity(text);
  return value === null ? parseCommunityLiteral(text) : { type: "value", community: { type: "standard", value } };
}

export function compareLarge(a: LargeCommunity, b: LargeCommunity): number {
  return a.globalAdmin - b.globalAdmin || a.local1 - b.local1 || a.local2 - b.local2;
}

/** Ascending without duplicates. */
export function uniteStandard(lists: readonly (readonly number[])[]): readonly number[] {
  return [...new Set(lists.flat())].sort((a, b) => a - b);
}

/** Ascending without duplicates. */
export function uniteLarge(lists: readonly (readonly LargeCommunity[])[]): readonly LargeCommunity[] {
  const sorted = lists.flat().sort(compareLarge);
  return sorted.filter((c, i) => {
    const previous = sorted[i - 1];
    return previous === undefined || compareLarge(previous, c) !== 0;
  });
}

/** Splits resolved communities into the two sorted lists of a route. */
export function sortCommunities(values: readonly CommunityValue[]): {
  readonly communities: readonly number[];
  readonly largeCommunities: readonly LargeCommunity[];
} {
  const standard: number[] = [];
  const large: LargeCommunity[] = [];
  for (const v of values) {
    switch (v.type) {
      case "standard":
        standard.push(v.value);
        break;
      case "large":
        large.push(v.value);
        break;
      default:
        assertNever(v);
    }
  }
  return { communities: uniteStandard([standard]), largeCommunities: uniteLarge([large]) };
}
