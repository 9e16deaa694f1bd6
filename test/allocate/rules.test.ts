// The rules of metallb-compat section 4, row by row; a test's name says the rule and its number there.
import { describe, expect, test } from "vitest";
import type { AllocationOptions } from "../../src/allocate/model.ts";
import type { ModelObject, ServiceObject } from "../../src/announce/model.ts";
import { labels, withLabels } from "../announce/builders.ts";
import {
  allocation,
  CLUSTER,
  eventsOf,
  ipsOf,
  lb,
  MANIFESTS,
  namespaceOf,
  pool,
  run,
  standingOf,
  summary,
} from "./support.ts";

const p1 = pool("p1", ["192.0.2.1-192.0.2.3"]);
const dual = pool("dual", ["198.51.100.0/30", "2001:db8::/126"]);
const annotated = (
  name: string,
  annotations: Readonly<Record<string, string>>,
  families: 4 | 6 | 46 = 4,
): ServiceObject => lb(name, families, { annotations });

type Row = readonly [rule: string, objects: readonly ModelObject[], expected: string, options?: AllocationOptions];

/** Each row: who has what. */
function table(rows: readonly Row[]): void {
  test.each(rows.map((row) => [row[0], row] as const))("%s", (_rule, [, objects, expected, options]) => {
    expect(summary(run(objects, options ?? CLUSTER))).toBe(expected);
  });
}

describe("4.2 annotations", () => {
  const p2 = pool("p2", ["203.0.113.0/30"]);
  table([
    [
      "the pool is asked for by metallb.io/address-pool",
      [p1, p2, annotated("a", { "metallb.io/address-pool": "p2" })],
      "a: 203.0.113.0",
    ],
    [
      "the deprecated prefix counts where the current one is absent",
      [p1, p2, annotated("a", { "metallb.universe.tf/address-pool": "p2" })],
      "a: 203.0.113.0",
    ],
    [
      "the current one wins over the deprecated one",
      [p1, p2, annotated("a", { "metallb.io/address-pool": "p1", "metallb.universe.tf/address-pool": "p2" })],
      "a: 192.0.2.1",
    ],
    [
      "the current one wins also when it is empty",
      [p1, p2, annotated("a", { "metallb.io/address-pool": "", "metallb.universe.tf/address-pool": "p2" })],
      "a: 192.0.2.1",
    ],
    [
      "addresses are asked for in the deprecated spelling",
      [p1, annotated("a", { "metallb.universe.tf/loadBalancerIPs": "192.0.2.3" })],
      "a: 192.0.2.3",
    ],
  ]);

  test("the deprecated prefix is told when the service is changed anyway, and only then", () => {
    const old = annotated("a", { "metallb.universe.tf/address-pool": "p1" });
    expect(eventsOf(run([p1, old]), "a")).toEqual([
      'IPAllocated: Assigned IP ["192.0.2.1"]',
      "deprecatedAnnotation: annotation metallb.universe.tf/address-pool is deprecated, write metallb.io/address-pool",
    ]);
    const kept = run([p1, { ...old, ingress: [{ ip: "192.0.2.1" }] }], MANIFESTS, { a: ["192.0.2.1"] });
    expect(eventsOf(kept, "a").filter((e) => !e.startsWith("deprecated"))).toEqual([]);
  });
});

describe("2.3 load-balancer class", () => {
  const classed = (name: string, loadBalancerClass: string | null): ServiceObject =>
    lb(name, 4, { over: { loadBalancerClass } });
  table([
    [
      "without a class of ours, services with one are not ours",
      [p1, classed("a", "x"), classed("b", null)],
      "b: 192.0.2.1",
    ],
    [
      "with one, only services with exactly that class are",
      [p1, classed("a", "x"), classed("b", null), classed("c", "y")],
      "a: 192.0.2.1",
      { ...CLUSTER, lbClass: "x" },
    ],
  ]);
});

