// `vipcast check --allocate`: the document promises a block of allocations, and routes computed with them.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { check } from "../../src/commands/check.ts";

const MANIFESTS = `
{apiVersion: metallb.io/v1beta1, kind: IPAddressPool, metadata: {name: p1}, spec: {addresses: [192.0.2.1-192.0.2.2]}}
---
{apiVersion: metallb.io/v1beta1, kind: BGPAdvertisement, metadata: {name: all}}
---
{apiVersion: metallb.io/v1beta2, kind: BGPPeer, metadata: {name: tor}, spec: {myASN: 64512, peerASN: 64513, peerAddress: 203.0.113.1}}
---
{apiVersion: v1, kind: Service, metadata: {name: b}, spec: {type: LoadBalancer, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: LoadBalancer, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: z, creationTimestamp: "2026-01-01T00:00:00Z"}, spec: {type: LoadBalancer, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: classed}, spec: {type: LoadBalancer, loadBalancerClass: x, ports: [{port: 80}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: z-1, labels: {kubernetes.io/service-name: z}}, addressType: IPv4, endpoints: [{addresses: [10.0.0.1]}]}
`;

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "vipcast-"));
  writeFileSync(join(dir, "all.yaml"), MANIFESTS);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const run = (
  over: {
    readonly allocate?: boolean;
    readonly lbClass?: string;
    readonly json?: boolean;
    readonly path?: string;
  } = {},
) => {
  const base = { node: "n1", json: true, namespace: "metallb-system", lbClass: "", ignoreExcludeLb: false };
  return check([over.path ?? dir], { ...base, allocate: true, color: false, ...over });
};

test("says who would get what, the eldest first, and what would be announced then", () => {
  const { output, exitCode } = run();
  const report = JSON.parse(output);
  expect(report.allocations).toMatchObject({
    "default/a": { ips: ["192.0.2.2"], pool: "p1", event: null },
    "default/b": { ips: [], pool: null, event: "AllocationFailed", reason: "AllocationFailed" },
    "default/z": { ips: ["192.0.2.1"], pool: "p1", event: null },
  });
  expect(Object.keys(report.allocations)).toEqual(["default/a", "default/b", "default/z"]);
  expect(report.nodes.n1.peers.tor.routes).toMatchObject([{ prefix: "192.0.2.1/32", services: ["default/z"] }]);
  expect(report.problems).toMatchObject([{ kind: "Service", name: "b", severity: "warning", file: "all.yaml" }]);
  expect(exitCode).toBe(1);
});

test("--lb-class allocates to Services of that class alone", () => {
  expect(Object.keys(JSON.parse(run({ lbClass: "x" }).output).allocations)).toEqual(["default/classed"]);
});

test("without --allocate the document is as it was", () => {
  expect(JSON.parse(run({ allocate: false }).output).allocations).toBeUndefined();
});

test.each([
  [
    "addresses that are no addresses",
    "annotations: {metallb.io/loadBalancerIPs: x}",
    "",
    'metadata.annotations["metallb.io/loadBalancerIPs"]',
  ],
  [
    "the same in the old spelling",
    "annotations: {metallb.universe.tf/loadBalancerIPs: x}",
    "",
    'metadata.annotations["metallb.universe.tf/loadBalancerIPs"]',
  ],
  ["an address of no pool", "", "loadBalancerIP: 198.51.100.1", "spec.loadBalancerIP"],
  [
    "a pool that is not there",
    "annotations: {metallb.io/address-pool: none}",
    "",
    'metadata.annotations["metallb.io/address-pool"]',
  ],
  [
    "two families with one ClusterIP",
    "",
    "ipFamilyPolicy: RequireDualStack, clusterIP: 10.0.0.1",
    "spec.ipFamilyPolicy",
  ],
  ["a headless Service", "", "clusterIP: None", "spec.clusterIPs"],
  ["no address of its family left", "", "ipFamilies: [IPv6]", ""],
])("the problem names the field: %s", (_what, metadata, spec, path) => {
  const asking = join(dir, "asking");
  mkdirSync(asking, { recursive: true });
  const [pool = ""] = MANIFESTS.split("---");
  const service = `{apiVersion: v1, kind: Service, metadata: {name: w, ${metadata}}, spec: {type: LoadBalancer, ${spec}}}`;
  writeFileSync(join(asking, "all.yaml"), `${pool}---\n${service}\n`);
  expect(JSON.parse(run({ path: asking }).output).problems).toMatchObject([{ kind: "Service", name: "w", path }]);
});

test("the text for people has the same", () => {
  expect(run({ json: false }).output).toContain("default/z: 192.0.2.1 of pool p1");
});
