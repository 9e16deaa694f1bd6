import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { settingPath } from "../../src/announce/annotations.ts";
import { makeOffer } from "../../src/announce/compile.ts";
import type { AskedAttributes } from "../../src/announce/compiled.ts";
import { attributesEqual, mergeAttributes, mergeOffers } from "../../src/announce/merge.ts";
import type { RouteAttributes } from "../../src/bgp/wire/message.ts";
import { communityOctets, MAX_COMMUNITY_OCTETS } from "../../src/bgp/wire/routeAttributes.ts";
import type { ConfigProblem } from "../../src/kernel/problem.ts";
import { PeerName } from "../../src/kernel/units.ts";
import { routeAttributes } from "../bgp/wire/support.ts";
import { ip } from "./builders.ts";

const large = (n: number) => ({ globalAdmin: n, local1: 0, local2: 0 });
const offer = (name: string, over: Partial<AskedAttributes>, ...peers: string[]) =>
  makeOffer(
    { kind: "BGPAdvertisement", namespace: "ns", name },
    "ipv4-unicast",
    { ...routeAttributes(), asPathPrepend: null, ...over },
    peers.map(PeerName),
  );

describe("equal prefixes (metallb-compat 2.5)", () => {
  test("communities of both kinds are united, ascending, without duplicates", () => {
    const a = routeAttributes({ communities: [3, 5], largeCommunities: [large(2)] });
    const b = routeAttributes({ communities: [1, 5], largeCommunities: [large(1), large(2)] });
    expect(mergeAttributes([a, b])).toEqual(
      routeAttributes({ communities: [1, 3, 5], largeCommunities: [large(1), large(2)] }),
    );
  });
  test.each<[string, keyof AskedAttributes, number | null, number | null, number | null, number]>([
    ["C-119 the highest LOCAL_PREF wins (Q-14)", "localPref", 100, 200, 200, 1],
    ["LOCAL_PREF not set loses against a value without a warning", "localPref", null, 5, 5, 0],
    ["LOCAL_PREF not set stays not set", "localPref", null, null, null, 0],
    ["equal LOCAL_PREFs are no difference", "localPref", 7, 7, 7, 0],
    ["the lowest MED wins", "med", 50, 10, 10, 1],
    ["MED 0 is a value", "med", 50, 0, 0, 1],
    ["MED not set loses against a value without a warning", "med", null, 50, 50, 0],
    ["MED not set stays not set", "med", null, null, null, 0],
    ["the fewest copies of our AS win", "asPathPrepend", 3, 1, 1, 1],
    ["no copies, where said so, win", "asPathPrepend", 3, 0, 0, 1],
    ["nothing said about copies loses against a value without a warning", "asPathPrepend", null, 3, 3, 0],
    ["nothing said about copies by anybody means none", "asPathPrepend", null, null, 0, 0],
  ])("%s", (_name, field, x, y, expected, warnings) => {
    const path = field === "localPref" ? "spec.localPref" : settingPath(field === "med" ? "med" : "asPathPrepend");
    const { routes, problems } = mergeOffers([offer("a", { [field]: x }, "t"), offer("b", { [field]: y }, "t")]);
    expect(routes.get(PeerName("t"))?.[field]).toBe(expected);
    expect(problems).toHaveLength(warnings);
    const texts = [`${x} loses where`, "BGPAdvertisement ns/b announces", `with ${y}`];
    for (const w of problems) {
      expect(w).toMatchObject({ severity: "warning", name: "a", path });
      for (const text of texts) expect(w.message).toContain(text);
    }
  });
  test("what a peer is not offered does not reach it", () => {
    const { routes } = mergeOffers([offer("a", { localPref: 1 }, "t", "u"), offer("b", { localPref: 2 }, "u", "v")]);
    expect(Object.fromEntries([...routes].map(([peer, a]) => [peer, a.localPref]))).toEqual({ t: 1, u: 2, v: 2 });
  });
  test("different values at different peers are no reason to warn", () => {
    const values = (n: number) => ({ localPref: n, med: n, asPathPrepend: n });
    expect(mergeOffers([offer("a", values(1), "t"), offer("b", values(2), "u")]).problems).toEqual([]);
  });
  test("one offer is passed on as the same object", () => {
    const one = offer("a", { med: 1 }, "t");
    expect(mergeOffers([one, offer("b", {}, "u")]).routes.get(PeerName("t"))).toBe(one.attributes);
  });
});

