// The one real timer: its length, its end, and that input which was waiting is read before it speaks.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { realTimers } from "../../src/app/realTime.ts";
import { Millis } from "../../src/kernel/units.ts";

const DAY = 86_400_000;

describe("a real timer", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate", "clearImmediate"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([
    ["a hold time of 65,535 s", 65_535_000],
    ["a restart time of 4,095 s", 4_095_000],
    ["24.8 days, the longest that Node takes", 2 ** 31 - 1],
    ["a millisecond more", 2 ** 31],
    ["a year", 365 * DAY],
  ])("C-097 of %s fires then, not before", (_name, delay) => {
    let fired = 0;
    realTimers.after(Millis(delay), () => fired++);
    vi.advanceTimersByTime(delay - 1);
    expect(fired).toBe(0);
    vi.advanceTimersByTime(2);
    expect(fired).toBe(1);
    vi.advanceTimersByTime(delay);
    expect(fired).toBe(1);
  });

  it("C-097 cancelled in any of its parts, it stays silent", () => {
    for (const part of [0, DAY, 30 * DAY, 59 * DAY]) {
      let fired = 0;
      const handle = realTimers.after(Millis(60 * DAY), () => fired++);
      vi.advanceTimersByTime(part);
      handle.cancel();
      vi.advanceTimersByTime(100 * DAY);
      expect(fired).toBe(0);
    }
    expect(vi.getTimerCount()).toBe(0);
  });
});
