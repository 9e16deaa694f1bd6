// The drill's table, and whether an aim was met. Pure. Owns the wording; every figure comes from scenario.ts.
import type { Performance, Scenario } from "./scenario.ts";
import type { SpeakerKind } from "./speakers.ts";

export interface Row {
  readonly scenario: Scenario;
  readonly who: SpeakerKind;
  /** null: it broke off, see `error`. */
  readonly performance: Performance | null;
  readonly error: string | null;
}

/** What was promised and not kept, in sentences; empty: all kept. Only vipcast has promises. */
export function missed({ scenario, who, performance, error }: Row): readonly string[] {
  if (performance === null) return [error ?? "it broke off"];
  const { aim } = scenario;
  const found = [...performance.failures];
  if (who !== "vipcast" || aim === undefined) return found;
  const over = (what: string, value: number, bound: number | undefined, unit: string): void => {
    if (bound !== undefined && value > bound)
      found.push(`${what} ${Math.round(value)}${unit}, aim ${bound}${unit}: ${aim.why}`);
  };
  over("requests lost", performance.lost, aim.lost, "");
  over("outage", performance.outageMs, aim.outage, " ms");
  const back = performance.extra?.backMs;
  if (aim.back !== undefined) over("route back after", back ?? Number.POSITIVE_INFINITY, aim.back, " ms");
  return found;
}

const HEAD = ["scenario", "speaker", "requests", "lost", "outage", "detect", "withdraw", "converge", "served"] as const;

export function renderTable(rows: readonly Row[]): string {
  const ms = (value: number | null): string => (value === null ? "-" : `${Math.round(value)}`);
  const cells = rows.map(({ scenario, who, performance: p, error }) =>
    p === null
      ? [scenario.name, who, "-", "-", "-", "-", "-", "-", `broke off: ${error?.split("\n")[0] ?? ""}`]
      : [
          scenario.name,
          who,
          `${p.requests}`,
          `${p.lost}`,
          ms(p.outageMs),
          ms(p.detectMs),
          ms(p.withdrawMs),
          ms(p.convergeMs),
          ms(p.servedMs),
        ],
  );
  const table = [HEAD, ...cells];
  const widths = HEAD.map((_, i) =>
    Math.max(...table.map((row) => (i === 8 && row !== HEAD ? 6 : (row[i]?.length ?? 0)))),
  );
  const line = (row: readonly string[]): string =>
    row.map((text, i) => (i < 2 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0))).join("  ");
  const details = rows.flatMap((row) => {
    const { performance: p } = row;
    const found = missed(row).map((text) => `  MISSED ${text}`);
    const routes =
      p === null
        ? []
        : (["hub", "access", "dr"] as const).map((r) => `  ${r.padEnd(6)} ${p.before[r]}  ->  ${p.after[r]}`);
    const extra = Object.entries(p?.extra ?? {}).map(
      ([name, value]) => `  ${name} ${value === null ? "-" : Math.round(value)}`,
    );
    return ["", `${row.scenario.name}, ${row.who}`, ...routes, ...extra, ...found];
  });
  return [
    ...table.map(line),
    "",
    "Times in milliseconds after the event. outage: from the first lost request until none is lost any more; detect: a router's neighbour went;",
    "withdraw: the route concerned changed; converge: the last change of any route; served: the first answer after the last loss.",
    ...details,
    "",
  ].join("\n");
}
