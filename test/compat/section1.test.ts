// metallb-compat section 1: the custom resources, row by row. Fields and validations of each kind, then the rules between kinds.
import { describe, expect, test } from "vitest";
import { formatIp } from "../../src/kernel/ip.ts";
import {
  ADV,
  adv,
  bfd,
  community,
  external,
  given,
  internal,
  l2,
  N1,
  node,
  oldPeer,
  POOL,
  peer,
  pool,
  ROUTE,
  secret,
  svc,
  TOR,
  toRouter,
  VIP,
  web,
} from "./world.ts";

describe("1 custom resources", () => {
  test("1 objects of MetalLB outside its namespace are not used, and said to be elsewhere", () => {
    const w = given(N1, POOL, ADV, VIP, peer("tor", external, "namespace: other"));
    expect(w.errors).toEqual(["BGPPeer tor metadata.namespace"]);
    expect(w.why()).toBe("noPeers");
  });
  test("1 status kinds of MetalLB and kinds of others are passed over in silence", () => {
    const kinds = ["metallb.io/v1beta1, kind: ServiceBGPStatus", "metallb.io/v1beta1, kind: ConfigurationState"];
    const docs = [...kinds, "apps/v1, kind: Deployment"].map(
      (k) => `{apiVersion: ${k}, metadata: {name: x}, spec: {a: 1}}`,
    );
    expect(given(N1, TOR, POOL, ADV, VIP, ...docs)).toMatchObject({ errors: [], warnings: [] });
  });
});

describe("1.1 BGPPeer: what each field does to the session", () => {
  const session = (spec: string, ...more: readonly string[]) => given(N1, peer("tor", spec), ...more).session("tor");
  test.each([
    ["myASN is the local AS, of 32 bits", toRouter("10.0.0.1", 4_294_967_295), { localAsn: 4_294_967_295 }],
    ["peerASN is the AS that is expected", external, { peerAsn: 64513 }],
    ["dynamicASN external", "myASN: 64512, dynamicASN: external, peerAddress: 10.0.0.1", { peerAsn: "external" }],
    ["dynamicASN internal", "myASN: 64512, dynamicASN: internal, peerAddress: 10.0.0.1", { peerAsn: "internal" }],
    [
      "peerASN 0 is unset",
      "myASN: 1, peerASN: 0, dynamicASN: internal, peerAddress: 10.0.0.1",
      { peerAsn: "internal" },
    ],
    ["localASN is shown in place of myASN", `${external}, localASN: 65000`, { localAsn: 65000 }],
    ["interface: BGP unnumbered", "myASN: 1, peerASN: 2, interface: eth0", { interface: "eth0", address: null }],
    ["peerPort defaults to 179", external, { port: 179 }],
    ["peerPort goes up to 16384", `${external}, peerPort: 16384`, { port: 16384 }],
    [
      "holdTime and keepaliveTime are taken",
      `${external}, holdTime: 3s, keepaliveTime: 1s`,
      { holdTime: 3, keepaliveTime: 1 },
    ],
    ["connectTime bounds the pause between attempts", `${external}, connectTime: 65535s`, { connectRetryTime: 65535 }],
    ["routerID is used as it is", `${external}, routerID: 10.9.8.7`, { routerId: 0x0a09_0807 }],
    ["password is the TCP MD5 key", `${external}, password: hunter2`, { password: "hunter2" }],
    ["password absent: no MD5", external, { password: null }],
    ["enableGracefulRestart asks for 120 s", `${external}, enableGracefulRestart: true`, { restartTime: 120 }],
    ["enableGracefulRestart is off by default", external, { restartTime: null }],
    ["ebgpMultiHop", `${external}, ebgpMultiHop: true`, { ebgpMultihop: true }],
    ["vrf", `${external}, vrf: red`, { vrf: "red" }],
    ["vrf empty is the default VRF", `${external}, vrf: ""`, { vrf: null }],
    [
      "dualStackAddressFamily: both families",
      `${external}, dualStackAddressFamily: true`,
      { families: ["ipv4-unicast", "ipv6-unicast"] },
    ],
    ["bfdProfile absent: no BFD", external, { bfd: null }],
  ])("1.1 %s", (_rule, spec, expected) => {
    expect(session(spec)).toMatchObject(expected);
  });
  test.each([
    ["an IPv4 literal", "10.0.0.1", "10.0.0.1"],
    ["an IPv6 literal", "2001:db8::1", "2001:db8::1"],
    ["IPv4 written as IPv6 is IPv4", "::ffff:10.0.0.1", "10.0.0.1"],
  ])("1.1 peerAddress is %s", (_rule, text, address) => {
    const own = session(toRouter(text)).address;
    expect(own && formatIp(own)).toBe(address);
  });
  test("1.1 a sourceAddress of the other family is refused, and told once", () => {
    const { errors, warnings } = given(N1, peer("tor", `${external}, sourceAddress: "2001:db8::2"`));
    expect({ errors, warnings }).toEqual({ errors: ["BGPPeer tor spec.sourceAddress"], warnings: [] });
  });
  test("1.1 sourceAddress is honoured (Q-01: frr-k8s mode drops it)", () => {
    const source = session(`${external}, sourceAddress: 10.0.0.9`).sourceAddress;
    expect(source && formatIp(source)).toBe("10.0.0.9");
  });
  test("1.1 bfdProfile watches the session with the profile's values", () => {
    const profile = bfd("fast", "transmitInterval: 50, receiveInterval: 60, detectMultiplier: 5");
    expect(session(`${external}, bfdProfile: fast`, profile).bfd?.profile).toMatchObject({
      name: "fast",
      detectMult: 5,
    });
  });
  test.each([
    ["In", "matchExpressions: [{key: rack, operator: In, values: [a, b]}]", true],
    ["one of the list is enough", "matchLabels: {rack: z}}, {matchLabels: {rack: a}", true],
    ["all terms of one must hold", "matchLabels: {rack: a}, matchExpressions: [{key: zone, operator: Exists}]", false],
  ])("1.1 nodeSelectors: %s", (_rule, selector, isSelected) => {
    const w = given(node("n1", "rack: a"), peer("tor", `${external}, nodeSelectors: [{${selector}}]`));
    expect(w.trouble("tor") === null).toBe(isSelected);
    expect(w.trouble("tor")).toBe(isSelected ? null : undefined);
  });
  test("1.1 nodeSelectors empty: all nodes", () => {
    const w = given(N1, node("n2"), peer("tor", `${external}, nodeSelectors: []`));
    expect([w.trouble("tor", "n1"), w.trouble("tor", "n2")]).toEqual([null, null]);
  });
});

