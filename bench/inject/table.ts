// The table that everyone injects: distinct IPv4 host routes in eight attribute sets. Owns which addresses these are and
// who has which set. Knows no speakers. Contract: pure; addresses are scattered over 10.0.0.0/8, because neighbouring ones
// would flatter hash tables and tries.

/** Distinct sets of communities: 65001:0 … 65001:7. */
export const SETS = 8;

/** @param i 0 … 2^24 - 1. @returns the i-th address as unsigned 32 bits; no two alike, as the factor is odd */
export const addressOf = (i: number): number => (0x0a00_0000 | (Math.imul(i, 0x005b_d1e9) & 0x00ff_ffff)) >>> 0;

export const setOf = (i: number): number => i % SETS;

/** What a sink must find when it adds up the addresses of the first `count` routes. */
export function addressSum(count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += addressOf(i);
  return sum;
}

export const dottedQuad = (address: number): string => [24, 16, 8, 0].map((s) => (address >>> s) & 255).join(".");
