// The framer: every header check of RFC 4271 section 6.1, and that cuts in the stream change nothing.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Framer } from "../../../src/bgp/wire/framer.ts";
import { Bug } from "../../../src/kernel/result.ts";
import { concat, hex, MARKER, message, toHex } from "./support.ts";

const KEEPALIVE = hex(`${MARKER} 0013 04`);
const EXTENDED = { extendedMessage: true, enhancedRouteRefresh: true };

const header = (length: number, type: number): Uint8Array => concat(hex(MARKER), [length >>> 8, length & 255, type]);

/** Every frame and fault of a stream given in chunks, as text. */
function drain(framer: Framer, chunks: readonly Uint8Array[]): string[] {
  const out: string[] = [];
  for (const chunk of chunks) {
    framer.push(chunk);
    for (let r = framer.next(); r !== null; r = framer.next()) {
      if (r.ok) out.push(`${r.value.type}:${toHex(r.value.body)}`);
      else out.push(`fault ${r.fault.errorCode}/${r.fault.errorSubcode} ${toHex(r.fault.data)}`);
    }
  }
  return out;
}

const once = (bytes: Uint8Array, settings = { extendedMessage: false, enhancedRouteRefresh: false }): string[] => {
  const framer = new Framer();
  framer.apply(settings);
  return drain(framer, [bytes]);
};

const octets = (bytes: Uint8Array): Uint8Array[] => [...bytes].map((b) => Uint8Array.of(b));

describe("header checks", () => {
  test("C-024 a flipped bit in any marker octet is not synchronized", () => {
    for (let i = 0; i < 16; i++) {
      const bytes = KEEPALIVE.slice();
      bytes[i] = 0x7f;
      expect(once(bytes), `octet ${i}`).toEqual(["fault 1/1 "]);
    }
  });

  test.each([0, 1, 18, 4097, 65535])("C-025 length %i is bad, with the length field as data", (length) => {
    expect(once(header(length, 2))).toEqual([`fault 1/2 ${length.toString(16).padStart(4, "0")}`]);
  });

  test("C-025 a length below 19 is bad whatever the type says", () => {
    for (const type of [1, 2, 3, 4, 5, 99]) expect(once(header(18, type))).toEqual(["fault 1/2 0012"]);
  });

  test.each([
    ["OPEN", 1, 28],
    ["UPDATE", 2, 22],
    ["NOTIFICATION", 3, 20],
    ["KEEPALIVE", 4, 20],
    ["KEEPALIVE", 4, 4096],
    ["ROUTE-REFRESH", 5, 22],
    ["ROUTE-REFRESH", 5, 24],
  ])("C-026 %s (type %i) of %i octets is bad", (_name, type, length) => {
    expect(once(header(length, type))).toEqual([`fault 1/2 ${length.toString(16).padStart(4, "0")}`]);
  });

  test.each([
    [1, 29],
    [2, 23],
    [3, 21],
    [4, 19],
    [5, 23],
    [2, 4096],
    [1, 4096],
  ])("C-026 type %i of %i octets is fine", (type, length) => {
    const body = new Uint8Array(length - 19);
    expect(once(message(type, body))).toEqual([`${type}:${toHex(body)}`]);
  });

  test.each([0, 6, 7, 128, 255])("C-027 C-064 type %i is unknown, with the type as data", (type) => {
    expect(once(header(23, type))).toEqual([`fault 1/3 ${type.toString(16).padStart(2, "0")}`]);
  });

  test("C-028 a header is judged with its last octet, not before, and without its body", () => {
    const framer = new Framer();
    expect(drain(framer, [header(65535, 2).subarray(0, 18)])).toEqual([]);
    expect(drain(framer, [header(65535, 2).subarray(18)])).toEqual(["fault 1/2 ffff"]);
  });

  test("C-029 extended messages: UPDATE, NOTIFICATION and ROUTE-REFRESH grow, OPEN and KEEPALIVE do not", () => {
    for (const type of [2, 3, 5]) {
      const body = new Uint8Array(65535 - 19).fill(type);
      expect(once(message(type, body), EXTENDED), `type ${type}`).toEqual([`${type}:${toHex(body)}`]);
    }
    expect(once(header(4097, 1), EXTENDED)).toEqual(["fault 1/2 1001"]);
    expect(once(header(4097, 4), EXTENDED)).toEqual(["fault 1/2 1001"]);
  });

  test("C-030 without that agreement an UPDATE of 4097 octets is bad", () => {
    expect(once(header(4097, 2))).toEqual(["fault 1/2 1001"]);
  });

  test("C-031 nothing behind a fatal header is interpreted, now or later", () => {
    const framer = new Framer();
    expect(drain(framer, [concat(header(5, 2), KEEPALIVE)])).toEqual(["fault 1/2 0005"]);
    expect(drain(framer, [KEEPALIVE, KEEPALIVE])).toEqual([]);
    expect(framer.held).toBe(0);
  });

  test("C-172 with enhanced refresh agreed the decoder gets to see a ROUTE-REFRESH of any length", () => {
    expect(once(message(5, hex("000100")), EXTENDED)).toEqual(["5:000100"]);
  });
});

