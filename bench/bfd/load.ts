// Sessions lost to load on our own machine: vipcast with and without real time, FRR's bfdd and BIRD, each with a router of its
// own, all at the same time under the same load. Owns the four, the load, and the counting.
// Contract: the routers' bfdd have real time, so that they are not the ones that miss; a session counts as lost when either
// end took it for Down; everything is ended, whatever happens.
import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, BfdSpeaker, upsert } from "../../lab/bfdSpeaker.ts";
import { startBird } from "../../lab/bird.ts";
import { birdBfdConfig, birdDowns, birdSession } from "../../lab/birdBfd.ts";
import { type Frr, startFrr } from "../../lab/frr.ts";
import { bfdPeer } from "../../lab/frrBfd.ts";
import type { Host } from "../../lab/lab.ts";
import type { LabProcess } from "../../lab/process.ts";
import { labProblem } from "../../lab/requirements.ts";
import { type BfdPair, bfdPair, ROUTER, SPEAKER } from "../../lab/topologies/bfdPair.ts";
import { waitFor } from "../../lab/waitFor.ts";
import type { SchedulingClass } from "../../src/bfd/threads.ts";
import type { BenchOptions } from "../bench.ts";
import { type Result, resultOf, type Who } from "../report.ts";
import { hear, roleCommand } from "../roles.ts";
import { latenessResults, since } from "./lateness.ts";
import { INTERVALS, MULTIPLIER, nameOf } from "./names.ts";

/** bfdd and BIRD as Debian starts them: `Nice=` of frr.service, and none of bird.service. */
const NICE_OF_FRR = -5;
const SETTLE_MS = 30_000;

/** One of the four at its end of a cable. */
interface Contender {
  readonly who: Who;
  /** Where there is more than one of a kind. */
  readonly how: string | null;
  readonly pair: BfdPair;
  /** Times that it took its session for Down so far. */
  downs(): Promise<number>;
  isUp(): Promise<boolean>;
  /** Only of ours. */
  readonly burdened: Burdened | null;
}

interface Burdened {
  readonly speaker: BfdSpeaker;
  readonly sink: LabProcess;
}

export async function falseDowns({ quick, progress }: BenchOptions): Promise<readonly Result[]> {
  const duration = quick ? 5_000 : 600_000;
  const routes = quick ? 50_000 : 1_000_000;
  const results: Result[] = [];
  for (const ms of quick ? [10] : INTERVALS.filter((each) => each < 100)) {
    progress(`load, ${nameOf(ms)}, ${duration / 1_000} s: all at the same time`);
    results.push(...(await underLoad(ms, duration, routes)));
  }
  return results;
}

async function underLoad(ms: number, duration: number, routes: number): Promise<readonly Result[]> {
  const started = await Promise.allSettled([
    startOurs(ms, "fifo", routes),
    startOurs(ms, "normal", routes),
    startBfdd(ms),
    ...(labProblem(["bird"]) === null ? [startBirdAt(ms)] : []),
  ]);
  const all = started.flatMap((s) => (s.status === "fulfilled" ? [s.value] : []));
  const load: LabProcess[] = [];
  try {
    for (const s of started) if (s.status === "rejected") throw s.reason;
    for (const one of all) await settled(one, ms);
    const before = await Promise.all(all.map(look));
    const [host] = all.map((one) => one.pair.speaker);
    if (host === undefined) throw new Error("unreachable");
    for (const name of ["busy1", "busy2"]) load.push(host.spawn(process.execPath, ["-e", "for(;;);"], { name }));
    const changes = await injectFor(all, duration);
    for (const process of load) process.signal("SIGKILL");
    await sleep(500); // what is Down is told
    const after = await Promise.all(all.map(look));
    const what = `${nameOf(ms)}, ${duration / 1_000} s under load`;
    return all.flatMap((one, i) => {
      const [was, is] = [before[i], after[i]];
      if (was === undefined || is === undefined) return [];
      const { who, how, burdened } = one;
      const adaptations =
        is.session === null ? null : is.session.counters.adaptations - (was.session?.counters.adaptations ?? 0);
      const named = how === null ? what : `${what}, ${how}`;
      return [
        resultOf(`${named}: sessions lost, seen at its end`, who, "downs", [is.own - was.own]),
        resultOf(`${named}: sessions lost, seen at the router`, who, "downs", [is.router - was.router]),
        ...(burdened === null || was.answer === null || is.answer === null || adaptations === null
          ? []
          : [
              resultOf(`${named}: changes of its own interval, as it knew that it was late`, who, "changes", [
                adaptations,
              ]),
              resultOf(`${named}: routes announced and withdrawn meanwhile by the same process`, who, "routes", [
                changes.get(one) ?? 0,
              ]),
              ...latenessResults(named, since(was.answer.lateness, is.answer.lateness)),
            ]),
      ];
    });
  } finally {
    for (const process of load) process.signal("SIGKILL");
    await Promise.all(all.map((one) => one.pair.lab.close()));
  }
}

async function look(one: Contender) {
  const router = (await bfdPeer(one.pair.router, SPEAKER.v4))?.downs ?? 0;
  const answer: Answer | null = (await one.burdened?.speaker.answer()) ?? null;
  const session = answer?.status?.sessions[0] ?? null;
  return { own: await one.downs(), router, answer, session };
}

