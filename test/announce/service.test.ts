import { describe, expect, test } from "vitest";
import { compile } from "../../src/announce/compile.ts";
import type { DecisionOptions } from "../../src/announce/compiled.ts";
import type { EndpointObject, ModelObject, ServiceObject } from "../../src/announce/model.ts";
import { reasonHelp, reasons } from "../../src/announce/reasons.ts";
import { decideService } from "../../src/announce/service.ts";
import {
  adv,
  endpoint,
  labels,
  node,
  onNode,
  options,
  peer,
  pool,
  service,
  slice,
  storeOf,
  withLabels,
} from "./builders.ts";

const p1 = pool("p1", ["192.0.2.0/24"]);
const p2 = pool("p2", ["198.51.100.0/24", "2001:db8::/120"]);
const tor = peer("tor", "203.0.113.1");

function decide(svc: ServiceObject, objects: readonly ModelObject[], over: Partial<DecisionOptions> = {}) {
  const store = storeOf(svc, ...objects);
  return decideService(svc, store, compile(store, options(over)));
}
const good = [p1, p2, tor, adv("a"), slice("web")];
const without = (...gone: readonly ModelObject[]) => good.filter((o) => !gone.includes(o));
const web = (over: Partial<ServiceObject> = {}) => service("web", ["192.0.2.10"], over);

test("a service that passes every check is announced with its VIP, pool and prefix", () => {
  expect(decide(web(), good)).toMatchObject({
    announced: true,
    reason: null,
    detail: null,
    vips: ["192.0.2.10"],
    pool: "p1",
    contributions: [{ prefixKey: "192.0.2.10/32", peers: ["tor"], advertisement: { name: "a" } }],
  });
});

describe("load-balancer class (metallb-compat 2.3)", () => {
  test.each<[string, string, string | null, boolean]>([
    ["no class asked, none set", "", null, true],
    ["no class asked, one set", "", "x", false],
    ["a class asked, none set", "x", null, false],
    ["a class asked, the same set", "x", "x", true],
    ["a class asked, another set", "x", "y", false],
  ])("%s", (_name, lbClass, loadBalancerClass, handled) => {
    const { reason } = decide(web({ loadBalancerClass }), good, { lbClass });
    expect(reason).toBe(handled ? null : "otherLoadBalancerClass");
  });
  test("a service that leaves LoadBalancer and loses its class is not overlooked (Q-12)", () => {
    expect(decide(web({ type: "ClusterIP" }), good, { lbClass: "x" }).reason).toBe("notLoadBalancer");
  });
});

