import { describe, expect, test } from "vitest";
import { formatIp } from "../../src/kernel/ip.ts";
import { accepted, errorPaths, readYaml, told, warningPaths } from "./read.ts";

const peer = (spec: string, version = "v1beta2"): string =>
  `{apiVersion: metallb.io/${version}, kind: BGPPeer, metadata: {name: tor, namespace: metallb-system}, spec: {${spec}}}`;
const BASE = "myASN: 64512, peerASN: 64513, peerAddress: 192.0.2.1";
const good = (spec: string, version?: string) => accepted("BGPPeer", readYaml(peer(spec, version)));
const paths = (spec: string, version?: string) => errorPaths(readYaml(peer(spec, version))).map((p) => p.slice(5));

describe("BGPPeer v1beta2 (metallb-compat 1.1)", () => {
  test("the smallest peer gets every default", () => {
    const p = good(BASE);
    expect(p).toMatchObject({
      myAsn: 64512,
      peerAsn: 64513,
      dynamicAsn: null,
      localAsn: null,
      interface: null,
      peerPort: 179,
      holdTime: null,
      keepaliveTime: null,
      connectTime: null,
      routerId: null,
      nodeSelectors: [],
      password: null,
      passwordSecret: null,
      bfdProfile: null,
      enableGracefulRestart: false,
      ebgpMultiHop: false,
      vrf: null,
      disableMP: false,
      dualStackAddressFamily: false,
    });
    expect(p.peerAddress && formatIp(p.peerAddress)).toBe("192.0.2.1");
    expect(p.ref).toEqual({ kind: "BGPPeer", namespace: "metallb-system", name: "tor" });
  });

  test("every field is taken over", () => {
    const p = good(
      `myASN: 4294967295, dynamicASN: external, localASN: 65000, interface: eth0, sourceAddress: "2001:db8::2", peerPort: 16384,
       holdTime: 1m30s, keepaliveTime: 30s, connectTime: 10s, routerID: 10.0.0.1, nodeSelectors: [{matchLabels: {rack: a}}],
       passwordSecret: {name: s}, bfdProfile: b, enableGracefulRestart: true, ebgpMultiHop: true, vrf: red, disableMP: true,
       dualStackAddressFamily: true`,
    );
    expect(p).toMatchObject({
      myAsn: 4294967295,
      peerAsn: null,
      dynamicAsn: "external",
      localAsn: 65000,
      peerAddress: null,
      interface: "eth0",
      peerPort: 16384,
      holdTime: 90,
      keepaliveTime: 30,
      connectTime: 10,
      passwordSecret: "s",
      bfdProfile: "b",
      enableGracefulRestart: true,
      ebgpMultiHop: true,
      vrf: "red",
      disableMP: true,
      dualStackAddressFamily: true,
    });
    expect(p.nodeSelectors).toEqual([{ matchLabels: [["rack", "a"]], matchExpressions: [] }]);
  });

  test.each([
    ["myASN is required", "peerASN: 1, peerAddress: 192.0.2.1", ["myASN"]],
    ["myASN must not be 0", "myASN: 0, peerASN: 1, peerAddress: 192.0.2.1", ["myASN"]],
    ["myASN has 32 bits", "myASN: 4294967296, peerASN: 1, peerAddress: 192.0.2.1", ["myASN"]],
    ["one of peerASN and dynamicASN is required", "myASN: 1, peerAddress: 192.0.2.1", ["peerASN"]],
    ["peerASN 0 is absent", "myASN: 1, peerASN: 0, peerAddress: 192.0.2.1", ["peerASN"]],
    ["peerASN and dynamicASN exclude each other", `${BASE}, dynamicASN: internal`, ["dynamicASN"]],
    ["dynamicASN is a closed list", "myASN: 1, dynamicASN: inside, peerAddress: 192.0.2.1", ["dynamicASN"]],
    ["localASN begins at 1", `${BASE}, localASN: 0`, ["localASN"]],
    ["peerAddress or interface is required", "myASN: 1, peerASN: 2", ["peerAddress"]],
    ["peerAddress and interface exclude each other", `${BASE}, interface: eth0`, ["interface"]],
    ["peerAddress is no host name", "myASN: 1, peerASN: 2, peerAddress: tor.example", ["peerAddress"]],
    ["peerAddress has no zone", 'myASN: 1, peerASN: 2, peerAddress: "fe80::1%eth0"', ["peerAddress"]],
    ["sourceAddress is an IP literal", `${BASE}, sourceAddress: eth0`, ["sourceAddress"]],
    ["peerPort ends at 16384", `${BASE}, peerPort: 16385`, ["peerPort"]],
    ["peerPort begins at 1", `${BASE}, peerPort: 0`, ["peerPort"]],
    ["holdTime is a duration", `${BASE}, holdTime: soon`, ["holdTime"]],
    ["holdTime has a unit", `${BASE}, holdTime: 90`, ["holdTime"]],
    ["holdTime below 3 s", `${BASE}, holdTime: 2999ms`, ["holdTime"]],
    ["holdTime beyond 16 bits", `${BASE}, holdTime: 65536s`, ["holdTime"]],
    ["negative holdTime", `${BASE}, holdTime: -9s`, ["holdTime"]],
    ["keepaliveTime over holdTime", `${BASE}, holdTime: 9s, keepaliveTime: 10s`, ["keepaliveTime"]],
    ["keepaliveTime with holdTime 0", `${BASE}, holdTime: 0s, keepaliveTime: 1s`, ["keepaliveTime"]],
    ["keepaliveTime alone gives a hold time below 3 s", `${BASE}, keepaliveTime: 900ms`, ["keepaliveTime"]],
    ["keepaliveTime alone gives a hold time beyond 16 bits", `${BASE}, keepaliveTime: 30000s`, ["keepaliveTime"]],
    ["connectTime has whole seconds", `${BASE}, connectTime: 1500ms`, ["connectTime"]],
    ["connectTime begins at 1 s", `${BASE}, connectTime: 0s`, ["connectTime"]],
    ["connectTime ends at 65535 s", `${BASE}, connectTime: 65536s`, ["connectTime"]],
    ["routerID is not IPv6 (Q-02)", `${BASE}, routerID: "2001:db8::1"`, ["routerID"]],
    ["routerID is not 0.0.0.0", `${BASE}, routerID: 0.0.0.0`, ["routerID"]],
    [
      "password and passwordSecret exclude each other",
      `${BASE}, password: x, passwordSecret: {name: s}`,
      ["passwordSecret.name"],
    ],
    ["password fits a TCP MD5 key", `${BASE}, password: ${"x".repeat(81)}`, ["password"]],
    [
      "ebgpMultiHop on an internal peer",
      "myASN: 1, peerASN: 1, peerAddress: 192.0.2.1, ebgpMultiHop: true",
      ["ebgpMultiHop"],
    ],
    ["a boolean in quotes", `${BASE}, ebgpMultiHop: "true"`, ["ebgpMultiHop"]],
    ["a number in quotes", 'myASN: "1", peerASN: 2, peerAddress: 192.0.2.1', ["myASN"]],
    [
      "equal nodeSelectors",
      `${BASE}, nodeSelectors: [{matchLabels: {a: b}}, {matchLabels: {a: b}}]`,
      ["nodeSelectors[1]"],
    ],
    [
      "all faults at once",
      "myASN: 0, peerASN: x, peerAddress: y, holdTime: 1s, peerPort: 99999",
      ["peerASN", "myASN", "peerAddress", "holdTime", "peerPort"],
    ],
  ])("refuses: %s", (_rule, spec, expected) => {
    expect(paths(spec)).toEqual(expected);
  });

  test.each([
    ["hold 0 and keepalive 0", "holdTime: 0s, keepaliveTime: 0s", 0, 0],
    ["hold 3 s", "holdTime: 3s", 3, null],
    ["the longest hold time", "holdTime: 65535s", 65535, null],
    ["keepalive alone", "keepaliveTime: 1s", null, 1],
    ["keepalive 0 alone", "keepaliveTime: 0s", null, 0],
    ["keepalive equal to hold", "holdTime: 9s, keepaliveTime: 9s", 9, 9],
    ["a fraction is cut", "holdTime: 9900ms", 9, null],
  ])("accepts the timers: %s", (_rule, timers, hold, keepalive) => {
    expect(good(`${BASE}, ${timers}`)).toMatchObject({ holdTime: hold, keepaliveTime: keepalive });
  });

  test("IPv4 written as IPv6 is IPv4, as in Go", () => {
    expect(good('myASN: 1, peerASN: 2, peerAddress: "::ffff:192.0.2.1"').peerAddress?.version).toBe(4);
  });

  test.each([
    ["peerAdress", `${BASE}, peerAdress: x`, 'Did you mean "peerAddress"?'],
    ["holdtime", `${BASE}, holdtime: 9s`, 'Did you mean "holdTime"?'],
    ["colour", `${BASE}, colour: red`, "Remove it."],
  ])("warns of the unknown field %s", (field, spec, hint) => {
    const result = readYaml(peer(spec));
    expect(result.object).not.toBeNull();
    expect(result.problems).toMatchObject([{ severity: "warning", path: `spec.${field}`, hint }]);
  });

  test("no message ever holds the password", () => {
    const secret = "hunter2-hunter2-hunter2-hunter2";
    for (const value of [secret.repeat(4), `[${secret}]`, `{${secret}: 1}`]) {
      const result = readYaml(peer(`${BASE}, password: ${value}, passwordSecret: {name: a}`));
      expect(result.problems.length).toBeGreaterThan(0);
      expect(JSON.stringify(result.problems)).not.toContain("hunter2");
    }
  });

  test("warns when passwordSecret names another namespace", () => {
    expect(warningPaths(readYaml(peer(`${BASE}, passwordSecret: {name: s, namespace: other}`)))).toEqual([
      "spec.passwordSecret.namespace",
    ]);
  });

  test("a peer without spec is refused", () => {
    expect(told(readYaml("{apiVersion: metallb.io/v1beta2, kind: BGPPeer, metadata: {name: a}}"))).toEqual([
      "error spec: is required",
    ]);
  });
});

