// The explanation against the decision it explains: the object and field of every failed rule, the first failing rule of every
// peer, and, over random clusters, the routes themselves.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compile } from "../../src/announce/compile.ts";
import { type Explanation, explain } from "../../src/announce/explain.ts";
import type { ModelObject, ServiceObject } from "../../src/announce/model.ts";
import { decideAll } from "../../src/announce/reference.ts";
import { comparePrefix, formatPrefix } from "../../src/kernel/ip.ts";
import { invariant } from "../../src/kernel/result.ts";
import {
  adv,
  community,
  endpoint,
  ip,
  labels,
  node,
  onNode,
  options,
  peer,
  pool,
  service,
  slice,
  storeOf,
  withLabels,
} from "./builders.ts";

const p1 = pool("p1", ["192.0.2.0/24", "2001:db8::/64"]);
const tor = peer("tor", "203.0.113.1");
const web = (over: Partial<ServiceObject> = {}): ServiceObject => service("web", ["192.0.2.10"], over);

function explained(svc: ServiceObject, ...objects: readonly ModelObject[]): Explanation {
  const store = storeOf(svc, ...objects);
  return explain(svc, store, compile(store, options()));
}

const cause = ({ decision }: Explanation): string => {
  invariant(decision.cause !== null, "nothing failed");
  const { ref, path } = decision.cause;
  return `${ref.kind} ${ref.name} ${path}`.trim();
};

describe("the object and field of the first rule that fails", () => {
  const gold = withLabels({ tier: "gold" });
  const down = node("n1", { networkUnavailable: true });
  const out = node("n1", { labels: labels({ "node.kubernetes.io/exclude-from-external-load-balancers": "" }) });
  const rows: readonly [string, string, ServiceObject, readonly ModelObject[]][] = [
    ["notLoadBalancer", "Service web spec.type", web({ type: "ClusterIP" }), []],
    ["otherLoadBalancerClass", "Service web spec.loadBalancerClass", web({ loadBalancerClass: "x" }), []],
    ["noIPAllocated", "Service web status.loadBalancer.ingress", web({ ingress: [] }), []],
    [
      "invalidIP",
      "Service web status.loadBalancer.ingress[1].ip",
      web({ ingress: [{ ip: "10.0.0.1" }, { ip: "x" }] }),
      [],
    ],
    ["invalidIP", "Service web status.loadBalancer.ingress[0]", web({ ingress: [{ ip: null }] }), []],
    ["ipNotAllowed", "Service web status.loadBalancer.ingress[0].ip", web(), []],
    ["notOwner", "IPAddressPool p1", web(), [p1]],
    [
      "notOwner",
      "BGPAdvertisement far spec.nodeSelectors",
      web(),
      [p1, adv("far", { nodeSelectors: [onNode("n2")] }), adv("further", { nodeSelectors: [onNode("n3")] })],
    ],
    ["notOwner", "BGPAdvertisement bad spec.communities[0]", web(), [p1, adv("bad", { communities: ["q"] })]],
    [
      "noMatchingAdvertisement",
      "BGPAdvertisement g spec.serviceSelectors",
      web(),
      [p1, adv("g", { serviceSelectors: [gold] })],
    ],
    [
      "conflictingAdvertisements",
      "BGPAdvertisement g spec.localPref",
      web({ labels: labels({ tier: "gold" }) }),
      [p1, adv("a", { localPref: 1 }), adv("g", { localPref: 2, serviceSelectors: [gold] })],
    ],
    ["nodeNetworkUnavailable", "Node n1 status.conditions", web(), [p1, adv("a"), down]],
    ["nodeLabeledExcludeBalancers", "Node n1 metadata.labels", web(), [p1, adv("a"), out]],
    ["noEndpoints", "Service web", web(), [p1, adv("a")]],
    [
      "noLocalEndpoints",
      "Service web spec.externalTrafficPolicy",
      web({ externalTrafficPolicy: "Local" }),
      [p1, adv("a"), slice("web", [endpoint({ nodeName: "n2" })])],
    ],
    ["noPeers", "Node n1 metadata.labels", web(), [p1, adv("a"), slice("web")]],
    ["noPeers", "BGPAdvertisement a spec.peers", web(), [p1, adv("a", { peers: ["x"] }), slice("web"), tor]],
    [
      "noPeers",
      "BGPPeer tor spec.passwordSecret.name",
      web(),
      [p1, adv("a"), slice("web"), { ...tor, passwordSecret: "s" }],
    ],
    [
      "noPeers",
      "BGPPeer tor spec.dualStackAddressFamily",
      service("web", ["2001:db8::1"]),
      [p1, adv("a"), slice("web"), tor],
    ],
  ];
  test.each(rows)("%s: %s", (reason, where, svc, objects) => {
    const result = explained(svc, ...objects);
    expect(result.decision.reason).toBe(reason);
    expect(cause(result)).toBe(where);
    const answers = result.steps.map((s) => s.passed);
    const failed = answers.indexOf(false);
    expect(answers).toEqual(answers.map((_, i) => (i < failed ? true : i === failed ? false : null)));
  });

  test("where all pass every step says so", () => {
    const { steps, decision } = explained(web(), p1, adv("a"), slice("web"), tor);
    expect([decision.cause, steps.length, steps.every((s) => s.passed === true)]).toEqual([null, 14, true]);
  });
});

