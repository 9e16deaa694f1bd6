// The pieces under the allocator, against the plainest form of each: a set of numbers, a list of addresses, a search from the start.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { IntervalSet } from "../../src/allocate/intervals.ts";
import { Ledger, type Terms } from "../../src/allocate/ledger.ts";
import { PoolTable } from "../../src/allocate/pool.ts";
import { addressAt, makeSpan, offsetIn } from "../../src/allocate/span.ts";
import { formatIp, type Ip, ipv4 } from "../../src/kernel/ip.ts";
import { ServiceKey } from "../../src/kernel/units.ts";
import { ip } from "../announce/builders.ts";
import { pool } from "./support.ts";

test("a set of intervals is a set of numbers", () => {
  const steps = fc.array(fc.record({ n: fc.nat(12), isAdd: fc.boolean() }), { maxLength: 60 });
  fc.assert(
    fc.property(steps, (changes) => {
      const [intervals, plain] = [new IntervalSet(), new Set<number>()];
      for (const { n, isAdd } of changes) {
        if (isAdd) intervals.add(n);
        else intervals.delete(n);
        if (isAdd) plain.add(n);
        else plain.delete(n);
        let lowest = 0;
        while (plain.has(lowest)) lowest++;
        expect(intervals.lowestMissing).toBe(lowest);
        for (let i = 0; i < 14; i++) expect(intervals.has(i)).toBe(plain.has(i));
      }
    }),
  );
});

describe("offsets in a span", () => {
  const rangeOf = (first: string, last: string) => ({
    first: ip(first),
    last: ip(last),
    shortestMask: 0,
    text: "",
    path: "",
  });

  test.each([
    ["2001:db8::ffff:ffff", 1, "2001:db8::1:0:0"],
    ["2001:db8:0:0:ffff:ffff:ffff:fff0", 0x20, "2001:db8:0:1::10"],
    ["2001:db8::", 2 ** 53 - 1, "2001:db8::1f:ffff:ffff:ffff"],
  ])("carry over words: %s + %i", (first, offset, expected) => {
    const span = makeSpan(rangeOf(first, "2001:db8:ffff::"), false);
    expect(span && formatIp(addressAt(span, offset))).toBe(expected);
    expect(span && offsetIn(span, ip(expected))).toBe(offset);
  });

  test("beyond 2^53 an address is of the span and has no number", () => {
    const span = makeSpan(rangeOf("2001:db8::", "2001:db8:ffff::"), false);
    expect(span && offsetIn(span, ip("2001:db8:1::"))).toBe(Number.POSITIVE_INFINITY);
    expect(span && offsetIn(span, ip("2001:db9::"))).toBeNull();
  });

  test("with avoidBuggyIPs are those of the addresses that are left, in order", () => {
    const anyRange = fc.tuple(fc.nat(1100), fc.nat(1100)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
    fc.assert(
      fc.property(anyRange, ([low, high]) => {
        const base = 0xc0000200;
        const all = Array.from({ length: high - low + 1 }, (_, i) => ipv4(base + low + i));
        const left = all.filter((a) => (a.w0 & 255) !== 0 && (a.w0 & 255) !== 255);
        const range = { first: ipv4(base + low), last: ipv4(base + high), shortestMask: 0, text: "", path: "" };
        const span = makeSpan(range, true);
        expect(span?.size ?? 0).toBe(left.length);
        for (const [i, a] of left.entries())
          expect(span && [formatIp(addressAt(span, i)), offsetIn(span, a)]).toEqual([formatIp(a), i]);
        for (const a of all) if (!left.includes(a)) expect(span && offsetIn(span, a)).toBeNull();
      }),
    );
  });
});

test("the first address that is free or shareable is the one a search from the start finds", () => {
  const table = new PoolTable([pool("p", ["192.0.2.8-192.0.2.9", "192.0.2.1/32", "192.0.2.4-192.0.2.6"])]);
  const order = ["8", "9", "1", "4", "5", "6"].map((n) => `192.0.2.${n}`);
  const terms = fc.record({
    sharingKey: fc.constantFrom("k", "k", "k", "k", "k", "l", ""),
    backendKey: fc.constantFrom("", "", "", "", "app=x"),
    ports: fc.constantFrom(["TCP/1"], ["TCP/1"], ["TCP/1"], ["TCP/2"], ["TCP/1", "TCP/2"], ["TCP/3"]),
  });
  const step = fc.record({
    name: fc.constantFrom(..."abcdefgh"),
    isRelease: fc.constantFrom(false, false, true),
    terms,
  });
  const mayShare = (a: Terms, b: Terms): boolean =>
    a.sharingKey !== "" &&
    a.sharingKey === b.sharingKey &&
    a.backendKey === b.backendKey &&
    !a.ports.some((p) => b.ports.includes(p));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const ledger = new Ledger();
      ledger.setPools(new PoolTable([...table.pools.values()].map((p) => p.object)));
      const holders = new Map<string, { readonly text: string; readonly terms: Terms }>();
      for (const { name, isRelease, terms: own } of steps) {
        const key = ServiceKey("default", name);
        ledger.release(key);
        holders.delete(name);
        if (isRelease) continue;
        const found = ledger.lowest([...ledger.table.pools.values()][0] as never, 4, key, own);
        const expected = order.find((text) =>
          [...holders.values()].every((h) => h.text !== text || mayShare(own, h.terms)),
        );
        expect(found === null ? undefined : formatIp(found)).toBe(expected);
        if (found === null) continue;
        ledger.hold(key, [found as Ip], own);
        holders.set(name, { text: formatIp(found), terms: own });
      }
    }),
    { numRuns: 300 },
  );
});
