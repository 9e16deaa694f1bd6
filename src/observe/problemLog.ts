// Problems as log lines: one when a problem appears, one when it is solved. Owns the form of both. Knows nothing of where problems come from.
import type { ConfigProblem } from "../kernel/problem.ts";
import type { Logger } from "./log.ts";

/** Two problems with one key are the same. */
export const problemKey = (p: ConfigProblem): string =>
  JSON.stringify([p.kind, p.namespace, p.name, p.path, p.message, p.file]);

export const problemsByKey = (problems: readonly ConfigProblem[]): ReadonlyMap<string, ConfigProblem> =>
  new Map(problems.map((p) => [problemKey(p), p]));

/** @param before and @param after by problemsByKey */
export function logProblemChanges(
  log: Logger,
  before: ReadonlyMap<string, ConfigProblem>,
  after: ReadonlyMap<string, ConfigProblem>,
): void {
  for (const [key, problem] of after) if (!before.has(key)) logProblem(log, problem);
  for (const [key, p] of before) {
    if (after.has(key)) continue;
    const { kind, namespace, name, path, file } = p;
    log.info("problemSolved", { kind, namespace, name, path, file }, `no longer wrong: ${p.message}`);
  }
}

function logProblem(log: Logger, p: ConfigProblem): void {
  const { kind, namespace, name, path, file, line } = p;
  const hint = p.hint === "" ? null : p.hint;
  const fields = { kind, namespace, name, path, file, line, hint };
  const where = path === "" ? "" : `${path}: `;
  const text = `${kind} ${namespace === null ? "" : `${namespace}/`}${name}: ${where}${p.message}`;
  if (p.severity === "error") log.error("configProblem", fields, text);
  else log.warn("configProblem", fields, text);
}
