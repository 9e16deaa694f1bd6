import { describe, expect, test } from "vitest";
import { DecisionEngine } from "../../src/announce/engine.ts";
import type { ModelObject } from "../../src/announce/model.ts";
import { decideAll } from "../../src/announce/reference.ts";
import { NO_SITES } from "../../src/announce/siteGate.ts";
import { formatPrefix } from "../../src/kernel/ip.ts";
import { Millis } from "../../src/kernel/units.ts";
import type { ObjectStore, StoreChange } from "../../src/sources/store.ts";
import {
  adv,
  community,
  endpoint,
  ip,
  node,
  options,
  peer,
  pool,
  service,
  slice,
  storeOf,
  withLabels,
} from "./builders.ts";

/** An engine over a store, and everything it said since it was last asked. */
function start(...objects: readonly ModelObject[]) {
  const store = storeOf(...objects);
  let said: string[] = [];
  const engine = new DecisionEngine(store, options(), {
    peersChanged: (peers) => said.push(`peers ${peers.map((p) => p.name + (p.config === null ? "!" : ""))}`),
    setRoute: (name, prefix, a) =>
      said.push(
        `${a === null ? "-" : "+"} ${name} ${formatPrefix(prefix)}${a?.communities.length ? ` ${a.communities}` : ""}`,
      ),
    serviceChanged: (key, before, after) =>
      said.push(`${key} ${before?.reason ?? before?.announced}>${after?.reason ?? after?.announced}`),
    problemsChanged: (problems) => said.push(`problems ${problems.map((p) => p.name)}`),
  });
  const take = () => {
    const out = said;
    said = [];
    return out;
  };
  const change = (...changes: (StoreChange | null)[]) => {
    engine.apply(changes.filter((c) => c !== null));
    expect(engine.run()).toBe(true);
    return take();
  };
  expect(engine.run()).toBe(true);
  return { store, engine, change, first: take(), take };
}

const p1 = pool("p1", ["192.0.2.0/24"]);
const tor = peer("tor", "203.0.113.1");
const base = [p1, tor, adv("a"), service("web", ["192.0.2.10"]), slice("web"), service("db", ["192.0.2.11"])];
const put = (store: ObjectStore, o: ModelObject) => store.put(o);

