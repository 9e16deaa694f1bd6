// The answer of `vipcast why` for people: the verdict first, then peer by peer, then what happened, then the rules. Within 100
// columns. Owns the layout only. Must not know where a document comes from, nor whether a terminal is there.
// Contract: every fact in the text is also in the JSON document.
import type { CheckRoute } from "../announce/report.ts";
import { proofText } from "./drainView.ts";
import { duration, fold, type Paint, painter, type TextOptions } from "./statusText.ts";
import type { WhyCause, WhyChange, WhyDocument, WhyPeer, WhyRoute } from "./why.ts";

/** Ends with a newline. */
export function renderWhy(document: WhyDocument, options: TextOptions): string {
  const paint = painter(options);
  const lines = [
    ...renderVerdict(document, options, paint),
    ...Object.entries(document.peers).flatMap(([name, peer]) => renderPeer(name, peer, document, options, paint)),
    ...renderHistory(document.history, options, paint),
    ...renderSteps(document, paint),
  ];
  return `${lines.join("\n")}\n`;
}

function renderVerdict(document: WhyDocument, { wall }: TextOptions, paint: Paint): string[] {
  const { service, node, announced, reason, detail, since, heldUntil, relatedErrors, vips, pool, observed } = document;
  const verdict = announced ? "announced" : `not announced: ${reason}`;
  const time = since === null ? "" : `, for ${duration(wall - Date.parse(since))}`;
  const [first = "", ...rest] = fold(`${service} on ${node}: ${verdict}${time}`, 0);
  const bold = first.replace(service, () => paint("bold", service));
  const out = [bold.replace(`: ${verdict}`, `: ${paint(announced ? "green" : "red", verdict)}`), ...rest];
  if (detail !== null) out.push(...fold(detail, 2));
  if (heldUntil !== undefined) {
    const what = announced ? "no endpoint is ready: withdrawn" : "announced";
    out.push(`  ${what} in ${duration(Date.parse(heldUntil) - wall)}, if nothing changes`);
  }
  out.push(...renderWhere(document, 2, paint));
  for (const p of relatedErrors) {
    const text = `error: ${causeText(p)}: ${p.message}`;
    out.push(...fold(text, 2).map((line) => paint("yellow", line)));
  }
  if (vips.length > 0)
    out.push(...fold(`addresses ${vips.join(" ")}${pool === null ? "" : ` of IPAddressPool ${pool}`}`, 2));
  if (!observed) out.push(paint("dim", "  computed from the objects, not observed on sessions"));
  return out;
}

/** The object that is at fault, and the cure. */
function renderWhere(
  { cause, cure }: { readonly cause: WhyCause | null; readonly cure: string | null },
  indent: number,
  paint: Paint,
): string[] {
  const out: string[] = [];
  if (cause !== null) out.push(...fold(causeText(cause), indent));
  if (cure !== null) out.push(...fold(cure, indent).map((line) => paint("dim", line)));
  return out;
}

function causeText({ kind, namespace, name, path, file, line }: WhyCause): string {
  const object = `${kind} ${namespace === null ? "" : `${namespace}/`}${name}`;
  const place = file === null ? "" : ` (${file}:${line})`;
  return `${object}${path === "" ? "" : ` ${path}`}${place}`;
}

function renderPeer(name: string, peer: WhyPeer, document: WhyDocument, { wall }: TextOptions, paint: Paint): string[] {
  const time = peer.since === null ? "" : `, for ${duration(wall - Date.parse(peer.since))}`;
  const what = peer.announced ? "announced" : `${peer.decided ? "decided, but" : "not announced:"} ${peer.reason}`;
  const style = peer.announced ? "green" : peer.decided ? "yellow" : "red";
  const [first = "", ...rest] = fold(`peer ${name}: ${what}${time}`, 2);
  const out = [first.replace(`: ${what}`, `: ${paint(style, what)}`), ...rest];
  // what holds for all peers has been said above
  const isOwn = peer.reason !== null && (document.announced || peer.reason !== document.reason);
  if (isOwn && peer.detail !== null) out.push(...fold(peer.detail, 4));
  if (isOwn) out.push(...renderWhere(peer, 4, paint));
  for (const route of peer.routes) out.push(...renderRoute(route));
  for (const { vip, detail, ...where } of peer.missing) {
    out.push(...fold(`${vip} has no route here: ${detail}`, 4), ...renderWhere(where, 6, paint));
  }
  if (peer.drain !== undefined) out.push(...fold(`drain: ${proofText(peer.drain)}`, 4));
  out.push(...renderSession(peer.session, wall).flatMap((text) => fold(text, 4).map((line) => paint("dim", line))));
  return out;
}

function renderRoute(r: WhyRoute): string[] {
  const hop = r.nextHop === "self" && r.nextHopAddress !== null ? `self (${r.nextHopAddress})` : r.nextHop;
  const state = r.state === null ? "" : `[${r.overriddenBy === undefined ? r.state : "overridden"}]`;
  const others = r.services.length - 1;
  const from = `by ${r.advertisements.join(", ")}${others > 0 ? `; shared with ${others} other services` : ""}`;
  const out = [...fold(`${routeText(r, hop)} ${state}`.trimEnd(), 4), ...fold(from, 6)];
  if (r.overriddenBy === undefined) return out;
  const instead = `an injected route goes out instead: ${routeText(r.overriddenBy, r.overriddenBy.nextHop)} [${r.state}]`;
  return [...out, ...fold(instead, 6), ...fold(`vipcast inject del ${r.prefix} brings the decided one back`, 6)];
}

function routeText(r: CheckRoute, hop: string): string {
  const words = [
    `${r.prefix} via ${hop}`,
    r.localPref === null ? "" : `localPref ${r.localPref}`,
    r.med === null ? "" : `med ${r.med}`,
    r.asPathPrepend === 0 ? "" : `prepend ${r.asPathPrepend}`,
    r.communities.join(" "),
    r.largeCommunities.map((c) => `large:${c}`).join(" "),
  ];
  return words.filter((w) => w !== "").join(" ");
}

function renderSession(session: WhyPeer["session"], wall: number): string[] {
  if (session === null) return [];
  const { state, since, bfd, nextAttemptAt } = session;
  const next = nextAttemptAt === null ? "" : `, next attempt in ${duration(Date.parse(nextAttemptAt) - wall)}`;
  return [`session ${state} for ${duration(wall - Date.parse(since))}${bfd === null ? "" : `, BFD ${bfd}`}${next}`];
}

function renderHistory(history: readonly WhyChange[], { wall }: TextOptions, paint: Paint): string[] {
  if (history.length === 0) return [];
  const lines = history.map(({ from, to, at, decidedMs, writtenMs }) => {
    const what = from === to ? `${to}, otherwise than before` : `${from} -> ${to}`;
    const written = writtenMs === null ? "not written yet" : `written ${writtenMs} ms`;
    return `${at} (${duration(wall - Date.parse(at))} ago) ${what}; decided ${decidedMs} ms, ${written} after the change`;
  });
  return [paint("bold", "  last changes"), ...lines.flatMap((line) => fold(line, 4))];
}

const MARK = new Map<boolean | null, string>([
  [true, "+"],
  [false, "-"],
  [null, " "],
]);

function renderSteps({ steps }: WhyDocument, paint: Paint): string[] {
  if (steps.length === 0) return [];
  const lines = steps.map(({ claim, passed }) => {
    const line = `    ${MARK.get(passed)} ${claim}`;
    return passed === false ? paint("red", line) : passed === null ? paint("dim", line) : line;
  });
  return [paint("bold", "  rules"), ...lines];
}
