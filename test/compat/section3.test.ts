// metallb-compat section 3: sessions and routes as MetalLB's FRR modes have them, row by row, from the manifest to what the
// session is told, offers and sends. Native-mode rows (3.3, 3.4, 3.10) are not what a drop-in follows (ADR 2).
import { describe, expect, test } from "vitest";
import { socketTerms } from "../../src/bgp/admission.ts";
import type { PeerConfig } from "../../src/bgp/session/config.ts";
import { sessionImpact } from "../../src/bgp/session/impact.ts";
import { buildOpen, negotiate } from "../../src/bgp/session/negotiate.ts";
import { BARE_ATTRIBUTES, writeAttributes } from "../../src/bgp/wire/routeAttributes.ts";
import { formatIp, ipv4 } from "../../src/kernel/ip.ts";
import { CAPABILITIES, OPEN } from "../bgp/session/fixtures.ts";
import {
  ADV,
  adv,
  bfd,
  community,
  external,
  given,
  internal,
  N1,
  node,
  oldPeer,
  POOL,
  peer,
  ROUTE,
  secret,
  toRouter,
  VIP,
  web,
} from "./world.ts";

/** @returns what the router's OPEN with this hold time leads to */
function agree(config: PeerConfig, holdTime = 180) {
  const asn = typeof config.peerAsn === "number" ? config.peerAsn : 64513;
  const capabilities = CAPABILITIES.map((c) => (c.type === "fourOctetAsn" ? { ...c, asn } : c));
  const result = negotiate(config, { ...OPEN, asn, holdTime: holdTime as never, capabilities });
  if (!result.ok) throw new Error(result.fault.detail);
  return result.value;
}
const session = (spec: string, ...more: readonly string[]) => given(N1, peer("tor", spec), ...more).session("tor");

describe("3.1 timers", () => {
  test.each([
    ["both unset: 180 and 60", "", 180, 60],
    ["only holdTime: keepalive is a third", "holdTime: 9s", 9, 3],
    ["only holdTime, not divisible", "holdTime: 10s", 10, 3],
    ["only keepaliveTime: hold is three times it", "keepaliveTime: 7s", 21, 7],
    ["both", "holdTime: 90s, keepaliveTime: 10s", 90, 10],
    ["other units", "holdTime: 1m30s, keepaliveTime: 30000ms", 90, 30],
    ["fractions of a second are cut off", "holdTime: 3900ms, keepaliveTime: 1900ms", 3, 1],
    ["less than a second is 0", "holdTime: 900ms, keepaliveTime: 0s", 0, 0],
    ["0: no timers", "holdTime: 0s, keepaliveTime: 0s", 0, 0],
    ["holdTime 0 alone", "holdTime: 0s", 0, 0],
    ["keepaliveTime 0 alone", "keepaliveTime: 0s", 0, 0],
    ["the shortest", "holdTime: 3s, keepaliveTime: 1s", 3, 1],
    ["keepalive equal to hold is accepted", "holdTime: 3s, keepaliveTime: 3s", 3, 3],
  ])("3.1 %s", (_rule, timers, holdTime, keepaliveTime) => {
    expect(session(`${external}, ${timers}`)).toMatchObject({ holdTime, keepaliveTime });
  });
  test.each([
    ["hold time 1", "holdTime: 1s", "spec.holdTime"],
    ["hold time 2.9 s, cut to 2", "holdTime: 2900ms", "spec.holdTime"],
    ["keepalive over hold", "holdTime: 9s, keepaliveTime: 10s", "spec.keepaliveTime"],
    ["keepalive over a hold time of 0", "holdTime: 0s, keepaliveTime: 1s", "spec.keepaliveTime"],
    ["deviation: hold beyond 65535 s overflows in MetalLB, here it is refused", "holdTime: 65536s", "spec.holdTime"],
    ["deviation: three times keepalive beyond 65535 s", "keepaliveTime: 21846s", "spec.keepaliveTime"],
    ["a negative time", "holdTime: -3s", "spec.holdTime"],
  ])("3.1 refused, and told once: %s", (_rule, timers, path) => {
    const { errors, warnings } = given(N1, peer("tor", `${external}, ${timers}`));
    expect({ errors, warnings }).toEqual({ errors: [`BGPPeer tor ${path}`], warnings: [] });
  });
  test.each([
    ["keepalive over a third of hold is lowered to it", "holdTime: 9s, keepaliveTime: 9s", 180, 9, 3],
    ["the router's shorter hold time counts, and a third of it", "holdTime: 90s, keepaliveTime: 30s", 9, 9, 3],
    ["0 from us switches the timers off", "holdTime: 0s", 90, 0, 0],
    ["0 from the router switches the timers off", "holdTime: 90s", 0, 0, 0],
  ])("3.1 in force: %s", (_rule, timers, theirs, holdTime, keepaliveTime) => {
    expect(agree(session(`${external}, ${timers}`), theirs)).toMatchObject({ holdTime, keepaliveTime });
  });
  test("3.1 connectTime bounds the pause between attempts; without it 5 s, FRR's is 30 to 120 (ADR 2)", () => {
    expect([session(external).connectRetryTime, session(`${external}, connectTime: 120s`).connectRetryTime]).toEqual([
      5, 120,
    ]);
  });
  test("3.1 the router may not open the session, unless an annotation says so", () => {
    expect(session(external).opens).toBe("us");
  });
});