describe("1.1 BGPPeer: what is refused, and how it is told", () => {
  test.each([
    ["myASN is required", "peerASN: 1, peerAddress: 10.0.0.1", "spec.myASN"],
    ["myASN must not be 0", toRouter("10.0.0.1", 0), "spec.myASN"],
    ["myASN has 32 bits", toRouter("10.0.0.1", 4_294_967_296), "spec.myASN"],
    ["peerASN must not be negative", toRouter("10.0.0.1", 1, -1), "spec.peerASN"],
    ["peerASN has 32 bits", toRouter("10.0.0.1", 1, 4_294_967_296), "spec.peerASN"],
    ["one of peerASN and dynamicASN", "myASN: 1, peerAddress: 10.0.0.1", "spec.peerASN"],
    ["not both peerASN and dynamicASN", `${external}, dynamicASN: external`, "spec.dynamicASN"],
    ["dynamicASN is internal or external", "myASN: 1, dynamicASN: any, peerAddress: 10.0.0.1", "spec.dynamicASN"],
    ["localASN is at least 1", `${external}, localASN: 0`, "spec.localASN"],
    ["peerAddress is no name", toRouter("tor.example"), "spec.peerAddress"],
    ["peerAddress has no zone", toRouter("fe80::1%eth0"), "spec.peerAddress"],
    ["one of peerAddress and interface", "myASN: 1, peerASN: 2", "spec.peerAddress"],
    ["not both peerAddress and interface", `${external}, interface: eth0`, "spec.interface"],
    ["sourceAddress is an IP literal", `${external}, sourceAddress: eth0`, "spec.sourceAddress"],
    ["peerPort is at least 1", `${external}, peerPort: 0`, "spec.peerPort"],
    ["peerPort is at most 16384", `${external}, peerPort: 16385`, "spec.peerPort"],
    ["connectTime is at least 1 s", `${external}, connectTime: 0s`, "spec.connectTime"],
    ["connectTime is at most 65535 s", `${external}, connectTime: 65536s`, "spec.connectTime"],
    ["connectTime is whole seconds", `${external}, connectTime: 1500ms`, "spec.connectTime"],
    ["holdTime is a Go duration", `${external}, holdTime: 90`, "spec.holdTime"],
    ["routerID is an IP literal", `${external}, routerID: one`, "spec.routerID"],
    [
      "two equal nodeSelectors",
      `${external}, nodeSelectors: [{matchLabels: {a: b}}, {matchLabels: {a: b}}]`,
      "spec.nodeSelectors[1]",
    ],
    [
      "a nodeSelector that does not convert (Q-09)",
      `${external}, nodeSelectors: [{matchExpressions: [{key: a, operator: Is}]}]`,
      "spec.nodeSelectors[0].matchExpressions[0].operator",
    ],
    ["password and passwordSecret", `${external}, password: x, passwordSecret: {name: s}`, "spec.passwordSecret.name"],
    ["ebgpMultiHop of an internal peer", `${internal}, ebgpMultiHop: true`, "spec.ebgpMultiHop"],
    ["a boolean that is none", `${external}, ebgpMultiHop: "true"`, "spec.ebgpMultiHop"],
  ])("1.1 %s", (_rule, spec, path) => {
    const w = given(N1, POOL, ADV, VIP, peer("good", toRouter("10.0.0.2")), peer("tor", spec));
    expect(w.errors).toEqual([`BGPPeer tor ${path}`]);
    expect(w.routes("good"), "nothing else suffers").toEqual([ROUTE]);
    expect(w.trouble("tor")).toBeUndefined();
  });
  test("1.1 bfdProfile must exist; the session starts when it does", () => {
    const w = given(N1, peer("tor", `${external}, bfdProfile: fast`));
    expect(w.errors).toEqual(["BGPPeer tor spec.bfdProfile"]);
    expect(w.trouble("tor")).toContain("fast does not exist");
    expect(w.edit(N1, peer("tor", `${external}, bfdProfile: fast`), bfd("fast")).trouble("tor")).toBeNull();
  });
  test("1.1 disableMP is accepted, changes nothing, and is warned of", () => {
    const w = given(N1, peer("tor", `${external}, disableMP: true`));
    expect(w).toMatchObject({ errors: [], warnings: ["BGPPeer tor spec.disableMP"] });
    expect(w.session("tor").families).toEqual(["ipv4-unicast"]);
  });
  test("1.1 every fault of one peer is told, not the first", () => {
    const w = given(N1, peer("tor", "myASN: 0, peerASN: 1, peerAddress: x, peerPort: 0"));
    expect(w.errors).toEqual(["myASN", "peerAddress", "peerPort"].map((f) => `BGPPeer tor spec.${f}`));
  });
  test("1.1 enableGracefulRestart may be changed in manifests: immutability is the API server's", () => {
    const w = given(N1, peer("tor", `${external}, enableGracefulRestart: true`));
    expect(w.edit(N1, peer("tor", external)).session("tor").restartTime).toBeNull();
  });
});

