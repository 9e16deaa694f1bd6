// `vipcast plan` foretells: of any two sets of BGPPeers, what it says of sessions is what the speaker does when one replaces the other.
import fc from "fast-check";
import { expect, test } from "vitest";
import { compile } from "../../src/announce/compile.ts";
import type { ModelObject } from "../../src/announce/model.ts";
import { type PlanReport, planReport, planSide } from "../../src/announce/plan.ts";
import { decideAll } from "../../src/announce/reference.ts";
import { Speaker } from "../../src/bgp/speaker.ts";
import { A, Watch } from "../bgp/sim/speakers.ts";
import { seeded, World } from "../bgp/sim/world.ts";
import { adv, community, options, peer, pool, secret, service, slice, storeOf } from "./builders.ts";

type Peers = readonly ReturnType<typeof peer>[];

const tableOf = (peers: Peers) => decideAll(storeOf(...peers, secret("pw", { password: "a" })), options());
const side = (peers: Peers) => planSide(tableOf(peers), [], (key) => `hidden ${key.length}`);

const sessionsOf = ({ peers }: PlanReport) =>
  Object.entries(peers).flatMap(([name, { session, fields }]) =>
    session === "none" ? [] : [{ peer: name, change: session, fields: fields.map((f) => f.field) }],
  );

/** What the speaker says that it did. */
function done(before: Peers, after: Peers) {
  const world = new World(1);
  const host = world.host(A);
  const speaker = new Speaker({ ...host, network: host, random: seeded(1), observer: new Watch() });
  const configs = (peers: Peers) => tableOf(peers).peers.flatMap((p) => (p.config === null ? [] : [p.config]));
  speaker.setPeers(configs(before));
  return speaker.setPeers(configs(after)).sort((a, b) => (a.peer < b.peer ? -1 : 1));
}

const peersArbitrary = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom("a", "b", "c"),
    address: fc.constantFrom("203.0.113.1", "203.0.113.2", "203.0.113.3"),
    over: fc.record({
      holdTime: fc.constantFrom(null, 9),
      passwordSecret: fc.constantFrom(null, null, "pw", "missing"),
      settings: fc.constantFrom({}, { maxPrefixes: 7 }),
      order: fc.nat(5),
    }),
  }),
  { selector: (p) => p.name, maxLength: 3 },
);

test("an alias that the new objects lack: the plan says what a restart with them would do, not what is kept until then", () => {
  const all = (...more: readonly ModelObject[]) =>
    storeOf(
      peer("tor", "203.0.113.1"),
      pool("p", ["192.0.2.0/24"]),
      service("web", ["192.0.2.1"]),
      slice("web"),
      ...more,
    );
  const a = adv("a", { communities: ["x"] });
  const running = compile(all(a, community("c", { x: "0:9" })), options());
  const kept = decideAll(all(a), options(), undefined, running);
  const [before, after] = [kept, decideAll(all(a), options())].map((table) => planSide(table, [], () => ""));
  if (before === undefined || after === undefined) throw new Error("two sides");
  const { verdict, peers, problems } = planReport("n1", before, after);
  expect([verdict, peers.tor?.withdrawn.map((r) => r.prefix)]).toEqual(["problems", ["192.0.2.1/32"]]);
  expect(problems.gone).toMatchObject([{ name: "a", message: expect.stringContaining("stays in force") }]);
  expect(problems.added).toMatchObject([{ name: "a", message: expect.stringContaining("is neither") }]);
});

test("sessions come, go, are renamed and reset as it was said", () => {
  fc.assert(
    fc.property(peersArbitrary, peersArbitrary, (...edit) => {
      const [before, after] = edit.map((all) => all.map(({ name, address, over }) => peer(name, address, over)));
      if (before === undefined || after === undefined) return;
      expect(sessionsOf(planReport("n1", side(before), side(after)))).toEqual(done(before, after));
    }),
    { numRuns: 300 },
  );
});

test("a session that another name takes over is renamed, also where an object of the old name stays and is out", () => {
  const before = [peer("a", "203.0.113.1", { order: 2 })];
  const after = [...before, peer("b", "203.0.113.1", { order: 1 })];
  const { peers, verdict } = planReport("n1", side(before), side(after));
  expect(peers).toMatchObject({
    a: { session: "none", renamedFrom: null, problem: expect.stringContaining("older") },
    b: { session: "live", renamedFrom: "a", problem: null },
  });
  expect(verdict).toBe("problems"); // a is not used any more
});
