// Holds the incremental engine to the plain function over random clusters and random histories, with turns that end at random.
// The universe is small on purpose: few addresses, names and labels, so that overlaps, conflicts and shared prefixes are common.
// VIPCAST_FC_RUNS sets the number of histories for long runs.
import fc from "fast-check";
import { expect, test } from "vitest";
import { appliesToPool } from "../../src/announce/advertisements.ts";
import { collectAliases } from "../../src/announce/aliases.ts";
import { type CommunityValue, parseCommunityLiteral } from "../../src/announce/communities.ts";
import { compile } from "../../src/announce/compile.ts";
import type { DecisionOptions, Inherited, PlannedPeer } from "../../src/announce/compiled.ts";
import { DecisionEngine } from "../../src/announce/engine.ts";
import { Holds } from "../../src/announce/holds.ts";
import type {
  BGPAdvertisementObject,
  BGPPeerObject,
  IPAddressPoolObject,
  LabelSelector,
  Labels,
  ModelObject,
  PeerSettings,
  ServiceSettings,
} from "../../src/announce/model.ts";
import { indexPools } from "../../src/announce/pools.ts";
import { tableOf } from "../../src/announce/reference.ts";
import { matchesAnyOrNone } from "../../src/announce/select.ts";
import { decideService } from "../../src/announce/service.ts";
import type { RouteAttributes } from "../../src/bgp/wire/message.ts";
import type { DrainLevel } from "../../src/drain/machine.ts";
import { formatPrefix } from "../../src/kernel/ip.ts";
import { type ConfigProblem, refKey } from "../../src/kernel/problem.ts";
import { later, Millis, type PeerName, type ServiceKey } from "../../src/kernel/units.ts";
import { ObjectStore } from "../../src/sources/store.ts";
import {
  adv,
  bfdProfile,
  community,
  endpoint,
  ip,
  labels,
  node,
  onNode,
  options,
  peer,
  policyObject,
  pool,
  secret,
  service,
  slice,
  withLabels,
} from "./builders.ts";

const RUNS = Number(process.env.VIPCAST_FC_RUNS ?? 80);

/** Milliseconds, also on a busy machine. */
const LIMIT = 30_000 + 500 * RUNS;

const { constantFrom: one, record, boolean, uniqueArray, option } = fc;
const some = <T>(...values: T[]) => uniqueArray(one(...values), { maxLength: 2 });
/** An object may come with or without a timestamp; the order of reading is part of its value. */
const age = record({ createdAt: option(fc.nat(3)), order: fc.nat(5) });
const appLabels: fc.Arbitrary<Labels> = one(labels({}), labels({ app: "x" }), labels({ app: "y" }));
const appSelectors: fc.Arbitrary<readonly LabelSelector[]> = one(
  [],
  [],
  [withLabels({ app: "x" })],
  [withLabels({ app: "y" })],
  [{ matchLabels: [], matchExpressions: [{ key: "app", operator: "In", values: ["x", "y"] }] }],
  [{ matchLabels: [], matchExpressions: [{ key: "app", operator: "Exists", values: [] }] }],
);
const nodeSelectors: fc.Arbitrary<readonly LabelSelector[]> = one(
  [],
  [],
  [onNode("n1")],
  [onNode("n2")],
  [withLabels({ rack: "1" })],
  [{ matchLabels: [], matchExpressions: [{ key: "rack", operator: "DoesNotExist", values: [] }] }],
  [{ matchLabels: [], matchExpressions: [{ key: "rack", operator: "NotIn", values: ["1"] }] }, onNode("n2")],
);

const anyService = record({
  name: one("s0", "s1", "s2", "s3", "s4"),
  ips: fc.array(
    one(
      "192.0.2.1",
      "192.0.2.2",
      "192.0.2.3",
      "192.0.2.70",
      "198.51.100.1",
      "2001:db8::1",
      "2001:db8::2",
      "::ffff:192.0.2.1",
      "nonsense",
    ),
    { maxLength: 2 },
  ),
  over: record({
    type: one("LoadBalancer", "LoadBalancer", "LoadBalancer", "ClusterIP"),
    loadBalancerClass: one(null, null, null, "other"),
    externalTrafficPolicy: one("Cluster" as const, "Local" as const),
    labels: appLabels,
    settings: one<ServiceSettings>(
      {},
      {},
      { med: 7 },
      { med: 9, asPathPrepend: 2 },
      { announceDelay: Millis(3) },
      { announceDelay: Millis(2), withdrawDelay: Millis(4) },
      { withdrawDelay: Millis(2), requireFamilyEndpoints: false },
      { requireFamilyEndpoints: true },
    ),
  }),
}).map(({ name, ips, over }) => service(name, ips, { ...over, order: 0 }));

