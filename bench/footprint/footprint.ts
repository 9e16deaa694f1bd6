// What a speaker takes that has nothing to do: memory and processor time with two peers and one route, and how soon that route is at both
// peers after the start. Owns the scales. Contract: every contender runs alone in the same namespace with the same two FRR routers as
// its peers; a figure is the sum over all processes that it consists of, as the kernel books them.
import { setTimeout as sleep } from "node:timers/promises";
import { frrDirectory, labProblem, type Router } from "../../lab/requirements.ts";
import { type TwoRouters, twoRouters } from "../../lab/topologies/twoRouters.ts";
import { waitFor } from "../../lab/waitFor.ts";
import type { Bench, BenchOptions, Measured } from "../bench.ts";
import { usageOf, versionOf } from "../children.ts";
import { type Result, ratiosOf, resultOf } from "../report.ts";
import { bird, type Contender, frr, gobgp, PREFIX, vipcastInCluster, vipcastOnManifests } from "./contenders.ts";

/** After the route is there, so that each has put its tools away. */
const SETTLE_MS = 3_000;
/** Between an end and the next start: a router that has lost a session takes no other for a moment. */
const REST_MS = 4_000;
/** How often the routers are asked whether they have the route, milliseconds: the error of a start's figure. */
const ASK_EVERY_MS = 2;

export const footprint: Bench = {
  name: "footprint",
  summary: "idle with two peers: memory, processor time, start to first announcement, beside FRR, BIRD, GoBGP",
  run,
};

async function run({ quick, progress }: BenchOptions): Promise<Measured> {
  const problem = labProblem();
  if (problem !== null) throw new Error(`the footprint bench needs a lab with FRR: ${problem}`);
  const plan = quick ? { starts: 1, idleMs: 3_000 } : { starts: 6, idleMs: 20_000 };
  const results: Result[] = [];
  const notes: string[] = ["No BFD session; FRR is zebra, bgpd and bfdd."];
  const others: readonly (readonly [Router, (stage: TwoRouters) => Contender])[] = [
    ["frr", frr],
    ["bird", bird],
    ["gobgp", gobgp],
  ];
  const stage = await twoRouters();
  try {
    const contenders: Contender[] = [vipcastOnManifests(stage), await vipcastInCluster(stage)];
    for (const [router, make] of others) {
      const missing = labProblem([router]);
      if (missing === null) contenders.push(make(stage));
      else notes.push(`Without ${router}: ${missing}.`);
    }
    for (const contender of contenders) {
      progress(`footprint: ${contender.who}${contender.way}`);
      results.push(...(await weigh(stage, contender, plan)));
    }
  } finally {
    await stage.lab.close();
  }
  return { results, ratios: ratiosOf(results), versions: versions(), notes };
}

async function weigh(
  stage: TwoRouters,
  contender: Contender,
  plan: { readonly starts: number; readonly idleMs: number },
): Promise<readonly Result[]> {
  const started: number[] = [];
  for (let n = 1; ; n++) {
    await seen(stage, false);
    await sleep(REST_MS);
    const began = performance.now();
    await contender.start();
    await seen(stage, true);
    started.push(performance.now() - began);
    if (n === plan.starts) break;
    await contender.stop();
  }
  await sleep(SETTLE_MS);
  const usages = () => contender.pids().map(usageOf);
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const cpu = () => sum(usages().map((u) => u.cpuSeconds));
  const [before, since] = [cpu(), performance.now()];
  await sleep(plan.idleMs);
  const percent = ((cpu() - before) / (performance.now() - since)) * 100_000;
  const resident = sum(usages().map((u) => u.residentMiB));
  await contender.stop();
  const row = (what: string, unit: string, ...values: readonly number[]): Result =>
    resultOf(`${what}${contender.way}`, contender.who, unit, values);
  return [
    row("memory resident, idle, 2 peers", "MiB", resident),
    row("processor, idle, 2 peers", "% of a core", percent),
    row("start to the route at both peers", "ms", ...started),
  ];
}

/** Resolves when both routers have the route, or neither has. */
async function seen({ left, right }: TwoRouters, isThere: boolean): Promise<void> {
  const all = async (): Promise<boolean> => {
    const paths = await Promise.all([left, right].map(({ router }) => router.route(PREFIX)));
    return paths.every((p) => p.length > 0 === isThere);
  };
  const options = { timeoutMs: 60_000, everyMs: ASK_EVERY_MS, logs: [left.router, right.router] };
  await waitFor(`the route to be ${isThere ? "there" : "gone"}`, all, (holds) => holds, options);
}

function versions(): Readonly<Record<string, string>> {
  const directory = frrDirectory();
  const found = {
    frr: directory === null ? null : versionOf(`${directory}/bgpd`),
    bird: versionOf("bird"),
    gobgp: versionOf("gobgp"),
  };
  return Object.fromEntries(
    Object.entries(found).flatMap(([who, version]) => (version === null ? [] : [[who, version]])),
  );
}
