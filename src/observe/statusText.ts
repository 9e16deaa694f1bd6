// The status documents for people: tables within 100 columns, details beneath. Owns the layout only. Must not know where a
// document comes from, nor whether a terminal is there: the caller says whether to colour.
// Contract: every fact in the text is also in the JSON document.
import type { BfdStatus, BfdThreadStatus } from "./bfdView.ts";
import { drainLines } from "./drainView.ts";
import type { ReceivedTables } from "./routesStream.ts";
import { sourceNotes } from "./sourceView.ts";
import type { DaemonStatus, NotificationStatus, PeerStatus, PeersStatus, RouteStatus, RoutesStatus } from "./status.ts";

const WIDTH = 100;

export interface TextOptions {
  /** ANSI colours. */
  readonly color: boolean;
  /** Milliseconds since 1970, for "3m ago". */
  readonly wall: number;
}

export type Style = "bold" | "dim" | "red" | "yellow" | "green";
const CODES: Readonly<Record<Style, number>> = { bold: 1, dim: 2, red: 31, yellow: 33, green: 32 };
export type Paint = (style: Style, text: string) => string;
export const painter =
  ({ color }: Pick<TextOptions, "color">): Paint =>
  (style, text) =>
    color && text !== "" ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text;

/** One line per peer, and beneath it why it has no session and what was said last. Ends with a newline. */
export function renderPeers({ peers }: PeersStatus, options: TextOptions): string {
  if (peers.length === 0) return "No BGPPeer selects this node.\n";
  const paint = painter(options);
  const rows = peers.map((p) => [
    p.name,
    p.address ?? "-",
    String(p.peerAsn ?? "-"),
    p.state,
    p.since === null ? "-" : duration(options.wall - Date.parse(p.since)),
    String(p.advertised),
    p.received === null ? "-" : String(p.received),
  ]);
  const [head = "", ...lines] = table(["PEER", "ADDRESS", "AS", "STATE", "FOR", "SENT", "RECEIVED"], rows);
  const out = [paint("bold", head)];
  for (const [i, peer] of peers.entries()) {
    out.push((lines[i] ?? "").replace(` ${peer.state} `, ` ${paint(stateStyle(peer), peer.state)} `));
    for (const note of notes(peer, options)) out.push(...fold(note, 4).map((line) => paint("dim", line)));
  }
  return `${out.join("\n")}\n`;
}

function notes(peer: PeerStatus, { wall }: TextOptions): string[] {
  const ago = (at: string): string => `${duration(wall - Date.parse(at))} ago`;
  const seen = (n: NotificationStatus): string =>
    `${n.name} (${n.code}/${n.subcode})${n.text === null ? "" : ` "${n.text}"`}, ${ago(n.at)}`;
  const out: string[] = [];
  if (peer.problem !== null) out.push(`problem: ${peer.problem}`);
  if (peer.why !== null && peer.why !== peer.problem) out.push(`no session: ${peer.why}`);
  if (peer.nextAttemptAt !== null) out.push(`next attempt in ${duration(Date.parse(peer.nextAttemptAt) - wall)}`);
  if (peer.holdTime !== null) out.push(termsNote(peer));
  if (peer.capabilities.length > 0) out.push(`it can do: ${peer.capabilities.join(", ")}`);
  if (peer.bfd !== null) out.push(bfdNote(peer.bfd, wall));
  for (const why of Object.values(peer.nextHopProblems)) out.push(`next hop: ${why}`);
  if (peer.injected > 0) out.push(`${peer.injected} injected prefixes`);
  if (peer.pending > 0) out.push(`${peer.pending} prefixes wait to be sent`);
  if (peer.lastNotificationSent !== null) out.push(`last sent: ${seen(peer.lastNotificationSent)}`);
  if (peer.lastNotificationReceived !== null) out.push(`last received: ${seen(peer.lastNotificationReceived)}`);
  return out;
}

/** What is agreed, or, without a session, offered. */
function termsNote({ state, holdTime, keepaliveTime, families }: PeerStatus): string {
  const word = state === "Established" ? "agreed" : "offered";
  return `${word}: hold ${holdTime} s, keepalive ${keepaliveTime} s, ${families.join(" and ")}`;
}

