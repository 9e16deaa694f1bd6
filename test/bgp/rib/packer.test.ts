// The cut into messages: as few of them as the attributes allow, wherever the slabs end.
import { describe, expect, it } from "vitest";
import { AdjRibOut } from "../../../src/bgp/rib/adjRibOut.ts";
import { packUpdates } from "../../../src/bgp/rib/packer.ts";
import { ipv4, prefixOf } from "../../../src/kernel/ip.ts";
import { packing, routeAttributes } from "../wire/support.ts";

const SLAB = 65_536;

/** Lengths of all messages, slab after slab, until nothing is pending. */
function lengthsOf(rib: AdjRibOut, slabSize: number): number[] {
  const lengths: number[] = [];
  const slab = new Uint8Array(slabSize);
  for (let turn = 0; rib.pendingCount > 0 && turn < 10_000; turn++) {
    const { end } = packUpdates(rib, packing, slab, 0);
    for (let at = 0; at < end; at += lengths.at(-1) ?? end) {
      lengths.push(((slab[at + 16] ?? 0) << 8) | (slab[at + 17] ?? 0));
    }
  }
  return lengths;
}

function table(count: number, sets: number): AdjRibOut {
  const rib = new AdjRibOut(4);
  for (let i = 0; i < count; i++)
    rib.want(prefixOf(ipv4(0x0a00_0000 + i), 32), routeAttributes({ communities: [i % sets] }));
  return rib;
}

describe("a table over many slabs", () => {
  const rib = table(50_000, 1);
  const announced = lengthsOf(rib, SLAB);
  rib.unwantAll();
  const withdrawn = lengthsOf(rib, SLAB);

  it.each([
    ["announced", announced],
    ["withdrawn", withdrawn],
  ])("is %s in full messages of at most 4096 octets, but for the last (Q-21)", (_, lengths) => {
    expect(lengths.length).toBeGreaterThan(3 * 16);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(4096);
    expect(lengths.slice(0, -1).filter((length) => length <= 4096 - 5)).toEqual([]);
  });

  it("costs one short message per attribute set, not one per slab", () => {
    const lengths = lengthsOf(table(50_000, 7), SLAB);
    expect(lengths.filter((length) => length <= 4096 - 5).length).toBeLessThanOrEqual(7);
  });
});

it("a slab that is smaller than a message is used nevertheless", () => {
  expect(lengthsOf(table(100, 1), 128).length).toBeGreaterThan(1);
});
