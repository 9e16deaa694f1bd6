// `vipcast check` as a script sees it: exit codes, and what stands on which of the two outputs (docs/operations.md). Runs the
// built program; needs neither root nor a router.
import { execFileSync, type StdioOptions, spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const POOL =
  "{apiVersion: metallb.io/v1beta1, kind: IPAddressPool, metadata: {name: p}, spec: {addresses: [192.0.2.0/24]}}";
const FULL = "/dev/full";

let dir = "";
const path = (name: string): string => join(dir, name);
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "vipcast-"));
  writeFileSync(path("good.yaml"), POOL);
  writeFileSync(path("bad.yaml"), POOL.replace("/24", "/99"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** @param stdout a file to write to instead of a pipe */
function vipcast(words: readonly string[], stdout?: string) {
  const out = stdout === undefined ? "pipe" : openSync(stdout, "w");
  try {
    const stdio: StdioOptions = ["ignore", out, "pipe"];
    return spawnSync(process.execPath, ["dist/main.js", ...words], { encoding: "utf8", stdio, timeout: 30_000 });
  } finally {
    if (typeof out === "number") closeSync(out);
  }
}

describe("the check command", () => {
  test.each([
    ["0 without problems", ["good.yaml"], 0],
    ["1 with problems", ["bad.yaml"], 1],
    ["1 with problems in one of several files", ["good.yaml", "bad.yaml"], 1],
  ])("exits %s, prints one JSON document and nothing else", (_what, names, status) => {
    const result = vipcast(["check", "--json", ...names.map(path)]);
    expect({ status: result.status, stderr: result.stderr }).toEqual({ status, stderr: "" });
    expect(Object.keys(JSON.parse(result.stdout))).toEqual(["nodes", "problems"]);
  });
  test.each([
    ["no PATH", ["--json"]],
    ["a PATH that does not exist", ["--json", "none.yaml"]],
    ["an unknown flag", ["--json", "--jsn", "good.yaml"]],
    ["a flag without its value", ["good.yaml", "--node"]],
    ["a node without a name", ["good.yaml", "--node", ""]],
  ])("exits 2 on %s, with the reason on standard error", (_what, words) => {
    const result = vipcast(["check", ...words.map((word) => (word.endsWith(".yaml") ? path(word) : word))]);
    expect({ status: result.status, stdout: result.stdout }).toEqual({ status: 2, stdout: "" });
    expect(result.stderr).not.toBe("");
  });
  test("a pipe in a directory is told and not waited for; one that is named is read", () => {
    const pipes = path("pipes");
    mkdirSync(pipes);
    execFileSync("mkfifo", [join(pipes, "a.yaml")]);
    const listed = vipcast(["check", "--json", pipes]);
    expect(JSON.parse(listed.stdout).problems).toMatchObject([{ file: "a.yaml", message: "is not a regular file" }]);
    const script = 'cat "$1" | "$0" dist/main.js check --json /dev/stdin';
    const named = JSON.parse(
      execFileSync("sh", ["-c", script, process.execPath, path("good.yaml")], { encoding: "utf8" }),
    );
    expect(named).toEqual({ nodes: {}, problems: [] });
  });
  test.skipIf(!existsSync(FULL))("an answer that cannot be written is no success", () => {
    const result = vipcast(["check", "--json", path("good.yaml")], FULL);
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/^vipcast: cannot write the answer: .*ENOSPC/);
  });
});
