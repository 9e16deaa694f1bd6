// `npm run fuzz -- --seconds N [--seed S]`: codec and whole peers under hostile input, guided by coverage: what reaches
// new code is mutated further. Failures go to test/fuzz/corpus/ and end it with 1. Owns the loop and the print-out.
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { addToCorpus, readCorpus, replay, type Target, tryInput } from "./corpus.ts";
import { Coverage } from "./coverage.ts";
import { makeStream, mulberry32, SEED_OCTETS, SESSIONS } from "./fuzz.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now() % 2 ** 32) },
  },
});
const seconds = Number(values.seconds);
const seed = Number(values.seed);
if (!(seconds > 0) || !Number.isInteger(seed)) throw new Error("--seconds: above 0; --seed: a whole number");

const DIR = "test/fuzz/corpus";
/** Inputs between two looks at the coverage, which cost a few milliseconds each. */
const BATCH = 100;
/** Share of the time in which coverage is looked at: the code runs many times slower under it. */
const SCOUTING = 0.4;
/** Octets that all pools and records of this program may come to. */
const MAX_GROWTH = 64 << 20;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const random = mulberry32(seed);
const coverage = new Coverage();
const pools: Record<Target["kind"], Uint8Array[]> = { codec: [...SEED_OCTETS], runner: [] };

const script = (): Uint8Array => {
  const old = pools.runner[Math.floor(random() * pools.runner.length)];
  const fresh = (size: number): number[] => Array.from({ length: size }, () => Math.floor(random() * 256));
  if (old === undefined || random() < 0.2) return Uint8Array.from(fresh(20 + Math.floor(random() * 300)));
  const octets = [...old];
  for (let n = 1 + Math.floor(random() * 4); n > 0; n--) {
    const at = Math.floor(random() * octets.length);
    octets.splice(at, Math.floor(random() * 4), ...fresh(Math.floor(random() * 6)));
  }
  return Uint8Array.from(octets.slice(0, 2_000));
};

interface Input {
  readonly target: Target;
  readonly octets: Uint8Array;
}

const invent = (): Input =>
  random() < 0.5
    ? { target: { kind: "runner" }, octets: script() }
    : {
        target: { kind: "codec", session: Math.floor(random() * SESSIONS.length) },
        octets: makeStream(random, pools.codec),
      };

const failures: string[] = [];
for (const row of readCorpus(DIR)) {
  const what = replay(row);
  if (what !== null) failures.push(`corpus, ${row.name}: ${what}`);
}
let runs = 0;
const tried = { codec: 0, runner: 0 };
function run({ target, octets }: Input): void {
  runs++;
  tried[target.kind]++;
  const what = tryInput(target, octets, random);
  if (what !== null) failures.push(`${addToCorpus(DIR, what, target, octets)}: ${what}`);
}

const start = performance.now();
const isOver = (share: number): boolean => performance.now() > start + share * seconds * 1000 || failures.length >= 10;
let heapBefore = 0;
let reached = 0;
while (!isOver(1)) {
  const batch = Array.from({ length: BATCH }, invent);
  for (const input of batch) run(input);
  if (reached === 0 && isOver(SCOUTING)) {
    reached = coverage.size;
    coverage.close();
  }
  if (reached === 0 && coverage.isNew(false)) {
    // one of them did it: each once more, alone
    for (const input of batch) {
      tryInput(input.target, input.octets, random);
      if (coverage.isNew(true)) pools[input.target.kind].push(input.octets);
    }
  }
  if (heapBefore === 0) {
    collect();
    heapBefore = process.memoryUsage().heapUsed;
  }
}
collect();
const growth = process.memoryUsage().heapUsed - heapBefore;
if (growth > MAX_GROWTH) failures.push(`the heap grew by ${growth} octets`);
for (const failure of failures) console.error(failure);
const pool = `${pools.codec.length} streams and ${pools.runner.length} scripts kept`;
console.log(
  `${runs} runs (codec ${tried.codec}, whole peer ${tried.runner}) in ${seconds} s, seed ${seed}; ` +
    `${reached} octets of code reached, ${pool}; heap +${(growth / 1e6).toFixed(1)} MB; ${failures.length} failures`,
);
process.exitCode = failures.length > 0 ? 1 : 0;
