// A plan for people: what happens to sessions first, then routes peer by peer, services, problems. Within 100 columns. Owns the
// layout only. Must not know where the two sides come from, nor whether a terminal is there.
// Contract: every fact in the text is also in the JSON document.
import { type PlanPeer, type PlanReport, type PlanService, reasonsOf } from "../announce/plan.ts";
import type { CheckProblem, CheckRoute, CheckService } from "../announce/report.ts";
import { fold, type Paint, painter, type Style, type TextOptions } from "./statusText.ts";

/** Ends with a newline. */
export function renderPlan(plan: PlanReport, options: Pick<TextOptions, "color">): string {
  const paint = painter(options);
  const lines = [
    paint("bold", `Node ${plan.node}: ${VERDICTS[plan.verdict]}`),
    ...Object.entries(plan.peers).flatMap(([name, peer]) => renderPeer(name, peer, paint)),
    ...renderServices(Object.entries(plan.services), paint),
    ...renderProblems(plan.problems.added, "new", "red", paint),
    ...renderProblems(plan.problems.gone, "gone", "green", paint),
  ];
  return `${lines.join("\n")}\n`;
}

const VERDICTS: Readonly<Record<PlanReport["verdict"], string>> = {
  nothing: "nothing changes",
  changes: "changes, no session is touched",
  resets: "changes that reset or end sessions",
  problems: "the new objects have errors",
};

const SESSIONS: Readonly<Record<PlanPeer["session"], readonly [text: string, style: Style]>> = {
  none: ["the session stays", "green"],
  live: ["changed live, the session stays", "green"],
  readvertise: ["the session stays, its routes go out again", "yellow"],
  reset: ["THE SESSION IS RESET", "red"],
  added: ["a new session", "green"],
  removed: ["THE SESSION ENDS", "red"],
};

function renderPeer(name: string, peer: PlanPeer, paint: Paint): string[] {
  const [text, style] = SESSIONS[peer.session];
  const why = reasonsOf(peer);
  const because = peer.session === "reset" ? `, because of ${why.join(", ")}` : "";
  const [first = "", ...rest] = fold(`peer ${name}: ${text}${because}`, 2);
  const out = [first.replace(text, paint(style, text)), ...rest];
  if (peer.renamedFrom !== null) out.push(...fold(`renamed from ${peer.renamedFrom}`, 4));
  if (peer.problem !== null) out.push(...fold(`problem: ${peer.problem}`, 4));
  for (const { field, effect, from, to } of peer.fields) {
    const values = from === null && to === null ? "changes" : `${value(from)} -> ${value(to)}`;
    out.push(...fold(`${field}: ${values} (${effect})`, 4));
  }
  const painted = (mark: string, markStyle: Style, words: string): string[] =>
    fold(`${mark} ${words}`, 4).map((line) => paint(markStyle, line));
  for (const r of peer.withdrawn) out.push(...painted("-", "red", routeText(r)));
  for (const { prefix, attributes } of peer.changed) {
    const edits = attributes.map(({ attribute, from, to }) => `${attribute} ${value(from)} -> ${value(to)}`);
    out.push(...painted("~", "yellow", `${prefix} ${edits.join(", ")}`));
  }
  for (const r of peer.added) out.push(...painted("+", "green", routeText(r)));
  return out;
}

/** Short text of a value; `-` for none. */
function value(of: unknown): string {
  if (of === null) return "-";
  if (Array.isArray(of)) return of.length === 0 ? "none" : of.map((item) => value(item)).join(" ");
  return typeof of === "object" ? JSON.stringify(of) : String(of);
}

function routeText({
  prefix,
  nextHop,
  localPref,
  med,
  asPathPrepend,
  communities,
  largeCommunities,
  services,
}: CheckRoute): string {
  const words = [
    prefix,
    nextHop === "self" ? "" : `via ${nextHop}`,
    localPref === null ? "" : `localPref ${localPref}`,
    med === null ? "" : `med ${med}`,
    asPathPrepend === 0 ? "" : `prepend ${asPathPrepend}`,
    ...communities,
    ...largeCommunities.map((c) => `large:${c}`),
    `for ${services.slice(0, 3).join(", ")}`,
    services.length > 3 ? `and ${services.length - 3} more` : "",
  ];
  return words.filter((w) => w !== "").join(" ");
}

function renderServices(services: readonly (readonly [string, PlanService])[], paint: Paint): string[] {
  if (services.length === 0) return [];
  const answer = (s: CheckService | null): string => (s === null ? "absent" : (s.reason ?? "announced"));
  const lines = services.flatMap(([key, { from, to }]) => {
    const [was, is] = [answer(from), answer(to)];
    const what = was === is ? `${is}, otherwise than before` : `${was} -> ${is}`;
    const detail = to?.detail ?? null;
    return [...fold(`${key}: ${what}`, 4), ...(detail === null ? [] : fold(detail, 6))];
  });
  return [paint("bold", "  services"), ...lines];
}

function renderProblems(problems: readonly CheckProblem[], what: string, style: Style, paint: Paint): string[] {
  if (problems.length === 0) return [];
  const lines = problems.flatMap(({ severity, kind, namespace, name, path, message, hint, file, line }) => {
    const place = file === null ? "" : ` (${file}${line === null ? "" : `:${line}`})`;
    const object = `${kind} ${namespace === null ? "" : `${namespace}/`}${name}`;
    const text = path === "" ? message : `${path}: ${message}`;
    return [...fold(`${severity} ${object}${place}`, 4), ...fold(text, 6), ...(hint === "" ? [] : fold(hint, 6))];
  });
  return [paint(style, `  ${what} problems`), ...lines];
}