describe("checks in order (metallb-compat 2.4)", () => {
  const blocked = node("n1", {
    networkUnavailable: true,
    labels: labels({ "node.kubernetes.io/exclude-from-external-load-balancers": "" }),
  });
  const excluded = { ...blocked, networkUnavailable: false };
  const gold = withLabels({ tier: "gold" });
  // each row fails its own check and all later ones, so that the order shows
  const rows: readonly [string, ServiceObject, readonly ModelObject[], string][] = [
    ["2 notLoadBalancer", web({ type: "ClusterIP", ingress: [] }), [blocked], "spec.type is ClusterIP"],
    ["4 noIPAllocated", web({ ingress: [] }), [blocked], "status.loadBalancer.ingress is empty"],
    ["5 invalidIP", web({ ingress: [{ ip: "10.0.0.1" }, { ip: "x" }] }), [blocked], "ingress[1]"],
    ["5 invalidIP", web({ ingress: [{ ip: "192.0.2.1" }, { ip: null }] }), good, "ingress[1] has no ip"],
    ["6 ipNotAllowed", web({ ingress: [{ ip: "10.0.0.1" }] }), [p1, blocked], "10.0.0.1"],
    [
      "6 ipNotAllowed",
      web({ ingress: [{ ip: "192.0.2.1" }, { ip: "198.51.100.1" }] }),
      good,
      "IPAddressPool p2, not in p1",
    ],
    ["9 notOwner", web(), [p1, blocked], "no BGPAdvertisement applies"],
    [
      "9 notOwner",
      web(),
      [p1, blocked, adv("far", { nodeSelectors: [onNode("n2")] })],
      "spec.nodeSelectors of BGPAdvertisement metallb-system/far",
    ],
    [
      "9 notOwner",
      web(),
      [p1, blocked, adv("bad", { communities: ["q"] })],
      "BGPAdvertisement metallb-system/bad is not used for IPAddressPool metallb-system/p1",
    ],
    [
      "10 noMatchingAdvertisement",
      web(),
      [p1, blocked, adv("g", { serviceSelectors: [gold] })],
      "BGPAdvertisement metallb-system/g",
    ],
    [
      "11 conflictingAdvertisements",
      web({ labels: labels({ tier: "gold" }) }),
      [p1, blocked, adv("a", { localPref: 1 }), adv("g", { localPref: 2, serviceSelectors: [gold] })],
      "spec.localPref 1 in BGPAdvertisement metallb-system/a",
    ],
    [
      "11 conflictingAdvertisements",
      web({ labels: labels({ tier: "gold" }) }),
      [p1, blocked, adv("a"), adv("g", { localPref: 2, serviceSelectors: [gold] })],
      "spec.localPref not set in BGPAdvertisement metallb-system/a",
    ],
    ["12 nodeNetworkUnavailable", web(), [p1, blocked, adv("a")], "Node n1"],
    ["13 nodeLabeledExcludeBalancers", web(), [p1, excluded, adv("a")], "Node n1"],
    [
      "14 noLocalEndpoints",
      web({ externalTrafficPolicy: "Local" }),
      [p1, adv("a"), slice("web", [endpoint({ nodeName: "n2" })])],
      "nodeName n1",
    ],
    ["15 noEndpoints", web(), [p1, adv("a"), slice("other")], "no endpoint"],
    ["16 noPeers", web(), without(tor), "no BGPPeer selects node n1"],
  ];
  test.each(rows)("%s: %#", (title, svc, objects, detail) => {
    const decision = decide(svc, objects);
    expect(decision).toMatchObject({ announced: false, reason: title.split(" ")[1], contributions: [] });
    expect(decision.detail).toContain(detail);
  });
  test("VIPs are told once they are valid, the pool once it is known", () => {
    expect(decide(web({ ingress: [{ ip: "10.0.0.1" }] }), good)).toMatchObject({ vips: ["10.0.0.1"], pool: null });
    expect(decide(web(), [p1])).toMatchObject({ vips: ["192.0.2.10"], pool: "p1" });
  });
  test("an unknown Node, and a Node whose network is fine, pass", () => {
    expect(decide(web(), [...good, node("n1")]).announced).toBe(true);
    expect(decide(web(), [...good, { ...blocked, ref: node("n2").ref }]).announced).toBe(true);
  });
  test("the exclude label is ignored when that is asked for", () => {
    expect(decide(web(), [...good, excluded], { ignoreExcludeLb: true }).announced).toBe(true);
  });
  test("an IPv4-mapped ingress address is its IPv4 address", () => {
    expect(decide(web({ ingress: [{ ip: "::ffff:192.0.2.10" }] }), good).vips).toEqual(["192.0.2.10"]);
  });
  test("every reason has a line of help", () => {
    for (const word of Object.keys(reasons))
      expect(reasonHelp(word as keyof typeof reasons).length, word).toBeGreaterThan(10);
  });
});

describe("usable endpoints (metallb-compat 2.4)", () => {
  const rows: readonly [string, Partial<EndpointObject>, boolean][] = [
    ["ready unknown", { ready: null, serving: false }, true],
    ["ready", { ready: true, serving: false }, true],
    ["not ready but serving", { ready: false, serving: true }, true],
    ["not ready, not serving", { ready: false, serving: false }, false],
    ["not ready, serving unknown", { ready: false, serving: null }, false],
    ["ready without addresses", { hasAddresses: false }, false],
  ];
  test.each(rows)("%s", (_name, over, usable) => {
    const objects = [...without(), slice("web", [endpoint(over)])];
    expect(decide(web(), objects).announced).toBe(usable);
    expect(decide(web({ externalTrafficPolicy: "Local" }), objects).announced).toBe(usable);
  });
  test.each<[string, string | null, boolean]>([
    ["on this node", "n1", true],
    ["on another node", "n2", false],
    ["on no named node", null, false],
  ])("policy Local: %s", (_name, nodeName, usable) => {
    const objects = [...good, slice("web", [endpoint({ nodeName })])];
    expect(decide(web({ externalTrafficPolicy: "Local" }), objects).announced).toBe(usable);
    expect(decide(web(), objects).announced).toBe(true);
  });
  test("one usable entry suffices, in any slice of any address type", () => {
    const bad = slice("web", [endpoint({ ready: false })]);
    const more = slice("web", [endpoint({ ready: false }), endpoint()], {
      ref: { ...bad.ref, name: "web-2" },
      addressType: "IPv6",
    });
    expect(decide(web(), [...good, bad, more]).announced).toBe(true);
  });
});

