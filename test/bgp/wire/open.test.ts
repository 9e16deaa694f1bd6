// OPEN and capabilities: goldens both ways, every truncation, the tables of conformance sections 5 and 6.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatCapability } from "../../../src/bgp/wire/capability.ts";
import type { Capability, OpenMessage } from "../../../src/bgp/wire/message.ts";
import { readOpen, writeOpen } from "../../../src/bgp/wire/open.ts";
import { Seconds } from "../../../src/kernel/units.ts";
import { concat, hex, MARKER, permutations, toHex } from "./support.ts";

const FIXED = "04 fde8 005a c0000201"; // version 4, AS 65000, hold 90, id 192.0.2.1
const base: OpenMessage = {
  type: "open",
  version: 4,
  asn: 65000,
  holdTime: Seconds(90),
  identifier: 0xc0000201,
  capabilities: [],
};

/** Fixed part and one plain parameter that holds these capability octets. */
const withCapabilities = (capabilities: string | Uint8Array): Uint8Array => {
  const value = typeof capabilities === "string" ? hex(capabilities) : capabilities;
  return concat(hex(FIXED), [value.length + 2, 2, value.length], value);
};

function capabilitiesOf(body: Uint8Array): readonly Capability[] {
  const r = readOpen(body);
  if (!r.ok) throw new Error(r.fault.detail);
  return r.value.capabilities;
}

const faultOf = (body: Uint8Array): string => {
  const r = readOpen(body);
  return r.ok ? "no fault" : `${r.fault.errorCode}/${r.fault.errorSubcode} ${toHex(r.fault.data)}`.trim();
};

/** [octets of one capability, value, printed] */
const GOLDEN: readonly (readonly [string, Capability, string])[] = [
  ["01 04 0001 00 01", { type: "multiprotocol", afi: 1, safi: 1 }, "multiprotocol(ipv4-unicast)"],
  ["01 04 0019 00 46", { type: "multiprotocol", afi: 25, safi: 70 }, "multiprotocol(l2vpn-evpn)"],
  ["02 00", { type: "routeRefresh" }, "route-refresh"],
  [
    "05 06 0001 0001 0002",
    { type: "extendedNextHop", entries: [{ afi: 1, safi: 1, nextHopAfi: 2 }] },
    "extended-next-hop(ipv4-unicast via afi 2)",
  ],
  ["06 00", { type: "extendedMessage" }, "extended-message"],
  ["09 01 03", { type: "role", role: 3 }, "role(customer)"],
  [
    "40 0a c078 0001 01 80 0002 01 00",
    {
      type: "gracefulRestart",
      restarting: true,
      notification: true,
      restartTime: 120,
      families: [
        { afi: 1, safi: 1, forwarding: true },
        { afi: 2, safi: 1, forwarding: false },
      ],
    },
    "graceful-restart(120s, restarting, notification, ipv4-unicast forwarding, ipv6-unicast)",
  ],
  ["41 04 fa56ea01", { type: "fourOctetAsn", asn: 4200000001 }, "four-octet-asn(4200000001)"],
  ["46 00", { type: "enhancedRouteRefresh" }, "enhanced-route-refresh"],
  ["49 06 03 6e6f64 01 78", { type: "fqdn", hostname: "nod", domain: "x" }, 'fqdn("nod.x")'],
  ["4b 04 03 463130", { type: "softwareVersion", text: "F10" }, 'software-version("F10")'],
  ["45 04 00010103", { type: "unknown", code: 69, value: hex("00010103") }, "add-path(00010103)"],
  ["ff 00", { type: "unknown", code: 255, value: hex("") }, "capability-255"],
];

