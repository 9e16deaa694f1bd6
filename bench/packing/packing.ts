// Messages and octets for a million routes beside the least that RFC 4271 allows, and the withdrawal of all of them.
// Owns the trials and what their figures are called. Contract: speaker and sink are processes of their own; a trial counts
// only if the sink has received exactly the routes of the table, and as many withdrawals.
import type { Bench, BenchOptions, Measured } from "../bench.ts";
import { usageOf, versionOf, type Workshop, withWorkshop } from "../children.ts";
import { type Contender, contenders } from "../inject/contenders.ts";
import { startSink, type Traffic } from "../inject/sinkProcess.ts";
import type { Table } from "../inject/table.ts";
import { type Result, ratiosOf, resultOf, type Who } from "../report.ts";
import { between, hear, now, roleCommand } from "../roles.ts";
import { announceMinimum, type Minimum, withdrawMinimum } from "./minimum.ts";

const MILLION = 1_000_000;
const SMALL = 100_000;
/** In a quick run: what everyone loads in a few seconds, also beside other work. */
const SMALLER = 20_000;

export const packing: Bench = {
  name: "packing",
  summary: "messages and octets for 1,000,000 /32 beside the least possible; all of them withdrawn; beside four others",
  run,
};

/** What one trial gives, in the order of the report. */
interface Trial {
  readonly announced: Traffic;
  readonly withdrawn: Traffic;
  /** Milliseconds from the command, or the first route that is taken back, to the last octet. */
  readonly withdrawal: number;
  /** Until the table is at the sink. */
  readonly cpuSeconds: number;
  /** Until everything is withdrawn. */
  readonly cpuSecondsInAll: number;
  readonly peakMiB: number;
}

async function run({ quick, progress }: BenchOptions): Promise<Measured> {
  const versions: Record<string, string> = {};
  const notes: string[] = [];
  const present = contenders.filter(({ who, program }) => {
    const version = program === null ? null : versionOf(program);
    if (version === null) notes.push(`${who} is not installed, or may not be started, and did not take part.`);
    else versions[who] = version;
    return version !== null;
  });
  const results: Result[] = [];
  for (const table of tables(quick)) {
    const own: Trial[] = [];
    const routeByRoute: number[] = [];
    const theirs = new Map<Contender, Trial[]>();
    // in turn, so that what else happens on the machine meets all of them
    for (let i = 0; i < (quick ? 1 : 5); i++) {
      progress(`packing: ${sizeOf(table)}, trial ${i + 1}`);
      own.push(await withWorkshop((workshop) => vipcastTrial(workshop, table, "atOnce")));
      routeByRoute.push((await withWorkshop((workshop) => vipcastTrial(workshop, table, "routeByRoute"))).withdrawal);
      for (const contender of present.filter((c) => takesPart(c, table, quick))) {
        const trials = theirs.get(contender) ?? [];
        theirs.set(contender, trials);
        // their octets are the same each time, and a million takes some of them most of a minute
        if (i >= 3) continue;
        progress(`packing: ${sizeOf(table)}, ${contender.who}`);
        trials.push(await withWorkshop((workshop) => contenderTrial(workshop, contender, table)));
      }
    }
    const all = new Map<Who, readonly Trial[]>([["vipcast", own], ...[...theirs].map(([c, t]) => [c.who, t] as const)]);
    results.push(...resultsOf(table, all));
    results.push(
      resultOf(`${sizeOf(table)}: withdrawn route by route, to the last octet`, "vipcast", "ms", routeByRoute),
    );
  }
  for (const { who, most } of present) {
    if (most < MILLION)
      notes.push(`${who} took part with ${inWords(most)} routes only: a million takes it over a minute.`);
  }
  return { results, ratios: ratiosOf(results), versions, notes };
}

