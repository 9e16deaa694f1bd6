// Our OPEN and the judgement of theirs, as tables.
import { describe, expect, it } from "vitest";
import type { PeerConfig } from "../../../src/bgp/session/config.ts";
import { buildOpen, negotiate, openAsn } from "../../../src/bgp/session/negotiate.ts";
import type { Capability, Family, OpenMessage } from "../../../src/bgp/wire/message.ts";
import { Asn, RouterId, Seconds } from "../../../src/kernel/units.ts";
import { agreed, CAPABILITIES, CONFIG, configWith, OUR_ID, openWith, PEER_ID } from "./fixtures.ts";

const IPV4: Capability = { type: "multiprotocol", afi: 1, safi: 1 };
const IPV6: Capability = { type: "multiprotocol", afi: 2, safi: 1 };
const VPN: Capability = { type: "multiprotocol", afi: 1, safi: 128 };
const asn4 = (asn: number): Capability => ({ type: "fourOctetAsn", asn });

describe("our OPEN", () => {
  it.each([
    [65_000, 65_000],
    [65_535, 65_535],
    [65_536, 23_456],
    [4_200_000_001, 23_456],
  ])("C-033 local AS %d stands as %d in the header and whole in capability 65", (localAsn, header) => {
    const open = buildOpen(configWith({ localAsn: Asn(localAsn) }));
    expect(open.asn).toBe(header);
    expect(open.capabilities.filter((c) => c.type === "fourOctetAsn")).toEqual([asn4(localAsn)]);
  });

  it("C-032 carries version 4, the configured hold time and the router id", () => {
    expect(buildOpen(configWith({ holdTime: Seconds(9) }))).toMatchObject({
      version: 4,
      holdTime: 9,
      identifier: OUR_ID,
    });
  });

  it.each<readonly [readonly Family[], readonly Capability[]]>([
    [["ipv4-unicast"], [IPV4]],
    [["ipv6-unicast"], [IPV6]],
    [
      ["ipv4-unicast", "ipv6-unicast"],
      [IPV4, IPV6],
    ],
  ])("C-035 offers exactly %j", (families, capabilities) => {
    const offered = buildOpen(configWith({ families })).capabilities.filter((c) => c.type === "multiprotocol");
    expect(offered).toEqual(capabilities);
  });
});

interface Row {
  readonly name: string;
  readonly config?: Partial<PeerConfig>;
  readonly open: Partial<OpenMessage>;
  /** code/subcode of the answer; null: accepted. */
  readonly answer: string | null;
}

const without = (type: Capability["type"]): readonly Capability[] => CAPABILITIES.filter((c) => c.type !== type);
const withAsn = (asn: number): readonly Capability[] => [...without("fourOctetAsn"), asn4(asn)];

const ROWS: readonly Row[] = [
  { name: "C-041 version 3", open: { version: 3 }, answer: "2/1" },
  { name: "C-041 version 5", open: { version: 5 }, answer: "2/1" },

  { name: "C-042 the configured AS", open: {}, answer: null },
  { name: "C-042 wrong AS in both places", open: { asn: 64_999, capabilities: withAsn(64_999) }, answer: "2/2" },
  { name: "C-042 right header, wrong capability", open: { capabilities: withAsn(64_999) }, answer: "2/2" },
  {
    name: "C-042 wrong AS, no capability",
    open: { asn: 64_999, capabilities: without("fourOctetAsn") },
    answer: "2/2",
  },
  { name: "C-042 AS_TRANS without capability", open: { asn: 23_456, capabilities: [IPV4] }, answer: "2/2" },
  {
    name: "C-042 AS_TRANS in the header, the true AS in the capability",
    config: { peerAsn: Asn(4_200_000_001) },
    open: { asn: 23_456, capabilities: withAsn(4_200_000_001) },
    answer: null,
  },

  { name: "C-043 AS 0 in the header", open: { asn: 0 }, answer: "2/2" },
  { name: "C-043 AS 0 in the capability", open: { capabilities: withAsn(0) }, answer: "2/2" },
  {
    name: "C-043 AS 0 to a peer that may be any external",
    config: { peerAsn: "external" },
    open: { asn: 0, capabilities: [IPV4] },
    answer: "2/2",
  },

  {
    name: "C-044 internal admits our AS",
    config: { peerAsn: "internal" },
    open: { asn: 64_500, capabilities: withAsn(64_500) },
    answer: null,
  },
  { name: "C-044 internal bars another AS", config: { peerAsn: "internal" }, open: {}, answer: "2/2" },
  { name: "C-044 external admits another AS", config: { peerAsn: "external" }, open: {}, answer: null },
  {
    name: "C-044 external bars our AS",
    config: { peerAsn: "external" },
    open: { asn: 64_500, capabilities: withAsn(64_500) },
    answer: "2/2",
  },

  { name: "C-045 identifier 0.0.0.0", open: { identifier: 0 }, answer: "2/3" },
  {
    name: "C-045 our identifier from an internal peer",
    config: { peerAsn: "internal" },
    open: { identifier: OUR_ID, asn: 64_500, capabilities: withAsn(64_500) },
    answer: "2/3",
  },
  { name: "C-045 our identifier from an external peer", open: { identifier: OUR_ID }, answer: null },
  { name: "C-045 identifier 224.0.0.1", open: { identifier: 0xe000_0001 }, answer: null },
  { name: "C-045 identifier 255.255.255.255", open: { identifier: 0xffff_ffff }, answer: null },

  { name: "C-047 hold time 0", open: { holdTime: Seconds(0) }, answer: null },
  { name: "C-047 hold time 1", open: { holdTime: Seconds(1) }, answer: "2/6" },
  { name: "C-047 hold time 2", open: { holdTime: Seconds(2) }, answer: "2/6" },
  { name: "C-047 hold time 3", open: { holdTime: Seconds(3) }, answer: null },
  { name: "C-047 hold time 65535", open: { holdTime: Seconds(65_535) }, answer: null },

  { name: "C-051 no capabilities at all", open: { capabilities: [] }, answer: null },
  {
    name: "C-052 no capabilities, and we speak IPv6 alone",
    config: { families: ["ipv6-unicast"] },
    open: { capabilities: [] },
    answer: "2/7",
  },
  { name: "C-052 only another family", open: { capabilities: [IPV6, asn4(64_501)] }, answer: "2/7" },
  { name: "C-052 only another SAFI", open: { capabilities: [VPN, asn4(64_501)] }, answer: "2/7" },
];

