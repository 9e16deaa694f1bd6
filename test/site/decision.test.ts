// SitePolicies in the decision: what is announced, with what, and what changes when other sites do.
import { describe, expect, test } from "vitest";
import { DecisionEngine, type DecisionSink } from "../../src/announce/engine.ts";
import type { ModelObject, SitePolicyObject } from "../../src/announce/model.ts";
import { checkReport } from "../../src/announce/report.ts";
import type { RouteAttributes } from "../../src/bgp/wire/message.ts";
import { formatPrefix, parsePrefix } from "../../src/kernel/ip.ts";
import { invariant } from "../../src/kernel/result.ts";
import { Asn, Millis, PeerName } from "../../src/kernel/units.ts";
import { encodeClaim, nodeMark } from "../../src/site/model.ts";
import { Sites } from "../../src/site/sites.ts";
import {
  adv,
  endpoint,
  labels,
  options,
  peer,
  policyObject,
  pool,
  service,
  slice,
  storeOf,
  withLabels,
} from "../announce/builders.ts";

const VIP = "10.0.0.1/32";
const vip = parsePrefix(VIP);
invariant(vip !== null, "prefix of the test");
const W = PeerName("w");
const ASN = Asn(65000);
const OBJECTS: readonly ModelObject[] = [
  service("web", ["10.0.0.1"]),
  slice("web", [endpoint()]),
  pool("p", ["10.0.0.0/24"]),
  adv("a", { localPref: 70, communities: ["65000:7"] }),
  peer("w", "192.0.2.254", { settings: { keepReceived: true } }),
];

/** The engine with the sites core, and what it says. */
function setUp(policies: readonly SitePolicyObject[], objects = OBJECTS, withSites = true) {
  const store = storeOf(...objects, ...policies);
  const routes = new Map<string, RouteAttributes>();
  const said: string[] = [];
  const sink: DecisionSink = {
    peersChanged: () => {},
    setRoute: (name, prefix, attributes) => {
      const key = `${name} ${formatPrefix(prefix)}`;
      said.push(`${key} ${JSON.stringify(attributes)}`);
      if (attributes === null) routes.delete(key);
      else routes.set(key, attributes);
    },
    serviceChanged: () => {},
    problemsChanged: () => {},
  };
  const sites = new Sites({
    node: nodeMark("n1"),
    remembered: new Map(),
    moved: () => {},
    asnsChanged: () => {},
    rememberedChanged: () => {},
  });
  const engine = new DecisionEngine(store, options(), sink, false, ...(withSites ? [sites] : []));
  const run = (now: number): void => {
    expect(engine.run(() => false, Millis(now))).toBe(true);
  };
  const reason = (): string | null => [...engine.decisions.values()][0]?.reason ?? null;
  return { store, sites, engine, routes, said, run, reason, route: () => routes.get(`w ${VIP}`) };
}

const rivalClaim = encodeClaim(ASN, { siteId: 2, rank: 2, epoch: 4, state: "active", node: 9 });

describe("without a SitePolicy", () => {
  test("every route is the same with and without the core beside it, and no claim is asked for", () => {
    const [beside, alone] = [setUp([], OBJECTS, true), setUp([], OBJECTS, false)];
    for (const world of [beside, alone]) world.run(0);
    expect(beside.said).toEqual(alone.said);
    expect(beside.route()?.largeCommunities).toEqual([]);
    expect([beside.sites.claimAsns.size, beside.sites.deadline()]).toEqual([0, null]);
  });

  test("a policy that selects other Services changes no route", () => {
    const other = policyObject("p", { serviceSelectors: [withLabels({ app: "other" })] });
    const [beside, alone] = [setUp([other]), setUp([])];
    for (const world of [beside, alone]) world.run(0);
    expect(beside.said).toEqual(alone.said);
  });
});