const tables = (quick: boolean): readonly Table[] => [
  ...(quick ? [] : [{ count: MILLION, sets: 1 }]),
  { count: MILLION, sets: 100 },
  ...(quick ? [] : [{ count: SMALL, sets: 1 }]),
  { count: quick ? SMALLER : SMALL, sets: 100 },
];

/** In a quick run everyone but us loads the small table only. */
const takesPart = (contender: Contender, { count }: Table, quick: boolean): boolean =>
  count <= (quick ? SMALLER : contender.most);

/** How everything is taken back: one route after the other, or in one word, as everyone else can do it, too. */
type Way = "routeByRoute" | "atOnce";

async function vipcastTrial(workshop: Workshop, { count, sets }: Table, way: Way): Promise<Trial> {
  const sink = await startSink(workshop, count);
  const speaker = workshop.start(roleCommand("@speaker", sink.port, count, sets, "tableFirst"));
  const announced = await sink.done(speaker);
  const { cpuSeconds } = usageOf(speaker.pid);
  speaker.signal(way === "routeByRoute" ? "SIGUSR2" : "SIGALRM");
  const withdrawn = await sink.gone(speaker);
  const withdrawing = await hear(speaker, way === "routeByRoute" ? "withdrawing" : "stopping");
  const after = usageOf(speaker.pid);
  const withdrawal = between(withdrawing("started"), withdrawn.at);
  return { announced, withdrawn, withdrawal, cpuSeconds, cpuSecondsInAll: after.cpuSeconds, peakMiB: after.peakMiB };
}

async function contenderTrial(workshop: Workshop, contender: Contender, table: Table): Promise<Trial> {
  const sink = await startSink(workshop, table.count);
  const loading = await contender.load(workshop, sink, table);
  const { program } = loading;
  try {
    const announced = await sink.done(program);
    const { cpuSeconds } = usageOf(program.pid);
    const started = now();
    const command = loading.withdrawAll();
    const withdrawn = await sink.gone(program);
    await command;
    const after = usageOf(program.pid);
    const withdrawal = between(started, withdrawn.at);
    return { announced, withdrawn, withdrawal, cpuSeconds, cpuSecondsInAll: after.cpuSeconds, peakMiB: after.peakMiB };
  } finally {
    loading.close();
  }
}

function resultsOf(table: Table, trials: ReadonlyMap<Who, readonly Trial[]>): Result[] {
  const size = sizeOf(table);
  const announced = announceMinimum(table);
  const row = (what: string, unit: string, figure: (trial: Trial) => number): Result[] =>
    [...trials].flatMap(([who, own]) =>
      own.length === 0 ? [] : [resultOf(`${size}: ${what}`, who, unit, own.map(figure))],
    );
  const traffic = (what: string, least: Minimum, of: (trial: Trial) => Traffic): Result[] => [
    ...row(`${what}, messages (least: ${inWords(least.messages)})`, "messages", (t) => of(t).messages),
    ...row(`${what}, octets (least: ${inWords(least.octets)})`, "octets", (t) => of(t).octets),
  ];
  return [
    ...traffic("announced", announced, (t) => t.announced),
    ...row(
      `announced, octets per route (least: ${(announced.octets / table.count).toFixed(2)})`,
      "octets",
      (t) => t.announced.octets / table.count,
    ),
    ...traffic("withdrawn", withdrawMinimum(table.count), (t) => t.withdrawn),
    ...row("withdrawn, from the command to the last octet", "ms", (t) => t.withdrawal),
    ...row("processor time until the table is out", "s", (t) => t.cpuSeconds),
    ...row("processor time until all is withdrawn", "s", (t) => t.cpuSecondsInAll),
    ...row("peak memory until all is withdrawn (VmHWM)", "MiB", (t) => t.peakMiB),
  ];
}

const inWords = (value: number): string => value.toLocaleString("en-US");
const sizeOf = ({ count, sets }: Table): string => `${inWords(count)} routes, ${sets} ${sets === 1 ? "set" : "sets"}`;
