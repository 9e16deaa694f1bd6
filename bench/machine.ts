// SHELL: what a figure was measured on. Owns the reading of it. Says nothing by which a machine could be recognised.
import { cpus, loadavg, release, totalmem } from "node:os";
import type { Machine } from "./report.ts";

export const describeMachine = (): Machine => ({
  cores: cpus().length,
  memory: Math.round(totalmem() / 2 ** 20),
  kernel: /^[\d.]*\d/.exec(release())?.[0] ?? "unknown", // without what the builder of the kernel added
  node: process.versions.node,
  load: loadavg()[0] ?? 0,
});
