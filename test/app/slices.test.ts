// Work put off to a turn of its own.
import { describe, expect, test } from "vitest";
import { inNextTurn } from "../../src/app/slices.ts";

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("work for the next turn", () => {
  test("is done once however often it was called for, and again when called for again", async () => {
    let count = 0;
    const work = inNextTurn(() => count++);
    work();
    work();
    expect(count).toBe(0);
    await nextTurn();
    expect(count).toBe(1);
    work();
    await nextTurn();
    expect(count).toBe(2);
  });
});
