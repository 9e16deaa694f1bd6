// UPDATE as received: the verdicts of RFC 7606 row by row (conformance section 10), and values in well-formed ones.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Negotiated } from "../../../src/bgp/wire/message.ts";
import { readUpdate } from "../../../src/bgp/wire/update.ts";
import { formatIp, parseIp } from "../../../src/kernel/ip.ts";
import {
  AS_PATH,
  announced,
  attribute,
  concat,
  external,
  hex,
  internal,
  LOCAL_PREF,
  MANDATORY,
  mpReach,
  mpUnreach,
  NEXT_HOP,
  NEXT_HOP_V6,
  ORIGIN,
  oldExternal,
  outcome,
  permutations,
  prefixes,
  read,
  toHex,
  type UpdateParts,
  updateBody,
  VIP,
  VIP_TEXT,
  VIP_V6,
} from "./support.ts";

describe("sound messages", () => {
  test("IPv4 routes with all attributes we know", () => {
    const m = read(
      announced(
        attribute(0x80, 4, [0, 0, 0, 7]),
        attribute(0x40, 6, []),
        attribute(0xc0, 7, hex("0000fde9 c0000201")),
        attribute(0xc0, 8, hex("fde80001 ffffff01")),
        attribute(0xc0, 16, hex("0002fde800000001")),
        attribute(0xc0, 32, hex("0000fde8 00000001 00000002")),
        attribute(0xc0, 35, hex("0000fde9")),
      ),
    );
    expect(m).toMatchObject({ verdict: "accept", faults: [], ignoredFamilies: [], endOfRib: null, withdrawn: [] });
    expect(prefixes(m.reachable)).toEqual([VIP_TEXT]);
    expect(m.attributes).toMatchObject({
      origin: 0,
      asPath: [{ type: "sequence", asns: [65001] }],
      med: 7,
      localPref: null,
      communities: [0xfde80001, 0xffffff01],
      largeCommunities: [{ globalAdmin: 65000, local1: 1, local2: 2 }],
    });
    expect(m.attributes.nextHop).toEqual(parseIp("192.0.2.1"));
  });

  test("LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST from an internal peer", () => {
    const extra = [LOCAL_PREF, attribute(0x80, 9, hex("c0000202")), attribute(0x80, 10, hex("c0000203 c0000204"))];
    expect(read(announced(...extra), internal)).toMatchObject({
      verdict: "accept",
      faults: [],
      attributes: { localPref: 200 },
    });
  });

  test("withdrawn prefixes of both families", () => {
    const m = read({ withdrawn: concat(VIP, hex("00"), hex("09 0a80")), attributes: [mpUnreach(2, 1, VIP_V6)] });
    expect(m.verdict).toBe("accept");
    expect(prefixes(m.withdrawn)).toEqual([VIP_TEXT, "0.0.0.0/0", "10.128.0.0/9", "2001:db8:1::/48"]);
  });

  test("C-184 IPv6 routes with a global next hop, and with a link-local one behind it", () => {
    const one = read({ attributes: [mpReach(2, 1, NEXT_HOP_V6, VIP_V6), ORIGIN, AS_PATH] });
    expect(one.verdict).toBe("accept");
    expect(prefixes(one.reachable)).toEqual(["2001:db8:1::/48"]);
    const both = concat(NEXT_HOP_V6, hex("fe800000000000000000000000000002"));
    const two = read({ attributes: [mpReach(2, 1, both, VIP_V6), ORIGIN, AS_PATH] }).attributes;
    expect([two.nextHop, two.linkLocalNextHop].map((ip) => ip && formatIp(ip))).toEqual(["2001:db8::1", "fe80::2"]);
  });

  test("C-186 IPv4 routes with an IPv6 next hop where RFC 8950 was agreed, a reset where not", () => {
    const parts = { attributes: [mpReach(1, 1, NEXT_HOP_V6, VIP), ORIGIN, AS_PATH] };
    expect(prefixes(read(parts, { ...external, extendedNextHop: true }).reachable)).toEqual([VIP_TEXT]);
    expect(outcome(read(parts))).toBe("sessionReset 3/9");
  });

  test("host bits beyond the length mean nothing", () => {
    expect(prefixes(read({ withdrawn: hex("19 c0000200 19 c00002ff") }).withdrawn)).toEqual([
      "192.0.2.0/25",
      "192.0.2.128/25",
    ]);
  });

  test("C-154 a prefix both withdrawn and announced is in both lists, reachable to be applied last", () => {
    const m = read({ ...announced(), withdrawn: VIP });
    expect([m.verdict, prefixes(m.withdrawn), prefixes(m.reachable)]).toEqual(["accept", [VIP_TEXT], [VIP_TEXT]]);
  });

  test("C-118 C-155 End-of-RIB of both families", () => {
    expect(read({})).toMatchObject({ verdict: "accept", endOfRib: { afi: 1, safi: 1 }, ignoredFamilies: [] });
    expect(read({ attributes: [mpUnreach(2, 1, hex(""))] })).toMatchObject({ endOfRib: { afi: 2, safi: 1 } });
    expect(read({ attributes: [mpUnreach(2, 1, VIP_V6)] }).endOfRib).toBeNull();
    expect(read({ withdrawn: VIP }).endOfRib).toBeNull();
    expect(read({ attributes: [mpUnreach(2, 1, hex("")), ORIGIN] })).toMatchObject({
      verdict: "accept",
      endOfRib: null,
    });
  });
});

