// UPDATE as received, one attribute at a time: values and verdicts of each, unknown and notorious ones, and the two paths
// of two-octet speakers (conformance section 10).
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Negotiated } from "../../../src/bgp/wire/message.ts";
import {
  announced,
  attribute,
  concat,
  external,
  hex,
  internal,
  LOCAL_PREF,
  MANDATORY,
  NEXT_HOP,
  ORIGIN,
  oldExternal,
  outcome,
  permutations,
  prefixes,
  read,
  replacing,
  VIP,
  VIP_TEXT,
} from "./support.ts";

describe("one attribute at a time", () => {
  const path = (octets: string): Uint8Array => attribute(0x40, 2, hex(octets));
  const zeros = (n: number): Uint8Array => new Uint8Array(n);

  // [conformance item and what it is, attribute, session, outcome]
  const ROWS: readonly (readonly [string, Uint8Array, Negotiated, string])[] = [
    ["C-131 ORIGIN of no octets", attribute(0x40, 1, []), external, "treatAsWithdraw 3/5"],
    ["C-131 ORIGIN of two octets", attribute(0x40, 1, [0, 0]), external, "treatAsWithdraw 3/5"],
    ["C-131 ORIGIN 2", attribute(0x40, 1, [2]), external, "accept"],
    ["C-131 ORIGIN 3", attribute(0x40, 1, [3]), external, "treatAsWithdraw 3/6"],
    ["C-131 ORIGIN 255", attribute(0x40, 1, [255]), external, "treatAsWithdraw 3/6"],
    ["C-132 AS_PATH with segment type 0", path("0001 0000fde9"), external, "treatAsWithdraw 3/11"],
    ["C-132 AS_PATH with segment type 5", path("0501 0000fde9"), external, "treatAsWithdraw 3/11"],
    ["C-132 AS_PATH with an empty segment", path("0200"), external, "treatAsWithdraw 3/11"],
    ["C-132 AS_PATH whose segment overruns", path("0202 0000fde9"), external, "treatAsWithdraw 3/11"],
    ["C-132 AS_PATH with one octet left", path("0201 0000fde9 02"), external, "treatAsWithdraw 3/11"],
    ["C-132 AS_PATH of an odd size", path("0201 0000fd"), external, "treatAsWithdraw 3/11"],
    ["C-132 AS_PATH with AS 0", path("0202 0000fde9 00000000"), external, "treatAsWithdraw 3/11"],
    ["C-132 AS_PATH in two octets where four were agreed", path("0201 fde9"), external, "treatAsWithdraw 3/11"],
    ["C-132 AS_PATH in four octets where two were agreed", path("0201 0000fde9"), oldExternal, "treatAsWithdraw 3/11"],
    ["C-133 AS_PATH empty from outside", path(""), external, "accept"],
    ["C-134 AS_CONFED_SEQUENCE from outside", path("0301 0000fde9"), external, "treatAsWithdraw 3/11"],
    ["C-134 AS_CONFED_SET from outside", path("0401 0000fde9"), external, "treatAsWithdraw 3/11"],
    ["C-134 AS_SET", path("0101 0000fde9"), external, "accept"],
    ...[0, 1, 2, 3, 5, 16, 300].map(
      (n) => [`C-135 NEXT_HOP of ${n} octets`, attribute(0x40, 3, zeros(n)), external, "treatAsWithdraw 3/5"] as const,
    ),
    ["C-135 NEXT_HOP 0.0.0.0", attribute(0x40, 3, zeros(4)), external, "treatAsWithdraw 3/8"],
    ["C-135 NEXT_HOP 127.0.0.1", attribute(0x40, 3, [127, 0, 0, 1]), external, "treatAsWithdraw 3/8"],
    ["C-135 NEXT_HOP 224.0.0.5", attribute(0x40, 3, [224, 0, 0, 5]), external, "treatAsWithdraw 3/8"],
    ...[0, 3, 5].map(
      (n) => [`C-136 MED of ${n} octets`, attribute(0x80, 4, zeros(n)), external, "treatAsWithdraw 3/5"] as const,
    ),
    ["C-137 LOCAL_PREF from outside", LOCAL_PREF, external, "attributeDiscard 3/9"],
    ["C-137 LOCAL_PREF of 3 octets from outside", attribute(0x40, 5, zeros(3)), external, "attributeDiscard 3/9"],
    ["C-138 ATOMIC_AGGREGATE of 1 octet", attribute(0x40, 6, [0]), external, "attributeDiscard 3/5"],
    ...[5, 6, 7, 9].map(
      (n) =>
        [
          `C-139 AGGREGATOR of ${n} octets`,
          attribute(0xc0, 7, zeros(n).fill(1)),
          external,
          "attributeDiscard 3/5",
        ] as const,
    ),
    ["C-139 AGGREGATOR with AS 0", attribute(0xc0, 7, hex("00000000 c0000201")), external, "attributeDiscard 3/9"],
    ...(
      [
        ["COMMUNITIES", 8, 4],
        ["EXTENDED_COMMUNITIES", 16, 8],
        ["IPV6_EXTENDED_COMMUNITIES", 25, 20],
        ["LARGE_COMMUNITY", 32, 12],
      ] as const
    ).flatMap(([name, code, size]) =>
      [0, 1, size - 1, size + 1].map(
        (n) =>
          [`C-140 ${name} of ${n} octets`, attribute(0xc0, code, zeros(n)), external, "treatAsWithdraw 3/5"] as const,
      ),
    ),
    ["C-141 ORIGINATOR_ID from outside", attribute(0x80, 9, zeros(4)), external, "attributeDiscard 3/9"],
    ["C-141 CLUSTER_LIST of 3 octets from outside", attribute(0x80, 10, zeros(3)), external, "attributeDiscard 3/9"],
    ["C-147 AS4_PATH from a four-octet speaker", attribute(0xc0, 17, zeros(1)), external, "attributeDiscard 3/9"],
    ["C-147 AS4_AGGREGATOR from a four-octet speaker", attribute(0xc0, 18, zeros(3)), external, "attributeDiscard 3/9"],
    ["C-150 an unknown well-known attribute", attribute(0x40, 99, [1]), external, "treatAsWithdraw 3/2"],
    ...[0, 3, 5].map(
      (n) => [`C-152 OTC of ${n} octets`, attribute(0xc0, 35, zeros(n)), external, "treatAsWithdraw 3/5"] as const,
    ),
  ];

  test.each(ROWS)("%s", (_name, bytes, negotiated, expected) => {
    const m = read(replacing(bytes), negotiated);
    expect(outcome(m)).toBe(expected);
    expect(prefixes(m.reachable)).toEqual([VIP_TEXT]);
  });

  test.each([
    ["C-137 LOCAL_PREF of 3 octets", attribute(0x40, 5, zeros(3))],
    ["C-141 ORIGINATOR_ID of 3 octets", attribute(0x80, 9, zeros(3))],
    ["C-141 CLUSTER_LIST of no octets", attribute(0x80, 10, [])],
    ["C-141 CLUSTER_LIST of 6 octets", attribute(0x80, 10, zeros(6))],
  ])("%s from inside withdraws", (_name, bytes) => {
    const rest = bytes[1] === 5 ? MANDATORY : [...MANDATORY, LOCAL_PREF];
    expect(outcome(read({ attributes: [...rest, bytes], nlri: VIP }, internal))).toBe("treatAsWithdraw 3/5");
  });

  test("C-132 a path of 2,000 AS in segments of 255 is legal", () => {
    const segment = concat([2, 255], ...Array.from({ length: 255 }, () => [0, 0, 1, 2]));
    const long = attribute(0x40, 2, concat(...Array.from({ length: 8 }, () => segment)));
    const m = read(replacing(long), { ...external, extendedMessage: true });
    expect(m.verdict).toBe("accept");
    expect(m.attributes.asPath?.flatMap((s) => s.asns)).toHaveLength(2040);
  });

  test("C-133 an empty AS_PATH is what internal peers send", () => {
    const m = read({ attributes: [ORIGIN, attribute(0x40, 2, []), NEXT_HOP, LOCAL_PREF], nlri: VIP }, internal);
    expect([m.verdict, m.attributes.asPath]).toEqual(["accept", []]);
  });

  test("C-140 duplicates among large communities go silently", () => {
    const m = read(announced(attribute(0xc0, 32, hex("000000010000000200000003".repeat(3) + "00".repeat(12)))));
    expect(m.attributes.largeCommunities).toEqual([
      { globalAdmin: 1, local1: 2, local2: 3 },
      { globalAdmin: 0, local1: 0, local2: 0 },
    ]);
  });
});

