// Random histories of services, pools, namespaces, turns that end early and restarts. The rules are written down here a second time, in the
// plainest form: over addresses one by one, over pairs of services. Small pools and few names, so that conflicts are common.
// VIPCAST_FC_RUNS sets the number of histories for long runs.
import fc from "fast-check";
import { expect, test } from "vitest";
import { allocate } from "../../src/allocate/allocate.ts";
import { AllocationEngine, type AllocationSink, type Remembered } from "../../src/allocate/engine.ts";
import type { AllocationOptions, ServiceAllocation } from "../../src/allocate/model.ts";
import type { IPAddressPoolObject, LabelSelector, ModelObject, ServiceObject } from "../../src/announce/model.ts";
import { indexPools } from "../../src/announce/pools.ts";
import { matchesAny } from "../../src/announce/select.ts";
import { formatIp, type Ip, ipToBigInt, ipv4, ipv6 } from "../../src/kernel/ip.ts";
import { ServiceKey } from "../../src/kernel/units.ts";
import { ObjectStore, type StoreChange } from "../../src/sources/store.ts";
import { labels, pool, withLabels } from "../announce/builders.ts";
import { allocation, CLUSTER, lb, MANIFESTS } from "./support.ts";

const RUNS = Number(process.env.VIPCAST_FC_RUNS ?? 200);
const { constantFrom: one, record } = fc;
const NAMES = ["a", "b", "c", "d", "e", "f", "g"] as const;

const appLabels = one(labels({}), labels({ app: "x" }), labels({ app: "y" }));
const selectors: fc.Arbitrary<readonly LabelSelector[]> = one([], [], [withLabels({ app: "x" })]);

const anyService = record({
  name: one(...NAMES),
  families: one(4 as const, 4 as const, 6 as const, 46 as const),
  policy: one("SingleStack" as const, "PreferDualStack" as const, "RequireDualStack" as const),
  ports: one(["TCP/1"], ["TCP/2"], ["TCP/1", "UDP/3"]),
  backendKey: one("", "", "app=x"),
  loadBalancerIp: one(null, null, null, null, "192.0.2.2", "192.0.2.255", "2001:db8::1", "nonsense"),
  annotations: one(
    {},
    {},
    {},
    { share: "k" },
    { share: "k" },
    { share: "l" },
    { pool: "p1" },
    { pool: "p9" },
    { ips: "192.0.2.1,2001:db8::1" },
  ),
  over: record({
    labels: appLabels,
    createdAt: one(null, 1, 2),
    loadBalancerClass: one(null, null, null, null, "other"),
  }),
  isLb: one(true, true, true, true, true, false),
  ips: one([], [], [], ["192.0.2.1"], ["192.0.2.2"], ["2001:db8::1"], ["192.0.2.1", "2001:db8::1"], ["nonsense"]),
}).map(({ name, families, policy, ports, backendKey, loadBalancerIp, annotations, over, isLb, ips }) => {
  const texts = {
    ...("share" in annotations ? { "metallb.io/allow-shared-ip": annotations.share } : {}),
    ...("pool" in annotations ? { "metallb.io/address-pool": annotations.pool } : {}),
    ...("ips" in annotations ? { "metallb.io/loadBalancerIPs": annotations.ips } : {}),
  };
  const made = lb(name, families, {
    ips,
    annotations: texts,
    request: {
      ports,
      backendKey,
      loadBalancerIp,
      policy: families === 46 && policy === "SingleStack" ? "PreferDualStack" : policy,
    },
    over: { ...over, order: 0 },
  });
  return isLb ? made : { ...made, type: "ClusterIP", request: null };
});

