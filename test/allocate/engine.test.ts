// The incremental allocator over time: what is kept, what is released, who is served when something becomes free, and who is told.
import { describe, expect, test } from "vitest";
import { AllocationEngine, type Remembered } from "../../src/allocate/engine.ts";
import { OWN_USE } from "../../src/allocate/ledger.ts";
import type { AllocationOptions } from "../../src/allocate/model.ts";
import type { ModelObject, ServiceObject } from "../../src/announce/model.ts";
import type { ServiceKey } from "../../src/kernel/units.ts";
import { ObjectStore } from "../../src/sources/store.ts";
import { labels, withLabels } from "../announce/builders.ts";
import { allocation, CLUSTER, lb, MANIFESTS, namespaceOf, pool } from "./support.ts";

/** A store with its allocator, and what the allocator said. */
class World {
  readonly store = new ObjectStore();
  readonly said: string[] = [];
  readonly engine: AllocationEngine;

  constructor(options: AllocationOptions = CLUSTER, held: Readonly<Record<string, readonly string[]>> = {}) {
    const remembered = Object.entries(held).map(([name, ips]) => [`default/${name}`, { ips, terms: OWN_USE }] as const);
    const sink = {
      allocated: (
        key: ServiceKey,
        _before: unknown,
        after: { readonly ips: readonly string[] } | undefined,
        events: readonly { readonly reason: string }[],
      ) => {
        this.said.push(
          `${key.slice(8)} ${after === undefined ? "gone" : after.ips.join("+") || "-"} ${events.map((e) => e.reason).join("+")}`.trim(),
        );
      },
    };
    this.engine = new AllocationEngine(
      this.store,
      options,
      sink,
      new Map(remembered) as unknown as ReadonlyMap<ServiceKey, Remembered>,
    );
  }

  /** One turn with these changes; what was said in it. */
  turn(...changes: readonly (ModelObject | { readonly remove: ModelObject })[]): readonly string[] {
    this.said.length = 0;
    for (const change of changes) {
      const made =
        "remove" in change ? this.store.remove(change.remove.kind, change.remove.ref) : this.store.put(change);
      if (made !== null) this.engine.apply([made]);
    }
    expect(this.engine.run()).toBe(true);
    return [...this.said];
  }

  get has(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.engine.allocations].map(([key, { ips }]) => [key.slice(8), ips.join("+")]));
  }
}

const p2 = pool("p", ["192.0.2.1-192.0.2.2"]);
const [a, b, c, d] = ["a", "b", "c", "d"].map((name, i) => lb(name, 4, { over: { createdAt: i } })) as [
  ServiceObject,
  ServiceObject,
  ServiceObject,
  ServiceObject,
];

describe("4.3 over time", () => {
  test("1: a deleted service releases its address, and the eldest that waits gets it, not the newcomer of the same turn", () => {
    const world = new World();
    expect(world.turn(p2, a, b, c)).toEqual([
      "a 192.0.2.1 IPAllocated",
      "b 192.0.2.2 IPAllocated",
      "c - AllocationFailed",
    ]);
    expect(world.turn({ remove: a }, d)).toEqual(["a gone", "c 192.0.2.1 IPAllocated", "d - AllocationFailed"]);
  });

  test("13: a failure is told once, not with every look at it", () => {
    const world = new World();
    world.turn(p2, a, b, c);
    expect(world.turn({ ...c, labels: labels({ x: "y" }) })).toEqual([]);
  });

  test("3, Q-12: a service that leaves type LoadBalancer, and so loses its class, is cleaned up", () => {
    const world = new World({ lbClass: "x", source: "cluster" });
    const own = { ...a, loadBalancerClass: "x" };
    expect(world.turn(p2, own)).toEqual(["a 192.0.2.1 IPAllocated"]);
    expect(world.turn({ ...own, type: "ClusterIP", loadBalancerClass: null, request: null })).toEqual(["a gone"]);
    expect(world.engine.counters()).toMatchObject([{ assigned: { 4: 0 }, services: 0 }]);
  });

  test("a service that loses its address and gets another is told of both, the loss first", () => {
    const world = new World();
    world.turn(p2, a);
    expect(world.turn(pool("p", ["203.0.113.1/32"]))).toEqual(["a - ClearAssignment", "a 203.0.113.1 IPAllocated"]);
  });

  test("Q-11: a service that fails keeps nobody else from being served", () => {
    const world = new World();
    const bad = lb("0", 4, { annotations: { "metallb.io/loadBalancerIPs": "x" } });
    expect(world.turn(p2, bad, a)).toContain("a 192.0.2.1 IPAllocated");
  });
});

