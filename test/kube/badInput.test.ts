// What an API server should never hand out and does all the same: objects from before a schema was tightened, from a controller that
// is half done, from a kind with foreign fields. Each is told with its name, or is nobody's mistake; whatever stands beside it is
// decided as if it were not there, and what was good before stays in force.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { decideAll } from "../../src/announce/reference.ts";
import type { ConfigProblem } from "../../src/kernel/problem.ts";
import { type ApiServer, startApiServer } from "./apiServer.ts";
import { Follower } from "./follower.ts";
import { isObject, type Json, type JsonObject, type KubeObject } from "./objects.ts";
import { keyOf } from "./store.ts";

const HOME = "metallb-system";
const NODE = "node-1";
let server: ApiServer;
let follower: Follower;

const own = (kind: string, name: string, version: string, spec: Json): KubeObject => ({
  apiVersion: `metallb.io/${version}`,
  kind,
  metadata: { name, namespace: HOME },
  spec,
});
const metadata = (name: string, more: JsonObject = {}) => ({ name, namespace: "default", ...more });
const service = (name: string, more: JsonObject = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: metadata(name),
  spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
  status: { loadBalancer: { ingress: [{ ip: "198.51.100.1" }] } },
  ...more,
});
const slice = (name: string, more: JsonObject = {}): KubeObject => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: metadata(`${name}-1`, { labels: { "kubernetes.io/service-name": name } }),
  addressType: "IPv4",
  endpoints: [{ addresses: ["10.0.0.1"], nodeName: NODE, conditions: { ready: true } }],
  ...more,
});
const secret = (more: JsonObject): KubeObject => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "key", namespace: HOME },
  type: "kubernetes.io/basic-auth",
  data: { password: "c2VjcmV0" },
  ...more,
});
const PEER = { myASN: 65_001, peerASN: 65_002, peerAddress: "192.0.2.1" };

const PLURALS: Readonly<Record<string, string>> = {
  Service: "/services",
  EndpointSlice: "discovery.k8s.io/endpointslices",
  Node: "/nodes",
  Secret: "/secrets",
  BGPPeer: "metallb.io/bgppeers",
  BGPAdvertisement: "metallb.io/bgpadvertisements",
  IPAddressPool: "metallb.io/ipaddresspools",
  BFDProfile: "metallb.io/bfdprofiles",
  Community: "metallb.io/communities",
};

/** Past every check of the server, as if it had been stored before there were any. */
const store = (object: KubeObject): void => void server.store.put(PLURALS[object.kind] ?? "", object);

/** Kinds without schema: the definitions would have refused most of this. */
function define(): void {
  for (const [kind, table] of Object.entries(PLURALS)) {
    const [group = "", plural = ""] = table.split("/");
    if (group !== "metallb.io") continue;
    const version = kind === "BGPPeer" ? "v1beta2" : "v1beta1";
    const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
    server.apply({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: `${plural}.${group}` },
      spec: {
        group,
        scope: "Namespaced",
        names: { plural, kind },
        versions: [{ name: version, served: true, storage: true, schema }],
      },
    });
  }
}

beforeEach(async () => {
  server = await startApiServer();
  define();
  store({ apiVersion: "v1", kind: "Node", metadata: { name: NODE } });
  store(own("IPAddressPool", "pool", "v1beta1", { addresses: ["198.51.100.0/24"] }));
  store(own("BGPAdvertisement", "all", "v1beta1", {}));
  store(own("BGPPeer", "good", "v1beta2", PEER));
  store(service("good"));
  store(slice("good"));
  follower = new Follower({ url: server.url });
});
afterEach(async () => {
  follower.source.stop();
  await server.stop();
});

const decide = () => decideAll(follower.store, { nodeName: NODE, lbClass: "", ignoreExcludeLb: false, routerId: null });
/** Prefixes for the good peer. */
const announced = () => [
  ...(decide()
    .routes.get("good" as never)
    ?.keys() ?? []),
];
const about = (kind: string, name: string): readonly ConfigProblem[] =>
  follower.problems.filter((p) => p.kind === kind && p.name === name);

