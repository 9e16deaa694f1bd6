import { describe, expect, test } from "vitest";
import type { ModelObject } from "../../src/announce/model.ts";
import { renderCheckReport } from "../../src/announce/renderReport.ts";
import { type CheckOptions, checkReport } from "../../src/announce/report.ts";
import { type ConfigProblem, problemAt } from "../../src/kernel/problem.ts";
import { adv, endpoint, ip, node, onNode, peer, pool, service, slice, storeOf, withLabels } from "./builders.ts";

const check = (
  objects: readonly ModelObject[],
  over: Partial<CheckOptions> = {},
  problems: readonly ConfigProblem[] = [],
) =>
  checkReport(storeOf(...objects), problems, {
    nodeName: null,
    lbClass: "",
    ignoreExcludeLb: false,
    routerId: null,
    ...over,
  });

const idle = endpoint({ ready: false });

describe("the worked example (metallb-compat 2.12)", () => {
  const a = adv("a", { localPref: 100, communities: ["65535:65282"] });
  const b = adv("b", { aggregationLength: 24, peers: ["edge"] });
  const s1 = service("s1", ["198.51.100.10"], { labels: new Map([["name", "s1"]]) });
  const s2 = service("s2", ["198.51.100.11"]);
  const internal = { peerAsn: 64512 };
  const base = [
    node("n1"),
    pool("p", ["198.51.100.0/24"]),
    peer("edge", "192.0.2.1", internal),
    peer("tor", "192.0.2.2", internal),
    s1,
    s2,
  ];
  const routes = (...objects: ModelObject[]) =>
    Object.fromEntries(
      Object.entries(check([...base, ...objects]).nodes.n1?.peers ?? {}).map(([name, p]) => [
        name,
        p.routes.map((r) => `${r.prefix} ${r.localPref} ${r.communities} ${r.services}`),
      ]),
    );
  const reason = (name: string, ...objects: ModelObject[]) =>
    check([...base, ...objects]).nodes.n1?.services[name]?.reason;
  const s1Route = "198.51.100.10/32 100 no-advertise default/s1";
  const s2Route = "198.51.100.11/32 100 no-advertise default/s2";

  test("edge gets the VIP and the aggregate, tor the VIP", () => {
    expect(routes(a, b, slice("s1"), slice("s2", [idle]))).toEqual({
      edge: ["198.51.100.0/24 null  default/s1", s1Route],
      tor: [s1Route],
    });
  });
  test("when s2 gains an endpoint its VIP appears, the aggregate stays", () => {
    expect(routes(a, b, slice("s1"), slice("s2"))).toEqual({
      edge: ["198.51.100.0/24 null  default/s1,default/s2", s1Route, s2Route],
      tor: [s1Route, s2Route],
    });
  });
  test("when both lose their endpoints everything is withdrawn, the aggregate too", () => {
    expect(routes(a, b, slice("s1", [idle]), slice("s2", [idle]))).toEqual({ edge: [], tor: [] });
  });
  test("with localPref 200, length 32 and all peers, b is out at load time", () => {
    const report = check([...base, a, { ...b, localPref: 200, aggregationLength: 32, peers: [] }, slice("s1")]);
    expect(report.problems).toMatchObject([{ kind: "BGPAdvertisement", name: "b", path: "spec.localPref" }]);
    expect(report.nodes.n1?.peers.tor?.routes).toMatchObject([{ prefix: "198.51.100.10/32", localPref: 100 }]);
  });
  test("with serviceSelectors for s1 alone, s1 is withdrawn and s2 unaffected", () => {
    const selective = adv("b", { localPref: 200, serviceSelectors: [withLabels({ name: "s1" })] });
    const objects = [a, selective, slice("s1"), slice("s2")];
    expect(reason("default/s1", ...objects)).toBe("conflictingAdvertisements");
    expect(routes(...objects)).toEqual({ edge: [s2Route], tor: [s2Route] });
  });
});