describe("annotations of a Service", () => {
  const said = (settings: ServiceObject["settings"], ...advertisements: readonly ModelObject[]) =>
    decide(web({ settings }), [...without(good[3] ?? tor), ...advertisements]).contributions.map((c) => [
      c.prefixKey,
      c.attributes.med,
      c.attributes.asPathPrepend,
    ]);
  const asked = adv("a", { settings: { med: 10, asPathPrepend: 1 } });

  test("its values take the place of the advertisement's, each on its own", () => {
    expect(said({}, asked)).toEqual([["192.0.2.10/32", 10, 1]]);
    expect(said({ med: 0 }, asked)).toEqual([["192.0.2.10/32", 0, 1]]);
    expect(said({ asPathPrepend: 0 }, asked)).toEqual([["192.0.2.10/32", 10, 0]]);
    expect(said({ med: 7, asPathPrepend: 3 }, adv("a"))).toEqual([["192.0.2.10/32", 7, 3]]);
  });
  test("an aggregate is the advertisement's alone", () => {
    const wide = adv("b", { aggregationLength: 24, settings: { med: 20 } });
    expect(said({ med: 7 }, asked, wide)).toEqual([
      ["192.0.2.10/32", 7, 1],
      ["192.0.2.0/24", 20, 0],
    ]);
  });
  test("offers of two Services differ in their key, because a problem names the Service", () => {
    const key = (name: string) =>
      decide(service(name, ["192.0.2.10"], { settings: { med: 7 } }), [...good, slice(name)]).contributions[0]?.key;
    expect(key("web")).toBe(key("web"));
    expect(key("web")).not.toBe(key("web2"));
  });
});

describe("prefixes (metallb-compat 2.5)", () => {
  const prefixes = (ips: readonly string[], objects: readonly ModelObject[]) =>
    decide(service("web", ips), [...objects, slice("web"), p2]).contributions.map(
      (c) => `${c.prefixKey} ${c.advertisement.name} ${c.peers}`,
    );
  const six = peer("six", "2001:db8:1::1");

  test("each address times each matching advertisement, masked to its length", () => {
    expect(prefixes(["198.51.100.77"], [tor, adv("a"), adv("b", { aggregationLength: 26 })])).toEqual([
      "198.51.100.77/32 a tor",
      "198.51.100.64/26 b tor",
    ]);
  });
  test("two addresses under one aggregate give it once", () => {
    expect(prefixes(["198.51.100.1", "198.51.100.2"], [tor, adv("a", { aggregationLength: 24 })])).toEqual([
      "198.51.100.0/24 a tor",
    ]);
  });
  test("each family goes to the sessions that carry it", () => {
    const both = peer("both", "192.0.2.9", { dualStackAddressFamily: true });
    expect(prefixes(["198.51.100.1", "2001:db8::1"], [tor, six, both, adv("a")])).toEqual([
      "198.51.100.1/32 a both,tor",
      "2001:db8::1/128 a both,six",
    ]);
  });
  test("only the peers an advertisement names", () => {
    expect(prefixes(["198.51.100.1"], [tor, peer("b", "192.0.2.9"), adv("a", { peers: ["b"] })])).toEqual([
      "198.51.100.1/32 a b",
    ]);
  });
  test.each<[string, readonly ModelObject[], string]>([
    ["no peer carries the family", [six, adv("a")], "dualStackAddressFamily"],
    [
      "the advertisement names no peer of the node",
      [tor, adv("a", { peers: ["x"] })],
      "spec.peers of BGPAdvertisement",
    ],
    [
      "the only peer runs no session",
      [peer("p", "192.0.2.9", { passwordSecret: "s" }), adv("a")],
      "Secret metallb-system/s does not exist, or has a mistake in it",
    ],
  ])("noPeers: %s", (_name, objects, detail) => {
    const decision = decide(service("web", ["198.51.100.1"]), [...objects, slice("web"), p2]);
    expect(decision).toMatchObject({ announced: false, reason: "noPeers", vips: ["198.51.100.1"], pool: "p2" });
    expect(decision.detail).toContain(detail);
  });
});
