import { endianness } from "node:os";
import { describe, expect, test } from "vitest";
import { type Ip, ipToBytes, parseIp } from "../../src/kernel/ip.ts";
import { type FilterRules, filterProgram, onLinkProgram } from "../../src/linux/socketFilter.ts";

const ip = (text: string): Ip => parseIp(text) ?? expect.fail(text);

/** An IP header with what a filter looks at. */
function packet(source: string, ttl: number): Uint8Array {
  const from = ip(source);
  const bytes = new Uint8Array(from.version === 4 ? 20 : 40);
  bytes[from.version === 4 ? 8 : 7] = ttl;
  bytes.set(ipToBytes(from), from.version === 4 ? 12 : 8);
  return bytes;
}

/** Runs a program as the kernel does, with the network header at offset 0. @returns whether the packet passes */
function passes(program: Uint8Array, header: Uint8Array): boolean {
  const code = new DataView(program.buffer);
  const little = endianness() === "LE";
  const at = new DataView(header.buffer);
  let a = 0;
  for (let i = 0; ; i++) {
    expect(8 * i, "the program has an end").toBeLessThan(program.length);
    const k = code.getUint32(8 * i + 4, little);
    const jump = (isTrue: boolean): number => code.getUint8(8 * i + (isTrue ? 2 : 3));
    const offset = k - 0xfff0_0000;
    switch (code.getUint16(8 * i, little)) {
      case 0x20:
        a = at.getUint32(offset);
        break;
      case 0x30:
        a = at.getUint8(offset);
        break;
      case 0x15:
        i += jump(a === k);
        break;
      case 0x35:
        i += jump(a >= k);
        break;
      case 0x06:
        return k > 0;
      default:
        expect.fail("an instruction that the kernel may not know");
    }
  }
}

describe("C-258 packet filters", () => {
  const v4: FilterRules = {
    version: 4,
    others: "pass",
    sources: [
      { source: ip("192.0.2.1"), minTtl: 255 },
      { source: ip("192.0.2.2"), minTtl: 0 },
      { source: ip("192.0.2.3"), minTtl: 256 },
      { source: ip("192.0.2.4"), minTtl: 250 },
    ],
  };
  const v6: FilterRules = {
    version: 6,
    others: "drop",
    sources: [
      { source: ip("2001:db8::1"), minTtl: 255 },
      { source: ip("2001:db8::2"), minTtl: 0 },
      { source: ip("fe80::ffff:ffff:ffff:ffff"), minTtl: 254 },
    ],
  };
  const rows: readonly [what: string, rules: FilterRules, source: string, ttl: number, passes: boolean][] = [
    ["a peer with GTSM, from next door", v4, "192.0.2.1", 255, true],
    ["a peer with GTSM, one hop too far", v4, "192.0.2.1", 254, false],
    ["a peer without GTSM", v4, "192.0.2.2", 1, true],
    ["a peer that is shut out", v4, "192.0.2.3", 255, false],
    ["the last rule, at its limit", v4, "192.0.2.4", 250, true],
    ["the last rule, below its limit", v4, "192.0.2.4", 249, false],
    ["others, where they pass", v4, "192.0.2.5", 1, true],
    ["an IPv6 peer with GTSM, from next door", v6, "2001:db8::1", 255, true],
    ["an IPv6 peer with GTSM, one hop too far", v6, "2001:db8::1", 254, false],
    ["an IPv6 peer without GTSM", v6, "2001:db8::2", 1, true],
    ["a link-local peer", v6, "fe80::ffff:ffff:ffff:ffff", 254, true],
    ["an address that differs in its first word", v6, "2001:db9::2", 255, false],
    ["an address that differs in its third word", v6, "2001:db8::1:0:2", 255, false],
    ["others, where they are dropped", v6, "2001:db8::3", 255, false],
  ];
  test.each(rows)("%s", (_what, rules, source, ttl, expected) => {
    expect(passes(filterProgram(rules), packet(source, ttl))).toBe(expected);
  });

  test.each([4, 6] as const)("on-link packets of IPv%d have 255 and nothing less", (version) => {
    const source = version === 4 ? "192.0.2.9" : "fe80::9";
    expect(passes(onLinkProgram(version), packet(source, 255))).toBe(true);
    expect(passes(onLinkProgram(version), packet(source, 254))).toBe(false);
  });
});
