import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Command, lineParser, parseWords } from "../../src/inject/command.ts";
import { formatJson, formatWords } from "../../src/inject/render.ts";
import { formatIp, formatPrefix, parseIp } from "../../src/kernel/ip.ts";
import { PeerName } from "../../src/kernel/units.ts";

const read = (line: string) => lineParser()(line);
const value = (line: string): Command => {
  const parsed = read(line);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
};
const add = (line: string) => {
  const command = value(line);
  if (command.type !== "add") throw new Error(`${line} is ${command.type}`);
  return command;
};

describe("words", () => {
  test("an add carries every attribute", () => {
    const { prefix, spec } = add(
      "add 192.0.2.0/24 --next-hop 198.51.100.1 --community 65000:1 --community no-export --large-community 65000:1:2 " +
        "--local-pref 200 --med 7 --as-path-prepend 3 --origin incomplete --peer tor-b --peer tor-a --persist",
    );
    expect(formatPrefix(prefix)).toBe("192.0.2.0/24");
    expect(spec).toEqual({
      attributes: {
        nextHop: parseIp("198.51.100.1"),
        localPref: 200,
        med: 7,
        asPathPrepend: 3,
        communities: [65000 * 65536 + 1, 0xffff_ff01],
        largeCommunities: [{ globalAdmin: 65000, local1: 1, local2: 2 }],
        linkBandwidth: null,
        origin: "incomplete",
      },
      peers: ["tor-a", "tor-b"],
      isPersistent: true,
    });
  });

  test("an add without options is self, for all peers, until the daemon ends", () => {
    const { spec } = add("add 2001:db8::/48");
    expect(spec.attributes).toMatchObject({ nextHop: "self", localPref: null, med: null, asPathPrepend: 0 });
    expect(spec.attributes.origin).toBeUndefined();
    expect(spec).toMatchObject({ peers: null, isPersistent: false });
  });

  test("a flag may carry its value behind an equals sign, and white space is free", () => {
    expect(add("add   192.0.2.0/24\t--med=7").spec.attributes.med).toBe(7);
  });

  test("the same options again are the same object, so that a bulk load is quick", () => {
    const parse = lineParser();
    const specs = ["192.0.2.1/32", "192.0.2.2/32"].map((p) => parse(`add ${p} --community 65000:1`));
    const [a, b] = specs.map((s) => (s.ok && s.value.type === "add" ? s.value.spec : null));
    expect(a).toBe(b);
    const other = parse("add 2001:db8::1/128 --community 65000:1");
    expect(other.ok && other.value.type === "add" && other.value.spec === a).toBe(false);
  });

  test.each([
    ["del 192.0.2.0/24 --peer tor-a", { type: "del", peers: ["tor-a"] }],
    ["del 192.0.2.0/24", { type: "del", peers: null }],
    ["flush", { type: "flush" }],
    ["list --peer tor-a", { type: "list", peers: ["tor-a"] }],
    ["begin", { type: "begin" }],
  ])("%s", (line, expected) => {
    expect(value(line)).toMatchObject(expected);
  });

  test("a peer's name that would be two words, or two lines, in the stream is refused before it gets there", () => {
    for (const name of ["tor a", "tor-a\nflush"]) {
      expect(parseWords(["add", "192.0.2.0/24", "--peer", name])).toMatchObject({ ok: false });
      expect(read(JSON.stringify({ prefix: "192.0.2.0/24", peers: [name] }))).toMatchObject({ ok: false });
    }
  });

  test.each([
    ["add", "add needs a prefix"],
    ["announce 192.0.2.0/24", '"announce" is no command'],
    ["ad 192.0.2.0/24", 'Did you mean "add"?'],
    ["add 192.0.2.0/24 --nexthop self", "Did you mean --next-hop?"],
    ["add 192.0.2.0/24 --med", "--med needs a value"],
    ["add 192.0.2.0/24 --med 4294967296", '--med is "4294967296", must be a whole number, 0 to 4294967295'],
    ["add 192.0.2.0/24 --med 1 --med 2", "--med is given twice"],
    ["add 192.0.2.0/24 --as-path-prepend 11", '--as-path-prepend is "11", must be a whole number, 0 to 10'],
    ["add 192.0.2.0/24 --local-pref -1", '--local-pref is "-1"'],
    ["add 192.0.2.0/24 --origin unknown", '--origin is "unknown", must be one of igp, egp, incomplete'],
    ["add 192.0.2.0/24 --community 70000:1", '--community is "70000:1", no standard community'],
    ["add 192.0.2.0/24 --community blue", '--community is "blue", no standard community'],
    ["add 192.0.2.0/24 --large-community 1:2", '--large-community is "1:2", no large community'],
    ["add 192.0.2.0/24 --next-hop 2001:db8::1", "--next-hop is no IPv4 address"],
    ["add 192.0.2.0/24 --next-hop 127.0.0.1", "cannot be a next hop"],
    ["add 192.0.2.0/24 --peer=", "--peer is empty"],
    ["add 192.0.2.0/24 --persist=yes", "--persist takes no value"],
    ["add 192.0.2.0/24 198.51.100.0/24", '"198.51.100.0/24" is one word too many'],
    ["del 192.0.2.0/24 --med 1", "--med has no meaning for del"],
    ["flush 192.0.2.0/24", "flush takes no prefix"],
    ["add 192.0.2.1/24", "has bits set beyond its length. Write 192.0.2.0/24, or 192.0.2.1/32."],
    ["add 192.0.2.1", '"192.0.2.1" has no length. Write 192.0.2.1/32.'],
    ["add 192.0.2.0/33", '"192.0.2.0/33" is no prefix'],
    ["add 0.0.0.0/0", "is the default route: it draws all traffic of the peers here. Say --allow-default"],
    ["add ::/0", "is the default route"],
    ["add 0.1.0.0/16", "within 0.0.0.0/8, this network"],
    ["add 127.0.0.0/8", "within 127.0.0.0/8, loopback"],
    ["add 169.254.1.0/24", "link-local"],
    ["add 224.0.0.5/32", "multicast"],
    ["add 255.255.255.255/32", "reserved"],
    ["add ::1/128", "loopback"],
    ["add ::ffff:192.0.2.1/128", "IPv4-mapped"],
    ["add fe80::/64", "link-local"],
    ["add ff02::/16", "multicast"],
  ])("%s is refused", (line, message) => {
    const parsed = read(line);
    expect(parsed.ok ? "" : `${parsed.message}. ${parsed.hint}`).toContain(message);
  });

  test.each([
    "add 0.0.0.0/0 --allow-default",
    "add ::/0 --allow-default",
    "add 0.0.0.0/1",
    "add 128.0.0.0/1",
    "add 64:ff9b::/96",
  ])("%s is meant", (line) => {
    expect(read(line).ok).toBe(true);
  });
});

