// A million routes at once: how long, how much processor time, how much memory, beside others with the same table.
// Owns the trials and what their figures are called. Contract: speaker and sink are processes of their own; a trial counts
// only if the sink has received exactly the routes of the table; usage is read when the sink has said that it has them all.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LabProcess } from "../../lab/process.ts";
import type { Bench, BenchOptions, Measured } from "../bench.ts";
import { BirdInjector } from "../bird.ts";
import { until, usageOf, versionOf, type Workshop, within, withWorkshop } from "../children.ts";
import { daemonProgram, daemonSocket, startDaemon } from "../reaction/vipcast.ts";
import { type Result, ratiosOf, resultOf, type Who } from "../report.ts";
import { between, hear, now, roleCommand } from "../roles.ts";
import { birdTable } from "./birdTable.ts";
import { bird, type Contender, contenders } from "./contenders.ts";
import { type Done, startSink } from "./sinkProcess.ts";
import type { Order } from "./speakerRole.ts";
import { routeLines, SETS } from "./table.ts";

const COUNT = 1_000_000;
/** For those who cannot load a million in a minute, and for us beside them. */
const SMALL = 100_000;
/** Trials of those who take seconds for one; their figures do not depend on luck. */
const SLOW_TRIALS = 3;

const SET_TO_LAST = "session up, then the table: from the first route of it to the last octet";
const RECORDED_TO_LAST = "session up, then the table: from the last route recorded to the last octet";
const UP_TO_LAST = "table first, then the session: from Established to the last octet";
const START_TO_LAST = "table first, then the session: from the start of the process to the last octet";
const CLIENT_TO_LAST = "session up, then the table through the program's own client: from its start to the last octet";
const CLIENT_RATE = "prefixes per second through the program's own client";
const SENDING = "processor time for sending alone: table loaded before, from the start of the session";
const RATE = "prefixes per second, session up, then the table";

const cpuOf = (order: Order): string => `processor time of the process, ${WORDS[order]}`;
const peakOf = (order: Order): string => `peak memory of the process (VmHWM), ${WORDS[order]}`;
const CLIENT_CPU = "processor time of the daemon that is fed by its client";
const CLIENT_PEAK = "peak memory of the daemon that is fed by its client (VmHWM)";
const WORDS: Record<Order, string> = { sessionFirst: "session up, then the table", tableFirst: "table first" };

/** One figure of one trial. */
interface Figure {
  readonly what: string;
  readonly unit: string;
  readonly value: number;
}

export const inject: Bench = {
  name: "inject",
  summary: "1,000,000 /32 in 8 attribute sets to a sink on loopback: time, processor time, memory; beside four others",
  run,
};

async function run({ quick, progress }: BenchOptions): Promise<Measured> {
  const trials = quick ? 1 : 10;
  const versions: Record<string, string> = {};
  const notes: string[] = [];
  for (const { who, program } of contenders) {
    const version = program === null ? null : versionOf(program);
    if (version === null) notes.push(`${who} is not installed, or may not be started, and did not take part.`);
    else versions[who] = version;
  }
  const figures = new Map<Who, Figure[]>();
  const measure = async (who: Who, trial: (workshop: Workshop) => Promise<readonly Figure[]>): Promise<void> => {
    if (who !== "vipcast" && !(who in versions)) return;
    figures.set(who, [...(figures.get(who) ?? []), ...(await withWorkshop(trial))]);
  };
  // in turn, so that what else happens on the machine meets all
  for (let i = 1; i <= trials; i++) {
    progress(`inject: trial ${i} of ${trials}`);
    for (const order of ["sessionFirst", "tableFirst"] as const) {
      await measure("vipcast", (workshop) => vipcastTrial(workshop, order, COUNT));
      await measure("bird", (workshop) => birdTrial(workshop, order));
      await measure("vipcast", async (workshop) => (await vipcastTrial(workshop, order, SMALL)).map(small));
    }
    await measure("vipcast", (workshop) => clientTrial(workshop, COUNT));
    await measure("vipcast", async (workshop) => (await clientTrial(workshop, SMALL)).map(small));
    await measure("bird", loadedBirdTrial);
    if (i > SLOW_TRIALS) continue;
    for (const contender of contenders.filter((c) => c !== bird)) {
      const count = quick ? SMALL : contender.most;
      progress(`inject: ${contender.who}, ${count} routes`);
      const rename = count === SMALL ? small : (figure: Figure): Figure => figure;
      await measure(contender.who, async (workshop) => (await otherTrial(workshop, contender, count)).map(rename));
    }
  }
  const results = [...figures].flatMap(([who, own]) => resultsOf(who, own)).sort(byWhat);
  return { results, ratios: ratiosOf(results), versions, notes };
}

