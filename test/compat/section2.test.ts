// metallb-compat section 2: the decision of the speaker, row by row. Rows about start-up, triggers, latency and side effects are
// proven where those live (test/app, test/observe, test/announce/engine); docs/compatibility.md says where.
import { describe, expect, test } from "vitest";
import {
  ADV,
  adv,
  bfd,
  community,
  external,
  given,
  givenWith,
  internal,
  N1,
  node,
  POOL,
  peer,
  pool,
  ROUTE,
  ready,
  secret,
  slice,
  svc,
  TOR,
  toRouter,
  VIP,
  type World,
  web,
} from "./world.ts";

const IBGP = peer("tor", `${internal}, dualStackAddressFamily: true`);

describe("2.3 load-balancer class", () => {
  test.each([
    ["", null, true],
    ["", "x", false],
    ["x", null, false],
    ["x", "x", true],
    ["x", "y", false],
  ])("2.3 --lb-class %j, Service %j: handled %s", (lbClass, own, isHandled) => {
    const w = givenWith(
      { lbClass },
      N1,
      TOR,
      POOL,
      ADV,
      web("192.0.2.10", own === null ? "" : `loadBalancerClass: ${own}`),
    );
    expect(w.why()).toBe(isHandled ? "announced" : "otherLoadBalancerClass");
  });
  test("2.3 a Service that leaves LoadBalancer and loses its class is withdrawn (Q-12)", () => {
    const w = givenWith({ lbClass: "x" }, N1, TOR, POOL, ADV, web("192.0.2.10", "loadBalancerClass: x"));
    expect(w.routes()).toEqual([ROUTE]);
    const left = w.edit(N1, TOR, POOL, ADV, svc("web", "", "type: ClusterIP").replace("type: LoadBalancer, ", ""));
    expect([left.why(), left.routes()]).toEqual(["notLoadBalancer", []]);
  });
});