describe("capabilities both ways", () => {
  test.each(GOLDEN)("%s", (octets, capability, printed) => {
    expect(capabilitiesOf(withCapabilities(octets))).toEqual([capability]);
    const written = writeOpen({ ...base, capabilities: [capability] });
    expect(toHex(written.subarray(19))).toBe(toHex(withCapabilities(octets)));
    expect(formatCapability(capability)).toBe(printed);
  });

  const rich = concat(...GOLDEN.map(([octets]) => hex(octets)));
  const values = GOLDEN.map(([, capability]) => capability);

  test("C-032 C-034 a rich OPEN is one message with one parameter of type 2", () => {
    const written = writeOpen({ ...base, capabilities: values });
    expect(toHex(written)).toBe(
      toHex(concat(hex(MARKER), [0, 19 + withCapabilities(rich).length, 1], withCapabilities(rich))),
    );
    expect(readOpen(written.subarray(19))).toEqual({ ok: true, value: { ...base, capabilities: values } });
  });

  test("C-058 one parameter each, all in one, or mixed read the same", () => {
    const each = concat(...GOLDEN.map(([octets]) => concat([2, hex(octets).length], hex(octets))));
    expect(capabilitiesOf(concat(hex(FIXED), [each.length], each))).toEqual(values);
    const [first] = GOLDEN;
    const head = hex(first?.[0] ?? "");
    const tail = rich.subarray(head.length);
    const mixed = concat([2, head.length], head, [2, tail.length], tail, [2, 0]);
    expect(capabilitiesOf(concat(hex(FIXED), [mixed.length], mixed))).toEqual(values);
  });

  test("C-057 duplicates and different values of one code arrive in order, for the session to judge", () => {
    expect(capabilitiesOf(withCapabilities("40 02 0001 40 02 0002 02 00 02 00"))).toMatchObject([
      { type: "gracefulRestart", restartTime: 1 },
      { type: "gracefulRestart", restartTime: 2 },
      { type: "routeRefresh" },
      { type: "routeRefresh" },
    ]);
  });

  test("C-056 all 256 codes with random octets in one OPEN are read, unknown ones kept", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (value) => {
        const all = concat(...Array.from({ length: 256 }, (_, code) => concat([code, 4], value)));
        const body = concat(
          hex(FIXED),
          [255, 255],
          [(all.length + 3) >>> 8, (all.length + 3) & 255],
          [2],
          [all.length >>> 8, all.length & 255],
          all,
        );
        const found = capabilitiesOf(body);
        expect(found).toHaveLength(256);
        expect(found[200]).toEqual({ type: "unknown", code: 200, value });
      }),
      { numRuns: 20 },
    );
  });

  test.each([
    ["multiprotocol of 3", "01 03 000101", "2/0"],
    ["multiprotocol of 5", "01 05 0001000101", "2/0"],
    ["four-octet AS of 2", "41 02 fde8", "2/0"],
    ["four-octet AS of 0", "41 00", "2/0"],
  ])("C-059 %s octets is fatal", (_name, octets, fault) => {
    expect(faultOf(withCapabilities(octets))).toBe(fault);
  });

  test.each([
    ["route refresh of 1", "02 01 00"],
    ["graceful restart of 1", "40 01 00"],
    ["graceful restart of 5", "40 05 0078 000101"],
    ["extended next hop of 5", "05 05 0001000100"],
    ["extended next hop of 0", "05 00"],
    ["role of 0", "09 00"],
    ["C-060 software version of 0", "4b 00"],
    ["C-060 software version with an empty text", "4b 01 00"],
    ["C-060 software version longer than the capability", "4b 03 04 4652"],
    ["C-060 FQDN whose host name overruns", "49 03 09 6e6f"],
    ["C-060 FQDN whose domain overruns", "49 04 01 6e 09 78"],
    ["C-060 FQDN without a domain length", "49 02 01 6e"],
    ["C-060 FQDN that is not UTF-8", "49 03 01 ff 00"],
  ])("C-059 %s octets is ignored but shown", (_name, octets) => {
    const bytes = hex(octets);
    expect(capabilitiesOf(withCapabilities(octets))).toEqual([
      { type: "unknown", code: bytes[0], value: bytes.slice(2) },
    ]);
  });

  test("C-183 long-lived graceful restart is kept unread", () => {
    expect(capabilitiesOf(withCapabilities("47 07 0001 01 80 000e10"))).toMatchObject([{ type: "unknown", code: 71 }]);
  });

  test.each([
    ["no octets", "", 0, []],
    ["restart time 0 without families", "40 02 0000", 0, []],
    [
      "restart time 4095, an unknown family",
      "40 06 0fff 4004 47 80",
      4095,
      [{ afi: 16388, safi: 71, forwarding: true }],
    ],
  ])("C-182 graceful restart: %s", (_name, octets, restartTime, families) => {
    const found = capabilitiesOf(withCapabilities(octets));
    expect(found).toEqual(
      octets === "" ? [] : [{ type: "gracefulRestart", restarting: false, notification: false, restartTime, families }],
    );
  });

  test("C-040 host name and version are cut at a character boundary to 64 octets", () => {
    const text = "ä".repeat(200);
    const written = writeOpen({
      ...base,
      capabilities: [
        { type: "fqdn", hostname: `x${text}`, domain: "" },
        { type: "softwareVersion", text },
      ],
    });
    expect(capabilitiesOf(written.subarray(19))).toEqual([
      { type: "fqdn", hostname: `x${"ä".repeat(31)}`, domain: "" },
      { type: "softwareVersion", text: "ä".repeat(32) },
    ]);
  });

  test("remote text cannot leave its log line", () => {
    expect(formatCapability({ type: "fqdn", hostname: "a\n\u001b[2J\u202e", domain: "" })).toBe(
      'fqdn("a\\u{a}\\u{1b}[2J\\u{202e}")',
    );
  });
});

