// Sites, nodes and witnesses in a network that breaks: what must hold whatever happens. Each history ends with everything up.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Millis } from "../../src/kernel/units.ts";
import { TICK, World, type WorldPlan } from "./network.ts";

/** From the moment everything is connected until exactly one site serves: sessions, takeover delay, leave delay, messages. */
const SETTLE = 8000;

type Event =
  | { readonly type: "link"; readonly node: number; readonly witness: number; readonly isUp: boolean }
  | { readonly type: "site"; readonly site: number; readonly isUp: boolean }
  | { readonly type: "kill" | "restart" | "unable" | "able" | "promote" | "demote"; readonly node: number };

const plan = (over: Partial<Record<keyof WorldPlan, fc.Arbitrary<unknown>>> = {}): fc.Arbitrary<WorldPlan> =>
  fc.record({
    nodes: fc.constantFrom(
      [site(1, 1), site(1, 1), site(2, 2), site(2, 2)],
      [site(1, 1), site(1, 1), site(2, 2), site(2, 2), site(3, 3), site(3, 3)],
      [site(1, 1), site(1, 1), site(1, 1), site(2, 2), site(2, 2), site(2, 2)],
    ),
    witnesses: fc.constantFrom(1, 2),
    latency: fc.constantFrom(0, TICK, 3 * TICK),
    mode: fc.constant("conditional"),
    failback: fc.constant("manual"),
    ...over,
  }) as fc.Arbitrary<WorldPlan>;
const site = (id: number, rank: number) => ({ site: id, rank });

const node = fc.integer({ min: 0, max: 5 });
const breaking: readonly fc.Arbitrary<Event>[] = [
  fc.record({ type: fc.constant("link" as const), node, witness: fc.integer({ min: 0, max: 1 }), isUp: fc.boolean() }),
  fc.record({ type: fc.constant("site" as const), site: fc.integer({ min: 1, max: 3 }), isUp: fc.boolean() }),
  fc.record({ type: fc.constantFrom("kill" as const, "restart" as const, "unable" as const, "able" as const), node }),
];
const operating: fc.Arbitrary<Event> = fc.record({
  type: fc.constantFrom("promote" as const, "demote" as const),
  node,
});
const history = (...kinds: readonly fc.Arbitrary<Event>[]) =>
  fc.array(fc.tuple(fc.integer({ min: 0, max: 6000 }), fc.oneof(...kinds)), { maxLength: 12 });

function happen(world: World, event: Event): void {
  const one = "node" in event ? world.nodes[event.node] : undefined;
  const policies = ["metallb-system/p"];
  switch (event.type) {
    case "link":
      world.setLink(event.node, event.witness, event.isUp);
      return;
    case "site":
      for (const [i, { plan }] of world.nodes.entries()) {
        for (let w = 0; w < world.plan.witnesses; w++) if (plan.site === event.site) world.setLink(i, w, event.isUp);
      }
      return;
    case "kill":
      if (one?.isUp === true) world.kill(event.node);
      return;
    case "restart":
      if (one !== undefined) world.restart(event.node);
      return;
    case "unable":
    case "able":
      one?.setAble(event.type === "able", world.now);
      return;
    case "promote":
      if (one?.isUp === true) one.sites.promote(policies, Millis(world.now));
      return;
    case "demote":
      if (one?.isUp === true) one.sites.demote(policies, Millis(world.now));
      return;
  }
}

/** The network that has been through a history. */
function worldAfter(events: readonly (readonly [wait: number, event: Event])[], p: WorldPlan): World {
  const world = new World(p);
  for (const [wait, event] of events) {
    world.run(wait);
    happen(world, event);
  }
  return world;
}

/** Everything is up and connected again. */
function mend(world: World): void {
  world.heal();
  for (const [i, one] of world.nodes.entries()) {
    if (!one.isUp) world.restart(i);
    one.setAble(true, world.now);
  }
}