describe("2.4 the checks of a Service, in order: the first that fails is told", () => {
  const base = [N1, TOR, POOL, ADV];
  const conflicting = [
    adv("x", "localPref: 1, serviceSelectors: [{}]"),
    adv("y", "localPref: 2, serviceSelectors: [{}]"),
  ];
  test("2.4 step 1: a Service that is gone is withdrawn", () => {
    const gone = given(base, VIP).edit(base);
    expect(gone.routes()).toEqual([]);
  });
  test.each([
    [
      "step 2: not of type LoadBalancer",
      "notLoadBalancer",
      [...base, svc("web", "192.0.2.10").replace("LoadBalancer", "NodePort")],
    ],
    ["step 4: no ingress", "noIPAllocated", [...base, ...web("")]],
    [
      "step 5: an ingress with a hostname alone fails all",
      "invalidIP",
      [...base, svc("web", "192.0.2.10").replace("ingress: [", "ingress: [{hostname: a.example}, ")],
    ],
    ["step 5: an ip that is none", "invalidIP", [...base, ...web("192.0.2.300")]],
    ["step 6: in no pool", "ipNotAllowed", [...base, ...web("203.0.113.1")]],
    [
      "step 6: in two pools",
      "ipNotAllowed",
      [...base, pool("q", "addresses: [198.51.100.0/24]"), ...web("192.0.2.10 198.51.100.1")],
    ],
    ["step 6: one in a pool, one in none", "ipNotAllowed", [...base, ...web("192.0.2.10 203.0.113.1")]],
    ["step 9: no advertisement of the pool", "notOwner", [N1, TOR, POOL, adv("a", "ipAddressPools: [q]"), ...VIP]],
    [
      "step 9: no advertisement of this node",
      "notOwner",
      [N1, TOR, POOL, adv("a", "nodeSelectors: [{matchLabels: {a: b}}]"), ...VIP],
    ],
    [
      "step 10: no advertisement selects the Service",
      "noMatchingAdvertisement",
      [N1, TOR, POOL, adv("a", "serviceSelectors: [{matchLabels: {a: b}}]"), ...VIP],
    ],
    ["step 11: different localPref per Service", "conflictingAdvertisements", [N1, TOR, POOL, ...conflicting, ...VIP]],
    [
      "step 12: NetworkUnavailable",
      "nodeNetworkUnavailable",
      [node("n1", "", "conditions: [{type: NetworkUnavailable, status: 'True'}]"), TOR, POOL, ADV, ...VIP],
    ],
    [
      "step 13: the exclude label, with any value",
      "nodeLabeledExcludeBalancers",
      [node("n1", 'node.kubernetes.io/exclude-from-external-load-balancers: "false"'), TOR, POOL, ADV, ...VIP],
    ],
    [
      "step 14: policy Local without ready endpoint on the node",
      "noLocalEndpoints",
      [...base, svc("web", "192.0.2.10", "externalTrafficPolicy: Local"), ready("web", "n2")],
    ],
    ["step 15: no endpoint anywhere", "noEndpoints", [...base, svc("web", "192.0.2.10")]],
    ["beyond MetalLB: no peer gets it", "noPeers", [N1, POOL, ADV, ...VIP]],
  ])("2.4 %s: %s", (_rule, reason, docs) => {
    const w = given(docs);
    expect(w.why()).toBe(reason);
    expect(w.service().detail, "an answer names what caused it").not.toBe("");
    expect(w.routes()).toEqual([]);
  });
  test("2.4 the earlier check wins where several fail", () => {
    const excluded = node(
      "n1",
      'node.kubernetes.io/exclude-from-external-load-balancers: ""',
      "conditions: [{type: NetworkUnavailable, status: 'True'}]",
    );
    const steps: readonly (readonly [string, readonly string[]])[] = [
      ["ipNotAllowed", [excluded, TOR, svc("web", "192.0.2.10")]],
      ["notOwner", [excluded, TOR, POOL, svc("web", "192.0.2.10")]],
      ["conflictingAdvertisements", [excluded, TOR, POOL, ...conflicting, svc("web", "192.0.2.10")]],
      ["nodeNetworkUnavailable", [excluded, TOR, POOL, ADV, svc("web", "192.0.2.10")]],
      [
        "nodeLabeledExcludeBalancers",
        [excluded.replace("'True'", "'False'"), TOR, POOL, ADV, svc("web", "192.0.2.10")],
      ],
      ["noEndpoints", [N1, TOR, POOL, ADV, svc("web", "192.0.2.10")]],
    ];
    expect(steps.map(([, docs]) => given(docs).why())).toEqual(steps.map(([reason]) => reason));
  });
  test("2.4 step 8: changed addresses: the old route goes, the new one comes", () => {
    expect(given(base, VIP).edit(base, web("192.0.2.11")).routes()).toEqual(["192.0.2.11/32"]);
  });
  test.each(["False", "Unknown"])("2.4 step 12: NetworkUnavailable %s passes", (status) => {
    const n1 = node("n1", "", `conditions: [{type: NetworkUnavailable, status: "${status}"}]`);
    expect(given(n1, TOR, POOL, ADV, VIP).routes()).toEqual([ROUTE]);
  });
  test("2.4 step 13: --ignore-exclude-lb", () => {
    const n1 = node("n1", 'node.kubernetes.io/exclude-from-external-load-balancers: ""');
    expect(givenWith({ ignoreExcludeLb: true }, n1, TOR, POOL, ADV, VIP).routes()).toEqual([ROUTE]);
  });
});

