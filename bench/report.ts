// The result of one bench: the stable JSON shape (docs/benchmarks.md) and the table for people. Owns both and the
// comparison of who did the same thing. Must not know how anything was measured. Contract: pure; a ratio is made only of
// two results of the same report, so of the same run on the same machine.
import { type Summary, summarize } from "./statistics.ts";

export type Who = "vipcast" | "frr" | "bird" | "gobgp" | "exabgp";

export interface Machine {
  readonly cores: number;
  /** MiB */
  readonly memory: number;
  readonly kernel: string;
  readonly node: string;
  /** Load average of the minute before the run: other work makes the tail longer. */
  readonly load: number;
}

export interface Result extends Summary {
  readonly what: string;
  readonly who: Who;
  readonly unit: string;
}

export interface Ratio {
  readonly what: string;
  readonly of: Who;
  readonly to: Who;
  /** Median of `of` divided by the median of `to`. */
  readonly p50: number;
}

export interface Report {
  readonly name: string;
  readonly date: string;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly results: readonly Result[];
  readonly ratios: readonly Ratio[];
  /** What did not take part, or what limits a figure, in sentences. */
  readonly notes: readonly string[];
}

export const resultOf = (what: string, who: Who, unit: string, values: readonly number[]): Result => ({
  what,
  who,
  unit,
  ...summarize(values),
});

export const ratioOf = (what: string, of: Result, to: Result): Ratio => ({
  what,
  of: of.who,
  to: to.who,
  p50: rounded(of.p50 / to.p50),
});

/** vipcast to everyone else, for each thing that both did. */
export function ratiosOf(results: readonly Result[]): Ratio[] {
  return results.flatMap((own) => {
    if (own.who !== "vipcast") return [];
    const others = results.filter((r) => r.what === own.what && r.who !== own.who && r.unit === own.unit && r.p50 > 0);
    return others.map((other) => ratioOf(own.what, own, other));
  });
}

/** Three significant digits at least, whole numbers from 100 on. */
export const rounded = (value: number): number => (value >= 100 ? Math.round(value) : Number(value.toPrecision(3)));

const HEAD = ["what", "who", "unit", "n", "min", "p50", "p99", "max"] as const;

function cells(report: Report): readonly (readonly string[])[] {
  const number = (value: number): string => rounded(value).toLocaleString("en-US", { maximumFractionDigits: 20 });
  return report.results.map((r) => [
    r.what,
    r.who,
    r.unit,
    number(r.n),
    number(r.min),
    number(r.p50),
    number(r.p99),
    number(r.max),
  ]);
}

const describeMachine = ({ cores, memory, kernel, node, load }: Machine): string =>
  `${cores} cores, ${memory} MiB, Linux ${kernel}, Node ${node}, load ${load.toFixed(1)} at the start`;

const describeVersions = (report: Report): string =>
  Object.entries(report.versions)
    .map(([who, version]) => `${who} ${version}`)
    .join(", ");

const describeRatio = (r: Ratio): string => `${r.what}: ${r.of} : ${r.to} = ${r.p50}`;

/** For a terminal: columns lined up, numbers to the right. */
export function renderText(report: Report): string {
  const rows = [HEAD, ...cells(report)];
  const widths = HEAD.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row.map((text, i) => (i < 3 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0))).join("  ");
  return [
    `${report.name}, ${report.date}`,
    describeMachine(report.machine),
    describeVersions(report),
    "",
    ...rows.map(line),
    ...(report.ratios.length === 0 ? [] : ["", "ratios of the medians", ...report.ratios.map(describeRatio)]),
    ...(report.notes.length === 0 ? [] : ["", ...report.notes]),
    "",
  ].join("\n");
}

/** For docs/benchmarks.md. */
export function renderMarkdown(report: Report): string {
  const line = (row: readonly string[]): string => `| ${row.join(" | ")} |`;
  return [
    `Measured ${report.date} on ${describeMachine(report.machine)}; ${describeVersions(report)}.`,
    "",
    line(HEAD),
    line(HEAD.map((_, i) => (i < 3 ? "---" : "--:"))),
    ...cells(report).map(line),
    ...(report.notes.length === 0 ? [] : ["", ...report.notes]),
  ].join("\n");
}
