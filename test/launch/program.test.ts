// Starting the built program from V8's code for it: what fits is used, what does not fit is never run.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Script } from "node:vm";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { packCodeCache, unpackCodeCache } from "../../src/launch/codeCache.ts";
import { CODE_CACHE, PROGRAM, runProgram } from "../../src/launch/program.ts";

const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));

describe("the file beside the program", () => {
  const octets = fc.uint8Array({ maxLength: 5_000 });

  test("gives back what was put in, for the text it was made of", () => {
    fc.assert(
      fc.property(octets, fc.uint8Array({ minLength: 1 }), (text, compiled) => {
        expect(unpackCodeCache(text, packCodeCache(text, compiled))).toEqual(compiled);
      }),
    );
  });

  test("gives nothing for a text that differs in one octet, or in length", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 5_000 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (text, at, by) => {
          const file = packCodeCache(text, ascii("code"));
          expect(
            unpackCodeCache(
              text.map((octet, i) => (i === at % text.length ? octet ^ by : octet)),
              file,
            ),
          ).toBeNull();
          expect(unpackCodeCache(text.subarray(1), file)).toBeNull();
        },
      ),
    );
  });

  test("a file cut short gives nothing", () => {
    expect(unpackCodeCache(ascii("x"), new Uint8Array(4))).toBeNull();
    expect(unpackCodeCache(ascii("x"), new Uint8Array(0))).toBeNull();
  });
});

describe("the program", () => {
  let directory: string;
  let main: string;
  const said = (): unknown => Reflect.get(globalThis, "launched");
  const text = (word: string): string =>
    `(function (require, url) { globalThis.launched = "${word} " + typeof require; })`;
  const write = (name: string, content: string | Uint8Array): void => writeFileSync(join(directory, name), content);
  const compiled = (source: string): Uint8Array => new Script(source).createCachedData();

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "vipcast-launch-"));
    main = pathToFileURL(join(directory, "main.js")).href;
    write(PROGRAM, text("first"));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
    Reflect.deleteProperty(globalThis, "launched");
  });

  test("runs without any code beside it", () => {
    expect(runProgram(main).cachedDataRejected).toBeUndefined();
    expect(said()).toBe("first function");
  });

  test("runs from the code beside it", () => {
    write(CODE_CACHE, packCodeCache(ascii(text("first")), compiled(text("first"))));
    expect(runProgram(main).cachedDataRejected).toBe(false);
    expect(said()).toBe("first function");
  });

  test("runs as it is written now, with the code of an older text of the same length beside it", () => {
    write(CODE_CACHE, packCodeCache(ascii(text("first")), compiled(text("first"))));
    write(PROGRAM, text("other"));
    expect(runProgram(main).cachedDataRejected).toBeUndefined();
    expect(said()).toBe("other function");
  });

  test("runs although V8 does not know the code", () => {
    write(CODE_CACHE, packCodeCache(ascii(text("first")), ascii("made by another V8, or by nobody at all, who knows")));
    expect(runProgram(main).cachedDataRejected).toBe(true);
    expect(said()).toBe("first function");
  });
});