describe("2.4 usable endpoints", () => {
  const why = (endpoints: string, policy = "Cluster", type = "IPv4") =>
    given(
      N1,
      TOR,
      POOL,
      ADV,
      svc("web", "192.0.2.10", `externalTrafficPolicy: ${policy}`),
      slice("web", endpoints, type),
    ).why();
  const at = (conditions: string) => `{addresses: [10.0.0.1], nodeName: n1, conditions: {${conditions}}}`;
  test.each([
    ["ready nil", "", true],
    ["ready nil, serving false", "serving: false", true],
    ["ready true", "ready: true", true],
    ["ready true, serving false: ready wins", "ready: true, serving: false", true],
    ["ready false, serving true", "ready: false, serving: true", true],
    ["terminating is not looked at", "ready: false, serving: true, terminating: true", true],
    ["ready false", "ready: false", false],
    ["ready false, serving false", "ready: false, serving: false", false],
    ["ready null counts as nil", "ready: null", true],
  ])("2.4 %s", (_rule, conditions, isUsable) => {
    expect(why(at(conditions))).toBe(isUsable ? "announced" : "noEndpoints");
    expect(why(at(conditions), "Local")).toBe(isUsable ? "announced" : "noLocalEndpoints");
  });
  test.each([
    ["without addresses", "{nodeName: n1}", "Cluster", "noEndpoints"],
    ["with an empty list of addresses", "{addresses: [], nodeName: n1}", "Cluster", "noEndpoints"],
    ["Local: nodeName absent", "{addresses: [10.0.0.1]}", "Local", "noLocalEndpoints"],
    ["Local: nodeName of another node", "{addresses: [10.0.0.1], nodeName: n2}", "Local", "noLocalEndpoints"],
    ["Cluster: nodeName of another node", "{addresses: [10.0.0.1], nodeName: n2}", "Cluster", "announced"],
    [
      "one usable is enough, though the same IP stands elsewhere as not ready",
      `${at("ready: false")}, ${at("ready: true")}`,
      "Local",
      "announced",
    ],
  ])("2.4 an endpoint %s", (_rule, endpoints, policy, expected) => {
    expect(why(endpoints, policy)).toBe(expected);
  });
  test.each(["IPv6", "FQDN"])("2.4 a slice of address type %s counts for an IPv4 VIP (Q-13)", (type) => {
    expect(why("{addresses: [x], nodeName: n1}", "Cluster", type)).toBe("announced");
  });
  test("2.4 slices of another namespace or Service do not count", () => {
    const other = slice("web", at("")).replace("name: web-ipv4", "name: w, namespace: other");
    expect(given(N1, TOR, POOL, ADV, svc("web", "192.0.2.10"), other, ready("db", "n1")).why()).toBe("noEndpoints");
  });
  test.each([
    ["the node is not Ready", node("n1", "", "conditions: [{type: Ready, status: 'False'}]"), ""],
    [
      "cordon and taints",
      `{apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {unschedulable: true, taints: [{key: a, effect: NoSchedule}]}}`,
      "",
    ],
    [
      "the node is being deleted",
      `{apiVersion: v1, kind: Node, metadata: {name: n1, deletionTimestamp: "2026-01-01T00:00:00Z"}}`,
      "",
    ],
    [
      "other fields of the Service",
      N1,
      "internalTrafficPolicy: Local, healthCheckNodePort: 30000, loadBalancerSourceRanges: [203.0.113.0/24], externalIPs: [203.0.113.1], allocateLoadBalancerNodePorts: false",
    ],
  ])("2.4 not considered: %s", (_rule, n1, spec) => {
    expect(given(n1, TOR, POOL, ADV, web("192.0.2.10", spec)).routes()).toEqual([ROUTE]);
  });
});