describe("4.3 convergence", () => {
  test("3: a service of another type has nothing", () => {
    const out = run([p1, lb("a", 4, { ips: ["192.0.2.1"], over: { type: "ClusterIP", request: null } })]);
    expect(out.allocations.size).toBe(0);
  });

  test("4: with no pool at all everything is cleared, and it is told", () => {
    const out = run([lb("a", 4, { ips: ["192.0.2.1"] })]);
    expect(eventsOf(out, "a")).toEqual([
      "ClearAssignment: current IP of the service not allowed by config, new assignment will be tried: 192.0.2.1 is in no IPAddressPool",
      'AllocationFailed: Failed to allocate IP for "default/a": there is no IPAddressPool',
    ]);
  });

  test("5: in a cluster a service without ClusterIP has nothing", () => {
    const out = run([p1, lb("a", 4, { ips: ["192.0.2.1"], request: { clusterIps: [] } })]);
    expect(ipsOf(out, "a")).toEqual([]);
    expect(standingOf(out, "a")).toContain("has no ClusterIP");
  });

  test("5: a headless service has no family to allocate", () => {
    const out = run([p1, lb("a", 4, { request: { clusterIps: ["None"] } })]);
    expect(eventsOf(out, "a")).toEqual([
      'noclusterIPsIPFamily: its ClusterIPs are of no family or of one twice: ["None"]',
    ]);
  });

  test("6: entries with only a hostname are skipped", () => {
    const out = run([p1, lb("a", 4, { over: { ingress: [{ ip: null }, { ip: "192.0.2.2" }] } })]);
    expect(ipsOf(out, "a")).toEqual(["192.0.2.2"]);
  });

  test("7: RequireDualStack with one ClusterIP is told and cleared", () => {
    const out = run([dual, lb("a", 4, { ips: ["198.51.100.0"], request: { policy: "RequireDualStack" } })]);
    expect(eventsOf(out, "a").map((e) => e.split(":")[0])).toEqual(["ClearAssignment", "not enough clusterips"]);
    expect(ipsOf(out, "a")).toEqual([]);
  });

  table([
    ["8: an address of the wrong family is replaced", [dual, lb("a", 6, { ips: ["198.51.100.1"] })], "a: 2001:db8::"],
    [
      "8: a dual-stack service with one address gets two",
      [dual, lb("a", 46, { ips: ["198.51.100.1"] })],
      "a: 198.51.100.0 2001:db8::",
    ],
    [
      "8: PreferDualStack keeps the one it has and gets the other",
      [dual, lb("a", 46, { ips: ["2001:db8::2"], request: { policy: "PreferDualStack" } })],
      "a: 2001:db8::2 198.51.100.0",
    ],
    [
      "8: three addresses are of no family",
      [dual, lb("a", 46, { ips: ["198.51.100.1", "198.51.100.2", "2001:db8::1"] })],
      "a: 198.51.100.0 2001:db8::",
    ],
    ["9: what it has stays, though it is not the lowest", [p1, lb("a", 4, { ips: ["192.0.2.3"] })], "a: 192.0.2.3"],
    [
      "9: a spelling of it that is not canonical is the same address",
      [dual, lb("a", 6, { ips: ["2001:DB8:0:0::3"] })],
      "a: 2001:db8::3",
    ],
    ["9: an address outside of every pool is replaced", [p1, lb("a", 4, { ips: ["10.9.9.9"] })], "a: 192.0.2.1"],
    [
      "9: two addresses of two pools are replaced",
      [p1, dual, lb("a", 46, { ips: ["192.0.2.1", "2001:db8::1"] })],
      "a: 198.51.100.0 2001:db8::",
    ],
    [
      "10: a request for another pool moves the service",
      [p1, dual, lb("a", 4, { ips: ["192.0.2.3"], annotations: { "metallb.io/address-pool": "dual" } })],
      "a: 198.51.100.0",
    ],
    [
      "11: a request for another address moves the service",
      [p1, lb("a", 4, { ips: ["192.0.2.3"], request: { loadBalancerIp: "192.0.2.2" } })],
      "a: 192.0.2.2",
    ],
    [
      "11: the same addresses in another order stay as they are",
      [
        dual,
        lb("a", 46, {
          ips: ["2001:db8::1", "198.51.100.1"],
          annotations: { "metallb.io/loadBalancerIPs": "198.51.100.1,2001:db8::1" },
        }),
      ],
      "a: 2001:db8::1 198.51.100.1",
    ],
  ]);

  test.each([
    ["no address", { "metallb.io/loadBalancerIPs": "nonsense" }, null, '"nonsense" is no IP address'],
    ["both ways at once", { "metallb.io/loadBalancerIPs": "192.0.2.1" }, "192.0.2.1", "keep one of them"],
    [
      "two of a family",
      { "metallb.io/loadBalancerIPs": "192.0.2.1,192.0.2.2" },
      null,
      "at most one address of each family",
    ],
    [
      "another family",
      { "metallb.io/loadBalancerIPs": "2001:db8::1" },
      null,
      "IPv6 requested, but the service is IPv4",
    ],
    [
      "one more than the service has families",
      { "metallb.io/loadBalancerIPs": "192.0.2.1, 2001:db8::1" },
      null,
      "dual-stack requested",
    ],
  ])(
    "11: a request that cannot be understood is told, and what the service has stays: %s",
    (_what, annotations, loadBalancerIp, cause) => {
      const out = run([p1, lb("a", 4, { ips: ["192.0.2.3"], annotations, request: { loadBalancerIp } })]);
      expect(ipsOf(out, "a")).toEqual(["192.0.2.3"]);
      expect(eventsOf(out, "a")).toEqual([
        expect.stringContaining("LoadBalancerFailed: invalid requested loadbalancer IPs: "),
      ]);
      expect(standingOf(out, "a")).toContain(cause);
    },
  );

  test("11: a fault in the Service's own fields is told the same way", () => {
    const out = run([p1, lb("a", 4, { ips: ["192.0.2.3"], request: { fault: "spec.ports must be a list" } })]);
    expect(ipsOf(out, "a")).toEqual(["192.0.2.3"]);
    expect(standingOf(out, "a")).toContain("spec.ports must be a list");
  });

  test("12: an additional address is told, and so is that there is none", () => {
    const prefer = { request: { policy: "PreferDualStack" as const } };
    expect(eventsOf(run([dual, lb("a", 46, { ...prefer, ips: ["198.51.100.1"] })]), "a")).toEqual([
      'IPAllocated: Assigned additional IP "2001:db8::"',
    ]);
    const half = run([p1, lb("a", 46, { ...prefer, ips: ["192.0.2.1"] })]);
    expect(eventsOf(half, "a")).toEqual([
      "AdditionalAssignFailed: no additional IP for PreferDualStack: no available IPs in pool p1",
    ]);
    expect(ipsOf(half, "a")).toEqual(["192.0.2.1"]);
    expect(half.problems).toEqual([]);
  });

  test("12, Q-23: a second family only for a service that has two ClusterIPs, and no oscillation", () => {
    const single = lb("a", 4, { request: { policy: "PreferDualStack" } });
    const first = run([dual, single]);
    expect(ipsOf(first, "a")).toEqual(["198.51.100.0"]);
    const again = run([dual, { ...single, ingress: [{ ip: "198.51.100.0" }] }]);
    expect(ipsOf(again, "a")).toEqual(["198.51.100.0"]);
    expect(eventsOf(again, "a")).toEqual([]);
  });

  test("13: a failure says what every pool lacks", () => {
    const objects = [
      pool("full", ["192.0.2.1/32"]),
      pool("manual", ["192.0.2.2/32"], { autoAssign: false }),
      pool("others", ["192.0.2.3/32"], { allocation: allocation({ namespaces: ["shop"] }) }),
      pool("six", ["2001:db8::/126"]),
      lb("a", 4),
      lb("b", 4),
    ];
    const out = run(objects);
    expect(standingOf(out, "b")).toBe(
      'Failed to allocate IP for "default/b": no available IPs: pool full has no free IPv4 address, pool manual has autoAssign false, ' +
        "pool others is not for namespace default, pool six has no IPv4 address",
    );
    expect(out.problems).toMatchObject([{ severity: "warning", kind: "Service", name: "b" }]);
  });
});

