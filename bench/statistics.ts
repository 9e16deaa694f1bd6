// What is said about a list of measured values: smallest, median, 99th percentile, largest. Owns the definition of a
// percentile. Must not know what was measured. Contract: pure; a figure is always one of the measured values, so nothing is
// interpolated and the 99th percentile of fewer than 100 values is the largest.

export interface Summary {
  readonly n: number;
  readonly min: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/**
 * Nearest-rank percentile.
 * @param ascending at least one value, smallest first
 * @param percent 0 … 100; 0 is the smallest value
 * @throws RangeError for an empty list or a percentage out of range
 */
export function percentile(ascending: readonly number[], percent: number): number {
  if (!(percent >= 0 && percent <= 100)) throw new RangeError(`no such percentile: ${percent}`);
  const value = ascending[Math.max(1, Math.ceil((percent * ascending.length) / 100)) - 1];
  if (value === undefined) throw new RangeError("a percentile needs at least one value");
  return value;
}

/** @throws RangeError for an empty list */
export function summarize(values: readonly number[]): Summary {
  const ascending = [...values].sort((a, b) => a - b);
  return {
    n: ascending.length,
    min: percentile(ascending, 0),
    p50: percentile(ascending, 50),
    p99: percentile(ascending, 99),
    max: percentile(ascending, 100),
  };
}
