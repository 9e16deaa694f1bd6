// Next hops on whole sessions: what stands in the UPDATEs, and what a change of them does.
import { describe, expect, it } from "vitest";
import type { PeerConfig } from "../../../src/bgp/session/config.ts";
import type { UpdateMessage } from "../../../src/bgp/wire/message.ts";
import { prefixesOf } from "../../../src/bgp/wire/nlri.ts";
import { formatIp, formatPrefix, type Ip } from "../../../src/kernel/ip.ts";
import { Asn, RouterId } from "../../../src/kernel/units.ts";
import { ip } from "../session/fixtures.ts";
import { A, attributes, B, nameOf, onlyEnd, peerTowards, runnerOf, station, vip, vip6 } from "./speakers.ts";
import { WireTap } from "./wire.ts";
import { World } from "./world.ts";

const BOTH: Partial<PeerConfig> = { families: ["ipv4-unicast", "ipv6-unicast"] };

/** A announces one prefix of each family to B over a session between these addresses. */
function session(ours: Ip, theirs: Ip, others: readonly string[], change: Partial<PeerConfig> = {}) {
  const world = new World(41, { latency: [5, 5] });
  const tap = new WireTap();
  world.tap = tap;
  const a = station(world, ours, { listens: false });
  const b = station(world, theirs);
  for (const text of others) a.host.others.push({ interface: "eth0", address: ip(text) });
  a.host.others.push({ interface: "eth1", address: ip("2001:db8:ffff::1") });
  const config = (change2: Partial<PeerConfig>): PeerConfig =>
    peerTowards(A, B, { ...BOTH, address: theirs, ...change, ...change2 });
  const zone = change.interface === undefined ? {} : { interface: "eth0" };
  b.speaker.setPeers([peerTowards(B, A, { ...BOTH, address: ours, ...zone })]);
  a.speaker.setPeers([config({})]);
  for (const prefix of [vip(1), vip6(1)]) a.speaker.setRoute(nameOf(B), prefix, attributes(1));
  a.speaker.flush(true);
  if (change.address === null) a.speaker.neighborSeen("eth0", theirs);
  world.run(30_000);
  const heard = tap.heard(onlyEnd(world, b.host));
  const told = (from = 0): readonly string[] =>
    heard.messages.slice(from).flatMap((m) => (m.type === "update" ? text(m) : []));
  return { world, tap, a, b, heard, told, config, runner: runnerOf(a, B) };
}

function text(update: UpdateMessage): string[] {
  const { nextHop, linkLocalNextHop } = update.attributes;
  const via = [nextHop, linkLocalNextHop].flatMap((hop) => (hop === null ? [] : [formatIp(hop)])).join("+");
  const withdrawn = update.withdrawn.flatMap(prefixesOf).map((p) => `-${formatPrefix(p)}`);
  return [...withdrawn, ...update.reachable.flatMap(prefixesOf).map((p) => `${formatPrefix(p)} via ${via}`)];
}

const SIX_A = ip("2001:db8::1");
const SIX_B = ip("2001:db8::2");
const LINK_A = ip("fe80::1");
const LINK_B = ip("fe80::2");

