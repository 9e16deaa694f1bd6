// NOTIFICATION: the grid of codes, shutdown texts good and hostile, hard reset, and the cut to one message.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { NotificationMessage } from "../../../src/bgp/wire/message.ts";
import {
  cease,
  ceaseWithText,
  describeNotification,
  hardReset,
  notificationOf,
  readNotification,
  shutdownText,
  unwrapHardReset,
  writeNotification,
} from "../../../src/bgp/wire/notification.ts";
import { Bug, wireFault } from "../../../src/kernel/result.ts";
import { concat, hex, MARKER, toHex } from "./support.ts";

const notification = (errorCode: number, errorSubcode: number, data = hex("")): NotificationMessage => ({
  type: "notification",
  errorCode,
  errorSubcode,
  data,
});

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
/** A shutdown whose text claims `size` octets. */
const shutdown = (size: number, text: Uint8Array): NotificationMessage => notification(6, 2, concat([size], text));

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const LOG_SAFE = /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]*$/;

describe("both ways", () => {
  test.each([
    ["06 02 04 6d6f7665", ceaseWithText(2, "move"), 'Cease/Administrative Shutdown (6/2): "move"'],
    ["06 04", cease(4), "Cease/Administrative Reset (6/4)"],
    ["02 01 0004", notification(2, 1, hex("0004")), "OPEN Message Error/Unsupported Version Number (2/1): data 0004"],
    ["04 00", notification(4, 0), "Hold Timer Expired (4/0)"],
    [
      "05 03 01",
      notification(5, 3, hex("01")),
      "Finite State Machine Error/Unexpected Message in Established State (5/3): data 01",
    ],
    ["09 2a", notification(9, 42), "error 9/subcode 42 (9/42)"],
  ])("%s", (octets, value, text) => {
    expect(readNotification(hex(octets))).toEqual({ ok: true, value });
    const whole = concat(hex(MARKER), [0, 19 + hex(octets).length, 3], hex(octets));
    expect(toHex(writeNotification(value))).toBe(toHex(whole));
    expect(describeNotification(value)).toBe(text);
  });

  test.each([
    [8, 0, "Send Hold Timer Expired (8/0)"],
    [7, 1, "ROUTE-REFRESH Message Error/Invalid Message Length (7/1)"],
    [6, 9, "Cease/Hard Reset (6/9)"],
    [6, 10, "Cease/BFD Down (6/10)"],
    [2, 11, "OPEN Message Error/Role Mismatch (2/11)"],
  ])("C-165 %i/%i is known by name", (code, subcode, text) => {
    expect(describeNotification(notification(code, subcode))).toBe(text);
  });

  test("C-160 any code, subcode and data reads as a value and has a bounded line", () => {
    for (let code = 0; code <= 9; code++) {
      for (let subcode = 0; subcode <= 12; subcode++) {
        for (const size of [0, 1, 2, 300, 4000]) {
          const data = new Uint8Array(size).fill(0x1b);
          const r = readNotification(concat([code, subcode], data));
          expect(r).toEqual({ ok: true, value: notification(code, subcode, data) });
          const line = describeNotification(notification(code, subcode, data));
          expect(line).toMatch(LOG_SAFE);
          expect(line.length).toBeLessThan(400);
        }
      }
    }
  });

  test("C-026 fewer than two octets are a bad length", () => {
    for (const body of [hex(""), hex("06")])
      expect(readNotification(body)).toMatchObject({ ok: false, fault: { errorCode: 1, errorSubcode: 2 } });
  });

  test("C-161 a fault becomes the NOTIFICATION with its data, and never more than a message", () => {
    expect(notificationOf(wireFault(1, 2, "length 5", hex("0005")))).toEqual(notification(1, 2, hex("0005")));
    const long = writeNotification(notification(7, 1, new Uint8Array(9000).fill(7)));
    expect(long).toHaveLength(4096);
    expect(toHex(long.subarray(16, 18))).toBe("1000");
  });
});

