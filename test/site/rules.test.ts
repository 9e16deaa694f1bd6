// The rules of one prefix under one SitePolicy, one row per rule: what is known, and what becomes of it.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Millis } from "../../src/kernel/units.ts";
import type { Claim } from "../../src/site/model.ts";
import { type Domain, type DomainRules, demoted, type Facts, newDomain, promoted, step } from "../../src/site/rules.ts";

const rules = (over: Partial<DomainRules> = {}): DomainRules => ({
  siteId: 1,
  rank: 1,
  whenNotPreferred: "conditional",
  whenBlind: "withhold",
  takeoverDelay: Millis(1000),
  leaveDelay: Millis(2000),
  failback: null,
  ...over,
});

const facts = (over: Partial<Facts> = {}): Facts => ({
  isAble: true,
  view: "sighted",
  guardUntil: Millis(10_000),
  rivals: [],
  siblings: [],
  ...over,
});

const rival = (over: Partial<Claim> = {}): Claim => ({
  siteId: 2,
  rank: 2,
  epoch: 5,
  state: "active",
  node: 22,
  ...over,
});
const sibling = (over: Partial<Claim> = {}): Claim => ({ ...rival({ siteId: 1, rank: 1, node: 12 }), ...over });

/** One moment after the other, each with what is known from then on. @returns the state after each */
function run(r: DomainRules, moments: readonly (readonly [at: number, facts: Facts])[], from = newDomain(r, 0, null)) {
  let domain: Domain = from;
  const names = moments.map(([at, known]) => {
    domain = step(domain, known, r, Millis(at)).domain;
    return domain.state.name;
  });
  return { names, domain };
}

const second = rules({ siteId: 2, rank: 2 });
const other = rival({ siteId: 1, rank: 1, node: 11 });
const LOOKING = facts({ view: "looking" });
const BLIND = facts({ view: "blind" });

describe("who becomes active", () => {
  test.each<[string, DomainRules, readonly (readonly [number, Facts])[], readonly string[]]>([
    [
      "the preferred site as soon as it has looked",
      rules(),
      [
        [0, LOOKING],
        [50, facts()],
      ],
      ["guarded", "active"],
    ],
    ["nobody without something to announce", rules(), [[0, facts({ isAble: false })]], ["idle"]],
    [
      "another rank after the delay",
      second,
      [
        [0, facts()],
        [999, facts()],
        [1000, facts()],
      ],
      ["standby", "standby", "active"],
    ],
    [
      "nobody while another site serves, whatever its rank",
      rules(),
      [
        [0, facts({ rivals: [rival({ rank: 9 })] })],
        [99_000, facts({ rivals: [rival({ rank: 9 })] })],
      ],
      ["standby", "standby"],
    ],
    [
      "not the preferred site the moment the other one vanishes, but after the delay",
      rules(),
      [
        [0, facts({ rivals: [rival()] })],
        [5000, facts()],
        [5999, facts()],
        [6000, facts()],
      ],
      ["standby", "standby", "standby", "active"],
    ],
    [
      "at once when who serves is leaving",
      second,
      [
        [0, facts({ rivals: [other] })],
        [5000, facts({ rivals: [{ ...other, state: "leaving" }] })],
      ],
      ["standby", "active"],
    ],
    [
      "nobody for a claim that only stands by",
      rules(),
      [[0, facts({ rivals: [rival({ state: "standby" })] })]],
      ["active"],
    ],
    [
      "the delay begins anew when the other site was seen again",
      second,
      [
        [0, facts()],
        [900, facts({ rivals: [other] })],
        [1000, facts()],
        [1999, facts()],
        [2000, facts()],
      ],
      ["standby", "standby", "standby", "standby", "active"],
    ],
    [
      "withhold: only the preferred site by itself",
      rules({ rank: 2, whenNotPreferred: "withhold" }),
      [
        [0, facts()],
        [99_000, facts()],
      ],
      ["standby", "standby"],
    ],
    ["withhold: the preferred site", rules({ whenNotPreferred: "withhold" }), [[0, facts()]], ["active"]],
    [
      "blind: nobody who is not told to announce",
      second,
      [
        [0, LOOKING],
        [10_000, BLIND],
        [99_000, BLIND],
      ],
      ["guarded", "standby", "standby"],
    ],
    [
      "blind: who is told to announce",
      rules({ whenBlind: "announce" }),
      [
        [0, LOOKING],
        [9_999, LOOKING],
        [10_000, BLIND],
      ],
      ["guarded", "guarded", "active"],
    ],
    [
      "blind: not even who is told to announce, where another site was last seen to serve",
      rules({ whenBlind: "announce" }),
      [
        [0, facts({ rivals: [rival()] })],
        [99_000, facts({ view: "blind", rivals: [rival()] })],
      ],
      ["standby", "standby"],
    ],
    [
      "a restarted worker at once when a sibling serves, before all witnesses have been read",
      second,
      [
        [0, LOOKING],
        [20, facts({ view: "looking", siblings: [sibling({ siteId: 2 })] })],
      ],
      ["guarded", "active"],
    ],
    [
      "not for a sibling that is about to lose",
      second,
      [[0, facts({ rivals: [other], siblings: [sibling({ siteId: 2, rank: 2 })] })]],
      ["standby"],
    ],
  ])("%s", (_name, r, moments, expected) => {
    expect(run(r, moments).names).toEqual(expected);
  });
});