const sitesIn = (world: World, ...states: readonly string[]): readonly number[] => [
  ...new Set(world.nodes.filter((n) => states.includes(n.state)).map((n) => n.plan.site)),
];
const movesIn = (world: World): number => world.nodes.reduce((sum, n) => sum + n.moves.length, 0);

/** For half a minute. */
function expectNoMove(world: World): void {
  const moves = movesIn(world);
  world.run(30_000);
  expect(movesIn(world)).toBe(moves);
}

const RUNS = { numRuns: Number(process.env.VIPCAST_SITE_RUNS ?? 40) };

describe("sites in a network that breaks", () => {
  test("once all are connected, exactly one site serves, with every node, and nothing moves any more", () => {
    fc.assert(
      fc.property(plan(), history(...breaking), (p, events) => {
        const world = worldAfter(events, p);
        mend(world);
        world.run(SETTLE);
        expect(sitesIn(world, "active", "leaving")).toHaveLength(1);
        const [serving] = sitesIn(world, "active");
        expect(world.nodes.filter((n) => n.plan.site === serving).map((n) => n.state)).not.toContain("standby");
        expectNoMove(world);
      }),
      RUNS,
    );
  });

  test("the same after operators have promoted and demoted", () => {
    fc.assert(
      fc.property(plan(), history(...breaking, operating), (p, events) => {
        const world = worldAfter(events, p);
        mend(world);
        // who was sent away by everybody has to be called back
        world.run(SETTLE);
        if (sitesIn(world, "active").length === 0) {
          happen(world, { type: "promote", node: 0 });
          world.run(SETTLE);
        }
        expect(sitesIn(world, "active", "leaving")).toHaveLength(1);
        expectNoMove(world);
      }),
      RUNS,
    );
  });

  test("nobody becomes active while it can see another site serve, unless its own does: a returning primary waits", () => {
    fc.assert(
      fc.property(plan(), history(...breaking), (p, events) => {
        const world = new World(p);
        const known = world.nodes.map(() => 0);
        const look = (): void => {
          const since = world.now - 1000;
          for (const [i, one] of world.nodes.entries()) {
            const fresh = one.moves.slice(known[i]);
            known[i] = one.moves.length;
            if (!fresh.some((m) => m.to === "active" && m.from !== "leaving")) continue;
            const hasSibling = world.nodes.some((n) => n !== one && n.plan.site === one.plan.site && n.isActive);
            if (hasSibling) continue;
            for (const [j, rival] of world.nodes.entries()) {
              if (rival.plan.site === one.plan.site || (rival.activeSince ?? world.now) > since) continue;
              for (let w = 0; w < p.witnesses; w++) {
                const isSeen = world.isConnected(i, w, since) && world.isConnected(j, w, since);
                expect(isSeen, `${one.name} at ${world.now} beside ${rival.name} by w${w}`).toBe(false);
              }
            }
          }
        };
        for (const [wait, event] of events) {
          world.run(wait, look);
          happen(world, event);
        }
        world.run(SETTLE, look);
      }),
      RUNS,
    );
  });

  test("a site that is able and connected is never left alone for long: some site serves", () => {
    fc.assert(
      fc.property(plan(), history(...breaking), (p, events) => {
        const world = worldAfter(events, p);
        // one site alone remains, in full connection
        for (const [i, one] of world.nodes.entries()) {
          if (one.plan.site !== 2) world.kill(i);
          else if (!one.isUp) world.restart(i);
        }
        world.heal();
        for (const one of world.nodes) one.setAble(true, world.now);
        world.run(SETTLE);
        expect(sitesIn(world, "active")).toEqual([2]);
      }),
      RUNS,
    );
  });

  test("with automatic failback the preferred site ends up serving, and the number of moves is bounded", () => {
    fc.assert(
      fc.property(plan({ failback: fc.constant("auto") }), history(...breaking), (p, events) => {
        const world = worldAfter(events, p);
        mend(world);
        world.run(SETTLE + 30_000);
        expect(sitesIn(world, "active", "leaving")).toEqual([1]);
        // each event leads to a few moves of each node, and no more come by themselves
        expect(movesIn(world)).toBeLessThan((events.length + 3) * 6 * world.nodes.length);
        expectNoMove(world);
      }),
      RUNS,
    );
  });
});