describe("sections and prefixes", () => {
  test.each([
    ["withdrawn length beyond the message", "0005 0000 00"],
    ["withdrawn length 65535", "ffff 0000"],
    ["attribute length beyond the message", "0000 0001"],
    ["attribute length 65535", "0000 ffff 00"],
    ["both together one too many", "0001 00 0001"],
    ["no room for the attribute length", "0002 0000"],
  ])("C-121 %s resets", (_name, body) => {
    expect(outcome(readUpdate(hex(body), external))).toBe("sessionReset 3/1");
  });

  test.each([
    ["/33", "21 c000020100"],
    ["/255", "ff"],
    ["a last prefix one octet short", "20 c00002"],
    ["a length without octets", "18"],
    ["a good prefix before a bad one", "08 0a 21 c000020100"],
  ])("C-123 %s resets, in NLRI and in withdrawn routes", (_name, octets) => {
    expect(outcome(read({ attributes: MANDATORY, nlri: hex(octets) }))).toBe("sessionReset 3/10");
    expect(outcome(read({ withdrawn: hex(octets) }))).toBe("sessionReset 3/10");
  });

  test.each([
    ["/129", "81 20010db8000000000000000000000000ff"],
    ["cut short", "40 20010db8"],
  ])("C-124 an IPv6 prefix %s resets", (_name, octets) => {
    expect(outcome(read({ attributes: [mpReach(2, 1, NEXT_HOP_V6, hex(octets)), ORIGIN, AS_PATH] }))).toBe(
      "sessionReset 3/9",
    );
    expect(outcome(read({ attributes: [mpUnreach(2, 1, hex(octets))] }))).toBe("sessionReset 3/9");
  });

  test.each([
    ["by one octet", "80 04 05 00000007"],
    ["by 65000", "90 04 fde8 00000007"],
    ["with one octet left", "80"],
    ["with two octets left", "80 04"],
    ["with three octets left and the extended length bit", "90 04 00"],
  ])("C-122 an attribute that overruns the section %s withdraws, the NLRI is found", (_name, octets) => {
    const m = read(announced(hex(octets)));
    expect(outcome(m)).toBe("treatAsWithdraw 3/1");
    expect(prefixes(m.reachable)).toEqual([VIP_TEXT]);
  });

  test("an MP attribute that overruns the section resets: its NLRI is lost", () => {
    expect(outcome(read(announced(hex("80 0e ff 0002"))))).toBe("sessionReset 3/1");
  });

  test("C-048 a sound UPDATE cut at any octet is reset or judged, and never accepted with its route", () => {
    const body = updateBody(announced());
    for (let n = 0; n < body.length; n++) {
      const m = readUpdate(body.subarray(0, n), external);
      expect([m.verdict, prefixes(m.reachable)], `${n} octets`).not.toEqual(["accept", [VIP_TEXT]]);
    }
  });
});

