import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  joinHostPort,
  type Reader,
  readBoolean,
  readDuration,
  readHostPort,
  readKubernetesName,
  readListen,
  readPath,
  readRouterId,
  readText,
  readWord,
} from "../../src/config/readers.ts";
import { formatIp } from "../../src/kernel/ip.ts";

describe("HOST:PORT", () => {
  test.each([
    ["127.0.0.1:9120", "127.0.0.1", 9120],
    ["[::1]:9120", "::1", 9120],
    ["localhost:0", "localhost", 0],
    ["0.0.0.0:65535", "0.0.0.0", 65535],
    ["node-1.example.org:80", "node-1.example.org", 80],
  ])("%s is read", (text, host, port) => {
    expect(readHostPort(text)).toEqual({ ok: true, value: { host, port } });
    expect(joinHostPort(host, port)).toBe(text);
  });

  test.each([
    ["9120", "not of the form"],
    [":9120", "neither an address nor a host name"],
    ["127.0.0.1", "not of the form"],
    ["127.0.0.1:", "not of the form"],
    ["127.0.0.1:65536", "out of range"],
    ["127.0.0.256:80", "neither an address nor a host name"],
    ["::1:9120", "not of the form"],
    ["[::g]:9120", "neither an address nor a host name"],
    ["[127.0.0.1]:80", "neither an address nor a host name"],
    ["-x:80", "neither an address nor a host name"],
    ["http://x:80", "not of the form"],
    ["a b:80", "neither an address nor a host name"],
    [9120, "not of the form"],
    [["x"], "a list is not of the form"],
  ])("%s is refused with a hint", (raw, message) => {
    expect(readHostPort(raw)).toMatchObject({ ok: false, message: expect.stringContaining(message) });
  });
});

describe("addresses to listen on", () => {
  const text = (raw: unknown): string => {
    const { ok, ...rest } = readListen(raw);
    if (!ok) return "message" in rest ? rest.message : "";
    return "value" in rest ? rest.value.map((e) => joinHostPort(formatIp(e.address), e.port)).join(" ") : "";
  };

  test.each([
    ["one", "0.0.0.0:179", "0.0.0.0:179"],
    ["both families, with spaces", "0.0.0.0:179, [::]:179", "0.0.0.0:179 [::]:179"],
    ["none", "", ""],
    ["the same twice", "[::1]:179,[0::1]:179", "[::1]:179 is there twice"],
    ["a host name", "localhost:179", '"localhost" is not an address'],
    ["no port", "0.0.0.0", '"0.0.0.0" is not of the form HOST:PORT'],
    ["an empty place", "0.0.0.0:179,", '"" is not of the form HOST:PORT'],
    ["a number", 179, "179 is not of the form HOST:PORT"],
    ["a list", ["0.0.0.0:179"], "a list is not of the form HOST:PORT"],
    ["another port, another form", "192.0.2.1:1790,[2001:DB8:0::1]:179", "192.0.2.1:1790 [2001:db8::1]:179"],
    ["too many", Array.from({ length: 17 }, (_, i) => `0.0.0.0:${i}`).join(), "it has 17 addresses"],
  ])("%s: read, or refused with a reason", (_what, raw, expected) => {
    expect(text(raw)).toBe(expected);
  });
});

describe("other values", () => {
  const good: [name: string, read: Reader<unknown>, raw: unknown, value: unknown][] = [
    ["a switch in YAML", readBoolean, true, true],
    ["a switch in the environment", readBoolean, "1", true],
    ["a switch turned off", readBoolean, "false", false],
    ["a duration", readDuration(90_000), "1m30s", 90_000],
    ["no duration", readDuration(90_000), "0", 0],
    ["no duration as a number", readDuration(90_000), 0, 0],
    ["a router id", readRouterId, "192.0.2.1", 0xc0000201],
    ["a node name with dots", readKubernetesName("subdomain"), "node-1.example.org", "node-1.example.org"],
    ["a namespace", readKubernetesName("label"), "metallb-system", "metallb-system"],
    ["a word", readWord(["info", "warn"]), "warn", "warn"],
    ["a text of exactly the limit", readText(4), "éé", "éé"],
  ];
  test.each(good)("%s is read", (_name, read, raw, value) => {
    expect(read(raw)).toEqual({ ok: true, value });
  });

  const bad: [name: string, read: Reader<unknown>, raw: unknown, message: string, hint: string][] = [
    ["a switch of another word", readBoolean, "yes", '"yes" is neither true nor false', "true or false"],
    ["a duration without a unit", readDuration(90_000), "10", '"10" is not a duration', '"10s"'],
    ["a duration that is a number", readDuration(90_000), 10, "10 is not a duration", "unit"],
    ["a duration that is too long", readDuration(90_000), "91s", '"91s" is out of range', "at most 90s"],
    ["a negative duration", readDuration(90_000), "-1s", "out of range", "at most 90s"],
    ["a router id of zero", readRouterId, "0.0.0.0", "0.0.0.0 cannot be a router id", "address of this node"],
    ["an IPv6 router id", readRouterId, "2001:db8::1", "not an IPv4 address", "192.0.2.1"],
    ["a node name in capitals", readKubernetesName("subdomain"), "Node", "not a legal name", "Lower-case"],
    ["a namespace with dots", readKubernetesName("label"), "a.b", "not a legal name", "at most 63"],
    ["a namespace of 64 characters", readKubernetesName("label"), "a".repeat(64), "not a legal name", "at most 63"],
    ["a number where text is meant", readText(10), 5, "5 is not a text", "quotes"],
    ["a text that is too long in octets", readText(3), "éé", "it has 4 octets", "At most 3"],
    ["a text of two lines", readText(10), "a\nb", "control characters", "one line"],
    ["an empty path", readPath, "", "it is empty", "Give a path"],
    ["a mistyped word", readWord(["info", "warn"]), "wrn", '"wrn" is not known', 'Did you mean "warn"?'],
    ["a word far from all", readWord(["info", "warn"]), "loud", '"loud" is not known', "One of: info, warn."],
  ];
  test.each(bad)("%s is refused", (_name, read, raw, message, hint) => {
    expect(read(raw)).toEqual({
      ok: false,
      message: expect.stringContaining(message),
      hint: expect.stringContaining(hint),
    });
  });

  test("nothing makes a reader throw, and no message carries a control character", () => {
    const readers = [...good.map((g) => g[1]), readHostPort, readPath];
    fc.assert(
      fc.property(fc.anything(), fc.string({ unit: "binary" }), (thing, text) => {
        for (const read of readers) {
          for (const raw of [thing, text]) {
            const reading = read(raw);
            if (!reading.ok) expect(reading.message).not.toMatch(/\p{Cc}/u);
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});