describe("drills", () => {
  const two = (over: Partial<WorldPlan> = {}): World =>
    new World({
      nodes: [site(1, 1), site(1, 1), site(2, 2), site(2, 2)],
      witnesses: 1,
      latency: TICK,
      mode: "conditional",
      failback: "manual",
      ...over,
    });
  const states = (world: World): string => world.nodes.map((n) => n.state).join(" ");
  const isolate = (world: World, id: number, isUp: boolean): void => happen(world, { type: "site", site: id, isUp });

  test("the primary serves, is lost, is taken over, comes back, and waits until it is promoted", () => {
    const world = two();
    world.run(5000);
    expect(states(world)).toBe("active active standby standby");
    happen(world, { type: "kill", node: 0 });
    happen(world, { type: "kill", node: 1 });
    world.run(3000);
    expect(states(world)).toBe("down down active active");
    world.restart(0);
    world.restart(1);
    let attracted = 0;
    world.run(30_000, () => {
      attracted += world.nodes.slice(0, 2).filter((n) => n.announced.length > 0).length;
    });
    expect([states(world), attracted]).toEqual(["standby standby active active", 0]);
    happen(world, { type: "promote", node: 0 });
    let gap = 0;
    world.run(5000, () => {
      if (world.nodes.every((n) => n.announced.length === 0)) gap++;
    });
    expect([states(world), gap]).toEqual(["active active standby standby", 0]);
  });

  test("a partition while nobody can look leaves all as they are, and its end costs nothing", () => {
    const world = two();
    world.run(5000);
    isolate(world, 2, false);
    world.run(20_000);
    expect(states(world)).toBe("active active standby standby");
    isolate(world, 2, true);
    world.run(5000);
    expect(states(world)).toBe("active active standby standby");
  });

  test("both sites active after a partition: the preferred one stays, the other one is marked before it goes", () => {
    const world = two();
    world.run(5000);
    isolate(world, 1, false); // the witness is on the other side
    world.run(5000);
    expect(states(world)).toBe("active active active active");
    isolate(world, 1, true);
    const seen = new Set<string>();
    world.run(5000, () => seen.add(world.nodes[2]?.state ?? ""));
    expect(states(world)).toBe("active active standby standby");
    expect([...seen]).toEqual(["active", "leaving", "standby"]);
  });

  test("one worker restarts: it is active again as soon as it hears of its sibling", () => {
    const world = two({ witnesses: 2 });
    world.run(5000);
    world.setLink(0, 1, false); // the guard would otherwise wait for this one
    world.restart(0);
    world.run(600);
    expect(states(world)).toBe("active active standby standby");
  });

  test("demoting one node hands the service to the other site without a gap", () => {
    const world = two();
    world.run(5000);
    happen(world, { type: "demote", node: 1 });
    let gap = 0;
    world.run(8000, () => {
      if (world.nodes.every((n) => n.announced.length === 0)) gap++;
    });
    expect([states(world), gap]).toEqual(["standby standby active active", 0]);
  });

  test("a site that is demoted while the other one returns does not hand the service to and fro", () => {
    const world = two();
    isolate(world, 1, false);
    happen(world, { type: "promote", node: 2 });
    world.run(2751);
    happen(world, { type: "demote", node: 2 });
    world.heal();
    world.run(20_000);
    expect(states(world)).toBe("active active standby standby");
    expect(movesIn(world)).toBeLessThan(30);
  });

  test("a site that always announces takes over without waiting, and the returning one is the last choice", () => {
    const world = two({ mode: "deprioritize" });
    world.run(5000);
    expect(states(world)).toBe("active active standby standby");
    expect(world.nodes.every((n) => n.announced.length > 0)).toBe(true);
    happen(world, { type: "kill", node: 0 });
    happen(world, { type: "kill", node: 1 });
    world.run(3000);
    world.restart(0);
    world.run(10_000);
    expect(states(world)).toBe("standby down active active");
  });
});
