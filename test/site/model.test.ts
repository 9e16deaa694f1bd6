// Claims as large communities: both ways, and what is no claim.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Asn } from "../../src/kernel/units.ts";
import { type Claim, decodeClaims, encodeClaim, mergeClaims, nodeMark } from "../../src/site/model.ts";

const ASN = Asn(4_200_000_000);
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const claims: fc.Arbitrary<Claim> = fc.record({
  siteId: fc.integer({ min: 1, max: 0xffff }),
  rank: fc.integer({ min: 0, max: 0xffff }),
  epoch: u32,
  state: fc.constantFrom("active", "standby", "leaving"),
  node: u32,
});

describe("claims in a route", () => {
  test("a claim reads in decimal", () => {
    const claim: Claim = { siteId: 7, rank: 2, epoch: 31, state: "leaving", node: 5 };
    expect(encodeClaim(Asn(65000), claim).map((c) => `${c.globalAdmin}:${c.local1}:${c.local2}`)).toEqual([
      "65000:100007:2",
      "65000:200007:31",
      "65000:300007:3",
      "65000:400007:5",
    ]);
  });

  test("what is encoded is decoded, beside communities of others and whatever their order", () => {
    fc.assert(
      fc.property(fc.uniqueArray(claims, { selector: (c) => c.siteId, maxLength: 4 }), u32, (list, seed) => {
        const others = [
          { globalAdmin: 65001, local1: 100_001, local2: 1 },
          { globalAdmin: ASN, local1: 7, local2: 1 },
          { globalAdmin: ASN, local1: 900_001, local2: 1 },
        ];
        const all = [...list.flatMap((c) => encodeClaim(ASN, c)), ...others];
        const turned = all.map((_, i) => all[(i + seed) % all.length]).filter((c) => c !== undefined);
        expect(decodeClaims(turned, ASN)).toEqual([...list].sort((a, b) => a.siteId - b.siteId));
      }),
    );
  });

  test("any communities give claims within their ranges, never a throw", () => {
    const community = fc.record({ globalAdmin: fc.constant(ASN as number), local1: u32, local2: u32 });
    fc.assert(
      fc.property(fc.array(community), (list) => {
        for (const { siteId, rank } of decodeClaims(list, ASN)) {
          expect(siteId).toBeGreaterThan(0);
          expect(rank).toBeLessThanOrEqual(0xffff);
        }
      }),
    );
  });

  test("of nodes merged into one route the strongest counts", () => {
    const site = { siteId: 1, node: 9 };
    const merged = [
      ...encodeClaim(ASN, { ...site, rank: 1, epoch: 5, state: "leaving" }),
      ...encodeClaim(ASN, { ...site, rank: 0, epoch: 6, state: "active" }),
    ];
    expect(decodeClaims(merged, ASN)).toEqual([{ ...site, rank: 0, epoch: 6, state: "active" }]);
  });

  test("one claim is told of each site: the newest, as a whole", () => {
    const of = (siteId: number, epoch: number, state: Claim["state"]): Claim => ({
      siteId,
      rank: 1,
      epoch,
      state,
      node: epoch,
    });
    const merged = mergeClaims([of(2, 1, "active"), of(1, 5, "active"), of(1, 6, "leaving"), of(1, 6, "active")]);
    expect(merged).toEqual([of(1, 6, "leaving"), of(2, 1, "active")]);
  });

  test("half a claim is none, and a state of a later version counts as active", () => {
    expect(decodeClaims([{ globalAdmin: ASN, local1: 100_001, local2: 1 }], ASN)).toEqual([]);
    const [claim] = decodeClaims(
      [
        { globalAdmin: ASN, local1: 100_001, local2: 1 },
        { globalAdmin: ASN, local1: 200_001, local2: 3 },
        { globalAdmin: ASN, local1: 300_001, local2: 77 },
      ],
      ASN,
    );
    expect(claim).toEqual({ siteId: 1, rank: 1, epoch: 3, state: "active", node: 0 });
  });

  test("node marks differ and are never 0", () => {
    expect(nodeMark("worker-1")).not.toBe(nodeMark("worker-2"));
    expect(nodeMark("")).toBeGreaterThan(0);
  });
});