describe("what the sink is told", () => {
  test("at the start: peers, decisions, routes, problems", () => {
    expect(start(...base).first).toEqual([
      "peers tor",
      "default/web undefined>true",
      "default/db undefined>noEndpoints",
      "+ tor 192.0.2.10/32",
      "problems ",
    ]);
  });
  test("an endpoint that goes and comes back: one service, one route", () => {
    const { store, change } = start(...base);
    expect(change(put(store, slice("web", [endpoint({ ready: false })])))).toEqual([
      "default/web true>noEndpoints",
      "- tor 192.0.2.10/32",
    ]);
    expect(change(put(store, slice("web")))).toEqual(["default/web noEndpoints>true", "+ tor 192.0.2.10/32"]);
  });
  test("a change without effect says nothing", () => {
    const { store, change } = start(...base);
    expect(change(put(store, slice("web", [endpoint(), endpoint()])))).toEqual([]);
    expect(change(put(store, adv("a")), put(store, tor), put(store, node("n1")), put(store, node("n7")))).toEqual([]);
  });
  test("a Node that goes and comes back, at first without its address, leaves the router id and the sessions alone", () => {
    const at = (address: string) => node("n1", { internalIps: [ip(address)] });
    const { store, engine, change } = start(...base, at("192.0.2.1"));
    const id = () => engine.config?.peers[0]?.config?.routerId;
    expect(id()).toBe(0xc000_0201);
    expect(change(store.remove("Node", node("n1").ref))).toEqual([]);
    expect(change(put(store, node("n1")))).toEqual([]);
    expect(change(put(store, at("192.0.2.1")))).toEqual([]);
    expect(id()).toBe(0xc000_0201);
    expect(change(put(store, at("192.0.2.7")))).toEqual(["peers tor"]);
    expect(id()).toBe(0xc000_0207);
  });
  test("a new VIP: the old one is withdrawn before the new one is announced", () => {
    const { store, change } = start(...base);
    expect(change(put(store, service("web", ["192.0.2.99"])))).toEqual([
      "default/web true>true",
      "- tor 192.0.2.10/32",
      "+ tor 192.0.2.99/32",
    ]);
  });
  test("a deleted service is withdrawn", () => {
    const { store, change } = start(...base);
    const gone = store.remove("Service", service("web", []).ref);
    expect(change(gone)).toEqual(["default/web true>undefined", "- tor 192.0.2.10/32"]);
  });
  test("a slice that changes hands touches both services", () => {
    const { store, change } = start(...base);
    const moved = { ...slice("web"), service: service("db", []).key };
    expect(change(put(store, moved))).toEqual([
      "default/web true>noEndpoints",
      "default/db noEndpoints>true",
      "- tor 192.0.2.10/32",
      "+ tor 192.0.2.11/32",
    ]);
  });
  test("a new peer gets every route, the others hear nothing", () => {
    const { store, change } = start(...base);
    expect(change(put(store, peer("new", "203.0.113.9")))).toEqual([
      "peers new,tor",
      "default/web true>true",
      "+ new 192.0.2.10/32",
    ]);
  });
  test("a peer that vanishes is dropped without a call per route, and gets all when it returns", () => {
    const { store, change } = start(...base, peer("b", "203.0.113.9"));
    expect(change(store.remove("BGPPeer", tor.ref))).toEqual(["peers b", "default/web true>true"]);
    expect(change(put(store, tor))).toEqual(["peers b,tor", "default/web true>true", "+ tor 192.0.2.10/32"]);
  });
  test("a peer whose Secret is missing has no routes", () => {
    const { store, change } = start(...base);
    const said = change(put(store, peer("tor", "203.0.113.1", { passwordSecret: "s" })));
    expect(said).toEqual(["peers tor!", "default/web true>noPeers", "problems tor"]);
  });
  test("an edited timer changes the peer and no route", () => {
    const { store, change } = start(...base);
    expect(change(put(store, peer("tor", "203.0.113.1", { holdTime: 9 })))).toEqual(["peers tor"]);
  });
  test("a family a peer stops carrying is withdrawn", () => {
    const dual = pool("p6", ["2001:db8::/120"]);
    const both = peer("tor", "203.0.113.1", { dualStackAddressFamily: true });
    const { store, change } = start(...base, dual, both, service("six", ["2001:db8::1"]), slice("six"));
    expect(change(put(store, tor))).toEqual(["- tor 2001:db8::1/128", "peers tor", "default/six true>noPeers"]);
  });
  test("attributes changed: the route is set again, not withdrawn", () => {
    const { store, change } = start(...base);
    expect(change(put(store, adv("a", { communities: ["0:7"] })))).toEqual([
      "default/web true>true",
      "+ tor 192.0.2.10/32 7",
    ]);
  });
  test("an alias that appears brings its advertisement into force", () => {
    const { store, change, first } = start(...base, adv("a", { communities: ["x"] }));
    expect(first).toContain("problems a");
    expect(change(put(store, community("c", { x: "0:9" })))).toEqual([
      "default/web notOwner>true",
      "default/db notOwner>noEndpoints",
      "+ tor 192.0.2.10/32 9",
      "problems ",
    ]);
  });
  test("an alias in use that goes, and comes back with its value, says nothing but that; with another, the route is set again", () => {
    const { store, engine, change } = start(...base, adv("a", { communities: ["x"] }), community("c", { x: "0:9" }));
    const before = engine.config;
    expect(change(store.remove("Community", community("c", {}).ref))).toEqual(["problems a"]);
    expect(engine.table()).toEqual(decideAll(store, options(), undefined, before));
    expect(change(put(store, peer("tor", "203.0.113.1", { holdTime: 9 })))).toEqual(["peers tor"]);
    expect(change(put(store, community("c", { x: "0:9" })))).toEqual(["problems "]);
    const gone = store.remove("Community", community("c", {}).ref);
    expect(change(gone, put(store, community("d", { x: "0:7" })))).toEqual([
      "default/web true>true",
      "+ tor 192.0.2.10/32 7",
    ]);
  });

  test("objects in force that are edited to what cannot be used say nothing but that, until they are right again", () => {
    const { store, engine, change } = start(...base);
    const before = engine.config;
    const broken = adv("a", { communities: ["1:70000"], localPref: 7 });
    expect(change(put(store, broken))).toEqual(["problems a"]);
    expect(change(put(store, { ...tor, sourceAddress: ip("2001:db8::1"), holdTime: 9 }))).toEqual(["problems a,tor"]);
    expect(engine.table()).toEqual(decideAll(store, options(), undefined, before));
    expect(change(put(store, service("new", ["192.0.2.12"])), put(store, slice("new")))).toEqual([
      "default/new undefined>true",
      "+ tor 192.0.2.12/32",
    ]);
    expect(change(put(store, { ...tor, holdTime: 9 }))).toEqual(["peers tor", "problems a"]);
    expect(change(store.remove("BGPAdvertisement", broken.ref))).toContain("- tor 192.0.2.10/32");
    expect(change(put(store, broken))).not.toContain("+ tor 192.0.2.10/32");
  });

  test("the own Node losing its network withdraws, another Node's does not", () => {
    const { store, change } = start(...base);
    expect(change(put(store, node("n2", { networkUnavailable: true })))).toEqual([]);
    expect(change(put(store, node("n1", { networkUnavailable: true })))).toEqual([
      "default/web true>nodeNetworkUnavailable",
      "default/db noEndpoints>nodeNetworkUnavailable",
      "- tor 192.0.2.10/32",
    ]);
  });
  test("a pool that moves away and back takes its services with it", () => {
    const { store, change } = start(...base);
    const gone = ["default/web true>ipNotAllowed", "default/db noEndpoints>ipNotAllowed", "- tor 192.0.2.10/32"];
    expect(change(put(store, pool("p1", ["198.51.100.0/24"])))).toEqual(gone);
    expect(change(put(store, p1))).toContain("+ tor 192.0.2.10/32");
  });

  test("an aggregate stays until the last of its services is gone", () => {
    const wide = adv("a", { aggregationLength: 24 });
    const { store, change } = start(
      p1,
      tor,
      wide,
      service("web", ["192.0.2.10"]),
      slice("web"),
      service("db", ["192.0.2.11"]),
      slice("db"),
    );
    expect(change(put(store, slice("web", [])))).toEqual(["default/web true>noEndpoints"]);
    expect(change(put(store, slice("db", [])))).toEqual(["default/db true>noEndpoints", "- tor 192.0.2.0/24"]);
  });
  test("two services that share an address with different LOCAL_PREF: a warning while both are there", () => {
    const pref = (name: string, localPref: number) =>
      adv(name, { localPref, serviceSelectors: [withLabels({ app: name })] });
    const shared = (name: string) => service(name, ["192.0.2.10"], { labels: new Map([["app", name]]) });
    const { store, change, first } = start(
      p1,
      tor,
      pref("x", 1),
      pref("y", 2),
      shared("x"),
      shared("y"),
      slice("x"),
      slice("y"),
    );
    expect(first).toContain("problems x");
    expect(change(put(store, slice("x", [])))).toContain("problems ");
  });
});