const anySlice = record({
  name: one("s0", "s1", "s2", "s3", "s4"),
  id: one("a", "b"),
  endpoints: fc.array(
    record({
      ready: one(true, true, false, null),
      serving: one(true, false, null),
      nodeName: one("n1", "n2", null),
      hasAddresses: one(true, true, true, false),
    }),
    { maxLength: 2 },
  ),
  owner: one(null, null, null, "s0", "s1", "nobody"),
  addressType: one("IPv4", "IPv4", "IPv6"),
}).map(({ name, id, endpoints, owner, addressType }) => {
  const made = slice(
    name,
    endpoints.map((e) => endpoint(e)),
    { addressType },
  );
  const moved = owner === null ? {} : { service: service(owner, []).key };
  return { ...made, ...moved, ref: { ...made.ref, name: `${name}-${id}` } };
});

const anyPool = record({
  name: one("p0", "p1", "p2"),
  addresses: one(
    ["192.0.2.0/26"],
    ["192.0.2.0/24"],
    ["198.51.100.0/24", "2001:db8::/120"],
    ["192.0.2.64/26", "198.51.100.0/24"],
    ["2001:db8::/124"],
  ),
  over: record({ labels: appLabels, settings: one({}, {}, { requireFamilyEndpoints: true }) }),
  age,
}).map((p) => pool(p.name, p.addresses, { ...p.over, ...p.age }));

/** So many communities that those of two advertisements may not fit one route. */
const many = (from: number, count: number) => Array.from({ length: count }, (_, i) => `large:1:${from + i}:0`);

const anyAdvertisement = record({
  name: one("a0", "a1", "a2", "a3"),
  over: record({
    aggregationLength: one(32, 32, 26, 24, 20),
    aggregationLengthV6: one(128, 128, 124),
    localPref: one(null, null, 100, 200),
    communities: fc.oneof(
      { weight: 8, arbitrary: some("0:1", "0:2", "large:1:2:3", "alias", "other") },
      { weight: 1, arbitrary: one(["0:70000"], ["no such alias"], many(1, 50), many(101, 60), many(1, 64)) },
    ),
    ipAddressPools: one([], [], ["p0"], ["p1", "p2"]),
    ipAddressPoolSelectors: appSelectors,
    nodeSelectors,
    peers: one([], [], ["t0"], ["t1", "t2"], ["nobody"]),
    serviceSelectors: appSelectors,
    settings: one({}, {}, { med: 8 }, { asPathPrepend: 0 }, { localMoreSpecifics: true }),
  }),
  age,
}).map((a) => adv(a.name, { ...a.over, ...a.age }));

const anyPeer = record({
  name: one("t0", "t1", "t2"),
  over: record({
    peerAddress: one("203.0.113.1", "203.0.113.2", "203.0.113.3", "2001:db8:f::1").map(ip),
    holdTime: one(null, 9),
    sourceAddress: one(null, null, null, null, ip("203.0.113.200")),
    nodeSelectors,
    passwordSecret: one(null, null, null, "pw", "missing"),
    bfdProfile: one(null, null, null, "bfd", "missing"),
    dualStackAddressFamily: boolean(),
    enableGracefulRestart: boolean(),
    ebgpMultiHop: one(false, false, true),
    settings: one<PeerSettings>(
      {},
      {},
      { nextHop: ip("192.0.2.99") },
      { bfdStrict: true },
      { bfdAuthSecret: "pw" },
      { bfdAuthType: "keyedSha1" },
    ),
  }),
  age,
}).map((p) => peer(p.name, "203.0.113.1", { ...p.over, ...p.age }));

/** On their own, as without any word of other sites: what the policy says is then a function of the objects. */
const anyPolicy = record({
  name: one("sp0", "sp1"),
  over: record({
    rank: one(1, 2),
    whenNotPreferred: one("withhold" as const, "deprioritize" as const, "conditional" as const),
    serviceSelectors: appSelectors,
    ipAddressPools: one([], [], ["p0"], ["p1", "nobody"]),
    nodeSelectors,
    witnesses: one([], ["t0"], ["nobody"]),
    quorum: one(null, 2),
    rankEncoding: one(
      [],
      [{ rank: 1, communities: ["0:3", "alias"], localPref: 300, med: null, asPathPrepend: null }],
      [{ rank: 2, communities: [], localPref: null, med: 3, asPathPrepend: 1 }],
    ),
    epoch: one(null, 4),
  }),
  age,
}).map((p) => policyObject(p.name, { ...p.over, ...p.age }));

