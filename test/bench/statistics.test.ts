// Percentiles by nearest rank, against a table and against their definition.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { percentile, summarize } from "../../bench/statistics.ts";

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

describe("percentile", () => {
  it.each([
    { name: "the median of an odd count is the one in the middle", values: [1, 2, 9], percent: 50, is: 2 },
    { name: "the median of an even count is the lower one in the middle", values: [1, 2, 3, 9], percent: 50, is: 2 },
    { name: "the 99th of 100 leaves one above it", values: upTo(100), percent: 99, is: 99 },
    { name: "the 99th of 200 leaves two above it", values: upTo(200), percent: 99, is: 198 },
    { name: "the 99th of fewer than 100 is the largest", values: upTo(50), percent: 99, is: 50 },
    { name: "the 0th is the smallest", values: [4, 5], percent: 0, is: 4 },
    { name: "the 100th is the largest", values: [4, 5], percent: 100, is: 5 },
    { name: "one value is every percentile", values: [7], percent: 50, is: 7 },
  ])("$name", ({ values, percent, is }) => {
    expect(percentile(values, percent)).toBe(is);
  });

  it.each([
    { name: "of no values", values: [], percent: 50 },
    { name: "above 100", values: [1], percent: 100.5 },
    { name: "below 0", values: [1], percent: -1 },
    { name: "that is not a number", values: [1], percent: Number.NaN },
  ])("refuses one $name", ({ values, percent }) => {
    expect(() => percentile(values, percent)).toThrow(RangeError);
  });

  it("is the smallest value that at least that share of all values does not exceed", () => {
    const values = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 100 }), (list, percent) => {
        const sorted = [...list].sort((a, b) => a - b);
        const got = percentile(sorted, percent);
        const notAbove = (limit: number): number => (100 * sorted.filter((v) => v <= limit).length) / sorted.length;
        const smaller = sorted.filter((v) => v < got);
        expect(notAbove(got)).toBeGreaterThanOrEqual(percent);
        for (const value of smaller) expect(notAbove(value)).toBeLessThan(percent);
      }),
      { numRuns: 200 },
    );
  });
});

describe("summarize", () => {
  it("sorts by value, not by text, and leaves its input alone", () => {
    const values = [10, 9, 100];
    expect(summarize(values)).toEqual({ n: 3, min: 9, p50: 10, p99: 100, max: 100 });
    expect(values).toEqual([10, 9, 100]);
  });

  it("refuses an empty list", () => {
    expect(() => summarize([])).toThrow(RangeError);
  });
});