describe("turns", () => {
  const many = (n: number) =>
    Array.from({ length: n }, (_, i) => [service(`s${i}`, [`192.0.2.${i}`]), slice(`s${i}`)]).flat();

  test("a run ends when the caller says so and goes on where it stopped", () => {
    const { store, engine, take } = start(p1, tor, ...many(100));
    engine.apply([put(store, adv("a"))]);
    let turns = 0;
    while (!engine.run(() => true)) turns++;
    expect(turns).toBe(6); // 100 services, 16 at a time
    expect(take().filter((line) => line.startsWith("+"))).toHaveLength(100);
  });
  test("a service of its own accord goes before those a configuration change touched", () => {
    const { store, engine, take } = start(p1, tor, adv("a"), ...many(100));
    engine.apply([put(store, adv("a", { communities: ["0:1"] })), put(store, slice("s99", []))]);
    expect(engine.run(() => true)).toBe(false);
    expect(take()[0]).toBe("default/s99 true>noEndpoints");
  });
  test("an aggregate shows no mixture of old and new configuration between turns", () => {
    const wide = (text: string) => adv("a", { aggregationLength: 24, communities: [text] });
    const { store, engine, take } = start(p1, tor, wide("0:1"), ...many(100));
    engine.apply([put(store, wide("0:2"))]);
    while (!engine.run(() => true));
    expect(take().filter((line) => line.startsWith("+"))).toEqual(["+ tor 192.0.2.0/24 2"]);
  });
  test("a peer that stops running and is back before the turn's work is done gets every route again", () => {
    const { store, engine, take } = start(p1, tor, adv("a"), ...many(100));
    engine.apply([put(store, peer("tor", "203.0.113.1", { passwordSecret: "missing" }))]);
    expect(engine.run(() => true)).toBe(false);
    take();
    engine.apply([put(store, tor)]);
    expect(engine.run()).toBe(true);
    expect(take().filter((line) => line.startsWith("+ tor"))).toHaveLength(100);
  });
  test("a peer that changes its family is not told a route of the old one between turns", () => {
    const both = peer("both", "203.0.113.9", { dualStackAddressFamily: true });
    const { store, engine, take } = start(p1, tor, both, adv("a"), ...many(100));
    engine.apply([put(store, peer("tor", "2001:db8:f::1"))]);
    while (!engine.run(() => true));
    expect(take().filter((line) => line.startsWith("+ tor"))).toEqual([]);
  });
});