describe("4.5 choosing", () => {
  const own = pool("own", ["203.0.113.0/30"], { allocation: allocation({ namespaces: ["default"] }) });
  const tagged = pool("tagged", ["203.0.113.8/30"], {
    allocation: allocation({ serviceSelectors: [withLabels({ app: "x" })] }),
  });
  const appX = { over: { labels: labels({ app: "x" }) } };
  table([
    [
      "an explicit address may lie in a pool that is not given automatically",
      [pool("m", ["192.0.2.0/24"], { autoAssign: false }), lb("a", 4, { request: { loadBalancerIp: "192.0.2.77" } })],
      "a: 192.0.2.77",
    ],
    [
      "an explicit pool may be one that is not given automatically",
      [p1, pool("m", ["203.0.113.0/24"], { autoAssign: false }), annotated("a", { "metallb.io/address-pool": "m" })],
      "a: 203.0.113.0",
    ],
    [
      "namespace restrictions hold for explicit addresses",
      [
        pool("o", ["192.0.2.0/24"], { allocation: allocation({ namespaces: ["shop"] }) }),
        lb("a", 4, { request: { loadBalancerIp: "192.0.2.7" } }),
      ],
      "a: -",
    ],
    [
      "explicit addresses must be of the explicit pool",
      [p1, dual, annotated("a", { "metallb.io/address-pool": "dual", "metallb.io/loadBalancerIPs": "192.0.2.1" })],
      "a: -",
    ],
    [
      "explicit addresses must be of one pool",
      [p1, dual, annotated("a", { "metallb.io/loadBalancerIPs": "192.0.2.1,2001:db8::1" }, 46)],
      "a: -",
    ],
    [
      "explicit addresses are given in the order of the request",
      [dual, annotated("a", { "metallb.io/loadBalancerIPs": "2001:db8::1, 198.51.100.2" }, 46)],
      "a: 2001:db8::1 198.51.100.2",
    ],
    ["an unknown pool gives nothing", [p1, annotated("a", { "metallb.io/address-pool": "p9" })], "a: -"],
    ["a pool for the namespace goes before pools for everybody", [p1, own, lb("a", 4)], "a: 203.0.113.0"],
    [
      "a pool for the labels goes before pools for everybody",
      [p1, tagged, lb("a", 4, appX), lb("b", 4)],
      "a: 203.0.113.8, b: 192.0.2.1",
    ],
    [
      "a full pool for the namespace falls through to those for everybody",
      [
        p1,
        pool("own", ["203.0.113.0/32"], { allocation: allocation({ namespaces: ["default"] }) }),
        lb("a", 4),
        lb("b", 4),
      ],
      "a: 203.0.113.0, b: 192.0.2.1",
    ],
    [
      "of pools for the service the lowest priority number goes first, 0 last",
      [
        pool("a0", ["192.0.2.10/32"], { allocation: allocation({}) }),
        pool("b2", ["192.0.2.20/32"], { allocation: allocation({ priority: 2 }) }),
        pool("c1", ["192.0.2.30/32"], { allocation: allocation({ priority: 1 }) }),
        ...["s1", "s2", "s3"].map((name) => lb(name, 4)),
      ],
      "s1: 192.0.2.30, s2: 192.0.2.20, s3: 192.0.2.10",
    ],
    [
      "serviceAllocation with a priority only serves everybody, before the others",
      [p1, pool("z", ["203.0.113.0/30"], { allocation: allocation({ priority: 9 }) }), lb("a", 4)],
      "a: 203.0.113.0",
    ],
    [
      "pools for everybody are taken by name (MetalLB: at random)",
      [pool("b", ["192.0.2.2/32"]), pool("a", ["192.0.2.9/32"]), lb("s", 4)],
      "s: 192.0.2.9",
    ],
    [
      "entries are taken in listed order, the lowest address first",
      [pool("p", ["192.0.2.8/32", "192.0.2.1-192.0.2.2"]), lb("a", 4), lb("b", 4), lb("c", 4)],
      "a: 192.0.2.8, b: 192.0.2.1, c: 192.0.2.2",
    ],
    ["dual stack needs both families in one pool", [p1, pool("six", ["2001:db8::/126"]), lb("a", 46)], "a: -"],
    [
      "PreferDualStack takes a pool with both before one with the first family",
      [p1, pool("z", ["198.51.100.0/30", "2001:db8::/126"]), lb("a", 46, { request: { policy: "PreferDualStack" } })],
      "a: 198.51.100.0 2001:db8::",
    ],
    [
      "PreferDualStack takes the family of ipFamilies[0] where there are not both",
      [p1, pool("z6", ["2001:db8::/126"]), lb("a", 46, { request: { policy: "PreferDualStack", families: [6, 4] } })],
      "a: 2001:db8::",
    ],
    [
      "PreferDualStack takes IPv4 where ipFamilies does not say",
      [p1, pool("a6", ["2001:db8::/126"]), lb("a", 46, { request: { policy: "PreferDualStack" } })],
      "a: 192.0.2.1",
    ],
    [
      "PreferDualStack takes the other family where the first one is nowhere",
      [p1, lb("a", 46, { request: { policy: "PreferDualStack", families: [6, 4] } })],
      "a: 192.0.2.1",
    ],
    [
      "the elder is served first, then by name",
      [
        pool("p", ["192.0.2.1-192.0.2.3"]),
        lb("b", 4),
        lb("a", 4, { over: { createdAt: 200 } }),
        lb("c", 4, { over: { createdAt: 100 } }),
      ],
      "a: 192.0.2.2, b: 192.0.2.3, c: 192.0.2.1",
    ],
    [
      "who holds an address keeps it against an elder who holds none",
      [
        pool("p", ["192.0.2.1/32"]),
        lb("a", 4, { over: { createdAt: 1 } }),
        lb("b", 4, { ips: ["192.0.2.1"], over: { createdAt: 2 } }),
      ],
      "a: -, b: 192.0.2.1",
    ],
  ]);

  test("without a cluster families come from the spec, then from what is asked for, else IPv4", () => {
    const bare = (
      name: string,
      r: ServiceObject["request"] extends infer R ? Partial<NonNullable<R>> : never,
    ): ServiceObject => lb(name, 4, { request: { clusterIps: [], policy: null, ...r } });
    const out = run(
      [
        dual,
        bare("a", {}),
        bare("b", { families: [6] }),
        bare("c", { policy: "RequireDualStack" }),
        bare("d", { loadBalancerIp: "2001:db8::3" }),
      ],
      MANIFESTS,
    );
    expect(summary(out)).toBe("a: 198.51.100.0, b: 2001:db8::, c: 198.51.100.1 2001:db8::1, d: 2001:db8::3");
  });
});

