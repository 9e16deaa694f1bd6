// All prefixes of a node: what one moment does to each of several, and what is looked at again when.
import { describe, expect, test } from "vitest";
import type { CompiledSitePolicy, GovernedPrefix } from "../../src/announce/siteGate.ts";
import { formatPrefix, ipv4, prefixOf } from "../../src/kernel/ip.ts";
import { Asn, Millis, PeerName } from "../../src/kernel/units.ts";
import { IDLE_KEPT } from "../../src/site/governing.ts";
import { BATCH } from "../../src/site/inOrder.ts";
import { encodeClaim } from "../../src/site/model.ts";
import { Sites } from "../../src/site/sites.ts";
import { policyObject } from "../announce/builders.ts";

const ASN = Asn(65_000);
const W = PeerName("w");
const GUARD = 3_000;
const NOTHING = { communities: [], largeCommunities: [], localPref: null, med: null, asPathPrepend: null };
const RIVAL = encodeClaim(ASN, { siteId: 2, rank: 2, epoch: 4, state: "active", node: 9 });
const PROMOTED = encodeClaim(ASN, { siteId: 2, rank: 0, epoch: 4, state: "active", node: 9 });

const prefix = (n: number): GovernedPrefix => {
  const vip = prefixOf(ipv4(0xc000_0200 + n), 32);
  return { policy: "metallb-system/p", prefixKey: formatPrefix(vip), prefix: vip };
};

/** Rank 1, one witness, announces blind; the preferred site with `count` prefixes that it could announce. */
function setUp(count: number, epoch: number | null = null) {
  const object = policyObject("p", {
    whenNotPreferred: "conditional",
    whenBlind: "announce",
    ownershipAsn: ASN,
    startupGuard: Millis(GUARD),
    epoch,
  });
  const policy: CompiledSitePolicy = {
    key: "metallb-system/p",
    object,
    witnesses: [W],
    quorum: 1,
    ranks: [],
    standby: NOTHING,
    text: "p",
  };
  const sites = new Sites({
    node: 7,
    remembered: new Map(),
    moved: () => {},
    asnsChanged: () => {},
    rememberedChanged: () => {},
  });
  sites.setPolicies([policy], Millis(0));
  for (let n = 1; n <= count; n++) sites.setAble(prefix(n), true, Millis(0));
  const states = (): readonly string[] =>
    [...sites.report()].flatMap(({ prefixes }) => [...prefixes()].map((p) => p.domain.state.name));
  /** Looks whenever something is due, as the daemon does. */
  const pass = (until: number): void => {
    for (let turns = 0, at = sites.deadline(); at !== null && at <= until; at = sites.deadline()) {
      sites.changed(at);
      expect(turns++).toBeLessThan(10);
    }
  };
  return { sites, states, pass };
}

describe("the end of the start-up guard by time", () => {
  test("is seen by every prefix, also by one that waits no more because it has met a rival", () => {
    const { sites, states, pass } = setUp(2);
    sites.sightChanged(W, "reading", Millis(10));
    sites.routeChanged(W, prefix(2).prefix, RIVAL, Millis(20));
    sites.routeChanged(W, prefix(2).prefix, null, Millis(30));
    expect(states()).toEqual(["guarded", "standby"]);
    pass(GUARD);
    expect(states()).toEqual(["active", "standby"]);
    pass(GUARD + 1_000); // takeoverDelay
    expect(states()).toEqual(["active", "active"]);
  });

  test("promotes by declaration, however many prefixes have waited for it", () => {
    for (const count of [0, 1, 2]) {
      const { sites, pass } = setUp(count, 7);
      pass(GUARD);
      expect([...sites.report()].map((p) => [p.epoch, p.promoted])).toEqual([[7, 7]]);
    }
  });
});

describe("prefixes that come and go", () => {
  test("are forgotten an hour after they went, those that an operator sent away are not", () => {
    const { sites } = setUp(3);
    const names = (): readonly string[] =>
      [...sites.report()].flatMap(({ prefixes }) => [...prefixes()].map((p) => p.prefixKey));
    const [one, two, three, four, five] = [1, 2, 3, 4, 5].map((n) => prefix(n).prefixKey);
    sites.setAble(prefix(1), false, Millis(1_000));
    sites.setAble(prefix(4), true, Millis(IDLE_KEPT));
    expect(names()).toEqual([one, two, three, four]);
    sites.setAble(prefix(2), false, Millis(2 * IDLE_KEPT - 1));
    sites.setAble(prefix(5), true, Millis(2 * IDLE_KEPT));
    expect(names()).toEqual([two, three, four, five]);
    sites.demote(["metallb-system/p"], Millis(2 * IDLE_KEPT));
    sites.setAble(prefix(6), true, Millis(4 * IDLE_KEPT));
    expect(names()).toEqual([two, three, four, five, prefix(6).prefixKey]);
  });
});

describe("with many prefixes", () => {
  const COUNT = 20 * BATCH;
  const filled = () => {
    const { sites, states, pass } = setUp(COUNT);
    const settle = (): number => {
      let calls = 0;
      for (; sites.isBusy; calls++) sites.changed(Millis(0));
      return calls;
    };
    settle();
    return { sites, states, pass, settle };
  };

  test("a word costs what it touches: a session that begins nothing, a claim and its doubt one prefix", () => {
    const { sites, states, settle } = filled();
    sites.sightChanged(W, "complete", Millis(0));
    settle();
    for (const sight of ["none", "reading"] as const) sites.sightChanged(PeerName("stranger"), sight, Millis(1));
    sites.routeChanged(W, prefix(7).prefix, PROMOTED, Millis(2));
    expect(sites.isBusy).toBe(false);
    expect(sites.changed(Millis(2)).map(({ prefixKey }) => prefixKey)).toEqual([prefix(7).prefixKey]);
    sites.sightChanged(W, "none", Millis(3)); // blind: that concerns all
    expect(sites.isBusy).toBe(true);
    settle();
    sites.sightChanged(W, "reading", Millis(4)); // as blind as before
    expect(sites.isBusy).toBe(false);
    expect(new Set(states())).toEqual(new Set(["active", "leaving"]));
  });

  test("what touches all is done in batches, in the order of the words, and its end is told", () => {
    const { sites, settle } = filled();
    sites.sightChanged(W, "complete", Millis(0));
    expect(settle()).toBeGreaterThanOrEqual(COUNT / BATCH - 1);
    let isDone = false;
    sites.promote(["metallb-system/p"], Millis(1), () => {
      isDone = true;
    });
    sites.setAble(prefix(COUNT + 1), true, Millis(1));
    expect([isDone, [...sites.report()][0]?.counts.get("active")]).toEqual([false, COUNT]);
    settle();
    expect(isDone).toBe(true);
    const [policy] = sites.report();
    expect([policy?.promoted, policy?.counts.get("active")]).toEqual([2, COUNT + 1]);
    expect(new Set([...(policy?.prefixes() ?? [])].map((p) => p.domain.rank))).toEqual(new Set([0]));
  });

  test("deadlines of all at one moment are batches, too", () => {
    const { sites, states } = filled();
    sites.changed(Millis(GUARD));
    expect(sites.isBusy).toBe(true);
    for (let calls = 0; sites.isBusy; calls++) {
      sites.changed(Millis(GUARD));
      expect(calls).toBeLessThan(3 * (COUNT / BATCH));
    }
    expect(new Set(states())).toEqual(new Set(["active"]));
  });
});
