import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ConfigProblem } from "../../src/kernel/problem.ts";
import { isManifestName, ManifestSource } from "../../src/sources/manifests.ts";
import { ObjectSet } from "../../src/sources/objectSet.ts";
import { ObjectStore } from "../../src/sources/store.ts";
import { MAX_MANIFEST_BYTES } from "../../src/sources/yamlFile.ts";

const namespace = (name: string, label = "a"): string =>
  `apiVersion: v1\nkind: Namespace\nmetadata: {name: ${name}, labels: {l: ${label}}}\n`;

interface Bench {
  readonly root: string;
  readonly dir: string;
  readonly store: ObjectStore;
  readonly source: ManifestSource;
  readonly batches: string[][];
  readonly listedAt: () => number | null;
  readonly problems: () => readonly ConfigProblem[];
  /** Resolves as soon as the claim holds after some callback. */
  readonly until: (claim: () => boolean) => Promise<void>;
}

function bench(root: string, path = join(root, "m"), times = {}): Bench {
  const store = new ObjectStore();
  const batches: string[][] = [];
  let problems: readonly ConfigProblem[] = [];
  let listedAt: number | null = null;
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const check of [...waiting]) check();
  };
  const source = new ManifestSource(
    path,
    new ObjectSet(store),
    {
      changed: (changes) => {
        batches.push(changes.map((c) => `${c.after === undefined ? "-" : "+"}${c.ref.name}`));
        wake();
      },
      problemsChanged: (all) => {
        problems = all;
        wake();
      },
      listed: () => {
        listedAt = performance.now();
        wake();
      },
    },
    { pulse: 40, ...times },
  );
  const until = (claim: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (!claim()) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  return { root, dir: path, store, source, batches, listedAt: () => listedAt, problems: () => problems, until };
}

let root = "";
let b: Bench;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "manifests-"));
  mkdirSync(join(root, "m"));
  b = bench(root);
});
afterEach(() => {
  b.source.stop();
  rmSync(root, { recursive: true, force: true });
});

/** For writers that rest between two halves as long as a busy machine makes them. */
const PATIENT = { quiet: 1_500 };

const put = (name: string, text: string): void => {
  writeFileSync(join(root, ".staged"), text);
  renameSync(join(root, ".staged"), join(b.dir, name));
};
/** Lets the event loop turn often enough for anything that does not wait for the quiet time. */
const turns = async (): Promise<void> => {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
};
const has = (name: string): boolean => b.store.get("Namespace", name) !== undefined;
const label = (name: string): string | undefined => b.store.get("Namespace", name)?.labels.get("l");

describe("names", () => {
  test.each([
    ["a.yaml", true],
    ["a.yml", true],
    ["a.json", true],
    [".a.yaml", false],
    ["a.yaml~", false],
    [".a.yaml.swp", false],
    ["a.yaml.tmp", false],
    ["README.md", false],
  ])("%s is a manifest: %s", (name, expected) => {
    expect(isManifestName(name)).toBe(expected);
  });
});

