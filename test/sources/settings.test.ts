// Annotations `vipcast.io/*` where they are read: where faults are told, and what they cost.
import { describe, expect, test } from "vitest";
import { accepted, errorPaths, readYaml, told, warningPaths } from "./read.ts";

const path = (name: string): string => `metadata.annotations["vipcast.io/${name}"]`;

describe("on a BGPPeer", () => {
  const peer = (annotations: string, spec = "", version = "v1beta2") =>
    readYaml(`{apiVersion: metallb.io/${version}, kind: BGPPeer, metadata: {name: tor, annotations: {${annotations}}},
      spec: {myASN: 64512, peerASN: 64513, peerAddress: 192.0.2.1${spec}}}`);

  test("values are taken over, in both versions, and nothing else of the annotations is kept or looked at", () => {
    for (const version of ["v1beta2", "v1beta1"]) {
      const read = peer('vipcast.io/opens: both, vipcast.io/gtsm-hops: "1", other/x: 5', "", version);
      expect(told(read)).toEqual([]);
      expect(accepted("BGPPeer", read).settings).toEqual({ opens: "both", gtsmHops: 1 });
      expect(JSON.stringify(accepted("BGPPeer", read))).not.toContain("other/x");
    }
  });
  test("a wrong value puts the object out, all of them are told", () => {
    const read = peer('vipcast.io/opens: they, vipcast.io/gtsm-hops: "300"');
    expect(read.object).toBeNull();
    expect(errorPaths(read)).toEqual([path("opens"), path("gtsm-hops")]);
  });
  test("a value that is no string is told with its cure", () => {
    const read = peer("vipcast.io/gtsm-hops: 1");
    expect(read.object).toBeNull();
    expect(read.problems).toMatchObject([
      { path: path("gtsm-hops"), message: "must be a string, found the number 1", hint: "Write it in quotes." },
    ]);
  });
  test("an unknown one is a warning, the object stays", () => {
    const read = peer('vipcast.io/gtsm-hop: "1"');
    expect(accepted("BGPPeer", read).settings).toEqual({});
    expect(read.problems).toMatchObject([
      { severity: "warning", path: path("gtsm-hop"), hint: 'Did you mean "gtsm-hops"?' },
    ]);
  });
  test("an empty entry is absent", () => {
    expect(told(peer("vipcast.io/opens: null"))).toEqual([]);
  });
  test.each<[string, string, string, readonly string[], readonly string[]]>([
    ["gtsm-hops excludes ebgpMultiHop", 'vipcast.io/gtsm-hops: "2"', ", ebgpMultiHop: true", ["gtsm-hops"], []],
    ["restart-time alone", 'vipcast.io/restart-time: "30"', "", [], ["restart-time"]],
    ["restart-time beside its field", 'vipcast.io/restart-time: "30"', ", enableGracefulRestart: true", [], []],
    ["C-115 a next hop that is the peer", "vipcast.io/next-hop: 192.0.2.1", "", ["next-hop"], []],
    ["a next hop of ours", "vipcast.io/next-hop: 192.0.2.2", "", [], []],
    ["a next hop of a family not carried", "vipcast.io/next-hop-v6: 2001:db8::1", "", [], ["next-hop-v6"]],
    [
      "a next hop of the other family carried",
      "vipcast.io/next-hop-v6: 2001:db8::1",
      ", dualStackAddressFamily: true",
      [],
      [],
    ],
  ])("against the fields beside it: %s", (_name, annotations, spec, errors, warnings) => {
    const read = peer(annotations, spec);
    expect(errorPaths(read)).toEqual(errors.map(path));
    expect(warningPaths(read)).toEqual(warnings.map(path));
  });
});

describe("on a BGPAdvertisement", () => {
  const adv = (annotations: string) =>
    readYaml(
      `{apiVersion: metallb.io/v1beta1, kind: BGPAdvertisement, metadata: {name: a, annotations: {${annotations}}}}`,
    );

  test("values are taken over; a wrong one puts the object out", () => {
    const good = adv('vipcast.io/med: "5", vipcast.io/as-path-prepend: "2"');
    expect(accepted("BGPAdvertisement", good).settings).toEqual({ med: 5, asPathPrepend: 2 });
    const bad = adv('vipcast.io/as-path-prepend: "11"');
    expect([bad.object, errorPaths(bad)]).toEqual([null, [path("as-path-prepend")]]);
  });
});

describe("on a Service", () => {
  const service = (annotations: string) =>
    readYaml(`{apiVersion: v1, kind: Service, metadata: {name: web, annotations: {${annotations}}}}`);

  test("values are taken over, all annotations are kept", () => {
    const read = accepted("Service", service('vipcast.io/med: "5", metallb.io/address-pool: p'));
    expect(read.settings).toEqual({ med: 5 });
    expect([...read.annotations.keys()]).toEqual(["vipcast.io/med", "metallb.io/address-pool"]);
  });
  test.each([
    ["out of range", 'vipcast.io/med: "-1"'],
    ["no string", "vipcast.io/med: 5"],
  ])("a wrong value costs the annotation alone: %s", (_name, text) => {
    const read = service(`${text}, vipcast.io/as-path-prepend: "3"`);
    expect(accepted("Service", read).settings).toEqual({ asPathPrepend: 3 });
    expect(errorPaths(read)).toEqual([path("med")]);
  });
  test("an annotation of others that is no string is still refused, as by the API server", () => {
    expect(service("other/x: 5").object).toBeNull();
  });
});

test.each(["IPAddressPool", "BFDProfile", "Community"])("on a %s none has an effect", (kind) => {
  const read = readYaml(`{apiVersion: metallb.io/v1beta1, kind: ${kind},
    metadata: {name: x, annotations: {vipcast.io/med: "5", other/x: "1"}}, spec: {addresses: [192.0.2.0/24]}}`);
  expect(told(read).filter((t) => t.includes("annotations"))).toEqual([
    `warning ${path("med")}: has no effect on kind ${kind}`,
  ]);
});
