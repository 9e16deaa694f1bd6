// The search for the owner under a clock of the test: one chain of questions, however often it is in doubt.
import { expect, test } from "vitest";
import { ApiError, localFailure } from "../../src/kube/apiError.ts";
import { OWNER_PACE, OWNER_RETRY, OwnerSearch } from "../../src/reports/owner.ts";
import type { RawObject } from "../../src/sources/fields.ts";
import { TestTime } from "../testTime.ts";

/** @param nodes what the server says to a question; null: nothing */
function searchOf(nodes: () => readonly RawObject[] | null) {
  const time = new TestTime();
  const asked: number[] = [];
  const told: (string | null)[] = [];
  const unasked = new ApiError({ ...localFailure("test", "no"), code: 404 });
  const client = {
    get: () => Promise.reject(unasked),
    list: () => {
      asked.push(time.now);
      const found = nodes();
      return found === null ? Promise.reject(new ApiError(localFailure("connection", "no"))) : Promise.resolve(found);
    },
  };
  const question = { node: "n1", home: "metallb-system", podName: null };
  const search = new OwnerSearch(question, { client, ...time }, ({ owner }) => void told.push(owner?.uid ?? null));
  return { time, asked, told, search };
}

const NODE = { metadata: { name: "n1", uid: "u1" } };

test("thousands of objects that are taken away are one question a second", async () => {
  const { time, asked, told, search } = searchOf(() => [NODE]);
  search.ask();
  for (let i = 0; i < 2_500; i++) {
    await time.pass(1);
    search.ask();
  }
  await time.pass(OWNER_RETRY * 2);
  expect(asked).toEqual([0, 1, 2, 3].map((n) => n * OWNER_PACE));
  expect(told).toEqual(["u1", "u1", "u1", "u1"]);
  expect(time.armed).toBe(0);
});

test("an owner that is not there is looked for once a minute, also after many doubts", async () => {
  const { time, asked, told, search } = searchOf(() => []);
  for (let i = 0; i < 20; i++) {
    search.ask();
    await time.pass(OWNER_PACE);
  }
  asked.length = 0;
  await time.pass(OWNER_RETRY * 10);
  expect(asked.length).toBe(10);
  expect(new Set(told)).toEqual(new Set([null]));
  search.stop();
  expect(time.armed).toBe(0);
});

test("a server that is away is asked in pauses that double, and told of by nobody", async () => {
  let isAway = true;
  const { time, asked, told, search } = searchOf(() => (isAway ? null : [NODE]));
  search.ask();
  await time.pass(20_000);
  expect(asked).toEqual([0, 500, 1_500, 3_500, 7_500, 15_500]);
  expect(told).toEqual([]);
  isAway = false;
  await time.pass(60_000);
  expect(told).toEqual(["u1"]);
});

test("who stops hears nothing of a question under way", async () => {
  const { time, told, search } = searchOf(() => [NODE]);
  search.ask();
  search.stop();
  await time.pass(OWNER_RETRY);
  expect(told).toEqual([]);
});