describe("the truth in a cluster is status", () => {
  test("our own write that comes back changes nothing", () => {
    const world = new World();
    world.turn(p2, a);
    expect(world.turn({ ...a, ingress: [{ ip: "192.0.2.1" }] })).toEqual([]);
  });

  test("an address that somebody else wrote is taken over where it may be held", () => {
    const world = new World();
    world.turn(p2, a);
    expect(world.turn({ ...a, ingress: [{ ip: "192.0.2.2" }] })).toEqual(["a 192.0.2.2"]);
    expect(world.turn(b)).toEqual(["b 192.0.2.1 IPAllocated"]);
  });

  test("an event that is older than our write takes nothing back", () => {
    const world = new World();
    world.turn(p2, a);
    expect(world.turn({ ...a, labels: labels({ new: "yes" }) })).toEqual([]);
    expect(world.has).toEqual({ a: "192.0.2.1" });
  });

  test("without a cluster what was given stays, whatever status in the manifest says later", () => {
    const world = new World(MANIFESTS);
    world.turn(p2, a);
    expect(world.turn({ ...a, ingress: [{ ip: "192.0.2.2" }] })).toEqual([]);
  });
});

describe("restart", () => {
  test("everybody is asked what they hold before anybody is given anything", () => {
    const world = new World(CLUSTER);
    world.turn(p2, a, { ...b, ingress: [{ ip: "192.0.2.1" }] });
    expect(world.has).toEqual({ a: "192.0.2.2", b: "192.0.2.1" });
  });

  test("what is remembered goes before status, and is told as nothing new", () => {
    const world = new World(MANIFESTS, { a: ["192.0.2.2"] });
    expect(world.turn(p2, { ...a, ingress: [{ ip: "192.0.2.1" }] })).toEqual(["a 192.0.2.2"]);
  });

  test("the address of a service that is not there yet is nobody else's, until it is known not to come", () => {
    const world = new World(MANIFESTS, { a: ["192.0.2.1"], b: ["192.0.2.2"] });
    expect(world.turn(p2, c)).toEqual(["c - AllocationFailed"]);
    expect([...world.engine.holdings()].map(([key]) => key)).toEqual(["default/a", "default/b"]);
    expect(world.turn(a)).toEqual(["a 192.0.2.1"]);
    expect(world.engine.hasAbsent).toBe(true);
    world.engine.releaseAbsent();
    expect(world.turn()).toEqual(["c 192.0.2.2 IPAllocated"]);
  });

  test("of several that are not there, the address of each is free once that one is known not to come", () => {
    const world = new World(MANIFESTS, { a: ["192.0.2.1"], b: ["192.0.2.2"] });
    world.turn(p2, c);
    world.engine.releaseAbsent((key) => key === "default/a");
    expect(world.turn()).toEqual(["c 192.0.2.2 IPAllocated"]);
    expect([...world.engine.holdings()].map(([key]) => key)).toEqual(["default/a", "default/c"]);
    expect(world.turn(a)).toEqual(["a 192.0.2.1"]);
  });
});

describe("4.8 pool changes", () => {
  test("a wider pool takes nothing away and serves those who wait", () => {
    const world = new World();
    world.turn(p2, a, b, c);
    expect(world.turn(pool("p", ["192.0.2.0-192.0.2.2"]))).toEqual(["c 192.0.2.0 IPAllocated"]);
    expect(world.has).toEqual({ a: "192.0.2.1", b: "192.0.2.2", c: "192.0.2.0" });
  });

  test("addresses that move to another pool stay, and the pool's name follows", () => {
    const world = new World();
    world.turn(p2, a);
    expect(world.turn({ remove: p2 }, pool("q", ["192.0.2.0/24"]))).toEqual(["a 192.0.2.1"]);
    expect(world.engine.allocations.get(a.key)?.pool).toBe("q");
    expect(world.engine.counters()).toMatchObject([{ pool: "q", assigned: { 4: 1 }, services: 1 }]);
  });

  test("a restriction on a pool clears whom it excludes", () => {
    const world = new World();
    world.turn(p2, a, b);
    const restricted = pool("p", ["192.0.2.1-192.0.2.2"], {
      allocation: allocation({ serviceSelectors: [withLabels({ app: "x" })] }),
    });
    expect(world.turn({ ...b, labels: labels({ app: "x" }) }, restricted)).toEqual([
      "a - ClearAssignment",
      "a - AllocationFailed",
    ]);
    expect(world.has).toEqual({ a: "", b: "192.0.2.2" });
  });

  test("a namespace that loses its labels clears its services, and gets them back with its labels", () => {
    const world = new World();
    world.turn(
      pool("p", ["192.0.2.1/32"], { allocation: allocation({ namespaceSelectors: [withLabels({ team: "red" })] }) }),
      namespaceOf("red"),
      a,
    );
    expect(world.turn(namespaceOf("blue"))).toEqual(["a - ClearAssignment", "a - AllocationFailed"]);
    expect(world.turn(namespaceOf("red"))).toEqual(["a 192.0.2.1 IPAllocated"]);
  });

  test("a removed pool clears its services; a pool of the same addresses serves them again", () => {
    const world = new World();
    world.turn(p2, a);
    expect(world.turn({ remove: p2 })).toEqual(["a - ClearAssignment", "a - AllocationFailed"]);
    expect(world.turn(p2)).toEqual(["a 192.0.2.1 IPAllocated"]);
  });
});