describe("both families on one session", () => {
  it("C-185 over IPv4, with a global IPv6 address on that interface", () => {
    const s = session(A, B, ["fe80::1", "2001:db8::9"]);
    expect(s.told()).toEqual(["10.0.0.1/32 via 192.0.2.1", "2001:db8::1/128 via 2001:db8::9"]);
    expect(s.runner.nextHopProblems().size).toBe(0);
  });

  it("C-185 over IPv4 without one: IPv4 alone, with a reason, and End-of-RIB for both", () => {
    const s = session(A, B, ["fe80::1"]);
    expect(s.told()).toEqual(["10.0.0.1/32 via 192.0.2.1"]);
    expect(s.heard.endOfRib).toEqual([1, 2]);
    expect([...s.runner.nextHopProblems()]).toEqual([
      ["ipv6-unicast", expect.stringContaining("no global IPv6 address")],
    ]);
    expect(s.runner.sendingFamilies()).toEqual(["ipv4-unicast"]);
    expect(s.runner.ribs().get("ipv6-unicast")).toMatchObject({ sentCount: 0, pendingCount: 1 });
  });

  it("C-186 over IPv6: IPv6 next hops for both, since both ends are ours and take them", () => {
    const s = session(SIX_A, SIX_B, ["192.0.2.9"]);
    expect(s.told()).toEqual(["10.0.0.1/32 via 2001:db8::1", "2001:db8::1/128 via 2001:db8::1"]);
  });

  it("C-184 C-186 unnumbered: link-local alone, or behind a global address", () => {
    const unnumbered = { address: null, interface: "eth0" };
    expect(session(LINK_A, LINK_B, ["192.0.2.9"], unnumbered).told()).toEqual([
      "10.0.0.1/32 via fe80::1",
      "2001:db8::1/128 via fe80::1",
    ]);
    expect(session(LINK_A, LINK_B, ["2001:db8::9"], unnumbered).told()).toEqual([
      "10.0.0.1/32 via 2001:db8::9+fe80::1",
      "2001:db8::1/128 via 2001:db8::9+fe80::1",
    ]);
  });

  it("an unnumbered peer is known by its address once it is heard", () => {
    const { runner, a } = session(LINK_A, LINK_B, [], { address: null, interface: "eth0" });
    expect(runner.remoteAddress).toEqual(LINK_B);
    a.speaker.neighborLost("eth0");
    expect([runner.remoteAddress, runner.stateName]).toEqual([LINK_B, "Established"]);
    a.speaker.setPeers([]);
    a.speaker.setPeers([peerTowards(A, B, { address: null, interface: "eth0" })]);
    expect(runnerOf(a, B).remoteAddress).toBeNull();
    a.speaker.neighborSeen("eth1", LINK_B);
    expect(runnerOf(a, B).remoteAddress).toBeNull();
    a.speaker.neighborSeen("eth0", LINK_B);
    expect(runnerOf(a, B).remoteAddress).toEqual(LINK_B);
    a.speaker.setPeers([]);
    a.speaker.setPeers([peerTowards(A, B, { address: null, interface: "eth0" })]);
    expect(runnerOf(a, B).remoteAddress).toEqual(LINK_B);
  });
});

describe("a live change of next hops", () => {
  it("C-109 C-115 replaces what was announced, without a withdrawal and without a reset", () => {
    const s = session(A, B, ["2001:db8::9"]);
    const before = s.heard.messages.length;
    expect(s.a.speaker.setPeers([s.config({ nextHops: { "ipv4-unicast": ip("192.0.2.77") } })])).toEqual([
      { peer: nameOf(B), change: "readvertise", fields: ["nextHops"] },
    ]);
    s.world.run(1_000);
    expect(s.told(before)).toEqual(["10.0.0.1/32 via 192.0.2.77"]);
    s.a.speaker.setPeers([s.config({})]);
    s.world.run(1_000);
    expect(s.told(before)).toEqual(["10.0.0.1/32 via 192.0.2.77", "10.0.0.1/32 via 192.0.2.1"]);
    expect(s.runner.state.timesEstablished).toBe(1);
    expect(s.tap.faults).toEqual([]);
  });

  it("sends a family that had no next hop before", () => {
    const s = session(A, B, []);
    s.a.speaker.setPeers([s.config({ nextHops: { "ipv6-unicast": ip("2001:db8::77") } })]);
    s.world.run(1_000);
    expect(s.told()).toEqual(["10.0.0.1/32 via 192.0.2.1", "2001:db8::1/128 via 2001:db8::77"]);
    expect(s.runner.nextHopProblems().size).toBe(0);
  });

  it("C-115 to an impossible one leaves what was announced, and says so", () => {
    const s = session(A, B, []);
    const before = s.heard.messages.length;
    s.a.speaker.setPeers([s.config({ nextHops: { "ipv4-unicast": B } })]);
    s.world.run(1_000);
    expect(s.told(before)).toEqual([]);
    expect(s.runner.nextHopProblems().get("ipv4-unicast")).toBe(
      "192.0.2.2 cannot be the next hop for ipv4-unicast: it is the peer's own address; 192.0.2.1 stays",
    );
  });
});

describe("the same link-local address on two interfaces", () => {
  it("C-014 is two peers, told apart by the interface their connections come in on", () => {
    const world = new World(42);
    const a = station(world, A);
    const peers = ["eth0", "eth1"].map((name, i) =>
      peerTowards(A, B, {
        name: nameOf({ ...B, w0: B.w0 + i }),
        address: LINK_B,
        interface: name,
        opens: "peer",
        peerAsn: Asn(65_000),
        routerId: RouterId(1),
      }),
    );
    a.speaker.setPeers(peers);
    const taken: string[] = [];
    const offer = (zone: string | null): boolean =>
      a.speaker.offer(
        LINK_B,
        LINK_A,
        () => {
          taken.push(zone ?? "none");
          return { wake() {}, finish() {}, abort() {} };
        },
        zone,
      );
    expect([offer("eth1"), offer("eth2"), offer(null)]).toEqual([true, false, false]);
    expect(taken).toEqual(["eth1"]);
    expect([...a.speaker.peers()].map((r) => r.stateName)).toEqual(["Active", "OpenSent"]);
  });
});