describe("a directory of manifests", () => {
  test("is read once before it is said to be listed", async () => {
    put("a.yaml", namespace("one"));
    put("b.yaml", namespace("two"));
    await b.source.start();
    expect(b.listedAt()).not.toBeNull();
    expect([has("one"), has("two")]).toEqual([true, true]);
  });

  test("an atomic replacement counts without the quiet time", async () => {
    b = bench(root, join(root, "m"), { quiet: 60_000 });
    put("a.yaml", namespace("one", "old"));
    utimesSync(join(b.dir, "a.yaml"), 1, 1);
    await b.source.start();
    put("a.yaml", namespace("one", "new"));
    put("b.yaml", namespace("two"));
    await b.until(() => label("one") === "new" && has("two")); // long before that time, or the test is out of its own
  });

  test("a file written in place in two halves is never judged half-way", async () => {
    b = bench(root, join(root, "m"), PATIENT);
    put("a.yaml", namespace("one"));
    await b.source.start();
    const path = join(b.dir, "a.yaml");
    truncateSync(path);
    appendFileSync(path, namespace("one", "half"));
    await turns();
    appendFileSync(path, `---\n${namespace("two")}`);
    await b.until(() => has("two"));
    expect(b.batches.slice(1)).toEqual([["+one", "+two"]]);
    expect(b.problems()).toEqual([]);
  });

  test("a new file written in place is read when its writer rests", async () => {
    b = bench(root, join(root, "m"), PATIENT);
    await b.source.start();
    const path = join(b.dir, "new.yaml");
    writeFileSync(path, "apiVersion: v1\nkind: Names");
    await turns();
    appendFileSync(path, "pace\nmetadata: {name: one}\n");
    await b.until(() => has("one"));
    expect(b.batches).toEqual([["+one"]]);
    expect(b.problems()).toEqual([]);
  });

  test("a file deleted and written anew in place does not lose its objects in between", async () => {
    b = bench(root, join(root, "m"), PATIENT);
    put("a.yaml", namespace("one", "old"));
    await b.source.start();
    const path = join(b.dir, "a.yaml");
    unlinkSync(path);
    writeFileSync(path, "");
    await turns();
    appendFileSync(path, namespace("one", "new"));
    await b.until(() => label("one") === "new");
    expect(b.batches).toEqual([["+one"], ["+one"]]);
  });

  test("a removed file removes its objects, a renamed one keeps them", async () => {
    put("a.yaml", namespace("one"));
    put("b.yaml", namespace("two"));
    await b.source.start();
    unlinkSync(join(b.dir, "a.yaml"));
    await b.until(() => !has("one"));
    expect(has("two")).toBe(true);
  });

  test("many files removed at once are gone when the directory stays", async () => {
    for (const name of ["a", "b", "c", "d"]) put(`${name}.yaml`, namespace(name));
    await b.source.start();
    for (const name of ["a", "b", "c"]) unlinkSync(join(b.dir, `${name}.yaml`));
    await b.until(() => !has("a") && !has("b") && !has("c"));
    expect(has("d")).toBe(true);
  });

  test("a broken file keeps its last good content and mends", async () => {
    put("a.yaml", namespace("one", "good"));
    await b.source.start();
    put("a.yaml", "apiVersion: v1\nkind: [\n");
    await b.until(() => b.problems().length > 0);
    expect(b.problems()[0]).toMatchObject({ severity: "error", file: "a.yaml" });
    expect(label("one")).toBe("good");
    put("a.yaml", namespace("one", "mended"));
    await b.until(() => b.problems().length === 0);
    expect(label("one")).toBe("mended");
  });

  test("a manifest that cannot be read is reported and keeps its content", async () => {
    put("a.yaml", namespace("one"));
    await b.source.start();
    symlinkSync("nowhere", join(root, "link"));
    renameSync(join(root, "link"), join(b.dir, "a.yaml"));
    await b.until(() => b.problems().some((p) => p.message.includes("leads nowhere")));
    mkdirSync(join(b.dir, "d.yaml"));
    await b.until(() => b.problems().some((p) => p.file === "d.yaml"));
    expect(has("one")).toBe(true);
  });

  test("a file beyond the size limit is refused unread", async () => {
    await b.source.start();
    writeFileSync(join(root, "big"), "");
    truncateSync(join(root, "big"), MAX_MANIFEST_BYTES + 1);
    renameSync(join(root, "big"), join(b.dir, "big.yaml"));
    await b.until(() => b.problems().length === 1);
    expect(b.problems()[0]?.message).toContain(String(MAX_MANIFEST_BYTES + 1));
  });

  test("a ConfigMap volume is followed through its swap", async () => {
    const version = (n: number, text: string): void => {
      mkdirSync(join(b.dir, `..v${n}`));
      writeFileSync(join(b.dir, `..v${n}`, "a.yaml"), text);
      symlinkSync(`..v${n}`, join(b.dir, "..data_tmp"));
      renameSync(join(b.dir, "..data_tmp"), join(b.dir, "..data"));
    };
    version(1, namespace("one", "v1"));
    symlinkSync("..data/a.yaml", join(b.dir, "a.yaml"));
    await b.source.start();
    expect(label("one")).toBe("v1");
    version(2, namespace("one", "v2"));
    await b.until(() => label("one") === "v2");
  });

  test("a key that leaves a ConfigMap volume is gone without a problem, though its link goes after its file", async () => {
    const told: string[] = [];
    b = bench(root, b.dir, { quiet: 1_500 });
    mkdirSync(join(b.dir, "..v1"));
    mkdirSync(join(b.dir, "..v2"));
    symlinkSync("..v1", join(b.dir, "..data"));
    for (const name of ["a", "b"]) {
      writeFileSync(join(b.dir, "..v1", `${name}.yaml`), namespace(name));
      symlinkSync(`..data/${name}.yaml`, join(b.dir, `${name}.yaml`));
    }
    writeFileSync(join(b.dir, "..v2", "a.yaml"), namespace("a", "v2"));
    await b.source.start();
    symlinkSync("..v2", join(b.dir, "..data_tmp"));
    renameSync(join(b.dir, "..data_tmp"), join(b.dir, "..data"));
    // what is read with the new version is in force: so the link of the other key was looked at, too, or will be next
    await b.until(() => {
      told.push(...b.problems().map((p) => p.message));
      return label("a") === "v2";
    });
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    unlinkSync(join(b.dir, "b.yaml"));
    await b.until(() => {
      told.push(...b.problems().map((p) => p.message));
      return !has("b");
    });
    expect(told).toEqual([]);
  });

  test("a SIGHUP re-read finds nothing new where nothing changed", async () => {
    put("a.yaml", namespace("one"));
    await b.source.start();
    const before = b.batches.length;
    await b.source.rescan();
    expect(b.batches.length).toBe(before);
  });
});