describe("rules for all attributes", () => {
  // [name, sound attribute, session in which it is read]
  const KNOWN: readonly (readonly [string, Uint8Array, Negotiated])[] = [
    ["ORIGIN", ORIGIN, external],
    ["AS_PATH", AS_PATH, external],
    ["NEXT_HOP", NEXT_HOP, external],
    ["MULTI_EXIT_DISC", attribute(0x80, 4, [0, 0, 0, 1]), external],
    ["LOCAL_PREF", LOCAL_PREF, internal],
    ["ATOMIC_AGGREGATE", attribute(0x40, 6, []), external],
    ["AGGREGATOR", attribute(0xc0, 7, hex("0000fde9 c0000201")), external],
    ["COMMUNITIES", attribute(0xc0, 8, hex("fde80001")), external],
    ["ORIGINATOR_ID", attribute(0x80, 9, hex("c0000201")), internal],
    ["CLUSTER_LIST", attribute(0x80, 10, hex("c0000201")), internal],
    ["MP_REACH_NLRI", mpReach(2, 1, NEXT_HOP_V6, VIP_V6), external],
    ["MP_UNREACH_NLRI", mpUnreach(2, 1, VIP_V6), external],
    ["EXTENDED_COMMUNITIES", attribute(0xc0, 16, hex("0002fde800000001")), external],
    ["IPV6_EXTENDED_COMMUNITIES", attribute(0xc0, 25, new Uint8Array(20)), external],
    ["LARGE_COMMUNITY", attribute(0xc0, 32, new Uint8Array(12)), external],
    ["ONLY_TO_CUSTOMER", attribute(0xc0, 35, hex("0000fde9")), external],
  ];

  const within = (instead: Uint8Array, negotiated: Negotiated): UpdateParts => ({
    attributes: [
      ...(negotiated.isInternal ? [...MANDATORY, LOCAL_PREF] : MANDATORY).filter((a) => a[1] !== instead[1]),
      instead,
    ],
    nlri: VIP,
  });
  const withFlags = (bytes: Uint8Array, flip: number): Uint8Array => {
    const copy = bytes.slice();
    copy[0] = (copy[0] ?? 0) ^ flip;
    return copy;
  };

  test.each(KNOWN)("C-125 %s with a wrong Optional or Transitive bit withdraws", (_name, sound, negotiated) => {
    expect(outcome(read(within(sound, negotiated), negotiated))).toBe("accept");
    for (const flip of [0x80, 0x40, 0xc0]) {
      const m = read(within(withFlags(sound, flip), negotiated), negotiated);
      expect(outcome(m), `flip ${flip}`).toBe("treatAsWithdraw 3/4");
      expect(toHex(m.faults[0]?.fault.data ?? hex(""))).toBe(toHex(withFlags(sound, flip)));
      expect(prefixes(m.reachable)).toContain(VIP_TEXT);
    }
  });

  test.each(KNOWN)(
    "C-126 %s may be Partial, have low flag bits set and an extended length",
    (_name, sound, negotiated) => {
      expect(outcome(read(within(withFlags(sound, 0x2f), negotiated), negotiated))).toBe("accept");
      const long = attribute((sound[0] ?? 0) | 0x10, sound[1] ?? 0, sound.subarray(3));
      expect(outcome(read(within(long, negotiated), negotiated))).toBe("accept");
    },
  );

  test.each(KNOWN)("C-128 %s twice: the first wins, MP attributes reset", (name, sound, negotiated) => {
    const parts = within(sound, negotiated);
    const twice = { ...parts, attributes: [...(parts.attributes ?? []), sound] };
    expect(outcome(read(twice, negotiated))).toBe(name.startsWith("MP_") ? "sessionReset 3/1" : "attributeDiscard 3/1");
  });

  test("C-128 of two different values the first is kept", () => {
    const m = read(announced(attribute(0x80, 4, [0, 0, 0, 1]), attribute(0x80, 4, [0, 0, 0, 2])));
    expect(m.attributes.med).toBe(1);
  });

  test.each([
    ["ORIGIN", [AS_PATH, NEXT_HOP], external, 1],
    ["AS_PATH", [ORIGIN, NEXT_HOP], external, 2],
    ["NEXT_HOP", [ORIGIN, AS_PATH], external, 3],
    ["LOCAL_PREF", MANDATORY, internal, 5],
  ] as const)("C-127 without %s the routes are withdrawn", (_name, attributes, negotiated, code) => {
    const m = read({ attributes, nlri: VIP }, negotiated);
    expect(outcome(m)).toBe("treatAsWithdraw 3/3");
    expect(m.faults[0]?.fault.data).toEqual(Uint8Array.of(code));
  });

  test("C-127 IPv6 routes need no NEXT_HOP, but ORIGIN and AS_PATH", () => {
    const reach = mpReach(2, 1, NEXT_HOP_V6, VIP_V6);
    expect(outcome(read({ attributes: [reach, ORIGIN, AS_PATH] }))).toBe("accept");
    expect(outcome(read({ attributes: [reach, AS_PATH] }))).toBe("treatAsWithdraw 3/3");
    expect(outcome(read({ attributes: [reach, ORIGIN] }))).toBe("treatAsWithdraw 3/3");
  });

  test("C-156 NLRI without any attribute is withdrawn", () => {
    expect(outcome(read({ nlri: VIP }))).toBe("treatAsWithdraw 3/3");
  });

  test("C-129 the strongest of several faults wins in any order", () => {
    const discard = attribute(0x40, 6, [1]);
    const withdraw = attribute(0x80, 4, [1]);
    const reset = attribute(0x80, 15, [0]);
    for (const order of permutations([discard, withdraw, reset])) {
      expect(outcome(read(announced(...order)))).toBe("sessionReset 3/9");
    }
    for (const order of permutations([discard, withdraw])) {
      expect(outcome(read(announced(...order)))).toBe("treatAsWithdraw 3/5");
    }
  });

  test("C-130 without NLRI a fault that would withdraw resets, one that discards does not", () => {
    expect(outcome(read({ attributes: [attribute(0x40, 1, [9])] }))).toBe("sessionReset 3/6");
    expect(outcome(read({ attributes: [mpUnreach(2, 1, VIP_V6), attribute(0x40, 1, [9])] }))).toBe("sessionReset 3/6");
    expect(outcome(read({ attributes: [attribute(0x40, 6, [1])] }))).toBe("attributeDiscard 3/5");
    expect(outcome(read({ attributes: [ORIGIN, AS_PATH] }))).toBe("accept");
  });

  test("C-159 faults are kept with their octets, the deciding one first, and bounded in number", () => {
    const many = Array.from({ length: 500 }, () => attribute(0x40, 6, [1]));
    const m = read(announced(...many, attribute(0x80, 4, [1])));
    expect(outcome(m)).toBe("treatAsWithdraw 3/5");
    expect(m.faults.length).toBeLessThanOrEqual(16);
    expect(toHex(m.faults[0]?.fault.data ?? hex(""))).toBe("80040101");
  });
});

