// From a change that the operator makes to its UPDATE at the peer: vipcast with 10 to 10,000 services, and beside it
// others through the interface that they offer. Owns which trials are taken and what their figures are called.
import type { Bench, BenchOptions, Measured } from "../bench.ts";
import { versionOf, withWorkshop } from "../children.ts";
import { type Ratio, type Result, ratioOf, resultOf } from "../report.ts";
import { birdFile, birdSocket } from "./bird.ts";
import { exabgpPipe } from "./exabgp.ts";
import { gobgpCli } from "./gobgp.ts";
import { type Reactions, takeTrials, type Way } from "./injector.ts";
import { StopWatch } from "./stopWatch.ts";
import { vipcastDocument, vipcastFiles } from "./vipcast.ts";

interface Plan {
  readonly way: Way;
  readonly count: number;
  readonly trials: number;
  /** Milliseconds after which no further trial begins. */
  readonly limitMs: number;
}

export const reaction: Bench = {
  name: "reaction",
  summary: "from a changed manifest to its UPDATE at the peer, with 10 to 10,000 services; beside BIRD, GoBGP, ExaBGP",
  run,
};

const PROGRAMS = { bird: "bird", gobgp: "gobgpd", exabgp: "exabgp" } as const;

async function run({ quick, progress }: BenchOptions): Promise<Measured> {
  const versions = Object.fromEntries(
    Object.entries(PROGRAMS).flatMap(([who, program]) => {
      const version = versionOf(program);
      return version === null ? [] : [[who, version]];
    }),
  );
  const results: Result[] = [];
  const ratios: Ratio[] = [];
  for (const { way, count, trials, limitMs } of plans(quick)) {
    if (way.who !== "vipcast" && !(way.who in versions)) continue;
    progress(`reaction: ${way.who}, ${way.how}, ${sizeOf(count)}`);
    const { times, ownFigures } = await react(way, count, trials, limitMs);
    const result = resultOf(whatOf(way, count), way.who, "ms", times);
    results.push(result);
    if (ownFigures.length > 0) results.push(resultOf(innerOf(way, count), way.who, "ms", ownFigures));
    const own = results.find((r) => r.who === "vipcast" && r.what === whatOf(vipcastFiles, count));
    if (own !== undefined && way.who !== "vipcast") {
      ratios.push(ratioOf(`${sizeOf(count)}: rename of a manifest against ${way.how}`, own, result));
    }
  }
  const absent = Object.keys(PROGRAMS).filter((who) => !(who in versions));
  return { results, ratios, versions, notes: absent.map((who) => `${who} is not installed and did not take part.`) };
}

function plans(quick: boolean): readonly Plan[] {
  const own = { trials: quick ? 40 : 200, limitMs: quick ? 5_000 : 60_000 };
  const other = { trials: quick ? 10 : 50, limitMs: quick ? 3_000 : 30_000 };
  const sizes = quick ? [10, 1_000] : [10, 1_000, 10_000];
  const others = quick ? [10] : [10, 1_000];
  return [
    ...sizes.map((count) => ({ way: vipcastFiles, count, ...own })),
    ...(quick ? [] : [{ way: vipcastDocument, count: 10_000, ...own }]),
    ...others.flatMap((count) => [birdSocket, birdFile, gobgpCli, exabgpPipe].map((way) => ({ way, count, ...other }))),
  ];
}

const sizeOf = (count: number): string => `${count.toLocaleString("en-US")} routes`;
const whatOf = (way: Way, count: number): string => `${sizeOf(count)}: ${way.how}`;
const innerOf = (way: Way, count: number): string => `${whatOf(way, count)}; from the store to the kernel`;

async function react(way: Way, count: number, trials: number, limitMs: number): Promise<Reactions> {
  const watch = await StopWatch.start();
  try {
    return await withWorkshop(async (workshop) => {
      const injector = await way.start(workshop, watch.port, count);
      try {
        await watch.loaded(count, injector.program);
        return await takeTrials(watch, injector, count, trials, limitMs);
      } finally {
        injector.close();
      }
    });
  } finally {
    await watch.close();
  }
}
