// Which address of ours is the next hop, and which never is.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressesBeside, chooseNextHop, type SessionAddresses } from "../../../src/bgp/session/nextHop.ts";
import type { Family } from "../../../src/bgp/wire/message.ts";
import { formatIp, ipv4, ipv6 } from "../../../src/kernel/ip.ts";
import { ip } from "./fixtures.ts";

const LINK_LOCAL = "fe80::1";
const IPV4_SESSION = { local: "192.0.2.1", remote: "192.0.2.2" };
const IPV6_SESSION = { local: "2001:db8::1", remote: "2001:db8::2" };
const LINK_SESSION = { local: LINK_LOCAL, remote: "fe80::2" };
const LOOPBACK_SESSION = { local: "127.0.0.1", remote: "127.0.0.2" };

interface Row {
  readonly name: string;
  readonly session: { readonly local: string; readonly remote: string };
  readonly family: Family;
  /** Addresses of the interface besides the one of the session. */
  readonly beside?: readonly string[];
  readonly configured?: string;
  readonly extended?: boolean;
  /** The next hop, two for 32 octets, or words of the reason. */
  readonly expected: string | RegExp;
}

const ROWS: readonly Row[] = [
  { name: "IPv4 over IPv4: our address on it", session: IPV4_SESSION, family: "ipv4-unicast", expected: "192.0.2.1" },
  {
    name: "C-184 IPv6 over IPv6: our address on it alone, for the link may not be shared",
    session: IPV6_SESSION,
    family: "ipv6-unicast",
    beside: [LINK_LOCAL],
    expected: "2001:db8::1",
  },
  {
    name: "C-185 IPv6 over IPv4: a global address of that interface",
    session: IPV4_SESSION,
    family: "ipv6-unicast",
    beside: [LINK_LOCAL, "::1", "ff02::1", "::ffff:192.0.2.1", "2001:db8::9"],
    expected: "2001:db8::9",
  },
  {
    name: "C-185 IPv6 over IPv4: a unique local address will do",
    session: IPV4_SESSION,
    family: "ipv6-unicast",
    beside: ["fd00::9"],
    expected: "fd00::9",
  },
  {
    name: "C-185 IPv6 over IPv4 without a global IPv6 address is not sent",
    session: IPV4_SESSION,
    family: "ipv6-unicast",
    beside: [LINK_LOCAL],
    expected: /no next hop for ipv6-unicast: the interface with 192\.0\.2\.1 has no global IPv6 address; configure one/,
  },
  {
    name: "C-185 IPv6 over IPv4 with a configured one",
    session: IPV4_SESSION,
    family: "ipv6-unicast",
    beside: ["2001:db8::9"],
    configured: "2001:db8::77",
    expected: "2001:db8::77",
  },
  {
    name: "C-186 IPv4 over IPv6: an IPv4 address of that interface",
    session: IPV6_SESSION,
    family: "ipv4-unicast",
    beside: ["169.254.1.1", "127.0.0.1", "192.0.2.9"],
    expected: "192.0.2.9",
  },
  {
    name: "C-186 IPv4 over IPv6: our IPv6 address where RFC 8950 was agreed",
    session: IPV6_SESSION,
    family: "ipv4-unicast",
    beside: ["192.0.2.9"],
    extended: true,
    expected: "2001:db8::1",
  },
  {
    name: "C-186 IPv4 over IPv6: a configured IPv4 address even there",
    session: IPV6_SESSION,
    family: "ipv4-unicast",
    configured: "192.0.2.7",
    extended: true,
    expected: "192.0.2.7",
  },
  {
    name: "C-187 IPv4 over IPv6 with neither is not sent",
    session: IPV6_SESSION,
    family: "ipv4-unicast",
    expected: /has no global IPv4 address, and the peer does not take IPv6 next hops/,
  },
  {
    name: "C-187 a configured IPv6 address for IPv4 that was not agreed",
    session: IPV6_SESSION,
    family: "ipv4-unicast",
    configured: "2001:db8::7",
    expected: /2001:db8::7 cannot be the next hop for ipv4-unicast: .*RFC 8950/,
  },
  {
    name: "C-184 on a link-local session: global and link-local",
    session: LINK_SESSION,
    family: "ipv6-unicast",
    beside: ["192.0.2.9", "2001:db8::9"],
    expected: "2001:db8::9 fe80::1",
  },
  {
    name: "C-184 on a link-local session without a global address: link-local alone",
    session: LINK_SESSION,
    family: "ipv6-unicast",
    expected: "fe80::1",
  },
  {
    name: "C-186 IPv4 on a link-local session, RFC 8950 agreed",
    session: LINK_SESSION,
    family: "ipv4-unicast",
    beside: ["2001:db8::9"],
    extended: true,
    expected: "2001:db8::9 fe80::1",
  },
  {
    name: "a configured next hop on a link-local session stands alone: it may be another host",
    session: LINK_SESSION,
    family: "ipv6-unicast",
    configured: "2001:db8::7",
    expected: "2001:db8::7",
  },
  { name: "over loopback: loopback", session: LOOPBACK_SESSION, family: "ipv4-unicast", expected: "127.0.0.1" },
  {
    name: "C-115 the unspecified address",
    session: IPV4_SESSION,
    family: "ipv4-unicast",
    configured: "0.0.0.0",
    expected: /nobody's/,
  },
  {
    name: "C-115 the unspecified IPv6 address",
    session: IPV6_SESSION,
    family: "ipv6-unicast",
    configured: "::",
    expected: /nobody's/,
  },
  {
    name: "C-115 loopback towards another host",
    session: IPV4_SESSION,
    family: "ipv4-unicast",
    configured: "127.0.0.1",
    expected: /loopback/,
  },
  {
    name: "C-115 multicast",
    session: IPV4_SESSION,
    family: "ipv4-unicast",
    configured: "224.0.0.1",
    expected: /no single host/,
  },
  {
    name: "C-115 broadcast",
    session: IPV4_SESSION,
    family: "ipv4-unicast",
    configured: "255.255.255.255",
    expected: /no single host/,
  },
  {
    name: "C-115 the peer's own address",
    session: IPV4_SESSION,
    family: "ipv4-unicast",
    configured: "192.0.2.2",
    expected: /the peer's own/,
  },
  {
    name: "a link-local address for a session that may leave the link",
    session: IPV6_SESSION,
    family: "ipv6-unicast",
    configured: "fe80::9",
    expected: /over its link/,
  },
  {
    name: "an IPv4 address for IPv6 routes",
    session: IPV4_SESSION,
    family: "ipv6-unicast",
    configured: "192.0.2.7",
    expected: /need an IPv6 next hop/,
  },
];

