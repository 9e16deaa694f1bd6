// The losses of the drill, as tests: bounds are generous, since CI has other things to do; `npm run drill` has the aims.
// The short ones run always, all of them with VIPCAST_DRILL=all.
import { describe, expect, test } from "vitest";
import { LOSSES } from "../../drill/losses.ts";
import { perform } from "../../drill/scenario.ts";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import { notAsked } from "./drillSupport.ts";

const problem = labProblem();
const SHORT: readonly string[] = ["worker-power-off", "router-bfd", "site-isolated"];

/** Requests that a busy machine may answer too late. */
const LATE = 8;
/** Milliseconds until nothing is lost any more, where nothing else is said. */
const OUTAGE = 3_000;
/** The sites are cut off for as long as somebody needs to act, or their routers fight (docs/disaster-recovery.md). */
const LONG: Readonly<Record<string, number>> = { poc: 10_000, "partition-plain": 90_000 };

describe.skipIf(problem !== null)(titleOrSkip("losses at two sites", problem), () => {
  for (const scenario of LOSSES) {
    const cannot = notAsked(scenario.name, SHORT);
    const title = titleOrSkip(`${scenario.name}: ${scenario.summary}`, cannot);
    test.skipIf(cannot !== null)(title, { timeout: 240_000 }, async () => {
      const performance = await perform(scenario, "vipcast");
      expect(performance.failures).toEqual([]);
      expect(performance.requests).toBeGreaterThan(100);
      if (scenario.aim?.lost !== undefined) expect(performance.lost).toBeLessThanOrEqual(scenario.aim.lost + LATE);
      expect(performance.outageMs).toBeLessThan(LONG[scenario.name] ?? OUTAGE);
    });
  }
});
