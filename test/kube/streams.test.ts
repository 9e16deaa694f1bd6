// Lines and list items of a stream, however it is cut.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LineSplitter } from "../../src/kube/lines.ts";
import { ListReader } from "../../src/kube/listReader.ts";

const encoder = new TextEncoder();

/** Every way to hand octets over: whole, one by one, and cut at random. */
function pieces(text: string, cuts: readonly number[]): readonly Uint8Array[] {
  const bytes = encoder.encode(text);
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1))), bytes.length].sort((a, b) => a - b);
  return ends.map((end, i) => bytes.subarray(i === 0 ? 0 : ends[i - 1], end));
}
const everywhere = (text: string): readonly number[] => Array.from(encoder.encode(text), (_, i) => i);

function splitLines(chunks: readonly Uint8Array[], limit?: number): { lines: string[]; fault: string | null } {
  const splitter = new LineSplitter(limit);
  const lines: string[] = [];
  for (const chunk of chunks) {
    const result = splitter.push(chunk);
    lines.push(...result.lines);
    if (result.fault !== null) return { lines, fault: result.fault };
  }
  return { lines, fault: null };
}

describe("lines", () => {
  test("characters of several octets survive any cut", () => {
    const text = '{"a":"Zürich 東京 😀"}\n{"b":1}\n';
    expect(splitLines(pieces(text, everywhere(text)))).toEqual({
      lines: ['{"a":"Zürich 東京 😀"}', '{"b":1}'],
      fault: null,
    });
  });

  test("cutting changes nothing", () => {
    const line = fc.string({ unit: "grapheme", maxLength: 20 }).map((s) => s.replace(/[\n\r]/g, ""));
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat(500)), (lines, cuts) => {
        const text = lines.map((l) => `${l}\n`).join("");
        expect(splitLines(pieces(text, cuts)).lines).toEqual(lines.filter((l) => l.trim() !== ""));
      }),
    );
  });

  test("a line at the limit passes, one beyond it is a fault, with or without its end", () => {
    expect(splitLines(pieces("12345\n", [2]), 5)).toEqual({ lines: ["12345"], fault: null });
    for (const text of ["123456\n", "123456"]) {
      expect(splitLines(pieces(text, [2]), 5).fault).toBe("a line has more than 5 characters");
      expect(splitLines(pieces(text, []), 5).fault).toBe("a line has more than 5 characters");
    }
  });

  test("octets that are no UTF-8 are a fault", () => {
    expect(splitLines([Uint8Array.of(0x7b, 0xff, 0x0a)]).fault).toBe("it is not UTF-8 text");
  });

  test("an unfinished line is told from a finished one", () => {
    const splitter = new LineSplitter();
    splitter.push(encoder.encode("a\nb"));
    expect(splitter.isAtRest).toBe(false);
    splitter.push(encoder.encode("\n"));
    expect(splitter.isAtRest).toBe(true);
  });
});

function readPage(chunks: readonly Uint8Array[], limit?: number): unknown {
  const reader = new ListReader(limit);
  const items: unknown[] = [];
  for (const chunk of chunks) {
    const result = reader.push(chunk);
    items.push(...result.items);
    if (result.fault !== null) return result.fault;
  }
  const end = reader.end();
  return typeof end === "string" ? end : { items, ...end };
}

describe("a page of a list", () => {
  const page = (items: unknown): object => ({
    kind: "ServiceList",
    metadata: { resourceVersion: "7", continue: "tok", selfLink: 'items":[' },
    items,
  });
  const end = { resourceVersion: "7", continueToken: "tok" };

  test("is read item by item, wherever it is cut and however it is indented", () => {
    const json = fc.dictionary(fc.string(), fc.oneof(fc.jsonValue(), fc.constant({ items: [{ "}": '\\"]' }] })));
    const items = fc.array(json, { maxLength: 6 });
    fc.assert(
      fc.property(items, fc.array(fc.nat(3000)), fc.constantFrom(undefined, 2), (list, cuts, indent) => {
        const clean: unknown = JSON.parse(JSON.stringify(list));
        expect(readPage(pieces(JSON.stringify(page(list), null, indent), cuts))).toEqual({ items: clean, ...end });
      }),
    );
    const text = JSON.stringify(page([{ a: "ü😀" }, { b: [{}, []] }]));
    expect(readPage(pieces(text, everywhere(text)))).toEqual({ items: [{ a: "ü😀" }, { b: [{}, []] }], ...end });
  });

  test("may have its metadata last, and no items at all", () => {
    const last = '{"items":[{"a":1}],"metadata":{"resourceVersion":"9"}}';
    expect(readPage(pieces(last, []))).toEqual({ items: [{ a: 1 }], resourceVersion: "9", continueToken: null });
    expect(readPage(pieces(JSON.stringify(page(null)), []))).toEqual({ items: [], ...end });
  });

  test.each([
    ["nothing", "", "it ends too early, or is no list"],
    ["half of it", '{"metadata":{"resourceVersion":"7"},"items":[{"a":1},{', "it ends too early, or is no list"],
    ["HTML", "<html></html>", "it ends too early, or is no list"],
    ["no version", '{"metadata":{},"items":[]}', "the list has no resourceVersion"],
    ["a broken item", '{"metadata":{"resourceVersion":"7"},"items":[{"a":}]}', "an item is no JSON object"],
    ["a list as item", '{"metadata":{"resourceVersion":"7"},"items":[[]]}', "an item is no JSON object"],
  ])("of %s is a fault", (_what, text, fault) => {
    expect(readPage(pieces(text, []))).toBe(fault);
    expect(readPage(pieces(text, everywhere(text)))).toBe(fault);
  });

  test("with an item beyond the limit is a fault", () => {
    const long = pieces(JSON.stringify(page([{ a: "x".repeat(500) }])), [300]);
    expect(readPage(long, 200)).toBe("an item has more than 200 characters");
    expect(readPage(long)).not.toBeTypeOf("string");
  });

  test("any octets give a value or a fault", () => {
    fc.assert(fc.property(fc.array(fc.uint8Array()), (chunks) => void readPage(chunks)));
    const near = fc.array(fc.constantFrom("{", "}", "[", "]", '"', "items", ":", ",", "\\", "1"));
    fc.assert(fc.property(near, (parts) => void readPage(parts.map((p) => encoder.encode(p)))));
  });
});
