// What we send: attributes per kind of peer as goldens, the four message shapes, and that they read back.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Family, Negotiated, RouteAttributes } from "../../../src/bgp/wire/message.ts";
import { prefixesOf, prefixWireSize, writePrefix } from "../../../src/bgp/wire/nlri.ts";
import { GRACEFUL_SHUTDOWN, MAX_PREPEND } from "../../../src/bgp/wire/registry.ts";
import {
  type AttributeContext,
  communityOctets,
  MAX_COMMUNITY_OCTETS,
  writeAttributes,
} from "../../../src/bgp/wire/routeAttributes.ts";
import { readUpdate } from "../../../src/bgp/wire/update.ts";
import {
  announceForm,
  beginUpdate,
  finishUpdate,
  messageLimit,
  prefixLimit,
  type UpdateForm,
  withdrawForm,
  writeEndOfRib,
} from "../../../src/bgp/wire/updateForm.ts";
import { formatPrefix, type Ip, ipv4, ipv6, type Prefix, parseIp, prefixOf } from "../../../src/kernel/ip.ts";
import { Bug } from "../../../src/kernel/result.ts";
import { Asn } from "../../../src/kernel/units.ts";
import { external, hex, internal, MARKER, oldExternal, routeAttributes, toHex } from "./support.ts";

const plain = routeAttributes();

const ip = (text: string): Ip => {
  const value = parseIp(text);
  if (value === null) throw new Error(text);
  return value;
};

const context = (negotiated: Negotiated, nextHop = "192.0.2.1", family: Family = "ipv4-unicast"): AttributeContext => ({
  negotiated,
  family,
  nextHop: ip(nextHop),
  linkLocalNextHop: null,
});

const encoded = (route: Partial<RouteAttributes>, negotiated: Negotiated): string =>
  toHex(writeAttributes({ ...plain, ...route }, context(negotiated)).attributes);

const H = (text: string): string => toHex(hex(text));
const ORIGIN = "400101 00";
const NEXT_HOP = "400304 c0000201";
const MED = "800404 00000000";

/** One message with these prefixes. */
function pack(form: UpdateForm, prefixes: readonly Prefix[], start = 0): Uint8Array {
  const out = new Uint8Array(start + 65_535);
  let at = beginUpdate(out, start, form);
  for (const p of prefixes) at = writePrefix(out, at, p.version, p.w0, p.w1, p.w2, p.w3, p.length);
  return out.slice(start, finishUpdate(out, start, at, form));
}

