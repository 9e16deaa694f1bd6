import { expect, test } from "vitest";
import { parseGoDuration } from "../../src/kernel/goDuration.ts";

test.each([
  ["0", 0],
  ["-0", 0],
  ["90s", 90_000],
  ["1m30s", 90_000],
  ["500ms", 500],
  ["1.5s", 1_500],
  [".5s", 500],
  ["1.s", 1_000],
  ["+3s", 3_000],
  ["-3s", -3_000],
  ["2h0m1s", 7_201_000],
  ["1us", 0.001],
  ["1µs", 0.001],
  ["1000000ns", 1],
  ["", null],
  ["90", null],
  ["s", null],
  [".s", null],
  ["90 s", null],
  ["1d", null],
  ["1m30", null],
  ["--1s", null],
  ["3000000h", null],
])("the duration %j is %s ms", (text, expected) => {
  expect(parseGoDuration(text)).toBe(expected);
});
