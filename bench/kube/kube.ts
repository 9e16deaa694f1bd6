// An API server as the source: how soon a change of an EndpointSlice is an UPDATE at the peer, and what following a cluster costs. Owns
// the acts and what their figures are called. Contract: server, program and peer are three processes; a change begins when the server
// takes it, by the clock that all three share, and ends when the UPDATE that says so is in the peer's hands. A figure is of one of two
// states, and its name says of which: while the reports of a start are written to the server, or at rest, when all are.
import { setTimeout as sleep } from "node:timers/promises";
import type { LabProcess } from "../../lab/process.ts";
import type { Bench, BenchOptions, Measured } from "../bench.ts";
import { usageOf, withWorkshop } from "../children.ts";
import { addressOf } from "../inject/table.ts";
import { StopWatch } from "../reaction/stopWatch.ts";
import { type Result, resultOf } from "../report.ts";
import { Cluster } from "./cluster.ts";

const SIZES = [100, 1_000, 10_000] as const;
/** Size of the cluster in which single changes are timed. */
const LARGE = 10_000;
const RATE = 100;
/** Longest wait for the reports of a start: LARGE services with three writes each, at the hundred a second that they are given. */
const REPORTS_LIMIT_MS = 600_000;
const REPORTS_POLL_MS = 1_000;
/** Before anything is measured: the first collection of garbage after a load, and just-in-time compilation, are over. */
const SETTLE_MS = 2_000;

interface Plan {
  readonly starts: number;
  readonly trials: number;
  readonly idleMs: number;
  readonly busyMs: number;
  /** Greatest cluster that is measured at rest, too: its reports take minutes. */
  readonly restUpTo: number;
}

export const kube: Bench = {
  name: "kube",
  summary: "an API server as the source: slice change to UPDATE, memory, processor time, start",
  run,
};

async function run({ quick, progress }: BenchOptions): Promise<Measured> {
  const plan: Plan = quick
    ? { starts: 1, trials: 100, idleMs: 2_000, busyMs: 3_000, restUpTo: 100 }
    : { starts: 5, trials: 500, idleMs: 20_000, busyMs: 20_000, restUpTo: LARGE };
  const results: Result[] = [];
  const add: Add = (what, unit, ...values) => void results.push(resultOf(what, "vipcast", unit, values));
  for (const size of SIZES) {
    progress(`kube: ${size} services`);
    await measureSize(add, size, plan);
  }
  progress(`kube: ${LARGE} services, fat`);
  await measureFat(add);
  const notes = [
    "The API server is the one for tests, in a process of its own, plain HTTP over loopback; nothing of a real server's own time is in the figures.",
  ];
  return { results, ratios: [], versions: {}, notes };
}

type Add = (what: string, unit: string, ...values: readonly number[]) => void;

interface Act {
  readonly cluster: Cluster;
  readonly program: LabProcess;
  readonly watch: StopWatch;
  /** Milliseconds, for each start. */
  readonly first: readonly number[];
  readonly all: readonly number[];
}

/** A program over a cluster, with all routes at the peer. */
async function withProgram<T>(size: number, isFat: boolean, starts: number, work: (at: Act) => Promise<T>): Promise<T> {
  const watch = await StopWatch.start();
  try {
    return await withWorkshop(async (workshop) => {
      const cluster = await Cluster.create(workshop, size, watch.port, isFat);
      const [first, all]: [number[], number[]] = [[], []];
      for (let n = 1; ; n++) {
        watch.forget();
        const began = process.hrtime.bigint();
        const program = await cluster.start(watch.port);
        const { firstAt, lastAt } = await watch.table(size, program);
        first.push(Number(firstAt - began) / 1e6);
        all.push(Number(lastAt - began) / 1e6);
        await sleep(SETTLE_MS);
        if (n === starts) return await work({ cluster, program, watch, first, all });
        await program.stop();
      }
    });
  } finally {
    await watch.close();
  }
}

const counted = (size: number): string => `${size.toLocaleString("en-US")} services`;

