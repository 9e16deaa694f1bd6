// Injected routes that are to be kept, over a disk that fails: they stay in memory, who waits is told, and the file has them when it can.
import { describe, expect, test } from "vitest";
import { SAVE_INTERVAL } from "../../src/app/injectedFile.ts";
import { Injecting } from "../../src/app/injecting.ts";
import type { Logger } from "../../src/observe/log.ts";
import { Disk } from "./disk.ts";

const PATH = "/state/injected.routes";
const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error() {} } as unknown as Logger;

function stage() {
  const disk = new Disk();
  const timers: { readonly delay: number; readonly run: () => void }[] = [];
  const injecting = new Injecting({
    stateDir: "/state",
    files: disk.files,
    timers: {
      after: (delay, run) => {
        const own = { delay, run };
        timers.push(own);
        return { cancel: () => void timers.splice(timers.indexOf(own), 1) };
      },
    },
    log: quiet,
    decided: () => null,
    setRoute: () => {},
    flush: () => {},
    problemsChanged: () => {},
  });
  const conversation = injecting.converse(false);
  /** Lines of a stream that goes on. */
  const hear = (...lines: readonly string[]): void => {
    for (const line of lines) expect(conversation.hear(line)).toBe("ok\n");
    injecting.flush();
  };
  /** Prefixes that a start would find after a loss of power. */
  const kept = (): readonly string[] =>
    (disk.afterLoss(PATH, "names are lost") ?? "")
      .split("\n")
      .flatMap((line) => (line.startsWith("add ") ? [line.split(" ")[1] ?? ""] : []));
  return { injecting, disk, hear, kept, timers };
}

describe("injected routes that are to be kept", () => {
  test("survive a loss of power once that is answered", async () => {
    const s = stage();
    s.hear("add 192.0.2.0/24 --persist", "add 198.51.100.0/24");
    expect(s.timers.map((t) => t.delay)).toEqual([SAVE_INTERVAL]);
    expect(s.kept()).toEqual([]);
    expect(await s.injecting.saved()).toBeNull();
    expect(s.kept()).toEqual(["192.0.2.0/24"]);
    expect(s.timers).toEqual([]);
  });

  test("are not written where nothing of the kind has changed", async () => {
    const s = stage();
    s.hear("add 198.51.100.0/24");
    expect([await s.injecting.saved(), s.disk.steps, s.timers]).toEqual([null, [], []]);
  });

  test("on a full disk stay injected, are a problem, and are kept as soon as there is room", async () => {
    const s = stage();
    s.hear("add 192.0.2.0/24 --persist");
    await s.injecting.saved();
    s.disk.refuses = (step) => (step === "write" ? "ENOSPC" : null);
    s.hear("add 192.0.2.0/25 --persist");
    expect(await s.injecting.saved()).toBe(
      `injected, but not kept: ${PATH} cannot be written: no space is left on its file system (ENOSPC). Make room there.`,
    );
    expect([s.injecting.injections.table.size, s.kept()]).toEqual([2, ["192.0.2.0/24"]]);
    expect(s.injecting.problems()).toMatchObject([{ severity: "warning", kind: "VipcastConfig", name: "--state-dir" }]);
    s.disk.refuses = () => null;
    s.timers.pop()?.run();
    await s.injecting.stop();
    expect([s.kept().length, s.injecting.problems()]).toEqual([2, []]);
  });

  test.each([
    ["a route that is not to be kept", ["add 198.51.100.0/24"], false],
    ["one that is", ["add 192.0.2.0/24 --persist"], true],
    ["the end of one that was", ["del 203.0.113.0/24"], true],
    ["a flush with one that was", ["flush"], true],
    ["a batch that is refused", ["begin", "add 192.0.2.0/24 --persist --peer none", "commit"], false],
  ])("are waited for by who has something to keep alone: %s", (_what, lines, changesKept) => {
    const s = stage();
    s.hear("add 203.0.113.0/24 --persist");
    const conversation = s.injecting.converse(false);
    for (const line of lines) {
      const work = conversation.hear(line);
      if (typeof work !== "string") while (work.step() !== null) {}
    }
    expect(conversation.changesKept).toBe(changesKept);
  });

  test("of a stream that is still open are written when the daemon stops", async () => {
    const s = stage();
    s.hear("add 192.0.2.0/24 --persist");
    await s.injecting.stop();
    expect(s.kept()).toEqual(["192.0.2.0/24"]);
  });
});
