// What the daemons have in common as processes: words for problems of their settings, SIGHUP, the last resort for our own defects. Owns
// the limits of these. Never calls process.exit.
import { realClock } from "../app/realTime.ts";
import type { ResolvedConfig } from "../config/resolve.ts";
import { CONFIG_KIND, type ConfigKey, type DaemonConfig } from "../config/schema.ts";
import type { ConfigProblem } from "../kernel/problem.ts";
import type { Logger } from "../observe/log.ts";

/** How long the log may hold up the end of the process, milliseconds. */
export const LOG_FLUSH_MS = 200;

/** Defects outside every peer's own handling within a minute after which the process ends rather than limps on. */
export const DEFECTS_PER_MINUTE = 20;

export function problemLine(p: ConfigProblem): string {
  const place = p.line === undefined ? p.name : `${p.name}:${p.line}`;
  // a setting is named by where it was given
  const path = p.kind === CONFIG_KIND || p.path === "" ? "" : `${p.path} `;
  return `${place}: ${path}${p.message}. ${p.hint}`;
}

/** SIGHUP: a daemon's own settings cannot change while it runs; what differs is told. @param keys that it takes */
export function reread(
  { config, problems }: ResolvedConfig,
  running: DaemonConfig,
  keys: readonly ConfigKey[],
  log: Logger,
): void {
  for (const p of problems) log.error("configProblem", { kind: p.kind, name: p.name, path: p.path }, problemLine(p));
  const different = keys.filter((key) => JSON.stringify(config[key]) !== JSON.stringify(running[key]));
  if (different.length === 0) return;
  log.warn("restartNeeded", {}, `changed settings need a restart of the daemon: ${different.join(", ")}`);
}

/** @param each told of every defect that nobody caught @param storm too many of them within a minute */
export function onDefects(each: (error: unknown) => void, storm: () => void): void {
  const recent: number[] = [];
  const onDefect = (error: unknown): void => {
    each(error);
    const now = realClock.now();
    recent.push(now);
    while ((recent[0] ?? now) < now - 60_000) recent.shift();
    if (recent.length > DEFECTS_PER_MINUTE) storm();
  };
  process.on("uncaughtException", onDefect);
  process.on("unhandledRejection", onDefect);
}
