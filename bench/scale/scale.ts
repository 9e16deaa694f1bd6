// What a large cluster costs: 10,000 services with 100,000 endpoints and 100 advertisements. Owns the acts and what their figures
// are called. Contract: the program is the real one; its own report of a re-decision and the delay of its event loop, measured
// inside it by loopProbe.ts, stand side by side.
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { LabProcess } from "../../lab/process.ts";
import type { Bench, BenchOptions, Measured } from "../bench.ts";
import { until, usageOf, type Workshop, withWorkshop } from "../children.ts";
import { NODE, nameOf } from "../manifests.ts";
import { type Injector, takeTrials } from "../reaction/injector.ts";
import { StopWatch } from "../reaction/stopWatch.ts";
import { resultOf } from "../report.ts";
import { hear } from "../roles.ts";
import { ADVERTISEMENTS, configuration, type Edit, ENDPOINTS, service, UNEDITED } from "./manifests.ts";

const SERVICES = 10_000;

export const scale: Bench = {
  name: "scale",
  summary: "10,000 services, 100,000 endpoints, 100 advertisements: load, endpoint flip, edits that touch all",
  run,
};

async function run({ quick, progress }: BenchOptions): Promise<Measured> {
  const rows = new Map<string, { readonly unit: string; readonly values: number[] }>();
  const add: Add = (what, unit, ...values) => {
    const row = rows.get(what) ?? { unit, values: [] };
    rows.set(what, row);
    row.values.push(...values);
  };
  const plan = quick ? { loads: 1, flips: 60, edits: 3 } : { loads: 3, flips: 200, edits: 10 };
  for (let load = 1; load <= plan.loads; load++) {
    progress(`scale: ${SERVICES} services, load ${load} of ${plan.loads}`);
    await oneLoad(add, plan.flips, plan.edits, progress);
  }
  const results = [...rows].map(([what, { unit, values }]) => resultOf(what, "vipcast", unit, values));
  const cluster = `${SERVICES.toLocaleString("en-US")} services, ${(SERVICES * ENDPOINTS).toLocaleString("en-US")} endpoints`;
  return { results, ratios: [], versions: {}, notes: [`${cluster}, ${ADVERTISEMENTS} advertisements, one peer.`] };
}

type Add = (what: string, unit: string, ...values: readonly number[]) => void;

async function oneLoad(add: Add, flips: number, edits: number, progress: BenchOptions["progress"]): Promise<void> {
  const watch = await StopWatch.start();
  try {
    await withWorkshop(async (workshop) => {
      const cluster = prepareCluster(workshop, watch.port);
      const started = performance.now();
      const program = cluster.start();
      await until("the first decision", [program], () => (program.output().includes('"firstDecision"') ? true : null));
      add("load: from the start of the program to its first decision", "ms", performance.now() - started);
      await watch.loaded(SERVICES, program);
      const loop = new LoopProbe(program);
      const atRest = await loop.read();
      add("load: longest turn of the main thread, reading the manifests included", "ms", atRest.longestMs);
      add("load: processor time until all routes are at the peer", "s", usageOf(program.pid).cpuSeconds);
      add("memory resident after the load", "MiB", atRest.residentMiB);

      progress("scale: endpoint flips");
      const trials = await takeTrials(watch, cluster.injector(program), SERVICES, flips, 30_000);
      add("endpoint flip: rename of the manifest to the UPDATE at the peer", "ms", ...trials.times);
      add("endpoint flip: from the store to the kernel", "ms", ...trials.ownFigures);

      for (const { what, make } of EDITS) {
        progress(`scale: ${what}`);
        for (let n = 1; n <= edits; n++) {
          const act = cluster.prepareEdit(make(n));
          await sleep(300);
          await loop.read();
          act();
          const said = await cluster.settled(program, n);
          await sleep(300); // what follows: octets that the peer reads, garbage
          const { longestMs, cpuMs, waitedMs } = await loop.read();
          add(`${what}: from the store to the kernel`, "ms", said.durationMs);
          add(`${what}: longest turn, as the program reports it`, "ms", said.longestTurnMs);
          add(`${what}: longest delay of the event loop`, "ms", longestMs);
          add(`${what}: processor time, all threads`, "ms", cpuMs);
          add(`${what}: time that the main thread waited for a processor`, "ms", waitedMs);
        }
      }
      add("most memory resident, all edits included (VmHWM)", "MiB", usageOf(program.pid).peakMiB);
    });
  } finally {
    await watch.close();
  }
}

