// What the BFD thread's histogram of its own lateness says: percentiles. Owns this reading. Pure.
// Contract: a percentile is the upper bound of the class that holds it, so never less than the truth; beyond the last class it
// is the greatest that was seen.
import { LATENESS_BOUNDS, type Lateness } from "../../src/bfd/gauges.ts";
import type { Result } from "../report.ts";

/** What was added between two looks. The greatest is exact where it was surpassed, else the bound of its class. */
export function since(before: Lateness, after: Lateness): Lateness {
  const counts = after.counts.map((n, i) => n - (before.counts[i] ?? 0));
  const bound = LATENESS_BOUNDS[counts.findLastIndex((n) => n > 0)] ?? after.max;
  const max = after.max > before.max ? after.max : Math.min(bound, after.max);
  return { counts, sum: after.sum - before.sum, max };
}

/** Milliseconds. @param percent above 0, to 100; null: nothing was due */
export function latenessPercentile({ counts, max }: Lateness, percent: number): number | null {
  const total = counts.reduce((sum, n) => sum + n, 0);
  if (total === 0) return null;
  let rest = Math.ceil((total * percent) / 100);
  for (const [i, n] of counts.entries()) {
    rest -= n;
    if (rest <= 0) return Math.min(LATENESS_BOUNDS[i] ?? max, max) / 1_000;
  }
  return max / 1_000;
}

/** Two rows: what all summaries have, and the 99.9th percentile. */
export function latenessResults(what: string, lateness: Lateness): readonly Result[] {
  const at = (percent: number): number => latenessPercentile(lateness, percent) ?? 0;
  const n = lateness.counts.reduce((sum, count) => sum + count, 0);
  if (n === 0) return [];
  const row = { who: "vipcast", unit: "ms" } as const;
  const [min, p50, p99, tail, max] = [at(Number.MIN_VALUE), at(50), at(99), at(99.9), lateness.max / 1_000];
  return [
    { ...row, what: `${what}: lateness of the thread, at most`, n, min, p50, p99, max },
    { ...row, what: `${what}: lateness of the thread, 99.9 % at most`, n, min: tail, p50: tail, p99: tail, max: tail },
  ];
}
