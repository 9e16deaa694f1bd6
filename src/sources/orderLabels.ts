// Numbers that keep a list in order while entries come and go, so that an insertion does not renumber what follows.
// Owns the spacing. Knows nothing of what is ordered. Contract: labels are finite, strictly growing, and strictly
// between the bounds; where no doubles are left between the bounds the answer is null and the caller numbers all anew.

/** Distance at the open ends of the list; 2^20 entries keep the labels far below 2^53. */
const WIDE = 2 ** 32;
/** Distance inside a gap: small against a gap, so that a run of insertions in ascending order does not halve it. */
const NARROW = 2 ** 16;

/** @param low may be -Infinity. @param high may be +Infinity. @param count how many labels are wanted. */
export function labelsBetween(low: number, high: number, count: number): readonly number[] | null {
  const index = Array.from({ length: count }, (_, i) => i);
  if (high === Number.POSITIVE_INFINITY) {
    const from = low === Number.NEGATIVE_INFINITY ? -WIDE : low;
    return index.map((i) => from + WIDE * (i + 1));
  }
  if (low === Number.NEGATIVE_INFINITY) return index.map((i) => high - WIDE * (count - i));
  const step = Math.min(NARROW, (high - low) / (count + 1));
  const labels = index.map((i) => low + step * (i + 1));
  const grows = labels.every((label, i) => label > (i === 0 ? low : (labels[i - 1] ?? high)) && label < high);
  return grows ? labels : null;
}