function bfdNote(bfd: BfdStatus, wall: number): string {
  const last = bfd.transitions.at(-1);
  const since = last === undefined ? "" : ` for ${duration(wall - Date.parse(last.at))}`;
  const timing = bfd.detectionTimeMs === null ? "" : `, detection time ${bfd.detectionTimeMs} ms`;
  const why = bfd.state === "Up" ? timing : `: ${bfd.diag}; the peer says ${bfd.remoteState}`;
  return `BFD ${bfd.state}${since}${why}`;
}

function threadNote({ kind, kindReason, schedulingClass, schedulingReason, ...t }: BfdThreadStatus): string {
  const because = (reason: string | null): string => (reason === null ? "" : ` (${reason})`);
  const dropped = Object.values(t.drops).reduce((sum, n) => sum + n, 0);
  return [
    `thread of class ${schedulingClass}${because(schedulingReason)}`,
    ...(kind === "native" ? [] : [`on Node's sockets${because(kindReason)}`]),
    `at most ${t.greatestLatenessMs.toFixed(1)} ms late`,
    ...(t.stalls > 0 ? [`${t.stalls} stalls`] : []),
    ...(t.restarts > 0 ? [`${t.restarts} restarts`] : []),
    ...(dropped > 0 ? [`${dropped} packets dropped`] : []),
  ].join(", ");
}

/** A table per peer. Ends with a newline. */
export function renderRoutes({ peers }: RoutesStatus, options: TextOptions): string {
  const paint = painter(options);
  const entries = Object.entries(peers);
  if (entries.length === 0) return "No BGPPeer selects this node.\n";
  const out: string[] = [];
  for (const [name, { problem, routes, injectedNotShown = 0 }] of entries) {
    const count = routes.length === 1 ? "1 route" : `${routes.length} routes`;
    out.push(...fold(`peer ${name}: ${problem ?? count}`, 0).map((line) => paint("bold", line)));
    if (routes.length === 0) continue;
    const rows = routes.map((r) => [
      r.prefix,
      r.nextHop,
      r.localPref === null ? "-" : String(r.localPref),
      [...r.communities, ...r.largeCommunities].join(" ") || "-",
      forWhom(r),
    ]);
    out.push(...table(["PREFIX", "NEXT HOP", "PREF", "COMMUNITIES", "SERVICES"], rows, 2));
    if (injectedNotShown > 0) out.push(...fold(`and ${injectedNotShown} more injected: vipcast inject list`, 2));
  }
  return `${out.join("\n")}\n`;
}

function forWhom({ services, source }: RouteStatus): string {
  if (source !== undefined) return `(${source})`;
  return services.length > 2 ? `${services.slice(0, 2).join(" ")} +${services.length - 2}` : services.join(" ");
}

/** A table per peer of what it advertises to us. Ends with a newline. */
export function renderReceived({ peers }: ReceivedTables, options: TextOptions): string {
  const paint = painter(options);
  const entries = Object.entries(peers);
  if (entries.length === 0) return "No peer runs a session here.\n";
  const out: string[] = [];
  for (const [name, { count, kept, routes }] of entries) {
    const how = kept ? "" : " (counted only: annotate the BGPPeer with vipcast.io/keep-received)";
    out.push(...fold(`peer ${name}: ${count} received${how}`, 0).map((line) => paint("bold", line)));
    if (routes.length === 0) continue;
    const rows = routes.map((r) => [
      r.prefix,
      r.nextHop ?? "-",
      (r.asPath === null || r.asPath === "empty" ? "-" : r.asPath) + (r.isLoop ? " (loop)" : ""),
      r.localPref === null ? "-" : String(r.localPref),
      r.med === null ? "-" : String(r.med),
      [...r.communities, ...r.largeCommunities].join(" ") || "-",
    ]);
    out.push(...table(["PREFIX", "NEXT HOP", "AS PATH", "PREF", "MED", "COMMUNITIES"], rows, 2));
  }
  return `${out.join("\n")}\n`;
}