describe("the message", () => {
  test.each([0, 3, 5, 255])("C-041 version %i is refused with 4 in two octets, whatever follows", (version) => {
    expect(faultOf(concat([version], hex("fde8 005a c0000201 ff ff")))).toBe("2/1 0004");
  });

  test("C-042 C-043 C-045 C-047 values that only the session can judge are read as they stand", () => {
    expect(readOpen(hex("04 0000 0001 00000000 00"))).toEqual({
      ok: true,
      value: { ...base, asn: 0, holdTime: Seconds(1), identifier: 0 },
    });
    expect(readOpen(hex("04 5ba0 ffff ffffffff 00"))).toMatchObject({ value: { asn: 23456, identifier: 0xffffffff } });
  });

  test.each([1, 3, 254])("C-046 optional parameter %i is unsupported", (type) => {
    expect(faultOf(concat(hex(FIXED), [3, type, 1, 0]))).toBe("2/4");
  });

  test("C-051 no parameters at all", () => {
    expect(readOpen(hex(`${FIXED} 00`))).toEqual({ ok: true, value: base });
    expect(toHex(writeOpen(base))).toBe(toHex(hex(`${MARKER} 001d 01 ${FIXED} 00`)));
  });

  const rich = hex(`${FIXED} 10 02 06 0104 0001 0001 02 06 4104 fa56ea01`);

  test("C-048 a rich OPEN cut at any octet is unspecific, never read beyond", () => {
    expect(faultOf(rich)).toBe("no fault");
    for (let n = 0; n < rich.length; n++) expect(faultOf(rich.subarray(0, n)), `${n} octets`).toBe("2/0");
  });

  test("C-048 an octet behind the parameters is a length that disagrees", () => {
    expect(faultOf(concat(rich, [0]))).toBe("2/0");
    expect(faultOf(hex(`${FIXED} 00 00`))).toBe("2/0");
  });

  test.each([
    ["a parameter type octet", `${FIXED} 01 02`],
    ["a parameter length octet", `${FIXED} 02 02 01`],
    ["the capability code", `${FIXED} 03 02 01 41`],
    ["the capability length", `${FIXED} 04 02 02 41 04`],
    ["the extended marker", `${FIXED} ff ff`],
    ["half of the extended length", `${FIXED} ff ff 00`],
    ["an extended length that promises more", `${FIXED} ff ff 0001`],
    ["an extended parameter type", `${FIXED} ff ff 0001 02`],
    ["half of an extended parameter length", `${FIXED} ff ff 0002 02 00`],
    ["an extended parameter length word", `${FIXED} ff ff 0003 02 0001`],
  ])("C-049 ending at %s is unspecific", (_name, octets) => {
    expect(faultOf(hex(octets))).toBe("2/0");
  });

  test("C-050 the extended form is read, also with another first length and for few octets", () => {
    const expected = [{ type: "routeRefresh" }];
    expect(capabilitiesOf(hex(`${FIXED} ff ff 0005 02 0002 0200`))).toEqual(expected);
    expect(capabilitiesOf(hex(`${FIXED} 07 ff 0005 02 0002 0200`))).toEqual(expected);
  });

  test("C-050 length 255 with another first type is the plain form", () => {
    const filler = concat([2, 253, 200, 251], new Uint8Array(251));
    expect(capabilitiesOf(concat(hex(FIXED), [255], filler))).toMatchObject([{ type: "unknown", code: 200 }]);
  });

  test.each([
    [251, "plain"],
    [252, "extended"],
  ])("C-037 capabilities with a value of %i octets leave in the %s form and come back", (size, form) => {
    const capability: Capability = { type: "unknown", code: 200, value: new Uint8Array(size).fill(7) };
    const written = writeOpen({ ...base, capabilities: [capability] });
    expect(written[29] === 255 ? "extended" : "plain").toBe(form);
    expect(capabilitiesOf(written.subarray(19))).toEqual([capability]);
  });
});