describe("annotations", () => {
  const med = (n: number) => ({ settings: { med: n } });
  const sentMeds = (engine: DecisionEngine) =>
    [...(engine.table()?.routes.values() ?? [])].flatMap((t) => [...t.values()].map((r) => r.attributes.med));

  test("a Service's value comes, changes and goes, and the route is told each time", () => {
    const { store, engine, change } = start(...base);
    for (const [settings, wanted] of [[{ med: 5 }, 5] as const, [{ med: 6 }, 6] as const, [{}, null] as const]) {
      expect(change(put(store, service("web", ["192.0.2.10"], { settings })))).toContain("+ tor 192.0.2.10/32");
      expect(sentMeds(engine)).toEqual([wanted]);
    }
  });
  test("two Services that share an address: the lower MED wins, the other Service is warned about", () => {
    const { engine } = start(
      ...base,
      service("web", ["192.0.2.10"], med(5)),
      service("api", ["192.0.2.10"], med(9)),
      slice("api"),
    );
    expect(sentMeds(engine)).toEqual([5]);
    expect(engine.table()?.problems).toMatchObject([
      {
        severity: "warning",
        kind: "Service",
        name: "api",
        path: 'metadata.annotations["vipcast.io/med"]',
        message: "9 loses where Service default/web announces the same prefix with 5",
      },
    ]);
  });
  test("a Service with values of its own does not wait until all others are decided", () => {
    const others = Array.from({ length: 40 }, (_, i) => service(`s${i}`, [`192.0.2.${100 + i}`]));
    const store = storeOf(p1, tor, adv("a"), service("web", ["192.0.2.10"], med(5)), slice("web"), ...others);
    const told: string[] = [];
    const engine = new DecisionEngine(store, options(), {
      peersChanged: () => {},
      setRoute: (_peer, prefix) => told.push(formatPrefix(prefix)),
      serviceChanged: () => {},
      problemsChanged: () => {},
    });
    expect(engine.run(() => true)).toBe(false);
    expect(told).toEqual(["192.0.2.10/32"]);
  });
  test.each([
    [3_000, 2_000, 2_000],
    [1_000, 2_000, 1_000],
    [null, 2_000, 2_000],
    [3_000, null, 3_000],
    [null, null, null],
  ])("a delay until %s and a site until %s: woken at %s", (held, site, earliest) => {
    const settings = held === null ? {} : { announceDelay: Millis(held) };
    const store = storeOf(p1, tor, adv("a"), service("web", ["192.0.2.10"], { settings }), slice("web"));
    const sink = { peersChanged() {}, setRoute() {}, serviceChanged() {}, problemsChanged() {} };
    const sites = { ...NO_SITES, deadline: () => (site === null ? null : Millis(site)) };
    const engine = new DecisionEngine(store, options(), sink, false, sites);
    engine.run(undefined, Millis(0));
    expect(engine.deadline()).toBe(earliest);
  });
  test("an aggregate does not ask its Services", () => {
    const wide = adv("a", { aggregationLength: 24, ...med(1) });
    const { engine } = start(p1, tor, wide, service("web", ["192.0.2.10"], med(5)), slice("web"));
    expect(sentMeds(engine)).toEqual([1]);
  });
  test("a Service all of whose routes are aggregates is told that its values have no effect, while that is so", () => {
    const wide = adv("a", { aggregationLength: 24 });
    const { store, engine, change } = start(p1, tor, wide, service("web", ["192.0.2.10"], med(5)), slice("web"));
    expect(engine.table()?.problems).toMatchObject([
      { severity: "warning", kind: "Service", name: "web", path: 'metadata.annotations["vipcast.io/med"]' },
    ]);
    expect(change(put(store, adv("b", { ipAddressPools: ["p1"] })))).toContain("problems ");
    expect(change(store.remove("BGPAdvertisement", adv("b").ref))).toContain("problems web");
    expect(change(put(store, service("web", ["192.0.2.10"])))).toContain("problems ");
  });
});