describe("their OPEN", () => {
  it.each(ROWS)("$name: $answer", ({ config, open, answer }) => {
    const result = negotiate(configWith(config ?? {}), openWith(open));
    expect(result.ok ? null : `${result.fault.errorCode}/${result.fault.errorSubcode}`).toBe(answer);
    if (!result.ok) expect(result.fault.detail).not.toBe("");
  });

  it("C-041 the answer to another version names ours in two octets", () => {
    const result = negotiate(CONFIG, openWith({ version: 3 }));
    expect(result.ok ? null : [...result.fault.data]).toEqual([0, 4]);
  });

  it("C-042 the AS a peer means is the one in capability 65, else the header's", () => {
    expect(openAsn(openWith({ asn: 23_456, capabilities: withAsn(70_000) }))).toBe(70_000);
    expect(openAsn(openWith({ asn: 64_999, capabilities: [] }))).toBe(64_999);
  });
});

describe("what both agree on", () => {
  it("C-051 without capabilities: IPv4 unicast, two-octet AS, no route refresh", () => {
    expect(agreed(CONFIG, openWith({ capabilities: [] }))).toMatchObject({
      peerAsn: 64_501,
      families: ["ipv4-unicast"],
      fourOctetAsn: false,
      routeRefresh: false,
    });
  });

  it("C-061 only families that both offer, in our order", () => {
    const both = configWith({ families: ["ipv4-unicast", "ipv6-unicast"] });
    const families = (capabilities: readonly Capability[]): readonly Family[] =>
      agreed(both, openWith({ capabilities: [asn4(64_501), ...capabilities] })).families;
    expect(families([IPV6, VPN, IPV4])).toEqual(["ipv4-unicast", "ipv6-unicast"]);
    expect(families([IPV6])).toEqual(["ipv6-unicast"]);
    expect(families([VPN, IPV4])).toEqual(["ipv4-unicast"]);
  });

  it.each(CAPABILITIES.map((c) => [c.type] as const))(
    "C-062 %s agreed once is not remembered when the next OPEN lacks it",
    (type) => {
      const bare = openWith({ capabilities: without(type) });
      const before = agreed(CONFIG, bare);
      const rich = agreed();
      expect(rich).not.toEqual(type === "multiprotocol" ? null : before);
      expect(agreed(CONFIG, bare)).toEqual(before);
      expect(agreed()).toEqual(rich);
    },
  );

  it.each([
    // our hold, our keepalive, their hold: hold in force, keepalive in force
    [90, 30, 3, 3, 1],
    [90, 30, 9, 9, 3],
    [90, 30, 90, 90, 30],
    [90, 10, 90, 90, 10],
    [90, 60, 90, 90, 30],
    [90, 0, 90, 90, 30],
    [65_535, 65_535, 65_535, 65_535, 21_845],
    [3, 1, 65_535, 3, 1],
    [4, 4, 4, 4, 1],
    [0, 0, 90, 0, 0],
    [90, 30, 0, 0, 0],
  ])("C-090 hold %d with keepalive %d against hold %d: %d and %d", (hold, keepalive, theirs, inForce, interval) => {
    const config = configWith({ holdTime: Seconds(hold), keepaliveTime: Seconds(keepalive) });
    expect(agreed(config, openWith({ holdTime: Seconds(theirs) }))).toMatchObject({
      holdTime: inForce,
      keepaliveTime: interval,
    });
  });

  it("internal is a peer in our AS, external any other, whatever identifiers say", () => {
    const internal = configWith({ peerAsn: "internal" });
    expect(agreed(internal, openWith({ asn: 64_500, capabilities: withAsn(64_500) })).isInternal).toBe(true);
    expect(agreed(configWith({ routerId: RouterId(PEER_ID) })).isInternal).toBe(false);
  });

  it("the agreement cannot be changed afterwards", () => {
    expect(Object.isFrozen(agreed())).toBe(true);
  });
});