describe("2.5 from Service to prefixes", () => {
  test("2.5 every address with every advertisement, masked to its length", () => {
    const w = given(
      N1,
      IBGP,
      POOL,
      adv("a"),
      adv("b", "aggregationLength: 26, aggregationLengthV6: 64"),
      web("192.0.2.70 2001:db8::7"),
    );
    expect(w.routes()).toEqual(["192.0.2.64/26", "192.0.2.70/32", "2001:db8::/64", "2001:db8::7/128"]);
  });
  test("2.5 per peer: prefixes whose peers are empty or name it", () => {
    const w = given(
      N1,
      TOR,
      peer("edge", toRouter("10.0.0.2")),
      POOL,
      ADV,
      adv("b", "aggregationLength: 24, peers: [edge]"),
      VIP,
    );
    expect([w.routes("tor"), w.routes("edge")]).toEqual([[ROUTE], ["192.0.2.0/24", ROUTE]]);
  });
  test("2.5 equal prefixes: communities are united and sorted", () => {
    const w = given(
      N1,
      TOR,
      POOL,
      adv("a", 'communities: ["65000:9", "large:1:1:1"]'),
      adv("b", 'communities: ["65000:1", "65000:9"]'),
      VIP,
    );
    expect(w.routes()).toEqual([`${ROUTE} 65000:1,65000:9,large:1:1:1`]);
  });
  test("2.5 several Services under one aggregate: it stays while one of them is announced", () => {
    const docs = [N1, TOR, POOL, adv("a", "aggregationLength: 24"), svc("web", "192.0.2.1"), svc("db", "192.0.2.2")];
    const both = given(docs, ready("web", "n1"), ready("db", "n1"));
    expect(both.routes()).toEqual(["192.0.2.0/24"]);
    const one = both.edit(docs, ready("db", "n1"));
    expect([one.why(), one.routes()]).toEqual(["noEndpoints", ["192.0.2.0/24"]]);
    expect(one.edit(docs).routes()).toEqual([]);
  });
  test("2.5 Services that share an IP: the route stays while one is announced", () => {
    const docs = [N1, TOR, POOL, ADV, svc("web", "192.0.2.10"), svc("db", "192.0.2.10")];
    expect(given(docs, ready("db", "n1")).routes()).toEqual([ROUTE]);
  });
  const selected = (label: string, pref: number) =>
    `localPref: ${pref}, serviceSelectors: [{matchLabels: {app: ${label}}}]`;
  test("2.5 equal prefixes, different localPref that nothing refuses: the highest wins, with a warning (Q-14)", () => {
    const shared = (name: string) => [svc(name, "192.0.2.10", "", `labels: {app: ${name}}`), ready(name, "n1")];
    const w = given(
      N1,
      IBGP,
      POOL,
      adv("a", selected("x", 100)),
      adv("b", selected("y", 200)),
      shared("x"),
      shared("y"),
    );
    expect(w.routes()).toEqual([`${ROUTE} pref=200`]);
    expect(w.warnings).toEqual(["BGPAdvertisement a spec.localPref"]);
  });
  const many = (from: number, count: number) =>
    `communities: [${Array.from({ length: count }, (_, i) => `"65000:${from + i}"`)}]`;
  test.each([
    [63, []],
    [64, ["BGPAdvertisement a spec.communities"]],
  ])("2.5 %i communities of one advertisement", (count, errors) => {
    expect(given(N1, TOR, POOL, VIP, adv("a", many(1, count))).errors).toEqual(errors);
  });
  test("2.5 two names of one community count once", () => {
    const aliases = community("c", 'communities: [{name: x, value: "65000:1"}, {name: y, value: "65000:1"}]');
    expect(given(N1, TOR, aliases, POOL, VIP, adv("a", many(1, 62).replace("]", ", x, y]"))).errors).toEqual([]);
  });
  test("2.5 more than 63 after merging are told, cost no prefix and no peer", () => {
    const w = given(N1, TOR, POOL, VIP, adv("a", many(1, 40)), adv("b", many(100, 40)));
    expect(w.routes()[0]?.split(",")).toHaveLength(80);
    expect(w.errors).toEqual([]);
  });
  test("2.5 prefixes of a family that the session does not carry are left out (Q-07)", () => {
    const w = given(N1, TOR, peer("six", toRouter("2001:db8:1::1")), POOL, ADV, web("192.0.2.10 2001:db8::7"));
    expect([w.routes("tor"), w.routes("six")]).toEqual([[ROUTE], ["2001:db8::7/128"]]);
  });
});

describe("2.6 LOCAL_PREF conflicts", () => {
  const two = (a: string, b: string, addresses = "192.0.2.0/24", ...more: readonly string[]): World =>
    given(N1, IBGP, pool("p", `addresses: [${addresses}]`), adv("a", a), adv("b", b), VIP, more);
  const V4 = "192.0.2.0/24";
  const V6 = '"2001:db8::/64"';
  test.each([
    ["different localPref, all else equal", "localPref: 1", "localPref: 2", V4, true],
    ["a value against none", "", "localPref: 2", V4, true],
    ["equal localPref", "localPref: 1", "localPref: 1, peers: [tor]", V4, false],
    ["different lengths", "localPref: 1", "localPref: 2, aggregationLength: 24", V4, false],
    [
      "the other family's length does not count, v4-only pool",
      "localPref: 1",
      "localPref: 2, aggregationLengthV6: 64",
      V4,
      true,
    ],
    [
      "the other family's length does not count, v6-only pool",
      "localPref: 1",
      "localPref: 2, aggregationLength: 24",
      V6,
      true,
    ],
    ["v6-only pool, different lengths", "localPref: 1", "localPref: 2, aggregationLengthV6: 64", V6, false],
    ["dual pool, one length differs", "localPref: 1", "localPref: 2, aggregationLength: 24", `${V4}, ${V6}`, true],
    [
      "dual pool, both lengths differ",
      "localPref: 1",
      "localPref: 2, aggregationLength: 24, aggregationLengthV6: 64",
      `${V4}, ${V6}`,
      false,
    ],
    ["peers that do not overlap", "localPref: 1, peers: [x]", "localPref: 2, peers: [tor]", V4, false],
    ["a common peer", "localPref: 1, peers: [x, tor]", "localPref: 2, peers: [tor]", V4, true],
    ["no common pool", "localPref: 1, ipAddressPools: [q]", "localPref: 2, ipAddressPools: [p]", V4, false],
    ["nodes that do not intersect", "localPref: 1, nodeSelectors: [{matchLabels: {x: y}}]", "localPref: 2", V4, false],
    [
      "a serviceSelector exempts at load time",
      "localPref: 1",
      "localPref: 2, serviceSelectors: [{matchLabels: {x: y}}]",
      V4,
      false,
    ],
    [
      "a pool of a mixed range alone has no family, and crashes nobody",
      "localPref: 1",
      "localPref: 2",
      '"192.0.2.1-2001:db8::1"',
      false,
    ],
  ])("2.6 %s", (_rule, a, b, addresses, isConflict) => {
    expect(two(a, b, addresses).errors).toEqual(isConflict ? ["BGPAdvertisement b spec.localPref"] : []);
  });
  test("2.6 at load time the younger is out, the older one's routes stay", () => {
    expect(two("localPref: 1", "localPref: 2").routes()).toEqual([`${ROUTE} pref=1`]);
  });
  test("2.6 with serviceSelectors that Service alone is withdrawn", () => {
    const w = given(
      N1,
      IBGP,
      POOL,
      adv("a", "localPref: 1"),
      adv("b", "localPref: 2, serviceSelectors: [{matchLabels: {app: x}}]"),
      web("192.0.2.10", "", "labels: {app: x}"),
      svc("db", "192.0.2.11"),
      ready("db", "n1"),
    );
    expect([w.why("web"), w.why("db")]).toEqual(["conflictingAdvertisements", "announced"]);
    expect(w.routes()).toEqual(["192.0.2.11/32 pref=1"]);
  });
});

