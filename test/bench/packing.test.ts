// The least that a table takes, and the tables in other programs' words.
import { describe, expect, it } from "vitest";
import { birdTable } from "../../bench/inject/birdTable.ts";
import { mrtTable } from "../../bench/inject/mrtTable.ts";
import { addressOf, routeLines } from "../../bench/inject/table.ts";
import { announceMinimum, withdrawMinimum } from "../../bench/packing/minimum.ts";
import { firstAddress } from "../../bench/wire.ts";

describe("the least on the wire", () => {
  // 4096 - 19 - 2 - 2 - 27 = 4046 octets for prefixes, so 809 of them
  it.each([
    ["nothing", 0, 1, 0, 0],
    ["one route", 1, 1, 1, 55],
    ["a message to the brim", 809, 1, 1, 50 + 809 * 5],
    ["one more than fits", 810, 1, 2, 2 * 50 + 810 * 5],
    ["a million in one set", 1_000_000, 1, 1237, 5_061_850],
    ["a million in a hundred sets", 1_000_000, 100, 1300, 5_065_000],
    ["sets of unequal size", 810, 809, 809, 809 * 50 + 810 * 5],
  ])("%s", (_, count, sets, messages, octets) => {
    expect(announceMinimum({ count, sets })).toEqual({ messages, octets });
  });

  it.each([
    [814, 1, 23 + 814 * 5],
    [815, 2, 46 + 815 * 5],
    [1_000_000, 1229, 5_028_267],
  ])("%d withdrawals", (count, messages, octets) => {
    expect(withdrawMinimum(count)).toEqual({ messages, octets });
  });
});

describe("the same table for others", () => {
  const table = { count: 5, sets: 2 };

  it("as lines", () => {
    expect(routeLines(table, (address, set) => `${address} ${set}`).slice(0, 2)).toEqual([
      "10.0.0.0 0",
      "10.91.209.233 1",
    ]);
  });

  it("for BIRD: every route once, one protocol per set", () => {
    const text = birdTable(table);
    expect(text.match(/^route /gm)).toHaveLength(5);
    expect(text.match(/^protocol static set[01] /gm)).toHaveLength(2);
  });

  it("for GoBGP: MRT records whose lengths lead from one to the next up to the end", () => {
    const bytes = mrtTable(table, 0x7f00_0002);
    const view = new DataView(bytes.buffer);
    const addresses: number[] = [];
    let at = 0;
    while (at < bytes.length) {
      if (view.getUint16(at + 6) === 2) addresses.push(view.getUint32(at + 12 + 5));
      at += 12 + view.getUint32(at + 8);
    }
    expect(at).toBe(bytes.length);
    expect(addresses.slice(0, 5)).toEqual([0, 1, 2, 3, 4].map(addressOf));
    expect(addresses.slice(5).every((address) => address >>> 24 !== 10)).toBe(true);
  });
});

describe("the first address of an UPDATE body", () => {
  it.each([
    ["End-of-RIB has none", [0, 0, 0, 0], null],
    ["of a withdrawal", [0, 5, 32, 10, 1, 2, 3, 0, 0], 0x0a01_0203],
    ["of an announcement behind its attributes", [0, 0, 0, 4, 0x40, 1, 1, 0, 24, 10, 9, 8], 0x0a09_0800],
  ])("%s", (_, body, address) => {
    expect(firstAddress(Uint8Array.from(body), 0, body.length)).toBe(address);
  });
});
