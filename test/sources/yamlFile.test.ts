import { describe, expect, test } from "vitest";
import { YamlFile } from "../../src/sources/yamlFile.ts";

const load = (text: string, name = "a.yaml", previous: YamlFile<unknown> | null = null): YamlFile<unknown> =>
  YamlFile.parse<unknown>(name, text, (value) => value, previous);
const values = (text: string, name?: string): readonly unknown[] =>
  load(text, name)
    .documents.map((d) => d.result)
    .filter((v) => v !== null);

describe("documents", () => {
  test.each([
    ["one without a marker", "a: 1\n", [{ a: 1 }]],
    ["several", "a: 1\n---\nb: 2\n--- \nc: 3", [{ a: 1 }, { b: 2 }, { c: 3 }]],
    ["content on the marker's line", "--- {a: 1}\n--- # note\nb: 2\n", [{ a: 1 }, { b: 2 }]],
    ["Windows line ends", "a: 1\r\n---\r\nb: 2\r\n", [{ a: 1 }, { b: 2 }]],
    ["dashes that are no marker", "a: |\n  ---\n  x\nb: 1\n---x: 2\n", [{ a: "---\nx\n", b: 1, "---x": 2 }]],
    ["comments and empty documents", "# head\n---\n---\na: 1\n---\n", [{ a: 1 }]],
    ["directives", "%YAML 1.2\n---\na: 1\n...\n%YAML 1.2\n---\nb: 2\n", [{ a: 1 }, { b: 2 }]],
    ["document ends", "a: 1\n...\n---\nb: 2\n", [{ a: 1 }, { b: 2 }]],
    ["an empty file", "", []],
    ["the booleans of kubectl", "a: yes\nb: Off\nc: 'no'\nd: y\n", [{ a: true, b: false, c: "no", d: "y" }]],
    [
      "communities and times stay text",
      "a: 65000:10\nb: 2026-01-31T12:00:00Z\n",
      [{ a: "65000:10", b: "2026-01-31T12:00:00Z" }],
    ],
    ["merge keys", "a: &x {b: 1}\nc:\n  <<: *x\n  d: 2\n", [{ a: { b: 1 }, c: { b: 1, d: 2 } }]],
    ["keys are text", "1: a\ntrue: b\n", [{ "1": "a", true: "b" }]],
  ])("%s", (_what, text, expected) => {
    expect(load(text).faults).toEqual([]);
    expect(values(text)).toEqual(expected);
  });

  test("JSON is read, also with tabs", () => {
    expect(values('{\n\t"a": [1, "b"]\n}\n', "a.json")).toEqual([{ a: [1, "b"] }]);
  });
});

describe("syntax faults", () => {
  test.each([
    ["a duplicate key", "a: 1\nb: 2\na: 3\n", 3, '"a" stands twice'],
    ["a duplicate key in a later document", "a: 1\n---\nb:\n  c: 1\n  c: 2\n", 5, '"c" stands twice'],
    ["a tab", "a:\n\tb: 1\n", 2, "tab"],
    ["a missing quote", 'a: 1\nb: "x\n', 2, "quote"],
    ["a colon in a value", "a: 1\nb: c: d\n", 2, ""],
    ["an alias that leads nowhere", "a: 1\n---\nb: *nope\n", 3, "nope"],
    ["a file with directives", "%YAML 1.2\n---\na: 1\n---\nb: [\n", 5, ""],
  ])("%s has its line", (_what, text, line, message) => {
    const { faults } = load(text);
    expect(faults[0]).toMatchObject({ line, message: expect.stringContaining(message) });
    expect(faults[0]?.hint).not.toBe("");
  });

  test("all duplicate keys are told", () => {
    expect(load("a: 1\na: 2\nb: 1\nb: 2\n").faults.map((f) => f.line)).toEqual([2, 4]);
  });

  test("a .json file must be JSON", () => {
    expect(load('{\n  "a": 1,\n}\n', "a.json").faults).toMatchObject([{ line: 3 }]);
    expect(load("a: 1\n", "a.json").faults).toHaveLength(1);
    expect(load('{"a": 1,\n "a": 2}', "a.json").faults).toMatchObject([{ line: 2 }]);
  });

  test("an alias bomb is refused in no time", () => {
    const levels = "bcdefghij".split("").map((key, i) => {
      const below = `*${"abcdefghi"[i]}`;
      return `${key}: &${key} [${Array(10).fill(below).join(", ")}]`;
    });
    const began = performance.now();
    expect(load(`a: &a [${Array(10).fill("x").join(", ")}]\n${levels.join("\n")}\n`).faults).toHaveLength(1);
    expect(performance.now() - began).toBeLessThan(10_000); // in full it would take years
  });

  test("bottomless nesting is a fault, not a crash", () => {
    expect(load("[".repeat(50_000)).faults.length).toBeGreaterThan(0);
  });
});

