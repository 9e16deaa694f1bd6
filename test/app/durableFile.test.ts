// Small files over every loss of power and every refusal of the file system: whole, as they were or as they were to be.
import { describe, expect, test } from "vitest";
import { DrainFile } from "../../src/app/drainFile.ts";
import { FileFault, removeFile, replaceFile } from "../../src/app/durableFile.ts";
import type { Logger } from "../../src/observe/log.ts";
import { Disk, type Loss } from "./disk.ts";

const PATH = "/var/lib/vipcast/file.json";
const LOSSES: readonly Loss[] = ["names are lost", "names are there"];
const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error() {} } as unknown as Logger;

async function* pieces(...texts: readonly string[]): AsyncGenerator<string> {
  yield* texts;
}

/** A disk with the file as it was, and the steps of a change of it. */
async function changed(before: string | null, change: (disk: Disk) => Promise<void>) {
  const disk = new Disk();
  if (before !== null) await replaceFile(PATH, [before], { files: disk.files });
  const first = disk.steps.length;
  await change(disk);
  return { disk, first, count: disk.steps.length - first };
}

const write = (disk: Disk): Promise<void> => replaceFile(PATH, pieces("ne", "w"), { files: disk.files });
const remove = (disk: Disk): Promise<void> => removeFile(PATH, { files: disk.files });

const CHANGES = [
  ["written for the first time", null, write, "new"],
  ["replaced", "old", write, "new"],
  ["removed", "old", remove, null],
] as const;

describe("a file that is", () => {
  test.each(CHANGES)("%s is so after a loss of power once that is told", async (_what, before, change, after) => {
    const { disk } = await changed(before, change);
    for (const loss of LOSSES) expect(disk.afterLoss(PATH, loss), loss).toBe(after);
  });

  test.each(CHANGES)("%s is whole whenever power is lost", async (_what, before, change, after) => {
    const { count } = await changed(before, change);
    expect(count).toBeGreaterThan(1);
    for (let cut = 0; cut <= count; cut++) {
      const disk = new Disk();
      if (before !== null) await replaceFile(PATH, [before], { files: disk.files });
      const last = disk.steps.length + cut;
      disk.refuses = () => (disk.steps.length >= last ? "EIO" : null);
      await change(disk).catch(() => {});
      for (const loss of LOSSES) expect([before, after], `${cut} steps, ${loss}`).toContain(disk.afterLoss(PATH, loss));
      expect([before, after], `${cut} steps, SIGKILL`).toContain(disk.read(PATH));
    }
  });

  test("for the process alone syncs nothing, and is whole for a process at any moment", async () => {
    const disk = new Disk();
    await replaceFile(PATH, ["new"], { files: disk.files, outlives: "process" });
    const first = disk.steps.length;
    expect(disk.steps).not.toContain("sync");
    await replaceFile(PATH, ["new"], { files: disk.files, outlives: "process" });
    await removeFile(PATH, { files: disk.files, outlives: "process" });
    await replaceFile(PATH, ["new"], { files: disk.files, outlives: "process" });
    expect(disk.steps.slice(first).filter((s) => s.startsWith("sync"))).toEqual([]);
    expect(disk.read(PATH)).toBe("new");
  });

  test("not there is removed without a word, and so is one whose directory is not there", async () => {
    const disk = new Disk();
    await removeFile(PATH, { files: disk.files });
    expect(disk.names()).toEqual([]);
  });
});

describe("a file that cannot be written", () => {
  test.each([
    ["ENOSPC", "write", "no space is left on its file system (ENOSPC). Make room there."],
    ["EDQUOT", "write", "no space is left"],
    ["EIO", "sync", "the disk reports an error (EIO)"],
    ["EROFS", "open w", "its file system is read-only (EROFS). Make it writable, or restart"],
    ["EACCES", "open w", "not permitted (EACCES). Make the directory, and the file in it, the property"],
    ["ENOTDIR", "mkdir", "a part of it is no directory, or it is one itself (ENOTDIR)"],
    ["EIO", "sync directory", "the disk reports an error (EIO)"],
    ["EMFILE", "open w", "EMFILE: as the test wants it. Do away with what the system names"],
  ])("for %s at %s is told with its name and the cure, and leaves nothing beside it", async (code, step, text) => {
    const disk = new Disk();
    await replaceFile(PATH, ["old"], { files: disk.files });
    disk.refuses = (at) => (at === step ? code : null);
    const fault = await write(disk).catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(FileFault);
    expect(String(fault)).toContain(`${PATH} cannot be written: ${text}`);
    expect(disk.names()).toEqual([PATH]);
  });

  test("on a file system that knows no sync of directories is written all the same", async () => {
    const disk = new Disk();
    disk.refuses = (at) => (at === "sync directory" ? "EINVAL" : null);
    await write(disk);
    expect(disk.read(PATH)).toBe("new");
  });
});

describe("the file of a drain", () => {
  const HOME = "/var/lib/vipcast";
  const DRAINED = `${HOME}/drained`;

  test("is with the disk when the drain is answered, and gone from it when the undrain is", async () => {
    const disk = new Disk();
    const file = new DrainFile(HOME, quiet, disk.files);
    expect([await file.keep(), file.isThere]).toEqual([null, true]);
    for (const loss of LOSSES) expect(disk.afterLoss(DRAINED, loss)).not.toBeNull();
    expect([await file.forget(), file.isThere]).toEqual([null, false]);
    for (const loss of LOSSES) expect(disk.afterLoss(DRAINED, loss)).toBeNull();
  });

  test("of a drain that is refused is not there, wherever it failed; the next attempt may do", async () => {
    const disk = new Disk();
    const file = new DrainFile(HOME, quiet, disk.files);
    let syncs = 0;
    disk.refuses = (at, path) => (at === "sync directory" && path === HOME && syncs++ === 0 ? "EIO" : null);
    expect(await file.keep()).toContain(`${DRAINED} cannot be written: the disk reports an error (EIO). See`);
    expect([file.isThere, disk.read(DRAINED)]).toEqual([false, null]);
    expect([await file.keep(), file.isThere]).toEqual([null, true]);
  });

  test("that cannot be removed stays, and is told", async () => {
    const disk = new Disk();
    const file = new DrainFile(HOME, quiet, disk.files);
    await file.keep();
    disk.refuses = (at) => (at === "rm" ? "EROFS" : null);
    expect(await file.forget()).toContain(`${DRAINED} cannot be removed: its file system is read-only (EROFS)`);
    expect(file.isThere).toBe(true);
  });
});