async function measureSize(add: Add, size: number, plan: Plan): Promise<void> {
  await withProgram(size, false, plan.starts, async ({ cluster, program, watch, first, all }) => {
    const what = counted(size);
    add(`${what}: start of the process to the first announcement at the peer`, "ms", ...first);
    add(`${what}: start of the process to all announcements at the peer`, "ms", ...all);
    const after = usageOf(program.pid);
    add(`${what}: memory resident after the load`, "MiB", after.residentMiB);
    add(`${what}: most memory resident while loading (VmHWM)`, "MiB", after.peakMiB);
    if (size === LARGE) await whileWritten();
    if (size <= plan.restUpTo) await atRest();

    async function whileWritten(): Promise<void> {
      const state = `${what}, reports being written`;
      await trials(state);
      const share = await processorOver(program, () => sleep(plan.idleMs));
      if ((await cluster.pendingReports()) === 0)
        throw new Error("the reports were written before the trials were over");
      add(`${state}: processor, no changes`, "% of a core", share);
      add(`${state}: memory resident`, "MiB", usageOf(program.pid).residentMiB);
    }

    async function atRest(): Promise<void> {
      await reported(cluster);
      add(`${what}, at rest: memory resident`, "MiB", usageOf(program.pid).residentMiB);
      add(`${what}, at rest: processor`, "% of a core", await processorOver(program, () => sleep(plan.idleMs)));
      if (size === LARGE) {
        await trials(`${what}, at rest`);
        await reported(cluster);
      }
      const share = await processorOver(program, () => changes(cluster, size, plan.busyMs));
      add(`${what}: processor, ${RATE} changes a second, with their reports`, "% of a core", share);
      add(`${what}: memory resident after that`, "MiB", usageOf(program.pid).residentMiB);
    }

    async function trials(state: string): Promise<void> {
      const times: number[] = [];
      const waits: number[] = [];
      const waited = (): number => usageOf(program.pid).waitedMs + usageOf(cluster.api.program.pid).waitedMs;
      for (let trial = 0; trial < plan.trials; trial++) {
        const isReady = trial % 2 === 1;
        const i = ((trial >> 1) * 7_919) % size; // a stride without a common factor: the slices lie far apart
        await sleep(10 + Math.random() * 20);
        const waitedBefore = waited();
        let taken = 0n;
        const act = async (): Promise<void> => {
          taken = await cluster.flip(i, isReady);
        };
        const arrived = await watch.arrival(addressOf(i), isReady ? "announced" : "withdrawn", act, program);
        times.push(Number(arrived - taken) / 1e6);
        waits.push(waited() - waitedBefore);
      }
      add(`${state}: slice change at the server to UPDATE`, "ms", ...times);
      add(`${state}: program and server ready in that time, without a core`, "ms", ...waits);
    }
  });
}

/** Resolves when nothing is left to be written. @throws Error after REPORTS_LIMIT_MS */
async function reported(cluster: Cluster): Promise<void> {
  for (let waited = 0; waited < REPORTS_LIMIT_MS; waited += REPORTS_POLL_MS) {
    if ((await cluster.pendingReports()) === 0) return;
    await sleep(REPORTS_POLL_MS);
  }
  throw new Error(`${await cluster.pendingReports()} reports are not written after ${REPORTS_LIMIT_MS / 1000} s`);
}

/** Share of one core, in percent, that the program used during the work. */
async function processorOver(program: LabProcess, work: () => Promise<unknown>): Promise<number> {
  const before = usageOf(program.pid).cpuSeconds;
  const began = performance.now();
  await work();
  return ((usageOf(program.pid).cpuSeconds - before) / (performance.now() - began)) * 100_000;
}

/** RATE slice changes a second, evenly. */
async function changes(cluster: Cluster, size: number, forMs: number): Promise<void> {
  const began = performance.now();
  const count = (forMs / 1000) * RATE;
  for (let n = 0; n < count; n++) {
    await sleep(Math.max(0, began + (n * 1000) / RATE - performance.now()));
    await cluster.flip((n >> 1) % size, n % 2 === 1);
  }
}

async function measureFat(add: Add): Promise<void> {
  await withProgram(LARGE, true, 1, async ({ cluster, program, all }) => {
    const what = `${counted(LARGE)} with fat metadata`;
    const { residentMiB, peakMiB } = usageOf(program.pid);
    add(`${what}: Services and slices as the server lists them`, "MiB", cluster.listOctets / 2 ** 20);
    add(`${what}: memory resident after the load`, "MiB", residentMiB);
    add(`${what}: most memory resident while loading (VmHWM)`, "MiB", peakMiB);
    add(`${what}: start of the process to all announcements at the peer`, "ms", ...all);
  });
}
