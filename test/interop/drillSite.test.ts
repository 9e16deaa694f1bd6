// The scenarios of two sites under a policy, as tests: bounds are generous, since CI has other things to do; `npm run drill` has the
// aims. The short ones run always, all of them with VIPCAST_DRILL=all.
import { describe, expect, test } from "vitest";
import { perform } from "../../drill/scenario.ts";
import { SITES } from "../../drill/site.ts";
import { captureProblem } from "../../lab/capture.ts";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import { notAsked } from "./drillSupport.ts";

const problem = labProblem();
const SHORT: readonly string[] = ["promote", "site-isolated-policy", "returning-primary"];
/** They count packets with tshark. */
const CAPTURING: readonly string[] = ["returning-primary", "returning-primary-today"];

/** A connection whose packets move to another site in the middle of its request is reset, and counts as lost, and so does a late answer. */
const LOST = 12;
/** Milliseconds of outage where a site is lost or routers fight. */
const OUTAGE: Readonly<Record<string, number>> = { "site-isolated-policy": 10_000, "partition-policy-plain": 30_000 };

describe.skipIf(problem !== null)(titleOrSkip("two sites under a policy", problem), () => {
  for (const scenario of SITES) {
    const cannot = notAsked(scenario.name, SHORT) ?? (CAPTURING.includes(scenario.name) ? captureProblem() : null);
    const title = titleOrSkip(`${scenario.name}: ${scenario.summary}`, cannot);
    test.skipIf(cannot !== null)(title, { timeout: 180_000 }, async () => {
      const performance = await perform(scenario, "vipcast");
      expect(performance.failures).toEqual([]);
      expect(performance.requests).toBeGreaterThan(100);
      const outage = OUTAGE[scenario.name];
      if (outage === undefined) expect(performance.lost).toBeLessThanOrEqual(LOST);
      else expect(performance.outageMs).toBeLessThan(outage);
    });
  }
});
