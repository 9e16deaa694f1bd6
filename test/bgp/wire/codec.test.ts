// The door to the codec: dispatch, ROUTE-REFRESH and KEEPALIVE, names, and the one-line print of everything.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeMessage, encodeMessage } from "../../../src/bgp/wire/codec.ts";
import type { Message } from "../../../src/bgp/wire/message.ts";
import { formatMessage } from "../../../src/bgp/wire/print.ts";
import { afiSafi, familyOf, formatCommunity, wellKnownCommunity } from "../../../src/bgp/wire/registry.ts";
import { EMPTY_UPDATE } from "../../../src/bgp/wire/update.ts";
import { Seconds } from "../../../src/kernel/units.ts";
import {
  AS_PATH,
  attribute,
  concat,
  external,
  hex,
  LOCAL_PREF,
  MANDATORY,
  MARKER,
  message,
  mpReach,
  mpUnreach,
  NEXT_HOP_V6,
  ORIGIN,
  toHex,
  updateBody,
  VIP,
  VIP_V6,
} from "./support.ts";

const decoded = (type: number, body: Uint8Array): Message => {
  const r = decodeMessage(type, body, external);
  if (!r.ok) throw new Error(r.fault.detail);
  return r.value;
};

const faultOf = (type: number, body: Uint8Array, negotiated = external): string => {
  const r = decodeMessage(type, body, negotiated);
  return r.ok ? "no fault" : `${r.fault.errorCode}/${r.fault.errorSubcode} ${toHex(r.fault.data)}`;
};

describe("small messages both ways", () => {
  test.each([
    ["KEEPALIVE", `${MARKER} 0013 04`, { type: "keepalive" }, "KEEPALIVE"],
    [
      "a refresh request",
      `${MARKER} 0017 05 0001 00 01`,
      { type: "routeRefresh", afi: 1, safi: 1, subtype: 0 },
      "ROUTE-REFRESH ipv4-unicast request",
    ],
    [
      "C-170 the beginning of a refresh",
      `${MARKER} 0017 05 0002 01 01`,
      { type: "routeRefresh", afi: 2, safi: 1, subtype: 1 },
      "ROUTE-REFRESH ipv6-unicast beginning",
    ],
    [
      "C-169 C-171 a family and a subtype nobody knows",
      `${MARKER} 0017 05 0063 ff 07`,
      { type: "routeRefresh", afi: 99, safi: 7, subtype: 255 },
      "ROUTE-REFRESH afi99-safi7 subtype 255",
    ],
    [
      "NOTIFICATION",
      `${MARKER} 0015 03 06 02`,
      { type: "notification", errorCode: 6, errorSubcode: 2, data: hex("") },
      "NOTIFICATION Cease/Administrative Shutdown (6/2)",
    ],
    [
      "OPEN",
      `${MARKER} 001d 01 04 fde8 005a c0000201 00`,
      { type: "open", version: 4, asn: 65000, holdTime: Seconds(90), identifier: 0xc0000201, capabilities: [] },
      "OPEN version 4 asn 65000 hold 90s id 192.0.2.1",
    ],
  ] as const)("%s", (_name, octets, value, printed) => {
    const bytes = hex(octets);
    expect(toHex(encodeMessage(value))).toBe(toHex(bytes));
    expect(decoded(bytes[18] ?? 0, bytes.subarray(19))).toEqual(value);
    expect(formatMessage(value)).toBe(printed);
  });

  test.each([0, 3, 5, 4077])("C-172 a ROUTE-REFRESH with %i octets behind its header", (size) => {
    const body = new Uint8Array(size).fill(1);
    expect(faultOf(5, body)).toBe(`7/1 ${toHex(message(5, body))}`);
    const length = (19 + size).toString(16).padStart(4, "0");
    expect(faultOf(5, body, { ...external, enhancedRouteRefresh: false })).toBe(`1/2 ${length}`);
  });

  test("C-027 an unknown type is a fault here too", () => {
    expect(faultOf(6, hex(""))).toBe("1/3 06");
  });

  test("C-071 an UPDATE before anything was agreed is not looked into", () => {
    expect(decodeMessage(2, hex("ffff ffff"), null)).toEqual({ ok: true, value: EMPTY_UPDATE });
  });
});

