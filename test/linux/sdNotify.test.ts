// Messages to a service manager over real Unix sockets, by path and by abstract name.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { titleOrSkip } from "../../lab/requirements.ts";
import { raiseCapabilities } from "../../src/linux/capabilities.ts";
import { nativeProblem } from "../../src/linux/native.ts";
import { openNotifyListener, openNotifySocket } from "../../src/linux/sdNotify.ts";

describe.skipIf(nativeProblem() !== null)(titleOrSkip("messages to a service manager", nativeProblem()), () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "vipcast-notify-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test.each([
    ["a path", () => join(directory, "notify")],
    ["an abstract name", () => `@vipcast-notify-${process.pid}`],
  ])("arrive at %s, whole and in order", (_what, name) => {
    const { fd, calls } = openNotifyListener(name());
    try {
      const notify = openNotifySocket(name());
      if (typeof notify === "string") throw new Error(notify);
      expect([notify("READY=1\nSTATUS=größer"), notify("WATCHDOG=1")]).toEqual([true, true]);
      const into = new Uint8Array(256);
      const next = (): string => {
        const length = calls.receive(fd, into, new Uint8Array(128));
        return new TextDecoder().decode(into.subarray(0, Math.max(0, length)));
      };
      expect([next(), next()]).toEqual(["READY=1\nSTATUS=größer", "WATCHDOG=1"]);
    } finally {
      calls.close(fd);
    }
  });

  test("are lost without harm when nobody is there", () => {
    const notify = openNotifySocket(join(directory, "nobody"));
    expect(typeof notify === "string" ? notify : notify("READY=1")).toBe(false);
  });

  test.each([
    ["relative/path", /neither a path nor an abstract name/],
    [`/${"x".repeat(107)}`, /longer than 107 octets/],
  ])("cannot be sent to %s", (name, why) => {
    expect(openNotifySocket(name)).toMatch(why);
  });
});

test.skipIf(nativeProblem() !== null)(titleOrSkip("what is permitted is in force afterwards", nativeProblem()), () => {
  expect(raiseCapabilities()).toBeNull();
});
