// A set of whole numbers as disjoint intervals: which offsets of an address range are in use. Owns the arithmetic of merging
// and splitting. Knows nothing of addresses. Contract: numbers are 0 to 2^53 - 1; neighbours are merged, so that the lowest number
// that is missing is known at once, and memory grows with the gaps, not with the numbers.

export class IntervalSet {
  /** Ascending; the i-th interval is starts[i] to ends[i], both included. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  /** The lowest number that is not in the set. */
  get lowestMissing(): number {
    return this.#starts[0] === 0 ? (this.#ends[0] ?? 0) + 1 : 0;
  }

  has(n: number): boolean {
    const i = this.#firstAfter(n) - 1;
    return i >= 0 && n <= (this.#ends[i] ?? -1);
  }

  add(n: number): void {
    const next = this.#firstAfter(n);
    const end = this.#ends[next - 1] ?? -2;
    if (next > 0 && n <= end) return;
    const joinsBelow = next > 0 && end === n - 1;
    const joinsAbove = this.#starts[next] === n + 1;
    if (joinsBelow && joinsAbove) {
      this.#ends[next - 1] = this.#ends[next] ?? n;
      this.#remove(next);
    } else if (joinsBelow) this.#ends[next - 1] = n;
    else if (joinsAbove) this.#starts[next] = n;
    else this.#insert(next, n, n);
  }

  delete(n: number): void {
    const i = this.#firstAfter(n) - 1;
    const [start, end] = [this.#starts[i], this.#ends[i]];
    if (start === undefined || end === undefined || n > end) return;
    if (start === end) this.#remove(i);
    else if (n === start) this.#starts[i] = n + 1;
    else if (n === end) this.#ends[i] = n - 1;
    else {
      this.#ends[i] = n - 1;
      this.#insert(i + 1, n + 1, end);
    }
  }

  /** Index of the first interval that begins after `n`. */
  #firstAfter(n: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] ?? 0) <= n) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #insert(at: number, start: number, end: number): void {
    this.#starts.splice(at, 0, start);
    this.#ends.splice(at, 0, end);
  }

  #remove(at: number): void {
    this.#starts.splice(at, 1);
    this.#ends.splice(at, 1);
  }
}
