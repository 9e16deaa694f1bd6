import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { advertisement, readDiscovery, solicitation } from "../../src/bgp/neighborDiscovery.ts";
import { type Ip, parseIp } from "../../src/kernel/ip.ts";
import { toHex } from "../../src/kernel/text.ts";

const ip = (text: string): Ip => parseIp(text) ?? expect.fail(text);
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const ROUTER = ip("fe80::1");
const MAC = bytes("02 00 00 00 00 01");

describe("what we send", () => {
  test("a solicitation: type 133, and our hardware address", () => {
    expect(toHex(solicitation(MAC), 100)).toBe("8500000000000000" + "0101020000000001");
    expect(toHex(solicitation(null), 100)).toBe("8500000000000000");
  });

  test("an advertisement: type 134, router lifetime 0, and our hardware address", () => {
    expect(toHex(advertisement(MAC), 100)).toBe("86000000000000000000000000000000" + "0101020000000001");
    expect(toHex(advertisement(bytes("0102")), 100)).toBe("86000000000000000000000000000000");
  });

  test("is what the reader takes", () => {
    expect(readDiscovery(solicitation(MAC), ROUTER)).toEqual({ type: "solicitation" });
    expect(readDiscovery(advertisement(MAC), ROUTER)).toEqual({ type: "advertisement", lifetime: 0 });
  });
});

describe("what we hear", () => {
  const rows: readonly [what: string, hex: string, source: string, lifetime: number | "solicitation" | null][] = [
    // from FRR 8.4 with `ipv6 nd ra-interval 10`: lifetime 30 s, source link-layer address
    ["FRR's advertisement", "8600 9a5b 40 00 001e 00000000 00000000 0101 0e8cd5a1b2c3", "fe80::1", 30_000],
    ["the longest lifetime", "8600 0000 40 00 ffff 00000000 00000000", "fe80::1", 65_535_000],
    [
      "prefix, MTU and hardware address",
      `8600 0000 40 00 0708 00000000 00000000 0501 0000 000005dc 0304${"00".repeat(30)} 0101 020000000001`,
      "fe80::1",
      1_800_000,
    ],
    ["a solicitation without options", "8500 0000 00000000", "fe80::1", "solicitation"],
    ["a solicitation of a host without an address", "8500 0000 00000000", "::", "solicitation"],
    ["an advertisement from a global address", "8600 0000 40 00 001e 00000000 00000000", "2001:db8::1", null],
    ["an advertisement from nowhere", "8600 0000 40 00 001e 00000000 00000000", "::", null],
    ["a code other than 0", "8601 0000 40 00 001e 00000000 00000000", "fe80::1", null],
    ["a type other than these", "8700 0000 40 00 001e 00000000 00000000", "fe80::1", null],
    ["one octet too few", "8600 0000 40 00 001e 00000000 000000", "fe80::1", null],
    ["half a solicitation", "8500 0000", "fe80::1", null],
    ["nothing", "", "fe80::1", null],
    ["an option of length 0", "8600 0000 40 00 001e 00000000 00000000 0100 000000000000", "fe80::1", null],
    [
      "an option that is longer than the packet",
      "8600 0000 40 00 001e 00000000 00000000 0102 000000000000",
      "fe80::1",
      null,
    ],
    ["an option that is cut off after its type", "8600 0000 40 00 001e 00000000 00000000 01", "fe80::1", null],
    ["octets after the last option", "8600 0000 40 00 001e 00000000 00000000 0101 000000000000 00", "fe80::1", null],
  ];
  test.each(rows)("%s", (_what, hex, source, expected) => {
    const wanted =
      expected === null
        ? null
        : expected === "solicitation"
          ? { type: "solicitation" }
          : { type: "advertisement", lifetime: expected };
    expect(readDiscovery(bytes(hex), ip(source))).toEqual(wanted);
  });

  test("any octets give a message or nothing", () => {
    const head = fc.constantFrom([133, 0], [134, 0], [134, 1], []);
    const packet = fc.tuple(head, fc.uint8Array({ maxLength: 1_500 }));
    fc.assert(
      fc.property(packet, ([start, rest]) => {
        const message = readDiscovery(Uint8Array.of(...start, ...rest), ROUTER);
        if (message?.type === "advertisement") expect(message.lifetime).toBeLessThanOrEqual(65_535_000);
      }),
    );
  });
});