const anyPool = record({
  name: one("p0", "p1", "p2"),
  addresses: one(
    ["192.0.2.0/30"],
    ["192.0.2.1/32"],
    ["192.0.2.0-192.0.2.2", "2001:db8::/127"],
    ["192.0.2.254-192.0.3.0"],
    ["198.51.100.4/31", "198.51.100.0/31"],
    ["2001:db8::/126"],
    ["203.0.113.0/31", "2001:db8:1::/127"],
  ),
  autoAssign: one(true, true, true, false),
  avoidBuggyIPs: one(false, false, true),
  allocation: one(
    null,
    null,
    allocation({ priority: 2 }),
    allocation({ namespaces: ["default"], priority: 1 }),
    allocation({ namespaces: ["shop"] }),
    allocation({ namespaceSelectors: [withLabels({ app: "x" })] }),
  ),
  serviceSelectors: selectors,
  order: fc.nat(2),
}).map(({ name, addresses, serviceSelectors, allocation: rules, ...over }) =>
  pool(name, addresses, { ...over, allocation: rules === null ? null : { ...rules, serviceSelectors } }),
);

const anyNamespace = appLabels.map(
  (own): ModelObject => ({
    kind: "Namespace",
    ref: { kind: "Namespace", namespace: null, name: "default" },
    createdAt: null,
    order: 0,
    labels: own,
  }),
);

const anyChange = record({
  object: fc.oneof(
    { weight: 8, arbitrary: anyService },
    { weight: 3, arbitrary: anyPool },
    { weight: 1, arbitrary: anyNamespace },
  ),
  isRemoval: one(false, false, false, true),
});
const anyStep = record({
  changes: fc.array(anyChange, { minLength: 1, maxLength: 5 }),
  isRestart: one(false, false, false, false, true),
  isCutShort: fc.boolean(),
});
const anyStart = record({
  pools: fc.array(anyPool, { maxLength: 3 }),
  services: fc.uniqueArray(anyService, { selector: (s) => s.ref.name, maxLength: 7 }),
});

const applyTo = (
  store: ObjectStore,
  { object, isRemoval }: { readonly object: ModelObject; readonly isRemoval: boolean },
): StoreChange | null => (isRemoval ? store.remove(object.kind, object.ref) : store.put(object));

/** Every address of a small pool that may be given. */
function addressesOf({ addresses, avoidBuggyIPs }: IPAddressPoolObject): readonly string[] {
  return addresses.flatMap(({ first, last }) => {
    const out: Ip[] = [];
    const make = (n: bigint): Ip =>
      first.version === 4
        ? ipv4(Number(n))
        : ipv6(
            Number(n >> 96n),
            Number((n >> 64n) & 0xffff_ffffn),
            Number((n >> 32n) & 0xffff_ffffn),
            Number(n & 0xffff_ffffn),
          );
    for (let n = ipToBigInt(first); n <= ipToBigInt(last); n++) out.push(make(n));
    return out.map(formatIp).filter((text) => !(avoidBuggyIPs && /^\d.*\.(0|255)$/.test(text)));
  });
}

const isOurs = (s: ServiceObject): boolean => s.request !== null && s.loadBalancerClass === null;
const shareKey = (s: ServiceObject): string => s.annotations.get("metallb.io/allow-shared-ip") ?? "";

/** 4.7, for two services. */
const mayShare = (a: ServiceObject, b: ServiceObject): boolean =>
  shareKey(a) !== "" &&
  shareKey(a) === shareKey(b) &&
  a.request?.backendKey === b.request?.backendKey &&
  !(a.request?.ports ?? []).some((port) => b.request?.ports.includes(port));

function serves(p: IPAddressPoolObject, s: ServiceObject, store: ObjectStore): boolean {
  if (p.allocation === null) return true;
  const { namespaces, namespaceSelectors, serviceSelectors } = p.allocation;
  const own = store.get("Namespace", "default")?.labels ?? new Map();
  const isIn =
    namespaces.length + namespaceSelectors.length === 0 ||
    namespaces.includes("default") ||
    matchesAny(namespaceSelectors, own);
  return isIn && (serviceSelectors.length === 0 || matchesAny(serviceSelectors, s.labels));
}