describe("attributes for one session", () => {
  test.each([
    ["C-100 C-111 external", external, {}, `${ORIGIN} 400206 0201 0000fde8 ${NEXT_HOP} ${MED}`],
    ["C-100 C-111 internal", internal, {}, `${ORIGIN} 400200 ${NEXT_HOP} ${MED} 400504 00000064`],
    [
      "other ASes behind ours, external",
      external,
      { asPathPrepend: 1, asPathTail: [65_002, 4_200_000_000] },
      `${ORIGIN} 400212 0204 0000fde8 0000fde8 0000fdea fa56ea00 ${NEXT_HOP} ${MED}`,
    ],
    [
      "C-113 one of them of four octets to an old peer: AS_TRANS, and AS4_PATH",
      oldExternal,
      { asPathTail: [4_200_000_000] },
      `${ORIGIN} 400206 0202 fde8 5ba0 ${NEXT_HOP} ${MED} c0110a 0202 0000fde8 fa56ea00`,
    ],
    [
      "none of them to an internal peer",
      internal,
      { asPathTail: [65_002] },
      `${ORIGIN} 400200 ${NEXT_HOP} ${MED} 400504 00000064`,
    ],
    [
      "C-100 internal with LOCAL_PREF",
      internal,
      { localPref: 0 },
      `${ORIGIN} 400200 ${NEXT_HOP} ${MED} 400504 00000000`,
    ],
    [
      "C-100 external with LOCAL_PREF set",
      external,
      { localPref: 200 },
      `${ORIGIN} 400206 0201 0000fde8 ${NEXT_HOP} ${MED}`,
    ],
    ["MED", external, { med: 5 }, `${ORIGIN} 400206 0201 0000fde8 ${NEXT_HOP} 800404 00000005`],
    [
      "prepend to an external peer",
      external,
      { asPathPrepend: 2 },
      `${ORIGIN} 40020e 0203 0000fde8 0000fde8 0000fde8 ${NEXT_HOP} ${MED}`,
    ],
    [
      "prepend to an internal peer",
      internal,
      { asPathPrepend: 2 },
      `${ORIGIN} 400200 ${NEXT_HOP} ${MED} 400504 00000064`,
    ],
    ["C-112 C-113 an old peer, our AS in 16 bits", oldExternal, {}, `${ORIGIN} 400204 0201 fde8 ${NEXT_HOP} ${MED}`],
    [
      "C-112 an old peer, our AS in 32 bits",
      { ...oldExternal, localAsn: Asn(4200000001) },
      { asPathPrepend: 1, communities: [1], largeCommunities: [{ globalAdmin: 1, local1: 2, local2: 3 }] },
      `${ORIGIN} 400206 0202 5ba0 5ba0 ${NEXT_HOP} ${MED} c00804 00000001
       c0110a 0202 fa56ea01 fa56ea01 c0200c 00000001 00000002 00000003`,
    ],
    [
      "C-113 C-114 a four-octet peer, our AS in 32 bits",
      { ...external, localAsn: Asn(4200000001) },
      {},
      `${ORIGIN} 400206 0201 fa56ea01 ${NEXT_HOP} ${MED}`,
    ],
    [
      "C-189 C-190 communities of both sorts",
      internal,
      {
        communities: [0xfde80001, 0xffffff01],
        largeCommunities: [{ globalAdmin: 65000, local1: 1, local2: 4294967295 }],
      },
      `${ORIGIN} 400200 ${NEXT_HOP} ${MED} 400504 00000064 c00808 fde80001 ffffff01 c0200c 0000fde8 00000001 ffffffff`,
    ],
    [
      "C-194 NO_EXPORT and NO_ADVERTISE",
      external,
      { communities: [0xffff_ff01, 0xffff_ff02] },
      `${ORIGIN} 400206 0201 0000fde8 ${NEXT_HOP} ${MED} c00808 ffffff01 ffffff02`,
    ],
    [
      "C-193 GRACEFUL_SHUTDOWN beside another community",
      external,
      { communities: [0xfde8_0001, GRACEFUL_SHUTDOWN] },
      `${ORIGIN} 400206 0201 0000fde8 ${NEXT_HOP} ${MED} c00808 fde80001 ffff0000`,
    ],
    [
      "C-191 link bandwidth of 1 Gbit/s, behind the communities and before the large ones",
      external,
      { communities: [1], linkBandwidth: 125_000_000, largeCommunities: [{ globalAdmin: 1, local1: 2, local2: 3 }] },
      `${ORIGIN} 400206 0201 0000fde8 ${NEXT_HOP} ${MED} c00804 00000001 c01008 4004fde8 4cee6b28
       c0200c 00000001 00000002 00000003`,
    ],
    [
      "C-191 link bandwidth 0 from an AS of 32 bits: AS_TRANS stands for it",
      { ...internal, localAsn: Asn(4200000001), peerAsn: Asn(4200000001) },
      { linkBandwidth: 0 },
      `${ORIGIN} 400200 ${NEXT_HOP} ${MED} 400504 00000064 c01008 40045ba0 00000000`,
    ],
  ] satisfies readonly (readonly [string, Negotiated, Partial<RouteAttributes>, string])[])(
    "%s",
    (_name, n, route, golden) => {
      expect(encoded(route, n)).toBe(H(golden));
    },
  );

  test.each([
    [63, "c008fc"],
    [64, "d0080100"],
    [200, "d0080320"],
  ])("C-102 C-192 %i communities: extended length only beyond 255 octets", (count, head) => {
    const octets = encoded({ communities: Array.from({ length: count }, (_, i) => i) }, external);
    expect(octets).toContain(`${head}0000000000000001`);
  });

  const crowd = (octets: number): RouteAttributes => {
    const large = Math.floor((octets - 8) / 24);
    return {
      ...plain,
      localPref: 1,
      med: 1,
      asPathPrepend: MAX_PREPEND,
      linkBandwidth: 1,
      largeCommunities: Array.from({ length: large }, (_, i) => ({ globalAdmin: i, local1: 0, local2: 0 })),
      communities: Array.from({ length: Math.floor((octets - 8 - 12 * large) / 4) }, (_, i) => i),
    };
  };
  test.each<[string, Negotiated, Family, string]>([
    [
      "an old external peer, our AS in 32 bits",
      { ...oldExternal, localAsn: Asn(4200000001) },
      "ipv6-unicast",
      "2001:db8::1",
    ],
    ["an external peer", external, "ipv6-unicast", "2001:db8::1"],
    ["an internal peer", internal, "ipv6-unicast", "2001:db8::1"],
    ["IPv4 over IPv6", { ...external, extendedNextHop: true }, "ipv4-unicast", "2001:db8::1"],
    ["IPv4", external, "ipv4-unicast", "192.0.2.1"],
  ])("C-192 what the decision lets through leaves room for a prefix: %s", (_name, negotiated, family, hop) => {
    // one more than the decision counts: GRACEFUL_SHUTDOWN comes on top
    const route = crowd(MAX_COMMUNITY_OCTETS + 4);
    expect(MAX_COMMUNITY_OCTETS + 4 - communityOctets(route)).toBeLessThan(4);
    const linkLocalNextHop = hop.includes(":") ? ip("fe80::1") : null;
    const form = announceForm(writeAttributes(route, { negotiated, family, nextHop: ip(hop), linkLocalNextHop }));
    const room = prefixLimit(form, 0, messageLimit(negotiated)) - form.lead.length;
    expect(room).toBeGreaterThanOrEqual(prefixWireSize(family === "ipv4-unicast" ? 32 : 128));
    // the bound gives away little, even where the session is the plainest
    expect(room).toBeLessThan(160);
  });

  test("C-192 attributes beyond the message are our own mistake", () => {
    expect(() => encoded({ communities: Array.from({ length: 1100 }, (_, i) => i) }, external)).toThrow(Bug);
  });

  test("C-187 an IPv6 next hop for IPv4 that was not agreed is our own mistake", () => {
    expect(() => writeAttributes(plain, context(external, "2001:db8::1"))).toThrow(Bug);
    expect(() => writeAttributes(plain, context(external, "192.0.2.1", "ipv6-unicast"))).toThrow(Bug);
  });
});

