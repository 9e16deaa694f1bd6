// The JSON shape and the tables that others read.
import { describe, expect, it } from "vitest";
import { type Report, ratiosOf, renderMarkdown, renderText, resultOf, rounded } from "../../bench/report.ts";
import { withTable } from "../../bench/save.ts";

const results = [
  resultOf("time to send", "vipcast", "ms", [1, 2, 3]),
  resultOf("time to send", "bird", "ms", [8, 9, 10]),
  resultOf("memory", "vipcast", "MiB", [1234.5]),
  resultOf("memory", "bird", "kB", [9]),
  resultOf("idle", "bird", "s", [0]),
  resultOf("idle", "vipcast", "s", [1]),
];

const report: Report = {
  name: "sample",
  date: "2026-11-22",
  machine: { cores: 2, memory: 1024, kernel: "6.1", node: "20.19.0", load: 0.25 },
  versions: { vipcast: "1.0", bird: "2.0" },
  results,
  ratios: ratiosOf(results),
  notes: ["A note."],
};

describe("a report", () => {
  it("compares vipcast's median with that of others who did the same thing in the same unit", () => {
    expect(report.ratios).toEqual([{ what: "time to send", of: "vipcast", to: "bird", p50: 0.222 }]);
  });

  it.each([
    { value: 0.012345, is: 0.0123 },
    { value: 5.6789, is: 5.68 },
    { value: 99.96, is: 100 },
    { value: 4195517.3, is: 4195517 },
    { value: 0, is: 0 },
  ])("rounds $value to $is", ({ value, is }) => {
    expect(rounded(value)).toBe(is);
  });

  it("prints a table whose columns stand in line", () => {
    const lines = renderText(report).split("\n");
    expect(lines[0]).toBe("sample, 2026-11-22");
    const table = lines.slice(4, 5 + results.length);
    expect(new Set(table.map((line) => line.length)).size).toBe(1);
    expect(table[1]).toMatch(/^time to send {2}vipcast {2}ms {4}3 +1 +2 +3 +3$/);
    expect(lines).toContain("time to send: vipcast : bird = 0.222");
    expect(lines).toContain("A note.");
  });

  it("prints a Markdown table with one row per result", () => {
    const rows = renderMarkdown(report)
      .split("\n")
      .filter((line) => line.startsWith("|"));
    expect(rows).toHaveLength(2 + results.length);
    expect(rows[4]).toBe("| memory | vipcast | MiB | 1 | 1,235 | 1,235 | 1,235 | 1,235 |");
  });
});

describe("the table in a page", () => {
  const page = "before\n<!-- sample: begin -->\nold\n<!-- sample: end -->\nafter\n";

  it("replaces what was between the marks and nothing else", () => {
    const changed = withTable(page, report);
    expect(changed).not.toContain("old");
    expect(changed.startsWith("before\n<!-- sample: begin -->\nMeasured 2026-11-22 on 2 cores")).toBe(true);
    expect(changed.endsWith("A note.\n<!-- sample: end -->\nafter\n")).toBe(true);
    expect(withTable(changed, report)).toBe(changed);
  });

  it("leaves a page without marks as it is", () => {
    expect(withTable("nothing here", report)).toBe("nothing here");
  });
});