const text = fc.string({ unit: "grapheme", maxLength: 12 });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u8 = fc.integer({ min: 0, max: 255 });
const capability: fc.Arbitrary<Capability> = fc.oneof(
  fc.record({ type: fc.constant("multiprotocol" as const), afi: u16, safi: u8 }),
  fc.constant({ type: "routeRefresh" as const }),
  fc.constant({ type: "extendedMessage" as const }),
  fc.constant({ type: "enhancedRouteRefresh" as const }),
  fc.record({ type: fc.constant("role" as const), role: u8 }),
  fc.record({
    type: fc.constant("extendedNextHop" as const),
    entries: fc.array(fc.record({ afi: u16, safi: u16, nextHopAfi: u16 }), { minLength: 1, maxLength: 5 }),
  }),
  fc.record({
    type: fc.constant("gracefulRestart" as const),
    restarting: fc.boolean(),
    notification: fc.boolean(),
    restartTime: fc.integer({ min: 0, max: 4095 }),
    families: fc.array(fc.record({ afi: u16, safi: u8, forwarding: fc.boolean() }), { maxLength: 5 }),
  }),
  fc.record({ type: fc.constant("fourOctetAsn" as const), asn: fc.integer({ min: 0, max: 0xffffffff }) }),
  fc.record({
    type: fc.constant("fqdn" as const),
    hostname: text.filter((t) => new TextEncoder().encode(t).length <= 64),
    domain: fc.constant("example"),
  }),
  fc.record({
    type: fc.constant("unknown" as const),
    code: fc.integer({ min: 100, max: 255 }),
    value: fc.uint8Array({ maxLength: 255 }),
  }),
);

test("any OPEN reads back as it was written, in both parameter forms", () => {
  fc.assert(
    fc.property(
      fc.record({
        type: fc.constant("open" as const),
        version: fc.constant(4),
        asn: u16,
        holdTime: u16.map(Seconds),
        identifier: fc.integer({ min: 0, max: 0xffffffff }),
        capabilities: fc.array(capability, { maxLength: 12 }),
      }),
      (open) => {
        expect(readOpen(writeOpen(open).subarray(19))).toEqual({ ok: true, value: open });
      },
    ),
    { numRuns: 200 },
  );
});

test("C-058 the order of capabilities is kept", () => {
  for (const order of permutations(GOLDEN.slice(0, 4))) {
    const octets = concat(...order.map(([o]) => hex(o)));
    expect(capabilitiesOf(withCapabilities(octets))).toEqual(order.map(([, c]) => c));
  }
});