describe("C-192 more communities than fit a message", () => {
  const largeFrom = (first: number, count: number) => Array.from({ length: count }, (_, i) => large(first + i));
  const largest = Math.floor((MAX_COMMUNITY_OCTETS - 8) / 12);
  const crowd = (name: string, first: number, count: number) =>
    offer(name, { largeCommunities: largeFrom(first, count), localPref: first }, "t");

  test("as many as fit together are united", () => {
    const { routes, problems } = mergeOffers([crowd("a", 0, 300), crowd("b", 300, largest - 300)]);
    expect(routes.get(PeerName("t"))?.largeCommunities).toHaveLength(largest);
    expect(problems.filter((p) => p.severity === "error")).toEqual([]);
  });
  test("one more does not fit", () => {
    const { routes, problems } = mergeOffers([crowd("a", 0, 300), crowd("b", 300, largest - 299)]);
    expect(routes.get(PeerName("t"))?.largeCommunities).toHaveLength(300);
    expect(problems.filter((p) => p.severity === "error")).toMatchObject([{ name: "b" }]);
  });
  test("the last by name is left out with all it asks for, and is told by which others", () => {
    const { routes, problems } = mergeOffers([crowd("c", 600, 10), crowd("b", 300, largest), crowd("a", 1, 300)]);
    expect(routes.get(PeerName("t"))).toMatchObject({ localPref: 600 });
    expect(routes.get(PeerName("t"))?.largeCommunities).toHaveLength(310);
    const errors = problems.filter((p) => p.severity === "error");
    expect(errors).toMatchObject([{ kind: "BGPAdvertisement", name: "b", path: "spec.communities" }]);
    expect(errors[0]?.message).toContain("BGPAdvertisement ns/a");
  });
  test("communities that both ask for count once", () => {
    expect(mergeOffers([crowd("a", 1, largest), crowd("b", 1, largest)]).problems).toEqual([]);
  });
});

test("the result does not depend on the order of the offers, and always fits", () => {
  const anyOffer = fc
    .record({
      name: fc.constantFrom("a", "b", "c", "d"),
      localPref: fc.option(fc.nat(3)),
      med: fc.option(fc.nat(3)),
      asPathPrepend: fc.option(fc.nat(3)),
      communities: fc.uniqueArray(fc.nat(4)),
      crowd: fc.constantFrom(0, 0, 150, 300),
      peers: fc.uniqueArray(fc.constantFrom("t", "u")),
    })
    .map(({ name, peers, communities, crowd, ...o }) => {
      const largeCommunities = Array.from({ length: crowd }, (_, i) => large(name.charCodeAt(0) * 1000 + i));
      return offer(name, { ...o, communities: [...communities].sort(), largeCommunities }, ...peers.sort());
    });
  fc.assert(
    fc.property(
      fc
        .array(anyOffer, { maxLength: 4 })
        .chain((l) => fc.tuple(fc.constant(l), fc.shuffledSubarray(l, { minLength: l.length }))),
      ([a, b]) => {
        const [one, other] = [mergeOffers(a), mergeOffers(b)];
        expect([...one.routes].sort()).toEqual([...other.routes].sort());
        const texts = (problems: readonly ConfigProblem[]) => problems.map((p) => JSON.stringify(p)).sort();
        expect(texts(one.problems)).toEqual(texts(other.problems));
        expect(one.routes.size).toBe(new Set(a.flatMap((o) => o.peers)).size);
        for (const route of one.routes.values())
          expect(communityOctets(route)).toBeLessThanOrEqual(MAX_COMMUNITY_OCTETS);
      },
    ),
    { numRuns: 100 },
  );
});

test("equality looks at every attribute", () => {
  const base = routeAttributes({ communities: [1], largeCommunities: [large(1)], nextHop: ip("192.0.2.1") });
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
    { origin: "incomplete" },
    { asPathTail: [65_001] },
  ];
  for (const over of others) expect(attributesEqual(base, { ...base, ...over }), JSON.stringify(over)).toBe(false);
});