describe("unknown and notorious attributes", () => {
  const CODES = [
    ...Array.from({ length: 20 }, (_, i) => 20 + i),
    128,
    129,
    ...Array.from({ length: 15 }, (_, i) => 241 + i),
  ];
  const UNKNOWN = CODES.filter((code) => ![25, 32, 35].includes(code));

  test("C-149 unknown optional attributes of any size are accepted and dropped", () => {
    for (const code of UNKNOWN) {
      for (const flags of [0x80, 0xc0, 0xe0]) {
        for (const size of [0, 1, 255, 4000]) {
          const m = read(announced(attribute(flags, code, new Uint8Array(size).fill(code))));
          expect([m.verdict, m.faults], `attribute ${code}, ${size} octets`).toEqual(["accept", []]);
        }
      }
    }
  });

  test.each([
    ["tunnel", 23],
    ["AIGP", 26],
    ["entropy label", 28],
    ["link-state", 29],
    ["prefix-SID", 40],
    ["ATTR_SET", 128],
  ])("C-151 %s (%i) empty, zero, with a lying TLV and random is survived", (_name, code) => {
    const values = [hex(""), new Uint8Array(64), hex("0001ffff00"), hex("01ff"), hex("0400")];
    for (const value of values) {
      for (const flags of [0x80, 0xc0]) expect(read(announced(attribute(flags, code, value))).verdict).toBe("accept");
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (value) => {
        expect(read(announced(attribute(0xc0, code, value))).verdict).toBe("accept");
      }),
      { numRuns: 50 },
    );
  });

  test("C-151 OTC and prefix-SID of zeros cost no session", () => {
    expect(read(announced(attribute(0xc0, 35, new Uint8Array(64)))).verdict).toBe("treatAsWithdraw");
  });
});

