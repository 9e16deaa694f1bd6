import { describe, expect, test } from "vitest";
import { compile } from "../../src/announce/compile.ts";
import type { BGPAdvertisementObject, BGPPeerObject, ModelObject } from "../../src/announce/model.ts";
import {
  adv,
  bfdProfile,
  community,
  ip,
  labels,
  node,
  onNode,
  options,
  peer,
  pool,
  secret,
  storeOf,
  withLabels,
} from "./builders.ts";

const compiled = (...objects: ModelObject[]) => compile(storeOf(...objects), options());
const texts = (...objects: ModelObject[]) =>
  compiled(...objects).problems.map((p) => `${p.severity} ${p.kind} ${p.name} ${p.path}`);
const advertisementsOf = (poolName: string, ...objects: ModelObject[]) =>
  compiled(...objects)
    .pools.get(poolName)
    ?.advertisements.map((a) => a.ref.name);

describe("peers on one node (metallb-compat 1.1)", () => {
  const running = (...objects: ModelObject[]) =>
    Object.fromEntries(compiled(...objects).peers.map((p) => [p.name, p.config !== null]));
  const twin = (over: Partial<BGPPeerObject>) => [peer("a", "192.0.2.1"), peer("b", "192.0.2.1", over)];

  test("equal address, port and VRF: the younger is out and says which one it lost to", () => {
    const [, b] = compiled(...twin({})).peers;
    expect(b).toMatchObject({ name: "b", config: null });
    expect(b?.problem).toContain("BGPPeer metallb-system/a");
    expect(texts(...twin({}))).toEqual(["error BGPPeer b spec.peerAddress"]);
  });
  test.each<[string, Partial<BGPPeerObject>]>([
    ["another port", { peerPort: 1179 }],
    ["another VRF", { vrf: "red" }],
    ["another address", { peerAddress: ip("192.0.2.2") }],
    ["another node", { nodeSelectors: [onNode("n2")] }],
  ])("%s is no conflict", (_name, over) => expect(texts(...twin(over))).toEqual([]));

  test.each<[string, Partial<BGPPeerObject>]>([
    ["different myASN in one VRF", { myAsn: 65000 }],
    ["different routerID", { routerId: ip("10.0.0.1") }],
  ])("%s is accepted, as in native mode", (_name, over) => {
    const objects = [peer("a", "192.0.2.1"), peer("b", "192.0.2.2", over)];
    expect(running(...objects)).toEqual({ a: true, b: true });
    expect(texts(...objects)).toEqual([]);
  });
  test("only peers that select the node are planned, by any of their selectors", () => {
    const objects = [
      peer("all", "192.0.2.1"),
      peer("mine", "192.0.2.2", { nodeSelectors: [withLabels({ rack: "9" }), withLabels({ rack: "1" })] }),
      peer("other", "192.0.2.3", { nodeSelectors: [withLabels({ rack: "2" })] }),
      node("n1", { labels: labels({ rack: "1" }) }),
    ];
    expect(running(...objects)).toEqual({ all: true, mine: true });
  });
  test("without a Node object the node has its host name as its only label", () => {
    const objects = [
      peer("host", "192.0.2.1", { nodeSelectors: [onNode("n1")] }),
      peer("b", "192.0.2.2", { nodeSelectors: [onNode("n2")] }),
    ];
    expect(running(...objects)).toEqual({ host: true });
  });
  test("a peer that waits for its Secret keeps its address: a session weaker than it asks for must not run", () => {
    const objects = [peer("a", "192.0.2.1", { passwordSecret: "pw" }), peer("b", "192.0.2.1")];
    expect(running(...objects)).toEqual({ a: false, b: false });
    expect(texts(...objects)).toEqual(["error BGPPeer a spec.passwordSecret.name", "error BGPPeer b spec.peerAddress"]);
    expect(running(...objects, secret("pw"))).toEqual({ a: true, b: false });
  });
  test("the same name in two namespaces: the younger is not even listed", () => {
    const foreign = peer("a", "192.0.2.9", { ref: { kind: "BGPPeer", namespace: "other", name: "a" } });
    expect(compiled(peer("a", "192.0.2.1"), foreign).peers).toHaveLength(1);
    expect(texts(peer("a", "192.0.2.1"), foreign)).toEqual(["error BGPPeer a metadata.name"]);
  });
  test("the Node's address gives the router id", () => {
    const { peers } = compiled(peer("a", "192.0.2.1"), node("n1", { internalIps: [ip("10.9.8.7")] }));
    expect(peers[0]?.config?.routerId).toBe(0x0a09_0807);
  });
});

