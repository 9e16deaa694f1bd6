// `npm run bench -- bfd`: how fast a cut path is noticed and acted on; sessions lost to load on our own machine; what sessions
// cost; what floods do. FRR's bfdd and BIRD stand in our place in the same run. Owns the plan of the run and what is said
// about it. Contract: needs root and FRR; every lab is closed, whatever happens.
import { labProblem } from "../../lab/requirements.ts";
import type { Bench, BenchOptions, Measured } from "../bench.ts";
import { versionOf } from "../children.ts";
import { frrProgram } from "../frr.ts";
import { type Ratio, type Result, ratiosOf } from "../report.ts";
import { costOfSessions } from "./cost.ts";
import { cutPaths } from "./cut.ts";
import { floods } from "./flood.ts";
import { falseDowns } from "./load.ts";

export const bfd: Bench = {
  name: "bfd",
  summary: "BFD: a cut path, sessions lost under load, processor time, floods; FRR and BIRD beside it",
  async run(options: BenchOptions): Promise<Measured> {
    const problem = labProblem();
    if (problem !== null) throw new Error(problem);
    const results: Result[] = [];
    const failures: string[] = [];
    // the long one last; one that fails does not take the figures of the others with it
    for (const part of [cutPaths, costOfSessions, floods, falseDowns]) {
      try {
        results.push(...(await part(options)));
      } catch (error) {
        const why = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
        failures.push(`${part.name} was not finished: ${why}`);
        options.progress(failures.at(-1) ?? "");
      }
    }
    if (results.length === 0) throw new Error(failures.join("\n"));
    const notes = [...NOTES, ...failures];
    return { results, ratios: ratios(results), versions: versions(), notes };
  },
};

const NOTES: readonly string[] = [
  "The machine was shared with other test runs while this was measured; whoever is compared ran at the same moment.",
];

/** A ratio of losses would say nothing. */
const ratios = (results: readonly Result[]): readonly Ratio[] =>
  ratiosOf(results.filter((r) => r.unit !== "downs" && r.unit !== "trials"));

function versions(): Readonly<Record<string, string>> {
  const all = { frr: versionOf(frrProgram() ?? "bgpd"), bird: versionOf("bird") };
  return Object.fromEntries(
    Object.entries(all).flatMap(([who, version]) => (version === null ? [] : [[who, version]])),
  );
}
