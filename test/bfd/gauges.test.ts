// What the loop counts about itself, as another thread reads it.
import { describe, expect, test } from "vitest";
import { LATENESS_BOUNDS, LoopGauges, newGaugeMemory } from "../../src/bfd/gauges.ts";

describe("gauges of the loop", () => {
  test("a second view of the memory reads what the first has counted", () => {
    const memory = newGaugeMemory();
    const [writer, reader] = [new LoopGauges(memory), new LoopGauges(memory)];
    writer.add("rounds", 2);
    writer.add("rounds", 1);
    writer.set("kernelDrops", 7);
    expect([reader.get("rounds"), reader.get("kernelDrops"), reader.get("sendFailures")]).toEqual([3, 7, 0]);
  });

  test("lateness falls into the class whose bound it does not pass, the rest into the last", () => {
    const gauges = new LoopGauges(newGaugeMemory());
    for (const late of [0, 100, 100.5, 1e9]) gauges.observeLateness(late);
    const { counts, sum, max } = gauges.lateness();
    expect(counts).toHaveLength(LATENESS_BOUNDS.length + 1);
    expect(counts.map((n, i) => [i, n]).filter(([, n]) => n !== 0)).toEqual([
      [0, 2],
      [1, 1],
      [LATENESS_BOUNDS.length, 1],
    ]);
    expect([sum, max]).toEqual([1e9 + 200.5, 1e9]);
  });
});