describe("1.1 cross-object rules for peers", () => {
  const two = (a: string, b: string) => given(N1, POOL, ADV, VIP, peer("a", a), peer("b", b));
  test.each([
    ["the same address twice: the younger is out", external, external, ["BGPPeer b spec.peerAddress"]],
    [
      "the same interface twice",
      "myASN: 1, peerASN: 2, interface: eth0",
      "myASN: 1, peerASN: 2, interface: eth0",
      ["BGPPeer b spec.interface"],
    ],
    ["the same address in another VRF is another peer", external, `${external}, vrf: red`, []],
    ["deviation: the same address on another port is another peer", external, `${external}, peerPort: 1790`, []],
    [
      "more permissive, as native: different routerIDs on one node",
      `${external}, routerID: 10.0.0.8`,
      `${toRouter("10.0.0.2")}, routerID: 10.0.0.9`,
      [],
    ],
    [
      "more permissive, as native: routerID set at one alone",
      `${external}, routerID: 10.0.0.8`,
      toRouter("10.0.0.2"),
      [],
    ],
    ["more permissive, as native: different myASN in one VRF", external, toRouter("10.0.0.2", 65000), []],
  ])("1.1 %s", (_rule, a, b, errors) => {
    const w = two(a, b);
    expect(w.errors).toEqual(errors);
    expect(w.routes("a")).toEqual([ROUTE]);
    expect(w.trouble("b") === null).toBe(errors.length === 0);
  });
  test("1.1 peers of one identity on nodes that do not overlap do not conflict", () => {
    const at = (n: string) => `${external}, nodeSelectors: [{matchLabels: {name: ${n}}}]`;
    const w = given(node("n1", "name: n1"), node("n2", "name: n2"), peer("a", at("n1")), peer("b", at("n2")));
    expect(w.errors).toEqual([]);
    expect([w.trouble("a", "n1"), w.trouble("b", "n2")]).toEqual([null, null]);
  });
  test("1.1 an IPv6 pool for a peer with BFD echo: the younger of peer and advertisement is out", () => {
    const watched = peer("tor", `${external}, bfdProfile: e`);
    const echo = bfd("e", "echoMode: true");
    expect(given(N1, POOL, echo, watched, ADV).errors).toEqual(["BGPAdvertisement a spec.peers"]);
    expect(given(N1, POOL, echo, ADV, watched).errors).toEqual(["BGPPeer tor spec.bfdProfile"]);
    expect(given(N1, pool("p", "addresses: [192.0.2.0/24]"), echo, ADV, watched).errors).toEqual([]);
    expect(given(N1, POOL, echo, adv("a", "peers: [other]"), watched).errors).toEqual([]);
  });
  test("1.1 creationTimestamp decides who is older, whatever the order in the file", () => {
    const at = (time: string) => `creationTimestamp: "${time}"`;
    const w = given(
      N1,
      peer("young", external, at("2026-02-01T00:00:00Z")),
      peer("old", external, at("2026-01-01T00:00:00Z")),
    );
    expect(w.errors).toEqual(["BGPPeer young spec.peerAddress"]);
  });
});

