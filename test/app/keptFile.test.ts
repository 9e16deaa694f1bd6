// What is kept in a file while the disk fails and comes back, under a virtual clock: nothing is forgotten, nobody writes twice at a time.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type FileFault, faultOf } from "../../src/app/durableFile.ts";
import { KeptFile, LONGEST_RETRY_PAUSE, RETRY_PAUSE } from "../../src/app/keptFile.ts";
import { Millis } from "../../src/kernel/units.ts";
import { systemError } from "./disk.ts";

const PATH = "/state/file";

/** Something in memory, a disk that takes its time, and a clock. */
function stage(pause = 0) {
  const world = { memory: 0, disk: 0, isBroken: false, writes: 0, running: 0, most: 0 };
  const told: (FileFault | null)[] = [];
  const ends: (() => void)[] = [];
  let timer: { readonly wait: number; readonly run: () => void } | null = null;
  const kept = new KeptFile({
    path: PATH,
    timers: {
      after: (wait, run) => {
        const own = { wait, run };
        timer = own;
        return {
          cancel: () => {
            if (timer === own) timer = null;
          },
        };
      },
    },
    pause: Millis(pause),
    write: async () => {
      const { memory } = world;
      world.writes++;
      world.most = Math.max(world.most, ++world.running);
      await new Promise<void>((resolve) => ends.push(resolve));
      world.running--;
      if (world.isBroken) throw systemError("ENOSPC");
      world.disk = memory;
    },
    told: (fault) => told.push(fault),
  });
  const change = (): void => {
    world.memory++;
    kept.changed();
  };
  /** The write that runs comes to its end. */
  const end = async (): Promise<void> => {
    ends.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  const fire = (): void => {
    const due = timer;
    timer = null;
    due?.run();
  };
  return { kept, world, told, change, end, fire, wait: () => timer?.wait ?? null };
}

describe("a file that is kept", () => {
  test("is written at once; what changes meanwhile is written after it, once", async () => {
    const s = stage();
    s.change();
    s.change();
    s.change();
    await s.end();
    expect([s.world.disk, s.world.writes]).toEqual([1, 2]);
    await s.end();
    expect([s.world.disk, s.world.writes, s.told]).toEqual([3, 2, [null, null]]);
  });

  test("with a pause is written after it, and at once where somebody waits", async () => {
    const s = stage(1_000);
    s.change();
    expect([s.world.writes, s.wait()]).toEqual([0, 1_000]);
    const settled = s.kept.settled();
    expect([s.world.writes, s.wait()]).toEqual([1, null]);
    await s.end();
    expect([await settled, s.world.disk]).toEqual([null, 1]);
  });

  test("who waits hears of a write that began after the change, not of the one that ran already", async () => {
    const s = stage();
    s.change();
    s.change();
    let answer: FileFault | null | "waiting" = "waiting";
    const settled = s.kept.settled().then((fault) => {
      answer = fault;
    });
    await s.end();
    expect([answer, s.world.disk]).toEqual(["waiting", 1]);
    await s.end();
    await settled;
    expect([answer, s.world.disk]).toEqual([null, 2]);
  });

  test("nobody waits where nothing changed", async () => {
    const s = stage();
    expect([await s.kept.settled(), s.world.writes]).toEqual([null, 0]);
  });

  test("on a full disk is tried again in longer and longer pauses, whatever changes meanwhile, and then has it all", async () => {
    const s = stage();
    s.world.isBroken = true;
    s.change();
    const waits: (number | null)[] = [];
    for (let i = 0; i < 7; i++) {
      await s.end();
      s.change();
      waits.push(s.wait());
      s.fire();
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30].map((n) => n * RETRY_PAUSE));
    expect(Math.max(...waits.map(Number))).toBe(LONGEST_RETRY_PAUSE);
    expect(s.kept.fault?.message).toContain(`${PATH} cannot be written: no space is left`);
    s.world.isBroken = false;
    await s.end();
    expect([s.kept.fault, s.wait(), s.world.disk, s.world.memory]).toEqual([null, null, 8, 8]);
  });

  test("on a full disk is tried at once for who waits, who is told why it failed", async () => {
    const s = stage();
    s.world.isBroken = true;
    s.change();
    const first = s.kept.settled();
    await s.end();
    expect([(await first)?.message, s.world.writes, s.wait()]).toEqual([s.kept.fault?.message, 1, RETRY_PAUSE]);
    const refused = s.kept.settled();
    await s.end();
    expect((await refused)?.message).toContain("no space is left");
    s.world.isBroken = false;
    const settled = s.kept.settled();
    await s.end();
    expect([await settled, s.world.disk]).toEqual([null, 1]);
  });

  test("after a stop is written for who waits alone", async () => {
    const s = stage(1_000);
    s.change();
    const last = s.kept.settled();
    s.kept.stop();
    s.change();
    await s.end();
    expect([await last, s.world.disk, s.world.writes, s.wait()]).toEqual([null, 1, 1, null]);
  });
});

test("any history: one write at a time, and when the disk is well again it has what memory has", async () => {
  const act = fc.constantFrom("change", "end", "fire", "break", "mend", "wait");
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 30 }), fc.constantFrom(0, 1_000), async (acts, pause) => {
      const s = stage(pause);
      const answers: Promise<void>[] = [];
      for (const a of acts) {
        if (a === "change") s.change();
        else if (a === "end") await s.end();
        else if (a === "fire") s.fire();
        else if (a === "wait") {
          const { memory } = s.world;
          answers.push(
            s.kept.settled().then((fault) => {
              if (fault === null) expect(s.world.disk).toBeGreaterThanOrEqual(memory);
            }),
          );
        } else s.world.isBroken = a === "break";
      }
      s.world.isBroken = false;
      for (let i = 0; i < 8; i++) {
        s.fire();
        await s.end();
      }
      await Promise.all(answers);
      expect([s.world.disk, s.world.most <= 1, s.kept.fault]).toEqual([s.world.memory, true, null]);
    }),
    { numRuns: 60 },
  );
});

test("a fault that is one already stays as it is", () => {
  const fault = faultOf(PATH, "written", systemError("EROFS"));
  expect(faultOf("/other", "written", fault)).toBe(fault);
});
