// What a change of the manifests would do on one node: routes per peer, sessions, answers of services, problems. Owns the comparison
// behind `vipcast plan` and its JSON shape; what an edit costs a session is judged by bgp/session/impact.ts, as the speaker judges it.
// Must not know files, sockets or sessions that run. Contract: pure; a secret enters a side only hidden, and no report at all.
import { type PeerConfig, peerIdentity } from "../bgp/session/config.ts";
import {
  decisiveFields,
  EDIT_EFFECT,
  type EditEffect,
  type FieldTexts,
  fieldTexts,
  impactOf,
  matchPeers,
  type PeerField,
} from "../bgp/session/impact.ts";
import type { ConfigProblem } from "../kernel/problem.ts";
import { compareText } from "./age.ts";
import { joinProblems, type Table } from "./reference.ts";
import {
  type CheckProblem,
  type CheckRoute,
  type CheckService,
  checkProblem,
  checkRoutes,
  checkServices,
} from "./report.ts";

/** One node as one set of objects has it: plain data, also what a running daemon hands out. */
export interface PlanSide {
  readonly peers: Readonly<Record<string, PlanPeerSide>>;
  readonly services: Readonly<Record<string, CheckService>>;
  readonly problems: readonly CheckProblem[];
}

export interface PlanPeerSide {
  /** null: it runs no session. */
  readonly session: { readonly identity: string; readonly fields: FieldTexts } | null;
  readonly problem: string | null;
  readonly routes: readonly CheckRoute[];
}

/** What of a session an edit can touch. @param hide see `fieldTexts` */
export const planSession = (config: PeerConfig | null, hide: (secret: string) => string): PlanPeerSide["session"] =>
  config === null ? null : { identity: peerIdentity(config), fields: fieldTexts(config, hide) };

/** @param problems what the source found while reading @param hide see `fieldTexts`; the same for both sides */
export function planSide(table: Table, problems: readonly ConfigProblem[], hide: (secret: string) => string): PlanSide {
  const peers = table.peers.map(({ name, config, problem }): readonly [string, PlanPeerSide] => {
    return [name, { session: planSession(config, hide), problem, routes: checkRoutes(table, name, config) }];
  });
  return {
    peers: Object.fromEntries(peers),
    services: checkServices(table),
    problems: joinProblems(problems, table.problems).map(checkProblem),
  };
}

/** What becomes of a session; `added` and `removed`: it would begin or end. */
export type SessionChange = "none" | EditEffect | "added" | "removed";

export interface PlannedAttribute {
  readonly attribute: keyof CheckRoute;
  readonly from: unknown;
  readonly to: unknown;
}

export interface PlanPeer {
  readonly session: SessionChange;
  /** What differs in its configuration; `from` and `to` null where the value is a secret, or holds one. */
  readonly fields: readonly {
    readonly field: PeerField;
    readonly effect: EditEffect;
    readonly from: unknown;
    readonly to: unknown;
  }[];
  /** Its name before; null: the same. */
  readonly renamedFrom: string | null;
  /** Why it would run no session. */
  readonly problem: string | null;
  readonly added: readonly CheckRoute[];
  readonly changed: readonly { readonly prefix: string; readonly attributes: readonly PlannedAttribute[] }[];
  readonly withdrawn: readonly CheckRoute[];
}

export interface PlanService {
  /** null: there was, or would be, no such Service. */
  readonly from: CheckService | null;
  readonly to: CheckService | null;
}

export interface PlanReport {
  readonly node: string;
  /** What exit code and colour tell: the gravest of all. */
  readonly verdict: "nothing" | "changes" | "resets" | "problems";
  /** Peers for which anything changes. */
  readonly peers: Readonly<Record<string, PlanPeer>>;
  /** Services with another answer. */
  readonly services: Readonly<Record<string, PlanService>>;
  readonly problems: {
    /** Not there before. */
    readonly added: readonly CheckProblem[];
    readonly gone: readonly CheckProblem[];
    /** Errors in the new objects, also those that were there before. */
    readonly errors: number;
  };
}

export function planReport(node: string, before: PlanSide, after: PlanSide): PlanReport {
  const peers = planPeers(before, after);
  const keys = [...new Set([...Object.keys(before.services), ...Object.keys(after.services)])].sort(compareText);
  const services = keys.flatMap((key) => {
    const [from, to] = [before.services[key] ?? null, after.services[key] ?? null];
    return JSON.stringify(from) === JSON.stringify(to) ? [] : [[key, { from, to }] as const];
  });
  const [old, now] = [new Set(before.problems.map(problemKey)), new Set(after.problems.map(problemKey))];
  const problems = {
    added: after.problems.filter((p) => !old.has(problemKey(p))),
    gone: before.problems.filter((p) => !now.has(problemKey(p))),
    errors: after.problems.filter((p) => p.severity === "error").length,
  };
  const verdict = verdictOf(Object.values(peers), services.length, problems);
  return { node, verdict, peers, services: Object.fromEntries(services), problems };
}

