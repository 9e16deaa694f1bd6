// `vipcast check PATH…`: what every node would announce to every peer, and what is wrong. Reads files, prints, nothing else:
// no network, no daemon. Exit 0 without problems, 1 with, 2 on wrong usage (docs/design.md section 9).
import { renderCheckReport } from "../announce/renderReport.ts";
import { checkReport } from "../announce/report.ts";
import { loadManifests } from "./manifests.ts";
import type { CommandResult } from "./result.ts";

export interface CheckCommandOptions {
  readonly node: string | null;
  readonly json: boolean;
  readonly namespace: string;
  readonly lbClass: string;
  readonly ignoreExcludeLb: boolean;
  readonly color: boolean;
}

/** @throws UsageError when a path does not exist */
export function check(paths: readonly string[], options: CheckCommandOptions): CommandResult {
  const { store, objects } = loadManifests(paths, options.namespace);
  const report = checkReport(store, objects.problems(), {
    nodeName: options.node,
    lbClass: options.lbClass,
    ignoreExcludeLb: options.ignoreExcludeLb,
    routerId: null,
    locate: (problem) => objects.locate(problem, problem.path),
  });
  const output = options.json ? `${JSON.stringify(report, null, 2)}\n` : renderCheckReport(report, options);
  return { output, exitCode: report.problems.length === 0 ? 0 : 1 };
}