describe("JSON", () => {
  test("an object says the same as words, and add where it names no command", () => {
    const words = add("add 192.0.2.0/24 --community 65000:1 --med 7 --peer tor-a --persist");
    const json = add(
      '{"prefix":"192.0.2.0/24","communities":["65000:1"],"med":7,"peers":["tor-a"],"persist":true,"origin":null}',
    );
    expect(json).toEqual(words);
    expect(value('{"command":"del","prefix":"192.0.2.0/24"}')).toEqual(value("del 192.0.2.0/24"));
  });

  test("an array is a batch", () => {
    const batch = value('[{"prefix":"192.0.2.0/24"},{"command":"del","prefix":"198.51.100.0/24"}]');
    expect(batch.type === "batch" && batch.changes.map((c) => c.type)).toEqual(["add", "del"]);
  });

  test.each([
    ['{"prefix":', "is no JSON"],
    ["[1]", "[0]: is no object"],
    ['[{"command":"begin"}]', "[0]: begin has no place in a batch"],
    ['{"prefix":1}', "prefix must be a text"],
    ['{"prefix":"192.0.2.0/24","aspathprepend":1}', "Did you mean asPathPrepend?"],
    [
      '{"prefix":"192.0.2.0/24","communities":"65000:1"}',
      "communities has a value of the wrong kind. Write a list of texts.",
    ],
    ['{"prefix":"192.0.2.0/24","med":[1]}', "med has a value of the wrong kind. Write a text or a number."],
    ['{"prefix":"192.0.2.0/24","persist":"yes"}', "persist has a value of the wrong kind. Write true or false."],
    ['{"prefix":"192.0.2.0/24","med":-1}', 'med is "-1"'],
    ['{"command":"ad"}', 'Did you mean "add"?'],
    ['{"prefix":"0.0.0.0/0"}', "Say allowDefault: true if it is meant."],
  ])("%s is refused", (line, message) => {
    const parsed = read(line);
    expect(parsed.ok ? "" : `${parsed.message}. ${parsed.hint}`).toContain(message);
  });
});

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const anyWords = fc
  .record({
    net: fc.integer({ min: 0x0a00_0000, max: 0x0aff_ffff }),
    hop: fc.constantFrom("self", "198.51.100.1"),
    communities: fc.array(fc.constantFrom("65000:1", "no-export", "0:0"), { maxLength: 2 }),
    large: fc.array(fc.tuple(u32, u32, u32), { maxLength: 2 }),
    numbers: fc.record({ "local-pref": u32, med: u32, "as-path-prepend": fc.nat(10) }, { requiredKeys: [] }),
    origin: fc.constantFrom(null, "igp", "egp", "incomplete"),
    peers: fc.array(fc.constantFrom("a", "b"), { maxLength: 2 }),
    persist: fc.boolean(),
  })
  .map(({ net, hop, communities, large, numbers, origin, peers, persist }) => [
    "add",
    `${formatIp({ version: 4, w0: net, w1: 0, w2: 0, w3: 0 })}/32`,
    `--next-hop=${hop}`,
    ...communities.map((c) => `--community=${c}`),
    ...large.map((l) => `--large-community=${l.join(":")}`),
    ...Object.entries(numbers).map(([flag, n]) => `--${flag}=${n}`),
    ...(origin === null ? [] : [`--origin=${origin}`]),
    ...peers.map((p) => `--peer=${p}`),
    ...(persist ? ["--persist"] : []),
  ]);

test("what is printed, as words or as JSON, is read back as the same command", () => {
  fc.assert(
    fc.property(anyWords, (words) => {
      const parsed = parseWords(words);
      if (!parsed.ok || parsed.value.type !== "add") throw new Error(words.join(" "));
      const { prefix, spec } = parsed.value;
      const line = { prefix, route: spec, peers: spec.peers?.map((p) => PeerName(p)) ?? null };
      expect(value(formatWords(line))).toEqual(parsed.value);
      expect(value(formatJson(line))).toEqual(parsed.value);
    }),
  );
});

test("no line makes the parser throw", () => {
  const parse = lineParser();
  const piece = fc.constantFrom(
    "add",
    "del",
    "{",
    "[",
    "192.0.2.0/24",
    "--med",
    "--peer",
    "7",
    '"prefix":',
    "__proto__",
    "--",
    "=",
  );
  const line = fc.oneof(
    fc.string(),
    fc.json(),
    fc.array(piece).map((p) => p.join(" ")),
  );
  fc.assert(
    fc.property(line, (text) => {
      expect(typeof parse(text).ok).toBe("boolean");
    }),
  );
});