describe("4.6 checks", () => {
  const selecting = pool("p", ["192.0.2.0/30"], {
    allocation: allocation({ namespaces: ["default"], serviceSelectors: [withLabels({ app: "x" })] }),
  });
  const chosen = pool("p", ["192.0.2.0/30"], {
    allocation: allocation({ namespaceSelectors: [withLabels({ team: "red" })] }),
  });
  const named = pool("p", ["192.0.2.0/30"], {
    allocation: allocation({ namespaceSelectors: [withLabels({ "kubernetes.io/metadata.name": "default" })] }),
  });
  const explicit = { request: { loadBalancerIp: "192.0.2.2" } };
  table([
    [
      "namespace and labels both count where both are given",
      [selecting, lb("a", 4), lb("b", 4, { over: { labels: labels({ app: "x" }) } })],
      "a: -, b: 192.0.2.0",
    ],
    ["a namespace is selected by its labels", [chosen, namespaceOf("red"), lb("a", 4)], "a: 192.0.2.0"],
    ["a namespace without those labels is not", [chosen, namespaceOf("blue"), lb("a", 4)], "a: -"],
    ["every namespace carries its own name", [named, lb("a", 4)], "a: 192.0.2.0"],
    [
      "Q-24: selectors that select no namespace leave the pool to nobody, explicit requests included",
      [chosen, namespaceOf("blue"), lb("a", 4, explicit)],
      "a: -",
    ],
    [
      "avoidBuggyIPs: .0 and .255 are not given",
      [pool("p", ["192.0.2.254-192.0.3.1"], { avoidBuggyIPs: true }), lb("a", 4), lb("b", 4), lb("c", 4)],
      "a: 192.0.2.254, b: 192.0.3.1, c: -",
    ],
    [
      "avoidBuggyIPs: who holds one of them loses it",
      [pool("p", ["192.0.2.0/24"], { avoidBuggyIPs: true }), lb("a", 4, { ips: ["192.0.2.0"] })],
      "a: 192.0.2.1",
    ],
    [
      "avoidBuggyIPs has no effect on IPv6",
      [pool("p", ["2001:db8::/126"], { avoidBuggyIPs: true }), lb("a", 6)],
      "a: 2001:db8::",
    ],
  ]);
});