describe("the stream", () => {
  const stream = concat(
    message(1, new Uint8Array(20).fill(1)),
    KEEPALIVE,
    message(2, new Uint8Array(4077).fill(2)),
    KEEPALIVE,
    message(3, hex("0602")),
  );
  const whole = once(stream);

  test("C-012 whole and octet by octet give the same frames", () => {
    expect(whole.map((f) => f[0])).toEqual(["1", "4", "2", "4", "3"]);
    expect(drain(new Framer(), octets(stream))).toEqual(whole);
  });

  test("C-012 random cuts give the same frames", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: stream.length }), { maxLength: 12 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), stream.length];
        const chunks = at.slice(1).map((end, i) => stream.slice(at[i], end));
        expect(drain(new Framer(), chunks)).toEqual(whole);
      }),
      { numRuns: 100 },
    );
  });

  test("C-012 random octets with random cuts give the same frames and faults", () => {
    const piece = fc.oneof(
      fc.constant(KEEPALIVE),
      fc.uint8Array({ minLength: 4, maxLength: 60 }).map((body) => message(2, body)),
      fc.uint8Array({ maxLength: 30 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const bytes = concat(...pieces);
        expect(drain(new Framer(), octets(bytes))).toEqual(once(bytes));
      }),
      { numRuns: 150 },
    );
  });

  test("limits agreed on in the OPEN hold for the message behind it in the same chunk", () => {
    const framer = new Framer();
    framer.push(concat(message(1, new Uint8Array(10)), message(2, new Uint8Array(5000))));
    expect(framer.next()).toMatchObject({ ok: true, value: { type: 1 } });
    framer.apply(EXTENDED);
    expect(framer.next()).toMatchObject({ ok: true, value: { type: 2 } });
  });

  test("C-264 half a message holds what has arrived and no more", () => {
    const framer = new Framer();
    expect(drain(framer, [message(2, new Uint8Array(4077)).subarray(0, 4095)])).toEqual([]);
    expect(framer.held).toBe(4095);
  });

  test("a chunk may be overwritten once it is drained", () => {
    const framer = new Framer();
    const chunk = message(3, hex("0602")).subarray(0, 20).slice();
    expect(drain(framer, [chunk])).toEqual([]);
    chunk.fill(0);
    expect(drain(framer, [hex("02")])).toEqual(["3:0602"]);
  });

  test("feeding before draining is our own mistake", () => {
    const framer = new Framer();
    framer.push(KEEPALIVE);
    expect(() => framer.push(KEEPALIVE)).toThrow(Bug);
  });

  test("C-267 a long message octet by octet takes linear time", () => {
    // processor time, which others on the machine do not lengthen; sixteen small messages against one of their size
    const cost = (size: number, times: number): number => {
      const chunks = octets(message(2, new Uint8Array(size)));
      const runs = Array.from({ length: 4 }, () => {
        const start = process.cpuUsage();
        for (let n = 0; n < times; n++) {
          const framer = new Framer();
          framer.apply(EXTENDED);
          for (const chunk of chunks) {
            framer.push(chunk);
            framer.next();
          }
        }
        const { user, system } = process.cpuUsage(start);
        return user + system;
      });
      return Math.min(...runs);
    };
    expect(cost(64_000, 1) / Math.max(cost(4_000, 16), 500)).toBeLessThan(5); // the square would be 16
  });
});
