// The register is complete and true; the page it makes is held by test/docs.test.ts.
import { expect, test } from "vitest";
import { QUIRKS, SECTIONS, sectionsTested } from "./register.ts";

test("quirks are numbered 1 to 28 without a gap", () => {
  expect(QUIRKS.map((q) => q.id)).toEqual(Array.from({ length: 28 }, (_, i) => `Q-${String(i + 1).padStart(2, "0")}`));
});

test("every section that is listed has tables, and every table is in a section that is listed", () => {
  expect([...sectionsTested()].sort()).toEqual(SECTIONS.map(([id]) => id).sort());
});