describe("BFD echo with IPv6 (metallb-compat 1.1)", () => {
  const echo = bfdProfile("echo", { echoMode: true });
  const tor = (createdAt: number) => peer("tor", "192.0.2.1", { bfdProfile: "echo", createdAt });
  const ads = (createdAt: number, over: Partial<BGPAdvertisementObject> = {}) => adv("ads", { createdAt, ...over });

  test("the younger of peer and advertisement is out", () => {
    const v6 = pool("v6", ["2001:db8::/120"]);
    expect(texts(echo, v6, tor(1), ads(2))).toEqual(["error BGPAdvertisement ads spec.peers"]);
    expect(texts(echo, v6, tor(2), ads(1))).toEqual(["error BGPPeer tor spec.bfdProfile"]);
  });
  test("an IPv4 pool, or an advertisement for other peers, is none of it", () => {
    expect(texts(echo, pool("v4", ["192.0.2.0/24"]), tor(1), ads(2))).toEqual([]);
    const elsewhere = ads(2, { peers: ["spine"] });
    expect(texts(echo, pool("v6", ["2001:db8::/120"]), tor(1), elsewhere, peer("spine", "192.0.2.9"))).toEqual([]);
  });
});

describe("advertisements and pools (metallb-compat 1.3)", () => {
  const p1 = pool("p1", ["192.0.2.0/24"], { labels: labels({ tier: "gold" }) });
  const p2 = pool("p2", ["198.51.100.0/26"]);

  test.each<[string, Partial<BGPAdvertisementObject>, string[]]>([
    ["no list means every pool", {}, ["p1", "p2"]],
    ["pools by name", { ipAddressPools: ["p2"] }, ["p2"]],
    ["pools by label", { ipAddressPoolSelectors: [withLabels({ tier: "gold" })] }, ["p1"]],
    [
      "names and labels are united",
      { ipAddressPools: ["p2"], ipAddressPoolSelectors: [withLabels({ tier: "gold" })] },
      ["p1", "p2"],
    ],
    ["another node's advertisement is not used", { nodeSelectors: [onNode("n2")] }, []],
  ])("%s", (_name, over, expected) => {
    const { pools } = compiled(p1, p2, adv("a", over));
    expect([...pools.values()].filter((p) => p.advertisements.length > 0).map((p) => p.name)).toEqual(expected);
  });
  test.each<[string, Partial<BGPAdvertisementObject>, string[]]>([
    ["as long as the widest part", { aggregationLength: 26 }, []],
    ["C-119 shorter than one pool's", { aggregationLength: 25 }, ["error BGPAdvertisement a spec.aggregationLength"]],
    [
      "shorter than both pools'",
      { aggregationLength: 23 },
      Array(2).fill("error BGPAdvertisement a spec.aggregationLength"),
    ],
    ["shorter, but only for a pool it is not used for", { aggregationLength: 24, ipAddressPools: ["p1"] }, []],
    ["the other family's length does not matter", { aggregationLengthV6: 1 }, []],
  ])("aggregation length: %s", (_name, over, expected) => expect(texts(p1, p2, adv("a", over))).toEqual(expected));

  test("aggregation length: IPv6 has its own field", () => {
    const found = texts(pool("v6", ["2001:db8::/64"]), adv("a", { aggregationLengthV6: 63 }));
    expect(found).toEqual(["error BGPAdvertisement a spec.aggregationLengthV6"]);
  });
  test("C-119 an advertisement that is too short for one pool is out for that pool alone", () => {
    const objects = [p1, p2, adv("a", { aggregationLength: 24 }), adv("b")];
    expect(advertisementsOf("p1", ...objects)).toEqual(["a", "b"]);
    expect(advertisementsOf("p2", ...objects)).toEqual(["b"]);
    expect(compiled(p1, p2, adv("a", { aggregationLength: 24 })).pools.get("p2")?.notOwner?.detail).toContain(
      "metallb-system/a",
    );
  });
  test("a LOCAL_PREF conflict over a pool that one of them is too short for is none", () => {
    const pair = [adv("a", { aggregationLength: 24, localPref: 1 }), adv("b", { aggregationLength: 24, localPref: 2 })];
    expect(texts(p2, ...pair).filter((t) => t.includes("localPref"))).toEqual([]);
  });
  test("an unknown pool or peer name is a warning with the nearest name, and the advertisement stays", () => {
    const objects = [
      p1,
      peer("tor-a", "192.0.2.1"),
      adv("a", { ipAddressPools: ["p1", "pp2"], peers: ["tor-aa"] }),
      p2,
    ];
    const { problems } = compiled(...objects);
    expect(problems.map((p) => `${p.severity} ${p.path} ${p.hint}`)).toEqual([
      'warning spec.ipAddressPools[1] Did you mean "p2"?',
      'warning spec.peers[0] Did you mean "tor-a"?',
    ]);
    expect(advertisementsOf("p1", ...objects)).toEqual(["a"]);
  });
});

