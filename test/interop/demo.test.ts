// `npm start` where there is no root: the demo falls back to a receiving router on loopback, says so, and shows every step all the same.
// Needs the built program in a place that anybody may read.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { titleOrSkip } from "../../lab/requirements.ts";
import { packageRoot } from "../../lab/vipcast.ts";

const DEMO = join(packageRoot(), "dist", "demo.js");
/** The user `nobody` of Debian; where we are not root, ourselves. */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
const env = { PATH: process.env.PATH ?? "", HOME: "/nonexistent" };

const mayRead = spawnSync(process.execPath, ["--check", DEMO], { ...nobody, env, timeout: 10_000 }).status === 0;
const problem = mayRead ? null : "the built demo is where an unprivileged user may not read it";

describe.skipIf(problem !== null)(titleOrSkip("the demo without root", problem), () => {
  test("shows every step on loopback, and says that there is no real router", { timeout: 90_000 }, () => {
    const options = { ...nobody, env, encoding: "utf8", timeout: 80_000 } as const;
    const { status, stdout } = spawnSync(process.execPath, [DEMO, "--once"], options);
    expect(stdout).toContain("Falling back to an embedded receiving router on loopback");
    expect(stdout.match(/^ {2}ok {2}/gm)).toHaveLength(7);
    expect(stdout).toContain("All steps passed.");
    expect(status).toBe(0);
  });
});
