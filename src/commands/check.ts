// `vipcast check PATH…`: what every node would announce to every peer, and what is wrong. Reads files, prints, nothing else:
// no network, no daemon. Exit 0 without problems, 1 with, 2 on wrong usage.
import { allocate } from "../allocate/allocate.ts";
import { renderAllocations, reportAllocations } from "../allocate/report.ts";
import { AllocatedView } from "../allocate/view.ts";
import { renderCheckReport } from "../announce/renderReport.ts";
import { checkReport } from "../announce/report.ts";
import type { StoreView } from "../sources/store.ts";
import { loadManifests } from "./manifests.ts";
import type { CommandResult } from "./result.ts";

export interface CheckCommandOptions {
  readonly node: string | null;
  readonly json: boolean;
  readonly namespace: string;
  readonly lbClass: string;
  readonly ignoreExcludeLb: boolean;
  /** Give Services their addresses first. */
  readonly allocate: boolean;
  readonly color: boolean;
}

/** @throws UsageError when a path does not exist */
export function check(paths: readonly string[], options: CheckCommandOptions): CommandResult {
  const { store, objects } = loadManifests(paths, options.namespace);
  const allocated = options.allocate ? allocateAll(store, options.lbClass) : null;
  const problems = [...objects.problems(), ...(allocated?.problems ?? [])];
  const report = checkReport(allocated?.view ?? store, problems, {
    nodeName: options.node,
    lbClass: options.lbClass,
    ignoreExcludeLb: options.ignoreExcludeLb,
    routerId: null,
    locate: (problem) => objects.locate(problem, problem.path),
  });
  const document = allocated === null ? report : { ...report, allocations: allocated.report };
  const text = (): string =>
    `${allocated === null ? "" : `${renderAllocations(allocated.report)}\n`}${renderCheckReport(report, options)}`;
  const output = options.json ? `${JSON.stringify(document, null, 2)}\n` : text();
  return { output, exitCode: report.problems.length === 0 ? 0 : 1 };
}

/** The store with the addresses filled in, as the daemon with --allocate would decide about it. */
function allocateAll(store: StoreView, lbClass: string) {
  const options = { lbClass, source: "manifests" } as const;
  const { allocations, problems } = allocate(store, options);
  const view = new AllocatedView(store, options);
  for (const [key, { ips }] of allocations) view.publish(key, ips);
  return { view, problems, report: reportAllocations(allocations) };
}