const at = (session: Row["session"], beside: readonly string[] = []): SessionAddresses => ({
  local: ip(session.local),
  remote: ip(session.remote),
  onInterface: [ip(session.local), ...beside.map(ip)],
});

function answer(row: Omit<Row, "name" | "expected">): string {
  const nextHops = row.configured === undefined ? {} : { [row.family]: ip(row.configured) };
  const negotiated = { extendedNextHop: row.extended === true };
  const choice = chooseNextHop(row.family, { nextHops }, negotiated, at(row.session, row.beside));
  if (!choice.ok) return choice.reason;
  const { address, linkLocal } = choice.nextHop;
  return [address, ...(linkLocal === null ? [] : [linkLocal])].map(formatIp).join(" ");
}

describe("the next hop", () => {
  it.each(ROWS)("$name", (row) => {
    expect(answer(row)).toEqual(typeof row.expected === "string" ? row.expected : expect.stringMatching(row.expected));
  });

  const anyIp = fc.oneof(
    fc.nat(0xffff_ffff).map(ipv4),
    fc.tuple(...[0, 1, 2, 3].map(() => fc.nat(0xffff_ffff))).map(([a = 0, b = 0, c = 0, d = 0]) => ipv6(a, b, c, d)),
    fc.constantFrom("::", "::1", "fe80::1", "ff02::1", "2001:db8::1", "0.0.0.0", "127.0.0.1").map(ip),
  );

  it("C-187 is never IPv6 for IPv4 routes unless that was agreed, and never IPv4 for IPv6 routes", () => {
    const family = fc.constantFrom<Family>("ipv4-unicast", "ipv6-unicast");
    const history = fc.tuple(family, anyIp, anyIp, fc.array(anyIp), fc.option(anyIp), fc.boolean());
    fc.assert(
      fc.property(history, ([asked, local, remote, onInterface, configured, extendedNextHop]) => {
        const nextHops = configured === null ? {} : { [asked]: configured };
        const choice = chooseNextHop(asked, { nextHops }, { extendedNextHop }, { local, remote, onInterface });
        if (!choice.ok) return choice.reason !== "";
        const { address, linkLocal } = choice.nextHop;
        if (asked === "ipv6-unicast") return address.version === 6;
        return address.version === 4 ? linkLocal === null : extendedNextHop;
      }),
    );
  });
});

describe("the addresses of our interface", () => {
  const onHost = [
    { interface: "eth0", address: ip("192.0.2.1") },
    { interface: "eth0", address: ip("fe80::1") },
    { interface: "eth1", address: ip("fe80::1") },
    { interface: "eth1", address: ip("2001:db8::1") },
  ];

  it.each([
    ["are those beside the address of the session", "192.0.2.1", null, ["192.0.2.1", "fe80::1"]],
    [
      "C-014 are those of the zone, where one link-local address is on two",
      "fe80::1",
      "eth1",
      ["fe80::1", "2001:db8::1"],
    ],
    ["are none where the address is on none", "198.51.100.1", null, []],
  ] as const)("%s", (_name, local, zone, expected) => {
    expect(addressesBeside(ip(local), zone, onHost).map(formatIp)).toEqual(expected);
  });
});