/** What must hold at rest, whatever happened. */
function check(store: ObjectStore, engine: AllocationEngine): void {
  const pools = [...indexPools(store.list("IPAddressPool")).pools.values()];
  const services = [...store.list("Service")].filter(isOurs);
  const allocations = engine.allocations;
  expect([...allocations.keys()].sort()).toEqual(services.map((s) => s.key).sort());
  const users = new Map<string, ServiceObject[]>();
  for (const service of services) {
    const { ips, pool: name } = allocations.get(service.key) as ServiceAllocation;
    const holder = pools.find((p) => p.ref.name === name);
    for (const text of ips) {
      expect(
        holder === undefined ? [] : addressesOf(holder),
        `${service.key} holds addresses of pool ${name}`,
      ).toContain(text);
      users.set(text, [...(users.get(text) ?? []), service]);
    }
    if (holder !== undefined)
      expect(serves(holder, service, store), `${holder.ref.name} serves ${service.key}`).toBe(true);
    expect(new Set(ips.map((text) => text.includes(":"))).size, "one of each family").toBe(ips.length);
  }
  for (const [text, sharers] of users) {
    for (const [i, s] of sharers.entries())
      for (const t of sharers.slice(i + 1)) expect(mayShare(s, t), `${s.key} and ${t.key} share ${text}`).toBe(true);
  }
  for (const counters of engine.counters()) {
    const p = pools.find((q) => q.ref.name === counters.pool) as IPAddressPoolObject;
    const all = addressesOf(p);
    for (const version of [4, 6] as const) {
      const family = all.filter((text) => text.includes(":") === (version === 6));
      expect(counters.capacity[version], `${counters.pool} capacity`).toBe(BigInt(family.length));
      expect(counters.assigned[version], `${counters.pool} assigned`).toBe(
        family.filter((text) => users.has(text)).length,
      );
    }
  }
  for (const service of services) {
    const { standing, ips } = allocations.get(service.key) as ServiceAllocation;
    expect(ips.length > 0 || standing !== null, `${service.key} has an address or a reason`).toBe(true);
    const isPlain =
      service.annotations.size === 0 &&
      service.request?.loadBalancerIp === null &&
      service.request.clusterIps.length === 1;
    if (standing?.reason !== "AllocationFailed" || !isPlain) continue;
    const isSix = service.request?.clusterIps[0]?.includes(":") === true;
    const free = pools
      .filter((p) => p.autoAssign && serves(p, service, store))
      .flatMap(addressesOf)
      .filter((t) => t.includes(":") === isSix && !users.has(t));
    expect(free, `${service.key} failed although something is free`).toEqual([]);
  }
}

/** The text of a failure tells of the moment it was found, which is not the same on every way. */
/** All that pools say about who gets what. */
const poolTerms = (store: ObjectStore): string =>
  JSON.stringify(
    [...store.list("IPAddressPool")].map((p) => [
      p.ref.name,
      p.addresses,
      p.autoAssign,
      p.avoidBuggyIPs,
      p.allocation,
      p.order,
    ]),
  );
const plain = (m: ReadonlyMap<ServiceKey, ServiceAllocation>) =>
  Object.fromEntries(
    [...m]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, v]) => [key, { ips: v.ips, pool: v.pool, standing: v.standing?.reason ?? null }]),
  );

/** The store once everybody's status has been written. */
function written(store: ObjectStore, engine: AllocationEngine): ObjectStore {
  const copy = new ObjectStore();
  for (const kind of ["IPAddressPool", "Namespace"] as const) for (const object of store.list(kind)) copy.put(object);
  for (const service of store.list("Service")) {
    const ips = isOurs(service) ? engine.allocations.get(service.key)?.ips : undefined;
    copy.put(ips === undefined ? service : { ...service, ingress: ips.map((text) => ({ ip: text })) });
  }
  return copy;
}

const quiet = { allocated: () => {} };