describe("2.7 configuration errors", () => {
  const base = [N1, POOL, ADV, ...VIP];
  test("2.7 errors of objects that select other nodes alone hurt nobody here", () => {
    const w = given(
      base,
      TOR,
      node("n2", "name: n2"),
      peer("x", `${toRouter("10.0.0.2")}, bfdProfile: none, nodeSelectors: [{matchLabels: {name: n2}}]`),
    );
    expect([w.routes("tor", "n1"), w.routes("tor", "n2")]).toEqual([[ROUTE], [ROUTE]]);
    expect([w.trouble("x", "n1"), w.trouble("x", "n2") === null]).toEqual([undefined, false]);
  });
  test("2.7 good, bad, good: the last good version stays in force, and the problem goes (Q-15)", () => {
    const good = given(base, TOR);
    const bad = good.edit(base, peer("tor", "myASN: 64512, peerASN: 64513, peerAddress: nowhere"));
    expect(bad.errors).toEqual(["BGPPeer tor spec.peerAddress"]);
    expect(bad.routes()).toEqual([ROUTE]);
    expect(bad.texts).toContain("last good version stays in force");
    expect(bad.edit(base, TOR)).toMatchObject({ errors: [], warnings: [] });
  });
  test("2.7 what is bad from the start is out alone, and all else is announced", () => {
    expect(given(base, TOR, peer("bad", "myASN: 0")).routes()).toEqual([ROUTE]);
  });
  test.each([
    [
      "a missing Secret",
      `${external}, passwordSecret: {name: s}`,
      secret("s", "stringData: {password: x}"),
      "BGPPeer tor spec.passwordSecret.name",
    ],
    ["a missing BFD profile", `${external}, bfdProfile: f`, bfd("f"), "BGPPeer tor spec.bfdProfile"],
  ])("2.7 transient: %s keeps that session down until it is there", (_rule, spec, missing, error) => {
    const w = given(base, peer("tor", spec), peer("b", toRouter("10.0.0.2")));
    expect([w.errors, w.routes("tor"), w.routes("b")]).toEqual([[error], [], [ROUTE]]);
    const whole = w.edit(base, peer("tor", spec), missing);
    expect([whole.errors, whole.routes("tor")]).toEqual([[], [ROUTE]]);
  });
  test("2.7 transient: an unknown alias keeps that advertisement out until it is there", () => {
    const named = adv("n", "communities: [red]");
    const w = given(base, TOR, named);
    expect([w.errors, w.routes()]).toEqual([["BGPAdvertisement n spec.communities[0]"], [ROUTE]]);
    expect(w.edit(base, TOR, named, community("c", 'communities: [{name: red, value: "1:2"}]')).routes()).toEqual([
      `${ROUTE} 1:2`,
    ]);
  });
  test("2.7 deviation: an alias in use that goes is kept by a running daemon alone; check answers for one that starts", () => {
    const named = adv("a", "communities: [red]");
    const alias = community("c", 'communities: [{name: red, value: "1:2"}]');
    const w = given(N1, POOL, VIP, TOR, named, alias);
    expect(w.routes()).toEqual([`${ROUTE} 1:2`]);
    const without = w.edit(N1, POOL, VIP, TOR, named);
    expect([without.errors, without.why()]).toEqual([["BGPAdvertisement a spec.communities[0]"], "notOwner"]);
  });
  test("2.7 deviation: addresses that no longer fit a pool withdraw that Service, and the rest of the edit takes effect", () => {
    const w = given(base, TOR, svc("db", "192.0.2.200"), ready("db", "n1"));
    const edited = w.edit(
      N1,
      TOR,
      pool("p", "addresses: [192.0.2.0/25]"),
      adv("a", 'communities: ["1:2"]'),
      VIP,
      svc("db", "192.0.2.200"),
      ready("db", "n1"),
    );
    expect([edited.why("db"), edited.routes()]).toEqual(["ipNotAllowed", [`${ROUTE} 1:2`]]);
  });
});