const vip = prefixOf(ip("198.51.100.7"), 32);
const vip6 = prefixOf(ip("2001:db8:1::7"), 128);

describe("message shapes", () => {
  test("IPv4 announce", () => {
    const octets = pack(announceForm(writeAttributes(plain, context(internal))), [vip, prefixOf(ipv4(0), 0)]);
    expect(toHex(octets)).toBe(
      H(`${MARKER} 0039 02 0000 001c ${ORIGIN} 400200 ${NEXT_HOP} ${MED} 400504 00000064 20c6336407 00`),
    );
  });

  test("IPv4 withdraw", () => {
    const octets = pack(withdrawForm("ipv4-unicast"), [vip, prefixOf(ip("10.128.0.0"), 9)]);
    expect(toHex(octets)).toBe(H(`${MARKER} 001f 02 0008 20c6336407 090a80 0000`));
  });

  test("C-101 C-184 MP announce: MP_REACH_NLRI first, no NEXT_HOP", () => {
    const form = announceForm(writeAttributes(plain, context(external, "2001:db8::1", "ipv6-unicast")));
    expect(toHex(pack(form, [vip6]))).toBe(
      H(`${MARKER} 0054 02 0000 003d
         800e26 0002 01 10 20010db8000000000000000000000001 00 80 20010db8000100000000000000000007
         ${ORIGIN} 400206 0201 0000fde8 ${MED}`),
    );
  });

  test("C-184 a link-local next hop behind the global one", () => {
    const both = { ...context(external, "2001:db8::1", "ipv6-unicast"), linkLocalNextHop: ip("fe80::2") };
    const m = readUpdate(pack(announceForm(writeAttributes(plain, both)), [vip6]).subarray(19), external);
    expect(m).toMatchObject({
      verdict: "accept",
      attributes: { nextHop: both.nextHop, linkLocalNextHop: both.linkLocalNextHop },
    });
  });

  test("C-186 IPv4 over an IPv6 next hop", () => {
    const agreed = { ...external, extendedNextHop: true };
    const octets = pack(announceForm(writeAttributes(plain, context(agreed, "2001:db8::1"))), [vip]);
    const m = readUpdate(octets.subarray(19), agreed);
    expect([m.verdict, m.reachable.flatMap(prefixesOf)]).toEqual(["accept", [vip]]);
  });

  test("MP withdraw", () => {
    expect(toHex(pack(withdrawForm("ipv6-unicast"), [vip6]))).toBe(
      H(`${MARKER} 002e 02 0000 0017 800f14 0002 01 80 20010db8000100000000000000000007`),
    );
  });

  test.each([
    [96, "80 0f fe"],
    [104, "80 0f ff"],
    [112, "90 0f 0100"],
  ])("C-102 an MP attribute takes the extended length beyond 255 octets only (last prefix /%i)", (length, head) => {
    const prefixes = [...new Array<Prefix>(14).fill(vip6), prefixOf(vip6, length)];
    const octets = pack(withdrawForm("ipv6-unicast"), prefixes);
    expect(toHex(octets.subarray(23, 23 + hex(head).length))).toBe(H(head));
    expect(readUpdate(octets.subarray(19), external).withdrawn.flatMap(prefixesOf)).toEqual(prefixes);
  });

  test("C-117 C-118 End-of-RIB", () => {
    expect(toHex(writeEndOfRib("ipv4-unicast"))).toBe(H(`${MARKER} 0017 02 0000 0000`));
    expect(toHex(writeEndOfRib("ipv6-unicast"))).toBe(H(`${MARKER} 001d 02 0000 0006 800f03 0002 01`));
    for (const family of ["ipv4-unicast", "ipv6-unicast"] as const) {
      expect(readUpdate(writeEndOfRib(family).subarray(19), external).endOfRib).not.toBeNull();
    }
  });

  test("C-104 814 IPv4 /32 fit one withdraw of 4096 octets", () => {
    const form = withdrawForm("ipv4-unicast");
    const room = prefixLimit(form, 0, messageLimit(external)) - form.lead.length;
    expect(Math.floor(room / prefixWireSize(32))).toBe(814);
  });
});

