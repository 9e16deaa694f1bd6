import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Holds } from "../../src/announce/holds.ts";
import type { ServiceSettings } from "../../src/announce/model.ts";
import { decideAll } from "../../src/announce/reference.ts";
import { Millis, ServiceKey } from "../../src/kernel/units.ts";
import { ObjectStore } from "../../src/sources/store.ts";
import { adv, endpoint, options, peer, pool, service, slice } from "./builders.ts";

const KEY = ServiceKey("default", "web");

/** A service whose endpoints and annotations change at given moments. */
function stage(isTrusting = false) {
  const store = new ObjectStore();
  for (const object of [pool("p", ["192.0.2.0/24", "2001:db8::/64"]), peer("tor", "203.0.113.1"), adv("a")])
    store.put(object);
  const holds = new Holds(store, "n1", isTrusting);
  const put = (at: number, object: Parameters<ObjectStore["put"]>[0]): void => {
    const change = store.put(object);
    if (change !== null) holds.observe(change, Millis(at));
  };
  const annotate = (at: number, settings: ServiceSettings): void =>
    put(at, service("web", ["192.0.2.1"], { settings, order: 0 }));
  const ready = (at: number, isReady: boolean): void =>
    put(at, slice("web", [endpoint({ ready: isReady })], { order: 0 }));
  const decision = (at: number) => decideAll(store, options(), holds.at(Millis(at))).decisions.get(KEY);
  const reason = (at: number): string | null | undefined => decision(at)?.reason;
  return { store, holds, annotate, ready, decision, reason };
}

const ANNOUNCE = { announceDelay: Millis(5000) };
const WITHDRAW = { withdrawDelay: Millis(3000) };

describe("announce-delay", () => {
  test("holds until the endpoints have been ready for so long: not before, not later, and says until when", () => {
    const s = stage();
    s.annotate(0, ANNOUNCE);
    s.ready(1000, true);
    expect(s.decision(5999)).toMatchObject({ announced: false, reason: "announceDelayed", heldUntil: 6000 });
    expect(s.decision(6000)).toMatchObject({ announced: true, reason: null });
    expect(s.decision(6000)?.heldUntil).toBeUndefined();
    expect(s.holds.deadline()).toBe(6000);
    expect(s.holds.due(Millis(5999))).toEqual([]);
    expect(s.holds.due(Millis(6000))).toEqual([KEY]);
    expect(s.holds.deadline()).toBeNull();
  });

  test("begins anew with each break, and does not hold what goes", () => {
    const s = stage();
    s.annotate(0, ANNOUNCE);
    s.ready(0, true);
    s.ready(4000, false);
    expect(s.reason(4000)).toBe("noEndpoints");
    expect(s.holds.deadline()).toBeNull();
    s.ready(4500, true);
    expect(s.reason(9499)).toBe("announceDelayed");
    expect(s.reason(9500)).toBeNull();
    s.ready(20_000, false);
    expect(s.reason(20_000)).toBe("noEndpoints");
  });

  test("another endpoint in between is no break", () => {
    const s = stage();
    s.annotate(0, ANNOUNCE);
    s.ready(0, true);
    const other = s.store.put(slice("web", [endpoint(), endpoint()], { order: 0 }));
    if (other !== null) s.holds.observe(other, Millis(3000));
    expect(s.reason(5000)).toBeNull();
  });

  test("a service that is announced is not taken back when it gets the annotation; a shorter delay counts at once", () => {
    const s = stage();
    s.annotate(0, {});
    s.ready(0, true);
    s.annotate(1000, ANNOUNCE);
    expect(s.reason(1000)).toBeNull();
    s.ready(2000, false);
    s.ready(2500, true);
    expect(s.reason(3000)).toBe("announceDelayed");
    s.annotate(3500, { announceDelay: Millis(500) });
    expect(s.reason(3500)).toBeNull();
    s.ready(4000, false);
    s.ready(4000, true);
    s.annotate(4100, {});
    expect(s.reason(4100)).toBeNull();
  });

  test("after a start it counts from the reading, after a crash what is ready counts at once, but nothing later", () => {
    for (const isTrusting of [false, true]) {
      const s = stage(isTrusting);
      s.annotate(100, ANNOUNCE);
      s.ready(100, true);
      s.holds.begin(Millis(200));
      expect(s.reason(200)).toBe(isTrusting ? null : "announceDelayed");
      s.ready(300, false);
      s.ready(400, true);
      expect(s.reason(400)).toBe("announceDelayed");
    }
  });
});

describe("withdraw-delay", () => {
  test("bridges a gap, and ends with it", () => {
    const s = stage();
    s.annotate(0, WITHDRAW);
    s.ready(0, true);
    expect(s.reason(0)).toBeNull();
    s.ready(10_000, false);
    expect(s.decision(12_999)).toMatchObject({ announced: true, heldUntil: 13_000 });
    expect(s.reason(13_000)).toBe("noEndpoints");
    s.ready(12_999, true);
    expect(s.decision(13_000)).toMatchObject({ announced: true });
    expect(s.holds.deadline()).toBeNull();
  });

  test("does not hold what other rules end", () => {
    const s = stage();
    s.annotate(0, WITHDRAW);
    s.ready(0, true);
    s.ready(10_000, false);
    s.store.remove("BGPAdvertisement", adv("a").ref);
    expect(s.reason(10_001)).toBe("notOwner");
  });

  test("does not hold while the node drains, and what waits for its announcement waits for ever", () => {
    const s = stage();
    s.annotate(0, WITHDRAW);
    s.ready(0, true);
    s.ready(1000, false);
    expect([...s.holds.setDraining(true, Millis(1000))]).toEqual([KEY]);
    expect(s.reason(1001)).toBe("noEndpoints");
    const t = stage();
    t.annotate(0, ANNOUNCE);
    t.ready(0, true);
    t.holds.setDraining(true, Millis(0));
    expect(t.reason(100_000)).toBe("announceDelayed");
  });
});