/** Each touches every service; numbered from 1, each differs from the one before. */
const EDITS: readonly { readonly what: string; make(n: number): Edit }[] = [
  { what: "pool grows, no route changes", make: (n) => ({ ...UNEDITED, spareRanges: n }) },
  { what: "community of all routes changes", make: (n) => ({ ...UNEDITED, community: 1 + n }) },
  { what: "pool moves away or back, all routes go or come", make: (n) => ({ ...UNEDITED, isHome: n % 2 === 0 }) },
];

interface Settled {
  readonly durationMs: number;
  readonly longestTurnMs: number;
}

/** The manifests of the cluster, and the program over them. */
function prepareCluster(workshop: Workshop, sinkPort: number) {
  const manifests = join(workshop.dir, "manifests");
  const staging = join(workshop.dir, "staging");
  mkdirSync(manifests);
  mkdirSync(staging);
  /** A finished file; the act is its rename into the directory. */
  const stage = (name: string, text: string) => {
    writeFileSync(join(staging, name), text);
    return () => renameSync(join(staging, name), join(manifests, name));
  };
  stage("configuration.yaml", configuration(sinkPort, UNEDITED))();
  for (let i = 0; i < SERVICES; i++) stage(`${nameOf(i)}.yaml`, service(i, true))();
  const dist = dirname(fileURLToPath(import.meta.url));
  let last = "";
  /** Lines of the log that say what a change took, since the last call; nothing else writes megabytes in between. */
  const freshReports = (program: LabProcess): Settled[] => {
    const lines = program
      .output()
      .split("\n")
      .slice(0, -1)
      .filter((line) => line.includes('"event":"changeApplied"'));
    const fresh = lines.slice(lines.indexOf(last) + 1);
    last = fresh.at(-1) ?? last;
    return fresh.map((line) => JSON.parse(line) as Settled);
  };
  return {
    start: (): LabProcess => {
      const source = ["--manifests", manifests, "--node-name", NODE, "--log-level", "debug"];
      const doors = ["--socket", join(workshop.dir, "socket"), "--metrics", `127.0.0.1:${sinkPort + 6_001}`];
      const node = [process.execPath, "--import", join(dist, "loopProbe.js")];
      return workshop.start([...node, join(dist, "main.js"), "speaker", ...source, ...doors]);
    },
    injector: (program: LabProcess): Injector => ({
      program,
      prepare: (route, isAnnounced) => stage(`${nameOf(route)}.yaml`, service(route, isAnnounced)),
      ownFigures: () => freshReports(program).map((r) => r.durationMs),
      close() {},
    }),
    prepareEdit: (edit: Edit) => stage("configuration.yaml", configuration(sinkPort, edit)),
    /** What the program says about the one edit since the last call. */
    settled: (program: LabProcess, n: number): Promise<Settled> =>
      until(`edit ${n}`, [program], () => freshReports(program)[0] ?? null),
  };
}

interface LoopState {
  readonly longestMs: number;
  readonly cpuMs: number;
  readonly waitedMs: number;
  readonly residentMiB: number;
}

/** What loopProbe.ts says inside the program. */
class LoopProbe {
  readonly #program: LabProcess;
  #count = 0;

  constructor(program: LabProcess) {
    this.#program = program;
  }

  /** Since the last call. */
  async read(): Promise<LoopState> {
    this.#program.signal("SIGUSR2");
    const said = await hear(this.#program, `loop${++this.#count}`);
    const value = (field: keyof LoopState): number => Number(said(field));
    return {
      longestMs: value("longestMs"),
      cpuMs: value("cpuMs"),
      waitedMs: value("waitedMs"),
      residentMiB: value("residentMiB"),
    };
  }
}
