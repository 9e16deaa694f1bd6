import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PrefixMap } from "../../../src/bgp/rib/prefixMap.ts";
import { formatPrefix, ipv4, ipv6, type Prefix, prefixOf } from "../../../src/kernel/ip.ts";

const few = fc.nat({ max: 6 });
const prefixes: Readonly<Record<4 | 6, fc.Arbitrary<Prefix>>> = {
  4: fc.tuple(few, fc.integer({ min: 24, max: 32 })).map(([n, length]) => prefixOf(ipv4(0x0a00_0000 + n), length)),
  6: fc
    .tuple(few, few, fc.integer({ min: 60, max: 128 }))
    .map(([a, b, length]) => prefixOf(ipv6(0x2001_0db8, a, 0, b), length)),
};

describe.each([4, 6] as const)("IPv%i", (version) => {
  test("behaves like a plain map under any history", () => {
    const step = fc.record({ prefix: prefixes[version], value: fc.integer({ min: 0, max: 3 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const map = new PrefixMap(version);
        const model = new Map<string, number>();
        for (const { prefix: p, value } of steps) {
          const key = formatPrefix(p);
          const before = model.get(key) ?? 0;
          if (value === 0) {
            expect(map.delete(p.w0, p.w1, p.w2, p.w3, p.length)).toBe(before);
            model.delete(key);
          } else {
            expect(map.set(p.w0, p.w1, p.w2, p.w3, p.length, value)).toBe(before);
            model.set(key, value);
          }
          expect(map.size).toBe(model.size);
        }
        const seen = new Map<string, number>();
        map.forEach((w0, w1, w2, w3, length, value) => {
          const ip = version === 4 ? ipv4(w0) : ipv6(w0, w1, w2, w3);
          seen.set(formatPrefix(prefixOf(ip, length)), value);
        });
        expect(seen).toEqual(model);
      }),
      { numRuns: 150 },
    );
  });

  test("grows over many doublings and forgets everything again", () => {
    const map = new PrefixMap(version);
    const last = version === 4 ? 32 : 128;
    for (let n = 0; n < 20_000; n++) map.set(n, 0, 0, version === 4 ? 0 : n, last, n + 1);
    for (let n = 0; n < 20_000; n++) expect(map.get(n, 0, 0, version === 4 ? 0 : n, last)).toBe(n + 1);
    for (let n = 0; n < 20_000; n++) expect(map.delete(n, 0, 0, version === 4 ? 0 : n, last)).toBe(n + 1);
    expect(map.size).toBe(0);
  });
});
