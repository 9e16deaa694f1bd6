// systemd/vipcast.service: systemd reads it, finds it well locked up, and its settings are settings of ours.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { titleOrSkip } from "../../lab/requirements.ts";
import { fromEnvironment, resolveConfig } from "../../src/config/resolve.ts";

const DIRECTORY = join(import.meta.dirname, "../../systemd");
const unit = readFileSync(join(DIRECTORY, "vipcast.service"), "utf8");

const problem =
  spawnSync("systemd-analyze", ["--version"], { timeout: 10_000 }).status === 0
    ? null
    : "systemd-analyze is not installed";

describe.skipIf(problem !== null)(titleOrSkip("systemd-analyze", problem), () => {
  let scratch: string;
  let file: string;

  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), "vipcast-systemd-"));
    file = join(scratch, "vipcast.service");
    // what it starts need not be installed here
    writeFileSync(file, unit.replace(/^ExecStart=\S+/m, "ExecStart=/bin/true"));
  });

  afterAll(() => rmSync(scratch, { recursive: true }));

  test("finds the exposure OK or better", () => {
    const { stdout, stderr } = spawnSync("systemd-analyze", ["security", "--offline=true", file], {
      encoding: "utf8",
      timeout: 60_000,
    });
    const [, level = stderr] = /Overall exposure level for \S+: (\d+\.\d+)/.exec(stdout) ?? [];
    expect(Number(level)).toBeLessThanOrEqual(2.5);
  });

  test("knows every line of it", () => {
    const { stderr } = spawnSync("systemd-analyze", ["verify", file], { encoding: "utf8", timeout: 60_000 });
    expect(stderr.split("\n").filter((line) => line.includes("vipcast.service"))).toEqual([]);
  });
});

test("the example of its environment holds settings that there are, all of them good", () => {
  const text = readFileSync(join(DIRECTORY, "vipcast.env"), "utf8");
  const env = Object.fromEntries(
    [...text.matchAll(/^#?(VIPCAST_[A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  );
  const { given, problems } = fromEnvironment(env);
  expect(given).toHaveLength(Object.keys(env).length);
  expect([...problems, ...resolveConfig(given).problems]).toEqual([]);
});

test("a stop is given time for what it does beyond what it asks for", () => {
  expect(unit).toMatch(/^Type=notify$/m);
  expect(unit).toMatch(/^WatchdogSec=\d+$/m);
});
