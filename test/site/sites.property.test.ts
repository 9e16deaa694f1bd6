// Holds the indexed core, whose work may be cut anywhere, to the plain one that steps every prefix at every word: over random histories of
// policies, sessions, routes and operators, with more prefixes than are done at once. Between two looks at the time nothing is due, as in
// the daemon, whose timer fires. VIPCAST_SITE_RUNS sets the number of histories.
import fc from "fast-check";
import { expect, test } from "vitest";
import type { CompiledSitePolicy, GovernedPrefix, SiteOutcome } from "../../src/announce/siteGate.ts";
import { formatPrefix, ipv4, prefixOf } from "../../src/kernel/ip.ts";
import { Asn, Millis, PeerName } from "../../src/kernel/units.ts";
import { IDLE_KEPT } from "../../src/site/governing.ts";
import { BATCH } from "../../src/site/inOrder.ts";
import { type Claim, encodeClaim } from "../../src/site/model.ts";
import { Outcomes } from "../../src/site/outcome.ts";
import { Sites } from "../../src/site/sites.ts";
import { policyObject } from "../announce/builders.ts";
import { PlainSites } from "./plainSites.ts";

const RUNS = Number(process.env.VIPCAST_SITE_RUNS ?? 25);
const NODE = 7;
const PREFIXES = BATCH + 8;
const ASNS = [Asn(65_000), Asn(65_001)] as const;
const [W, V] = [PeerName("w"), PeerName("v")];
const KEYS = ["metallb-system/p", "metallb-system/q"] as const;
const NOTHING = { communities: [], largeCommunities: [], localPref: null, med: null, asPathPrepend: null };

const vip = (n: number) => prefixOf(ipv4(0xc000_0200 + n), 32);
const at = (policy: string, n: number): GovernedPrefix => ({
  policy,
  prefixKey: formatPrefix(vip(n)),
  prefix: vip(n),
});

const { constantFrom: one, record } = fc;
const n = fc.nat(PREFIXES - 1);
const peer = one(W, V);
const key = one(...KEYS);
const anyPolicy = record({
  rank: one(1, 2),
  ownershipAsn: one(...ASNS),
  whenNotPreferred: one("withhold" as const, "deprioritize" as const, "conditional" as const),
  whenBlind: one("announce" as const, "withhold" as const),
  failback: one(null, { stableFor: Millis(300), longest: Millis(2_000) }),
  startupGuard: one(Millis(500), Millis(3_000)),
  epoch: one(null, null, 1, 4),
  witnesses: one([W], [W, V]),
  quorum: one(1, 2),
});
type AnyPolicy = typeof anyPolicy extends fc.Arbitrary<infer T> ? T : never;

const compiledOf = (name: string, { witnesses, quorum, ...object }: AnyPolicy): CompiledSitePolicy => ({
  key: name,
  object: policyObject(name.slice(name.indexOf("/") + 1), object),
  witnesses,
  quorum,
  ranks: [],
  standby: NOTHING,
  text: JSON.stringify([object, witnesses, quorum]),
});

const claim: fc.Arbitrary<Claim> = record({
  siteId: one(1, 2, 3),
  rank: fc.integer({ min: 0, max: 3 }),
  epoch: fc.integer({ min: 0, max: 6 }),
  state: one("active", "active", "standby", "leaving"),
  node: one(NODE, 9),
});

/** What is told to both, at one moment; `rest` lets the sliced one go on by a batch. */
const event = fc.oneof(
  { weight: 2, arbitrary: record({ type: one("rest" as const) }) },
  { weight: 3, arbitrary: record({ type: one("sight" as const), peer, sight: one("none", "reading", "complete") }) },
  { weight: 3, arbitrary: record({ type: one("route" as const), peer, n, asn: one(...ASNS), claim }) },
  { weight: 1, arbitrary: record({ type: one("table" as const), peer, asn: one(...ASNS), claim }) },
  { weight: 1, arbitrary: record({ type: one("withdraw" as const), peer, n }) },
  { weight: 1, arbitrary: record({ type: one("gone" as const), peer }) },
  { weight: 2, arbitrary: record({ type: one("able" as const, "unable" as const), key, n }) },
  { weight: 1, arbitrary: record({ type: one("allAble" as const, "allUnable" as const), key }) },
  { weight: 1, arbitrary: record({ type: one("promote" as const, "demote" as const), key }) },
  { weight: 1, arbitrary: record({ type: one("policies" as const), list: fc.array(anyPolicy, { maxLength: 2 }) }) },
);
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

const moment = record({
  wait: one(0, 1, 250, 500, 1_000, 2_000, 3_000, IDLE_KEPT),
  events: fc.array(event, { maxLength: 8 }),
});