describe("4.7 sharing", () => {
  const key = (
    name: string,
    ports: readonly string[],
    over: { share?: string; backendKey?: string; ip?: string; ips?: readonly string[] } = {},
  ): ServiceObject =>
    lb(name, 4, {
      ips: over.ips ?? [],
      annotations: over.share === "" ? {} : { "metallb.io/allow-shared-ip": over.share ?? "k" },
      request: { ports, backendKey: over.backendKey ?? "", loadBalancerIp: over.ip ?? null },
    });
  table([
    [
      "equal keys and different ports share the first address",
      [p1, key("a", ["TCP/80"]), key("b", ["TCP/443"]), key("c", ["UDP/80"])],
      "a: 192.0.2.1, b: 192.0.2.1, c: 192.0.2.1",
    ],
    [
      "a port in common does not share",
      [p1, key("a", ["TCP/80"]), key("b", ["TCP/443", "TCP/80"])],
      "a: 192.0.2.1, b: 192.0.2.2",
    ],
    [
      "different keys do not share",
      [p1, key("a", ["TCP/80"]), key("b", ["TCP/443"], { share: "other" })],
      "a: 192.0.2.1, b: 192.0.2.2",
    ],
    [
      "no key does not share",
      [p1, key("a", ["TCP/80"], { share: "" }), key("b", ["TCP/443"], { share: "" })],
      "a: 192.0.2.1, b: 192.0.2.2",
    ],
    [
      "policy Cluster and Local do not share",
      [p1, key("a", ["TCP/80"]), key("b", ["TCP/443"], { backendKey: "app=x" })],
      "a: 192.0.2.1, b: 192.0.2.2",
    ],
    [
      "policy Local shares with the same selector",
      [p1, key("a", ["TCP/80"], { backendKey: "app=x" }), key("b", ["TCP/443"], { backendKey: "app=x" })],
      "a: 192.0.2.1, b: 192.0.2.1",
    ],
    [
      "policy Local does not share with another selector",
      [p1, key("a", ["TCP/80"], { backendKey: "app=x" }), key("b", ["TCP/443"], { backendKey: "app=y" })],
      "a: 192.0.2.1, b: 192.0.2.2",
    ],
    [
      "a free address before a shareable one is taken",
      [p1, key("a", ["TCP/80"], { ips: ["192.0.2.2"] }), key("b", ["TCP/443"])],
      "a: 192.0.2.2, b: 192.0.2.1",
    ],
    [
      "of shareable addresses the first whose ports are free is taken",
      [
        p1,
        key("a", ["TCP/80"]),
        key("b", ["TCP/80"]),
        key("c", ["TCP/80", "TCP/81"]),
        key("d", ["TCP/81"]),
        key("e", ["TCP/81"]),
      ],
      "a: 192.0.2.1, b: 192.0.2.2, c: 192.0.2.3, d: 192.0.2.1, e: 192.0.2.2",
    ],
    [
      "two holders of one address that may not share it: the elder keeps it",
      [
        p1,
        { ...key("b", ["TCP/80"], { share: "", ips: ["192.0.2.2"] }), createdAt: 1 },
        { ...key("a", ["TCP/80"], { share: "", ips: ["192.0.2.2"] }), createdAt: 2 },
      ],
      "a: 192.0.2.1, b: 192.0.2.2",
    ],
  ]);

  test("a conflict names who is in the way, and a port conflict the port", () => {
    const keys = run([
      p1,
      key("a", ["TCP/80"], { ip: "192.0.2.1" }),
      key("b", ["TCP/443"], { ip: "192.0.2.1", share: "other" }),
    ]);
    expect(standingOf(keys, "b")).toContain("it is in use by default/a, and the service has another sharing key");
    const ports = run([p1, key("a", ["TCP/80"], { ip: "192.0.2.1" }), key("b", ["TCP/80"], { ip: "192.0.2.1" })]);
    expect(standingOf(ports, "b")).toContain("port TCP/80 is already in use on 192.0.2.1 by default/a");
  });

  test("the younger of two holders is told why it lost the address", () => {
    const holders = [
      key("a", ["TCP/80"], { share: "", ips: ["192.0.2.2"] }),
      key("b", ["TCP/80"], { share: "", ips: ["192.0.2.2"] }),
    ];
    expect(eventsOf(run([p1, ...holders]), "b")).toEqual([
      expect.stringMatching(/^ClearAssignment: .*can't share 192.0.2.2: it is in use by default\/a/),
      'IPAllocated: Assigned IP ["192.0.2.1"]',
    ]);
  });
});

describe("4.9 counters", () => {
  test.each([
    ["a CIDR", ["192.0.2.0/24"], false, 256n, 0n],
    ["avoidBuggyIPs takes two of every /24", ["192.0.2.0/23"], true, 508n, 0n],
    ["avoidBuggyIPs takes the ends of a smaller CIDR", ["192.0.2.0/28", "192.0.3.240/28"], true, 30n, 0n],
    ["avoidBuggyIPs may leave nothing", ["192.0.2.255/32"], true, 0n, 0n],
    ["a range", ["192.0.2.10-192.0.2.20", "2001:db8::1-2001:db8::1:0"], false, 11n, 65536n],
    ["61 host bits are counted", ["2001:db8::/67"], false, 0n, 2n ** 61n],
    ["62 host bits count as the greatest int64", ["2001:db8::/66"], false, 0n, 2n ** 63n - 1n],
    [
      "Q-25: more of them do not overflow",
      ["2001:db8::/64", "2001:db9::/64", "2001:dba::/120"],
      false,
      0n,
      2n ** 63n - 1n,
    ],
  ])("capacity: %s", (_what, addresses, avoidBuggyIPs, v4, v6) => {
    expect(run([pool("p", addresses, { avoidBuggyIPs })]).counters).toMatchObject([
      { pool: "p", capacity: { 4: v4, 6: v6 } },
    ]);
  });

  test("assigned counts addresses, not services", () => {
    const share = { "metallb.io/allow-shared-ip": "k" };
    const out = run([
      dual,
      lb("a", 46, { annotations: share, request: { ports: ["TCP/1"] } }),
      lb("b", 46, { annotations: share, request: { ports: ["TCP/2"] } }),
      lb("c", 4),
    ]);
    expect(out.counters).toMatchObject([{ pool: "dual", assigned: { 4: 2, 6: 1 }, services: 3 }]);
  });
});

test("a /64 is not walked: the last address of it can be asked for, and the first is given next to it", () => {
  const big = pool("big", ["2001:db8::/64"]);
  const out = run([big, lb("a", 6, { request: { loadBalancerIp: "2001:db8::ffff:ffff:ffff:ffff" } }), lb("b", 6)]);
  expect(summary(out)).toBe("a: 2001:db8::ffff:ffff:ffff:ffff, b: 2001:db8::");
});
