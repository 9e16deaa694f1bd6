import { describe, expect, test } from "vitest";
import {
  CONNECTS_PER_SECOND,
  doorKey,
  KnockCounter,
  planDoors,
  STRANGERS_PER_SECOND,
  socketTerms,
} from "../../src/bgp/admission.ts";
import type { PeerConfig } from "../../src/bgp/session/config.ts";
import { type Ip, parseIp } from "../../src/kernel/ip.ts";
import { Asn, Millis, PeerName, Seconds } from "../../src/kernel/units.ts";
import { configWith } from "./session/fixtures.ts";

const ip = (text: string): Ip => parseIp(text) ?? expect.fail(text);
const BOTH = new Set([4, 6] as const);
const LINK_LOCAL = ip("fe80::1");

const peer = (name: string, address: string | null, change: Partial<PeerConfig> = {}): PeerConfig =>
  configWith({ name: PeerName(name), address: address === null ? null : ip(address), opens: "both", ...change });

describe("doors", () => {
  const rows: readonly [what: string, peers: readonly PeerConfig[], doors: readonly string[], shut: RegExp | null][] = [
    ["a peer that may connect has one", [peer("a", "192.0.2.1")], ["192.0.2.1"], null],
    ["a peer to which we connect has none", [peer("a", "192.0.2.1", { opens: "us" })], [], null],
    [
      "two peers on one address share one",
      [peer("a", "192.0.2.1"), peer("b", "192.0.2.1", { port: 1790 })],
      ["192.0.2.1"],
      null,
    ],
    [
      "two peers on one address with two passwords have none",
      [peer("a", "192.0.2.1", { password: "x" }), peer("b", "192.0.2.1", { port: 1790, password: "y" })],
      [],
      /differ in password/,
    ],
    [
      "GTSM of one of them alone shuts both out",
      [peer("a", "192.0.2.1", { gtsmHops: 1 }), peer("b", "192.0.2.1", { port: 1790 })],
      [],
      /differ/,
    ],
    ["a peer in a VRF has none", [peer("a", "192.0.2.1", { vrf: "red" })], [], /VRF red/],
    [
      "one link-local address on two interfaces is two peers (C-014)",
      [peer("a", "fe80::1", { interface: "eth0" }), peer("b", "fe80::1", { interface: "eth1" })],
      ["fe80::1%eth0", "fe80::1%eth1"],
      null,
    ],
    [
      "of which the kernel cannot tell the keys apart",
      [
        peer("a", "fe80::1", { interface: "eth0", password: "x" }),
        peer("b", "fe80::1", { interface: "eth1", password: "y" }),
      ],
      [],
      /differ in password/,
    ],
    ["an unnumbered peer has one once it was found", [peer("a", null, { interface: "eth0" })], ["fe80::1%eth0"], null],
    ["and none before", [peer("a", null, { interface: "eth9" })], [], null],
  ];
  test.each(rows)("%s", (_what, peers, doors, shut) => {
    const plan = planDoors(peers, BOTH, (name) => (name === "eth9" ? null : LINK_LOCAL));
    expect([...plan.doors.keys()]).toEqual(doors);
    expect([...plan.problems.keys()]).toEqual(shut === null ? [] : peers.map((p) => p.name));
    if (shut !== null) for (const text of plan.problems.values()) expect(text).toMatch(shut);
  });

  test("where nobody listens for a family, its peers are told", () => {
    const plan = planDoors([peer("a", "192.0.2.1"), peer("b", "2001:db8::1")], new Set([6]), () => null);
    expect([...plan.doors.keys()]).toEqual(["2001:db8::1"]);
    expect([...plan.problems]).toEqual([["a", expect.stringContaining("IPv4")]]);
  });

  test("the key has a zone for link-local IPv6 alone", () => {
    expect(doorKey(ip("2001:db8::1"), "eth0")).toBe("2001:db8::1");
    expect(doorKey(ip("169.254.0.1"), "eth0")).toBe("169.254.0.1");
    expect(doorKey(ip("fe80::1"), "eth0")).toBe("fe80::1%eth0");
  });
});

describe("C-009 TTL by kind of session", () => {
  const external = { localAsn: Asn(64_500), peerAsn: Asn(64_501) };
  const rows: readonly [what: string, change: Partial<PeerConfig>, ttl: number | null, minTtl: number | null][] = [
    ["external", external, 1, null],
    ["external, whatever AS it has", { peerAsn: "external" }, 1, null],
    ["external over several hops", { ...external, ebgpMultihop: true }, 255, null],
    ["internal", { localAsn: Asn(64_500), peerAsn: Asn(64_500) }, null, null],
    ["internal by word", { peerAsn: "internal" }, null, null],
    ["GTSM, next door", { ...external, gtsmHops: 1 }, 255, 255],
    ["GTSM, internal, three hops", { peerAsn: "internal", gtsmHops: 3 }, 255, 253],
  ];
  test.each(rows)("%s", (_what, change, ttl, minTtl) => {
    expect(socketTerms(configWith(change))).toMatchObject({ ttl, minTtl });
  });

  test("the user timeout is the hold time, and none without one", () => {
    expect(socketTerms(configWith({ holdTime: Seconds(9) })).userTimeout).toBe(9_000);
    expect(socketTerms(configWith({ holdTime: Seconds(0) })).userTimeout).toBeNull();
  });
});

describe("C-261 knocking too often", () => {
  test("strangers and peers are counted apart, by the second, and forgiven together", () => {
    const knocks = new KnockCounter();
    const knock = (door: string | null, times: number, now: number): number =>
      Array.from({ length: times }, () => knocks.knock(door, Millis(now))).filter((isOver) => isOver).length;
    expect(knock(null, STRANGERS_PER_SECOND, 0)).toBe(0);
    expect(knock("192.0.2.1", CONNECTS_PER_SECOND, 500)).toBe(0);
    expect(knock(null, STRANGERS_PER_SECOND, 1_000)).toBe(0); // the next second
    expect(knock(null, 50, 1_999)).toBe(1); // told once
    expect([...knocks.tooMany]).toEqual([null]);
    expect(knock("192.0.2.1", CONNECTS_PER_SECOND + 1, 1_999)).toBe(1);
    expect([...knocks.tooMany]).toEqual([null, "192.0.2.1"]);
    knocks.forgive();
    expect(knocks.tooMany.size).toBe(0);
    expect(knock(null, STRANGERS_PER_SECOND, 1_999)).toBe(0);
  });
});