const small = (figure: Figure): Figure => ({ ...figure, what: smallWhat(figure.what) });
const smallWhat = (what: string): string => `100,000 routes only: ${what}`;

const WHATS_OF_A_SIZE: readonly string[] = [
  SET_TO_LAST,
  RECORDED_TO_LAST,
  RATE,
  CLIENT_TO_LAST,
  CLIENT_RATE,
  CLIENT_CPU,
  CLIENT_PEAK,
  UP_TO_LAST,
  START_TO_LAST,
  cpuOf("sessionFirst"),
  cpuOf("tableFirst"),
  SENDING,
  peakOf("sessionFirst"),
  peakOf("tableFirst"),
];
const WHATS: readonly string[] = [...WHATS_OF_A_SIZE, ...WHATS_OF_A_SIZE.map(smallWhat)];

const byWhat = (a: Result, b: Result): number => WHATS.indexOf(a.what) - WHATS.indexOf(b.what);

function resultsOf(who: Who, figures: readonly Figure[]): Result[] {
  return WHATS.flatMap((what) => {
    const own = figures.filter((f) => f.what === what);
    const [first] = own;
    return first === undefined
      ? []
      : [
          resultOf(
            what,
            who,
            first.unit,
            own.map((f) => f.value),
          ),
        ];
  });
}

async function vipcastTrial(workshop: Workshop, order: Order, count: number): Promise<readonly Figure[]> {
  const sink = await startSink(workshop, count);
  const started = now();
  const speaker = workshop.start(roleCommand("@speaker", sink.port, count, SETS, order));
  const done = await sink.done(speaker);
  const set = await hear(speaker, "set");
  if (order === "sessionFirst") {
    const recorded = { what: RECORDED_TO_LAST, unit: "ms", value: between(set("recorded"), done.at) };
    return [...tableFigures(set("started"), done.at, count), recorded, ...usageFigures(speaker, order)];
  }
  const up = await hear(speaker, "up");
  const sending = usageOf(speaker.pid).cpuSeconds - Number(up("cpuSeconds"));
  return [startFigure(started, done), ...sendingFigures(done, sending), ...usageFigures(speaker, order)];
}

/** The daemon as its users run it, fed by `vipcast inject --stdin` from a file, answers included. */
async function clientTrial(workshop: Workshop, count: number): Promise<readonly Figure[]> {
  const sink = await startSink(workshop, count);
  const { program } = await startDaemon(workshop, sink.port, 0, "document");
  await hear(sink.program, "established", program);
  const lines = routeLines({ count, sets: SETS }, (a, set) => `add ${a}/32 --community 65001:${set}`);
  const file = join(workshop.dir, "lines");
  writeFileSync(file, `${lines.join("\n")}\n`);
  const started = now();
  const client = workshop.start([
    "/bin/sh",
    "-c",
    'exec "$1" "$2" inject --stdin --socket "$3" <"$4" >/dev/null',
    "inject",
    process.execPath,
    daemonProgram,
    daemonSocket(workshop),
    file,
  ]);
  const done = await sink.done(program);
  await until("the last answer", [program], () => (client.running ? null : true));
  const { cpuSeconds, peakMiB } = usageOf(program.pid);
  return [
    ...clientFigures(between(started, done.at), count),
    { what: CLIENT_CPU, unit: "s", value: cpuSeconds },
    { what: CLIENT_PEAK, unit: "MiB", value: peakMiB },
  ];
}