describe("1.2 BGPPeer v1beta1", () => {
  const session = (spec: string) => given(N1, oldPeer("tor", spec)).session("tor");
  test("1.2 absent timers are explicit zeros: timers disabled (Q-03)", () => {
    expect(session(external)).toMatchObject({ holdTime: 0, keepaliveTime: 0 });
  });
  test("1.2 only holdTime: keepalive 0", () => {
    expect(session(`${external}, holdTime: 90s`)).toMatchObject({ holdTime: 90, keepaliveTime: 0 });
  });
  test.each([
    ["only keepaliveTime is over a hold time of 0", `${external}, keepaliveTime: 30s`, "spec.keepaliveTime"],
    ["peerASN is required", "myASN: 1, peerAddress: 10.0.0.1", "spec.peerASN"],
    ["peerAddress is required", "myASN: 1, peerASN: 2", "spec.peerAddress"],
    [
      "an expression needs a value",
      `${external}, nodeSelectors: [{matchExpressions: [{key: a, operator: In}]}]`,
      "spec.nodeSelectors[0].matchExpressions[0].values",
    ],
  ])("1.2 %s", (_rule, spec, path) => {
    expect(given(N1, oldPeer("tor", spec)).errors).toEqual([`BGPPeer tor ${path}`]);
  });
  test("1.2 peerPort may be 0 and is then 179", () => {
    expect(session(`${external}, peerPort: 0`).port).toBe(179);
  });
  test("1.2 an entry of nodeSelectors without terms matches every node", () => {
    expect(given(N1, oldPeer("tor", `${external}, nodeSelectors: [{}]`)).trouble("tor")).toBeNull();
  });
  test("1.2 fields that v1beta1 does not have are without effect and warned of", () => {
    const w = given(N1, oldPeer("tor", `${external}, vrf: red, dualStackAddressFamily: true`));
    expect(w.warnings).toEqual(["BGPPeer tor spec.dualStackAddressFamily", "BGPPeer tor spec.vrf"]);
    expect(w.session("tor")).toMatchObject({ vrf: null, families: ["ipv4-unicast"] });
  });
});

describe("1.3 BGPAdvertisement", () => {
  const routes = (spec: string, ips = "192.0.2.10", ...more: readonly string[]) =>
    given(
      N1,
      peer("tor", `${internal}, dualStackAddressFamily: true`),
      POOL,
      adv("a", spec),
      web(ips),
      ...more,
    ).routes();
  test.each([
    ["without a spec: every pool, node and peer, every address alone", "", [ROUTE]],
    ["aggregationLength", "aggregationLength: 26", ["192.0.2.0/26"]],
    ["localPref", "localPref: 150", [`${ROUTE} pref=150`]],
    ["localPref 0 is not set (Q-05)", "localPref: 0", [ROUTE]],
    ["localPref up to 32 bits", "localPref: 4294967295", [`${ROUTE} pref=4294967295`]],
    [
      "communities, standard and large",
      'communities: ["65000:2", "65000:1", "large:1:2:3"]',
      [`${ROUTE} 65000:1,65000:2,large:1:2:3`],
    ],
    ["ipAddressPools by name", "ipAddressPools: [p]", [ROUTE]],
    ["ipAddressPools: unknown names are passed over", "ipAddressPools: [none, p]", [ROUTE]],
    ["ipAddressPools: another pool", "ipAddressPools: [none]", []],
    ["ipAddressPoolSelectors that match nothing", "ipAddressPoolSelectors: [{matchLabels: {a: b}}]", []],
    ["the lists are united", "ipAddressPools: [p], ipAddressPoolSelectors: [{matchLabels: {a: b}}]", [ROUTE]],
    ["a pool matched twice counts once", "ipAddressPools: [p], ipAddressPoolSelectors: [{}]", [ROUTE]],
    ["nodeSelectors that match nothing", "nodeSelectors: [{matchLabels: {a: b}}]", []],
    ["peers by name", "peers: [tor]", [ROUTE]],
    ["peers: unknown names are passed over", "peers: [none, tor]", [ROUTE]],
    ["peers: another one", "peers: [none]", []],
    ["serviceSelectors that match nothing", "serviceSelectors: [{matchLabels: {a: b}}]", []],
    ["serviceSelectors: one of them matches", "serviceSelectors: [{matchLabels: {a: b}}, {}]", [ROUTE]],
  ])("1.3 %s", (_rule, spec, expected) => {
    expect(routes(spec)).toEqual(expected);
  });
  test("1.3 aggregationLengthV6 is for IPv6 alone", () => {
    expect(routes("aggregationLengthV6: 64", "192.0.2.10 2001:db8::1")).toEqual([ROUTE, "2001:db8::/64"]);
  });
  test("1.3 ipAddressPoolSelectors match the labels of pools", () => {
    const labelled = pool("q", "addresses: [198.51.100.0/24]", "labels: {tier: gold}");
    const selector = "ipAddressPoolSelectors: [{matchLabels: {tier: gold}}]";
    expect(routes(selector, "198.51.100.1", labelled)).toEqual(["198.51.100.1/32"]);
    expect(routes(selector, "192.0.2.1", labelled)).toEqual([]);
  });
  test.each([
    ["aggregationLength is at least 1", "aggregationLength: 0", ["spec.aggregationLength"]],
    ["aggregationLength is at most 32", "aggregationLength: 33", ["spec.aggregationLength"]],
    ["aggregationLengthV6 is at least 1 (Q-04)", "aggregationLengthV6: 0", ["spec.aggregationLengthV6"]],
    ["aggregationLengthV6 is not negative (Q-04)", "aggregationLengthV6: -1", ["spec.aggregationLengthV6"]],
    ["aggregationLengthV6 is at most 128", "aggregationLengthV6: 129", ["spec.aggregationLengthV6"]],
    ["localPref is not negative", "localPref: -1", ["spec.localPref"]],
    ["localPref has 32 bits", "localPref: 4294967296", ["spec.localPref"]],
    ["communities: the same text twice", 'communities: ["1:1", "1:1"]', ["spec.communities[1]"]],
    ["ipAddressPools: the same name twice", "ipAddressPools: [p, p]", ["spec.ipAddressPools[1]"]],
    ["ipAddressPoolSelectors: two equal ones", "ipAddressPoolSelectors: [{}, {}]", ["spec.ipAddressPoolSelectors[1]"]],
    ["nodeSelectors: two equal ones", "nodeSelectors: [{}, {}]", ["spec.nodeSelectors[1]"]],
    ["peers: the same name twice", "peers: [tor, tor]", ["spec.peers[1]"]],
    ["serviceSelectors: two equal ones", "serviceSelectors: [{}, {}]", ["spec.serviceSelectors[1]"]],
    ["serviceSelectors with an aggregate", "serviceSelectors: [{}], aggregationLength: 31", ["spec.aggregationLength"]],
    [
      "serviceSelectors with an IPv6 aggregate",
      "serviceSelectors: [{}], aggregationLengthV6: 127",
      ["spec.aggregationLengthV6"],
    ],
  ])("1.3 %s: the advertisement is out, its neighbour stays", (_rule, spec, paths) => {
    const w = given(N1, TOR, POOL, ADV, VIP, adv("bad", spec));
    expect(w.errors).toEqual(paths.map((p) => `BGPAdvertisement bad ${p}`));
    expect(w.routes()).toEqual([ROUTE]);
  });
  test("1.3 serviceSelectors with the full lengths written out is fine", () => {
    expect(routes("serviceSelectors: [{}], aggregationLength: 32, aggregationLengthV6: 128")).toEqual([ROUTE]);
  });
  test("1.3 aggregationLength shorter than the pool's CIDR: the advertisement is out for that pool", () => {
    const small = pool("small", "addresses: [198.51.100.0/28]");
    const w = given(N1, TOR, POOL, small, adv("a", "aggregationLength: 26"), VIP, svc("s", "198.51.100.1"));
    expect(w.errors).toEqual(["BGPAdvertisement a spec.aggregationLength"]);
    expect(w.why("s")).toBe("notOwner");
    expect(w.routes(), "its other pools stay").toEqual(["192.0.2.0/26"]);
  });
  test.each([
    ["as wide as one of the covering CIDRs", 30, []],
    ["wider than all of them", 29, ["BGPAdvertisement a spec.aggregationLength"]],
  ])("1.3 aggregationLength and a range: %s", (_rule, length, errors) => {
    const range = pool("r", "addresses: [192.0.2.10-192.0.2.20]");
    expect(given(N1, range, adv("a", `aggregationLength: ${length}`)).errors).toEqual(errors);
  });
  test("1.3 the aggregate of a range may cover addresses outside the pool", () => {
    const w = given(N1, TOR, pool("r", "addresses: [192.0.2.10-192.0.2.20]"), adv("a", "aggregationLength: 30"), VIP);
    expect(w.routes()).toEqual(["192.0.2.8/30"]);
  });
  test("1.3 every entry of the pool is checked, each against the length of its family", () => {
    const mixed = pool("m", 'addresses: [192.0.2.0/24, 198.51.100.0/28, "2001:db8::/96"]');
    const w = given(N1, mixed, adv("a", "aggregationLength: 24, aggregationLengthV6: 64"));
    expect(w.errors).toEqual([
      "BGPAdvertisement a spec.aggregationLength",
      "BGPAdvertisement a spec.aggregationLengthV6",
    ]);
  });
});

