// The stop watch's own reading of BGP, checked with messages that the product's codec wrote.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressOf, addressSum, setOf } from "../../bench/inject/table.ts";
import {
  keepaliveMessage,
  MESSAGE,
  MessageStream,
  openMessage,
  saysAbout,
  Tally,
  updateMessage,
} from "../../bench/wire.ts";
import { AdjRibOut } from "../../src/bgp/rib/adjRibOut.ts";
import { packUpdates } from "../../src/bgp/rib/packer.ts";
import { decodeMessage } from "../../src/bgp/wire/codec.ts";
import { ipv4, prefixOf } from "../../src/kernel/ip.ts";
import { external, packing, routeAttributes } from "../bgp/wire/support.ts";

const attributes = (set: number) => routeAttributes({ communities: [set] });

function packed(rib: AdjRibOut): Uint8Array {
  const slab = new Uint8Array(65_536);
  return slab.slice(0, packUpdates(rib, packing, slab, 0).end);
}

/** 3,000 routes of the bench's table, then the first of them withdrawn. */
function stream(): { announced: Uint8Array; withdrawn: Uint8Array } {
  const rib = new AdjRibOut(4);
  for (let i = 0; i < 3_000; i++) rib.want(prefixOf(ipv4(addressOf(i)), 32), attributes(setOf(i)));
  const announced = packed(rib);
  rib.want(prefixOf(ipv4(addressOf(0)), 32), null);
  return { announced, withdrawn: packed(rib) };
}

const { announced, withdrawn } = stream();

function tallyOf(chunks: readonly Uint8Array[]): Tally {
  const tally = new Tally();
  const messages = new MessageStream((type, bytes, start, end) => {
    if (type === MESSAGE.update) tally.add(bytes, start, end);
  });
  for (const chunk of chunks) messages.push(chunk);
  return tally;
}

const cut = (bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] => {
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const end = at + (sizes[i % sizes.length] ?? 1);
    chunks.push(bytes.slice(at, end));
    at = end;
  }
  return chunks;
};

describe("a tally of UPDATEs", () => {
  it("counts announced and withdrawn prefixes and adds up the addresses", () => {
    const tally = tallyOf([announced, withdrawn]);
    expect(tally.announced).toBe(3_000);
    expect(tally.withdrawn).toBe(1);
    expect(tally.addressSum).toBe(addressSum(3_000));
  });

  it("reads shorter prefixes by the octets that they have", () => {
    const rib = new AdjRibOut(4);
    for (const length of [0, 8, 9, 17, 25, 32]) rib.want(prefixOf(ipv4(0xffff_ffff), length), attributes(0));
    const tally = tallyOf([packed(rib)]);
    expect(tally.announced).toBe(6);
    expect(tally.addressSum).toBe(0xff00_0000 + 0xff80_0000 + 0xffff_8000 + 0xffff_ff80 + 0xffff_ffff);
  });

  it("is the same however the stream is cut", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 20 }), (sizes) => {
        const tally = tallyOf(cut(announced, sizes));
        expect([tally.announced, tally.addressSum]).toEqual([3_000, addressSum(3_000)]);
      }),
      { numRuns: 50 },
    );
    expect(tallyOf(cut(announced, [1])).announced).toBe(3_000);
  });

  it("refuses a stream that is not BGP", () => {
    expect(() => tallyOf([new Uint8Array(40)])).toThrow("not BGP");
  });
});

describe("what an UPDATE says about an address", () => {
  const said = (bytes: Uint8Array, address: number): readonly string[] => {
    const words: string[] = [];
    const messages = new MessageStream((_type, message, start, end) => {
      const word = saysAbout(message, start, end, address);
      if (word !== null) words.push(word);
    });
    messages.push(bytes);
    return words;
  };

  it.each([
    { name: "announced among others", bytes: announced, address: addressOf(1_234), is: ["announced"] },
    { name: "withdrawn", bytes: withdrawn, address: addressOf(0), is: ["withdrawn"] },
    { name: "not mentioned beside a withdrawal", bytes: withdrawn, address: addressOf(1), is: [] },
    { name: "not in the table", bytes: announced, address: 0x0b00_0000, is: [] },
  ])("$name", ({ bytes, address, is }) => {
    expect(said(bytes, address)).toEqual(is);
  });
});

describe("what the sink says", () => {
  it.each([65002, 4_200_000_000])("is an OPEN of AS %i that our codec accepts", (asn) => {
    const message = openMessage(asn, 0x0aff_fffe);
    const decoded = decodeMessage(message[18] ?? 0, message.subarray(19), null);
    expect(decoded).toMatchObject({
      ok: true,
      value: {
        type: "open",
        asn: asn > 0xffff ? 23456 : asn,
        holdTime: 180,
        identifier: 0x0aff_fffe,
        capabilities: [
          { type: "multiprotocol", afi: 1, safi: 1 },
          { type: "fourOctetAsn", asn },
        ],
      },
    });
    expect((message[16] ?? 0) * 256 + (message[17] ?? 0)).toBe(message.length);
  });

  it("is a KEEPALIVE of 19 octets", () => {
    expect([...keepaliveMessage().slice(16)]).toEqual([0, 19, 4]);
  });
});

describe("the table that is injected", () => {
  it("has no address twice and stays in 10.0.0.0/8", () => {
    const seen = new Uint8Array(2 ** 24);
    let others = 0;
    for (let i = 0; i < 1_000_000; i++) {
      const address = addressOf(i);
      if (address >>> 24 !== 10) others++;
      seen[address & 0x00ff_ffff] = 1;
    }
    expect([seen.reduce((sum, bit) => sum + bit, 0), others]).toEqual([1_000_000, 0]);
  });
});

describe("the UPDATE of a flood", () => {
  it.each([1, 800])("with %d routes is one that the product reads, within 4096 octets", (count) => {
    const bytes = updateMessage(65002, 0xc000_0201, 0x0c00_0000, count);
    expect(bytes.length).toBeLessThanOrEqual(4096);
    const decoded = decodeMessage(MESSAGE.update, bytes.subarray(19), external);
    expect(decoded).toMatchObject({ ok: true, value: { faults: [] } });
    expect(tallyOf([bytes])).toMatchObject({ announced: count, withdrawn: 0, updates: 1 });
  });
});
