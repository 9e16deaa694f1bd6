// A route as any router of the lab shows it. Owns the common shape, the names of well-known communities and the narrow
// readers for JSON from foreign programs. Knows nothing of a particular router.
import type { Family } from "../src/bgp/wire/message.ts";

export type { Family };

export interface LabRoute {
  readonly prefix: string;
  readonly nextHop: string;
  /** Numbers as `65000:1`, well-known ones by name in lower case with dashes; in the router's order. */
  readonly communities: readonly string[];
  /** As `65000:1:2`. */
  readonly largeCommunities: readonly string[];
  /** null: the route carries none. */
  readonly localPref: number | null;
  readonly med: number | null;
  /** AS numbers, nearest first; an AS_SET as the router writes it. */
  readonly asPath: readonly string[];
  readonly origin: "igp" | "egp" | "incomplete";
  readonly best: boolean;
  /** Address of the peer it was learned from; null for the router's own routes. */
  readonly from: string | null;
}

/** Routes by prefix; several paths to one prefix in the router's order. */
export type RouteTable = ReadonlyMap<string, readonly LabRoute[]>;

const WELL_KNOWN: ReadonlyMap<number, string> = new Map([
  [0xffff_0000, "graceful-shutdown"],
  [0xffff_0001, "accept-own"],
  [0xffff_0006, "llgr-stale"],
  [0xffff_0007, "no-llgr"],
  [0xffff_029a, "blackhole"],
  [0xffff_ff01, "no-export"],
  [0xffff_ff02, "no-advertise"],
  [0xffff_ff03, "no-export-subconfed"],
  [0xffff_ff04, "no-peer"],
]);

/** @param value the community as an unsigned 32-bit number */
export const communityName = (value: number): string =>
  WELL_KNOWN.get(value) ?? `${Math.floor(value / 0x1_0000)}:${value % 0x1_0000}`;

export type JsonObject = Readonly<Record<string, unknown>>;

/** The value as an object; an empty one for anything else, so that a missing branch reads as missing leaves. */
export const objectAt = (value: unknown, ...path: readonly string[]): JsonObject => {
  let at: unknown = value;
  for (const key of path) at = isObject(at) ? at[key] : undefined;
  return isObject(at) ? at : {};
};

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
export const listAt = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const numberAt = (value: unknown): number | null => (typeof value === "number" ? value : null);
export const textAt = (value: unknown): string | null => (typeof value === "string" ? value : null);
export const words = (text: unknown): readonly string[] =>
  typeof text === "string" ? text.split(/\s+/).filter((word) => word !== "") : [];

/** `IGP`, `i`, `EGP`, `e`, … as the RFC 4271 origin. */
export function originOf(text: string | null): LabRoute["origin"] {
  const first = (text ?? "").charAt(0).toLowerCase();
  return first === "i" && !/^inc/i.test(text ?? "") ? "igp" : first === "e" ? "egp" : "incomplete";
}