/** The daemon at a glance, problems last because they are what one should see. Ends with a newline. */
export function renderStatus(s: DaemonStatus, options: TextOptions): string {
  const paint = painter(options);
  const allUp = s.peers.established === s.peers.total;
  const out = [
    paint("bold", `vipcast ${s.version} on ${s.node}, up ${duration(s.uptimeSeconds * 1000)}`),
    ...fold(`source    ${s.source.kind} ${s.source.location}`, 2),
    ...sourceNotes(s.source).flatMap((note) => fold(note, 12).map((line) => paint("yellow", line))),
    s.notReady === null
      ? `  state     ${paint("green", "ready")}`
      : `  state     ${paint("red", `not ready: ${s.notReady}`)}`,
    `  peers     ${paint(allUp ? "green" : "red", `${s.peers.established} of ${s.peers.total} established`)}`,
    `  services  ${s.services.announced} of ${s.services.total} announced`,
  ];
  if (s.shadow !== null) {
    const { isCompared, different } = s.shadow;
    const what = isCompared
      ? `${different} services differ from what MetalLB reports`
      : "nothing could be compared yet";
    const text = `shadow    no session is opened; ${what}: see vipcast shadow`;
    out.push(...fold(text, 2).map((line) => paint(isCompared && different === 0 ? "green" : "yellow", line)));
  }
  if (s.drain !== null) {
    const [state = "", ...peers] = drainLines(s.drain);
    out.push(
      ...fold(`drain     ${state}`, 2).map((line) => paint(s.drain?.proven === true ? "green" : "yellow", line)),
    );
    for (const line of peers) out.push(...fold(line, 12).map((text) => paint("dim", text)));
  }
  const { prefixes, persistent } = s.injected;
  if (prefixes > 0) out.push(`  injected  ${prefixes} prefixes, ${persistent} of them kept over restarts`);
  if (s.bfd !== null) out.push(...fold(`bfd       ${threadNote(s.bfd)}`, 2));
  if (s.allocations !== null) {
    const all = Object.values(s.allocations.services);
    const failed = all.filter((a) => a.event !== null).length;
    const note = failed === 0 ? "" : `, ${paint("red", `${failed} failed`)}`;
    out.push(`  addresses given to ${all.filter((a) => a.ips.length > 0).length} of ${all.length} services${note}`);
  }
  for (const p of s.problems) {
    const place = p.file === undefined ? "" : ` (${p.file}${p.line === undefined ? "" : `:${p.line}`})`;
    const object = `${p.kind} ${p.namespace === null ? "" : `${p.namespace}/`}${p.name}`;
    const [first = "", ...rest] = fold(`${p.severity} ${object}${place}`, 2);
    out.push(first.replace(p.severity, paint(p.severity === "error" ? "red" : "yellow", p.severity)), ...rest);
    out.push(...fold(p.path === "" ? p.message : `${p.path}: ${p.message}`, 6));
    if (p.hint !== "") out.push(...fold(p.hint, 6).map((line) => paint("dim", line)));
  }
  return `${out.join("\n")}\n`;
}

function stateStyle(peer: PeerStatus): Style {
  if (peer.state === "Established") return "green";
  return peer.state === "Idle" || peer.problem !== null ? "red" : "yellow";
}

/** `45s`, `12m30s`, `3h05m`, `12d4h`; negative spans read as 0s. */
export function duration(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number): string => String(n).padStart(2, "0");
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m${two(s % 60)}s`;
  if (s < 86_400) return `${Math.floor(s / 3600)}h${two(Math.floor(s / 60) % 60)}m`;
  return `${Math.floor(s / 86_400)}d${Math.floor(s / 3600) % 24}h`;
}

/** Aligned columns; where they do not fit, the widest give way first, and cut cells end in `~`. */
function table(head: readonly string[], rows: readonly (readonly string[])[], indent = 0): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const room = WIDTH - indent - 2 * (head.length - 1);
  for (let total = widths.reduce((a, b) => a + b, 0); total > room; total--) {
    const widest = widths.indexOf(Math.max(...widths));
    widths[widest] = (widths[widest] ?? 1) - 1;
  }
  const cell = (text: string, width: number): string =>
    (text.length > width ? `${text.slice(0, width - 1)}~` : text).padEnd(width);
  return all.map((row) =>
    `${" ".repeat(indent)}${row.map((text, i) => cell(text, widths[i] ?? 0)).join("  ")}`.trimEnd(),
  );
}

/** Breaks at spaces, and inside words that are longer than a line; later lines hang by two. */
export function fold(text: string, indent: number): string[] {
  const lines: string[] = [];
  let rest = text;
  for (let lead = " ".repeat(indent); rest !== ""; lead = " ".repeat(indent + 2)) {
    const room = WIDTH - lead.length;
    const space = rest.length > room ? rest.lastIndexOf(" ", room) : rest.length;
    const cut = space > 0 ? space : room;
    lines.push(lead + rest.slice(0, cut));
    rest = rest.slice(cut).trimStart();
  }
  return lines;
}