describe("require-family-endpoints", () => {
  const dual = (settings: ServiceSettings, poolSettings = {}) => {
    const store = new ObjectStore();
    const objects = [
      pool("p", ["192.0.2.0/24", "2001:db8::/64"], { settings: poolSettings }),
      peer("tor", "203.0.113.1", { dualStackAddressFamily: true }),
      adv("a"),
      service("web", ["192.0.2.1", "2001:db8::1"], { settings }),
      service("six", ["2001:db8::2"], { settings }),
      slice("web"),
      slice("six"),
    ];
    for (const object of objects) store.put(object);
    const table = decideAll(store, options());
    const routes = [...(table.routes.values().next().value?.keys() ?? [])].sort();
    return { routes, six: table.decisions.get(ServiceKey("default", "six")) };
  };

  test("without it any endpoint will do; with it each address needs one of its own family", () => {
    expect(dual({}).routes).toEqual(["192.0.2.1/32", "2001:db8::1/128", "2001:db8::2/128"]);
    const { routes, six } = dual({ requireFamilyEndpoints: true });
    expect(routes).toEqual(["192.0.2.1/32"]);
    expect(six).toMatchObject({
      reason: "noFamilyEndpoints",
      cause: { ref: { kind: "Service" }, path: 'metadata.annotations["vipcast.io/require-family-endpoints"]' },
    });
  });

  test("a pool can ask for it, and a Service stands before its pool", () => {
    const pooled = dual({}, { requireFamilyEndpoints: true });
    expect(pooled.routes).toEqual(["192.0.2.1/32"]);
    expect(pooled.six).toMatchObject({
      reason: "noFamilyEndpoints",
      cause: { ref: { kind: "IPAddressPool", name: "p" } },
    });
    expect(dual({ requireFamilyEndpoints: false }, { requireFamilyEndpoints: true }).routes).toHaveLength(3);
  });
});

describe("local-more-specifics", () => {
  const at = (policy: "Local" | "Cluster", localMoreSpecifics: boolean): readonly string[] => {
    const store = new ObjectStore();
    const objects = [
      pool("p", ["192.0.2.0/24"]),
      peer("tor", "203.0.113.1"),
      adv("a", { aggregationLength: 24, localPref: 200, settings: { localMoreSpecifics } }),
      service("web", ["192.0.2.1"], { externalTrafficPolicy: policy, settings: { med: 7 } }),
      slice("web"),
    ];
    for (const object of objects) store.put(object);
    const [routes] = decideAll(store, options()).routes.values();
    return [...(routes ?? [])]
      .map(([prefix, { attributes }]) => `${prefix} ${attributes.localPref} ${attributes.med}`)
      .sort();
  };

  test.each([
    ["Local", true, ["192.0.2.0/24 200 null", "192.0.2.1/32 200 7"]],
    ["Local", false, ["192.0.2.0/24 200 null"]],
    ["Cluster", true, ["192.0.2.0/24 200 null"]],
  ] as const)("policy %s, annotation %s", (policy, isSet, routes) => {
    expect(at(policy, isSet)).toEqual(routes);
  });
});

/** The same as one sentence over the whole history, millisecond by millisecond. */
function plain(
  flips: readonly { readonly at: number; readonly isReady: boolean }[],
  end: number,
  up: number,
  down: number,
): boolean {
  let counts = false;
  for (let now = 0; now <= end; now++) {
    // what had been up to this moment comes first: whoever reaches the due moment has waited long enough
    const before = [...flips].reverse().find((f) => f.at < now);
    if (before !== undefined && now - before.at >= (before.isReady ? up : down)) counts = before.isReady;
    const flip = flips.find((f) => f.at === now);
    if (flip !== undefined && (flip.isReady ? up : down) === 0) counts = flip.isReady;
  }
  return counts;
}

test("at any moment what counts is what a walk over every millisecond gives", () => {
  const moments = fc.uniqueArray(fc.nat(30), { maxLength: 8 }).map((list) => list.sort((a, b) => a - b));
  fc.assert(
    fc.property(moments, fc.nat(6), fc.nat(6), fc.nat(45), (times, up, down, end) => {
      const s = stage();
      s.annotate(0, { announceDelay: Millis(up), withdrawDelay: Millis(down) });
      const flips = times.map((at, i) => ({ at, isReady: i % 2 === 0 })).filter(({ at }) => at <= end);
      for (const { at, isReady } of flips) {
        if (up + down > 6) s.holds.due(Millis(at)); // whether somebody keeps to the deadlines makes no difference
        s.ready(at, isReady);
      }
      expect(s.decision(end)?.announced ?? false).toBe(plain(flips, end, up, down));
    }),
    { numRuns: 300 },
  );
});
