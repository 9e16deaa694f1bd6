// Reader, writer and text helpers on their own: the rules the rest of the codec leans on.
import { describe, expect, test } from "vitest";
import { Reader } from "../../../src/bgp/wire/reader.ts";
import { Writer } from "../../../src/bgp/wire/writer.ts";
import { Bug } from "../../../src/kernel/result.ts";
import { encodeUtf8, escapeText, fromHex, toHex } from "../../../src/kernel/text.ts";
import { hex } from "./support.ts";

describe("reader", () => {
  test("numbers are unsigned, in network order", () => {
    const r = new Reader(hex("ff fffe fffffffd"));
    expect([r.u8(), r.u16(), r.u32(), r.remaining]).toEqual([255, 65534, 4294967293, 0]);
  });

  test("a read that does not fit fails and uses the reader up", () => {
    const failing: readonly ((r: Reader) => unknown)[] = [
      (r) => r.u32(),
      (r) => r.bytes(4),
      (r) => r.sub(4),
      (r) => r.bytes(-1),
    ];
    for (const fail of failing) {
      const r = new Reader(hex("010203"));
      expect([-1, null]).toContain(fail(r));
      expect([r.u8(), r.u16(), r.bytes(1), r.sub(1), r.remaining]).toEqual([-1, -1, null, null, 0]);
    }
  });

  test("nothing is left to read after the end but nothing itself", () => {
    const r = new Reader(hex(""));
    expect([r.bytes(0), r.rest(), r.u8()]).toEqual([hex(""), hex(""), -1]);
  });

  test("a sub-reader ends with its field", () => {
    const r = new Reader(hex("0102 03"));
    const inner = r.sub(2);
    expect([inner?.u8(), inner?.u16(), r.u8()]).toEqual([1, -1, 3]);
  });
});

describe("writer", () => {
  test("lengths are put in after the fact", () => {
    const w = new Writer(new Uint8Array(20));
    w.sized8(() => w.u8(7).sized16(() => w.u16(0xfffe).u32(0xfffffffd)));
    expect(toHex(w.written())).toBe("0907 0006 fffe fffffffd".replaceAll(" ", ""));
  });

  test("no room, or more than a length can say, is our own mistake", () => {
    const full = new Writer(new Uint8Array(1));
    expect(() => full.u16(1)).toThrow(Bug);
    expect(full.position).toBe(0);
    const w = new Writer(new Uint8Array(300));
    expect(() => w.sized8(() => w.bytes(new Uint8Array(256)))).toThrow(Bug);
  });
});

describe("text", () => {
  test("hex both ways, refusing what is none", () => {
    expect(toHex(fromHex(" 00 fF\n0a ") ?? hex(""))).toBe("00ff0a");
    expect(["0", "0g", "0x00"].map(fromHex)).toEqual([null, null, null]);
    expect(toHex(new Uint8Array(5), 2)).toBe("0000... (5 octets)");
  });

  test("a character that does not fit is left out whole", () => {
    expect(toHex(encodeUtf8("a€b", 3))).toBe("61");
    expect(toHex(encodeUtf8("a€b", 4))).toBe("61e282ac");
  });

  test("letters of all scripts stay, what steers a terminal goes", () => {
    expect(escapeText("Wartung 保守 ñ")).toBe("Wartung 保守 ñ");
    expect(escapeText("\u200f\ue000\t")).toBe("\\u{200f}\\u{e000}\\u{9}");
  });
});