describe("C-193 draining", () => {
  const GRACEFUL_SHUTDOWN = 0xffff_0000;
  const marked = `+ tor 192.0.2.10/32 ${GRACEFUL_SHUTDOWN}`;

  test("every route is told once more with GRACEFUL_SHUTDOWN and LOCAL_PREF 0, nothing is withdrawn, and nothing else changes", () => {
    const { engine, take } = start(...base);
    const before = engine.table();
    engine.setLevel("marked", "because");
    expect(engine.run()).toBe(true);
    expect(take()).toEqual([marked]);
    expect(engine.run()).toBe(true);
    expect(take()).toEqual([]);
    const routes = (table: typeof before) =>
      [...(table?.routes.values() ?? [])].flatMap((t) => [...t.values()].map((r) => r.attributes));
    expect(routes(engine.table())).toEqual(
      routes(before).map((a) => ({ ...a, localPref: 0, communities: [...a.communities, GRACEFUL_SHUTDOWN] })),
    );
  });
  test("changes while draining are followed, and come with it", () => {
    const { store, engine, change } = start(...base);
    engine.setLevel("marked", "because");
    expect(change(put(store, slice("db")))).toEqual([
      "default/db noEndpoints>true",
      `+ tor 192.0.2.11/32 ${GRACEFUL_SHUTDOWN}`, // what has changed does not wait for what has not
      marked,
    ]);
    expect(change(put(store, slice("web", [])))).toEqual(["default/web true>noEndpoints", "- tor 192.0.2.10/32"]);
  });
  test("an advertisement that selects other services, or no more than aggregates, is followed though its attributes are the same", () => {
    const { store, change } = start(...base);
    const none = [{ matchLabels: [["app", "none"] as const], matchExpressions: [] }];
    expect(change(put(store, adv("a", { serviceSelectors: none })))).toContain("- tor 192.0.2.10/32");
    change(put(store, adv("a")));
    expect(change(put(store, adv("a", { aggregationLength: 24 })))).toContain("- tor 192.0.2.10/32");
  });
  test("a large table is told in turns", () => {
    const services = Array.from({ length: 100 }, (_, i) => [service(`s${i}`, [`192.0.2.${i}`]), slice(`s${i}`)]).flat();
    const { engine, take } = start(p1, tor, adv("a"), ...services);
    engine.setLevel("marked", "because");
    let turns = 0;
    while (!engine.run(() => true)) turns++;
    expect(turns).toBe(6); // 100 prefixes, 16 at a time
    expect(take()).toHaveLength(100);
  });
  test("at the level withdrawn every route goes and every Service has the reason; back at none all is as it was", () => {
    const { engine, take } = start(...base);
    const before = engine.table();
    engine.setLevel("withdrawn", "by a test");
    expect(engine.run()).toBe(true);
    expect(take()).toEqual([
      "- tor 192.0.2.10/32",
      "default/web true>nodeDrained",
      "default/db noEndpoints>nodeDrained",
    ]);
    expect([...engine.decisions.values()].map((d) => d.detail)).toContain("by a test");
    engine.setLevel("none", null);
    expect(engine.run()).toBe(true);
    expect(take()).toEqual([
      "default/web nodeDrained>true",
      "default/db nodeDrained>noEndpoints",
      "+ tor 192.0.2.10/32",
    ]);
    expect(engine.table()).toEqual(before);
  });
  test("a route that carries it already, and is no more wanted than that, is left alone", () => {
    const objects = [p1, tor, adv("a", { communities: ["graceful-shutdown"], localPref: 0 }), ...base.slice(3)];
    const { engine, take } = start(...objects);
    engine.setLevel("marked", "because");
    engine.run();
    expect(take()).toEqual([]);
  });
});

test("C-192 communities of many advertisements: the one that does not fit is out, and in again when there is room", () => {
  const many = (n: number) =>
    adv(`a${n}`, { communities: Array.from({ length: 63 }, (_, i) => `large:${n}:0:${i}`), order: n });
  const { store, engine, change } = start(...base.slice(0, 2), ...base.slice(3), ...[1, 2, 3, 4, 5, 6].map(many));
  const state = () => {
    const table = engine.table();
    const route = table?.routes.values().next().value?.get("192.0.2.10/32");
    const of = new Set(route?.attributes.largeCommunities.map((c) => c.globalAdmin));
    return [[...of], table?.problems.map((p) => `${p.severity} ${p.kind} ${p.name} ${p.path}`)];
  };
  expect(state()).toEqual([[1, 2, 3, 4, 5], ["error BGPAdvertisement a6 spec.communities"]]);
  expect(change(store.remove("BGPAdvertisement", many(2).ref))).toContain("problems ");
  expect(state()).toEqual([[1, 3, 4, 5, 6], []]);
});