describe("communities (metallb-compat 1.6, 3.8)", () => {
  const p1 = pool("p1", ["192.0.2.0/24"]);
  const communitiesOf = (...objects: ModelObject[]) =>
    compiled(p1, ...objects).pools.get("p1")?.advertisements[0]?.offer[4].attributes;

  test("aliases and literals are resolved; equal values collapse", () => {
    const a = adv("a", { communities: ["out", "65535:65281", "large:1:2:3", "1:1"] });
    expect(communitiesOf(community("c", { out: "65535:65281" }), a)).toMatchObject({
      communities: [0x0001_0001, 0xffff_ff01],
      largeCommunities: [{ globalAdmin: 1, local1: 2, local2: 3 }],
    });
  });
  test("an unknown alias puts the advertisement out and names the Community objects there are", () => {
    const { pools, problems } = compiled(
      p1,
      adv("a", { communities: ["blues"] }),
      community("colours", { blue: "1:1" }),
    );
    expect(pools.get("p1")?.advertisements).toEqual([]);
    expect(problems).toMatchObject([
      { name: "a", path: "spec.communities[0]", severity: "error", hint: 'Did you mean "blue"?' },
    ]);
    expect(problems[0]?.message).toContain("colours");
  });
  test("an impossible literal is an error", () => {
    expect(texts(p1, adv("a", { communities: ["1:1", "1:70000"] }))).toEqual([
      "error BGPAdvertisement a spec.communities[1]",
    ]);
  });
  test("an alias that exists puts the younger Community object out, with all of its aliases", () => {
    const objects = [
      community("old", { x: "1:1" }),
      community("new", { y: "2:2", x: "3:3" }),
      adv("a", { communities: ["x"] }),
    ];
    expect(communitiesOf(...objects)?.communities).toEqual([0x0001_0001]);
    expect(texts(p1, ...objects, adv("b", { communities: ["y"] }))).toEqual([
      "error BGPAdvertisement b spec.communities[0]",
      "error Community new spec.communities[1]",
    ]);
  });
  test("a value that is no community puts its object out", () => {
    expect(texts(community("c", { x: "no-export" }))).toEqual(["error Community c spec.communities[0]"]);
  });
});