describe("MP_REACH_NLRI and MP_UNREACH_NLRI", () => {
  test.each([0, 1, 4, 5, 15, 17, 31, 33, 48, 255])("C-142 an IPv6 next hop of %i octets resets", (n) => {
    const reach = mpReach(2, 1, new Uint8Array(n).fill(0x20), VIP_V6);
    expect(outcome(read({ attributes: [reach, ORIGIN, AS_PATH] }))).toBe("sessionReset 3/9");
  });

  test("C-142 a next hop length that runs over the end of the attribute resets", () => {
    expect(outcome(read({ attributes: [attribute(0x80, 14, hex("0002 01 10 2001")), ORIGIN, AS_PATH] }))).toBe(
      "sessionReset 3/9",
    );
  });

  test("C-143 MP_REACH cut anywhere before its NLRI, and MP_UNREACH below 3, reset", () => {
    const whole = concat(hex("0002 01 10"), NEXT_HOP_V6, [0]);
    for (let n = 0; n < whole.length; n++) {
      const m = read({ attributes: [attribute(0x80, 14, whole.subarray(0, n)), ORIGIN, AS_PATH] });
      expect(outcome(m), `MP_REACH of ${n}`).toBe("sessionReset 3/9");
    }
    for (let n = 0; n < 3; n++) {
      const m = read({ attributes: [attribute(0x80, 15, whole.subarray(0, n))] });
      expect(outcome(m), `MP_UNREACH of ${n}`).toBe("sessionReset 3/9");
    }
  });

  test.each([
    ["EVPN", 25, 70],
    ["VPNv4", 1, 128],
    ["link state", 16388, 71],
    ["IPv6 multicast", 2, 2],
    ["AFI 99", 99, 1],
  ])("C-144 C-061 %s was not agreed: skipped unread and named", (_name, afi, safi) => {
    const junk = hex("ff ff ff");
    const m = read({
      attributes: [mpReach(afi, safi, hex("aabbcc"), junk), ORIGIN, AS_PATH, mpUnreach(afi, safi, junk)],
    });
    expect(m).toMatchObject({
      verdict: "accept",
      reachable: [],
      withdrawn: [],
      ignoredFamilies: [{ afi, safi }],
      endOfRib: null,
    });
  });

  test("C-061 C-144 families we know are skipped too when this session did not agree on them", () => {
    const v4only: Negotiated = { ...external, families: ["ipv4-unicast"] };
    const v6only: Negotiated = { ...external, families: ["ipv6-unicast"] };
    const v6 = { attributes: [mpReach(2, 1, NEXT_HOP_V6, VIP_V6), ORIGIN, AS_PATH] };
    expect(read(v6, v4only)).toMatchObject({
      verdict: "accept",
      reachable: [],
      ignoredFamilies: [{ afi: 2, safi: 1 }],
    });
    expect(read(announced(), v6only)).toMatchObject({ reachable: [], ignoredFamilies: [{ afi: 1, safi: 1 }] });
    expect(read({}, v6only)).toMatchObject({ endOfRib: null, ignoredFamilies: [{ afi: 1, safi: 1 }] });
  });

  test("C-125 with wrong flags the prefixes in it are still found: they are what is withdrawn", () => {
    const reach = mpReach(2, 1, NEXT_HOP_V6, VIP_V6);
    reach[0] = 0xc0;
    const m = read({ attributes: [reach, ORIGIN, AS_PATH] });
    expect([outcome(m), prefixes(m.reachable)]).toEqual(["treatAsWithdraw 3/4", ["2001:db8:1::/48"]]);
  });

  test("C-145 the reserved octet says nothing", () => {
    const m = read({ attributes: [mpReach(2, 1, NEXT_HOP_V6, VIP_V6, 255), ORIGIN, AS_PATH] });
    expect([m.verdict, prefixes(m.reachable)]).toEqual(["accept", ["2001:db8:1::/48"]]);
  });

  test.each([
    ["sound", NEXT_HOP],
    ["of 3 octets", attribute(0x40, 3, [1, 2, 3])],
    ["0.0.0.0", attribute(0x40, 3, [0, 0, 0, 0])],
    ["with wrong flags", attribute(0xc0, 3, [192, 0, 2, 1])],
  ])("C-146 NEXT_HOP %s next to MP_REACH alone is ignored", (_name, nextHop) => {
    const m = read({ attributes: [mpReach(2, 1, NEXT_HOP_V6, VIP_V6), ORIGIN, AS_PATH, nextHop] });
    expect([m.verdict, m.faults, m.attributes.nextHop?.version]).toEqual(["accept", [], 6]);
  });

  test.each(["::", "::1", "ff02::1"])("C-135 an IPv6 next hop %s makes the routes unusable", (text) => {
    const nextHop = new Uint8Array(16);
    if (text === "::1") nextHop[15] = 1;
    if (text === "ff02::1") nextHop.set([0xff, 2]);
    expect(outcome(read({ attributes: [mpReach(2, 1, nextHop, VIP_V6), ORIGIN, AS_PATH] }))).toBe(
      "treatAsWithdraw 3/8",
    );
  });
});