describe("both active", () => {
  const active = (r: DomainRules): Domain =>
    run(r, [
      [0, facts()],
      [1000, facts()],
    ]).domain;
  test.each<[string, DomainRules, Partial<Claim>, string]>([
    ["the lower rank stays, whatever the epochs", rules(), { rank: 2, epoch: 99 }, "active"],
    ["the higher rank leaves", second, { siteId: 1, rank: 1, epoch: 0 }, "leaving"],
    ["at equal ranks the higher epoch stays", rules(), { rank: 1, epoch: 0 }, "active"],
    ["at equal ranks the lower epoch leaves", rules(), { rank: 1, epoch: 2 }, "leaving"],
    ["at equal ranks and epochs the lower siteID stays", rules(), { rank: 1, epoch: 1 }, "active"],
    ["at equal ranks and epochs the higher siteID leaves", rules({ siteId: 3 }), { rank: 1, epoch: 1 }, "leaving"],
    ["who was promoted stays", rules(), { rank: 0, epoch: 1 }, "leaving"],
    ["who stands by is no rival", second, { siteId: 1, rank: 1, state: "standby" }, "active"],
  ])("%s", (_name, r, claim, expected) => {
    const known = facts({ rivals: [rival(claim)] });
    expect(step(active(r), known, r, Millis(2000)).domain.state.name).toBe(expected);
  });

  test("the loser is marked for the leave delay, then withdraws, and stays away", () => {
    const known = facts({ rivals: [other] });
    const { names, domain } = run(
      second,
      [
        [2000, known],
        [3999, known],
        [4000, known],
        [99_000, known],
      ],
      active(second),
    );
    expect(names).toEqual(["leaving", "leaving", "standby", "standby"]);
    expect(domain.state).toEqual({ name: "standby", cause: "lost" });
  });

  test("the loser stays where the winner vanishes before it has left", () => {
    const { names, domain } = run(
      second,
      [
        [2000, facts({ rivals: [other] })],
        [3000, facts()],
      ],
      active(second),
    );
    expect([names, domain.epoch]).toEqual([["leaving", "active"], 6]);
  });

  test("a site that cannot look any more goes on", () => {
    expect(
      run(
        rules(),
        [
          [2000, BLIND],
          [99_000, BLIND],
        ],
        active(rules()),
      ).names,
    ).toEqual(["active", "active"]);
  });

  test("a takeover has a higher epoch than any claim that was seen", () => {
    const { domain } = run(second, [
      [0, facts({ rivals: [other] })],
      [1, facts()],
      [1001, facts()],
    ]);
    expect([domain.state.name, domain.epoch]).toEqual(["active", 6]);
  });
});