describe("a governed Service", () => {
  test("is announced again under a policy that was away between two decisions about it", () => {
    const numbers = Array.from({ length: 60 }, (_, i) => i + 1);
    const services = numbers.flatMap((n) => [service(`s${n}`, [`10.0.0.${n}`]), slice(`s${n}`, [endpoint()])]);
    const policy = policyObject("p", { startupGuard: Millis(0), whenBlind: "announce" });
    const { engine, store, run, routes } = setUp([policy], [...OBJECTS.slice(2), ...services]);
    run(0);
    run(1);
    expect(routes.size).toBe(60);
    const gone = store.remove("SitePolicy", policy.ref);
    invariant(gone !== null, "the policy was there");
    engine.apply([gone], Millis(2));
    expect(engine.run(() => true, Millis(2))).toBe(false);
    engine.apply([store.put(policy)], Millis(3));
    run(3);
    run(4);
    expect(routes.size).toBe(60);
  });

  test("is guarded, then announced with the encoding of its rank and its claim, above what its advertisement says", () => {
    const encoding = { rank: 1, communities: ["65000:1"], localPref: 200, med: 5, asPathPrepend: null };
    const world = setUp([policyObject("p", { rankEncoding: [encoding] })]);
    world.run(0);
    expect([world.reason(), world.route(), world.engine.deadline()]).toEqual(["siteGuarded", undefined, 10_000]);
    world.sites.sightChanged(W, "reading", Millis(5));
    world.sites.sightChanged(W, "complete", Millis(10));
    world.run(10);
    expect(world.reason()).toBeNull();
    expect(world.route()).toMatchObject({
      localPref: 200,
      med: 5,
      communities: [65000 * 65536 + 1, 65000 * 65536 + 7],
    });
    const claim = encodeClaim(ASN, { siteId: 1, rank: 1, epoch: 1, state: "active", node: nodeMark("n1") });
    expect(world.route()?.largeCommunities).toEqual(claim);
  });

  test("is announced when the guard ends blind, and the deadline of the engine says when that is", () => {
    const world = setUp([policyObject("p", { whenBlind: "announce" })]);
    world.run(0);
    world.run(9_999);
    expect(world.route()).toBeUndefined();
    world.run(10_000);
    expect(world.route()).toBeDefined();
  });

  test("is withheld while another site serves, marked and withdrawn when it loses, and says so", () => {
    const world = setUp([policyObject("p", { siteId: 3, rank: 3 })]);
    world.run(0);
    world.sites.sightChanged(W, "complete", Millis(10));
    world.run(10);
    world.run(1010);
    expect(world.route()?.localPref).toBe(70);
    world.sites.routeChanged(W, vip, rivalClaim, Millis(2000));
    world.run(2000);
    expect(world.route()).toMatchObject({ localPref: 0, communities: [65000 * 65536 + 7, 0xffff_0000] });
    expect(world.engine.deadline()).toBe(4000);
    world.run(4000);
    expect([world.route(), world.reason()]).toEqual([undefined, "siteConflictLost"]);
    const decision = [...world.engine.decisions.values()][0];
    expect(decision?.detail).toBe(
      "SitePolicy metallb-system/p: site a stands by: site 2 with rank 2, epoch 4 has the stronger claim to 10.0.0.1/32",
    );
  });

  test("stands by with the standby encoding where the policy says deprioritize", () => {
    const world = setUp([policyObject("p", { siteId: 3, rank: 3, whenNotPreferred: "deprioritize" })]);
    world.run(0);
    world.sites.routeChanged(W, vip, rivalClaim, Millis(5));
    world.run(5);
    expect(world.route()).toMatchObject({ localPref: 0, asPathPrepend: 3 });
  });

  test("makes no claim without endpoints, and looks anew when they are back", () => {
    const world = setUp([policyObject("p")]);
    world.run(0);
    world.sites.sightChanged(W, "complete", Millis(10));
    world.run(10);
    const gone = world.store.remove("EndpointSlice", slice("web", [endpoint()]).ref);
    invariant(gone !== null, "there is a slice");
    world.engine.apply([gone], Millis(20));
    world.run(20);
    expect([world.route(), world.reason()]).toEqual([undefined, "noEndpoints"]);
    world.sites.routeChanged(W, vip, rivalClaim, Millis(30));
    world.engine.apply([world.store.put(slice("web", [endpoint()]))], Millis(40));
    world.run(40);
    expect([world.route(), world.reason()]).toEqual([undefined, "siteNotPreferred"]);
  });

  test("is freed when the policy goes", () => {
    const policy = policyObject("p", { rank: 2 });
    const world = setUp([policy]);
    world.run(0);
    expect(world.route()).toBeUndefined();
    const gone = world.store.remove("SitePolicy", policy.ref);
    invariant(gone !== null, "there is a policy");
    world.engine.apply([gone], Millis(1));
    world.run(1);
    expect([world.route()?.largeCommunities, world.engine.deadline()]).toEqual([[], null]);
  });

  test("a promote serves at once, is remembered, and an epoch in the policy is one, too", () => {
    const world = setUp([policyObject("p", { rank: 2, whenNotPreferred: "withhold" })]);
    world.run(0);
    world.sites.promote(["metallb-system/p"], Millis(5));
    world.run(5);
    expect(world.route()).toBeDefined();
    expect([...world.sites.remembered()]).toEqual([["metallb-system/p", { epoch: 1, promoted: 1 }]]);
    const declared = setUp([policyObject("p", { rank: 2, whenNotPreferred: "withhold", epoch: 7 })]);
    declared.run(0);
    declared.sites.sightChanged(W, "complete", Millis(10));
    declared.run(10);
    expect(declared.route()?.largeCommunities[0]).toEqual({ globalAdmin: ASN, local1: 100_001, local2: 0 });
    expect(declared.route()?.largeCommunities[1]?.local2).toBe(7);
  });
});