describe("1.4 IPAddressPool", () => {
  const why = (addresses: string, ip: string) =>
    given(N1, TOR, pool("p", `addresses: [${addresses}]`), ADV, web(ip)).why();
  test.each([
    ["a CIDR", "192.0.2.0/24", "192.0.2.255", true],
    ["a CIDR with host bits", "192.0.2.77/24", "192.0.2.1", true],
    ["a single address with its length", "192.0.2.7/32", "192.0.2.7", true],
    ["a range with both ends", "192.0.2.7-192.0.2.9", "192.0.2.9", true],
    ["a range with spaces", "192.0.2.7 - 192.0.2.9", "192.0.2.7", true],
    ["outside a range", "192.0.2.7-192.0.2.9", "192.0.2.10", false],
    ["an IPv6 CIDR", '"2001:db8::/64"', "2001:db8::7", false],
    ["several entries", "192.0.2.0/28, 192.0.2.32/28", "192.0.2.33", true],
  ])("1.4 addresses: %s", (_rule, addresses, ip, isIn) => {
    expect(why(addresses, ip)).toBe(isIn ? "announced" : ip.includes(":") ? "noPeers" : "ipNotAllowed");
  });
  test.each([
    ["spec is required", "{apiVersion: metallb.io/v1beta1, kind: IPAddressPool, metadata: {name: bad}}", "spec"],
    ["addresses is required", pool("bad", "autoAssign: true"), "spec.addresses"],
    ["addresses is not empty", pool("bad", "addresses: []"), "spec.addresses"],
    ["a single address needs its length", pool("bad", "addresses: [198.51.100.1]"), "spec.addresses[0]"],
    ["a range begins before it ends", pool("bad", "addresses: [198.51.100.9-198.51.100.1]"), "spec.addresses[0]"],
    ["a range from IPv6 to IPv4", pool("bad", 'addresses: ["2001:db9::-198.51.100.1"]'), "spec.addresses[0]"],
    [
      "entries of one pool are disjoint",
      pool("bad", "addresses: [198.51.100.0/24, 198.51.100.9/32]"),
      "spec.addresses[1]",
    ],
    ["pools are disjoint: the younger is out", pool("bad", "addresses: [192.0.2.128/25]"), "spec.addresses[0]"],
    ["autoAssign is a boolean", pool("bad", "addresses: [198.51.100.0/24], autoAssign: 1"), "spec.autoAssign"],
    [
      "namespaces: the same twice",
      pool("bad", "addresses: [198.51.100.0/24], serviceAllocation: {namespaces: [a, a]}"),
      "spec.serviceAllocation.namespaces[1]",
    ],
    [
      "namespaceSelectors: two equal ones",
      pool("bad", "addresses: [198.51.100.0/24], serviceAllocation: {namespaceSelectors: [{}, {}]}"),
      "spec.serviceAllocation.namespaceSelectors[1]",
    ],
    [
      "serviceSelectors: two equal ones",
      pool("bad", "addresses: [198.51.100.0/24], serviceAllocation: {serviceSelectors: [{}, {}]}"),
      "spec.serviceAllocation.serviceSelectors[1]",
    ],
  ])("1.4 %s: the pool is out, its neighbour stays", (_rule, bad, path) => {
    const w = given(N1, TOR, POOL, bad, ADV, VIP);
    expect(w.errors).toEqual([`IPAddressPool bad ${path}`]);
    expect(w.routes()).toEqual([ROUTE]);
  });
  test("1.4 a range of mixed families expands to nothing: a warning, and the pool keeps its other entries", () => {
    const w = given(N1, TOR, pool("p", 'addresses: [192.0.2.0/24, "198.51.100.1-2001:db8::1"]'), ADV, VIP);
    expect(w).toMatchObject({ errors: [], warnings: ["IPAddressPool p spec.addresses[1]"] });
    expect(w.routes()).toEqual([ROUTE]);
  });
  test("1.4 what only the allocator uses costs the speaker nothing", () => {
    const allocation = "serviceAllocation: {priority: 5, namespaces: [x], serviceSelectors: [{matchLabels: {a: b}}]}";
    const w = given(
      N1,
      TOR,
      pool("p", `addresses: [192.0.2.0/24], autoAssign: false, avoidBuggyIPs: true, ${allocation}`),
      ADV,
      VIP,
    );
    expect(w).toMatchObject({ errors: [], warnings: [] });
    expect(w.routes()).toEqual([ROUTE]);
  });
});