/** Keeps the tables of ours moving. @returns how many announcements and withdrawals of routes each sink has counted */
async function injectFor(all: readonly Contender[], duration: number): Promise<ReadonlyMap<Contender, number>> {
  const ours = all.flatMap((one) => (one.burdened === null ? [] : [{ one, ...one.burdened, rounds: 0 }]));
  for (const { speaker } of ours) speaker.signal("SIGUSR2");
  for (const until = performance.now() + duration; performance.now() < until; await sleep(250)) {
    for (const each of ours) {
      const rounds = roundsOf(each.sink);
      if (rounds === each.rounds) continue;
      each.rounds = rounds;
      each.speaker.signal("SIGUSR2");
    }
  }
  return new Map(ours.map(({ one, sink }) => [one, changesOf(sink)]));
}

const linesOf = (sink: LabProcess): readonly string[] =>
  sink
    .output()
    .split("\n")
    .slice(0, -1)
    .filter((line) => /"event":"(done|gone)"/.test(line));
const roundsOf = (sink: LabProcess): number => linesOf(sink).length;
const changesOf = (sink: LabProcess): number =>
  linesOf(sink).reduce((sum, line) => {
    const { announced, withdrawn } = JSON.parse(line) as { readonly announced: number; readonly withdrawn: number };
    return sum + announced + withdrawn;
  }, 0);

async function settled(one: Contender, ms: number): Promise<void> {
  const isSettled = async (): Promise<boolean> => {
    const seen = await bfdPeer(one.pair.router, SPEAKER.v4);
    return seen?.status === "up" && seen.remoteTransmitMs === ms && (await one.isUp());
  };
  await waitFor(`${one.who} is up`, isSettled, (is) => is, { timeoutMs: SETTLE_MS, logs: [one.pair.router] });
}

const timers = (ms: number): readonly string[] => [
  `  transmit-interval ${ms}`,
  `  receive-interval ${ms}`,
  `  detect-multiplier ${MULTIPLIER}`,
  "  no shutdown",
  " exit",
];

/** The other end of each: a bfdd with real time. */
export async function routerAt(ms: number): Promise<BfdPair> {
  const pair = await bfdPair([` peer ${SPEAKER.v4} local-address ${ROUTER.v4} interface to-segment`, ...timers(ms)]);
  for (const pid of pair.router.pids.values()) execFileSync("chrt", ["-f", "-p", "40", String(pid)]);
  return pair;
}

/** Closes the lab when what is to stand in it does not start. */
async function startIn(ms: number, start: (pair: BfdPair) => Promise<Contender>): Promise<Contender> {
  const pair = await routerAt(ms);
  try {
    return await start(pair);
  } catch (error) {
    await pair.lab.close();
    throw error;
  }
}

const startOurs = (ms: number, best: SchedulingClass, routes: number): Promise<Contender> =>
  startIn(ms, async (pair) => {
    const sink = spawnRole(pair.speaker, "sink", roleCommand("@sink", routes));
    const port = Number((await hear(sink, "listening"))("port"));
    const speaker = new BfdSpeaker(pair.speaker, roleCommand("@burden", best, port, routes));
    const profile = { transmitInterval: ms, receiveInterval: ms, detectMultiplier: MULTIPLIER };
    speaker.command(upsert({ peer: ROUTER.v4, profile }));
    const session = () => speaker.session(ROUTER.v4);
    return {
      who: "vipcast",
      how: best === "fifo" ? "with SCHED_FIFO" : "without SCHED_FIFO",
      pair,
      isUp: async () => (await session())?.detectionTime === ms * MULTIPLIER * 1_000,
      downs: async () => (await session())?.counters.downEvents ?? 0,
      burdened: { speaker, sink },
    };
  });

const startBfdd = (ms: number): Promise<Contender> =>
  startIn(ms, async (pair) => {
    const lines = [`bfd\n peer ${ROUTER.v4} local-address ${SPEAKER.v4} interface to-segment`, ...timers(ms), ""];
    const frr: Frr = await startFrr(pair.speaker, { bfdd: lines.join("\n") });
    for (const pid of frr.pids.values()) execFileSync("renice", ["-n", String(NICE_OF_FRR), "-p", String(pid)]);
    const seen = () => bfdPeer(frr, ROUTER.v4);
    return {
      who: "frr",
      how: null,
      pair,
      isUp: async () => (await seen())?.status === "up",
      downs: async () => (await seen())?.downs ?? 0,
      burdened: null,
    };
  });

const startBirdAt = (ms: number): Promise<Contender> =>
  startIn(ms, async (pair) => {
    const [peer, local] = [ROUTER.v4, SPEAKER.v4];
    const options = { peer, local, interface: "to-segment", transmitMs: ms, receiveMs: ms, multiplier: MULTIPLIER };
    const bird = await startBird(pair.speaker, birdBfdConfig(options));
    return {
      who: "bird",
      how: null,
      pair,
      isUp: async () => (await birdSession(bird, peer))?.state === "Up",
      downs: async () => birdDowns(bird),
      burdened: null,
    };
  });

function spawnRole(host: Host, name: string, [program = "", ...args]: readonly string[]): LabProcess {
  return host.spawn(program, args, { name });
}
