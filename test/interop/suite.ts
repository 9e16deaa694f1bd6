// Runs scenarios with one router and writes down how each went. Owns the titles and the file of results, from which
// `npm run interop -- --save` makes docs/interop.md. Knows neither scenarios nor routers in detail.
// Contract: a scenario that is declared to deviate must fail, else the declaration is out of date and the test says so.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, test } from "vitest";
import { labProblem, type Router, titleOrSkip } from "../../lab/requirements.ts";

/** Of one scenario with one router. `not run`: the test was filtered out. */
interface Outcome {
  readonly id: string;
  readonly title: string;
  readonly result: "ok" | "FAILED" | "skipped" | "deviation" | "not run";
  /** Reason of a skip or a deviation, help that was given. */
  readonly detail: string;
  readonly seconds: number;
}

export interface ScenarioTitle {
  readonly id: string;
  /** A sentence about vipcast and the router. */
  readonly title: string;
  /** Milliseconds, where the usual limit is too short. */
  readonly timeoutMs?: number;
}

/** What a router declares about itself. */
export interface Declared {
  /** Key of its results, and of the packages it needs. */
  readonly router: Router;
  readonly name: string;
  /** As its own program tells it, e.g. `8.4.4`. */
  version(): string;
  /** Scenario -> why this router cannot run it: shown as skipped. */
  readonly cannot: Readonly<Partial<Record<string, string>>>;
  /** Scenario -> what is different from what we want: must fail, and is shown as a deviation. */
  readonly deviates: Readonly<Partial<Record<string, string>>>;
  /** Scenario -> how it was helped to pass. */
  readonly notes?: Readonly<Partial<Record<string, string>>>;
}

export interface Suite<S extends ScenarioTitle> {
  readonly title: string;
  /** Of the results, below `.vipcast-test`. */
  readonly folder: string;
  readonly kind: Declared;
  readonly scenarios: readonly S[];
  /** How often each end is restarted. */
  readonly restarts: number;
  run(scenario: S): Promise<void>;
}

const RESULTS = join(import.meta.dirname, "..", "..", ".vipcast-test");

/** Declares the tests of one router. Call once per file. */
export function runSuite<S extends ScenarioTitle>(suite: Suite<S>): void {
  const { kind, scenarios, restarts } = suite;
  const problem = labProblem([kind.router]);
  const outcomes = new Map<string, Outcome>();
  describe.skipIf(problem !== null)(titleOrSkip(suite.title, problem), () => {
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
        await suite.run(scenario);
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
      const date = new Date().toISOString().slice(0, 10);
      const results = { router: kind.name, version: kind.version(), date, restarts, outcomes: [...outcomes.values()] };
      mkdirSync(join(RESULTS, suite.folder), { recursive: true });
      writeFileSync(join(RESULTS, suite.folder, `${kind.router}.json`), `${JSON.stringify(results, null, 2)}\n`);
    });
  });
}