describe("3.2 router id", () => {
  const id = (n1: string, spec = "") =>
    formatIp(ipv4(given(n1, peer("tor", `${external}${spec}`)).session("tor").routerId));
  const internalIp = (...ips: readonly string[]) =>
    node("n1", "", `addresses: [${ips.map((ip) => `{type: InternalIP, address: "${ip}"}`).join(", ")}]`);
  test.each([
    ["spec.routerID", internalIp("10.1.1.1"), ", routerID: 10.9.8.7", "10.9.8.7"],
    [
      "else the node's first InternalIP that is IPv4",
      internalIp("2001:db8::1", "10.1.1.1", "10.1.1.2"),
      "",
      "10.1.1.1",
    ],
    ["else the CRC-32 of its name, least significant octet first", N1, "", "236.84.121.235"],
    ["an IPv6-only node", internalIp("2001:db8::1"), "", "236.84.121.235"],
  ])("3.2 %s", (_rule, n1, spec, expected) => {
    expect(id(n1, spec)).toBe(expected);
  });
  test("3.2 an IPv6 routerID is an error of that peer alone (Q-02)", () => {
    const w = given(
      N1,
      POOL,
      ADV,
      VIP,
      peer("tor", external),
      peer("six", `${toRouter("10.0.0.2")}, routerID: "2001:db8::1"`),
    );
    expect([w.errors, w.routes()]).toEqual([["BGPPeer six spec.routerID"], [ROUTE]]);
  });
  test("3.2 all peers of a node share one id by default", () => {
    const w = given(N1, peer("a", external), peer("b", toRouter("10.0.0.2", 65000)));
    expect(w.session("a").routerId).toBe(w.session("b").routerId);
  });
});

describe("3.5 a neighbor as FRR mode has it", () => {
  test.each([
    ["the family of an IPv4 address alone", external, ["ipv4-unicast"]],
    ["the family of an IPv6 address alone", toRouter("2001:db8::1"), ["ipv6-unicast"]],
    ["both with dualStackAddressFamily", `${external}, dualStackAddressFamily: true`, ["ipv4-unicast", "ipv6-unicast"]],
    ["both for an unnumbered peer", "myASN: 1, peerASN: 2, interface: eth0", ["ipv4-unicast", "ipv6-unicast"]],
    ["disableMP has no effect", `${toRouter("2001:db8::1")}, disableMP: true`, ["ipv6-unicast"]],
  ])("3.5 address families: %s", (_rule, spec, families) => {
    expect(session(spec).families).toEqual(families);
  });
  test.each([
    ["eBGP, one hop: TTL 1", external, 1],
    ["eBGP, one hop, any AS but ours: TTL 1", "myASN: 1, dynamicASN: external, peerAddress: 10.0.0.1", 1],
    ["eBGP, multihop: TTL 255", `${external}, ebgpMultiHop: true`, 255],
    ["iBGP: no limit", internal, null],
    ["iBGP by dynamicASN: no limit", "myASN: 1, dynamicASN: internal, peerAddress: 10.0.0.1", null],
    ["external by localASN: TTL 1", `${internal}, localASN: 65000`, 1],
  ])("3.5 %s", (_rule, spec, ttl) => {
    expect(socketTerms(session(spec)).ttl).toBe(ttl);
  });
  test.each([
    ["a number: that AS alone", external, 64513, true],
    ["a number: no other", toRouter("10.0.0.1", 64512, 65000), 64513, false],
    ["internal: ours", "myASN: 64513, dynamicASN: internal, peerAddress: 10.0.0.1", 64513, true],
    ["internal: no other", "myASN: 64512, dynamicASN: internal, peerAddress: 10.0.0.1", 64513, false],
    ["external: any but ours", "myASN: 64512, dynamicASN: external, peerAddress: 10.0.0.1", 64513, true],
    ["external: not ours", "myASN: 64513, dynamicASN: external, peerAddress: 10.0.0.1", 64513, false],
  ])("3.5 remote-as, %s", (_rule, spec, asn, isAccepted) => {
    const capabilities = CAPABILITIES.map((c) => (c.type === "fourOctetAsn" ? { ...c, asn } : c));
    expect(negotiate(session(spec), { ...OPEN, asn, capabilities }).ok).toBe(isAccepted);
  });
  test("3.5 local-as: the OPEN and AS_PATH show localASN and myASN nowhere (Q-01)", () => {
    const config = session(`${external}, localASN: 65000`);
    expect(buildOpen(config).asn).toBe(65000);
    expect(sent(config).get(2)).toEqual([2, 1, 0, 0, 0xfd, 0xe8]);
  });
  test("3.5 graceful restart: 120 s where enabled, else offered without families", () => {
    const capability = (spec: string) =>
      buildOpen(session(spec)).capabilities.find((c) => c.type === "gracefulRestart");
    expect(capability(`${external}, enableGracefulRestart: true`)).toMatchObject({ restartTime: 120 });
    expect(capability(external)).toMatchObject({ restartTime: 0, families: [] });
  });
  test("3.5 several peers of one node may have their own myASN and VRF, each its own session", () => {
    const w = given(N1, peer("a", external), peer("b", `${toRouter("10.0.0.1", 65000)}, vrf: red`));
    expect([w.session("a").localAsn, w.session("b").localAsn, w.session("b").vrf]).toEqual([64512, 65000, "red"]);
  });
  test("3.5 BFD is started with the neighbor, BGP does not wait for it", () => {
    expect(session(`${external}, bfdProfile: f`, bfd("f")).bfd).toMatchObject({ isStrict: false, auth: null });
  });
});