class Pair {
  now = Millis(0);
  readonly plain = new PlainSites(NODE, () => this.#retold(this.plain));
  readonly sites: Sites = new Sites({
    node: NODE,
    remembered: new Map(),
    moved: () => {},
    asnsChanged: () => this.#retold(this.sites),
    rememberedChanged: () => {},
  });
  /** As `changed` and `view` said last. */
  readonly #outcomes = new Map<string, SiteOutcome>();

  happen(e: Event): void {
    const { plain, sites, now } = this;
    const numbers = Array.from({ length: PREFIXES }, (_, i) => i);
    switch (e.type) {
      case "rest":
        this.#take();
        return;
      case "sight":
        for (const each of [plain, sites]) each.sightChanged(e.peer, e.sight, now);
        return;
      case "route":
      case "withdraw":
      case "table": {
        const said = e.type === "withdraw" ? null : encodeClaim(e.asn, e.claim);
        for (const i of e.type === "table" ? numbers : [e.n]) {
          plain.routeChanged(e.peer, formatPrefix(vip(i)), said, now);
          sites.routeChanged(e.peer, vip(i), said, now);
        }
        return;
      }
      case "gone":
        for (const each of [plain, sites]) each.peerGone(e.peer, now);
        return;
      case "able":
      case "unable":
      case "allAble":
      case "allUnable": {
        const isAble = e.type === "able" || e.type === "allAble";
        for (const i of "n" in e ? [e.n] : numbers) {
          plain.setAble(e.key, formatPrefix(vip(i)), isAble, now);
          sites.setAble(at(e.key, i), isAble, now);
        }
        return;
      }
      case "promote":
        plain.promote(e.key, now);
        sites.promote([e.key], now);
        return;
      case "demote":
        plain.demote(e.key, now);
        sites.demote([e.key], now);
        return;
      case "policies": {
        const list = e.list.map((policy, i) => compiledOf(KEYS[i] ?? "", policy));
        for (const each of [plain, sites]) each.setPolicies(list, now);
        return;
      }
    }
  }

  /** Time passes, and both are asked what is due. */
  look(wait: number): void {
    this.now = Millis(this.now + wait);
    this.plain.look(this.now);
    this.#take();
    this.settle();
  }

  settle(): void {
    while (this.sites.isBusy) this.#take();
  }

  seen(): unknown {
    return [...this.sites.report()].map((p) => ({
      ...{ key: p.compiled.key, epoch: p.epoch, promoted: p.promoted, view: p.view, rivalled: p.rivalled },
      counts: Object.fromEntries([...p.counts].filter(([, count]) => count > 0).sort()),
      prefixes: [...p.prefixes()].map(({ prefixKey, domain, since, deadline }) => ({
        ...{ prefixKey, domain, since, deadline },
        outcome: this.#outcomes.get(`${p.compiled.key} ${prefixKey}`),
      })),
    }));
  }

  expected(): unknown {
    return [...this.plain.policies].map(([name, policy]) => {
      const { compiled, epoch, promoted, domains } = policy;
      const facts = [...domains].map(([prefixKey, { isAble }]) => this.plain.factsOf(policy, prefixKey, isAble));
      const names = [...domains.values()].map(({ domain }) => domain.state.name).sort();
      return {
        ...{ key: name, epoch, promoted, view: this.plain.viewOf(policy) },
        rivalled: facts.filter((f) => f.hasRival).length,
        counts: Object.fromEntries(names.map((state) => [state, names.filter((other) => other === state).length])),
        prefixes: [...domains].map(([prefixKey, { domain, since, deadline }], i) => ({
          ...{ prefixKey, domain, since, deadline },
          outcome: new Outcomes(NODE).of(compiled, prefixKey, domain, facts[i]?.rivals ?? []),
        })),
      };
    });
  }

  /** The engine asks for the outcome of what has changed, and of nothing else. */
  #take(): void {
    for (const { policy, prefixKey } of this.sites.changed(this.now)) {
      const compiled = [...this.sites.report()].find((p) => p.compiled.key === policy)?.compiled;
      if (compiled !== undefined) this.#outcomes.set(`${policy} ${prefixKey}`, this.sites.view(compiled, prefixKey));
    }
  }

  /** As the feed tells its tables again when others are asked for: they are not complete until then. */
  #retold(to: Pick<Sites, "sightChanged">): void {
    for (const name of [W, V]) to.sightChanged(name, "reading", this.now);
  }
}

test("whatever is told, and wherever the work is cut, every prefix is what it is when all are looked at at every word", () => {
  let cut = 0;
  fc.assert(
    fc.property(anyPolicy, fc.array(moment, { maxLength: 10 }), (policy, moments) => {
      const pair = new Pair();
      pair.happen({ type: "policies", list: [policy] });
      pair.happen({ type: "allAble", key: KEYS[0] });
      for (const { wait, events } of moments) {
        pair.settle();
        pair.look(wait);
        for (const e of events) pair.happen(e);
        if (pair.sites.isBusy) cut++;
        pair.settle();
        pair.look(0); // also for the outcomes of what was done at once
        expect(pair.seen()).toEqual(pair.expected());
        expect([...pair.sites.remembered()]).toEqual([...pair.plain.remembered]);
      }
    }),
    { numRuns: RUNS },
  );
  expect(cut).toBeGreaterThan(0);
});
