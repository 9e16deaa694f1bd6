// What a start knows of the end before it, from a real directory under a virtual clock.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LIFE_SIGN_INTERVAL, LONGEST_RESTART, RestartMarker } from "../../src/app/restartMarker.ts";
import { Millis } from "../../src/kernel/units.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vipcast-marker-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** A process at that wall clock, on that boot of the host. */
function processAt(wall: number, boot = "boot-1", state = directory) {
  const now = { wall };
  const failures: unknown[] = [];
  const timers: { readonly delay: number; readonly callback: () => void }[] = [];
  const bootIdFile = join(directory, "boot_id");
  writeFileSync(bootIdFile, `${boot}\n`);
  const marker = new RestartMarker(state, {
    clock: { now: () => Millis(0), wall: () => now.wall },
    timers: {
      after: (delay, callback) => {
        timers.push({ delay, callback });
        return { cancel: () => timers.pop() };
      },
    },
    told: (fault) => failures.push(fault?.message ?? null),
    bootIdFile,
  });
  return { marker, now, failures, timers };
}

const START = 1_700_000_000_000;

describe("a start", () => {
  it("without anything before it is a first one", () => {
    expect(processAt(START).marker.facts).toEqual({ isRestart: false, isForwardingKept: false });
  });

  it.each([
    ["C-174 C-176 a second after the last life sign is a restart, and forwarding went on", 1_000, "boot-1", true, true],
    ["C-175 after a boot of the host is a restart without forwarding", 1_000, "boot-2", true, false],
    ["just within the longest restart time is a restart", LONGEST_RESTART - 1, "boot-1", true, true],
    ["after it is none", LONGEST_RESTART, "boot-1", false, true],
    ["before the last life sign, for the clock was set, is none", -1, "boot-1", false, true],
  ])("%s", async (_name, later, boot, isRestart, isForwardingKept) => {
    await processAt(START).marker.start();
    expect(processAt(START + later, boot).marker.facts).toEqual({ isRestart, isForwardingKept });
  });

  it("after a goodbye is a first one", async () => {
    const { marker } = processAt(START);
    await marker.start();
    await marker.remove();
    expect(processAt(START + 1_000).marker.facts.isRestart).toBe(false);
    expect(existsSync(join(directory, "alive.json"))).toBe(false);
  });

  it.each(["", "{", "[]", "null", '{"bootId":1,"aliveAt":2}', '{"bootId":"boot-1"}', "\u0000\u0000"])(
    "with a marker that says %j is a first one",
    (text) => {
      writeFileSync(join(directory, "alive.json"), text);
      expect(processAt(START).marker.facts).toEqual({ isRestart: false, isForwardingKept: false });
    },
  );
});

describe("life signs", () => {
  it("follow one another, each whole, and the last one counts", async () => {
    const p = processAt(START);
    await p.marker.start();
    expect(p.timers.map((t) => t.delay)).toEqual([LIFE_SIGN_INTERVAL]);
    p.now.wall += 10 * LONGEST_RESTART;
    p.timers.pop()?.callback();
    await p.marker.start();
    expect(readdirSync(directory).sort()).toEqual(["alive.json", "boot_id"]);
    expect(JSON.parse(readFileSync(join(directory, "alive.json"), "utf8"))).toEqual({
      bootId: "boot-1",
      aliveAt: p.now.wall,
    });
    expect(processAt(p.now.wall + 1).marker.facts.isRestart).toBe(true);
  });

  it("make the directory where it is missing", async () => {
    const state = join(directory, "var", "vipcast");
    await processAt(START, "boot-1", state).marker.start();
    expect(processAt(START + 1, "boot-1", state).marker.facts.isRestart).toBe(true);
  });

  it("that cannot be written are told once, and go on being tried", async () => {
    const p = processAt(START, "boot-1", join(directory, "boot_id", "below-a-file"));
    await p.marker.start();
    await p.marker.start();
    expect(p.failures).toHaveLength(1);
    expect(p.timers).toHaveLength(2);
  });
});
