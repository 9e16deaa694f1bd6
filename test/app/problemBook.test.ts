// What is told of problems and when, and since when what is in force is not what was written.
import { expect, test } from "vitest";
import { ProblemBook } from "../../src/app/problemBook.ts";
import type { ConfigProblem, Severity } from "../../src/kernel/problem.ts";
import { Millis } from "../../src/kernel/units.ts";

const problem = (name: string, severity: Severity = "error"): ConfigProblem => ({
  severity,
  kind: "BGPPeer",
  namespace: "metallb-system",
  name,
  path: "spec.peerASN",
  message: `${name} is wrong`,
  hint: "",
});

function bookAt(start: number) {
  const found = { running: [] as ConfigProblem[], now: start, gone: "nowhere" };
  const told: { readonly appeared: readonly string[]; readonly solved: readonly string[] }[] = [];
  const names = (these: ReadonlyMap<string, ConfigProblem>, without: ReadonlyMap<string, ConfigProblem>) =>
    [...these].filter(([key]) => !without.has(key)).map(([, p]) => p.name);
  const book = new ProblemBook({
    clock: { now: () => Millis(found.now), wall: () => 0 },
    running: () => found.running,
    locate: ({ name }) => (name === found.gone ? null : { file: `${name}.yaml`, line: 7 }),
    told: (before, after) => told.push({ appeared: names(after, before), solved: names(before, after) }),
  });
  return { book, found, told };
}

test("problems of source, decision and the running parts are one list, those without a place get theirs", () => {
  const { book, found } = bookAt(0);
  book.sourceFound([{ ...problem("a"), file: "own.yaml", line: 1 }]);
  found.running = [problem("nowhere")];
  book.decisionFound([problem("b")]);
  expect(book.all().map(({ name, file, line }) => [name, file, line])).toEqual([
    ["a", "own.yaml", 1],
    ["b", "b.yaml", 7],
    ["nowhere", undefined, undefined],
  ]);
  expect(book.source.map((p) => p.name)).toEqual(["a"]);
});

test("only what appears or is solved is told", () => {
  const { book, found, told } = bookAt(0);
  book.decisionFound([problem("a")]);
  book.tell();
  found.running = [problem("b")];
  book.decisionFound([]);
  expect(told).toEqual([
    { appeared: ["a"], solved: [] },
    { appeared: [], solved: [] },
    { appeared: ["b"], solved: ["a"] },
  ]);
});

test("an appearance counts once, a solution and a repetition do not", () => {
  const { book } = bookAt(0);
  book.sourceFound([problem("a"), problem("b")]);
  book.sourceFound([problem("b"), problem("a")]);
  book.sourceFound([problem("a")]);
  expect(book.arrivals).toBe(1);
  book.sourceFound([problem("a"), problem("b")]);
  expect(book.arrivals).toBe(2);
});

test("stale from the first error until the last one is gone, warnings do not count", () => {
  const { book, found } = bookAt(5);
  book.sourceFound([problem("w", "warning")]);
  expect(book.staleSince).toBeNull();
  book.sourceFound([problem("a")]);
  found.now = 9;
  book.decisionFound([problem("b")]);
  book.sourceFound([]);
  expect(book.staleSince).toBe(5);
  book.decisionFound([]);
  expect(book.staleSince).toBeNull();
});

test("what the running parts find makes nothing stale and is no change that failed, however often it comes", () => {
  const { book, found, told } = bookAt(5);
  for (const running of [[problem("link")], [], [problem("link")]]) {
    found.running = running;
    book.tell();
  }
  expect([book.staleSince, book.arrivals]).toEqual([null, 0]);
  expect(told.map(({ appeared }) => appeared)).toEqual([["link"], [], ["link"]]);
});

test("a change that only earns a warning is none that failed", () => {
  const { book } = bookAt(5);
  book.decisionFound([problem("w", "warning")]);
  expect(book.arrivals).toBe(0);
});

test("the problem of an object that has gone is not told again without its place before the decision knows", () => {
  const { book, found, told } = bookAt(0);
  found.running = [problem("a", "warning")];
  book.decisionFound([problem("a")]);
  found.gone = "a";
  book.sourceFound([]);
  found.running = [];
  book.decisionFound([]);
  const news = told.map(({ appeared, solved }) => [...appeared.map((n) => `+${n}`), ...solved.map((n) => `-${n}`)]);
  expect(news).toEqual([["+a"], [], ["-a"]]);
});
