// The answer of `vipcast shadow`: the document and its text. Owns the JSON shape that docs/migration.md promises, and the layout. Knows no
// sockets. Contract: pure; every fact in the text is also in the document.
import type { Comparison, ShadowDifference } from "../shadow/compare.ts";
import { fold, type Paint, painter, type TextOptions } from "./statusText.ts";

export interface ShadowReport {
  readonly node: string;
  /** `same`: nothing differs but what is explained by quirks of MetalLB's report; `unknown`: nothing could be compared. */
  readonly verdict: "same" | "different" | "unknown";
  /** Why nothing could be compared; null: it could. */
  readonly why: string | null;
  /** null: nothing could be compared. */
  readonly services: Comparison["services"] | null;
  readonly differences: readonly ShadowDifference[];
}

/** How many services differ, by verdict; what status and metrics show. */
export function shadowCounts({ verdict, differences }: ShadowReport): {
  readonly isCompared: boolean;
  readonly different: number;
  readonly explained: number;
} {
  const different = differences.filter((d) => d.verdict === "different").length;
  return { isCompared: verdict !== "unknown", different, explained: differences.length - different };
}

/** 0: the same; 1: something differs, or could not be compared. */
export const shadowExitCode = ({ verdict }: ShadowReport): 0 | 1 => (verdict === "same" ? 0 : 1);

/** Ends with a newline. */
export function renderShadow(report: ShadowReport, options: TextOptions): string {
  const paint = painter(options);
  const { node, verdict, why, services, differences } = report;
  const { different, explained } = shadowCounts(report);
  const out: string[] = [];
  if (verdict === "unknown") out.push(...fold(`${node}: nothing could be compared: ${why}`, 0));
  else if (different === 0) out.push(`${node}: ${paint("green", "MetalLB reports what vipcast would announce")}`);
  else out.push(`${node}: ${paint("red", `${different} services would be announced otherwise than MetalLB reports`)}`);
  if (services !== null) {
    const { here, there, same } = services;
    out.push(
      `  services  ${here} here, ${there} at MetalLB, ${same} the same, ${explained} explained by MetalLB's report`,
    );
  }
  for (const d of differences) out.push(...differenceText(d, paint));
  return `${out.join("\n")}\n`;
}

function differenceText({ service, verdict, here, there, notes }: ShadowDifference, paint: Paint): string[] {
  const mark = verdict === "different" ? paint("red", verdict) : paint("dim", verdict);
  return [
    `  ${paint("bold", service)} ${mark}`,
    ...fold(`here ${here.join(" ") || "-"}; MetalLB ${there.join(" ") || "-"}`, 4),
    ...notes.flatMap(({ peer, quirk, text, hint }) => [
      ...fold(`${peer}: ${text}${quirk === null ? "" : ` (${quirk})`}`, 6),
      ...(verdict === "different" ? fold(hint, 8).map((line) => paint("dim", line)) : []),
    ]),
  ];
}