describe("any octets", () => {
  const sessions = [external, internal, oldExternal, { ...external, families: ["ipv4-unicast" as const] }];

  test("C-267 C-268 random bodies give a verdict, never a throw, and a reset always carries its fault", () => {
    const bodies = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .array(fc.tuple(fc.nat(255), fc.nat(45), fc.uint8Array({ maxLength: 24 })), { maxLength: 8 })
        .map((list) =>
          updateBody({ attributes: list.map(([flags, code, value]) => attribute(flags, code, value)), nlri: VIP }),
        ),
    );
    fc.assert(
      fc.property(bodies, fc.constantFrom(...sessions), (body, negotiated) => {
        const m = readUpdate(body, negotiated);
        expect(m.verdict === "accept").toBe(m.faults.length === 0);
        if (m.faults[0] !== undefined) expect(m.faults[0].verdict).toBe(m.verdict);
        if (m.verdict === "sessionReset") expect([m.reachable, m.withdrawn]).toEqual([[], []]);
      }),
      { numRuns: 200 },
    );
  });

  test("decoded values do not refer to the input", () => {
    const body = updateBody({ ...announced(attribute(0x80, 4, [1])), withdrawn: VIP });
    const m = readUpdate(body, external);
    const before = JSON.stringify(m);
    body.fill(0);
    expect(JSON.stringify(m)).toBe(before);
  });
});
