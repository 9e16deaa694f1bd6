// Which requirement is proven where: reads the test files for the numbers in their titles, joins them with the requirements,
// the deviations and what is known to be open, and renders docs/conformance.md. Owns those two lists. Runs no test: that a
// number stands in a real title is checked by `npm run conformance`.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Requirement, SECTIONS } from "./requirements.ts";

export type State = "covered" | "deviating" | "open";

export interface Answer {
  readonly requirement: Requirement;
  readonly state: State;
  /** Test files below test/, sorted. */
  readonly files: readonly string[];
  /** Why it deviates or is open; empty when covered. */
  readonly note: string;
}

/** Kept otherwise than written, on purpose. The number may be in tests too: those pin what we do instead. */
const DEVIATIONS: Readonly<Record<string, string>> = {
  "C-029": "understood, not offered (ADR 3)",
  "C-039": "capabilities are never left out (ADR 3)",
  "C-053": "no capability can be demanded (ADR 3)",
  "C-055": "roles are not offered (ADR 3)",
  "C-069": "DelayOpen is not offered (ADR 3)",
  "C-072": "ends in Idle with the retry pause running; shown as Active (ADR 3, `src/bgp/session/fsm.ts`)",
  "C-193": "also LOCAL_PREF 0, to internal peers alone (ADR 12)",
  "C-195": "roles are not offered (ADR 3)",
  "C-241": "unaffiliated echo is not offered (ADR 7)",
  "C-257": "TCP-AO is not offered (ADR 3)",
};

/** M items without a test, each with the reason. An entry that has become false fails the test. */
export const KNOWN_OPEN: Readonly<Record<string, string>> = {};

const root = join(import.meta.dirname, "..", "..");

/** Every number in the code of a test file, comments left out: titles, and rows that become titles. */
const numbersIn = (text: string): ReadonlySet<string> =>
  new Set(
    text
      .replace(/\/\*[\s\S]*?\*\//g, "")
      .replace(/(^|\s)\/\/.*$/gm, "")
      .match(/\bC-\d{3}\b/g) ?? [],
  );

/** Where a test file has titles from. Of the files that share a table, the first stands for all. */
const TITLES_FROM: Readonly<Record<string, readonly string[]>> = {
  "interop/bfdMatrix/frr.test.ts": ["interop/bfdMatrix/scenarios.ts"],
  "interop/matrix/frr.test.ts": ["interop/matrix/scenarios.ts"],
};

/** Test files below test/ by number. */
export function scanTests(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  const names = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" });
  const tests = names.filter((n) => n.endsWith(".test.ts") && !n.startsWith("conformance/"));
  for (const name of tests.sort()) {
    for (const source of [name, ...(TITLES_FROM[name] ?? [])]) {
      for (const id of numbersIn(readFileSync(join(root, "test", source), "utf8"))) {
        const files = found.get(id) ?? [];
        if (!files.includes(name)) found.set(id, [...files, name]);
      }
    }
  }
  return found;
}

export function answers(tests: ReadonlyMap<string, readonly string[]> = scanTests()): readonly Answer[] {
  return SECTIONS.flatMap((s) => s.requirements).map((requirement) => {
    const files = tests.get(requirement.id) ?? [];
    const deviation = DEVIATIONS[requirement.id];
    if (deviation !== undefined) return { requirement, state: "deviating", files, note: deviation };
    if (files.length > 0) return { requirement, state: "covered", files, note: "" };
    return { requirement, state: "open", files, note: KNOWN_OPEN[requirement.id] ?? "" };
  });
}

/** Result of a long run, kept by `npm run simulate -- --record`. */
interface LongRun {
  readonly what: string;
  readonly result: string;
  readonly seconds: number;
  readonly date: string;
}

export const RUNS_FILE = join(root, "test", "conformance", "runs.json");

const longRuns = (): readonly LongRun[] =>
  existsSync(RUNS_FILE) ? Object.values(JSON.parse(readFileSync(RUNS_FILE, "utf8")) as Record<string, LongRun>) : [];

export const total = (list: readonly Answer[], state: State): number => list.filter((a) => a.state === state).length;

/** docs/conformance.md. */
export function renderConformanceDoc(): string {
  const list = answers();
  const byId = new Map(list.map((a) => [a.requirement.id, a]));
  const counts = (["M", "S", "O"] as const).map((level) => {
    const of = list.filter((a) => a.requirement.level === level);
    return `| ${level} | ${of.length} | ${total(of, "covered")} | ${total(of, "deviating")} | ${total(of, "open")} |`;
  });
  const sections = SECTIONS.map(({ title, requirements }) => {
    const rows = requirements.map(({ id, level, isStarred, text, source }) => {
      const { state, files, note } = byId.get(id) ?? { state: "open", files: [], note: "" };
      const where = [note, ...files.map((f) => `\`${f}\``)].filter((w) => w !== "").join("; ");
      return `| ${id} | ${level}${isStarred ? " ★" : ""} | ${text} | ${source} | ${state} | ${where} |`;
    });
    return `## ${title}\n\n| Number | Level | Requirement | Source | State | Where |\n|---|---|---|---|---|---|\n${rows.join("\n")}`;
  });
  const runs = longRuns().map((r) => `| ${r.what} | ${r.result} | ${r.seconds} s | ${r.date} |`);
  return `# Conformance

Generated from the requirements in \`test/conformance/requirements.ts\` and the titles of the tests; do not edit. \`npm run conformance\`
prints and writes it. Covered: a test carries the number in its title. Deviating: done otherwise on purpose, see
[ADR 3](adr/0003-choices-of-the-rfcs.md), [ADR 7](adr/0007-bfd-and-bgp.md) and [ADR 12](adr/0012-drain-and-restart.md). Level M must hold, S should, O only where offered; ★ would hurt a user first.

| Level | Requirements | Covered | Deviating | Open |
|---|---|---|---|---|
${counts.join("\n")}

Long runs:

| What | Result | Duration | Date |
|---|---|---|---|
${runs.join("\n")}

${sections.join("\n\n")}
`;
}
