// `vipcast check PATH…`: what every node would announce to every peer, and what is wrong. Reads files, prints, nothing else:
// no network, no daemon. Exit 0 without problems, 1 with, 2 on wrong usage (docs/design.md section 9).
import { readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { renderCheckReport } from "../announce/renderReport.ts";
import { checkReport } from "../announce/report.ts";
import { listManifests } from "../sources/manifests.ts";
import { ObjectSet } from "../sources/objectSet.ts";
import { ObjectStore } from "../sources/store.ts";
import { type CommandResult, UsageError } from "./result.ts";

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
  const store = new ObjectStore();
  const objects = new ObjectSet(store, options.namespace);
  for (const { name, path } of filesOf(paths)) {
    try {
      objects.setFile(name, readFileSync(path));
    } catch (error) {
      objects.setUnreadable(name, `cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
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

/** Files under one directory are named relative to it, as the daemon names them; several paths keep their own names. */
function filesOf(paths: readonly string[]): readonly { readonly name: string; readonly path: string }[] {
  return paths.flatMap((path) => {
    const isDirectory = statOf(path).isDirectory();
    if (!isDirectory) return [{ name: paths.length === 1 ? basename(path) : path, path }];
    const prefix = paths.length === 1 ? "" : path;
    return listManifests(path).map((name) => ({ name: join(prefix, name), path: join(path, name) }));
  });
}

function statOf(path: string): ReturnType<typeof statSync> & object {
  try {
    return statSync(path);
  } catch {
    throw new UsageError(`${path} does not exist or cannot be read; give a file or a directory of manifests`);
  }
}
