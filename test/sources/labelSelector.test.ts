import { describe, expect, test } from "vitest";
import { isLabelKey, isLabelValue } from "../../src/sources/labelSelector.ts";
import { accepted, errorPaths, readYaml } from "./read.ts";

const advertisement = (selectors: string): string =>
  `{apiVersion: metallb.io/v1beta1, kind: BGPAdvertisement, metadata: {name: a}, spec: {nodeSelectors: ${selectors}}}`;
const PREFIX = "spec.nodeSelectors";

describe("selectors (metallb-compat 1.9)", () => {
  test.each([
    [
      "unknown operator",
      "[{matchExpressions: [{key: a, operator: in, values: [b]}]}]",
      "[0].matchExpressions[0].operator",
    ],
    ["missing operator", "[{matchExpressions: [{key: a, values: [b]}]}]", "[0].matchExpressions[0].operator"],
    ["missing key", "[{matchExpressions: [{operator: Exists}]}]", "[0].matchExpressions[0].key"],
    ["bad key", "[{matchExpressions: [{key: -a, operator: Exists}]}]", "[0].matchExpressions[0].key"],
    ["bad key in matchLabels", "[{matchLabels: {a/b/c: d}}]", "[0].matchLabels.a/b/c"],
    ["bad value", "[{matchExpressions: [{key: a, operator: In, values: [b c]}]}]", "[0].matchExpressions[0].values[0]"],
    ["bad value in matchLabels", "[{matchLabels: {a: -b}}]", "[0].matchLabels.a"],
    ["In without values", "[{matchExpressions: [{key: a, operator: In}]}]", "[0].matchExpressions[0].values"],
    [
      "NotIn without values",
      "[{matchExpressions: [{key: a, operator: NotIn, values: []}]}]",
      "[0].matchExpressions[0].values",
    ],
    [
      "Exists with values",
      "[{matchExpressions: [{key: a, operator: Exists, values: [b]}]}]",
      "[0].matchExpressions[0].values",
    ],
    [
      "a value twice",
      "[{matchExpressions: [{key: a, operator: In, values: [b, b]}]}]",
      "[0].matchExpressions[0].values[1]",
    ],
    [
      "equal expressions, values in another order",
      "[{matchExpressions: [{key: a, operator: In, values: [b, c]}, {key: a, operator: In, values: [c, b]}]}]",
      "[0].matchExpressions[1]",
    ],
    ["equal selectors", "[{matchLabels: {a: b, c: d}}, {matchLabels: {c: d, a: b}}]", "[1]"],
    ["two empty selectors", "[{}, {}]", "[1]"],
    ["an entry that is no selector", "[all]", "[0]"],
    ["no list", "{matchLabels: {a: b}}", ""],
  ])("refuses: %s", (_rule, selectors, path) => {
    expect(errorPaths(readYaml(advertisement(selectors)))).toEqual([PREFIX + path]);
  });

  test("keeps labels, expressions and empty values", () => {
    const text = `[{matchLabels: {a: "", example.com/b: c}, matchExpressions: [{key: d, operator: In, values: ["", e]},
      {key: f, operator: DoesNotExist}]}, {}]`;
    expect(accepted("BGPAdvertisement", readYaml(advertisement(text))).nodeSelectors).toEqual([
      {
        matchLabels: [
          ["a", ""],
          ["example.com/b", "c"],
        ],
        matchExpressions: [
          { key: "d", operator: "In", values: ["", "e"] },
          { key: "f", operator: "DoesNotExist", values: [] },
        ],
      },
      { matchLabels: [], matchExpressions: [] },
    ]);
  });
});

test.each([
  ["a", true],
  ["example.com/a.b_c-d", true],
  ["a".repeat(63), true],
  ["a".repeat(64), false],
  ["", false],
  ["/a", false],
  ["Example.com/a", false],
  ["a/", false],
])("%j as label key: %s", (key, expected) => {
  expect(isLabelKey(key)).toBe(expected);
});

test.each([
  ["", true],
  ["a_B.9", true],
  [".a", false],
  ["a".repeat(64), false],
])("%j as label value: %s", (value, expected) => {
  expect(isLabelValue(value)).toBe(expected);
});