describe("operators", () => {
  const standby = run(second, [[0, facts({ rivals: [other] })]]).domain;

  test("a promoted site serves at once and is stronger than every rank", () => {
    const after = promoted(standby, 6, Millis(10));
    const { domain } = step(after, facts({ rivals: [other] }), second, Millis(10));
    expect([domain.state.name, domain.rank, domain.epoch]).toEqual(["active", 0, 6]);
  });

  test("the later of two promotes holds", () => {
    const after = promoted(standby, 6, Millis(10));
    const later = facts({ rivals: [{ ...other, rank: 0, epoch: 7 }] });
    const { domain } = step(after, later, second, Millis(20));
    expect([domain.state.name, domain.rank]).toEqual(["leaving", 2]);
  });

  test("a demoted site leaves and does not come back before another one has served", () => {
    const active = run(rules(), [[0, facts()]]).domain;
    const { names } = run(
      rules(),
      [
        [100, facts()],
        [2100, facts()],
        [99_000, facts()],
        [99_100, facts({ rivals: [rival()] })],
        [99_200, facts()],
        [100_200, facts()],
      ],
      demoted(active, rules(), Millis(100)),
    );
    expect(names).toEqual(["leaving", "standby", "standby", "standby", "standby", "active"]);
  });

  test("the site leaves with the node that was told to, and a promote brings both back", () => {
    const active = run(rules(), [[0, facts()]]).domain;
    const gone = run(
      rules(),
      [
        [10, facts({ siblings: [sibling({ state: "leaving" })] })],
        [2010, facts()],
      ],
      active,
    );
    expect(gone.names).toEqual(["leaving", "standby"]);
    const back = facts({ siblings: [sibling({ rank: 0, epoch: 9 })] });
    const { domain } = step(gone.domain, back, rules(), Millis(3000));
    expect([domain.state.name, domain.rank, domain.epoch]).toEqual(["active", 0, 9]);
  });

  test("a promote that is remembered does not bring a returning site back over one that took over", () => {
    const remembered = newDomain(rules(), 5, 5);
    const { names, domain } = run(
      rules(),
      [
        [0, LOOKING],
        [10, facts({ rivals: [rival({ epoch: 6 })] })],
        [99_000, facts({ rivals: [rival({ epoch: 6 })] })],
      ],
      remembered,
    );
    expect([names, domain.rank]).toEqual([["guarded", "standby", "standby"], 1]);
  });

  test("a site that was promoted while it had nothing to announce serves as soon as it has", () => {
    const idle = promoted(newDomain(second, 5, null), 6, Millis(0));
    expect(run(second, [[10, facts({ rivals: [other] })]], idle).names).toEqual(["active"]);
  });
});

describe("failback", () => {
  const auto = rules({ failback: { stableFor: Millis(10_000), longest: Millis(30_000) } });
  const served = facts({ rivals: [rival()] });

  test("never by itself where it is manual", () => {
    expect(
      run(rules(), [
        [0, served],
        [9e9, served],
      ]).names,
    ).toEqual(["standby", "standby"]);
  });

  test("auto: after the time it has been able and sighted without a break", () => {
    const { names, domain } = run(auto, [
      [0, served],
      [9_999, served],
      [10_000, served],
    ]);
    expect([names, domain.epoch]).toEqual([["standby", "standby", "active"], 6]);
    const broken = facts({ rivals: [rival()], view: "blind" });
    expect(
      run(auto, [
        [0, served],
        [5_000, broken],
        [6_000, served],
        [10_000, served],
        [16_000, served],
      ]).names,
    ).toEqual(["standby", "standby", "standby", "standby", "active"]);
  });

  test("auto: not over a site of the same rank, a better one, or a promoted one", () => {
    for (const rank of [0, 1]) {
      const known = facts({ rivals: [rival({ rank })] });
      expect(
        run(auto, [
          [0, known],
          [99_000, known],
        ]).names,
      ).toEqual(["standby", "standby"]);
    }
  });

  test("auto: each one that does not last doubles the wait, to the longest; one that lasts forgives", () => {
    let domain = newDomain(auto, 0, null);
    let now = 0;
    const waits: number[] = [];
    const lasting = [1, 1, 1, 1, 60_000, 1];
    for (const lasts of lasting) {
      const since = now;
      let stepped = step(domain, served, auto, Millis(now));
      while (stepped.domain.state.name !== "active") {
        now = stepped.deadline ?? Number.NaN;
        stepped = step(stepped.domain, served, auto, Millis(now));
      }
      waits.push(now - since);
      now += lasts;
      domain = step(stepped.domain, facts({ isAble: false, rivals: [rival()] }), auto, Millis(now)).domain;
    }
    expect(waits).toEqual([10_000, 20_000, 30_000, 30_000, 30_000, 10_000]);
  });
});