describe("4.7 sharing over time", () => {
  const shared = (name: string, port: string, key = "k"): ServiceObject =>
    lb(name, 4, { annotations: { "metallb.io/allow-shared-ip": key }, request: { ports: [port] } });

  test("the sole user of an address may change its key", () => {
    const world = new World();
    world.turn(p2, shared("a", "TCP/1"));
    expect(world.turn(shared("a", "TCP/1", "other"))).toEqual([]);
    expect(world.turn(shared("b", "TCP/2", "other"))).toEqual(["b 192.0.2.1 IPAllocated"]);
  });

  test("a change that breaks sharing costs the changed service its address", () => {
    const world = new World();
    world.turn(p2, shared("a", "TCP/1"), shared("b", "TCP/2"));
    expect(world.turn(shared("a", "TCP/1", "other"))).toEqual(["a - ClearAssignment", "a 192.0.2.2 IPAllocated"]);
    expect(world.has).toEqual({ a: "192.0.2.2", b: "192.0.2.1" });
  });

  test("a change of keys that makes an address shareable serves who waits for it", () => {
    const world = new World();
    world.turn(pool("p", ["192.0.2.1/32"]), shared("a", "TCP/1", "x"), shared("b", "TCP/2", "y"));
    expect(world.has).toEqual({ a: "192.0.2.1", b: "" });
    expect(world.turn(shared("a", "TCP/1", "y"))).toEqual(["b 192.0.2.1 IPAllocated"]);
  });

  test("an address is free when its last user has gone", () => {
    const world = new World();
    const [x, y] = [shared("a", "TCP/1"), shared("b", "TCP/2")];
    world.turn(pool("p", ["192.0.2.1/32"]), x, y, lb("c", 4));
    expect(world.turn({ remove: x })).toEqual(["a gone"]);
    expect(world.turn({ remove: y })).toEqual(["b gone", "c 192.0.2.1 IPAllocated"]);
  });
});

test("a turn that ends early goes on in the next one and comes to the same result", () => {
  const services = Array.from({ length: 100 }, (_, i) => lb(`s${String(i).padStart(3, "0")}`, 4));
  const all = [pool("p", ["192.0.2.0/26"]), ...services];
  const whole = new World();
  whole.turn(...all);
  const sliced = new World();
  for (const object of all) sliced.store.put(object);
  let turns = 1;
  while (!sliced.engine.run(() => true) && turns < 1000) turns++;
  expect(turns).toBeGreaterThan(5);
  expect(sliced.has).toEqual(whole.has);
});

describe("a turn that is cut short", () => {
  const names = Array.from({ length: 40 }, (_, i) => `s${String(i).padStart(3, "0")}`);
  const [first = ""] = names;
  const held = Object.fromEntries(names.map((name, i) => [name, [`192.0.2.${i}`]]));

  /** All services, of which a first run that has to stop has asked only some. */
  const begun = (options: AllocationOptions, remembered: typeof held, ips: boolean): World => {
    const world = new World(options, remembered);
    world.store.put(pool("p", ["192.0.2.0/26"]));
    for (const name of names) world.store.put(lb(name, 4, ips ? { ips: held[name] ?? [] } : {}));
    expect(world.engine.run(() => true)).toBe(false);
    return world;
  };

  test("forgets nobody of whom it remembers addresses and who has not been asked yet", () => {
    const world = begun(MANIFESTS, held, false);
    const now = [...world.engine.holdings()].map(([key, { ips }]) => [key.slice(8), ips]);
    expect(Object.fromEntries(now)).toEqual(held);
    expect(now).toHaveLength(names.length);
    world.turn();
    expect(world.has).toEqual(Object.fromEntries(names.map((name, i) => [name, `192.0.2.${i}`])));
  });

  test("gives nothing to whom a change in between has made refuse", () => {
    const world = begun(CLUSTER, {}, false);
    expect(world.turn(lb(first, 4, { annotations: { "metallb.io/loadBalancerIPs": "x" } }))).toContain(
      `${first} - LoadBalancerFailed`,
    );
    expect(world.has[first]).toBe("");
  });

  test("leaves nobody with an address whose pool is edited away in between", () => {
    const world = begun(CLUSTER, {}, true);
    world.turn(pool("p", ["198.51.100.0/26"]));
    expect(Object.values(world.has).filter((ip) => !ip.startsWith("198.51.100."))).toEqual([]);
  });
});