describe("annotations of an advertisement", () => {
  test("MED and copies of our AS are part of the offer; not said is not set", () => {
    const p1 = pool("p1", ["192.0.2.0/24"]);
    const { pools } = compiled(p1, adv("a", { settings: { med: 5, asPathPrepend: 2 } }), adv("b"));
    expect(pools.get("p1")?.advertisements.map((a) => a.offer[4])).toMatchObject([
      { asked: { med: 5, asPathPrepend: 2 }, attributes: { med: 5, asPathPrepend: 2 } },
      { asked: { med: null, asPathPrepend: null }, attributes: { med: null, asPathPrepend: 0 } },
    ]);
  });
});

describe("C-119 LOCAL_PREF conflicts at load time (metallb-compat 2.6)", () => {
  const v4 = pool("v4", ["192.0.2.0/24"]);
  const dual = pool("dual", ["198.51.100.0/24", "2001:db8::/120"]);
  const pair = (a: Partial<BGPAdvertisementObject>, b: Partial<BGPAdvertisementObject>) => [
    adv("a", { localPref: 100, ...a }),
    adv("b", { localPref: 200, ...b }),
  ];
  const out = ["error BGPAdvertisement b spec.localPref"];
  const peers = [peer("t1", "192.0.2.1"), peer("t2", "192.0.2.2")];

  test.each<[string, ModelObject[], Partial<BGPAdvertisementObject>, Partial<BGPAdvertisementObject>, string[]]>([
    ["same pool, length, peers and node", [v4], {}, {}, out],
    ["not set against a value", [v4], { localPref: null }, {}, out],
    ["equal values", [v4], {}, { localPref: 100 }, []],
    ["different lengths in an IPv4 pool", [v4], {}, { aggregationLength: 24 }, []],
    ["a different IPv6 length in an IPv4 pool", [v4], {}, { aggregationLengthV6: 124 }, out],
    ["one different length in a dual pool", [dual], {}, { aggregationLength: 24 }, out],
    ["both lengths different in a dual pool", [dual], {}, { aggregationLength: 24, aggregationLengthV6: 124 }, []],
    ["different peers", [v4, ...peers], { peers: ["t1"] }, { peers: ["t2"] }, []],
    ["a common peer", [v4, ...peers], { peers: ["t1", "t2"] }, { peers: ["t2"] }, out],
    ["all peers against one", [v4, ...peers], { peers: ["t1"] }, {}, out],
    ["another node", [v4], { nodeSelectors: [onNode("n2")] }, {}, []],
    ["different pools", [v4, dual], { ipAddressPools: ["v4"] }, { ipAddressPools: ["dual"] }, []],
    ["with serviceSelectors it is left to each service", [v4], {}, { serviceSelectors: [withLabels({ a: "1" })] }, []],
  ])("%s", (_name, objects, a, b, expected) => expect(texts(...objects, ...pair(a, b))).toEqual(expected));

  test("the older one stays in force", () => {
    expect(advertisementsOf("v4", v4, ...pair({ createdAt: 2 }, { createdAt: 1 }))).toEqual(["b"]);
  });
  test("one that is out already takes nobody with it", () => {
    expect(advertisementsOf("v4", v4, ...pair({ communities: ["unknown"] }, {}))).toEqual(["b"]);
  });
});

test("of two peers at one address in files the one that is out is not called the younger for certain", () => {
  const [problem] = compiled(peer("a", "192.0.2.1"), peer("b", "192.0.2.1")).problems;
  expect(problem).toMatchObject({ name: "b", path: "spec.peerAddress" });
  expect(problem?.message).toMatch(/ is older, or stands first in the files$/);
});

test("the order of the problems does not depend on how the store was filled", () => {
  const objects = [peer("a", "192.0.2.1", { disableMP: true }), adv("x", { peers: ["q"] }), community("c", { x: "1" })];
  expect(texts(...objects)).toEqual(texts(...[...objects].reverse()));
});
