// What a site remembers over the end of the daemon: written whole, read with a warning where it makes no sense, and with the disk before an
// operator has the answer.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FileSystem, realFiles } from "../../src/app/durableFile.ts";
import { realClock, realTimers } from "../../src/app/realTime.ts";
import { SiteFile } from "../../src/app/siteFile.ts";
import { Siting } from "../../src/app/siting.ts";
import { Millis } from "../../src/kernel/units.ts";
import type { Logger } from "../../src/observe/log.ts";
import { policyObject } from "../announce/builders.ts";
import { Disk, systemError } from "./disk.ts";

const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error() {} } as unknown as Logger;

let directory: string;
const told: string[] = [];
const open = (files: FileSystem = realFiles): SiteFile =>
  new SiteFile(directory, {
    timers: realTimers,
    files,
    unreadable: (message) => told.push(message),
    told: (fault) => told.push(...(fault === null ? [] : [fault.message])),
  });

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vipcast-sites-"));
  told.length = 0;
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe("the file of epochs", () => {
  test("what is written is read by the next process; of several writes the last counts", async () => {
    const file = open();
    file.write(new Map([["ns/a", { epoch: 1, promoted: null }]]));
    file.write(new Map([["ns/a", { epoch: 2, promoted: null }]]));
    file.write(new Map([["ns/a", { epoch: 3, promoted: 3 }]]));
    expect(await file.saved()).toBeNull();
    expect([...open().read()]).toEqual([["ns/a", { epoch: 3, promoted: 3 }]]);
    expect(told).toEqual([]);
  });

  test("no file is a first start, without a word", () => {
    expect([[...open().read()], told]).toEqual([[], []]);
  });

  test.each([
    ["no JSON", "{", 0],
    ["no object", "7", 0],
    ["an epoch that is none", '{"ns/a": {"epoch": -1, "promoted": null}, "ns/b": {"epoch": 4, "promoted": 4}}', 1],
  ])("%s is told and passed over", (_name, text, kept) => {
    writeFileSync(join(directory, "sites.json"), text);
    expect([open().read().size, told.length]).toEqual([kept, 1]);
  });

  test("a directory that cannot be written is told, and what was to be written is when it can", async () => {
    let isBroken = true;
    const file = open({
      ...realFiles,
      open: async (...asked) => {
        if (isBroken) throw systemError("EROFS");
        return realFiles.open(...asked);
      },
    });
    file.write(new Map([["ns/a", { epoch: 1, promoted: 1 }]]));
    expect((await file.saved())?.message).toMatch(/sites\.json cannot be written: its file system is read-only/);
    isBroken = false;
    file.write(new Map([["ns/a", { epoch: 2, promoted: 2 }]]));
    expect(await file.saved()).toBeNull();
    expect([...open().read()]).toEqual([["ns/a", { epoch: 2, promoted: 2 }]]);
  });
});

describe("the word of an operator", () => {
  const NOTHING = { communities: [], largeCommunities: [], localPref: null, med: null, asPathPrepend: null };
  const POLICY = {
    key: "metallb-system/p",
    object: policyObject("p", { site: "north", siteId: 1 }),
    witnesses: [],
    quorum: 1,
    ranks: [],
    standby: NOTHING,
    text: "p",
  };

  function stage() {
    const disk = new Disk();
    const timers: (() => void)[] = [];
    const seen = { woken: 0, problems: 0 };
    const siting = new Siting("n1", {
      clock: realClock,
      timers: {
        after: (_delay, run) => {
          timers.push(run);
          return { cancel: () => void timers.splice(timers.indexOf(run), 1) };
        },
      },
      log: quiet,
      stateDir: "/state",
      files: disk.files,
      wake: () => seen.woken++,
      claimAsnsChanged: () => {},
      problemsChanged: () => seen.problems++,
    });
    siting.sites.setPolicies([POLICY], Millis(0));
    return { siting, disk, seen, timers };
  }

  test("is decided at once, and answered when it would survive a loss of power", async () => {
    const s = stage();
    const waiting: (() => void)[] = [];
    s.disk.delays = (step) =>
      step.startsWith("sync") ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve();
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    let isAnswered = false;
    const asked = s.siting.operate("promote", null).then((answer) => {
      isAnswered = true;
      return answer;
    });
    expect(s.seen.woken).toBe(1);
    // the directory in the one above, the content, the name
    for (let syncs = 0; syncs < 3; syncs++) {
      await turn();
      expect([isAnswered, waiting.length]).toEqual([false, 1]);
      waiting.pop()?.();
    }
    expect((await asked).ok).toBe(true);
    expect(JSON.parse(s.disk.afterLoss("/state/sites.json", "names are lost") ?? "")).toEqual({
      [POLICY.key]: { epoch: 1, promoted: 1 },
    });
  });

  test("on a full disk is in force, answered with what a restart would not know, a problem, and written later", async () => {
    const s = stage();
    s.disk.refuses = (step) => (step === "write" ? "ENOSPC" : null);
    expect(await s.siting.operate("promote", "north")).toMatchObject({
      ok: false,
      message: expect.stringMatching(
        /^promoted and in force, but a restart would not know of it: \/state\/sites\.json cannot be written: no space is left.*Make room there/,
      ),
    });
    expect([...s.siting.sites.report()].map((p) => p.promoted)).toEqual([1]);
    expect(s.siting.problems()).toMatchObject([
      { severity: "warning", name: "--state-dir", hint: expect.stringMatching(/^Make room/) },
    ]);
    expect([s.seen.problems, s.timers.length]).toEqual([1, 1]);
    s.disk.refuses = () => null;
    s.timers.pop()?.();
    await s.siting.stop();
    expect([s.siting.problems(), s.seen.problems]).toEqual([[], 2]);
    expect(s.disk.read("/state/sites.json")).toContain('"promoted": 1');
  });
});