describe("1.5 BFDProfile", () => {
  const profile = (spec: string) =>
    given(N1, bfd("f", spec), peer("tor", `${external}, bfdProfile: f`)).session("tor").bfd?.profile;
  test.each([
    ["receiveInterval 300", "", { requiredMinRxInterval: 300_000 }],
    ["transmitInterval 300", "", { desiredMinTxInterval: 300_000 }],
    ["detectMultiplier 3", "", { detectMult: 3 }],
    ["no echo, not passive, minimumTtl 254", "", { echo: false, isPassive: false, minimumTtl: 254 }],
    ["receiveInterval", "receiveInterval: 10", { requiredMinRxInterval: 10_000 }],
    ["transmitInterval", "transmitInterval: 60000", { desiredMinTxInterval: 60_000_000 }],
    ["detectMultiplier", "detectMultiplier: 255", { detectMult: 255 }],
    ["echoMode", "echoMode: true", { echo: true }],
    ["passiveMode", "passiveMode: true", { isPassive: true }],
    ["minimumTtl", "minimumTtl: 1", { minimumTtl: 1 }],
  ])("1.5 %s (%s)", (_rule, spec, expected) => {
    expect(profile(spec)).toMatchObject(expected);
  });
  test.each([
    ...["receiveInterval", "transmitInterval", "echoInterval"].flatMap((f) => [[f, 9] as const, [f, 60_001] as const]),
    ["detectMultiplier", 1] as const,
    ["detectMultiplier", 256] as const,
    ["minimumTtl", 0] as const,
    ["minimumTtl", 255] as const,
  ])("1.5 %s %i is out of range: the profile is out, peers without it stay", (field, value) => {
    const w = given(
      N1,
      POOL,
      ADV,
      VIP,
      TOR,
      bfd("f", `${field}: ${value}`),
      peer("b", `${toRouter("10.0.0.2")}, bfdProfile: f`),
    );
    expect(w.errors).toEqual([`BFDProfile f spec.${field}`, "BGPPeer b spec.bfdProfile"]);
    expect(w.routes()).toEqual([ROUTE]);
    expect(w.routes("b"), "never a weaker session than was asked for").toEqual([]);
  });
  test("1.5 a profile that nobody uses costs nothing", () => {
    expect(given(N1, TOR, POOL, ADV, VIP, bfd("f")).routes()).toEqual([ROUTE]);
  });
});

