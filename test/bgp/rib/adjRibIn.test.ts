import { describe, expect, test } from "vitest";
import { AdjRibIn, type RouteWatch } from "../../../src/bgp/rib/adjRibIn.ts";
import type { Negotiated, ReceivedAttributes, UpdateMessage } from "../../../src/bgp/wire/message.ts";
import { prefixWireSize, writePrefix } from "../../../src/bgp/wire/nlri.ts";
import { afiSafi } from "../../../src/bgp/wire/registry.ts";
import { EMPTY_UPDATE } from "../../../src/bgp/wire/update.ts";
import { formatPrefix, type Prefix, parsePrefix } from "../../../src/kernel/ip.ts";
import { Asn } from "../../../src/kernel/units.ts";
import { external } from "../wire/support.ts";

const negotiated: Negotiated = { ...external, localAsn: Asn(65_001), peerAsn: Asn(65_002) };

const prefix = (text: string): Prefix => {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new Error(text);
  return parsed;
};

const block = (texts: readonly string[]): UpdateMessage["reachable"] =>
  ([4, 6] as const).flatMap((version) => {
    const own = texts.map(prefix).filter((p) => p.version === version);
    if (own.length === 0) return [];
    const bytes = new Uint8Array(own.reduce((sum, p) => sum + prefixWireSize(p.length), 0));
    let at = 0;
    for (const p of own) at = writePrefix(bytes, at, version, p.w0, p.w1, p.w2, p.w3, p.length);
    return [{ ...afiSafi(version === 4 ? "ipv4-unicast" : "ipv6-unicast"), count: own.length, bytes }];
  });

const path = (...asns: number[]): ReceivedAttributes => ({
  ...EMPTY_UPDATE.attributes,
  asPath: [{ type: "sequence", asns }],
});

const update = (change: Partial<UpdateMessage>): UpdateMessage => ({
  ...EMPTY_UPDATE,
  attributes: path(65_002),
  ...change,
});
const announce = (...texts: string[]): UpdateMessage => update({ reachable: block(texts) });
const withdraw = (...texts: string[]): UpdateMessage => update({ withdrawn: block(texts) });

const ribOf = (change: Partial<ConstructorParameters<typeof AdjRibIn>[0]> = {}): AdjRibIn =>
  new AdjRibIn({ negotiated, keep: false, ...change });

describe("the count", () => {
  const rows: readonly (readonly [what: string, updates: readonly UpdateMessage[], count: number])[] = [
    ["announced prefixes of both families", [announce("192.0.2.0/24", "192.0.2.1/32", "2001:db8::/32")], 3],
    ["the same prefix again counts once", [announce("192.0.2.0/24"), announce("192.0.2.0/24")], 1],
    ["a withdraw takes away", [announce("192.0.2.0/24", "192.0.2.1/32"), withdraw("192.0.2.0/24")], 1],
    ["C-153 a withdraw of an unknown prefix does nothing", [withdraw("192.0.2.0/24")], 0],
    [
      "C-154 a prefix withdrawn and announced in one UPDATE is announced",
      [update({ withdrawn: block(["192.0.2.0/24"]), reachable: block(["192.0.2.0/24"]) })],
      1,
    ],
    [
      "treat-as-withdraw withdraws",
      [announce("192.0.2.0/24"), update({ verdict: "treatAsWithdraw", reachable: block(["192.0.2.0/24"]) })],
      0,
    ],
    [
      "a faulty UPDATE that resets the session counts for nothing",
      [update({ verdict: "sessionReset", reachable: block(["192.0.2.0/24"]) })],
      0,
    ],
    [
      "C-157 our own route sent back to us is a loop, and replaces what was there",
      [announce("192.0.2.0/24"), update({ attributes: path(65_002, 65_001), reachable: block(["192.0.2.0/24"]) })],
      0,
    ],
  ];
  test.each(rows)("%s", (_what, updates, count) => {
    for (const keep of [false, true]) {
      const rib = ribOf({ keep });
      for (const u of updates) rib.apply(u);
      expect(rib.count).toBe(count);
    }
  });

  test("an internal peer's path never holds our AS by accident: no loop is assumed", () => {
    const rib = ribOf({ negotiated: { ...negotiated, isInternal: true } });
    rib.apply(update({ attributes: path(65_001), reachable: block(["192.0.2.0/24"]) }));
    expect(rib.count).toBe(1);
  });
});

