// The BFD program as the interop tests run it. Owns its bundle. Knows nothing of what is tested.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { FLOODS, type FloodReport, flood } from "../../lab/bfdFlood.ts";
import { BfdSpeaker } from "../../lab/bfdSpeaker.ts";
import type { Host } from "../../lab/lab.ts";
import type { SchedulingClass } from "../../src/bfd/threads.ts";

const root = join(import.meta.dirname, "..", "..");
const outdir = join(root, "dist", "tools", `bfd-${process.pid}`);
let bundled: Promise<unknown> | null = null;

/** Built once per process. */
function bundle(): Promise<unknown> {
  bundled ??= build({
    entryPoints: {
      bfdProgram: join(root, "test", "interop", "bfdProgramEntry.ts"),
      bfdWorker: join(root, "src", "bfd", "worker.ts"),
    },
    outdir,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    logLevel: "warning",
  }).then(() => process.once("exit", () => rmSync(outdir, { recursive: true, force: true })));
  return bundled;
}

/** Floods for two seconds as fast as one core can. */
export async function floodFrom(host: Host, to: string, discr: number): Promise<FloodReport> {
  await bundle();
  const program = [process.execPath, join(outdir, "bfdProgram.js"), "flood"];
  return flood(host, program, { kinds: FLOODS, to, discr, rate: 0, seconds: 2 });
}

export async function startBfd(host: Host, best: SchedulingClass = "fifo"): Promise<BfdSpeaker> {
  await bundle();
  return new BfdSpeaker(host, [process.execPath, join(outdir, "bfdProgram.js"), best]);
}