describe("1.6 Community", () => {
  const routes = (...docs: readonly string[]) => given(N1, TOR, POOL, VIP, adv("a", "communities: [red]"), ...docs);
  test("1.6 an alias stands for its value, standard or large", () => {
    expect(routes(community("c", 'communities: [{name: red, value: "65000:7"}]')).routes()).toEqual([
      `${ROUTE} 65000:7`,
    ]);
    expect(routes(community("c", 'communities: [{name: red, value: "large:1:2:3"}]')).routes()).toEqual([
      `${ROUTE} large:1:2:3`,
    ]);
  });
  test("1.6 aliases of all objects share one namespace: of two, the older counts", () => {
    const w = routes(
      community("c", 'communities: [{name: red, value: "65000:7"}]'),
      community("d", 'communities: [{name: red, value: "65000:8"}]'),
    );
    expect(w.errors).toEqual(["Community d spec.communities[0]"]);
    expect(w.routes()).toEqual([`${ROUTE} 65000:7`]);
  });
  test.each([
    ["no value", "{name: red}", "spec.communities[0].value"],
    ["no name", '{value: "1:1"}', "spec.communities[0].name"],
    ["a value that is none", '{name: red, value: "1:70000"}', "spec.communities[0].value"],
    ["an alias of an alias", "{name: red, value: blue}", "spec.communities[0].value"],
    ["the same alias twice", '{name: red, value: "1:1"}, {name: red, value: "1:2"}', "spec.communities[1].name"],
  ])("1.6 %s: the object is out, and what needs it waits", (_rule, entry, path) => {
    const w = routes(community("c", `communities: [${entry}]`));
    expect(w.errors).toEqual(["BGPAdvertisement a spec.communities[0]", `Community c ${path}`]);
    expect(w.routes()).toEqual([]);
  });
  test("1.6 a value that becomes none: the last good version of the object stays in force, and who uses it is well", () => {
    const docs = (value: string) => [
      N1,
      TOR,
      POOL,
      VIP,
      adv("a", "communities: [red]"),
      community("c", `communities: [{name: red, value: "${value}"}]`),
    ];
    const w = given(...docs("65000:7")).edit(...docs("1:70000"));
    expect(w.errors).toEqual(["Community c spec.communities[0].value"]);
    expect(w.routes()).toEqual([`${ROUTE} 65000:7`]);
  });
});

describe("1.7 L2Advertisement", () => {
  test.each([
    ["a list entry twice", "ipAddressPools: [p, p]", "spec.ipAddressPools[1]"],
    ["an interface twice", "interfaces: [eth0, eth0]", "spec.interfaces[1]"],
    ["two equal selectors", "nodeSelectors: [{}, {}]", "spec.nodeSelectors[1]"],
    ["an invalid selector", "serviceSelectors: [{matchLabels: {a: '?'}}]", "spec.serviceSelectors[0].matchLabels.a"],
    [
      "a weight out of range",
      "preferredNodeSelectors: [{weight: 101, preference: {}}]",
      "spec.preferredNodeSelectors[0].weight",
    ],
    ["no preference", "preferredNodeSelectors: [{weight: 1}]", "spec.preferredNodeSelectors[0].preference"],
  ])("1.7 %s: told, and BGP is not affected (Q-06)", (_rule, spec, path) => {
    const w = given(N1, TOR, POOL, ADV, VIP, l2("l", spec));
    expect(w).toMatchObject({ errors: [], warnings: [`L2Advertisement l ${path}`] });
    expect(w.routes()).toEqual([ROUTE]);
  });
  test("1.7 a good one is passed over: L2 and BGP are independent", () => {
    const good = l2(
      "l",
      "ipAddressPools: [p], interfaces: [eth0], preferredNodeSelectors: [{weight: 1, preference: {matchLabels: {a: b}}}]",
    );
    expect(given(N1, TOR, POOL, ADV, VIP, good)).toMatchObject({ errors: [], warnings: [] });
  });
});