describe("loops", () => {
  const reflected = (...texts: string[]): UpdateMessage =>
    update({ attributes: path(65_002, 65_001), reachable: block(texts) });

  test("are kept for looking at where routes are kept, marked and not counted, and fill the limit", () => {
    const rib = ribOf({ keep: true });
    rib.apply(announce("192.0.2.0/24"));
    rib.apply(reflected("192.0.2.1/32", "192.0.2.2/32"));
    expect(rib.count).toBe(1);
    expect([...rib.routes()].map((r) => `${formatPrefix(r.prefix)} ${r.isLoop}`).sort()).toEqual([
      "192.0.2.0/24 false",
      "192.0.2.1/32 true",
      "192.0.2.2/32 true",
    ]);
    expect([rib.isOver(2), rib.isOver(3)]).toEqual([true, false]);
    rib.apply(withdraw("192.0.2.2/32"));
    rib.apply(reflected("192.0.2.0/24"));
    rib.apply(announce("192.0.2.1/32"));
    expect([rib.count, rib.isOver(1), rib.isOver(2)]).toEqual([1, true, false]);
  });

  test("are not kept where routes are only counted", () => {
    const rib = ribOf();
    rib.apply(reflected("192.0.2.1/32"));
    expect(rib.isOver(1)).toBe(false);
    expect(rib.count).toBe(0);
  });
});

describe("watched routes", () => {
  const tagged = (community: number, ...texts: string[]): UpdateMessage =>
    update({ attributes: { ...path(65_002), communities: [community] }, reachable: block(texts) });

  function watching(): {
    readonly rib: AdjRibIn;
    readonly told: string[];
    readonly asked: number[];
    want(n: number): void;
  } {
    const told: string[] = [];
    const asked: number[] = [];
    let wanted = 7;
    const watch: RouteWatch = {
      isWatched: ({ communities: [community = 0] }) => {
        asked.push(community);
        return community === wanted;
      },
      changed: (p, a) => told.push(`${formatPrefix(p)} ${a === null ? "gone" : a.communities.join()}`),
    };
    const want = (n: number): void => {
      wanted = n;
    };
    return { rib: ribOf({ keep: true, watch }), told, asked, want };
  }

  test("are told as they come, change, cease to be watched and go; others never", () => {
    const { rib, told, asked } = watching();
    rib.apply(tagged(7, "192.0.2.1/32", "2001:db8::1/128"));
    rib.apply(tagged(8, "192.0.2.2/32", "192.0.2.3/32"));
    expect(asked).toEqual([7, 7, 8]); // once for each UPDATE and family, however many prefixes it has
    expect(told).toEqual(["192.0.2.1/32 7", "2001:db8::1/128 7"]);
    told.length = 0;
    rib.apply(tagged(8, "192.0.2.1/32"));
    rib.apply(withdraw("192.0.2.1/32", "192.0.2.2/32", "2001:db8::1/128", "2001:db8::2/128"));
    expect(told).toEqual(["192.0.2.1/32 gone", "2001:db8::1/128 gone"]);
  });

  test("may become others: from then on the new ones are told", () => {
    const watch = watching();
    watch.rib.apply(tagged(8, "192.0.2.1/32"));
    watch.want(8);
    watch.rib.rewatch();
    watch.rib.apply(withdraw("192.0.2.1/32"));
    expect(watch.told).toEqual(["192.0.2.1/32 gone"]);
  });
});

describe("C-158 the limit", () => {
  test("is passed with the first prefix beyond it, over all families", () => {
    const rib = ribOf();
    rib.apply(announce("192.0.2.0/24", "2001:db8::/32"));
    expect(rib.isOver(2)).toBe(false);
    rib.apply(announce("192.0.2.1/32"));
    expect(rib.isOver(2)).toBe(true);
  });
  test("0 is none", () => {
    const rib = ribOf();
    rib.apply(announce("192.0.2.0/24"));
    expect(rib.isOver(0)).toBe(false);
  });
});

describe("kept routes", () => {
  test("are there with what was said last, and only when asked for", () => {
    const kept = ribOf({ keep: true });
    const counted = ribOf();
    for (const rib of [kept, counted]) {
      rib.apply(announce("192.0.2.0/24", "192.0.2.1/32"));
      rib.apply(update({ attributes: { ...path(65_002), med: 7 }, reachable: block(["192.0.2.1/32"]) }));
      rib.apply(withdraw("192.0.2.0/24"));
    }
    expect([...kept.routes()].map((r) => [formatPrefix(r.prefix), r.attributes.med])).toEqual([["192.0.2.1/32", 7]]);
    expect(kept.find(prefix("192.0.2.1/32"))?.med).toBe(7);
    expect(kept.find(prefix("192.0.2.0/24"))).toBeNull();
    expect([...counted.routes()]).toEqual([]);
    expect(counted.find(prefix("192.0.2.1/32"))).toBeNull();
  });
});

test("End-of-RIB is remembered by family", () => {
  const rib = ribOf();
  rib.apply(update({ endOfRib: afiSafi("ipv6-unicast") }));
  expect([...rib.endedFamilies]).toEqual(["ipv6-unicast"]);
});