describe("the document", () => {
  const objects = [
    node("n2"),
    node("n1"),
    pool("p1", ["192.0.2.0/24"]),
    peer("tor", "203.0.113.1", { nodeSelectors: [onNode("n1")] }),
    peer("broken", "203.0.113.2", { passwordSecret: "none" }),
    adv("a", { localPref: 100, communities: ["65000:1", "65535:65281", "large:65000:1:2"] }),
    service("web", ["192.0.2.10"]),
    service("db", ["192.0.2.9"]),
    service("plain", [], { type: "ClusterIP" }),
    slice("web"),
    slice("db"),
  ];
  test("has exactly the agreed shape", () => {
    expect(check(objects, { nodeName: "n1" })).toEqual({
      nodes: {
        n1: {
          peers: {
            broken: { problem: "Secret metallb-system/none does not exist, or has a mistake in it", routes: [] },
            tor: {
              problem: null,
              routes: ["db", "web"].map((name) => ({
                prefix: name === "db" ? "192.0.2.9/32" : "192.0.2.10/32",
                nextHop: "self",
                localPref: null,
                med: null,
                asPathPrepend: 0,
                communities: ["65000:1", "no-export"],
                largeCommunities: ["65000:1:2"],
                services: [`default/${name}`],
              })),
            },
          },
          services: {
            "default/db": { announced: true, reason: null, detail: null, vips: ["192.0.2.9"], pool: "p1" },
            "default/plain": {
              announced: false,
              reason: "notLoadBalancer",
              detail: "spec.type is ClusterIP",
              vips: [],
              pool: null,
            },
            "default/web": { announced: true, reason: null, detail: null, vips: ["192.0.2.10"], pool: "p1" },
          },
        },
      },
      problems: [
        {
          severity: "error",
          kind: "BGPPeer",
          namespace: "metallb-system",
          name: "broken",
          path: "spec.passwordSecret.name",
          message: "Secret metallb-system/none does not exist, or has a mistake in it",
          hint: "The session starts when the Secret is there and in order.",
          file: null,
          line: null,
        },
      ],
    });
  });
  test("without a node it answers for every Node object, and a problem of several nodes appears once", () => {
    const report = check(objects);
    expect(Object.keys(report.nodes)).toEqual(["n1", "n2"]);
    expect(report.nodes.n2?.services["default/web"]?.reason).toBe("noPeers");
    expect(report.problems).toHaveLength(1);
  });
  test("a node that is none of the Node objects is answered for with a warning, unless there are none", () => {
    const strays = (...objects: ModelObject[]) =>
      check([...objects, peer("p", "192.0.2.1")], { nodeName: "worker-7" }).problems.map((p) => [p.name, p.hint]);
    expect(strays(node("worker-1"), node("worker-2"))).toEqual([["worker-7", expect.stringContaining('"worker-')]]);
    expect(strays(node("worker-7"), node("worker-2"))).toEqual([]);
    expect(strays()).toEqual([]);
  });

  test("an internal peer's route shows LOCAL_PREF", () => {
    const report = check([...objects, peer("rr", "203.0.113.3", { peerAsn: null, dynamicAsn: "internal" })]);
    expect(report.nodes.n1?.peers.rr?.routes[0]?.localPref).toBe(100);
  });
  test("the next hop is the peer's where it has one for the family, else self", () => {
    const settings = { nextHop: ip("192.0.2.99") };
    const two = [
      pool("p1", ["192.0.2.0/24", "2001:db8::/64"]),
      service("both", ["192.0.2.9", "2001:db8::9"]),
      slice("both"),
    ];
    const dual = peer("tor", "203.0.113.1", { settings, dualStackAddressFamily: true });
    const report = check([node("n1"), ...two, adv("a"), dual]);
    expect(report.nodes.n1?.peers.tor?.routes.map((r) => r.nextHop)).toEqual(["192.0.2.99", "self"]);
  });
  test("problems of the source come first, by file and line; the source may place the others", () => {
    const ref = { kind: "Service", namespace: "x", name: "y" };
    const read = [12, 3].map((line) => ({ ...problemAt(ref, "spec", `at ${line}`), file: "b.yaml", line }));
    expect(check(objects, {}, read).problems.map((p) => `${p.file}:${p.line}`)).toEqual([
      "b.yaml:3",
      "b.yaml:12",
      "null:null",
    ]);
    const locate = () => ({ file: "a.yaml", line: 7 });
    expect(check(objects, { locate }, read).problems[0]).toMatchObject({ file: "a.yaml", line: 7, name: "broken" });
  });

  test("the text for people names peers, routes, reasons and problems, within 100 columns", () => {
    const long = {
      ...problemAt(
        objects[3]?.ref ?? { kind: "", namespace: null, name: "" },
        "spec.x",
        "word ".repeat(60) + "x".repeat(250),
      ),
      file: "peers.yaml",
      line: 12,
    };
    const report = check([...objects, service(`s${"-long".repeat(12)}`, [])], {}, [long]);
    const text = renderCheckReport(report, { color: false });
    expect(Math.max(...text.split("\n").map((l) => l.length))).toBeLessThanOrEqual(100);
    expect(text).not.toContain("\u001b");
    for (const part of [
      "Node n1",
      "peer tor: 2 routes",
      "192.0.2.10/32",
      "65000:1 no-export",
      "large:65000:1:2",
      "peer broken: no session",
      "noIPAllocated",
      "peers.yaml:12",
      "2 errors, 0 warnings",
      "1 not of type LoadBalancer",
    ]) {
      expect(text).toContain(part);
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
    expect(renderCheckReport(report, { color: true }).replace(/\u001b\[\d+m/g, "")).toBe(text);
  });
  test("a clean report says so", () => {
    expect(renderCheckReport(check([node("n1")]), { color: false })).toContain("No problems.");
    expect(renderCheckReport(check([]), { color: false })).toContain("--node");
  });
});