/** Path of the first problem; null: it is nobody's mistake. */
type Row = readonly [what: string, object: KubeObject, path: string | null];

const ROWS: readonly Row[] = [
  ["a Service without a spec", service("odd", { spec: null }), null],
  ["a Service of an unknown type", service("odd", { spec: { type: "Balancer" } }), "spec.type"],
  ["a Service whose spec is text", service("odd", { spec: "LoadBalancer" }), "spec"],
  ["a Service whose status is null", service("odd", { status: null }), null],
  ["a Service whose loadBalancer is null", service("odd", { status: { loadBalancer: null } }), null],
  ["a Service with an empty ingress", service("odd", { status: { loadBalancer: { ingress: [{}] } } }), null],
  [
    "a Service with a hostname for an address",
    service("odd", { status: { loadBalancer: { ingress: [{ hostname: "a.example" }] } } }),
    null,
  ],
  [
    "a Service with a number for an address",
    service("odd", { status: { loadBalancer: { ingress: [{ ip: 7 }] } } }),
    "status.loadBalancer.ingress[0].ip",
  ],
  ["a Service with foreign fields", service("odd", { status: { x: [1] }, extra: { y: null } }), null],
  ["a slice without endpoints", slice("odd", { endpoints: null }), null],
  ["a slice without an address type", slice("odd", { addressType: null }), "addressType"],
  ["a slice whose endpoints are a mapping", slice("odd", { endpoints: {} }), "endpoints"],
  [
    "a slice with text for a condition",
    slice("odd", { endpoints: [{ addresses: ["10.0.0.9"], conditions: { ready: "yes" } }] }),
    "endpoints[0].conditions.ready",
  ],
  ["a slice of no Service", slice("odd", { metadata: metadata("odd-1") }), null],
  ["a peer without a spec", own("BGPPeer", "odd", "v1beta2", null), "spec"],
  ["a peer with text for an AS number", own("BGPPeer", "odd", "v1beta2", { ...PEER, peerASN: "AS1" }), "spec.peerASN"],
  ["a peer with a foreign field", own("BGPPeer", "odd", "v1beta2", { ...PEER, peerPort: 1790, x: 1 }), "spec.x"],
  ["a pool without addresses", own("IPAddressPool", "odd", "v1beta1", { addresses: [] }), "spec.addresses"],
  [
    "a pool with a range backwards",
    own("IPAddressPool", "odd", "v1beta1", { addresses: ["192.0.2.9-192.0.2.1"] }),
    "spec.addresses[0]",
  ],
  [
    "an advertisement with text for a length",
    own("BGPAdvertisement", "odd", "v1beta1", { aggregationLength: "32" }),
    "spec.aggregationLength",
  ],
  [
    "a profile with an interval of nothing",
    own("BFDProfile", "odd", "v1beta1", { receiveInterval: 0 }),
    "spec.receiveInterval",
  ],
  [
    "an alias without a value",
    own("Community", "odd", "v1beta1", { communities: [{ name: "x" }] }),
    "spec.communities[0].value",
  ],
];

const nameOf = (object: KubeObject): string => object.metadata.name;

