// Runs the scenarios of the matrix with one router and writes down how each went. Owns the titles and the file of results,
// from which `npm run interop -- --save` makes docs/interop.md. Knows neither scenarios nor routers in detail.
// Contract: a scenario that is declared to deviate must fail, else the declaration is out of date and the test says so.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, test } from "vitest";
import { labProblem, titleOrSkip } from "../../../lab/requirements.ts";
import type { RouterKind } from "./router.ts";
import { RESTARTS, scenarios } from "./scenarios.ts";
import { withLab } from "./stage.ts";

/** Of one scenario with one router. `not run`: the test was filtered out. */
interface Outcome {
  readonly id: string;
  readonly title: string;
  readonly result: "ok" | "FAILED" | "skipped" | "deviation" | "not run";
  /** Reason of a skip or a deviation, help that was given. */
  readonly detail: string;
  readonly seconds: number;
}

const RESULTS = join(import.meta.dirname, "..", "..", "..", ".vipcast-test", "interop");

/** Declares the tests of one router. Call once per file. */
export function runMatrix(kind: RouterKind): void {
  const problem = labProblem([kind.router]);
  const outcomes = new Map<string, Outcome>();
  describe.skipIf(problem !== null)(titleOrSkip(`interop with ${kind.name}`, problem), () => {
    for (const scenario of scenarios) {
      const { id, title, timeoutMs = 60_000 } = scenario;
      const note = (result: Outcome["result"], detail = "", since = performance.now()): void =>
        void outcomes.set(id, {
          id,
          title,
          result,
          detail,
          seconds: Math.round((performance.now() - since) / 100) / 10,
        });
      const cannot = kind.cannot[id];
      const deviation = kind.deviates[id];
      note(cannot === undefined ? "not run" : "skipped", cannot);
      const run = async (): Promise<void> => {
        const since = performance.now();
        note("FAILED", "", since);
        await withLab((lab) => scenario.run(kind, lab));
        note("ok", kind.notes?.[id], since);
      };
      if (cannot !== undefined) test.skip(`${title} (skipped: ${cannot})`, () => {});
      else if (deviation === undefined) test(title, run, timeoutMs);
      else {
        const fails = async (): Promise<void> => {
          const since = performance.now();
          await run().finally(() => note("deviation", deviation, since));
        };
        test.fails(`${title} (deviates: ${deviation})`, fails, timeoutMs);
      }
    }
    afterAll(() => {
      const results = {
        router: kind.name,
        version: kind.version(),
        date: new Date().toISOString().slice(0, 10),
        restarts: RESTARTS,
        outcomes: [...outcomes.values()],
      };
      mkdirSync(RESULTS, { recursive: true });
      writeFileSync(join(RESULTS, `${kind.router}.json`), `${JSON.stringify(results, null, 2)}\n`);
    });
  });
}
