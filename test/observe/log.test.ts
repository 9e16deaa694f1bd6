import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Millis } from "../../src/kernel/units.ts";
import { cleanText, createLogger, LOG_LEVELS, type LogLevel, limitRepeats } from "../../src/observe/log.ts";

const WALL = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

function recorder(level: LogLevel = "all") {
  const raw: string[] = [];
  const log = createLogger(level, { write: (line) => void raw.push(line) }, () => WALL);
  return { log, raw, lines: () => raw.map((l): Record<string, unknown> => JSON.parse(l)) };
}

/** A clock whose timers fire when it is moved past them. */
function virtualTime() {
  let now = 0;
  let waiting: { at: number; callback: () => void }[] = [];
  return {
    now: () => Millis(now),
    after(delay: Millis, callback: () => void) {
      const entry = { at: now + delay, callback };
      waiting.push(entry);
      return {
        cancel() {
          waiting = waiting.filter((w) => w !== entry);
        },
      };
    },
    advance(by: number) {
      now += by;
      const due = waiting.filter((w) => w.at <= now);
      waiting = waiting.filter((w) => w.at > now);
      for (const w of due) w.callback();
    },
  };
}

describe("a log line", () => {
  test("is one JSON object with time, level, event, fields and message", () => {
    const { log, raw } = recorder();
    log.info("sessionUp", { peer: "tor-a", holdTime: 90, vips: ["192.0.2.1"], reason: null }, "session is up");
    expect(raw).toHaveLength(1);
    expect(raw[0]?.endsWith("\n")).toBe(true);
    expect(JSON.parse(raw[0] ?? "")).toEqual({
      ts: "2026-01-02T03:04:05.678Z",
      level: "info",
      event: "sessionUp",
      peer: "tor-a",
      holdTime: 90,
      vips: ["192.0.2.1"],
      msg: "session is up",
    });
  });

  test("carries an error as its message and its stack", () => {
    const { log, lines } = recorder();
    log.error("internalError", { error: new TypeError("boom") }, "internal error");
    expect(lines()[0]).toMatchObject({ error: "TypeError: boom", stack: expect.stringContaining("log.test.ts") });
  });

  test("survives a value that throws when it is printed", () => {
    const { log } = recorder();
    const hostile = {
      toString() {
        throw new Error("no");
      },
    };
    expect(() => log.error("internalError", { error: hostile }, "x")).not.toThrow();
  });

  test("C-163 with hostile remote text has no control, direction or line characters and a bounded length", () => {
    const { log, raw, lines } = recorder();
    log.warn("peerNotification", { reason: `a\u001b[2J\u202eb\nc\u2028d"e\\${"x".repeat(5000)}` }, "up\rdown");
    expect(raw[0]).not.toMatch(/[\p{Cc}\u202e\u2028](?!$)/u);
    expect(lines()[0]?.reason).toMatch(
      /^a\\u\{1b\}\[2J\\u\{202e\}b\\u\{a\}c\\u\{2028\}d"e\\x+\.\.\. \(5014 characters\)$/,
    );
    expect(lines()[0]?.msg).toBe("up\\u{d}down");
  });

  test("cleaning twice changes nothing more", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        const clean = cleanText(text, 10_000);
        expect(cleanText(clean, 10_000)).toBe(clean);
        expect(clean).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
      }),
      { numRuns: 200 },
    );
  });
});

describe("levels", () => {
  const written: Record<LogLevel, readonly string[]> = {
    all: ["trace", "debug", "info", "warn", "error"],
    trace: ["trace", "debug", "info", "warn", "error"],
    debug: ["debug", "info", "warn", "error"],
    info: ["info", "warn", "error"],
    warn: ["warn", "error"],
    error: ["error"],
    none: [],
  };
  test.each(LOG_LEVELS)("%s writes that level and what is worse", (level) => {
    const { log, lines } = recorder(level);
    for (const name of ["trace", "debug", "info", "warn", "error"] as const) log[name]("peerState", {}, "m");
    expect(lines().map((l) => l.level)).toEqual(written[level]);
    expect(log.isTracing).toBe(level === "all" || level === "trace");
  });
});

describe("repeated faults", () => {
  test("C-265 a hundred thousand equal faults give ten lines and one summary per minute", () => {
    const { log, lines } = recorder();
    const time = virtualTime();
    const limited = limitRepeats(log, time, time, 10);
    for (let i = 0; i < 100_000; i++) limited.warn("updateFault", { peer: "tor-a", code: 3 }, "bad UPDATE");
    expect(lines()).toHaveLength(10);
    time.advance(59_999);
    expect(lines()).toHaveLength(10);
    time.advance(1);
    expect(lines()).toHaveLength(11);
    expect(lines()[10]).toMatchObject({ event: "updateFault", peer: "tor-a", count: 99_990, isSummary: true });
    limited.warn("updateFault", { peer: "tor-a", code: 3 }, "bad UPDATE");
    expect(lines()[11]).toMatchObject({ msg: "bad UPDATE" });
  });

  test("faults of other peers, other events and other objects are not held back", () => {
    const { log, lines } = recorder();
    const time = virtualTime();
    const limited = limitRepeats(log, time, time, 1);
    limited.warn("updateFault", { peer: "a" }, "1");
    limited.warn("updateFault", { peer: "b" }, "2");
    limited.warn("connectFailed", { peer: "a" }, "3");
    limited.error("configProblem", { kind: "BGPPeer", name: "x", path: "spec.myASN" }, "4");
    limited.error("configProblem", { kind: "BGPPeer", name: "x", path: "spec.peerASN" }, "5");
    limited.warn("updateFault", { peer: "a" }, "held back");
    expect(lines().map((l) => l.msg)).toEqual(["1", "2", "3", "4", "5"]);
  });

  test("news at level info always passes", () => {
    const { log, lines } = recorder();
    const time = virtualTime();
    const limited = limitRepeats(log, time, time, 1);
    for (let i = 0; i < 100; i++) limited.info("serviceAnnounced", { service: `default/s${i}` }, "announced");
    expect(lines()).toHaveLength(100);
  });

  test("C-265 faults about ever new subjects share one window once too many are known", () => {
    const { log, lines } = recorder();
    const time = virtualTime();
    const limited = limitRepeats(log, time, time, 1);
    for (let i = 0; i < 20_000; i++) limited.warn("updateFault", { name: `n${i}` }, "m");
    const before = lines().length;
    expect(before).toBeLessThan(5000);
    time.advance(60_000);
    expect(lines().length).toBe(before + 1);
    expect(lines().at(-1)).not.toHaveProperty("name");
    limited.warn("updateFault", { name: "later" }, "m");
    expect(lines().at(-1)).toMatchObject({ name: "later" });
  });
});