describe("an object that should not be", () => {
  test.each(ROWS)("%s: told by name or not at all, and the rest is as it was", async (_what, object, path) => {
    store(object);
    await follower.begin();
    const told = about(object.kind, nameOf(object));
    expect(told.map((p) => p.path).slice(0, 1)).toEqual(path === null ? [] : [path]);
    expect(announced()).toEqual(["198.51.100.1/32"]);
  });

  test.each(
    ROWS.filter(([, object, path]) => path !== null && path !== "spec.x" && object.kind !== "BGPAdvertisement"),
  )("%s, in place of a good one: the good one stays in force until it is deleted", async (_what, object) => {
    const good: Readonly<Record<string, KubeObject>> = {
      Service: service("odd"),
      EndpointSlice: slice("odd"),
      BGPPeer: own("BGPPeer", "odd", "v1beta2", { ...PEER, peerAddress: "192.0.2.9" }),
      IPAddressPool: own("IPAddressPool", "odd", "v1beta1", { addresses: ["203.0.113.0/24"] }),
      BFDProfile: own("BFDProfile", "odd", "v1beta1", {}),
      Community: own("Community", "odd", "v1beta1", { communities: [{ name: "x", value: "65001:1" }] }),
    };
    const before = good[object.kind];
    if (before === undefined) throw new Error(`no good ${object.kind}`);
    store(before);
    await follower.begin();
    await follower.until("all watches", () => follower.source.resources().every((r) => r.view.phase !== "opening"));
    const name = nameOf(object);
    const kept = () => [...follower.store.list(object.kind as "Service")].filter((o) => o.ref.name === name).length;
    expect(kept()).toBe(1);
    store(object);
    await follower.until("the problem", () => about(object.kind, name).length > 0);
    expect(about(object.kind, name)[0]?.hint).toMatch(/The last good version stays in force\.$/);
    expect(kept()).toBe(1);
    const namespace = object.metadata.namespace;
    server.store.delete(PLURALS[object.kind] ?? "", keyOf(typeof namespace === "string" ? namespace : "", name));
    await follower.until("its end", () => kept() === 0);
    expect(about(object.kind, name)).toEqual([]);
  });
});

describe("a Secret", () => {
  const peers = () => decide().peers.map((p) => [p.name as string, p.problem] as const);
  beforeEach(() => {
    store(own("BGPPeer", "keyed", "v1beta2", { ...PEER, peerAddress: "192.0.2.9", passwordSecret: { name: "key" } }));
  });

  test.each([
    ["of another type", secret({ type: "Opaque" }), /kubernetes\.io\/basic-auth/],
    ["without a password", secret({ data: { username: "eA==" } }), /password/],
    ["with a password that is no base64", secret({ data: { password: "s3cret!" } }), /Secret/],
    ["with data that is text", secret({ data: "s3cret!" }), /Secret/],
  ])("%s keeps its peer down with the reason, and no other", async (_what, object, why) => {
    store(object);
    await follower.begin();
    const problems = new Map(peers());
    expect(problems.get("good")).toBeNull();
    expect(problems.get("keyed")).toMatch(why);
    expect(JSON.stringify(follower.problems)).not.toContain("s3cret");
    expect(announced()).toEqual(["198.51.100.1/32"]);
  });
});

test("whatever a field holds, the source lives and the rest is as it was", async () => {
  // every member of a good object in turn becomes what it must not be
  const values: readonly Json[] = [null, -1, "", "\u0000", [], [null], {}, true, "9".repeat(5_000)];
  const targets = [service("odd"), slice("odd"), own("BGPPeer", "odd", "v1beta2", PEER)];
  let n = 0;
  for (const target of targets)
    for (const path of pathsOf(target))
      for (const value of values) {
        const object = replaced(target, path, value);
        if (isObject(object))
          store({ ...(object as KubeObject), metadata: { ...target.metadata, name: `odd-${n++}` } });
      }
  expect(n).toBeGreaterThan(100);
  await follower.begin();
  expect(follower.view("services").errors.size).toBe(0);
  expect(announced()).toContain("198.51.100.1/32");
});

/** Of every member outside metadata and type, however deep. */
function pathsOf(value: Json, at: readonly string[] = []): readonly (readonly string[])[] {
  if (!isObject(value)) return [];
  const names = Object.keys(value).filter(
    (name) => at.length > 0 || !["apiVersion", "kind", "metadata"].includes(name),
  );
  return names.flatMap((name) => [[...at, name], ...pathsOf(value[name] ?? null, [...at, name])]);
}

function replaced(value: Json, [name, ...rest]: readonly string[], by: Json): Json {
  if (name === undefined || !isObject(value)) return by;
  return { ...value, [name]: replaced(value[name] ?? null, rest, by) };
}