describe("prefixes", () => {
  test("C-116 every length of both versions has exactly its octets and reads back", () => {
    const ones = 0xffff_ffff;
    for (const address of [ipv4(ones), ipv6(ones, ones, ones, ones), ip("10.1.2.3"), ip("2001:db8:1:2:3:4:5:6")]) {
      for (let length = 0; length <= (address.version === 4 ? 32 : 128); length++) {
        const p = prefixOf(address, length);
        const out = new Uint8Array(20).fill(0xaa);
        const end = writePrefix(out, 1, p.version, p.w0, p.w1, p.w2, p.w3, p.length);
        expect(end, formatPrefix(p)).toBe(1 + prefixWireSize(length));
        expect([out[0], ...out.subarray(end)].every((b) => b === 0xaa)).toBe(true);
        const bytes = out.slice(1, end);
        expect(prefixesOf({ afi: p.version === 4 ? 1 : 2, safi: 1, count: 1, bytes })).toEqual([p]);
      }
    }
  });
});

const word = fc.integer({ min: 0, max: 0xffff_ffff });
const prefix4 = fc.tuple(word, fc.nat(32)).map(([w, length]) => prefixOf(ipv4(w), length));
const prefix6 = fc
  .tuple(word, word, word, word, fc.nat(128))
  .map(([a, b, c, d, length]) => prefixOf(ipv6(a, b, c, d), length));

test("C-101 C-103 C-105 whatever is packed reads back, sized right, MP first, in one section", () => {
  const route = fc.record({
    nextHop: fc.constant("self" as const),
    localPref: fc.option(word),
    med: fc.option(word),
    asPathPrepend: fc.nat(10),
    communities: fc.uniqueArray(word, { maxLength: 90 }).map((list) => list.sort((a, b) => a - b)),
    largeCommunities: fc.uniqueArray(fc.record({ globalAdmin: word, local1: word, local2: word }), {
      maxLength: 30,
      selector: (c) => JSON.stringify(c),
    }),
    linkBandwidth: fc.option(fc.constantFrom(0, 125_000_000, 1.25e10)),
  });
  const sessions = fc.constantFrom<Negotiated>(
    external,
    internal,
    oldExternal,
    { ...oldExternal, localAsn: Asn(4200000001) },
    { ...external, extendedNextHop: true },
  );
  const nextHops = fc.constantFrom("192.0.2.1", "2001:db8::1");
  const lists = fc.array(fc.oneof(prefix4, prefix6), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(route, sessions, nextHops, lists, fc.boolean(), fc.nat(99), (r, n, hop, mixed, isWithdraw, start) => {
      const version = mixed[0]?.version ?? 4;
      const prefixes = mixed.filter((p) => p.version === version);
      const family: Family = version === 4 ? "ipv4-unicast" : "ipv6-unicast";
      const nextHop = version === 6 || n.extendedNextHop ? "2001:db8::1" : "192.0.2.1";
      const form = isWithdraw
        ? withdrawForm(family)
        : announceForm(writeAttributes(r, context(n, version === 4 && hop === "192.0.2.1" ? hop : nextHop, family)));
      const octets = pack(form, prefixes, start);
      expect((octets[16] ?? 0) * 256 + (octets[17] ?? 0)).toBe(octets.length);
      if (form.isMp) expect(octets[24]).toBe(isWithdraw ? 15 : 14);
      const m = readUpdate(octets.subarray(19), n);
      expect([m.verdict, m.faults]).toEqual(["accept", []]);
      expect(m.withdrawn.flatMap(prefixesOf)).toEqual(isWithdraw ? prefixes : []);
      expect(m.reachable.flatMap(prefixesOf)).toEqual(isWithdraw ? [] : prefixes);
      if (isWithdraw) return;
      const path = n.isInternal ? [] : [{ type: "sequence", asns: new Array(1 + r.asPathPrepend).fill(n.localAsn) }];
      expect(m.attributes).toMatchObject({
        asPath: path,
        med: r.med ?? 0,
        localPref: n.isInternal ? (r.localPref ?? 100) : null,
        communities: r.communities,
        largeCommunities: r.largeCommunities,
      });
    }),
    { numRuns: 200 },
  );
});
