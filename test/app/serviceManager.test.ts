// What the service manager hears, and when, under a virtual clock.
import { describe, expect, test } from "vitest";
import { ServiceManager, START_PULSE_MS, watchdogOf } from "../../src/app/serviceManager.ts";
import type { Timers } from "../../src/kernel/clock.ts";
import { Millis } from "../../src/kernel/units.ts";

/** One timer at a time is all that a service manager has. */
class Stage {
  readonly said: string[] = [];
  now = 0;
  unhealthy: string | null = null;
  #due: { readonly at: number; readonly run: () => void } | null = null;
  readonly timers: Timers = {
    after: (delay, run) => {
      const due = { at: this.now + delay, run };
      this.#due = due;
      const cancel = (): void => {
        if (this.#due === due) this.#due = null;
      };
      return { cancel };
    },
  };
  readonly manager: ServiceManager;

  constructor(watchdog: number | null) {
    this.manager = new ServiceManager({
      notify: (message) => this.said.push(message) > 0,
      watchdog: watchdog === null ? null : Millis(watchdog),
      timers: this.timers,
      monotonicMicros: () => BigInt(this.now) * 1000n,
      unhealthy: () => this.unhealthy,
      notReady: () => "the source has not been read",
    });
  }

  /** What was said in the next milliseconds. */
  pass(ms: number): readonly string[] {
    const from = this.said.length;
    const end = this.now + ms;
    while (this.#due !== null && this.#due.at <= end) {
      const { at, run } = this.#due;
      this.#due = null;
      this.now = at;
      run();
    }
    this.now = end;
    return this.said.slice(from);
  }
}

describe("the service manager", () => {
  test("is asked for time, with the reason, while the start waits for its source", () => {
    const stage = new Stage(10_000);
    expect(stage.pass(2 * START_PULSE_MS)).toEqual(
      Array(2).fill("STATUS=the source has not been read\nEXTEND_TIMEOUT_USEC=60000000"),
    );
  });

  test("hears READY once, and signs of life twice as often as it waits for them", () => {
    const stage = new Stage(10_000);
    stage.manager.ready();
    stage.manager.ready();
    expect(stage.said).toEqual(["READY=1\nSTATUS=announcing"]);
    expect(stage.pass(4_999)).toEqual([]);
    expect(stage.pass(1)).toEqual(["WATCHDOG=1"]);
    expect(stage.pass(10_000)).toEqual(["WATCHDOG=1", "WATCHDOG=1"]);
  });

  test("hears no sign of life while the daemon is not healthy", () => {
    const stage = new Stage(10_000);
    stage.manager.ready();
    stage.unhealthy = "a change has not been decided";
    expect(stage.pass(60_000)).toEqual([]);
    stage.unhealthy = null;
    expect(stage.pass(5_000)).toEqual(["WATCHDOG=1"]);
  });

  test("that does not watch hears none", () => {
    const stage = new Stage(null);
    stage.manager.ready();
    expect(stage.pass(3_600_000)).toEqual([]);
  });

  test("hears of a reload with its time, and that it is over", () => {
    const stage = new Stage(null);
    stage.manager.ready();
    stage.pass(1_234);
    stage.said.length = 0;
    stage.manager.reload(() => stage.said.push("read"));
    expect(stage.said).toEqual([
      "RELOADING=1\nMONOTONIC_USEC=1234000\nSTATUS=reading everything again",
      "read",
      "READY=1\nSTATUS=announcing",
    ]);
  });

  test("is not told that a start is over by a reload in it", () => {
    const stage = new Stage(null);
    stage.manager.reload(() => {});
    expect(stage.said).toEqual([]);
  });

  test("is asked for as long as the drain takes when the daemon stops, and never hears READY again", () => {
    const stage = new Stage(10_000);
    stage.manager.stopping(Millis(7_000));
    stage.manager.ready();
    expect(stage.said).toEqual(["STOPPING=1\nSTATUS=withdrawing\nEXTEND_TIMEOUT_USEC=12000000"]);
  });

  test("is not asked for more time to start by a daemon that stops within its start", () => {
    const stage = new Stage(null);
    stage.manager.stopping(Millis(7_000));
    expect(stage.pass(60_000)).toEqual([]);
  });

  test("hears nothing after the end", () => {
    const stage = new Stage(10_000);
    stage.manager.ready();
    stage.manager.end();
    expect(stage.pass(60_000)).toEqual([]);
  });
});

describe("the watchdog", () => {
  test.each<[string, Record<string, string>, number | null]>([
    ["nothing in the environment", {}, null],
    ["a time for us", { WATCHDOG_USEC: "30000000", WATCHDOG_PID: "7" }, 30_000],
    ["a time for whoever reads it", { WATCHDOG_USEC: "30000000" }, 30_000],
    ["a time for another process", { WATCHDOG_USEC: "30000000", WATCHDOG_PID: "8" }, null],
    ["no time", { WATCHDOG_USEC: "0" }, null],
    ["nonsense", { WATCHDOG_USEC: "soon" }, null],
  ])("%s", (_what, env, expected) => {
    expect(watchdogOf(env, 7)).toBe(expected);
  });
});
