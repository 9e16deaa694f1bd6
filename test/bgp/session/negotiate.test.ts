// Our OPEN and the judgement of theirs, as tables.
import { describe, expect, it } from "vitest";
import type { PeerConfig } from "../../../src/bgp/session/config.ts";
import { buildOpen, negotiate, openAsn, type RestartFlags } from "../../../src/bgp/session/negotiate.ts";
import { formatCapability } from "../../../src/bgp/wire/capability.ts";
import type { Capability, Family, OpenMessage } from "../../../src/bgp/wire/message.ts";
import { Asn, RouterId, Seconds } from "../../../src/kernel/units.ts";
import { agreed, CAPABILITIES, CONFIG, configWith, ip, OUR_ID, openWith, PEER_ID } from "./fixtures.ts";

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

  const IPV6_PEER = ip("2001:db8::2");
  const offer = (change: Partial<PeerConfig>, restart?: RestartFlags): readonly string[] =>
    buildOpen(configWith(change), restart).capabilities.map(formatCapability);

  it("C-036 offers what it carries out and nothing else, ascending by code", () => {
    expect(offer({})).toEqual([
      "multiprotocol(ipv4-unicast)",
      "route-refresh",
      "graceful-restart(0s)",
      "four-octet-asn(64500)",
      "enhanced-route-refresh",
    ]);
  });

  it.each<readonly [string, Partial<PeerConfig>, boolean]>([
    [
      "over IPv6 with IPv4 among the families",
      { address: IPV6_PEER, families: ["ipv6-unicast", "ipv4-unicast"] },
      true,
    ],
    ["on an unnumbered session", { address: null, interface: "eth0" }, true],
    ["not over IPv4", { families: ["ipv4-unicast", "ipv6-unicast"] }, false],
    ["not for IPv6 alone", { address: IPV6_PEER, families: ["ipv6-unicast"] }, false],
  ])("C-186 IPv4 routes with IPv6 next hops are offered %s: %j %j", (_name, change, isOffered) => {
    const text = "extended-next-hop(ipv4-unicast via afi 2)";
    expect(offer(change).includes(text)).toBe(isOffered);
  });

  it.each<readonly [string, number | null, RestartFlags, string]>([
    [
      "without a restart time it names no family: the peer keeps nothing, but waits for our End-of-RIB when it restarts",
      null,
      { isRestarting: true, isForwardingKept: true },
      "graceful-restart(0s)",
    ],
    [
      "C-174 at a first start: neither R nor F",
      120,
      { isRestarting: false, isForwardingKept: false },
      "graceful-restart(120s, notification, ipv4-unicast)",
    ],
    [
      "C-174 after a restart of the process: R and F",
      120,
      { isRestarting: true, isForwardingKept: true },
      "graceful-restart(120s, restarting, notification, ipv4-unicast forwarding)",
    ],
    [
      "C-175 after a boot of the host: R without F",
      4095,
      { isRestarting: true, isForwardingKept: false },
      "graceful-restart(4095s, restarting, notification, ipv4-unicast)",
    ],
  ])("graceful restart, %s", (_name, restartTime, restart, expected) => {
    const config = { restartTime: restartTime === null ? null : Seconds(restartTime) };
    expect(offer(config, restart).filter((c) => c.startsWith("graceful"))).toEqual([expected]);
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
    name: "C-042 AS_TRANS without capability to a peer that may be any external",
    config: { peerAsn: "external" },
    open: { asn: 23_456, capabilities: [IPV4] },
    answer: "2/2",
  },
  {
    name: "C-042 AS_TRANS without capability even where it is configured",
    config: { peerAsn: Asn(23_456) },
    open: { asn: 23_456, capabilities: [IPV4] },
    answer: "2/2",
  },
  {
    name: "C-042 AS_TRANS in the capability too",
    config: { peerAsn: "external" },
    open: { asn: 23_456, capabilities: withAsn(23_456) },
    answer: "2/2",
  },
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

  const viaIpv6 = (nextHopAfi: number, afi = 1): Capability => ({
    type: "extendedNextHop",
    entries: [
      { afi: 1, safi: 128, nextHopAfi: 2 },
      { afi, safi: 1, nextHopAfi },
    ],
  });

  it.each<readonly [string, Partial<PeerConfig>, readonly Capability[], boolean]>([
    ["both offer it", { address: ip("2001:db8::2") }, [viaIpv6(2)], true],
    ["the peer offers it for another family", { address: ip("2001:db8::2") }, [viaIpv6(2, 2)], false],
    ["the peer offers it by another AFI", { address: ip("2001:db8::2") }, [viaIpv6(1)], false],
    ["the peer does not", { address: ip("2001:db8::2") }, [], false],
    ["the session is over IPv4, so we do not", {}, [viaIpv6(2)], false],
  ])("C-186 IPv6 next hops for IPv4 are agreed when %s: %j %j %j", (_name, config, offered, isAgreed) => {
    const open = openWith({ capabilities: [...CAPABILITIES, ...offered] });
    expect(agreed(configWith(config), open).extendedNextHop).toBe(isAgreed);
  });

  const restart = (notification: boolean, families: readonly number[], restartTime = 120): Capability => ({
    type: "gracefulRestart",
    restarting: false,
    notification,
    restartTime,
    families: families.map((afi) => ({ afi, safi: 1, forwarding: true })),
  });

  it.each<readonly [string, number | null, readonly Capability[], boolean, boolean]>([
    ["C-179 N in both OPENs", 120, [restart(true, [1])], true, true],
    ["C-179 no N from the peer", 120, [restart(false, [1])], false, true],
    ["C-179 no N from us, without a restart time", null, [restart(true, [1])], false, true],
    ["C-180 a helper alone does not restart", 120, [restart(true, [])], true, false],
    ["C-181 none from the peer", 120, [], false, false],
    ["C-057 C-182 the last of several counts", 120, [restart(true, [1]), restart(false, [])], false, false],
    ["C-182 restart time 0 and families that nobody knows", 120, [restart(true, [99], 0)], true, true],
    ["C-182 restart time 4095", 120, [restart(true, [1, 1, 2], 4095)], true, true],
  ])("graceful restart, %s", (_name, restartTime, offered, gracefulNotification, peerRestarts) => {
    const config = configWith({ restartTime: restartTime === null ? null : Seconds(restartTime) });
    const open = openWith({ capabilities: [...CAPABILITIES, ...offered] });
    expect(agreed(config, open)).toMatchObject({ gracefulNotification, peerRestarts });
  });

  it.each([
    ["C-063 ADD-PATH", 69, [0, 1, 1, 3]],
    ["C-064 dynamic capability", 67, []],
    ["C-183 long-lived graceful restart", 71, [0, 1, 1, 128, 0, 14, 16]],
  ])("%s from the peer changes nothing", (_name, code, octets) => {
    const capability: Capability = { type: "unknown", code, value: Uint8Array.from(octets) };
    expect(agreed(CONFIG, openWith({ capabilities: [...CAPABILITIES, capability] }))).toEqual(agreed());
    expect(buildOpen(CONFIG).capabilities.some((c) => c.type === "unknown")).toBe(false);
  });

  it("enhanced refresh is agreed when the peer knows it", () => {
    const open = openWith({ capabilities: [...CAPABILITIES, { type: "enhancedRouteRefresh" }] });
    expect([agreed(CONFIG, open).enhancedRouteRefresh, agreed().enhancedRouteRefresh]).toEqual([true, false]);
  });

  it("the agreement cannot be changed afterwards", () => {
    expect(Object.isFrozen(agreed())).toBe(true);
  });
});
