import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type CommunityValue,
  parseCommunityLiteral,
  resolveCommunity,
  sortCommunities,
} from "../../src/announce/communities.ts";
import { formatLargeCommunity } from "../../src/bgp/wire/registry.ts";

const standard = (value: number): CommunityValue => ({ type: "standard", value });
const large = (globalAdmin: number, local1: number, local2: number): CommunityValue => ({
  type: "large",
  value: { globalAdmin, local1, local2 },
});

describe("literals", () => {
  test.each<[string, CommunityValue]>([
    ["0:0", standard(0)],
    ["65000:1", standard(0xfde8_0001)],
    ["65535:65535", standard(0xffff_ffff)],
    ["large:0:0:0", large(0, 0, 0)],
    ["large:4294967295:1:2", large(4294967295, 1, 2)],
  ])("%s is a community", (text, community) => {
    expect(parseCommunityLiteral(text)).toEqual({ type: "value", community });
  });

  test.each([
    "65536:1",
    "1:65536",
    "a:1",
    "1:",
    ":",
    "-1:1",
    "+1:1",
    "1: 2",
    "0x1:1",
    "large:1:2:4294967296",
    "big:1:2:3",
    "large:1:2:",
  ])("%s looks like a literal and is none", (text) => expect(parseCommunityLiteral(text).type).toBe("invalid"));

  test.each(["internal-only", "4259840001", "", "1:2:3", "large:1:2:3:4"])("%s can only be an alias", (text) => {
    expect(parseCommunityLiteral(text)).toEqual({ type: "unknownAlias" });
  });
});

test("an alias wins over a literal of the same spelling", () => {
  const aliases = new Map([["1:1", standard(7)]]);
  expect(resolveCommunity("1:1", aliases)).toEqual({ type: "value", community: standard(7) });
  expect(resolveCommunity("1:2", aliases)).toEqual({ type: "value", community: standard(65538) });
});

test("C-189: a well-known community may be written by its name, unless an alias has that name", () => {
  expect(resolveCommunity("no-export", new Map())).toEqual({ type: "value", community: standard(0xffff_ff01) });
  expect(resolveCommunity("graceful-shutdown", new Map())).toEqual({ type: "value", community: standard(0xffff_0000) });
  expect(resolveCommunity("no-export", new Map([["no-export", standard(7)]]))).toEqual({
    type: "value",
    community: standard(7),
  });
});

test("lists are ascending without duplicates, whatever the order of writing", () => {
  const values = [large(2, 0, 0), standard(9), large(1, 5, 0), standard(0xffff_ff01), standard(9), large(1, 5, 0)];
  fc.assert(
    fc.property(fc.shuffledSubarray(values, { minLength: values.length }), (shuffled) => {
      const { communities, largeCommunities } = sortCommunities(shuffled);
      expect(communities).toEqual([9, 0xffff_ff01]);
      expect(largeCommunities.map(formatLargeCommunity)).toEqual(["1:5:0", "2:0:0"]);
    }),
    { numRuns: 50 },
  );
});
