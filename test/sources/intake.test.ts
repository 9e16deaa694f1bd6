import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { readObjects } from "../../src/sources/intake.ts";
import { readYaml } from "./read.ts";

const of = (apiVersion: string, kind: string): string =>
  `{apiVersion: ${apiVersion}, kind: ${kind}, metadata: {name: a}}`;

describe("kinds", () => {
  test.each([
    ["an L2Advertisement", of("metallb.io/v1beta1", "L2Advertisement")],
    ["a status kind", of("metallb.io/v1beta1", "ServiceBGPStatus")],
    ["a Deployment", of("apps/v1", "Deployment")],
    ["a ConfigMap", of("v1", "ConfigMap")],
    ["a Service of another project", of("serving.knative.dev/v1", "Service")],
    ["a BGPPeer of another project", of("crd.projectcalico.org/v1", "BGPPeer")],
    ["an FRRConfiguration", of("frrk8s.metallb.io/v1beta1", "FRRConfiguration")],
    ["an empty bgpextras", "{apiVersion: v1, kind: ConfigMap, metadata: {name: bgpextras}, data: {extras: ''}}"],
  ])("%s is none of our business", (_what, text) => {
    expect(readYaml(text)).toMatchObject({ object: null, problems: [] });
  });

  test.each([
    ["BgpPeer", of("metallb.io/v1beta2", "BgpPeer"), "kind", "BGPPeer"],
    ["IpAddressPool", of("metallb.io/v1beta1", "IpAddressPool"), "kind", "IPAddressPool"],
    ["BGPAdvertisment", of("metallb.io/v1beta1", "BGPAdvertisment"), "kind", "BGPAdvertisement"],
    ["AddressPool", of("metallb.io/v1beta1", "AddressPool"), "kind", "IPAddressPool"],
    ["an invented kind", of("metallb.io/v1beta1", "Router"), "kind", "There are:"],
    ["service", of("v1", "service"), "kind", "Service"],
    ["bgppeer without group", of("v1beta2", "bgppeer"), "kind", "BGPPeer"],
    ["BGPPeer without group", of("v1", "BGPPeer"), "apiVersion", "metallb.io/v1beta2"],
    ["BGPPeer of a misspelt group", of("metalb.io/v1beta2", "BGPPeer"), "apiVersion", "metallb.io/v1beta2"],
    ["an unknown version", of("metallb.io/v1", "IPAddressPool"), "apiVersion", "metallb.io/v1beta1"],
    ["an old EndpointSlice", of("discovery.k8s.io/v1beta1", "EndpointSlice"), "apiVersion", "discovery.k8s.io/v1"],
    ["no kind", "{apiVersion: v1, metadata: {name: a}}", "kind", "Service"],
    ["no apiVersion", "{kind: BGPPeer, metadata: {name: a}}", "apiVersion", "metallb.io/v1beta2"],
    ["a scalar document", "hello", "", "mapping"],
  ])("%s is an error with the cure", (_what, text, path, hint) => {
    const result = readYaml(text);
    expect(result.object).toBeNull();
    expect(result.problems).toMatchObject([{ severity: "error", path, hint: expect.stringContaining(hint) }]);
  });

  test("bgpextras with content is an error of its own", () => {
    const text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: bgpextras}, data: {extras: router bgp 1}}";
    expect(readYaml(text).problems).toMatchObject([
      { severity: "error", kind: "ConfigMap", namespace: "metallb-system", name: "bgpextras", path: "data" },
    ]);
  });
});

describe("lists", () => {
  test("a List is unwrapped, each item with its place", () => {
    const text = `{apiVersion: v1, kind: List, items: [${of("v1", "Namespace")}, ${of("apps/v1", "Deployment")}, 7]}`;
    const results = readObjects(parse(text), 5);
    expect(results.map((r) => [r.base, r.object?.kind, r.problems.length])).toEqual([
      ["items[0]", "Namespace", 0],
      ["items[1]", undefined, 0],
      ["items[2]", undefined, 1],
    ]);
    expect(results[0]?.object?.order).toBe(5);
  });

  test("items of a typed list need no type of their own", () => {
    const results = readObjects({ apiVersion: "v1", kind: "NamespaceList", items: [{ metadata: { name: "a" } }] }, 0);
    expect(results.map((r) => r.object?.kind)).toEqual(["Namespace"]);
  });

  test("an empty document is nothing", () => {
    expect(readObjects(null, 0)).toEqual([]);
  });
});

describe("the namespace of MetalLB's objects", () => {
  const pool = (namespace: string) => ({
    apiVersion: "metallb.io/v1beta1",
    kind: "IPAddressPool",
    metadata: { name: "p", namespace },
    spec: { addresses: ["192.0.2.0/24"] },
  });

  test("what lies elsewhere is not used, and that is said", () => {
    const [result] = readObjects(pool("default"), 0);
    expect(result?.object).toBeNull();
    expect(result?.problems.map((p) => [p.severity, p.path])).toEqual([["error", "metadata.namespace"]]);
  });

  test("another one can be configured, and is then the default", () => {
    expect(readObjects(pool("edge"), 0, "edge")[0]?.object?.ref.namespace).toBe("edge");
    const [unnamed] = readObjects({ ...pool(""), metadata: { name: "p" } }, 0, "edge");
    expect(unnamed?.object?.ref.namespace).toBe("edge");
  });

  test("a Secret of another namespace is nobody's mistake", () => {
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "s", namespace: "default" } };
    expect(readObjects(secret, 0)).toEqual([{ object: null, ref: null, problems: [], base: "" }]);
  });
});