describe("two-octet speakers", () => {
  const oldPath = (octets: string): Uint8Array => attribute(0x40, 2, hex(octets));
  const as4 = (octets: string): Uint8Array => attribute(0xc0, 17, hex(octets));
  const asPathOf = (...attributes: Uint8Array[]): unknown =>
    read({ attributes: [ORIGIN, NEXT_HOP, ...attributes], nlri: VIP }, oldExternal).attributes.asPath;
  const BIG = "fa56ea01"; // 4200000001

  test.each([
    ["AS4_PATH replaces the tail", "0203 fde9 5ba0 5ba0", `0202 ${BIG} ${BIG}`, [65001, 4200000001, 4200000001]],
    ["of equal length it replaces all", "0201 5ba0", `0201 ${BIG}`, [4200000001]],
    ["longer than AS_PATH it is ignored", "0201 5ba0", `0202 ${BIG} ${BIG}`, [23456]],
    ["confederation segments in it are dropped", "0202 fde9 5ba0", `0301 ${BIG} 0201 ${BIG}`, [65001, 4200000001]],
    ["malformed it is discarded", "0201 5ba0", `0202 ${BIG}`, [23456]],
    ["with AS 0 it is discarded", "0201 5ba0", "0201 00000000", [23456]],
  ])("C-148 %s, before or behind AS_PATH", (_name, path, as4Path, asns) => {
    for (const order of permutations([oldPath(path), as4(as4Path)])) {
      const found = asPathOf(...order) as { asns: number[] }[];
      expect(found.flatMap((s) => s.asns)).toEqual(asns);
    }
  });

  test("C-148 a set in front counts one", () => {
    expect(asPathOf(oldPath("0102 fde9 fdea 0201 5ba0"), as4(`0201 ${BIG}`))).toEqual([
      { type: "set", asns: [65001, 65002] },
      { type: "sequence", asns: [4200000001] },
    ]);
  });

  test("C-148 a set in AS4_PATH counts one", () => {
    expect(asPathOf(oldPath("0202 fde9 5ba0"), as4(`0103 ${BIG} ${BIG} ${BIG}`))).toEqual([
      { type: "sequence", asns: [65001] },
      { type: "set", asns: [4200000001, 4200000001, 4200000001] },
    ]);
  });

  test("C-148 an AGGREGATOR that is not AS_TRANS tells that AS4_PATH is stale", () => {
    const aggregators = (asn: string): Uint8Array[] => [
      attribute(0xc0, 7, hex(`${asn} c0000201`)),
      attribute(0xc0, 18, hex(`${BIG} c0000201`)),
    ];
    const asns = (asn: string): unknown =>
      (asPathOf(oldPath("0201 5ba0"), as4(`0201 ${BIG}`), ...aggregators(asn)) as { asns: number[] }[])[0]?.asns;
    expect(asns("fde9")).toEqual([23456]);
    expect(asns("5ba0")).toEqual([4200000001]);
  });

  test("C-148 malformed AS4 attributes are discarded, the routes stay", () => {
    for (const bad of [as4("02"), attribute(0x40, 17, hex("")), attribute(0xc0, 18, [1])]) {
      const m = read({ attributes: [ORIGIN, oldPath("0201 fde9"), NEXT_HOP, bad], nlri: VIP }, oldExternal);
      expect(m.verdict).toBe("attributeDiscard");
    }
  });

  test("C-139 AGGREGATOR has 6 octets here", () => {
    const sound = [ORIGIN, oldPath("0201 fde9"), NEXT_HOP];
    const verdict = (n: number): string =>
      read({ attributes: [...sound, attribute(0xc0, 7, new Uint8Array(n).fill(1))], nlri: VIP }, oldExternal).verdict;
    expect([6, 8].map(verdict)).toEqual(["accept", "attributeDiscard"]);
  });
});
