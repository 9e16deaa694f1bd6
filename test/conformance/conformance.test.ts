// The list of what is proven is true: docs/conformance.md is current, and nothing that must hold is open without a reason.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { answers, KNOWN_OPEN, renderConformanceDoc, scanTests } from "./coverage.ts";
import { SECTIONS } from "./requirements.ts";

const ids = SECTIONS.flatMap((s) => s.requirements.map((r) => r.id));

describe("the requirements", () => {
  test("are numbered 1 to 270 without a gap", () => {
    const all = Array.from({ length: 270 }, (_, i) => `C-${String(i + 1).padStart(3, "0")}`);
    expect([...ids].sort()).toEqual(all);
  });

  test("are the only numbers that tests name", () => {
    expect([...scanTests().keys()].filter((id) => !ids.includes(id))).toEqual([]);
  });

  test("of level M have a test, a deviation, or a reason to be open; a reason that is over goes", () => {
    const open = answers().filter((a) => a.state === "open" && a.requirement.level === "M");
    expect(open.map((a) => a.requirement.id)).toEqual(Object.keys(KNOWN_OPEN).sort());
  });

  test("of level S are covered or deviate for a reason", () => {
    const open = answers().filter((a) => a.state === "open" && a.requirement.level === "S");
    expect(open.map((a) => a.requirement.id)).toEqual([]);
  });
});

test("docs/conformance.md is what the tests say (npm run conformance writes it)", () => {
  const path = join(import.meta.dirname, "..", "..", "docs", "conformance.md");
  expect(existsSync(path) ? readFileSync(path, "utf8") : "").toBe(renderConformanceDoc());
});