describe("2.10 life of a node", () => {
  const at = (labels: string) => [node("n1", labels), POOL, ...VIP];
  test("2.10 a label change that unselects a BGPAdvertisement withdraws its prefixes", () => {
    const rest = [TOR, adv("a", "nodeSelectors: [{matchLabels: {edge: yes}}]".replace("yes", "'yes'"))];
    const w = given(at("edge: 'yes'"), rest);
    expect([w.routes(), w.edit(at(""), rest).routes()]).toEqual([[ROUTE], []]);
  });
  test("2.10 a label change that unselects a BGPPeer removes the session", () => {
    const rest = [ADV, peer("tor", `${external}, nodeSelectors: [{matchLabels: {edge: 'yes'}}]`)];
    const w = given(at("edge: 'yes'"), rest);
    expect(w.trouble("tor")).toBeNull();
    expect(w.edit(at(""), rest).trouble("tor")).toBeUndefined();
  });
});

describe("2.12 the worked example", () => {
  const s = (name: string, ip: string) => svc(name, ip, "", `labels: {app: ${name}}`);
  const base = [
    N1,
    pool("p", "addresses: [198.51.100.0/24]"),
    peer("edge", internal),
    peer("tor", toRouter("10.0.0.2", 64512, 64512)),
    adv("a", 'localPref: 100, communities: ["65535:65282"]'),
    s("s1", "198.51.100.10"),
    s("s2", "198.51.100.11"),
  ];
  const B = adv("b", "aggregationLength: 24, peers: [edge]");
  const one = "198.51.100.10/32 pref=100 no-advertise";
  const two = "198.51.100.11/32 pref=100 no-advertise";
  test("2.12 s1 alone has endpoints", () => {
    const w = given(base, B, ready("s1", "n1"));
    expect([w.routes("edge"), w.routes("tor")]).toEqual([["198.51.100.0/24", one], [one]]);
  });
  test("2.12 s2 gains one: .11 appears everywhere, the /24 is unchanged", () => {
    const w = given(base, B, ready("s1", "n1"), ready("s2", "n1"));
    expect([w.routes("edge"), w.routes("tor")]).toEqual([
      ["198.51.100.0/24", one, two],
      [one, two],
    ]);
  });
  test("2.12 both lose theirs: all is withdrawn, the /24 too", () => {
    const w = given(base, B);
    expect([w.routes("edge"), w.routes("tor")]).toEqual([[], []]);
  });
  test("2.12 B with localPref 200, length 32 and no peers is a conflict at load time", () => {
    expect(given(base, adv("b", "localPref: 200"), ready("s1", "n1")).errors).toEqual([
      "BGPAdvertisement b spec.localPref",
    ]);
  });
  test("2.12 B with serviceSelectors for s1 withdraws s1, s2 is unaffected", () => {
    const selective = adv("b", "localPref: 200, serviceSelectors: [{matchLabels: {app: s1}}]");
    const w = given(base, selective, ready("s1", "n1"), ready("s2", "n1"));
    expect([w.why("s1"), w.routes("tor")]).toEqual(["conflictingAdvertisements", [two]]);
  });
});