test.each([
  ["cluster", CLUSTER],
  ["manifests", MANIFESTS],
] as const)(
  "no history loses or doubles an address, the counters are exact, and from scratch nothing changes: %s",
  (_name, options: AllocationOptions) => {
    fc.assert(
      fc.property(anyStart, fc.array(anyStep, { maxLength: 8 }), (start, steps) => {
        let store = new ObjectStore();
        for (const object of [...start.pools, ...start.services]) store.put(object);
        const published = new Map<ServiceKey, readonly string[]>();
        const sink: AllocationSink = {
          allocated(key, before, after, events) {
            const lost = (before?.ips ?? []).filter((text) => !(after?.ips ?? []).includes(text));
            const wasTold = events.some((e) =>
              ["ClearAssignment", "not enough clusterips", "nolbIPsIPFamily"].includes(e.reason),
            );
            const service = store.get("Service", key);
            // in a cluster somebody else may have written status, and a service that is not ours any more has nothing
            if (lost.length > 0 && after !== undefined && options.source === "manifests")
              expect(wasTold, `${key} lost ${lost} silently`).toBe(true);
            if (after === undefined) expect(service === undefined || !isOurs(service)).toBe(true);
            published.set(key, after?.ips ?? []);
            // at no moment do two services have one address that they may not share
            for (const text of after?.ips ?? []) {
              for (const [other, ips] of published) {
                const [s, t] = [store.get("Service", key), store.get("Service", other)];
                if (other === key || !ips.includes(text) || s === undefined || t === undefined || !isOurs(t)) continue;
                if (pending.has(other)) continue;
                expect(mayShare(s, t), `${key} and ${other} both have ${text}`).toBe(true);
              }
            }
          },
        };
        const pending = new Set<ServiceKey>(NAMES.map((n) => ServiceKey("default", n)));
        let engine = new AllocationEngine(store, options, sink);
        engine.run();
        check(store, engine);
        for (const { changes, isRestart, isCutShort } of steps) {
          const before = plain(engine.allocations);
          const held = new Map(engine.holdings());
          const poolsBefore = poolTerms(store);
          const services = new Map([...store.list("Service")].map((s) => [s.key, s]));
          const made = changes.flatMap((change) => applyTo(store, change) ?? []);
          pending.clear();
          for (const { after, before: was } of made)
            for (const o of [after, was]) if (o?.kind === "Service") pending.add(o.key);
          if (made.some((m) => m.kind !== "Service") || isRestart)
            for (const n of NAMES) pending.add(ServiceKey("default", n));
          if (isRestart) {
            store = written(store, engine);
            engine = new AllocationEngine(store, options, sink, options.source === "cluster" ? new Map() : held);
            engine.run();
            engine.releaseAbsent();
          } else engine.apply(made);
          if (isCutShort) engine.run(() => true);
          engine.run();
          check(store, engine);
          const now = plain(engine.allocations);
          const areSettled = poolsBefore === poolTerms(store) && !made.some((m) => m.kind === "Namespace");
          for (const [key, was] of Object.entries(before)) {
            if (!areSettled || store.get("Service", key) !== services.get(key as ServiceKey)) continue;
            expect(now[key]?.ips, `${key} keeps what it had: neither it nor a pool changed`).toEqual(
              expect.arrayContaining([...was.ips]),
            );
          }
          const memory = options.source === "cluster" ? new Map<ServiceKey, Remembered>() : new Map(engine.holdings());
          const again = allocate(written(store, engine), options, memory);
          expect(plain(again.allocations), "from scratch with what is held").toEqual(now);
        }
      }),
      { numRuns: RUNS },
    );
  },
);

test("the order of events within a turn makes no difference", () => {
  const everything = fc.tuple(
    fc.uniqueArray(anyPool, { selector: (p) => p.ref.name, maxLength: 3 }),
    fc.uniqueArray(anyService, { selector: (s) => s.ref.name, maxLength: 7 }),
  );
  fc.assert(
    fc.property(
      everything.chain(([pools, services]) =>
        fc.tuple(
          fc.constant([...pools, ...services]),
          fc.shuffledSubarray([...pools, ...services], { minLength: pools.length + services.length }),
        ),
      ),
      ([straight, shuffled]) => {
        const results = [straight, shuffled].map((objects) => {
          const store = new ObjectStore();
          const engine = new AllocationEngine(store, CLUSTER, quiet);
          engine.run();
          engine.apply(objects.map((object) => store.put(object)));
          engine.run();
          return plain(engine.allocations);
        });
        expect(results[0]).toEqual(results[1]);
      },
    ),
    { numRuns: RUNS },
  );
});