describe("lines", () => {
  const text = `# head
a: 1
---
metadata:
  labels:
    example.com/a.b: c
  annotations:
    vipcast.io/med: "1"
    vipcast.io/med.x: "1"
spec:
  addresses:
    - 192.0.2.0/24
    - x
  nodeSelectors:
    - matchLabels: {a: b}
`;
  test.each([
    [0, "a", 2],
    [1, "", 4],
    [1, "metadata", 4],
    [1, "metadata.labels.example.com/a.b", 6],
    [1, "metadata.name", 4],
    [1, 'metadata.annotations["vipcast.io/med"]', 8],
    [1, 'metadata.annotations["vipcast.io/med.x"]', 9],
    [1, 'metadata.annotations["vipcast.io/none"]', 7],
    [1, "spec.addresses[1]", 13],
    [1, "spec.addresses[7]", 11],
    [1, "spec.nodeSelectors[0].matchLabels.a", 15],
    [1, "spec.missing.deeper[3]", 10],
  ])("document %i, path %j is line %i", (document, path, line) => {
    expect(load(text).lineOf(document, path)).toBe(line);
  });

  test("a document that is not there has none", () => {
    expect(load(text).lineOf(2, "a")).toBeNull();
  });
});

describe("documents that did not change", () => {
  const file = (names: readonly string[]): string => names.map((n) => `---\nname: ${n}\n`).join("");
  const before = load(file(["a", "b", "c", "d"]));

  test.each([
    ["one changed", ["a", "x", "c", "d"], ["x"]],
    ["one inserted", ["a", "b", "x", "c", "d"], ["x"]],
    ["one removed", ["a", "c", "d"], []],
    ["first and last changed", ["x", "b", "c", "y"], ["x", "y"]],
    ["reversed", ["d", "c", "b", "a"], []],
    ["one appended", ["a", "b", "c", "d", "e"], ["e"]],
  ])("are not parsed again: %s", (_what, names, parsed) => {
    const seen: unknown[] = [];
    const convert = (value: unknown): unknown => {
      seen.push(value);
      return value;
    };
    const after = YamlFile.parse("a.yaml", file(names), convert, before);
    expect(seen).toEqual(parsed.map((name) => ({ name })));
    expect(after.documents.map((d) => d.result)).toEqual(names.map((name) => ({ name })));
    expect(after.documents.filter((d) => before.documents.includes(d))).toHaveLength(names.length - parsed.length);
  });

  test("an appended line belongs to the last document", () => {
    const after = load(`${file(["a", "b"])}more: 1\n`, "a.yaml", load(file(["a", "b"])));
    expect(after.documents.map((d) => d.result)).toEqual([{ name: "a" }, { name: "b", more: 1 }]);
  });

  test("text put before the marker on its own line takes the marker away", () => {
    const after = load(`k: ${file(["a"])}`, "a.yaml", load(file(["a"])));
    expect(after.documents.map((d) => d.result)).toEqual([{ k: "---", name: "a" }]);
  });

  test("a line put before the first document is noticed", () => {
    const after = load(`x: 1\n${file(["a"])}`, "a.yaml", load(file(["a"])));
    expect(after.documents.map((d) => d.result)).toEqual([{ x: 1 }, { name: "a" }]);
  });
});
