// A million routes at once: how long, how much processor time, how much memory, beside BIRD with the same table.
// Owns the trials and what their figures are called. Contract: speaker and sink are processes of their own; a trial counts
// only if the sink has received exactly the routes of the table; usage is read when the sink has said that it has them all.
import type { LabProcess } from "../../lab/process.ts";
import type { Bench, BenchOptions, Measured } from "../bench.ts";
import { BirdInjector } from "../bird.ts";
import { until, usageOf, versionOf, type Workshop, within, withWorkshop } from "../children.ts";
import { type Result, ratiosOf, resultOf, type Who } from "../report.ts";
import { between, hear, now, roleCommand } from "../roles.ts";
import { birdTable } from "./birdTable.ts";
import { type Done, startSink } from "./sinkProcess.ts";
import type { Order } from "./speakerRole.ts";
import { SETS } from "./table.ts";

const COUNT = 1_000_000;

const SET_TO_LAST = "session up, then the table: from the first route of it to the last octet";
const RECORDED_TO_LAST = "session up, then the table: from the last route recorded to the last octet";
const UP_TO_LAST = "table first, then the session: from Established to the last octet";
const START_TO_LAST = "table first, then the session: from the start of the process to the last octet";
const SENDING = "processor time for sending alone: table loaded before, from the start of the session";
const RATE = "prefixes per second, session up, then the table";

const cpuOf = (order: Order): string => `processor time of the process, ${WORDS[order]}`;
const peakOf = (order: Order): string => `peak memory of the process (VmHWM), ${WORDS[order]}`;
const WORDS: Record<Order, string> = { sessionFirst: "session up, then the table", tableFirst: "table first" };

/** One figure of one trial. */
interface Figure {
  readonly what: string;
  readonly unit: string;
  readonly value: number;
}

export const inject: Bench = {
  name: "inject",
  summary: "1,000,000 /32 in 8 attribute sets to a sink on loopback: time, processor time, memory; beside BIRD",
  run,
};

async function run({ quick, progress }: BenchOptions): Promise<Measured> {
  const trials = quick ? 2 : 10;
  const bird = versionOf("bird");
  const figures: Record<"vipcast" | "bird", Figure[]> = { vipcast: [], bird: [] };
  const measure = async (who: keyof typeof figures, order: Order, trial: Trial): Promise<void> => {
    figures[who].push(...(await withWorkshop((workshop) => trial(workshop, order))));
  };
  // in turn, so that what else happens on the machine meets both
  for (let i = 1; i <= trials; i++) {
    progress(`inject: trial ${i} of ${trials}`);
    for (const order of ["sessionFirst", "tableFirst"] as const) {
      await measure("vipcast", order, vipcastTrial);
      if (bird !== null) await measure("bird", order, birdTrial);
    }
    if (bird !== null) await measure("bird", "tableFirst", loadedBirdTrial);
  }
  const results = [...resultsOf("vipcast", figures.vipcast), ...resultsOf("bird", figures.bird)].sort(byWhat);
  return {
    results,
    ratios: ratiosOf(results),
    versions: bird === null ? {} : { bird },
    notes: bird === null ? ["BIRD is not installed and did not take part."] : [],
  };
}

type Trial = (workshop: Workshop, order: Order) => Promise<readonly Figure[]>;

const WHATS: readonly string[] = [
  SET_TO_LAST,
  RECORDED_TO_LAST,
  RATE,
  UP_TO_LAST,
  START_TO_LAST,
  cpuOf("sessionFirst"),
  cpuOf("tableFirst"),
  SENDING,
  peakOf("sessionFirst"),
  peakOf("tableFirst"),
];

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

async function vipcastTrial(workshop: Workshop, order: Order): Promise<readonly Figure[]> {
  const sink = await startSink(workshop, COUNT);
  const started = now();
  const speaker = workshop.start(roleCommand("@speaker", sink.port, COUNT, SETS, order));
  const done = await sink.done(speaker);
  const set = await hear(speaker, "set");
  if (order === "sessionFirst") {
    const recorded = { what: RECORDED_TO_LAST, unit: "ms", value: between(set("recorded"), done.at) };
    return [...tableFigures(set("started"), done.at), recorded, ...usageFigures(speaker, order)];
  }
  const up = await hear(speaker, "up");
  const sending = usageOf(speaker.pid).cpuSeconds - Number(up("cpuSeconds"));
  return [startFigure(started, done), ...sendingFigures(done, sending), ...usageFigures(speaker, order)];
}

async function birdTrial(workshop: Workshop, order: Order): Promise<readonly Figure[]> {
  const sink = await startSink(workshop, COUNT);
  const bird = new BirdInjector(workshop, sink.port);
  if (order === "tableFirst") {
    bird.configure(birdTable({ count: COUNT, sets: SETS }));
    const started = now();
    const program = bird.start();
    const done = await sink.done(program);
    return [startFigure(started, done), ...usageFigures(program, order)];
  }
  bird.configure("");
  const program = bird.start();
  await hear(sink.program, "established", program);
  const control = await bird.control(program);
  // what it takes to write the file is not BIRD's
  bird.configure(birdTable({ count: COUNT, sets: SETS }));
  const started = now();
  const configured = control.command("configure");
  const done = await sink.done(program);
  await within("BIRD's answer", configured, program);
  control.close();
  return [...tableFigures(started, done.at), ...usageFigures(program, order)];
}

/** BIRD with its table at rest before it opens the session. */
async function loadedBirdTrial(workshop: Workshop, _order: Order): Promise<readonly Figure[]> {
  const sink = await startSink(workshop, COUNT);
  const bird = new BirdInjector(workshop, sink.port);
  bird.configure(birdTable({ count: COUNT, sets: SETS }), "off");
  const program = bird.start();
  const control = await bird.control(program);
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

const tableFigures = (started: string, last: string): readonly Figure[] => {
  const ms = between(started, last);
  return [
    { what: SET_TO_LAST, unit: "ms", value: ms },
    { what: RATE, unit: "1/s", value: (COUNT * 1000) / ms },
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