describe("print", () => {
  test.each([
    [
      "an announcement",
      {
        attributes: [
          ...MANDATORY,
          attribute(0xc0, 8, hex("ffffff01 fde80001")),
          attribute(0xc0, 32, hex("0000fde8 00000001 00000002")),
        ],
        nlri: VIP,
      },
      "UPDATE reachable ipv4-unicast (1) 198.51.100.7/32 origin igp as-path 65001 next-hop 192.0.2.1 communities no-export 65000:1 large-communities 65000:1:2",
    ],
    [
      "IPv6 with faults",
      { attributes: [mpReach(2, 1, NEXT_HOP_V6, VIP_V6), ORIGIN, LOCAL_PREF, AS_PATH, attribute(0x80, 4, [1])] },
      "UPDATE treatAsWithdraw reachable ipv6-unicast (1) 2001:db8:1::/48 origin igp as-path 65001 next-hop 2001:db8::1 [treatAsWithdraw: MULTI_EXIT_DISC: length 1, UPDATE Message Error/Attribute Length Error] [attributeDiscard: LOCAL_PREF from an external peer, UPDATE Message Error/Optional Attribute Error]",
    ],
    ["End-of-RIB", { attributes: [mpUnreach(2, 1, hex(""))] }, "UPDATE End-of-RIB ipv6-unicast"],
    ["a family that was not agreed", { attributes: [mpUnreach(25, 70, hex("00"))] }, "UPDATE ignored l2vpn-evpn"],
    [
      "twenty withdrawn prefixes",
      { withdrawn: concat(...Array.from({ length: 20 }, () => VIP)) },
      `UPDATE withdrawn ipv4-unicast (20) ${"198.51.100.7/32 ".repeat(16)}+4`,
    ],
  ])("%s", (_name, parts, line) => {
    expect(formatMessage(decoded(2, updateBody(parts)))).toBe(line);
  });

  test("paths show their segments", () => {
    const path = attribute(0x40, 2, hex("0102 00000001 00000002 0201 00000003"));
    const m = decoded(2, updateBody({ attributes: [ORIGIN, path, attribute(0x40, 3, [192, 0, 2, 1])], nlri: VIP }));
    expect(formatMessage(m)).toContain("as-path {1 2} 3 next-hop");
  });
});

describe("registry", () => {
  test("families map both ways", () => {
    for (const family of ["ipv4-unicast", "ipv6-unicast"] as const) {
      const { afi, safi } = afiSafi(family);
      expect(familyOf(afi, safi)).toBe(family);
    }
    expect([familyOf(1, 2), familyOf(3, 1), familyOf(25, 70)]).toEqual([null, null, null]);
  });

  test.each([
    ["no-export", 0xffffff01],
    ["no-advertise", 0xffffff02],
    ["no-export-subconfed", 0xffffff03],
    ["no-peer", 0xffffff04],
    ["graceful-shutdown", 0xffff0000],
    ["accept-own", 0xffff0001],
    ["llgr-stale", 0xffff0006],
    ["no-llgr", 0xffff0007],
    ["blackhole", 0xffff029a],
  ])("C-189 %s has its value and name", (name, value) => {
    expect(wellKnownCommunity(name)).toBe(value);
    expect(formatCommunity(value)).toBe(name);
  });

  test("other communities are two numbers, other names are none", () => {
    expect(formatCommunity(0xfde80001)).toBe("65000:1");
    expect([wellKnownCommunity("65000:1"), wellKnownCommunity("constructor")]).toEqual([null, null]);
  });
});

test("C-267 C-268 any type and octets give a value or a fault, and a printable line", () => {
  fc.assert(
    fc.property(fc.nat(7), fc.uint8Array({ maxLength: 120 }), (type, body) => {
      const r = decodeMessage(type, body, external);
      if (r.ok) expect(formatMessage(r.value)).not.toContain("\n");
      else expect(r.fault.errorCode).toBeGreaterThan(0);
    }),
    { numRuns: 200 },
  );
});