describe("any history", () => {
  const RUNS = { numRuns: Number(process.env.VIPCAST_SITE_RUNS ?? 300) };
  const claim: fc.Arbitrary<Claim> = fc.record({
    siteId: fc.constantFrom(1, 2, 3),
    rank: fc.integer({ min: 0, max: 3 }),
    epoch: fc.integer({ min: 0, max: 8 }),
    state: fc.constantFrom("active", "standby", "leaving"),
    node: fc.constantFrom(1, 2),
  });
  const known: fc.Arbitrary<Facts> = fc.record({
    isAble: fc.boolean(),
    view: fc.constantFrom("looking", "sighted", "blind"),
    guardUntil: fc.constant(Millis(10_000)),
    rivals: fc.array(
      claim.map((c) => ({ ...c, siteId: 2 })),
      { maxLength: 2 },
    ),
    siblings: fc.array(
      claim.map((c) => ({ ...c, siteId: 1 })),
      { maxLength: 2 },
    ),
  });
  /** What is known, each after so many milliseconds. */
  const history = fc.array(fc.tuple(fc.integer({ min: 0, max: 900 }), known), { maxLength: 30 });
  const policy: fc.Arbitrary<DomainRules> = fc.record({
    siteId: fc.constant(1),
    rank: fc.constantFrom(1, 2),
    whenNotPreferred: fc.constantFrom("withhold", "deprioritize", "conditional"),
    whenBlind: fc.constantFrom("announce", "withhold"),
    takeoverDelay: fc.constantFrom(Millis(0), Millis(500)),
    leaveDelay: fc.constantFrom(Millis(0), Millis(700)),
    failback: fc.constantFrom(null, { stableFor: Millis(300), longest: Millis(2000) }),
  });

  test("a step is done when it is done: nothing more moves before the deadline, which lies ahead", () => {
    fc.assert(
      fc.property(policy, history, (r, moments) => {
        let domain = newDomain(r, 0, null);
        let now = 20_000;
        for (const [wait, facts] of moments) {
          now += wait;
          const first = step(domain, facts, r, Millis(now));
          const again = step(first.domain, facts, r, Millis(now));
          expect([again.domain.state, again.deadline]).toEqual([first.domain.state, first.deadline]);
          // the guard ends by the view, which the caller changes at that moment
          if (first.deadline !== null && first.domain.state.name !== "guarded") {
            expect(first.deadline).toBeGreaterThan(now);
          }
          domain = first.domain;
        }
      }),
      RUNS,
    );
  });

  test("a site that is not active never becomes active against a stronger claim that is active, unless an operator says so", () => {
    fc.assert(
      fc.property(policy, history, (r, moments) => {
        let domain = newDomain(r, 0, null);
        let now = 0;
        for (const [wait, facts] of moments) {
          now += wait;
          const before: string = domain.state.name;
          domain = step(domain, facts, r, Millis(now)).domain;
          if (before === "active" || domain.state.name !== "active") continue;
          const serving = facts.rivals.filter((c) => c.state === "active");
          const isJoining = facts.siblings.some((c) => c.state === "active");
          if (serving.length === 0 || isJoining || r.failback !== null || domain.rank === 0) continue;
          expect.fail(`became active from ${before} beside ${JSON.stringify(serving)}`);
        }
      }),
      RUNS,
    );
  });
});
