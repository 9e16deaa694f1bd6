import { expect, test } from "vitest";
import type { LabelSelector, SelectorOperator } from "../../src/announce/model.ts";
import { matchesAny, matchesAnyOrNone, matchesSelector } from "../../src/announce/select.ts";
import { labels, withLabels } from "./builders.ts";

const term = (operator: SelectorOperator, key: string, ...values: string[]): LabelSelector => ({
  matchLabels: [],
  matchExpressions: [{ key, operator, values }],
});
const both: LabelSelector = {
  matchLabels: [["a", "1"]],
  matchExpressions: [{ key: "b", operator: "Exists", values: [] }],
};

const rows: readonly [
  name: string,
  selector: LabelSelector,
  set: Readonly<Record<string, string>>,
  expected: boolean,
][] = [
  ["an empty selector matches everything", withLabels({}), {}, true],
  ["a label matches its value", withLabels({ a: "1" }), { a: "1", b: "2" }, true],
  ["a label does not match another value", withLabels({ a: "1" }), { a: "2" }, false],
  ["all labels must match", withLabels({ a: "1", b: "2" }), { a: "1" }, false],
  ["In matches one of the values", term("In", "a", "1", "2"), { a: "2" }, true],
  ["In does not match a missing label", term("In", "a", "1"), {}, false],
  ["NotIn matches a missing label", term("NotIn", "a", "1"), {}, true],
  ["NotIn does not match a listed value", term("NotIn", "a", "1"), { a: "1" }, false],
  ["Exists matches any value, also the empty one", term("Exists", "a"), { a: "" }, true],
  ["Exists does not match a missing label", term("Exists", "a"), {}, false],
  ["DoesNotExist matches a missing label", term("DoesNotExist", "a"), {}, true],
  ["DoesNotExist does not match a present label", term("DoesNotExist", "a"), { a: "" }, false],
  ["labels and expressions are both required", both, { a: "1" }, false],
  ["labels and expressions together match", both, { a: "1", b: "" }, true],
];

test.each(rows)("%s", (_name, selector, set, expected) => {
  expect(matchesSelector(selector, labels(set))).toBe(expected);
});

test("a list of selectors is an OR, and an empty list restricts nothing only where that is the meaning", () => {
  const list = [withLabels({ a: "1" }), withLabels({ b: "1" })];
  expect(matchesAny(list, labels({ b: "1" }))).toBe(true);
  expect(matchesAny(list, labels({ c: "1" }))).toBe(false);
  expect(matchesAny([], labels({}))).toBe(false);
  expect(matchesAnyOrNone([], labels({}))).toBe(true);
  expect(matchesAnyOrNone(list, labels({ c: "1" }))).toBe(false);
});
