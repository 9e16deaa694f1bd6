// Sorting that rests: what `Array.sort` does in one go, in steps that a caller on the main thread can put turns between.
// Knows nothing of what is sorted. Contract: stable; the input is left as it is; between two yields at most STEP items are moved.

/** Items sorted or merged between two rests. */
const STEP = 512;

/** @returns the items in order */
export function* sorting<T>(items: readonly T[], compare: (a: T, b: T) => number): Generator<undefined, readonly T[]> {
  let runs: (readonly T[])[] = [];
  for (let from = 0; from < items.length; from += STEP) {
    runs.push(items.slice(from, from + STEP).sort(compare));
    yield;
  }
  while (runs.length > 1) {
    const merged: (readonly T[])[] = [];
    for (let i = 0; i < runs.length; i += 2) merged.push(yield* merging(runs[i] ?? [], runs[i + 1] ?? [], compare));
    runs = merged;
  }
  return runs[0] ?? [];
}

function* merging<T>(
  a: readonly T[],
  b: readonly T[],
  compare: (a: T, b: T) => number,
): Generator<undefined, readonly T[]> {
  if (b.length === 0) return a;
  const out: T[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [left, right] = [a[i], b[j]];
    const isLeft = j >= b.length || (i < a.length && compare(left as T, right as T) <= 0);
    out.push((isLeft ? left : right) as T);
    if (isLeft) i++;
    else j++;
    if (out.length % STEP === 0) yield;
  }
  return out;
}
