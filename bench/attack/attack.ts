// What a healthy peer notices while another one misbehaves, and what that costs the program (C-260, C-261, C-263): a reader
// that stops, a flood of connections, a flood of UPDATEs. Owns the attacks and what their figures are called.
// Contract: the program under attack is the real one; attackers are processes of their own, on loopback alone.
import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { LabProcess } from "../../lab/process.ts";
import type { Bench, BenchOptions, Measured } from "../bench.ts";
import { type Workshop, withWorkshop } from "../children.ts";
import { type Injector, takeTrials } from "../reaction/injector.ts";
import { StopWatch } from "../reaction/stopWatch.ts";
import { startDaemon } from "../reaction/vipcast.ts";
import { type Result, resultOf } from "../report.ts";
import { hear, roleCommand } from "../roles.ts";
import { FLOOD_MS, type Vice } from "./crowdRole.ts";
import { type Ballast, ballastAdvertisement, ballastPool, ballastServices, crowdPeers, doorPeer } from "./manifests.ts";

/** Routes of the healthy peer. */
const ROUTES = 1_000;
const BALLAST = 10_000;
/** Each changes all of the ballast. Routes that are alike take so few octets that a socket's buffers fill slowly. */
const ROUNDS: Readonly<Record<Ballast, number>> = { alike: 60, unlike: 10 };
const CROWD = 8;
const KNOCKS = 10_000;
const LATENCY = "healthy peer, rename of a manifest to its UPDATE";

export const attack: Bench = {
  name: "attack",
  summary: "a slow reader, 10,000 connections of strangers, UPDATEs at line rate: what a healthy peer notices",
  run,
};

async function run({ quick, progress }: BenchOptions): Promise<Measured> {
  const results: Result[] = [];
  const row = (what: string, unit: string, values: readonly number[]): void => {
    results.push(resultOf(what, "vipcast", unit, values));
  };
  const trials = quick ? 40 : 200;

  for (const ballast of ["alike", "unlike"] as const) {
    const changes = `${(ROUNDS[ballast] * BALLAST).toLocaleString("en-US")} changes of routes that are ${ballast}`;
    const others = {
      read: `${CROWD} other peers that read`,
      stopped: `${CROWD} other peers that have stopped reading`,
    };
    const storms: Record<Crowd, Storm[]> = { read: [], stopped: [] };
    for (let i = 0; i < (quick ? 1 : 3); i++) {
      for (const crowd of ["read", "stopped"] as const) {
        progress(`attack: ${changes}, ${others[crowd]}`);
        storms[crowd].push(await underTest((target) => slowReaders(target, crowd, ballast, trials)));
      }
    }
    const both = [...storms.read, ...storms.stopped];
    row(
      `${LATENCY}: before ${changes}`,
      "ms",
      both.flatMap((s) => s.before),
    );
    for (const crowd of ["read", "stopped"] as const) {
      row(
        `${LATENCY}: during ${changes}, ${others[crowd]}`,
        "ms",
        storms[crowd].flatMap((s) => s.during),
      );
    }
    const perPeer = storms.stopped.map((s, i) => (s.grownMiB - (storms.read[i]?.grownMiB ?? 0)) / CROWD);
    row(`memory of a peer that has stopped reading, beyond one that reads: ${changes}`, "MiB", perPeer);
  }

  progress(`attack: ${KNOCKS} connections of strangers`);
  const knocks = await underTest((target) => strangers(target, trials));
  row(`${LATENCY}: before ${KNOCKS} connections of strangers`, "ms", knocks.before);
  row(`${LATENCY}: during ${KNOCKS} connections of strangers`, "ms", knocks.during);
  row(`connections of strangers that were taken and closed, of ${KNOCKS}; the rest were dropped`, "connections", [
    knocks.answered,
  ]);
  row(`time for ${KNOCKS} connections of strangers`, "ms", [knocks.ms]);
  row("descriptors of the program before", "descriptors", [knocks.descriptorsBefore]);
  row("descriptors of the program, most seen", "descriptors", [knocks.descriptorsMost]);

  progress("attack: UPDATEs at line rate");
  const flood = await underTest((target) => lineRate(target, trials));
  row(`${LATENCY}: before UPDATEs at line rate`, "ms", flood.before);
  row(`${LATENCY}: during UPDATEs at line rate`, "ms", flood.during);
  row("UPDATEs at line rate that were read", "MiB/s", [flood.mibPerSecond]);
  row("memory of the program grown by UPDATEs at line rate", "MiB", [flood.grownMiB]);
  return { results, ratios: [], versions: {}, notes: [] };
}