describe("what is wrong with a policy", () => {
  const problems = (...policies: readonly SitePolicyObject[]) =>
    checkReport(storeOf(...OBJECTS, ...policies), [], { ...options(), nodeName: "n1" }).problems.map(
      ({ severity, path, message }) => [severity, path, message],
    );

  test("names that nothing has are told, and the policy stays in force", () => {
    const policy = policyObject("p", {
      witnesses: ["nobody"],
      ipAddressPools: ["none"],
      rankEncoding: [{ rank: 1, communities: ["odd"], localPref: null, med: null, asPathPrepend: null }],
    });
    expect(problems(policy).map(([severity, path]) => [severity, path])).toEqual([
      ["error", "spec.rankEncoding[0].communities[0]"],
      ["warning", "spec.selector.ipAddressPools[0]"],
      ["warning", "spec.witnesses[0]"],
    ]);
  });

  test("two policies for everything, and a quorum of more witnesses than there are", () => {
    const found = problems(policyObject("p"), policyObject("q", { quorum: 2 }));
    expect(found.map(([, path]) => path)).toEqual(["spec.quorum", "spec.selector"]);
  });

  test("the oldest policy that selects a Service governs it; a named witness keeps what it receives", () => {
    const first = policyObject("first", { serviceSelectors: [withLabels({ app: "web" })], rank: 2 });
    const second = policyObject("second", { witnesses: ["w"], siteId: 9 });
    const objects = [
      service("web", ["10.0.0.1"], { labels: labels({ app: "web" }) }),
      ...OBJECTS.filter((o) => o.kind !== "Service" && o.kind !== "BGPPeer"),
      peer("w", "192.0.2.254"),
    ];
    const world = setUp([first, second], objects);
    world.run(0);
    expect(world.engine.config?.peers[0]?.config?.keepReceived).toBe(true);
    expect([...world.engine.decisions.values()][0]?.governed?.map((g) => g.policy)).toEqual(["metallb-system/first"]);
  });

  test("`check` shows the policy alone: the preferred site serves, others stand by", () => {
    const announced = (rank: number) =>
      checkReport(storeOf(...OBJECTS, policyObject("p", { rank })), [], { ...options(), nodeName: "n1" }).nodes.n1
        ?.services["default/web"]?.reason;
    expect([announced(1), announced(2)]).toEqual([null, "siteNotPreferred"]);
  });
});
