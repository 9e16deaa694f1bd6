// The table that everyone injects: distinct IPv4 host routes in a few attribute sets. Owns which addresses these are and
// who has which set. Knows no speakers. Contract: pure; addresses are scattered over 10.0.0.0/8, because neighbouring ones
// would flatter hash tables and tries; a set is one standard community, 65001 and the number of the set.

/** Sets of the inject bench: 65001:0 … 65001:7. */
export const SETS = 8;

export interface Table {
  /** Number of routes, 1 … 2^24. */
  readonly count: number;
  /** Number of attribute sets, 1 … 65,536; routes take them in turn. */
  readonly sets: number;
}

/** @param i 0 … 2^24 - 1. @returns the i-th address as unsigned 32 bits; no two alike, as the factor is odd */
export const addressOf = (i: number): number => (0x0a00_0000 | (Math.imul(i, 0x005b_d1e9) & 0x00ff_ffff)) >>> 0;

export const setOf = (i: number, sets = SETS): number => i % sets;

/** What a sink must find when it adds up the addresses of the first `count` routes. */
export function addressSum(count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += addressOf(i);
  return sum;
}

export const dottedQuad = (address: number): string => [24, 16, 8, 0].map((s) => (address >>> s) & 255).join(".");

/** The table as text, one line per route. @param line address in dotted form, number of the set */
export function routeLines({ count, sets }: Table, line: (address: string, set: number) => string): string[] {
  return Array.from({ length: count }, (_, i) => line(dottedQuad(addressOf(i)), setOf(i, sets)));
}