/** Path attributes of a route from the manifest: octets by type code. */
function sent(config: PeerConfig, spec = ""): ReadonlyMap<number, readonly number[]> {
  const negotiated = agree(config);
  const store = given(N1, peer("tor", internal), POOL, adv("a", spec), VIP).routes()[0] ?? "";
  const pref = /pref=(\d+)/.exec(store)?.[1];
  const route = { ...BARE_ATTRIBUTES, localPref: pref === undefined ? null : Number(pref) };
  const nextHop = ipv4(0x0a00_0009);
  const { attributes } = writeAttributes(route, {
    negotiated,
    family: "ipv4-unicast",
    nextHop,
    linkLocalNextHop: null,
  });
  const out = new Map<number, readonly number[]>();
  for (let at = 0; at < attributes.length; ) {
    const [flags = 0, code = 0, size = 0, low = 0] = attributes.subarray(at, at + 4);
    const isLong = (flags & 0x10) !== 0;
    const start = at + (isLong ? 4 : 3);
    at = start + (isLong ? size * 256 + low : size);
    out.set(code, [...attributes.subarray(start, at)]);
  }
  return out;
}

describe("3.5 attributes on the wire", () => {
  test("3.5 eBGP: origin IGP, our AS, next hop self, MED 0, no LOCAL_PREF", () => {
    expect([...sent(session(external), "localPref: 200")]).toEqual([
      [1, [0]],
      [2, [2, 1, 0, 0, 0xfc, 0x00]],
      [3, [10, 0, 0, 9]],
      [4, [0, 0, 0, 0]],
    ]);
  });
  test.each([
    ["100 where none is set", "", 100],
    ["100 for localPref 0 (Q-05)", "localPref: 0", 100],
    ["the advertisement's", "localPref: 200", 200],
  ])("3.5 iBGP: an empty AS_PATH, and LOCAL_PREF is %s", (_rule, spec, pref) => {
    const attributes = sent(session(internal), spec);
    expect([attributes.get(2), attributes.get(5), attributes.get(4)]).toEqual([[], [0, 0, 0, pref], [0, 0, 0, 0]]);
  });
});

