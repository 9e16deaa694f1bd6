// The tables of messages: every entry is whole and said somewhere, and a message is filled as its table says.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { MESSAGE_TABLES } from "../../src/app/messagesDoc.ts";
import { UsageError } from "../../src/commands/result.ts";
import { sayFrom, withHint } from "../../src/kernel/messages.ts";
import { ListenError } from "../../src/observe/boundedServer.ts";
import { LOG_EVENTS } from "../../src/observe/logEvents.ts";
import { DaemonUnreachable } from "../../src/observe/statusSocket.ts";

const src = join(import.meta.dirname, "..", "..", "src");
const TABLES = /(^|\/)(messages|logEvents)\.ts$/;
const code = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts") && !TABLES.test(name))
  .map((name) => readFileSync(join(src, name), "utf8"))
  .join("\n");
const isSaid = (word: string): boolean => code.includes(`"${word}"`);

describe.each(Object.entries(MESSAGE_TABLES))("%s", (_title, table) => {
  test("every entry has a text, a cause and a cure in whole sentences", () => {
    for (const [id, { text, cause, cure }] of Object.entries(table)) {
      expect(text.length * cause.length * cure.length, id).toBeGreaterThan(0);
      expect(cause, id).toMatch(/[.)]$/);
    }
  });
  test("no entry is said by nobody", () => {
    expect(Object.keys(table).filter((id) => !isSaid(id))).toEqual([]);
  });
});

test("no event is logged by nobody", () => {
  expect(Object.keys(LOG_EVENTS).filter((event) => !isSaid(event))).toEqual([]);
});

describe("a message", () => {
  const say = sayFrom({ long: { text: "{text} has {n} of {n}", cause: "C.", cure: "Give {n}." } });
  test("has its holes filled, in text and cure, also by text that looks like a hole", () => {
    expect(say("long", { text: "{n}", n: 7 })).toEqual({ message: "{n} has 7 of 7", hint: "Give 7." });
  });
  test("takes a closer hint where one is known, and the cure where it is empty", () => {
    expect(say("long", { text: "a", n: 1 }, "Closer.").hint).toBe("Closer.");
    expect(say("long", { text: "a", n: 1 }, "").hint).toBe("Give 1.");
    expect(withHint(say("long", { text: "a", n: 1 }), "Other.").message).toBe("a has 1 of 1");
  });
});

test("errors for the operator are made of listed messages alone, which the compiler sees to", () => {
  const said = sayFrom({ gone: { text: "{what} is gone", cause: "C.", cure: "D." } })("gone", { what: "it" });
  const free = { message: "words of its own", hint: "" };
  // @ts-expect-error: not of a table
  expect(new UsageError(free).message).toBe(free.message);
  // @ts-expect-error: not of a table
  expect(new DaemonUnreachable(free).message).toBe(free.message);
  // @ts-expect-error: not of a table
  expect(new ListenError(free, "EACCES", null).message).toBe(free.message);
  expect([new UsageError(said), new DaemonUnreachable(said)].map((e) => e.message)).toEqual([
    "it is gone",
    "it is gone",
  ]);
});
