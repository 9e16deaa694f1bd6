import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findPool, indexPools } from "../../src/announce/pools.ts";
import { ipv4 } from "../../src/kernel/ip.ts";
import { ip, pool } from "./builders.ts";

const outcome = (...pools: ReturnType<typeof pool>[]) => {
  const { pools: used, problems } = indexPools(pools);
  return { used: [...used.keys()].sort(), problems: problems.map((p) => `${p.name} ${p.path}`) };
};

describe("overlap (metallb-compat 1.4)", () => {
  test("of two overlapping pools the one read later is out", () => {
    const got = outcome(pool("b", ["192.0.2.0/24"]), pool("a", ["192.0.2.128-192.0.3.5"]));
    expect(got).toEqual({ used: ["b"], problems: ["a spec.addresses[0]"] });
  });
  test("a creation timestamp decides over the order of reading", () => {
    const late = pool("late", ["192.0.2.0/24"], { createdAt: 2000 });
    const early = pool("early", ["192.0.2.0/24"], { createdAt: 1000 });
    expect(outcome(late, early).used).toEqual(["early"]);
  });
  test("equal timestamps go by name", () => {
    expect(
      outcome(pool("z", ["192.0.2.1/32"], { createdAt: 1 }), pool("y", ["192.0.2.1/32"], { createdAt: 1 })).used,
    ).toEqual(["y"]);
  });
  test("a pool that overlaps itself is out and frees its other addresses", () => {
    const self = pool("self", ["192.0.2.0/25", "192.0.2.64/26"]);
    expect(outcome(self, pool("next", ["192.0.2.0/24"]))).toEqual({
      used: ["next"],
      problems: ["self spec.addresses[1]"],
    });
  });
  test("every overlapping entry is listed", () => {
    const first = pool("first", ["192.0.2.0/24"]);
    const second = pool("second", ["192.0.2.1/32", "198.51.100.0/24", "192.0.2.9/32"]);
    expect(outcome(first, second).problems).toEqual(["second spec.addresses[0]", "second spec.addresses[2]"]);
  });
  test("a pool does not lose to one that is out itself", () => {
    const got = outcome(pool("a", ["10.0.0.0/24"]), pool("b", ["10.0.0.0/23"]), pool("c", ["10.0.1.0/24"]));
    expect(got.used).toEqual(["a", "c"]);
  });
  test("families do not overlap", () => {
    expect(outcome(pool("a", ["0.0.0.0/0"]), pool("b", ["::/0"])).used).toEqual(["a", "b"]);
  });
});

test("lookup finds the first and last address of a range and nothing beside", () => {
  const { ranges } = indexPools([pool("a", ["192.0.2.10-192.0.2.20"]), pool("b", ["192.0.2.21/32", "2001:db8::/120"])]);
  const rows = { "192.0.2.9": null, "192.0.2.10": "a", "192.0.2.20": "a", "192.0.2.21": "b", "192.0.2.22": null };
  for (const [text, name] of Object.entries(rows)) expect(findPool(ranges, ip(text)), text).toBe(name);
  expect(findPool(ranges, ip("2001:db8::ff"))).toBe("b");
  expect(findPool(ranges, ip("2001:db8::100"))).toBe(null);
});

test("lookup agrees with a walk over all accepted ranges", () => {
  const anyRange = fc.tuple(fc.nat(200), fc.nat(8)).map(([from, size]) => `10.0.0.${from}-10.0.0.${from + size}`);
  fc.assert(
    fc.property(fc.array(fc.array(anyRange, { maxLength: 3 }), { maxLength: 12 }), (lists) => {
      const index = indexPools(lists.map((list, i) => pool(`p${i}`, list)));
      for (let host = 0; host < 210; host++) {
        const w0 = 0x0a00_0000 + host;
        const holders = [...index.pools.values()].filter((p) =>
          p.addresses.some((r) => r.first.w0 <= w0 && w0 <= r.last.w0),
        );
        expect(holders.length).toBeLessThan(2);
        expect(findPool(index.ranges, ipv4(w0))).toBe(holders[0]?.ref.name ?? null);
      }
    }),
    { numRuns: 100 },
  );
});