describe("3.6 passwords", () => {
  const spec = `${external}, passwordSecret: {name: s}`;
  const NAME = "BGPPeer tor spec.passwordSecret.name";
  test("3.6 from the Secret, and from nowhere else", () => {
    expect(session(spec, secret("s", "stringData: {password: hunter2}")).password).toBe("hunter2");
    expect(session(spec, secret("s", "data: {password: aHVudGVyMg==}")).password).toBe("hunter2");
  });
  test.each([
    ["the Secret is missing", "", [NAME]],
    [
      "the Secret is in another namespace",
      secret("s", "stringData: {password: x}").replace("metallb-system", "default"),
      [NAME],
    ],
    ["the wrong type", secret("s", "stringData: {password: x}", "Opaque"), [NAME]],
    ["no key password", secret("s", "stringData: {username: x}"), [NAME]],
    ["an empty password: MD5 is not quietly switched off", secret("s", 'stringData: {password: ""}'), [NAME]],
    ["beyond the kernel's 80 octets", secret("s", `stringData: {password: ${"x".repeat(81)}}`), [NAME]],
    ["no base64", secret("s", "data: {password: '*'}"), [NAME, "Secret s data.password"]],
  ])("3.6 no session: %s", (_rule, document, errors) => {
    const w = given(N1, peer("tor", spec), ...(document === "" ? [] : [document]));
    expect(w.errors).toEqual(errors);
    expect(w.trouble("tor")).not.toBeNull();
  });
  test("3.6 80 octets are the most", () => {
    expect(session(spec, secret("s", `stringData: {password: ${"x".repeat(80)}}`)).password).toHaveLength(80);
    expect(given(N1, peer("tor", `${external}, password: ${"x".repeat(81)}`)).errors).toEqual([
      "BGPPeer tor spec.password",
    ]);
  });
  test("3.6 passwordSecret.namespace is ignored, with a warning", () => {
    const w = given(
      N1,
      peer("tor", `${external}, passwordSecret: {name: s, namespace: other}`),
      secret("s", "stringData: {password: x}"),
    );
    expect([w.errors, w.warnings, w.session("tor").password]).toEqual([
      [],
      ["BGPPeer tor spec.passwordSecret.namespace"],
      "x",
    ]);
  });
  test("3.6 rotation: the next version of the Secret resets the session with the new key", () => {
    const w = given(N1, peer("tor", spec), secret("s", "stringData: {password: old}"));
    const rotated = w.edit(N1, peer("tor", spec), secret("s", "stringData: {password: new}"));
    expect(sessionImpact(w.session("tor"), rotated.session("tor"))).toEqual({ kind: "reset", fields: ["password"] });
  });
  test("3.6 the Secret is emptied or deleted: no session, never one without MD5", () => {
    const w = given(N1, peer("tor", spec), secret("s", "stringData: {password: old}"));
    expect(w.edit(N1, peer("tor", spec), secret("s", "data: {}")).trouble("tor")).toContain('no key "password"');
    expect(w.edit(N1, peer("tor", spec)).trouble("tor")).toContain("does not exist");
  });
  test("3.6 a Secret that cannot be read: no session, and nobody is told that it is not there", () => {
    const w = given(N1, peer("tor", spec), secret("s", "data: {password: '%'}"));
    expect(w.trouble("tor")).toContain("or has a mistake in it");
  });
  test("3.6 no message shows a password (Q-22)", () => {
    for (const type of ["Opaque", "kubernetes.io/basic-auth"]) {
      const w = given(N1, peer("tor", spec), secret("s", `stringData: {password: hunter2${"x".repeat(90)}}`, type));
      expect(w.errors).toContain(NAME);
      expect(w.json).not.toContain("hunter2");
    }
  });
});

describe("3.7 multiprotocol", () => {
  const routes = (spec: string) => given(N1, POOL, ADV, web("192.0.2.10 2001:db8::7"), peer("tor", spec)).routes();
  const SIX = "2001:db8::7/128";
  test.each([
    ["over IPv4", external, [ROUTE]],
    ["over IPv6 (Q-20)", toRouter("2001:db8:1::1"), [SIX]],
    ["over IPv4, both families", `${external}, dualStackAddressFamily: true`, [ROUTE, SIX]],
    ["over IPv6, both families", `${toRouter("2001:db8:1::1")}, dualStackAddressFamily: true`, [ROUTE, SIX]],
    ["unnumbered", "myASN: 1, peerASN: 2, interface: eth0", [ROUTE, SIX]],
    ["disableMP changes nothing", `${external}, disableMP: true, dualStackAddressFamily: true`, [ROUTE, SIX]],
  ])("3.7 a session %s", (_rule, spec, expected) => {
    expect(routes(spec)).toEqual(expected);
  });
  test("3.7 unnumbered: IPv4 with an IPv6 next hop is offered (RFC 8950)", () => {
    const { capabilities } = buildOpen(session("myASN: 1, peerASN: 2, interface: eth0"));
    expect(capabilities.find((c) => c.type === "extendedNextHop")).toBeDefined();
  });
});