describe("1.9 selectors", () => {
  const selects = (selector: string, labels: string) =>
    given(node("n1", labels), peer("tor", `${external}, nodeSelectors: [${selector}]`)).trouble("tor") === null;
  const term = (text: string) => `{matchExpressions: [{${text}}]}`;
  test.each([
    ["the empty selector matches everything", "{}", "", true],
    ["matchLabels", "{matchLabels: {a: b}}", "a: b", true],
    ["matchLabels, another value", "{matchLabels: {a: b}}", "a: c", false],
    ["matchLabels null is absent", "{matchLabels: null}", "", true],
    ["matchExpressions null is absent", "{matchExpressions: null}", "", true],
    ["an empty value is a value", '{matchLabels: {a: ""}}', 'a: ""', true],
    ["an empty value is not absence", '{matchLabels: {a: ""}}', "", false],
    ["In", term("key: a, operator: In, values: [b, c]"), "a: c", true],
    ["In, the label is absent", term("key: a, operator: In, values: [b, c]"), "", false],
    ["NotIn", term("key: a, operator: NotIn, values: [b]"), "a: b", false],
    ["NotIn matches without the label", term("key: a, operator: NotIn, values: [b]"), "", true],
    ["Exists", term("key: a, operator: Exists"), "a: x", true],
    ["Exists, absent", term("key: a, operator: Exists"), "", false],
    ["Exists with values null", term("key: a, operator: Exists, values: null"), "a: x", true],
    ["DoesNotExist", term("key: a, operator: DoesNotExist"), "a: x", false],
    ["DoesNotExist matches without the label", term("key: a, operator: DoesNotExist"), "", true],
    [
      "labels and expressions are ANDed",
      "{matchLabels: {a: b}, matchExpressions: [{key: c, operator: Exists}]}",
      "a: b",
      false,
    ],
    ["a domain in the key", "{matchLabels: {example.com/a: b}}", "example.com/a: b", true],
  ])("1.9 %s", (_rule, selector, labels, isSelected) => {
    expect(selects(selector, labels)).toBe(isSelected);
  });
  test.each([
    ["an unknown operator", term("key: a, operator: Gt, values: ['1']"), "matchExpressions[0].operator"],
    ["an operator in lower case", term("key: a, operator: in, values: [b]"), "matchExpressions[0].operator"],
    ["no operator", term("key: a"), "matchExpressions[0].operator"],
    ["no key", term("operator: Exists"), "matchExpressions[0].key"],
    ["a key that is none", term("key: 'a b', operator: Exists"), "matchExpressions[0].key"],
    ["a key in matchLabels that is none", "{matchLabels: {-a: b}}", "matchLabels.-a"],
    ["a value in matchLabels that is none", "{matchLabels: {a: 'b c'}}", "matchLabels.a"],
    ["a value that is none", term("key: a, operator: In, values: ['b c']"), "matchExpressions[0].values[0]"],
    [
      "a value longer than 63",
      term(`key: a, operator: In, values: [${"x".repeat(64)}]`),
      "matchExpressions[0].values[0]",
    ],
    ["In without values", term("key: a, operator: In, values: []"), "matchExpressions[0].values"],
    ["NotIn without values", term("key: a, operator: NotIn"), "matchExpressions[0].values"],
    ["Exists with values", term("key: a, operator: Exists, values: [b]"), "matchExpressions[0].values"],
    ["DoesNotExist with values", term("key: a, operator: DoesNotExist, values: [b]"), "matchExpressions[0].values"],
    ["the same value twice", term("key: a, operator: In, values: [b, b]"), "matchExpressions[0].values[1]"],
    [
      "two equal expressions",
      "{matchExpressions: [{key: a, operator: Exists}, {key: a, operator: Exists}]}",
      "matchExpressions[1]",
    ],
    [
      "values in another order are equal",
      "{matchExpressions: [{key: a, operator: In, values: [b, c]}, {key: a, operator: In, values: [c, b]}]}",
      "matchExpressions[1]",
    ],
    ["a label that is a number", "{matchLabels: {a: 1}}", "matchLabels.a"],
  ])("1.9 malformed: %s", (_rule, selector, path) => {
    const w = given(N1, TOR, POOL, ADV, VIP, adv("bad", `nodeSelectors: [${selector}]`));
    expect(w.errors).toEqual([`BGPAdvertisement bad spec.nodeSelectors[0].${path}`]);
    expect(w.routes()).toEqual([ROUTE]);
  });
  test("1.9 a list entry that is null is an error", () => {
    expect(given(N1, adv("bad", "nodeSelectors: [null]")).errors).toEqual([
      "BGPAdvertisement bad spec.nodeSelectors[0]",
    ]);
  });
});

describe("1.11 what only one of MetalLB's modes supports", () => {
  test("1.11 what native mode refuses is accepted, all of it on one peer", () => {
    const all =
      "keepaliveTime: 1s, holdTime: 3s, vrf: red, connectTime: 5s, enableGracefulRestart: true, disableMP: true, dualStackAddressFamily: true, localASN: 65000, bfdProfile: f";
    const w = given(
      N1,
      POOL,
      bfd("f"),
      adv("a", 'communities: ["large:1:2:3"]'),
      peer("tor", `${external}, ${all}`),
      VIP,
    );
    expect(w.errors).toEqual([]);
    expect(w.routes()).toEqual([`${ROUTE} large:1:2:3`]);
  });
  test.each([
    ["in MetalLB's namespace", "metallb-system", ["ConfigMap bgpextras data"]],
    ["elsewhere it is not ours", "other", []],
  ])("1.11 bgpextras cannot be honoured and is reported: %s", (_rule, namespace, errors) => {
    const extras = `{apiVersion: v1, kind: ConfigMap, metadata: {name: bgpextras, namespace: ${namespace}}, data: {extras: "router bgp 1"}}`;
    const w = given(N1, TOR, POOL, ADV, VIP, extras);
    expect(w.errors).toEqual(errors);
    expect(w.routes()).toEqual([ROUTE]);
  });
});

test("1 no answer shows a password", () => {
  const w = given(
    N1,
    peer("a", `${external}, password: hunter2, passwordSecret: {name: s}`),
    secret("s", "stringData: {password: hunter2}"),
  );
  expect(w.json).not.toContain("hunter2");
});
