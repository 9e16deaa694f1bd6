// The check report for people: within 100 columns, problems last because they are what one should see. Owns the layout only.
// Must not decide anything, nor know whether a terminal is there: the caller says whether to colour.
// Contract: every fact in the text is also in the JSON document; lines longer than the width are folded at spaces.
import { assertNever } from "../kernel/result.ts";
import { reasonHelp } from "./reasons.ts";
import type { CheckNode, CheckPeer, CheckProblem, CheckReport, CheckRoute } from "./report.ts";

const WIDTH = 100;

export interface RenderOptions {
  /** ANSI colours. */
  readonly color: boolean;
}

type Style = "bold" | "dim" | "red" | "yellow" | "green";
type Paint = (style: Style, text: string) => string;

const codes: Readonly<Record<Style, number>> = { bold: 1, dim: 2, red: 31, yellow: 33, green: 32 };

/** Text with a newline at the end. */
export function renderCheckReport(report: CheckReport, { color }: RenderOptions): string {
  const paint: Paint = (style, text) => (color ? `\u001b[${codes[style]}m${text}\u001b[0m` : text);
  const nodes = Object.entries(report.nodes);
  const lines = nodes.flatMap(([name, node]) => [...renderNode(name, node, paint), ""]);
  if (nodes.length === 0) lines.push("No Node object found: name one with --node.", "");
  return `${[...lines, ...renderProblems(report.problems, paint)].join("\n")}\n`;
}

function renderNode(name: string, node: CheckNode, paint: Paint): string[] {
  const peers = Object.entries(node.peers);
  const silent = Object.entries(node.services).filter(([, s]) => !s.announced);
  // ClusterIP services are no candidates; naming each would bury the others
  const candidates = silent.filter(([, s]) => s.reason !== "notLoadBalancer");
  const lines = [paint("bold", `Node ${name}`)];
  if (peers.length === 0) lines.push("  no BGPPeer selects this node");
  for (const [peer, state] of peers) lines.push(...renderPeer(peer, state, paint));
  if (candidates.length > 0) lines.push("  not announced");
  for (const [service, { reason, detail }] of candidates) {
    if (reason === null) continue;
    lines.push(...foldHead(`${service}:`, reason, "yellow", 4, paint), ...fold(detail ?? reasonHelp(reason), 6));
  }
  const others = silent.length - candidates.length;
  if (others > 0) lines.push(paint("dim", `  (${others} not of type LoadBalancer)`));
  return lines;
}

function renderPeer(name: string, { problem, routes }: CheckPeer, paint: Paint): string[] {
  const head = (state: string, style: Style): string[] => foldHead(`peer ${name}:`, state, style, 2, paint);
  if (problem !== null) return [...head("no session", "red"), ...fold(problem, 6)];
  const count = routes.length === 1 ? "1 route" : `${routes.length} routes`;
  return [...head(count, routes.length === 0 ? "yellow" : "green"), ...routes.flatMap(renderRoute)];
}

function renderRoute(route: CheckRoute): string[] {
  const words = [
    route.nextHop === "self" ? "" : `via ${route.nextHop}`,
    route.localPref === null ? "" : `localPref ${route.localPref}`,
    route.med === null ? "" : `med ${route.med}`,
    route.asPathPrepend === 0 ? "" : `prepend ${route.asPathPrepend}`,
    route.communities.join(" "),
    route.largeCommunities.map((c) => `large:${c}`).join(" "),
    `for ${route.services.slice(0, 3).join(", ")}`,
    route.services.length > 3 ? `and ${route.services.length - 3} more` : "",
  ];
  return fold([route.prefix, ...words.filter((w) => w !== "")].join(" "), 4);
}

function renderProblems(problems: readonly CheckProblem[], paint: Paint): string[] {
  if (problems.length === 0) return [paint("green", "No problems.")];
  const errors = problems.filter((p) => p.severity === "error").length;
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
  const title = `${count(errors, "error")}, ${count(problems.length - errors, "warning")}`;
  return [paint("bold", title), ...problems.flatMap((p) => renderProblem(p, paint))];
}

function renderProblem(p: CheckProblem, paint: Paint): string[] {
  const place = p.file === null ? "" : ` (${p.file}${p.line === null ? "" : `:${p.line}`})`;
  const object = `${p.kind} ${p.namespace === null ? "" : `${p.namespace}/`}${p.name}`;
  const [first = "", ...rest] = fold(`${p.severity} ${object}${place}`, 2);
  const head = first.replace(p.severity, paint(severityStyle(p.severity), p.severity));
  const text = p.path === "" ? p.message : `${p.path}: ${p.message}`;
  return [head, ...rest, ...fold(text, 6), ...(p.hint === "" ? [] : fold(p.hint, 6).map((l) => paint("dim", l)))];
}

function severityStyle(severity: CheckProblem["severity"]): Style {
  switch (severity) {
    case "error":
      return "red";
    case "warning":
      return "yellow";
  }
  return assertNever(severity);
}

/** A folded line whose end is coloured; escape sequences do not count as width. */
function foldHead(text: string, end: string, style: Style, indent: number, paint: Paint): string[] {
  return fold(`${text} ${end}`, indent).map((line) =>
    line.endsWith(end) ? `${line.slice(0, -end.length)}${paint(style, end)}` : line,
  );
}

/** Breaks at spaces so that no line passes the width; a word longer than that is cut. Later lines hang by two. */
function fold(text: string, indent: number): string[] {
  const lines: string[] = [];
  let line = " ".repeat(indent);
  let isEmpty = true;
  const flush = (): void => {
    lines.push(line);
    line = " ".repeat(indent + 2);
    isEmpty = true;
  };
  for (let word of text.split(/\s+/).filter((w) => w !== "")) {
    if (!isEmpty && line.length + 1 + word.length > WIDTH) flush();
    while (line.length + word.length > WIDTH) {
      const room = WIDTH - line.length;
      line += word.slice(0, room);
      word = word.slice(room);
      flush();
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  if (!isEmpty) lines.push(line);
  return lines;
}
