// `npm run bench -- bfd`: how fast a cut path is noticed, on both sides; sessions lost to load on our own machine; processor
// time per session. FRR's bfdd stands in our place in the same run. Owns the plan of the run and what is said about it.
// Contract: needs root and FRR; every lab is closed, whatever happens.
import { execFileSync, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { BfdSpeaker, monotonicNow, upsert } from "../../lab/bfdSpeaker.ts";
import { type Frr, startFrr } from "../../lab/frr.ts";
import { bfdPeer } from "../../lab/frrBfd.ts";
import { createLab, type Host } from "../../lab/lab.ts";
import { labProblem } from "../../lab/requirements.ts";
import { type BfdPair, bfdPair, ROUTER, SPEAKER } from "../../lab/topologies/bfdPair.ts";
import { waitFor } from "../../lab/waitFor.ts";
import type { SchedulingClass } from "../../src/bfd/threads.ts";
import type { Bench, BenchOptions, Measured } from "../bench.ts";
import { type Result, ratiosOf, resultOf, type Who } from "../report.ts";

const INTERVALS = [300, 50, 10] as const;
const MULTIPLIER = 3;
const DETECTION = "cut in the middle of the path to Down at our end";
const THEIR_DETECTION = "the same cut to Down at the router, a bfdd in every case";

export const bfd: Bench = {
  name: "bfd",
  summary: "BFD: detection time, sessions lost under load, processor time; FRR's bfdd beside it",
  async run(options: BenchOptions): Promise<Measured> {
    const problem = labProblem();
    if (problem !== null) throw new Error(problem);
    const results: Result[] = [];
    for (const ms of INTERVALS) results.push(...(await detection(ms, options)));
    results.push(...(await falseDowns(options)));
    results.push(...(await processorTime(options)));
    return { results, ratios: ratiosOf(results), versions: { frr: frrVersion }, notes: NOTES };
  },
};

const NOTES = [
  "A path is cut behind a bridge: all interfaces stay up. Times begin before the command that cuts and so hold the few milliseconds that it takes.",
  "Under load the router's bfdd runs with SCHED_FIFO, so that it is not the one that misses; the bfdd at our end is as Debian starts it.",
  "The last packet came up to one interval before the cut: between two and three intervals is right for a multiplier of 3.",
];

let frrVersion = "";

const profileOf = (ms: number) => ({ transmitInterval: ms, receiveInterval: ms, detectMultiplier: MULTIPLIER });

const frrLines = (peer: string, local: string, ms: number): readonly string[] => [
  ` peer ${peer} local-address ${local} interface to-segment`,
  `  transmit-interval ${ms}`,
  `  receive-interval ${ms}`,
  `  detect-multiplier ${MULTIPLIER}`,
  "  no shutdown",
  " exit",
];

const start = (host: Host, best: SchedulingClass): BfdSpeaker =>
  new BfdSpeaker(host, [process.execPath, fileURLToPath(import.meta.url), "@bfd", best]);

/** Either of the two that may stand at our end. */
interface OurEnd {
  readonly who: Who;
  settled(): Promise<unknown>;
  /** Milliseconds from `cutAt` to the first Down after it. @param mark of before the cut */
  down(mark: number, cutAt: Clocks): Promise<number>;
  mark(): number;
  /** Up to Down so far. */
  losses(): Promise<number>;
}

interface Clocks {
  /** Milliseconds. */
  readonly wall: number;
  /** Microseconds. */
  readonly monotonic: number;
}
const clocks = (): Clocks => ({ wall: performance.timeOrigin + performance.now(), monotonic: monotonicNow() });

function vipcastEnd(speaker: BfdSpeaker, ms: number): OurEnd {
  speaker.command(upsert({ peer: ROUTER.v4, profile: profileOf(ms) }));
  return {
    who: "vipcast",
    settled: () =>
      speaker.until("Up", ROUTER.v4, (s) => s.state === "Up" && s.detectionTime === ms * MULTIPLIER * 1_000, 20_000),
    mark: () => speaker.events.length,
    down: async (mark, cutAt) => ((await speaker.down(mark)).at - cutAt.monotonic) / 1_000,
    losses: async () => (await speaker.session(ROUTER.v4))?.counters.downEvents ?? 0,
  };
}

function frrEnd(frr: Frr, peer: string): OurEnd {
  const seen = () => bfdPeer(frr, peer);
  return {
    who: "frr",
    settled: () => waitFor("bfdd is up", seen, (p) => p?.status === "up", { timeoutMs: 20_000, logs: [frr] }),
    mark: () => 0,
    down: async (_mark, cutAt) => {
      const line = await waitFor(
        "bfdd's Down",
        () =>
          frr
            .logTail(50)
            .split("\n")
            .map(downAt)
            .find((at) => at !== null && at > cutAt.wall),
        (at) => at !== undefined,
        { logs: [frr] },
      );
      return (line ?? 0) - cutAt.wall;
    },
    losses: async () => (await seen())?.downs ?? 0,
  };
}

/** Wall clock of a line of bfdd that says Down, milliseconds; null: another line. */
function downAt(line: string): number | null {
  const [, date = "", time = "", fraction = "0"] =
    /(\d{4}\/\d\d\/\d\d) (\d\d:\d\d:\d\d)\.(\d+).*state-change: .*up -> down/.exec(line) ?? [];
  return date === "" ? null : Date.parse(`${date.replaceAll("/", "-")}T${time}`) + 1_000 * Number(`0.${fraction}`);
}

async function withPair<T>(who: Who, ms: number, best: SchedulingClass, use: Use<T>): Promise<T> {
  const pair = await bfdPair(frrLines(SPEAKER.v4, ROUTER.v4, ms));
  try {
    frrVersion = /FRRouting (\S+)/.exec(await pair.router.ask("bfdd", "show version"))?.[1] ?? frrVersion;
    await pair.router.ask("bfdd", "debug bfd peer");
    const theirEnd = frrEnd(pair.router, SPEAKER.v4);
    if (who === "vipcast") {
      const speaker = start(pair.speaker, best);
      const end = vipcastEnd(speaker, ms);
      await Promise.all([end.settled(), theirEnd.settled()]);
      return await use(pair, end, theirEnd, speaker);
    }
    const frr = await startFrr(pair.speaker, { bfdd: ["bfd", ...frrLines(ROUTER.v4, SPEAKER.v4, ms), ""].join("\n") });
    await frr.ask("bfdd", "debug bfd peer");
    const end = frrEnd(frr, ROUTER.v4);
    await Promise.all([end.settled(), theirEnd.settled()]);
    return await use(pair, end, theirEnd, null);
  } finally {
    await pair.lab.close();
  }
}
type Use<T> = (pair: BfdPair, ours: OurEnd, theirs: OurEnd, speaker: BfdSpeaker | null) => Promise<T>;

async function detection(ms: number, { quick, progress }: BenchOptions): Promise<readonly Result[]> {
  const trials = quick ? 3 : 30;
  const results: Result[] = [];
  for (const who of ["vipcast", "frr"] as const) {
    progress(`detection, ${ms} ms x ${MULTIPLIER}, ${who}`);
    await withPair(who, ms, "fifo", async (pair, ours, theirs) => {
      const [own, other]: [number[], number[]] = [[], []];
      for (let trial = 0; trial < trials; trial++) {
        await sleep(100 + Math.random() * ms); // anywhere between two packets, and past the slow start
        const [mark, theirMark] = [ours.mark(), theirs.mark()];
        const cutAt = clocks();
        pair.cut();
        const [a, b] = await Promise.all([ours.down(mark, cutAt), theirs.down(theirMark, cutAt)]);
        own.push(a);
        other.push(b);
        pair.mend();
        await Promise.all([ours.settled(), theirs.settled()]);
      }
      results.push(
        resultOf(`${ms} ms x ${MULTIPLIER}: ${DETECTION}`, who, "ms", own),
        resultOf(`${ms} ms x ${MULTIPLIER}: ${THEIR_DETECTION}`, who, "ms", other),
      );
    });
  }
  return results;
}

type Load = "main thread blocked 5 s at a time" | "main thread makes garbage" | "two busy processes";
const LOADS: readonly Load[] = ["main thread blocked 5 s at a time", "main thread makes garbage", "two busy processes"];

/** Sessions lost on either side. */
async function falseDowns({ quick, progress }: BenchOptions): Promise<readonly Result[]> {
  const duration = quick ? 2_000 : 60_000;
  const results: Result[] = [];
  const plans = [
    ["vipcast", "fifo", LOADS],
    ["vipcast", "normal", LOADS],
    ["frr", "normal", ["two busy processes"]],
  ] as const;
  for (const ms of quick ? [10] : [50, 10]) {
    for (const [who, best, loads] of plans) {
      for (const load of loads) {
        const scheduling = who === "vipcast" ? `, scheduling class ${best}` : "";
        progress(`load, ${ms} ms x ${MULTIPLIER}, ${who}${scheduling}, ${load}`);
        await withPair(who, ms, best, async (pair, ours, theirs, speaker) => {
          // else it is the router that misses, on this machine that both share
          for (const pid of pair.router.pids.values()) execFileSync("chrt", ["-f", "-p", "40", String(pid)]);
          const before = (await ours.losses()) + (await theirs.losses());
          await burden(load, speaker, duration);
          const lost = (await ours.losses()) + (await theirs.losses()) - before;
          const what = `${ms} ms x ${MULTIPLIER}: sessions lost in ${duration / 1_000} s, ${load}${scheduling}`;
          results.push(resultOf(what, who, "downs", [lost]));
          if (speaker === null) return;
          const { max } = (await speaker.answer()).lateness;
          results.push(resultOf(`${what}; greatest lateness`, who, "ms", [max / 1_000]));
        });
      }
    }
  }
  return results;
}

async function burden(load: Load, speaker: BfdSpeaker | null, milliseconds: number): Promise<void> {
  switch (load) {
    case "main thread blocked 5 s at a time":
      await speaker?.burden({
        type: "block",
        milliseconds: Math.min(5_000, milliseconds),
        times: Math.ceil(milliseconds / 5_000),
      });
      return;
    case "main thread makes garbage":
      await speaker?.burden({ type: "allocate", milliseconds });
      return;
    case "two busy processes": {
      const busy = [0, 1].map(() => spawn(process.execPath, ["-e", "for(;;);"], { stdio: "ignore" }));
      await sleep(milliseconds);
      for (const child of busy) child.kill("SIGKILL");
    }
  }
}

/** Processor time of our process with so many sessions, against another of ours. */
async function processorTime({ quick, progress }: BenchOptions): Promise<readonly Result[]> {
  const results: Result[] = [];
  const plans = quick
    ? [[100, 50]]
    : [
        [1, 300],
        [20, 50],
        [100, 50],
        [300, 50],
        [1_000, 300],
      ];
  for (const [count = 0, ms = 0] of plans) {
    progress(`processor time, ${count} sessions at ${ms} ms`);
    const lab = createLab("bfdMany");
    try {
      const [left, right] = [lab.host("left"), lab.host("right")];
      lab.link(left, right, { addressA: "192.0.2.1/30", addressB: "192.0.2.2/30" });
      const address = (net: number, i: number): string => `198.${net}.${i >> 8}.${i & 255}`;
      const ends = (
        [
          [left, 18, 19, "192.0.2.2"],
          [right, 19, 18, "192.0.2.1"],
        ] as const
      ).map(([host, own, far, via]) => {
        const lines = Array.from({ length: count }, (_, i) => `address add ${address(own, i)}/32 dev lo`);
        host.execSync("ip", ["-batch", "-"], { input: `${lines.join("\n")}\n` });
        host.addRoute(`198.${far}.0.0/16`, via);
        const speaker = start(host, "fifo");
        for (let i = 0; i < count; i++) {
          speaker.command(upsert({ peer: address(far, i), local: address(own, i), profile: profileOf(ms) }));
        }
        return speaker;
      });
      const [one] = ends;
      if (one === undefined) throw new Error("unreachable");
      const isUp = async () => (await one.answer()).status?.sessions.filter((s) => s.state === "Up").length ?? 0;
      await waitFor(`${count} sessions`, isUp, (n) => n === count, { timeoutMs: 30_000, everyMs: 200 });
      await sleep(2_000);
      const [before, since] = [await one.answer(), performance.now()];
      await sleep(quick ? 5_000 : 20_000);
      const after = await one.answer();
      const percent = (after.microseconds - before.microseconds) / 10 / (performance.now() - since);
      const downs = after.status?.sessions.reduce((sum, s) => sum + s.counters.downEvents, 0) ?? 0;
      const what = `${count} sessions at ${ms} ms`;
      results.push(resultOf(`${what}: processor time, of one core`, "vipcast", "%", [percent]));
      results.push(resultOf(`${what}: sessions lost`, "vipcast", "downs", [downs]));
    } finally {
      await lab.close();
    }
  }
  return results;
}
