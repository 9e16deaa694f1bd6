import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { makeOffer } from "../../src/announce/compile.ts";
import { attributesEqual, localPrefWarnings, mergeAttributes, mergeOffers } from "../../src/announce/merge.ts";
import type { RouteAttributes } from "../../src/bgp/wire/message.ts";
import { PeerName } from "../../src/kernel/units.ts";
import { ip } from "./builders.ts";

const attributes = (over: Partial<RouteAttributes> = {}): RouteAttributes => ({
  nextHop: "self",
  localPref: null,
  med: null,
  asPathPrepend: 0,
  communities: [],
  largeCommunities: [],
  linkBandwidth: null,
  ...over,
});
const large = (n: number) => ({ globalAdmin: n, local1: 0, local2: 0 });
const offer = (name: string, over: Partial<RouteAttributes>, ...peers: string[]) =>
  makeOffer({ kind: "BGPAdvertisement", namespace: "ns", name }, "ipv4-unicast", attributes(over), peers.map(PeerName));

describe("equal prefixes (metallb-compat 2.5)", () => {
  test("communities of both kinds are united, ascending, without duplicates", () => {
    const a = attributes({ communities: [3, 5], largeCommunities: [large(2)] });
    const b = attributes({ communities: [1, 5], largeCommunities: [large(1), large(2)] });
    expect(mergeAttributes([a, b])).toEqual(
      attributes({ communities: [1, 3, 5], largeCommunities: [large(1), large(2)] }),
    );
  });
  test.each<[string, number | null, number | null, number | null, number]>([
    ["the highest LOCAL_PREF wins (Q-14)", 100, 200, 200, 1],
    ["not set loses against a value without a warning", null, 5, 5, 0],
    ["not set stays not set", null, null, null, 0],
    ["equal values are no difference", 7, 7, 7, 0],
  ])("%s", (_name, x, y, expected, warnings) => {
    const offers = [offer("a", { localPref: x }, "t"), offer("b", { localPref: y }, "t")];
    expect(mergeOffers(offers).get(PeerName("t"))?.localPref).toBe(expected);
    const found = localPrefWarnings(offers);
    expect(found).toHaveLength(warnings);
    for (const w of found) expect(w).toMatchObject({ severity: "warning", name: "a", path: "spec.localPref" });
  });
  test("what a peer is not offered does not reach it", () => {
    const merged = mergeOffers([offer("a", { localPref: 1 }, "t", "u"), offer("b", { localPref: 2 }, "u", "v")]);
    expect(Object.fromEntries([...merged].map(([peer, a]) => [peer, a.localPref]))).toEqual({ t: 1, u: 2, v: 2 });
  });
  test("different LOCAL_PREFs at different peers are no reason to warn", () => {
    expect(localPrefWarnings([offer("a", { localPref: 1 }, "t"), offer("b", { localPref: 2 }, "u")])).toEqual([]);
  });
});

test("the result does not depend on the order of the offers", () => {
  const anyOffer = fc
    .record({
      name: fc.constantFrom("a", "b", "c", "d"),
      localPref: fc.option(fc.nat(3)),
      communities: fc.uniqueArray(fc.nat(4)),
      peers: fc.uniqueArray(fc.constantFrom("t", "u")),
    })
    .map((o) => offer(o.name, { localPref: o.localPref, communities: [...o.communities].sort() }, ...o.peers.sort()));
  fc.assert(
    fc.property(
      fc
        .array(anyOffer, { maxLength: 4 })
        .chain((l) => fc.tuple(fc.constant(l), fc.shuffledSubarray(l, { minLength: l.length }))),
      ([a, b]) => {
        expect([...mergeOffers(a)].sort()).toEqual([...mergeOffers(b)].sort());
        expect(
          localPrefWarnings(a)
            .map((p) => p.message)
            .sort(),
        ).toEqual(
          localPrefWarnings(b)
            .map((p) => p.message)
            .sort(),
        );
      },
    ),
    { numRuns: 100 },
  );
});

test("equality looks at every attribute", () => {
  const base = attributes({ communities: [1], largeCommunities: [large(1)], nextHop: ip("192.0.2.1") });
  expect(attributesEqual(base, structuredClone(base))).toBe(true);
  const others: Partial<RouteAttributes>[] = [
    { nextHop: "self" },
    { nextHop: ip("192.0.2.2") },
    { localPref: 0 },
    { med: 0 },
    { asPathPrepend: 1 },
    { linkBandwidth: 0 },
    { communities: [2] },
    { communities: [1, 2] },
    { largeCommunities: [large(2)] },
    { largeCommunities: [] },
  ];
  for (const over of others) expect(attributesEqual(base, { ...base, ...over }), JSON.stringify(over)).toBe(false);
});