const anyNode = record({
  name: one("n1", "n1", "n2"),
  internalIps: one([], [ip("192.0.2.201")]),
  networkUnavailable: one(false, false, false, true),
  extra: one({}, {}, { rack: "1" }, { "node.kubernetes.io/exclude-from-external-load-balancers": "" }),
}).map(({ name, internalIps, networkUnavailable, extra }) =>
  node(name, {
    networkUnavailable,
    internalIps,
    labels: labels({ "kubernetes.io/hostname": name, ...extra }),
    order: 0,
  }),
);

const anyObject: fc.Arbitrary<ModelObject> = fc.oneof(
  { weight: 4, arbitrary: anyService },
  { weight: 4, arbitrary: anySlice },
  { weight: 2, arbitrary: anyPool },
  { weight: 3, arbitrary: anyAdvertisement },
  { weight: 2, arbitrary: anyPeer },
  { weight: 1, arbitrary: anyNode },
  {
    weight: 1,
    arbitrary: record({ name: one("c", "d"), value: one("0:5", "0:6", "nonsense"), age }).map((c) =>
      community(c.name, c.name === "c" ? { alias: c.value } : { other: "0:9", alias: c.value }, c.age),
    ),
  },
  {
    weight: 1,
    arbitrary: record({
      type: one("kubernetes.io/basic-auth", "kubernetes.io/basic-auth", "Opaque"),
      password: one("a", "b", null),
    }).map((over) => secret("pw", { ...over, order: 0 })),
  },
  { weight: 1, arbitrary: anyPolicy },
  { weight: 1, arbitrary: boolean().map((echoMode) => bfdProfile("bfd", { echoMode, order: 0 })) },
);

interface Step {
  readonly changes: readonly { readonly object: ModelObject; readonly isRemoval: boolean }[];
  /** Looks at the clock that a turn survives; null: until done. */
  readonly budget: number | null;
  /** Milliseconds that pass before the changes. */
  readonly elapsed: number;
  /** What the drain asks for from here on; null: nothing new. */
  readonly level: DrainLevel | null;
}
const anyChange = fc.oneof(
  { weight: 12, arbitrary: record({ object: anyObject, isRemoval: one(false, false, false, true) }) },
  // an alias that is taken away from who uses it
  {
    weight: 1,
    arbitrary: record({ object: one(community("c", {}), community("d", {})), isRemoval: fc.constant(true) }),
  },
);
const anyStep: fc.Arbitrary<Step> = record({
  changes: fc.array(anyChange, { minLength: 1, maxLength: 3 }),
  budget: option(one(0, 1, 2)),
  elapsed: one(0, 0, 1, 2, 5),
  level: fc.nat(40).map((n) => (["none", "marked", "withdrawn"] as const)[n] ?? null),
});
/** A cluster in which things are announced; histories start from it and whatever random objects replace in it. */
const healthy: readonly ModelObject[] = [
  pool("p0", ["192.0.2.0/24"], { order: 0 }),
  pool("p1", ["198.51.100.0/24", "2001:db8::/120"], { order: 0 }),
  peer("t0", "203.0.113.1", { order: 0 }),
  peer("t1", "203.0.113.2", { order: 0, dualStackAddressFamily: true }),
  community("c", { alias: "0:5" }, { order: 0 }),
  adv("a0", { communities: ["alias"], order: 0 }),
  adv("a1", { aggregationLength: 24, aggregationLengthV6: 124, order: 0 }),
  ...["s0", "s1", "s2", "s3", "s4"].flatMap((name, i) => [service(name, [`192.0.2.${i}`], { order: 0 }), slice(name)]),
];

/** So many services of one kind that a turn can end between them, in the two pools that most advertisements meet. */
const crowd = Array.from({ length: 40 }, (_, i) => [
  service(`crowd${i}`, [i % 2 === 0 ? `192.0.2.${i + 4}` : `198.51.100.${i + 4}`], {
    labels: labels({ app: i % 3 === 0 ? "x" : "y" }),
    order: 0,
  }),
  slice(`crowd${i}`),
]).flat();

