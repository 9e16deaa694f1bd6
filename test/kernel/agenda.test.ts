// What is due when: the heap against a plain list.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Agenda } from "../../src/kernel/agenda.ts";
import { Millis } from "../../src/kernel/units.ts";

test("whatever is set, moved, removed and taken, the nearest is the least, and what is due is taken once", () => {
  const item = fc.integer({ min: 0, max: 12 });
  const at = fc.option(fc.integer({ min: 0, max: 20 }).map(Millis));
  const event = fc.oneof(
    fc.record({ type: fc.constant("set" as const), item, at }),
    fc.record({ type: fc.constant("take" as const), now: fc.integer({ min: 0, max: 20 }).map(Millis) }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const agenda = new Agenda<number>();
      const plain = new Map<number, Millis>();
      for (const e of events) {
        if (e.type === "set") {
          agenda.set(e.item, e.at);
          if (e.at === null) plain.delete(e.item);
          else plain.set(e.item, e.at);
        } else {
          const least = Math.min(...plain.values());
          const taken = agenda.take(e.now);
          expect(taken === undefined ? null : plain.get(taken)).toBe(least <= e.now ? least : null);
          if (taken !== undefined) plain.delete(taken);
        }
        expect(agenda.size).toBe(plain.size);
        expect(agenda.nearest).toBe(plain.size === 0 ? null : Math.min(...plain.values()));
      }
    }),
  );
});