const clientFigures = (ms: number, count: number): readonly Figure[] => [
  { what: CLIENT_TO_LAST, unit: "ms", value: ms },
  { what: CLIENT_RATE, unit: "1/s", value: (count * 1000) / ms },
];

async function birdTrial(workshop: Workshop, order: Order): Promise<readonly Figure[]> {
  const sink = await startSink(workshop, COUNT);
  const injector = new BirdInjector(workshop, sink.port);
  if (order === "tableFirst") {
    injector.configure(birdTable({ count: COUNT, sets: SETS }));
    const started = now();
    const program = injector.start();
    const done = await sink.done(program);
    return [startFigure(started, done), ...usageFigures(program, order)];
  }
  injector.configure("");
  const program = injector.start();
  await hear(sink.program, "established", program);
  const control = await injector.control(program);
  // what it takes to write the file is not BIRD's
  injector.configure(birdTable({ count: COUNT, sets: SETS }));
  const started = now();
  const configured = control.command("configure");
  const done = await sink.done(program);
  await within("BIRD's answer", configured, program);
  control.close();
  return [...tableFigures(started, done.at, COUNT), ...usageFigures(program, order)];
}

/** BIRD with its table at rest before it opens the session. */
async function loadedBirdTrial(workshop: Workshop): Promise<readonly Figure[]> {
  const sink = await startSink(workshop, COUNT);
  const injector = new BirdInjector(workshop, sink.port);
  injector.configure(birdTable({ count: COUNT, sets: SETS }), "off");
  const program = injector.start();
  const control = await injector.control(program);
  await until("BIRD's table", [program], async () =>
    (await control.command("show route count")).includes(`${COUNT} of`) ? true : null,
  );
  const before = usageOf(program.pid).cpuSeconds;
  const enabled = control.command("enable sink");
  const done = await sink.done(program);
  const sending = usageOf(program.pid).cpuSeconds - before;
  await within("BIRD's answer", enabled, program);
  control.close();
  return sendingFigures(done, sending);
}

/** Those who have one way only to be given a table. */
async function otherTrial(workshop: Workshop, contender: Contender, count: number): Promise<readonly Figure[]> {
  const sink = await startSink(workshop, count);
  const { program, started, close } = await contender.load(workshop, sink, { count, sets: SETS });
  try {
    const done = await sink.done(program);
    const { order } = contender;
    const times = order === "tableFirst" ? [startFigure(started, done)] : tableFigures(started, done.at, count);
    // GoBGP's one way in is its client
    const asClient = contender.isFedByClient ? clientFigures(between(started, done.at), count) : [];
    return [...times, ...asClient, ...usageFigures(program, order)];
  } finally {
    close();
  }
}

const tableFigures = (started: string, last: string, count: number): readonly Figure[] => {
  const ms = between(started, last);
  return [
    { what: SET_TO_LAST, unit: "ms", value: ms },
    { what: RATE, unit: "1/s", value: (count * 1000) / ms },
  ];
};

const startFigure = (started: string, done: Done): Figure => ({
  what: START_TO_LAST,
  unit: "ms",
  value: between(started, done.at),
});

const sendingFigures = (done: Done, cpuSeconds: number): readonly Figure[] => [
  { what: UP_TO_LAST, unit: "ms", value: between(done.established, done.at) },
  { what: SENDING, unit: "s", value: Math.max(0, cpuSeconds) },
];

function usageFigures(program: LabProcess, order: Order): readonly Figure[] {
  const { cpuSeconds, peakMiB } = usageOf(program.pid);
  return [
    { what: cpuOf(order), unit: "s", value: cpuSeconds },
    { what: peakOf(order), unit: "MiB", value: peakMiB },
  ];
}
