import fc from "fast-check";
import { expect, test } from "vitest";
import { Deadlines } from "../../src/bfd/deadlines.ts";
import { NEVER } from "../../src/bfd/protocol.ts";

test("the nearest of any deadlines, set, moved and removed in any order, is the nearest", () => {
  const step = fc.tuple(fc.nat(15), fc.option(fc.nat(1_000), { nil: NEVER }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const deadlines = new Deadlines(16);
      const model = new Map<number, number>();
      for (const [id, at] of steps) {
        deadlines.wished[id] = at;
        deadlines.update(id);
        if (at === NEVER) model.delete(id);
        else model.set(id, at);
        expect(deadlines.nearest).toBe(Math.min(NEVER, ...model.values()));
        expect(deadlines.size).toBe(model.size);
        if (model.size > 0) expect(model.get(deadlines.nearestId)).toBe(deadlines.nearest);
        else expect(deadlines.nearestId).toBe(-1);
      }
    }),
    { numRuns: 300 },
  );
});
