// Percentiles of a histogram: the class that holds them, never less than the truth.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { latenessPercentile, since } from "../../bench/bfd/lateness.ts";
import { percentile } from "../../bench/statistics.ts";
import { LATENESS_BOUNDS, LoopGauges, newGaugeMemory } from "../../src/bfd/gauges.ts";

function observed(...late: readonly number[]): LoopGauges {
  const gauges = new LoopGauges(newGaugeMemory());
  for (const each of late) gauges.observeLateness(each);
  return gauges;
}

describe("latenessPercentile", () => {
  it.each([
    { name: "the bound of its class", late: [30, 120], percent: 50, is: 0.1 },
    { name: "the next class, for one beyond the median", late: [30, 120, 400], percent: 50, is: 0.25 },
    { name: "no more than the greatest", late: [30], percent: 99.9, is: 0.03 },
    { name: "the greatest, beyond the last class", late: [30, 5_000_000], percent: 100, is: 5_000 },
  ])("is $name", ({ late, percent, is }) => {
    expect(latenessPercentile(observed(...late).lateness(), percent)).toBe(is);
  });

  it("is null where nothing was due", () => {
    expect(latenessPercentile(observed().lateness(), 50)).toBeNull();
  });

  it("is never less than the percentile of the values, and at most one class more", () => {
    const lates = fc.array(fc.integer({ min: 0, max: 2_000_000 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(lates, fc.integer({ min: 1, max: 1_000 }), (late, permille) => {
        const exact = percentile(
          late.toSorted((a, b) => a - b),
          permille / 10,
        );
        const bound = LATENESS_BOUNDS.find((b) => exact <= b) ?? Math.max(...late);
        expect(latenessPercentile(observed(...late).lateness(), permille / 10)).toBe(
          Math.min(bound, Math.max(...late)) / 1_000,
        );
      }),
    );
  });
});

describe("since", () => {
  it("leaves out what was before, also the greatest", () => {
    const gauges = observed(30, 9_000);
    const before = gauges.lateness();
    gauges.observeLateness(700);
    expect(since(before, gauges.lateness())).toMatchObject({ max: 1_000, sum: 700 });
    gauges.observeLateness(40_000);
    expect(since(before, gauges.lateness()).max).toBe(40_000);
  });
});
