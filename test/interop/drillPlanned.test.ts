// The planned scenarios of the drill, as tests: bounds are generous, since CI has other things to do; `npm run drill` has the aims.
// The short ones run always, all of them with VIPCAST_DRILL=all.
import { describe, expect, test } from "vitest";
import { PLANNED } from "../../drill/planned.ts";
import { perform } from "../../drill/scenario.ts";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import { notAsked } from "./drillSupport.ts";

const problem = labProblem();
const SHORT: readonly string[] = ["drain", "speaker-restart", "crash-restart"];

/** A connection whose packets move to another worker in the middle of its request is reset, and counts as lost, and so does a late answer. */
const LOST = 8;
/** Milliseconds from the start of a process to its route in the router. */
const BACK = 6_000;

describe.skipIf(problem !== null)(titleOrSkip("planned moves between two sites", problem), () => {
  for (const scenario of PLANNED) {
    const cannot = notAsked(scenario.name, SHORT);
    test.skipIf(cannot !== null)(titleOrSkip(`${scenario.name}: ${scenario.summary}`, cannot), async () => {
      const performance = await perform(scenario, "vipcast");
      expect(performance.failures).toEqual([]);
      expect(performance.requests).toBeGreaterThan(100);
      expect(performance.lost).toBeLessThanOrEqual(LOST);
      if (scenario.aim?.back !== undefined) expect(performance.extra?.backMs).toBeLessThan(BACK);
    });
  }
});