/** Accumulates what an engine says, and refuses what it must never say. */
function recorder() {
  const routes = new Map<PeerName, Map<string, RouteAttributes>>();
  const decisions = new Map<ServiceKey, unknown>();
  let peers: readonly PlannedPeer[] = [];
  let problems: readonly ConfigProblem[] = [];
  const sink = {
    peersChanged(list: readonly PlannedPeer[]) {
      peers = list;
      const running = new Set(list.filter((p) => p.config !== null).map((p) => p.name));
      for (const name of routes.keys()) if (!running.has(name)) routes.delete(name);
    },
    setRoute(name: PeerName, prefix: Parameters<typeof formatPrefix>[0], attributes: RouteAttributes | null) {
      const config = peers.find((p) => p.name === name)?.config;
      expect(config, `${name} runs a session`).toBeTruthy();
      const table = routes.get(name) ?? new Map<string, RouteAttributes>();
      routes.set(name, table);
      const key = formatPrefix(prefix);
      expect(attributes === null ? undefined : attributes, "each call is a real change").not.toEqual(table.get(key));
      if (attributes === null) table.delete(key);
      else {
        expect(config?.families).toContain(prefix.version === 4 ? "ipv4-unicast" : "ipv6-unicast");
        table.set(key, attributes);
      }
    },
    serviceChanged(key: ServiceKey, before: unknown, after: unknown) {
      expect(decisions.get(key)).toEqual(before);
      expect(before).not.toEqual(after);
      if (after === undefined) decisions.delete(key);
      else decisions.set(key, after);
    },
    problemsChanged(list: readonly ConfigProblem[]) {
      problems = list;
    },
  };
  const sorted = <K, V>(map: ReadonlyMap<K, V>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  const state = () => ({
    peers,
    problems,
    decisions: sorted(decisions),
    routes: sorted(routes).flatMap(([name, table]) => (table.size === 0 ? [] : [[name, sorted(table)]])),
  });
  return { sink, state, sorted };
}

/**
 * What one configuration leaves to the next, as a plain rule. Aliases: who names one that has a value keeps that; who names one that
 * has none keeps what it had. Versions: an advertisement with a text that means nothing even so, with too many communities, or with
 * too wide an aggregate for a pool that its last version fits, counts as that version with its values; without one on this node it
 * keeps nothing. So does a peer that contradicts itself.
 */
function remembered(store: ObjectStore, { nodeName }: DecisionOptions, before: Inherited | null): Memory {
  const { values } = collectAliases(store.list("Community"));
  const pools = [...indexPools(store.list("IPAddressPool")).pools.values()];
  const at = store.get("Node", nodeName)?.labels ?? labels({ "kubernetes.io/hostname": nodeName });
  const usedAliases = new Map<string, ReadonlyMap<string, CommunityValue>>();
  const advertisements = new Map<string, BGPAdvertisementObject>();
  const peers = new Map<string, BGPPeerObject>();
  const isHere = (o: { readonly nodeSelectors: readonly LabelSelector[] }) => matchesAnyOrNone(o.nodeSelectors, at);
  const versionBefore = <T extends BGPAdvertisementObject | BGPPeerObject>(o: T, last: T | undefined): T | null =>
    last === undefined || !isHere(last) ? null : { ...last, createdAt: o.createdAt, order: o.order };
  /** null: a text has no meaning, or there are too many. */
  const meaning = (key: string, texts: readonly string[]) => {
    const own = new Map<string, CommunityValue>();
    const meanings = new Set<string>();
    for (const text of texts) {
      const literal = parseCommunityLiteral(text);
      const last = literal.type === "value" ? undefined : before?.usedAliases.get(key)?.get(text);
      const alias = values.get(text) ?? last;
      if (alias !== undefined) own.set(text, alias);
      meanings.add(JSON.stringify(alias ?? (literal.type === "value" ? literal.community : null)));
    }
    return { own, isGood: !meanings.has("null") && meanings.size <= 63 };
  };
  const fits = (a: BGPAdvertisementObject, p: IPAddressPoolObject): boolean =>
    p.addresses.every((r) => r.shortestMask <= (r.first.version === 4 ? a.aggregationLength : a.aggregationLengthV6));
  for (const a of store.list("BGPAdvertisement")) {
    const key = refKey(a.ref);
    const last = versionBefore(a, before?.lastGood.advertisements.get(key));
    const { own, isGood } = meaning(key, a.communities);
    const losesPool = (l: BGPAdvertisementObject) =>
      pools.some((p) => appliesToPool(a, p) && !fits(a, p) && appliesToPool(l, p) && fits(l, p));
    if (last !== null && (!isGood || losesPool(last))) {
      advertisements.set(key, last);
      usedAliases.set(key, before?.usedAliases.get(key) ?? new Map());
    } else if (isHere(a)) {
      if (isGood) advertisements.set(key, a);
      usedAliases.set(key, isGood ? own : new Map());
    }
  }
  for (const p of store.list("BGPPeer")) {
    const last = versionBefore(p, before?.lastGood.peers.get(refKey(p.ref)));
    const isSilent = p.settings.bfdAuthType !== undefined && p.settings.bfdAuthSecret === undefined;
    const isOfOther = p.sourceAddress !== null && p.sourceAddress.version !== p.peerAddress?.version;
    const isGood = !(p.bfdProfile !== null && isSilent) && !isOfOther;
    const version = isGood || last === null ? p : last;
    if (isHere(version) && (isGood || last !== null)) peers.set(refKey(p.ref), version);
  }
  for (const p of store.list("SitePolicy")) {
    const texts = [...p.rankEncoding, p.standbyEncoding].flatMap((e) => e.communities);
    if (isHere(p)) usedAliases.set(refKey(p.ref), meaning(refKey(p.ref), texts).own);
  }
  return { usedAliases, lastGood: { advertisements, peers } };
}

type Memory = Omit<Inherited, "routerId">;

function holds(opts: DecisionOptions, initial: readonly ModelObject[], steps: readonly Step[]): void {
  const store = new ObjectStore();
  for (const object of initial) store.put(object);
  const { sink, state, sorted } = recorder();
  const engine = new DecisionEngine(store, opts, sink);
  // what counts as ready is looked up afresh each time here; the engine follows its own deadlines
  const readiness = new Holds(store, opts.nodeName);
  let now = Millis(0);
  let level: DrainLevel = "none";
  let ranAt = now;
  /** What the configuration before has left. */
  let before: Inherited | null = null;
  const check = (at = now): void => {
    const compiled = compile(store, opts, before);
    const config = { ...compiled, node: { ...compiled.node, drained: level === "withdrawn" ? "a test" : null } };
    const services = [...store.list("Service")];
    const decisions = new Map(services.map((s) => [s.key, decideService(s, store, config, readiness.at(at))]));
    const table = tableOf(config, decisions, level);
    expect(state()).toEqual({
      peers: table.peers,
      problems: table.problems,
      decisions: sorted(table.decisions),
      routes: sorted(table.routes).map(([name, routes]) => [
        name,
        sorted(routes).map(([key, r]) => [key, r.attributes]),
      ]),
    });
  };
  const run = (isOver?: () => boolean): void => {
    if (engine.config === null) readiness.begin(now);
    ranAt = now;
    before = engine.config;
    const isDone = engine.run(isOver, now);
    const { usedAliases, lastGood } = engine.config ?? expect.fail("it has run");
    expect({ usedAliases, lastGood }).toEqual(remembered(store, opts, before));
    if (!isDone) return;
    check();
    // nothing changes by itself before the deadline
    const deadline = engine.deadline();
    if (deadline === null) check(later(now, Millis(100)));
    else {
      expect(deadline).toBeGreaterThan(now);
      check(Millis(Math.max(now, deadline - 0.5)));
    }
  };
  for (const { changes, budget, elapsed, level: asked } of steps) {
    if (asked !== null) {
      level = asked;
      engine.setLevel(level, level === "none" ? null : "a test", ranAt);
      readiness.due(ranAt); // what has been announced by then stays announced
      readiness.setDraining(level !== "none", ranAt);
    }
    now = later(now, Millis(elapsed));
    for (const { object, isRemoval } of changes) {
      const change = isRemoval ? store.remove(object.kind, object.ref) : store.put(object);
      if (change === null) continue;
      engine.apply([change], now);
      readiness.observe(change, now);
    }
    let left = budget ?? Number.POSITIVE_INFINITY;
    run(() => left-- <= 0);
  }
  run();
  for (let at = engine.deadline(); at !== null; at = engine.deadline()) {
    now = at;
    run();
  }
  expect(engine.run(undefined, now)).toBe(true);
}

const objects = fc.array(anyObject, { maxLength: 12, size: "max" });
const steps = (maxLength: number) => fc.array(anyStep, { maxLength, size: "max" });

test(
  "after any history the engine has told exactly what the plain function computes",
  () => {
    fc.assert(
      fc.property(objects, steps(30), (initial, history) => {
        holds(options(), [...healthy, ...initial], history);
      }),
      { numRuns: RUNS },
    );
  },
  LIMIT,
);

test(
  "the same with many services, turns that end early and changes between them",
  () => {
    fc.assert(
      fc.property(objects, steps(12), (initial, history) => {
        holds(options(), [...healthy, ...crowd, ...initial], history);
      }),
      { numRuns: Math.ceil(RUNS / 5) },
    );
  },
  LIMIT,
);
