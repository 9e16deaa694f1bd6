// `npm run drill -- [SCENARIO…] [--json] [--with vipcast|frr] [--save]`: performs scenarios and tells what they cost. Owns the command
// line and the table. Contract: exit 0 when every aim is met and every check holds, 1 when not, 2 usage. Names with an @ are
// the programs that it starts inside namespaces.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { describeMachine } from "../bench/machine.ts";
import { labProblem } from "../lab/requirements.ts";
import { packageRoot } from "../lab/vipcast.ts";
import { LOSSES } from "./losses.ts";
import { fillPage, type SavedDrill, type SavedRow } from "./page.ts";
import { PLANNED } from "./planned.ts";
import { runProbe, runWeb } from "./programs.ts";
import { missed, type Row, renderTable } from "./report.ts";
import { perform, type Scenario } from "./scenario.ts";
import { SITES } from "./site.ts";
import type { SpeakerKind } from "./speakers.ts";

const SCENARIOS: readonly Scenario[] = [...LOSSES, ...PLANNED, ...SITES];

const USAGE = `usage: npm run drill -- [SCENARIO…] [--with vipcast|frr] [--json] [--save]

${SCENARIOS.map((s) => `  ${s.name.padEnd(22)} ${s.summary}`).join("\n")}

  --with     only this speaker; default: every one that a scenario knows
  --once X   the scenario X alone, with vipcast alone
  --json     one JSON object instead of the table
  --save     keep the result under bench/results/
`;

async function main(args: readonly string[]): Promise<number> {
  const [role = "", argument = ""] = args;
  if (role === "@web" || role === "@probe") {
    if (role === "@web") runWeb(argument);
    else runProbe(argument);
    return new Promise(() => {}); // whoever started it ends it
  }
  const asked = parse(args);
  if (typeof asked === "string") {
    process.stderr.write(`${asked}\n\n${USAGE}`);
    return 2;
  }
  const problem = labProblem();
  if (problem !== null) throw new Error(`the drill cannot be performed here: ${problem}`);
  const rows: Row[] = [];
  for (const scenario of asked.scenarios) {
    for (const who of scenario.speakers.filter((s) => asked.only === null || s === asked.only)) {
      process.stderr.write(`${scenario.name}, ${who}\n`);
      try {
        rows.push({ scenario, who, performance: await perform(scenario, who), error: null });
      } catch (error) {
        rows.push({ scenario, who, performance: null, error: error instanceof Error ? error.message : String(error) });
      }
    }
  }
  const report: SavedDrill = {
    name: "drill",
    date: new Date().toISOString().slice(0, 10),
    machine: describeMachine(),
    versions: { vipcast: VIPCAST_VERSION },
    results: rows.map(({ scenario, who, performance, error }) => ({
      scenario: scenario.name,
      who,
      ...performance,
      error,
      missed: missed({ scenario, who, performance, error }),
    })),
  };
  const table = renderTable(rows);
  process.stdout.write(asked.json ? `${JSON.stringify(report)}\n` : table);
  if (asked.save) save(report, table);
  return rows.every((row) => row.who !== "vipcast" || missed(row).length === 0) ? 0 : 1;
}

/** Keeps the result; rows of the same day that were not performed anew stay. */
function save(report: SavedDrill, table: string): void {
  const directory = join(packageRoot(), "bench", "results");
  mkdirSync(directory, { recursive: true });
  const base = join(directory, `${report.date}-drill`);
  const known: readonly SavedRow[] = existsSync(`${base}.json`)
    ? (JSON.parse(readFileSync(`${base}.json`, "utf8")) as SavedDrill).results
    : [];
  const kept = known.filter((k) => !report.results.some((r) => r.scenario === k.scenario && r.who === k.who));
  const order = SCENARIOS.map((s) => s.name);
  const results = [...kept, ...report.results].sort(
    (a, b) => order.indexOf(a.scenario) - order.indexOf(b.scenario) || (a.who < b.who ? 1 : -1),
  );
  writeFileSync(`${base}.json`, `${JSON.stringify({ ...report, results }, null, 2)}\n`);
  writeFileSync(`${base}.txt`, `${existsSync(`${base}.txt`) ? readFileSync(`${base}.txt`, "utf8") : ""}${table}`);
  const page = join(packageRoot(), "docs", "disaster-recovery.md");
  if (existsSync(page)) writeFileSync(page, fillPage(readFileSync(page, "utf8"), { ...report, results }));
}

interface Asked {
  readonly scenarios: readonly Scenario[];
  readonly only: SpeakerKind | null;
  readonly json: boolean;
  readonly save: boolean;
}

/** What was asked for, or what is wrong with it. */
function parse(args: readonly string[]): Asked | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        once: { type: "string" },
        with: { type: "string" },
        json: { type: "boolean", default: false },
        save: { type: "boolean", default: false },
      },
    });
    const names = values.once === undefined ? positionals : [values.once, ...positionals];
    const unknown = names.find((name) => !SCENARIOS.some((s) => s.name === name));
    if (unknown !== undefined) return `there is no scenario ${JSON.stringify(unknown)}`;
    const only = values.with ?? (values.once === undefined ? null : "vipcast");
    if (only !== null && only !== "vipcast" && only !== "frr") return `--with ${only}: vipcast or frr`;
    const scenarios = names.length === 0 ? SCENARIOS : SCENARIOS.filter((s) => names.includes(s.name));
    return { scenarios, only, json: values.json, save: values.save };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
}