describe("a directory that vanishes", () => {
  test.each([
    ["is deleted", () => rmSync(b.dir, { recursive: true })],
    ["is moved away", () => renameSync(b.dir, join(root, "elsewhere"))],
  ])("keeps everything in force when it %s, and is read again when it is back", async (_how, vanish) => {
    for (const name of ["a", "b", "c", "d", "e"]) put(`${name}.yaml`, namespace(name));
    await b.source.start();
    vanish();
    await b.until(() => b.problems().some((p) => p.kind === "Directory"));
    expect(b.store.count("Namespace")).toBe(5);
    mkdirSync(join(root, "next"));
    writeFileSync(join(root, "next", "a.yaml"), namespace("a", "back"));
    renameSync(join(root, "next"), b.dir);
    await b.until(() => label("a") === "back" && b.store.count("Namespace") === 1);
    expect(b.problems()).toEqual([]);
    put("f.yaml", namespace("f"));
    await b.until(() => has("f"));
  });

  test("that comes back empty leaves everything in force until a manifest appears", async () => {
    put("a.yaml", namespace("one"));
    await b.source.start();
    renameSync(b.dir, join(root, "elsewhere"));
    mkdirSync(b.dir);
    await b.until(() => b.problems().some((p) => p.message.includes("empty")));
    expect(has("one")).toBe(true);
    put("b.yaml", namespace("two"));
    await b.until(() => has("two") && !has("one"));
    expect(b.problems()).toEqual([]);
  });

  test("or is not there yet is not listed before it appears", async () => {
    b = bench(root, join(root, "later"));
    await b.source.start();
    expect(b.listedAt()).toBeNull();
    expect(b.problems()).toMatchObject([{ kind: "Directory" }]);
    mkdirSync(b.dir);
    await b.until(() => b.listedAt() !== null);
  });
});

describe("a single file", () => {
  test("is watched by name and holds on when it goes", async () => {
    put("a.yaml", namespace("one"));
    put("b.yaml", namespace("two"));
    b = bench(root, join(root, "m", "a.yaml"));
    await b.source.start();
    expect([has("one"), has("two")]).toEqual([true, false]);
    unlinkSync(b.dir);
    await b.until(() => b.problems().length === 1);
    expect(has("one")).toBe(true);
    writeFileSync(join(root, ".staged"), namespace("one", "new"));
    renameSync(join(root, ".staged"), b.dir);
    await b.until(() => label("one") === "new" && b.problems().length === 0);
  });
});

test("an event that was lost is made good by comparing stat", async () => {
  // a link to a file outside the directory: its changes make no event
  writeFileSync(join(root, "target"), namespace("one", "old"));
  symlinkSync(join(root, "target"), join(b.dir, "a.yaml"));
  b = bench(root, b.dir, { rescan: 60 });
  await b.source.start();
  writeFileSync(join(root, "target"), namespace("one", "renewed"));
  await b.until(() => label("one") === "renewed");
});