interface Target {
  readonly workshop: Workshop;
  readonly watch: StopWatch;
  readonly injector: Injector;
  readonly program: LabProcess;
  readonly listenPort: number;
}

/** The program with its table at the healthy peer. */
async function underTest<T>(work: (target: Target) => Promise<T>): Promise<T> {
  const watch = await StopWatch.start();
  try {
    return await withWorkshop(async (workshop) => {
      const listenPort = watch.port + 12_003;
      const listen = ["--listen", `127.0.0.1:${listenPort}`];
      const injector = await startDaemon(workshop, watch.port, ROUTES, "files", listen);
      const { program } = injector;
      await watch.loaded(ROUTES, program);
      return await work({ workshop, watch, injector, program, listenPort });
    });
  } finally {
    await watch.close();
  }
}

const measure = async ({ watch, injector }: Target, trials: number): Promise<readonly number[]> =>
  (await takeTrials(watch, injector, ROUTES, trials, 60_000)).times;

/** Measures until the promise settles, at least once. */
async function measureDuring(target: Target, what: Promise<unknown>): Promise<readonly number[]> {
  const times: number[] = [];
  let isOver = false;
  const over = what.finally(() => {
    isOver = true;
  });
  do times.push(...(await measure(target, 10)));
  while (!isOver);
  await over;
  return times;
}

/** A finished file, renamed into the directory. */
function put({ workshop }: Target, name: string, text: string): void {
  const staged = join(workshop.dir, "staging", name);
  writeFileSync(staged, text);
  renameSync(staged, join(workshop.dir, "manifests", name));
}

async function startCrowd(target: Target, count: number, vice: Vice): Promise<LabProcess> {
  const port = target.watch.port + 1;
  const crowd = target.workshop.start(roleCommand("@crowd", port, count, vice));
  put(target, "crowd.yaml", crowdPeers(count, port));
  await hear(crowd, "up", target.program);
  return crowd;
}

type Crowd = "read" | "stopped";

interface Storm {
  readonly before: readonly number[];
  readonly during: readonly number[];
  readonly grownMiB: number;
}

async function slowReaders(target: Target, crowd: Crowd, ballast: Ballast, trials: number): Promise<Storm> {
  const { program } = target;
  put(target, "ballast.yaml", [ballastPool, ballastServices(BALLAST, ballast)].join("---\n"));
  put(target, "round.yaml", ballastAdvertisement(CROWD, 0));
  const peers = await startCrowd(target, CROWD, "stopReading");
  await sleep(2_000);
  const before = await measure(target, trials);
  if (crowd === "stopped") peers.signal("SIGUSR2");
  await sleep(200);
  const residentBefore = residentMiB(program.pid);
  const during: number[] = [];
  for (let round = 1; round <= ROUNDS[ballast]; round++) {
    put(target, "round.yaml", ballastAdvertisement(CROWD, round));
    during.push(...(await measure(target, Math.ceil(trials / ROUNDS[ballast] / 2) * 2)));
  }
  await sleep(2_000);
  if (peers.output().includes('"closed"')) throw new Error("a session of the crowd has ended");
  return { before, during, grownMiB: residentMiB(program.pid) - residentBefore };
}

async function strangers(target: Target, trials: number) {
  const { program, workshop, listenPort } = target;
  put(target, "door.yaml", doorPeer);
  await sleep(500);
  const before = await measure(target, trials);
  const descriptorsBefore = descriptorsOf(program.pid);
  let descriptorsMost = descriptorsBefore;
  const watching = setInterval(() => {
    descriptorsMost = Math.max(descriptorsMost, descriptorsOf(program.pid));
  }, 2);
  const knocking = hear(workshop.start(roleCommand("@knock", listenPort, KNOCKS)), "knocked", program);
  const during = await measureDuring(target, knocking);
  clearInterval(watching);
  const said = await knocking;
  const [answered, ms] = [Number(said("answered")), Number(said("ms"))];
  return { before, during, answered, ms, descriptorsBefore, descriptorsMost };
}

async function lineRate(target: Target, trials: number) {
  const peer = await startCrowd(target, 1, "flood");
  await sleep(1_000);
  const before = await measure(target, trials);
  const residentBefore = residentMiB(target.program.pid);
  peer.signal("SIGUSR2");
  const flooding = hear(peer, "flooded", target.program);
  const during = await measureDuring(target, flooding);
  const said = await flooding;
  if (said("alive") !== "1") throw new Error("the session with the flooding peer has ended");
  const mibPerSecond = Number(said("octets")) / 2 ** 20 / (FLOOD_MS / 1_000);
  return { before, during, mibPerSecond, grownMiB: residentMiB(target.program.pid) - residentBefore };
}

function residentMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
}

const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;
