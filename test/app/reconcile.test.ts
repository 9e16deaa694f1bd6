// What the reconciler says of itself to a service manager: a decision that does not come is told, a first reading that takes long is not.
import { expect, test } from "vitest";
import { type Progress, Reconciler, STUCK_MS } from "../../src/app/reconcile.ts";
import { Millis } from "../../src/kernel/units.ts";

function stage() {
  const world = { now: 0, progress: "done" as Progress, runs: 0 };
  const reconciler = new Reconciler(
    {
      apply: () => {},
      run: () => {
        world.runs++;
        return world.progress;
      },
    },
    () => {},
    {
      clock: { now: () => Millis(world.now), wall: () => 0 },
      timers: { after: () => ({ cancel: () => {} }) },
      deadline: () => null,
    },
    { turn: () => {}, settled: () => {} },
  );
  return { reconciler, world };
}

test("a change that is not decided in time is told, until it is decided", () => {
  const { reconciler, world } = stage();
  reconciler.listed();
  world.progress = "waiting";
  world.now = 5_000;
  reconciler.changed([]);
  world.now += STUCK_MS;
  expect(reconciler.stuck()).toBeNull();
  world.now += 1;
  expect(reconciler.stuck()).toBe("a change has not been decided for 30 s");
  world.progress = "done";
  reconciler.listed();
  expect(reconciler.stuck()).toBeNull();
});

test("before the first decision nothing is stuck: the source may take its time", () => {
  const { reconciler, world } = stage();
  reconciler.changed([]);
  world.now = 10 * STUCK_MS;
  expect(reconciler.stuck()).toBeNull();
});

test.each([
  ["a change", (r: Reconciler) => r.changed([])],
  ["the end of the first listing, which may come late", (r: Reconciler) => r.listed()],
])("after a stop nothing is decided, whatever comes: %s", (_what, come) => {
  const { reconciler, world } = stage();
  reconciler.listed();
  reconciler.stop();
  const { runs } = world;
  come(reconciler);
  expect(world.runs).toBe(runs);
});

test("Q-27 nothing is decided before the source has been listed, whatever changes", () => {
  const { reconciler, world } = stage();
  reconciler.changed([]);
  expect(world.runs).toBe(0);
  reconciler.listed();
  expect(world.runs).toBe(1);
});
