// `npm run bench -- NAME [--quick] [--json] [--save] [--note TEXT]`: one bench, its table, and where asked its JSON
// (docs/benchmarks.md). Owns the command line. Progress goes to stderr, so that stdout is the result alone.
// Contract: exit 0 done, 1 failed, 2 usage. Names with an @ are roles that a bench gives to processes it makes of itself.
import { parseArgs } from "node:util";
import { runFlood } from "../lab/bfdFlood.ts";
import { runBfdProgram } from "../lab/bfdProgram.ts";
import type { SchedulingClass } from "../src/bfd/threads.ts";
import { allocate } from "./allocate/allocate.ts";
import { attack } from "./attack/attack.ts";
import { runCrowd } from "./attack/crowdRole.ts";
import { runKnocks } from "./attack/knockRole.ts";
import type { Bench } from "./bench.ts";
import { bfd } from "./bfd/bfd.ts";
import { runBurden } from "./bfd/burdenRole.ts";
import { footprint } from "./footprint/footprint.ts";
import { inject } from "./inject/inject.ts";
import { runSink } from "./inject/sinkRole.ts";
import { runSpeaker } from "./inject/speakerRole.ts";
import { SETS } from "./inject/table.ts";
import { kube } from "./kube/kube.ts";
import { describeMachine } from "./machine.ts";
import { packing } from "./packing/packing.ts";
import { reaction } from "./reaction/reaction.ts";
import { type Report, renderText } from "./report.ts";
import { save } from "./save.ts";
import { scale } from "./scale/scale.ts";
import { site } from "./site/site.ts";

const BENCHES: readonly Bench[] = [reaction, inject, packing, attack, footprint, bfd, scale, site, kube, allocate];

/** Beside this bundle. */
const BFD_WORKER = new URL("./bfdWorker.js", import.meta.url);

const USAGE = `usage: npm run bench -- NAME [--quick] [--json] [--save] [--note TEXT]

${BENCHES.map((bench) => `  ${bench.name.padEnd(10)} ${bench.summary}`).join("\n")}

  --quick    fewer trials, under a minute
  --json     one JSON object instead of the table
  --save     keep the result under bench/results/
  --note     a sentence that stays with the result, e.g. about the machine
`;

async function main(args: readonly string[]): Promise<number> {
  const [role = "", ...roleArgs] = args;
  if (role.startsWith("@")) return runRole(role, roleArgs);
  const asked = readArguments(args);
  if (typeof asked === "string") return usage(2, asked);
  const { name, quick, json } = asked;
  if (name === undefined) return usage(0);
  const bench = BENCHES.find((b) => b.name === name);
  if (bench === undefined) return usage(2, `there is no bench ${JSON.stringify(name)}`);

  const machine = describeMachine();
  const progress = (line: string): void => void process.stderr.write(`${line}\n`);
  const { results, ratios, versions, notes } = await bench.run({ quick, progress });
  const report: Report = {
    name,
    date: new Date().toISOString().slice(0, 10),
    machine,
    versions: { vipcast: VIPCAST_VERSION, ...versions },
    results,
    ratios,
    notes: asked.note === undefined ? notes : [...notes, asked.note],
  };
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : renderText(report));
  if (asked.save) for (const file of save(report)) progress(`written: ${file}`);
  return 0;
}

interface Arguments {
  readonly name: string | undefined;
  readonly quick: boolean;
  readonly json: boolean;
  readonly save: boolean;
  readonly note?: string | undefined;
}

/** What was asked for, or what is wrong with it. */
function readArguments(args: readonly string[]): Arguments | string {
  const flag = { type: "boolean", default: false } as const;
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { quick: flag, json: flag, save: flag, note: { type: "string" } },
    });
    if (positionals.length > 1) return "one bench at a time";
    if (values.quick && values.save) return "--save keeps full results only, not those of --quick";
    return { name: positionals[0], ...values };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function usage(code: 0 | 2, problem?: string): number {
  const stream = code === 0 ? process.stdout : process.stderr;
  stream.write(problem === undefined ? USAGE : `${problem}\n\n${USAGE}`);
  return code;
}

/** Never ends by itself: whoever started it ends it. */
async function runRole(role: string, [first, second, third, fourth]: readonly string[]): Promise<number> {
  if (role === "@sink") await runSink(Number(first));
  else if (role === "@speaker") {
    const table = { count: Number(second), sets: Number(third) };
    runSpeaker(Number(first), table, fourth === "tableFirst" ? "tableFirst" : "sessionFirst");
  } else if (role === "@crowd") {
    await runCrowd(Number(first), Number(second), third === "flood" ? "flood" : "stopReading");
  } else if (role === "@knock") runKnocks(Number(first), Number(second));
  else if (role === "@bfd") {
    runBfdProgram(BFD_WORKER, first as SchedulingClass);
    await new Promise(() => {}); // it ends the process itself
  } else if (role === "@flood") runFlood(first ?? "");
  else if (role === "@burden") {
    runBurden(BFD_WORKER, first as SchedulingClass, Number(second), { count: Number(third), sets: SETS });
    await new Promise(() => {}); // as before
  } else return usage(2, `there is no role ${role}`);
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
}
