// What must never leave us, whatever the route, the session and the prefix: properties over everything that we encode.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Negotiated, RouteAttributes } from "../../../src/bgp/wire/message.ts";
import { prefixWireSize, writePrefix } from "../../../src/bgp/wire/nlri.ts";
import { writeAttributes } from "../../../src/bgp/wire/routeAttributes.ts";
import { ipToBytes, ipv4, ipv6, prefixOf } from "../../../src/kernel/ip.ts";
import { Asn } from "../../../src/kernel/units.ts";
import { external, internal } from "./support.ts";

const u32 = fc.nat(0xffff_ffff);
const asn = fc.integer({ min: 1, max: 0xffff_ffff });
const routes: fc.Arbitrary<RouteAttributes> = fc.record({
  nextHop: fc.constant("self" as const),
  localPref: fc.option(u32),
  med: fc.option(u32),
  asPathPrepend: fc.nat(10),
  asPathTail: fc.array(asn, { maxLength: 4 }),
  communities: fc.array(u32, { maxLength: 60 }),
  largeCommunities: fc.array(fc.record({ globalAdmin: u32, local1: u32, local2: u32 }), { maxLength: 20 }),
  linkBandwidth: fc.constant(null),
});
const sessions: fc.Arbitrary<Negotiated> = fc
  .record({
    base: fc.constantFrom(external, internal),
    fourOctetAsn: fc.boolean(),
    asn,
  })
  .map(({ base, fourOctetAsn, asn }) => ({
    ...base,
    fourOctetAsn,
    localAsn: Asn(asn),
    peerAsn: base.isInternal ? Asn(asn) : base.peerAsn,
  }));

interface Attribute {
  readonly code: number;
  readonly value: Uint8Array;
}

/** Read by hand: the decoder under test elsewhere has no say here. */
function attributesOf(bytes: Uint8Array): readonly Attribute[] {
  const out: Attribute[] = [];
  for (let at = 0; at < bytes.length; ) {
    const isLong = ((bytes[at] ?? 0) & 0x10) !== 0;
    const size = isLong ? ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0) : (bytes[at + 2] ?? 0);
    const start = at + (isLong ? 4 : 3);
    out.push({ code: bytes[at + 1] ?? 0, value: bytes.subarray(start, start + size) });
    at = start + size;
  }
  return out;
}

const encode = (route: RouteAttributes, negotiated: Negotiated): readonly Attribute[] =>
  attributesOf(
    writeAttributes(route, { negotiated, family: "ipv4-unicast", nextHop: ipv4(0xc000_0201), linkLocalNextHop: null })
      .attributes,
  );

describe("never sent", () => {
  test("C-196 an AS_SET, nor any segment but a sequence, in AS_PATH and AS4_PATH", () => {
    fc.assert(
      fc.property(routes, sessions, (route, negotiated) => {
        for (const { code, value } of encode(route, negotiated)) {
          const width = code === 17 || negotiated.fourOctetAsn ? 4 : 2;
          if (code !== 2 && code !== 17) continue;
          for (let at = 0; at < value.length; at += 2 + width * (value[at + 1] ?? 0)) expect(value[at]).toBe(2);
        }
      }),
    );
  });

  test("C-113 an AS4 attribute to a four-octet speaker, nor C-100 LOCAL_PREF to an external one", () => {
    fc.assert(
      fc.property(routes, sessions, (route, negotiated) => {
        const codes = encode(route, negotiated).map((a) => a.code);
        if (negotiated.fourOctetAsn) expect(codes.filter((c) => c === 17 || c === 18)).toEqual([]);
        expect(codes.includes(5)).toBe(negotiated.isInternal);
        expect(codes).toEqual(codes.toSorted((a, b) => a - b));
      }),
    );
  });

  test("C-116 bits beyond a prefix, nor octets beyond it", () => {
    const four = fc.tuple(u32, fc.nat(32)).map(([w, length]) => prefixOf(ipv4(w), length));
    const six = fc
      .tuple(u32, u32, u32, u32, fc.nat(128))
      .map(([a, b, c, d, length]) => prefixOf(ipv6(a, b, c, d), length));
    fc.assert(
      fc.property(fc.oneof(four, six), (p) => {
        const out = new Uint8Array(20).fill(0xaa);
        const end = writePrefix(out, 0, p.version, p.w0, p.w1, p.w2, p.w3, p.length);
        expect(end).toBe(prefixWireSize(p.length));
        expect(end).toBe(1 + Math.ceil(p.length / 8));
        const bits = [...out.subarray(1, end)].map((o) => o.toString(2).padStart(8, "0")).join("");
        expect(bits.slice(p.length)).toMatch(/^0*$/);
        expect([...out.subarray(1, end)]).toEqual([...ipToBytes(p)].slice(0, end - 1));
      }),
    );
  });
});
