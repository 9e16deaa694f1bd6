// What a site remembers over the end of the daemon: written whole, read with a warning where it makes no sense.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SiteFile } from "../../src/app/siteFile.ts";

/** A busy disk takes its time to have what is written. */
const PATIENT = { timeout: 15_000 };

let directory: string;
const told: string[] = [];
const open = (): SiteFile =>
  new SiteFile(directory, {
    unreadable: (message) => told.push(message),
    failed: (error) => told.push(String(error)),
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
    await vi.waitFor(() => expect([...open().read()]).toEqual([["ns/a", { epoch: 3, promoted: 3 }]]), PATIENT);
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

  test("a directory that cannot be written is told once", async () => {
    writeFileSync(join(directory, "file"), "");
    directory = join(directory, "file");
    const file = open();
    file.write(new Map());
    await vi.waitFor(() => expect(told).toHaveLength(1), PATIENT);
    directory = join(directory, "..");
    expect(readFileSync(join(directory, "file"), "utf8")).toBe("");
  });
});