describe("3.8 communities", () => {
  const routes = (list: string, ...more: readonly string[]) => {
    const w = given(N1, peer("tor", external), POOL, VIP, adv("a", `communities: [${list}]`), ...more);
    return w.errors.length > 0 ? w.errors : w.routes();
  };
  const BAD = ["BGPAdvertisement a spec.communities[0]"];
  test.each([
    ["a:b", '"65535:0"', [`${ROUTE} graceful-shutdown`]],
    ["the largest", '"65535:65535"', [`${ROUTE} 65535:65535`]],
    [
      "well-known by number",
      '"65535:65281", "65535:65282", "65535:65283"',
      [`${ROUTE} no-export,no-advertise,no-export-subconfed`],
    ],
    ["beyond MetalLB: well-known by name", "no-export", [`${ROUTE} no-export`]],
    ["large", '"large:4294967295:0:1"', [`${ROUTE} large:4294967295:0:1`]],
    ["standard before large, each ascending", '"large:1:1:1", "2:1", "1:65535"', [`${ROUTE} 1:65535,2:1,large:1:1:1`]],
    ["a half beyond 65535", '"65536:1"', BAD],
    ["no number", '"a:b"', BAD],
    ["negative", '"-1:1"', BAD],
    ["three parts", '"1:2:3"', BAD],
    ["four parts without large", '"1:2:3:4"', BAD],
    ["large beyond 32 bits", '"large:4294967296:1:1"', BAD],
    ["one number, the old form", '"65536"', BAD],
    ["extended communities", '"rt:1:2"', BAD],
    ["an alias that is none", "red", BAD],
  ])("3.8 %s", (_rule, list, expected) => {
    expect(routes(list)).toEqual(expected);
  });
  test("3.8 an alias named like a literal wins", () => {
    expect(routes('"1:1"', community("c", 'communities: [{name: "1:1", value: "2:2"}]'))).toEqual([`${ROUTE} 2:2`]);
  });
  test("3.8 an alias named like a well-known name wins", () => {
    expect(routes("no-export", community("c", 'communities: [{name: no-export, value: "2:2"}]'))).toEqual([
      `${ROUTE} 2:2`,
    ]);
  });
  test("3.8 duplicates via an alias collapse", () => {
    expect(routes('red, "1:1"', community("c", 'communities: [{name: red, value: "1:1"}]'))).toEqual([`${ROUTE} 1:1`]);
  });
});

describe("2.8 what a change costs a session", () => {
  const from = (spec: string, ...more: readonly string[]) => given(N1, POOL, ADV, VIP, peer("tor", spec), ...more);
  const impact = (before: string, after: string, ...more: readonly string[]) =>
    sessionImpact(from(before, ...more).session("tor"), from(after, ...more).session("tor")).kind;
  test.each([
    ["nodeSelectors that still select the node", external, `${external}, nodeSelectors: [{}]`, "none"],
    ["connectTime", external, `${external}, connectTime: 9s`, "live"],
    ["bfdProfile", external, `${external}, bfdProfile: f`, "live"],
    ["password", `${external}, password: a`, `${external}, password: b`, "reset"],
    ["holdTime", external, `${external}, holdTime: 9s`, "reset"],
    ["vrf", external, `${external}, vrf: red`, "reset"],
    ["ebgpMultiHop", external, `${external}, ebgpMultiHop: true`, "reset"],
    ["v1beta1 with the same timers", `${external}, holdTime: 0s, keepaliveTime: 0s`, "v1beta1", "none"],
  ])("2.8 %s", (_rule, before, after, kind) => {
    const found =
      after === "v1beta1"
        ? sessionImpact(from(before).session("tor"), given(N1, oldPeer("tor", external)).session("tor")).kind
        : impact(before, after, bfd("f"));
    expect(found).toBe(kind);
  });
  test("2.8 advertisements, pools, communities and Services never touch a session", () => {
    const w = from(external);
    const edited = w.edit(
      N1,
      POOL,
      adv("a", 'localPref: 7, communities: ["1:1"], aggregationLength: 24'),
      web("192.0.2.99"),
      peer("tor", external),
    );
    expect(edited.routes()).not.toEqual(w.routes());
    expect(sessionImpact(w.session("tor"), edited.session("tor")).kind).toBe("none");
  });
  test("2.8 the last BFD profile goes with its reference (Q-17)", () => {
    const w = from(`${external}, bfdProfile: f`, bfd("f"));
    expect(w.session("tor").bfd).not.toBeNull();
    expect(w.edit(N1, peer("tor", external)).session("tor").bfd).toBeNull();
  });
});