/** Where it stands does not matter: the same problem in another file is not a new one. */
const problemKey = ({ kind, namespace, name, path, severity, message }: CheckProblem): string =>
  JSON.stringify([kind, namespace, name, path, severity, message]);

function verdictOf(
  peers: readonly PlanPeer[],
  services: number,
  { added, gone, errors }: PlanReport["problems"],
): PlanReport["verdict"] {
  if (errors > 0) return "problems";
  if (peers.some((p) => p.session === "reset" || p.session === "removed")) return "resets";
  return peers.length + services + added.length + gone.length > 0 ? "changes" : "nothing";
}

function planPeers(before: PlanSide, after: PlanSide): PlanReport["peers"] {
  const sides = (side: PlanSide): (PlanPeerSide & Named)[] => Object.entries(side.peers).map(named);
  const [old, now] = [sides(before), sides(after)];
  // as the speaker does, which knows of no peer without a session
  const known = matchPeers(now.filter(runs), old.filter(runs));
  const kept = new Set([...known.values()].map((p) => p.name));
  const left = new Map(old.flatMap((p) => (kept.has(p.name) ? [] : [[p.name, p]])));
  const rows = [
    ...now.map((p) => [p.name, planPeer(known.get(p) ?? left.get(p.name) ?? null, p)] as const),
    ...[...left.values()].flatMap((p) =>
      after.peers[p.name] === undefined ? [[p.name, planPeer(p, null)] as const] : [],
    ),
  ];
  return Object.fromEntries(rows.filter(([, p]) => isChange(p)).sort(([a], [b]) => compareText(a, b)));
}

interface Named {
  readonly name: string;
  readonly identity: string;
}

const named = ([name, side]: readonly [string, PlanPeerSide]): PlanPeerSide & Named => ({
  ...side,
  name,
  identity: side.session?.identity ?? "",
});

const runs = ({ session }: PlanPeerSide): boolean => session !== null;

const isChange = ({ session, added, changed, withdrawn, problem }: PlanPeer): boolean =>
  session !== "none" || added.length + changed.length + withdrawn.length > 0 || problem !== null;

function planPeer(from: (PlanPeerSide & Named) | null, to: (PlanPeerSide & Named) | null): PlanPeer {
  const [before, after] = [from?.session ?? null, to?.session ?? null];
  const impact = before === null || after === null ? null : impactOf(before.fields, after.fields);
  const fields = impact?.fields.map((field) => {
    const shown = (texts: FieldTexts | undefined): unknown =>
      SECRETS.has(field) || texts === undefined ? null : (JSON.parse(texts[field]) as unknown);
    return { field, effect: EDIT_EFFECT[field], from: shown(before?.fields), to: shown(after?.fields) };
  });
  const session = impact?.kind ?? (before === null ? (after === null ? "none" : "added") : "removed");
  const isNewProblem = to !== null && to.problem !== null && to.problem !== from?.problem;
  return {
    session,
    fields: fields ?? [],
    renamedFrom: from === null || to === null || from.name === to.name ? null : from.name,
    problem: isNewProblem ? to.problem : null,
    ...planRoutes(from?.routes ?? [], to?.routes ?? []),
  };
}

/** Fields of which no value is shown. */
const SECRETS: ReadonlySet<PeerField> = new Set<PeerField>(["password", "bfd"]);

/** Attributes that are seen on the wire. */
const ATTRIBUTES = [
  "nextHop",
  "localPref",
  "med",
  "asPathPrepend",
  "communities",
  "largeCommunities",
] as const satisfies readonly (keyof CheckRoute)[];

function planRoutes(
  before: readonly CheckRoute[],
  after: readonly CheckRoute[],
): Pick<PlanPeer, "added" | "changed" | "withdrawn"> {
  const [old, now] = [new Map(before.map((r) => [r.prefix, r])), new Set(after.map((r) => r.prefix))];
  const changed = after.flatMap((route) => {
    const was = old.get(route.prefix);
    if (was === undefined) return [];
    const attributes = ATTRIBUTES.flatMap((attribute) => {
      const [from, to] = [was[attribute], route[attribute]];
      return JSON.stringify(from) === JSON.stringify(to) ? [] : [{ attribute, from, to }];
    });
    return attributes.length === 0 ? [] : [{ prefix: route.prefix, attributes }];
  });
  return {
    added: after.filter((r) => !old.has(r.prefix)),
    changed,
    withdrawn: before.filter((r) => !now.has(r.prefix)),
  };
}

/** The fields that make `session` what it is, for people. */
export const reasonsOf = ({ session, fields }: PlanPeer): readonly PeerField[] =>
  session === "none" || session === "added" || session === "removed"
    ? []
    : decisiveFields({ kind: session, fields: fields.map((f) => f.field) });

/** 0 nothing, 1 errors in the new objects, 3 changes, 4 changes that reset or remove a session. */
export const planExitCode = ({ verdict }: PlanReport): 0 | 1 | 3 | 4 =>
  verdict === "nothing" ? 0 : verdict === "problems" ? 1 : verdict === "changes" ? 3 : 4;
