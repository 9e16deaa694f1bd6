// Waiting in real time: both edges, to a fraction of a millisecond, and the event that ends it.
import { writeSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { titleOrSkip } from "../../lab/requirements.ts";
import { nativeProblem } from "../../src/linux/native.ts";
import { closeDescriptor, drainEvent, openEvent, PollSet } from "../../src/linux/poll.ts";

describe.skipIf(nativeProblem() !== null)(titleOrSkip("waiting for descriptors and time", nativeProblem()), () => {
  test.each([0.25, 3.7, 20, 1_000.5])("%s ms are waited, not less, and not in whole milliseconds", (ms) => {
    const polls = new PollSet(1);
    polls.set([]);
    const late = Array.from({ length: ms > 100 ? 1 : 20 }, () => {
      const since = performance.now();
      expect(polls.wait(ms)).toBe(false);
      return performance.now() - since - ms;
    }).sort((a, b) => a - b);
    expect(late[0]).toBeGreaterThanOrEqual(-0.001);
    // one wait alone may meet a machine that is elsewhere; of twenty, one does not
    expect(late[0]).toBeLessThan(ms > 100 ? 1_000 : 1);
  });

  test.each([0, -5, Number.NaN])("%s ms are not waited at all", (ms) => {
    const polls = new PollSet(1);
    polls.set([]);
    const since = performance.now();
    polls.wait(ms);
    expect(performance.now() - since).toBeLessThan(5_000); // poll(2) takes a negative time for "for ever"
  });

  test("an event ends the wait until it is drained, and says which it was", () => {
    const [quiet, loud] = [openEvent(), openEvent()];
    const polls = new PollSet(2);
    polls.set([quiet, loud]);
    expect(polls.wait(0)).toBe(false);
    const one = new Uint8Array(BigUint64Array.of(1n).buffer);
    writeSync(loud, one);
    writeSync(loud, one);
    expect(polls.wait(10_000)).toBe(true);
    expect([polls.isReady(0), polls.isReady(1)]).toEqual([false, true]);
    drainEvent(loud);
    expect(polls.wait(0)).toBe(false);
    for (const fd of [quiet, loud]) closeDescriptor(fd);
  });
});