describe("BGPPeer v1beta1 (metallb-compat 1.2)", () => {
  test("absent timers are explicit zeros (Q-03)", () => {
    expect(good(BASE, "v1beta1")).toMatchObject({ holdTime: 0, keepaliveTime: 0, peerPort: 179 });
    expect(good(`${BASE}, holdTime: 90s`, "v1beta1")).toMatchObject({ holdTime: 90, keepaliveTime: 0 });
  });

  test.each([
    ["only keepaliveTime given", `${BASE}, keepaliveTime: 3s`, ["keepaliveTime"]],
    ["peerASN is required", "myASN: 1, peerAddress: 192.0.2.1", ["peerASN"]],
    ["peerAddress is required", "myASN: 1, peerASN: 2", ["peerAddress"]],
    [
      "an expression without values",
      `${BASE}, nodeSelectors: [{matchExpressions: [{key: a, operator: Exists}]}]`,
      ["nodeSelectors[0].matchExpressions[0].operator"],
    ],
  ])("refuses: %s", (_rule, spec, expected) => {
    expect(paths(spec, "v1beta1")).toEqual(expected);
  });

  test("port 0 is the BGP port", () => {
    expect(good(`${BASE}, peerPort: 0`, "v1beta1").peerPort).toBe(179);
  });

  test("a field of v1beta2 is a warning that names the version", () => {
    expect(readYaml(peer(`${BASE}, vrf: red`, "v1beta1")).problems).toMatchObject([
      { severity: "warning", path: "spec.vrf", hint: expect.stringContaining("v1beta2") },
    ]);
  });
});