describe("peer by peer", () => {
  const base = [p1, slice("web"), tor];
  const of = (result: Explanation, name: string) => result.peers.find((p) => p.name === name);
  const why = (result: Explanation, name: string): string | null => {
    const failure = of(result, name)?.failure ?? null;
    return failure && `${failure.reason} ${failure.cause.ref.kind} ${failure.cause.ref.name} ${failure.cause.path}`;
  };

  test("a route names the advertisements that give it, the services that share it and its attributes", () => {
    const wide = { aggregationLength: 24 };
    const objects = [...base, adv("a", wide), adv("b", { ...wide, communities: ["65000:1"] }), adv("c")];
    const db = service("db", ["192.0.2.20"]);
    const result = explained(web(), ...objects, db, slice("db"));
    const routes = of(result, "tor")?.routes.map((r) => [
      formatPrefix(r.prefix),
      r.advertisements.map((ref) => ref.name),
      r.services,
      r.attributes.communities.length,
    ]);
    expect(routes).toEqual([
      ["192.0.2.0/24", ["a", "b"], ["default/db", "default/web"], 1],
      ["192.0.2.10/32", ["c"], ["default/web"], 0],
    ]);
  });

  test("a peer that the advertisements do not name", () => {
    const result = explained(web(), ...base, peer("other", "203.0.113.2"), adv("a", { peers: ["tor"] }));
    expect([why(result, "tor"), why(result, "other")]).toEqual([null, "peerNotNamed BGPAdvertisement a spec.peers"]);
  });

  test("a peer of another node, one in trouble, one without the family, all beside one that has it", () => {
    const svc = service("web", ["2001:db8::1"]);
    const result = explained(
      svc,
      p1,
      adv("a"),
      slice("web"),
      peer("both", "203.0.113.1", { dualStackAddressFamily: true }),
      peer("four", "203.0.113.2"),
      peer("locked", "203.0.113.3", { passwordSecret: "none" }),
      peer("away", "203.0.113.4", { nodeSelectors: [onNode("n2")] }),
    );
    expect(result.decision.announced).toBe(true);
    expect(["both", "four", "locked", "away"].map((name) => why(result, name))).toEqual([
      null,
      "familyNotConfigured BGPPeer four spec.dualStackAddressFamily",
      "peerNotUsed BGPPeer locked spec.passwordSecret.name",
      "peerNotSelected BGPPeer away spec.nodeSelectors",
    ]);
  });

  test("of a dual-stack service the address that has no route is told beside the one that has", () => {
    const result = explained(service("web", ["192.0.2.1", "2001:db8::1"]), ...base, adv("a"));
    expect(of(result, "tor")).toMatchObject({
      failure: null,
      missing: [{ vip: "2001:db8::1", failure: { reason: "familyNotConfigured" } }],
    });
  });

  test("where the service itself fails, every peer says the same", () => {
    const result = explained(web(), p1, tor, adv("a"));
    expect(why(result, "tor")).toBe("noEndpoints Service web ");
  });
});

const RUNS = Number(process.env.VIPCAST_FC_RUNS ?? 100);

test("over random clusters: what is explained is what is decided, for every service and peer", () => {
  const { constantFrom: one, record, array, uniqueArray, boolean } = fc;
  const names = one([], ["t0"], ["t1", "t2"]);
  const cluster = record({
    services: array(
      record({
        ips: uniqueArray(one("192.0.2.1", "192.0.2.2", "2001:db8::1"), { minLength: 1, maxLength: 2 }),
        type: one("LoadBalancer", "LoadBalancer", "ClusterIP"),
        ready: one(true, true, false),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    advertisements: array(
      record({
        aggregationLength: one(32, 32, 24),
        localPref: one(null, null, 100),
        communities: one([], ["65000:1"], ["alias"]),
        peers: names,
        nodeSelectors: one([], [], [onNode("n1")], [onNode("n2")]),
      }),
      { maxLength: 3 },
    ),
    peers: array(record({ dual: boolean(), secret: one(null, null, "missing"), away: one(false, false, true) }), {
      maxLength: 3,
    }),
    hasAlias: boolean(),
  });
  fc.assert(
    fc.property(cluster, ({ services, advertisements, peers, hasAlias }) => {
      const objects: ModelObject[] = [p1, ...(hasAlias ? [community("c", { alias: "1:2" })] : [])];
      services.forEach(({ ips, type, ready }, i) => {
        objects.push(service(`s${i}`, ips, { type }), slice(`s${i}`, [endpoint({ ready, serving: false })]));
      });
      advertisements.forEach((a, i) => {
        objects.push(adv(`a${i}`, a));
      });
      peers.forEach(({ dual, secret, away }, i) => {
        const nodeSelectors = away ? [onNode("n2")] : [];
        const over = { dualStackAddressFamily: dual, passwordSecret: secret, nodeSelectors };
        objects.push(peer(`t${i}`, `203.0.113.${i}`, { ...over, peerAddress: ip(`203.0.113.${i}`) }));
      });
      const store = storeOf(...objects);
      const table = decideAll(store, options());
      const config = compile(store, options());
      for (const svc of store.list("Service")) {
        const alone = explain(svc, store, config);
        const known = explain(svc, store, config, { decisions: table.decisions });
        expect(known).toEqual(alone);
        expect(alone.decision).toEqual(table.decisions.get(svc.key));
        expect(alone.peers.length).toBe(peers.length);
        for (const { name, routes, failure, missing } of alone.peers) {
          const expected = [...(table.routes.get(name)?.values() ?? [])]
            .filter((r) => r.services.includes(svc.key))
            .sort((a, b) => comparePrefix(a.prefix, b.prefix));
          expect(routes.map(({ advertisements: _, ...r }) => r)).toEqual(expected);
          expect(failure === null).toBe(expected.length > 0);
          expect(routes.every((r) => r.advertisements.length > 0)).toBe(true);
          if (failure !== null) expect(missing).toEqual([]);
        }
      }
    }),
    { numRuns: RUNS },
  );
});
