// The queue of writes under a clock of the test: one at a time for each key, rests that grow, conflicts that end with the newer object.
import { expect, test } from "vitest";
import { FIRST_REST, LAST_REST, WRITES_AT_ONCE, WRITES_IN_A_ROW, WriteQueue } from "../../src/control/writeQueue.ts";
import { TestTime } from "../testTime.ts";
import { failure } from "./testServer.ts";

function queueOf(attempt: (key: string) => Promise<unknown> | null, mayWrite = () => true) {
  const time = new TestTime();
  const settled: string[] = [];
  const queue = new WriteQueue({
    timers: time.timers,
    random: { next: () => 1 },
    attempt,
    mayWrite,
    settled: (key, error) => void settled.push(`${key} ${error?.code ?? "ok"}`),
  });
  return { time, queue, settled };
}

test("a key that is added while it is written is looked at once more, after the write", async () => {
  const ends: (() => void)[] = [];
  const { time, queue } = queueOf(() => new Promise<void>((resolve) => ends.push(resolve)));
  queue.add("a");
  await time.pass(0);
  queue.add("a");
  queue.add("a");
  await time.pass(10);
  expect(ends.length).toBe(1);
  ends[0]?.();
  await time.pass(10);
  expect(ends.length).toBe(2);
});

test(`no more than ${WRITES_AT_ONCE} writes are under way, and the next begins when one ends`, async () => {
  const ends: (() => void)[] = [];
  const { time, queue } = queueOf(() => new Promise<void>((resolve) => ends.push(resolve)));
  for (let i = 0; i < 40; i++) queue.add(`k${i}`);
  await time.pass(0);
  expect(ends.length).toBe(WRITES_AT_ONCE);
  ends[0]?.();
  await time.pass(0);
  expect(ends.length).toBe(WRITES_AT_ONCE + 1);
});

test("a refused write rests longer each time, up to a limit, and forgets that when it works", async () => {
  let tries = 0;
  let isGood = false;
  const { time, queue, settled } = queueOf(() => {
    tries++;
    return isGood ? Promise.resolve() : Promise.reject(failure(500));
  });
  queue.add("a");
  await time.pass(0);
  for (const rest of [1, 2, 4, 8, 16, 32, 60, 60]) {
    const before = tries;
    queue.add("a"); // does not cut the rest short
    await time.pass(Math.min(FIRST_REST * rest, LAST_REST) - 1);
    expect(tries).toBe(before);
    await time.pass(1);
    expect(tries).toBe(before + 1);
  }
  isGood = true;
  await time.pass(LAST_REST);
  expect(settled.at(-1)).toBe("a ok");
  isGood = false;
  queue.add("a");
  await time.pass(FIRST_REST);
  const before = tries;
  await time.pass(FIRST_REST);
  expect(tries).toBe(before);
});

test("a conflict ends as soon as the newer object is there, and other keys never wait for it", async () => {
  const tried: string[] = [];
  const { time, queue } = queueOf((key) => {
    tried.push(key);
    return key === "a" && tried.length === 1 ? Promise.reject(failure(409)) : Promise.resolve();
  });
  queue.add("a");
  queue.add("b");
  await time.pass(1);
  queue.add("a");
  await time.pass(1);
  expect(tried).toEqual(["a", "b", "a"]);
});

test("nothing is written while nobody may, and what waited is, when somebody may", async () => {
  let tries = 0;
  let mayWrite = false;
  const { time, queue } = queueOf(
    () => {
      tries++;
      return Promise.resolve();
    },
    () => mayWrite,
  );
  queue.add("a");
  await time.pass(1_000);
  expect(tries).toBe(0);
  mayWrite = true;
  queue.pump();
  await time.pass(0);
  expect(tries).toBe(1);
});

test("a stop waits for what is under way and begins nothing", async () => {
  let tries = 0;
  let end: () => void = () => {};
  const { time, queue } = queueOf(() => {
    tries++;
    return new Promise<void>((resolve) => {
      end = resolve;
    });
  });
  queue.add("a");
  await time.pass(0);
  queue.add("a");
  let isStopped = false;
  const stopped = queue.stop().then(() => {
    isStopped = true;
  });
  await time.pass(10);
  expect(isStopped).toBe(false);
  end();
  await stopped;
  await time.pass(LAST_REST);
  expect(tries).toBe(1);
});

test("a key that is to be written again after every write that works rests after some of them, longer each time", async () => {
  let writes = 0;
  const { time, queue } = queueOf((key) => {
    writes++;
    return Promise.resolve().then(() => queue.add(key));
  });
  queue.add("a");
  await time.pass(FIRST_REST - 1);
  expect(writes).toBe(WRITES_IN_A_ROW);
  await time.pass(1);
  expect(writes).toBe(WRITES_IN_A_ROW + 1);
  await time.pass(3_600_000);
  expect(writes).toBeLessThan(WRITES_IN_A_ROW + 3_600_000 / LAST_REST + 10);
  await queue.stop();
});

test("writes that work and need no other one in a row may follow each other for ever", async () => {
  let writes = 0;
  const { time, queue } = queueOf(async () => void writes++);
  for (let n = 0; n < 3 * WRITES_IN_A_ROW; n++) {
    queue.add("a");
    await time.pass(10);
  }
  expect(writes).toBe(3 * WRITES_IN_A_ROW);
});