describe("shutdown text", () => {
  test.each([0, 1, 128, 129, 255])("C-162 %i octets come back as sent", (size) => {
    const text = "x".repeat(size);
    const n = ceaseWithText(2, text);
    expect(shutdownText(n)).toBe(size === 0 ? null : text);
    expect(n.data).toHaveLength(size === 0 ? 0 : size + 1);
  });

  test("C-162 C-164 a long text is cut to 255 octets, between characters", () => {
    expect(shutdownText(ceaseWithText(4, "x".repeat(300)))).toBe("x".repeat(255));
    expect(shutdownText(ceaseWithText(2, "ä".repeat(300)))).toBe("ä".repeat(127));
    expect(shutdownText(ceaseWithText(2, "😀".repeat(300)))).toBe("😀".repeat(63));
  });

  test("only shutdown and reset carry a text", () => {
    expect(() => ceaseWithText(6, "x")).toThrow(Bug);
    expect(shutdownText(notification(6, 3, hex("01 41")))).toBeNull();
  });

  test.each([
    ["a length that lies", shutdown(200, utf8("short")), "data c873686f7274"],
    ["a length without octets", shutdown(5, hex("")), "data 05"],
    ["length 0", shutdown(0, hex("")), "data 00"],
    ["bad UTF-8", shutdown(2, hex("c328")), "data 02c328"],
    ["a truncated character", shutdown(1, hex("c3")), "data 01c3"],
    ["an overlong slash", shutdown(2, hex("c0af")), "data 02c0af"],
    ["newlines", shutdown(8, utf8("a\r\nERROR")), '"a\\u{d}\\u{a}ERROR"'],
    ["terminal escapes", shutdown(5, utf8("\u001b[31m")), '"\\u{1b}[31m"'],
    ["NUL and DEL", shutdown(2, hex("007f")), '"\\u{0}\\u{7f}"'],
    ["C1 controls", shutdown(2, utf8("\u009b")), '"\\u{9b}"'],
    ["bidi overrides", shutdown(3, utf8("\u202e")), '"\\u{202e}"'],
    ["line separators", shutdown(3, utf8("\u2028")), '"\\u{2028}"'],
    ["a byte order mark", shutdown(3, utf8("\ufeff")), '"\\u{feff}"'],
    ["quotes and backslashes", shutdown(2, utf8('"\\')), '"\\"\\\\"'],
    ["octets behind the text", shutdown(1, utf8("ab")), '"a"'],
    ["plain umlauts and emoji", shutdown(6, utf8("ü😀")), '"ü😀"'],
  ])("C-163 %s is safe in a log", (_name, n, shown) => {
    expect(describeNotification(n)).toBe(`Cease/Administrative Shutdown (6/2): ${shown}`);
  });

  test("C-163 any octets give one safe line", () => {
    fc.assert(
      fc.property(fc.constantFrom(2, 4, 9), fc.uint8Array({ maxLength: 300 }), (subcode, data) => {
        expect(describeNotification(notification(6, subcode, data))).toMatch(LOG_SAFE);
      }),
      { numRuns: 200 },
    );
  });
});

describe("hard reset", () => {
  test("C-179 wraps code, subcode and data, and unwraps", () => {
    const inner = ceaseWithText(2, "drain");
    const outer = hardReset(inner);
    expect(toHex(outer.data)).toBe(toHex(hex("0602 05 647261696e")));
    expect(unwrapHardReset(outer)).toEqual(inner);
    expect(describeNotification(outer)).toBe('Cease/Hard Reset (6/9): Cease/Administrative Shutdown (6/2): "drain"');
  });

  test("C-179 without readable content it is just a hard reset", () => {
    expect(unwrapHardReset(notification(6, 9))).toBeNull();
    expect(unwrapHardReset(notification(6, 9, hex("06")))).toBeNull();
    expect(unwrapHardReset(notification(6, 2, hex("0602")))).toBeNull();
  });

  test("a hard reset inside a hard reset is not followed", () => {
    const depth = hex("0609".repeat(2000));
    expect(describeNotification(notification(6, 9, depth)).length).toBeLessThan(200);
  });
});
