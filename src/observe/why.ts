// The answer of `vipcast why` as plain data: the explanation of the decision, and beside it what the sessions do with it and what
// became of the service lately. Owns the JSON shape that docs/operations.md promises, and the words for where a decided route
// stands. Knows no sockets and no layout (whyText.ts). Contract: pure; every field is named here, so that no secret gets in.
import { settingPath } from "../announce/annotations.ts";
import type { ExplainedPeer, ExplainedRoute, Explanation } from "../announce/explain.ts";
import { type PeerReason, type Reason, reasonCure } from "../announce/reasons.ts";
import { type CheckProblem, type CheckRoute, checkProblem, checkRoute } from "../announce/report.ts";
import type { Cause, RuleStep } from "../announce/service.ts";
import type { PeerConfig } from "../bgp/session/config.ts";
import { isBarredByBfd, isHeldDown } from "../bgp/session/peer.ts";
import type { Family, RouteAttributes } from "../bgp/wire/message.ts";
import { formatIp, type Ip, type Prefix } from "../kernel/ip.ts";
import type { Said } from "../kernel/messages.ts";
import { type ConfigProblem, type ObjectRef, problemAt } from "../kernel/problem.ts";
import { listed, nameHint } from "../kernel/suggest.ts";
import { type Millis, type PeerName, ServiceKey } from "../kernel/units.ts";
import type { PeerDrainStatus } from "./drainView.ts";
import { say } from "./messages.ts";
import { type PeerView, wallOf } from "./peerView.ts";
import type { Outcome, ServiceChange } from "./serviceHistory.ts";
import { whyDown } from "./status.ts";

/** The object and field that decided, with its place where it stands in a file. */
export interface WhyCause extends ObjectRef {
  /** Empty: the object as a whole. */
  readonly path: string;
  readonly file: string | null;
  readonly line: number | null;
}

/** Why not, in the words of `check` and with what to do; all null where there is nothing to explain. */
export interface WhyNot<R extends string> {
  readonly reason: R | null;
  readonly detail: string | null;
  readonly cause: WhyCause | null;
  readonly cure: string | null;
}

/** Where the prefix of a decided route stands; null: computed, not observed. */
export type RouteState = "written" | "pending" | "held";

export interface WhyRoute extends CheckRoute {
  /** `namespace/name` of the BGPAdvertisements that give it. */
  readonly advertisements: readonly string[];
  /** The address that stands for `self` on the session; null: none, or no session. */
  readonly nextHopAddress: string | null;
  readonly state: RouteState | null;
  /** The injected route that goes out instead of this one (docs/adr/0008); absent: none does. */
  readonly overriddenBy?: CheckRoute;
}

export interface WhyPeer extends WhyNot<Reason | PeerReason> {
  /** The configuration gives it at least one route of the service. */
  readonly decided: boolean;
  /** At least one of them is with the peer; of a computed answer the same as `decided`. */
  readonly announced: boolean;
  /** Since when that is so, RFC 3339; null: not known. */
  readonly since: string | null;
  readonly routes: readonly WhyRoute[];
  /** Addresses without a route to this peer, where others have one. */
  readonly missing: readonly ({ readonly vip: string } & WhyNot<Reason | PeerReason>)[];
  /** null: none runs, or the answer is computed. */
  readonly session: {
    readonly state: string;
    readonly since: string;
    /** Why there is none; null while there is one. */
    readonly why: string | null;
    /** Before this moment no attempt is made; null: nothing is being waited for. */
    readonly nextAttemptAt: string | null;
    /** State of BFD towards it; null: none is asked for. */
    readonly bfd: string | null;
  } | null;
  /** What is proven of it in the drain of the node; absent: the node does not drain. */
  readonly drain?: PeerDrainStatus;
}

export interface WhyChange {
  readonly from: Outcome;
  readonly to: Outcome;
  /** The change in the store, RFC 3339. */
  readonly at: string;
  /** Milliseconds from there to the decision, and to the last octet with the kernel of every session that stands. */
  readonly decidedMs: number;
  /** null: not yet, or no session stands. */
  readonly writtenMs: number | null;
}

export interface WhyDocument extends WhyNot<Reason> {
  /** `namespace/name`. */
  readonly service: string;
  readonly node: string;
  /** false: computed from objects, without a look at sessions. */
  readonly observed: boolean;
  readonly announced: boolean;
  /** Errors of objects, of the kinds that the rule that fails asks for: they may be what it misses. Empty where announced. */
  readonly relatedErrors: readonly CheckProblem[];
  readonly vips: readonly string[];
  readonly pool: string | null;
  /** Since when `announced` and `reason` are so, RFC 3339; null: not known. */
  readonly since: string | null;
  /** When a delay of its annotations will change that by itself, RFC 3339; absent: nothing is delayed. */
  readonly heldUntil?: string;
  /** In the order in which they are asked; `passed` null: not asked any more. */
  readonly steps: readonly RuleStep[];
  readonly peers: Readonly<Record<string, WhyPeer>>;
  /** Newest first. */
  readonly history: readonly WhyChange[];
}

/** What a running daemon adds to the explanation for its own node. */
export interface Observed {
  readonly peer: (name: PeerName) => WhyPeerView | undefined;
  /** State of BFD towards a peer; null: none is asked for. */
  readonly bfd: (name: PeerName) => string | null;
  /** The injected route of a prefix at a peer; null: none. */
  readonly injected: (name: PeerName, prefix: Prefix) => RouteAttributes | null;
  /** What is proven of a peer; undefined: the node does not drain, or the peer has not been looked at. */
  readonly drain: (name: PeerName) => PeerDrainStatus | undefined;
  readonly since: Millis | null;
  /** Since when it is announced just as it is; else as `since`. */
  readonly unaltered: Millis | null;
  readonly changes: readonly ServiceChange[];
  /** Monotonic milliseconds and the same moment in milliseconds since 1970. */
  readonly now: Millis;
  readonly wall: number;
}

/** The readable side of `PeerRunner` that an answer needs. */
export type WhyPeerView = PeerView & {
  /** The next hop of a family on the session; null: none. */
  readonly nextHopOf: (family: Family) => Ip | null;
};

export type Locate = (problem: ConfigProblem) => { readonly file: string; readonly line: number } | null;

export interface WhyOptions {
  readonly node: string;
  /** Only this peer; null: all of the node, and no others. */
  readonly peer: string | null;
  readonly locate: Locate;
  /** Everything that is known to be wrong. */
  readonly problems: readonly ConfigProblem[];
  /** null: computed. */
  readonly observed: Observed | null;
}

/** What a rule finds nothing of may be there, and be out for a fault of its own. */
const ASKED_FOR: Readonly<Partial<Record<Reason, readonly string[]>>> = {
  ipNotAllowed: ["IPAddressPool"],
  notOwner: ["BGPAdvertisement"],
  noMatchingAdvertisement: ["BGPAdvertisement"],
  noEndpoints: ["EndpointSlice"],
  noFamilyEndpoints: ["EndpointSlice"],
  noLocalEndpoints: ["EndpointSlice"],
  noPeers: ["BGPPeer", "BGPAdvertisement"],
};

export function whyDocument(explanation: Explanation, options: WhyOptions): WhyDocument {
  const { decision, steps } = explanation;
  const { node, peer, locate, problems, observed } = options;
  const asked = explanation.peers.filter((p) => (peer === null ? p.planned !== null : p.name === peer));
  const peers = asked.map((p) => [p.name, whyPeer(p, locate, observed)] as const);
  const heldUntil = timeOf(observed, decision.heldUntil ?? null);
  return {
    service: explanation.service,
    node,
    observed: observed !== null,
    announced: decision.announced,
    ...whyNot(decision, locate),
    relatedErrors: relatedErrors(explanation, problems).map((p) => checkProblem({ ...p, ...placeOf(p, locate) })),
    vips: decision.vips,
    pool: decision.pool,
    since: timeOf(observed, observed?.since ?? null),
    ...(heldUntil === null ? {} : { heldUntil }),
    steps,
    peers: Object.fromEntries(peers),
    history: observed?.changes.map((c) => whyChange(c, observed)) ?? [],
  };
}

/** Of a Service that is gone, and of which a history is left. */
export function goneDocument(service: ServiceKey, node: string, observed: Observed): WhyDocument {
  return {
    service,
    node,
    observed: true,
    announced: false,
    reason: "serviceDeleted",
    detail: `there is no Service ${service} any more`,
    cause: null,
    cure: reasonCure("serviceDeleted"),
    relatedErrors: [],
    vips: [],
    pool: null,
    since: timeOf(observed, observed.since),
    steps: [],
    peers: {},
    history: observed.changes.map((c) => whyChange(c, observed)),
  };
}

function relatedErrors(
  { service, decision }: Explanation,
  problems: readonly ConfigProblem[],
): readonly ConfigProblem[] {
  const kinds = decision.reason === null ? [] : (ASKED_FOR[decision.reason] ?? []);
  const [namespace] = service.split("/");
  const isNear = (p: ConfigProblem): boolean => p.kind !== "EndpointSlice" || p.namespace === namespace;
  return problems.filter((p) => p.severity === "error" && kinds.includes(p.kind) && isNear(p));
}

const placeOf = (p: ConfigProblem, locate: Locate): ReturnType<Locate> => (p.file === undefined ? locate(p) : null);

const timeOf = (observed: Pick<Observed, "now" | "wall"> | null, at: Millis | null): string | null =>
  observed === null || at === null ? null : new Date(wallOf(at, observed.now, observed.wall)).toISOString();

function whyChange({ from, to, at, decidedAt, writtenAt }: ServiceChange, { now, wall }: Observed): WhyChange {
  const round = (ms: number): number => Math.round(ms * 1000) / 1000;
  return {
    from,
    to,
    at: new Date(wallOf(at, now, wall)).toISOString(),
    decidedMs: round(decidedAt - at),
    writtenMs: writtenAt === null ? null : round(writtenAt - at),
  };
}

interface Failed<R extends string> {
  readonly reason: R | null;
  readonly detail: string | null;
  readonly cause: Cause | null;
}

const NOTHING = { reason: null, detail: null, cause: null, cure: null } as const;

function whyNot<R extends Reason | PeerReason>({ reason, detail, cause }: Failed<R>, locate: Locate): WhyNot<R> {
  if (reason === null) return NOTHING;
  return { reason, detail, cause: cause === null ? null : located(cause, locate), cure: reasonCure(reason) };
}

function located({ ref, path }: Cause, locate: Locate): WhyCause {
  const place = locate(problemAt(ref, path, ""));
  const { kind, namespace, name } = ref;
  return { kind, namespace, name, path, file: place?.file ?? null, line: place?.line ?? null };
}

function whyPeer(explained: ExplainedPeer, locate: Locate, observed: Observed | null): WhyPeer {
  const drain = observed?.drain(explained.name);
  return { ...whyStanding(explained, locate, observed), ...(drain === undefined ? {} : { drain }) };
}

function whyStanding(explained: ExplainedPeer, locate: Locate, observed: Observed | null): WhyPeer {
  const { planned, failure, name } = explained;
  const view = observed?.peer(name);
  const missing = explained.missing.map(({ vip, failure: why }) => ({ vip, ...whyNot(why, locate) }));
  const config = planned?.config ?? null;
  const routes = config === null ? [] : explained.routes.map((r) => whyRoute(r, config, view, observed));
  const decided = failure === null;
  const session = view === undefined || observed === null ? null : sessionOf(view, observed);
  if (observed === null || !decided) {
    const since = decided || observed === null ? null : timeOf(observed, steadySince(observed, null));
    return { decided, announced: decided, ...whyNot(failure ?? NOTHING, locate), since, routes, missing, session };
  }
  const announced = routes.some((r) => r.state === "written");
  const held = announced ? null : whyHeld(explained.routes, planned?.ref ?? null, view);
  const standing = steadySince(observed, view?.state.establishedAt ?? null);
  const why = whyNot(held ?? NOTHING, locate);
  const since = timeOf(observed, held?.since ?? standing);
  return { decided, announced, ...why, since, routes, missing, session };
}

/** Since when a peer has what it has; null: the service was announced otherwise meanwhile, to which peers is not kept. */
function steadySince({ since, unaltered }: Observed, establishedAt: Millis | null): Millis | null {
  if (establishedAt !== null && establishedAt >= (unaltered ?? 0)) return establishedAt;
  return unaltered === since ? since : null;
}

function sessionOf(view: WhyPeerView, { now, wall, bfd }: Observed): WhyPeer["session"] {
  const time = (at: Millis): string => new Date(wallOf(at, now, wall)).toISOString();
  const { idleHold, stateChangedAt } = view.state;
  return {
    state: view.stateName,
    since: time(stateChangedAt),
    why: whyDown(view.state, view.negotiated !== null),
    nextAttemptAt: idleHold === null || idleHold.until <= now ? null : time(idleHold.until),
    bfd: bfd(view.config.name),
  };
}

const familyOf = (prefix: Prefix): Family => (prefix.version === 4 ? "ipv4-unicast" : "ipv6-unicast");

function whyRoute(
  route: ExplainedRoute,
  config: PeerConfig,
  view: WhyPeerView | undefined,
  observed: Observed | null,
): WhyRoute {
  const { advertisements, prefix, attributes } = route;
  const own = view?.nextHopOf(familyOf(prefix)) ?? null;
  const hop = attributes.nextHop === "self" ? own : attributes.nextHop;
  const injected = observed?.injected(config.name, prefix) ?? null;
  return {
    ...checkRoute(route, config),
    advertisements: advertisements.map((ref) => `${ref.namespace}/${ref.name}`),
    nextHopAddress: hop === null ? null : formatIp(hop),
    state: observed === null ? null : stateOf(prefix, view),
    ...(injected === null ? {} : { overriddenBy: checkRoute({ prefix, attributes: injected, services: [] }, config) }),
  };
}

function stateOf(prefix: Prefix, view: WhyPeerView | undefined): RouteState {
  if (view === undefined || view.negotiated === null || view.nextHopOf(familyOf(prefix)) === null) return "held";
  return view.ribs().get(familyOf(prefix))?.isSent(prefix) === true ? "written" : "pending";
}

type Held = Failed<PeerReason> & { readonly since: Millis | null };

/** The first thing in the session that keeps the first of the decided routes from the peer; null: it is written. */
function whyHeld(routes: readonly ExplainedRoute[], ref: ObjectRef | null, view: WhyPeerView | undefined): Held | null {
  const held = (reason: PeerReason, detail: string, path: string, since: Millis | null): Held => ({
    reason,
    detail,
    cause: ref === null ? null : { ref, path },
    since,
  });
  if (view === undefined) return held("sessionDown", "the peer has not been started yet", "", null);
  const { state, negotiated, config } = view;
  if (negotiated === null) {
    const why = whyDown(state, false) ?? "";
    if (isHeldDown(state)) return held("heldDown", why, "", state.lastEnd?.at ?? state.downSince);
    if (isBarredByBfd(state)) return held("waitingForBfd", why, settingPath("bfdStrict"), state.downSince);
    return held("sessionDown", why, "", state.downSince);
  }
  for (const { prefix } of routes) {
    const family = familyOf(prefix);
    if (!negotiated.families.includes(family)) {
      const detail = `the session carries ${negotiated.families.join(" and ")}, not ${family}: the peer did not offer it`;
      return held("familyNotNegotiated", detail, "", state.establishedAt);
    }
    const problem = view.nextHopProblems().get(family);
    if (view.nextHopOf(family) === null && problem !== undefined) {
      const setting = family === "ipv4-unicast" ? "nextHop" : "nextHopV6";
      return held("noNextHop", problem, settingPath(setting), state.establishedAt);
    }
    const rib = view.ribs().get(family);
    if (rib?.isSent(prefix) !== true) {
      return held("notWritten", `${rib?.pendingCount ?? 0} prefixes wait for the socket of ${config.name}`, "", null);
    }
  }
  return null;
}

/** Why nothing can be told of a peer that is not in force. @param known names of those that are @param problems all there are */
export function noSuchPeer(name: string, known: readonly string[], problems: readonly ConfigProblem[]): Said {
  const fault = problems.find((p) => p.kind === "BGPPeer" && p.name === name && p.severity === "error");
  if (fault === undefined) return say("unknownBgpPeer", { name, known: nameHint(name, known, "BGPPeer") });
  const { path, message, hint } = fault;
  return say("bgpPeerOut", { name, fault: path === "" ? message : `${path}: ${message}` }, hint);
}

export type Found =
  | { readonly ok: true; readonly key: ServiceKey }
  /** What to tell the one who asked. */
  | ({ readonly ok: false } & Said);

/**
 * The service that is meant: `namespace/name`, or a name alone, which is one of namespace `default`, else the only one of that name.
 * @param known all there are, and those that are gone and remembered
 */
export function findService(text: string, known: Iterable<ServiceKey>): Found {
  const keys = [...new Set(known)];
  const slash = text.indexOf("/");
  const exact = slash < 0 ? ServiceKey("default", text) : ServiceKey(text.slice(0, slash), text.slice(slash + 1));
  if (keys.includes(exact)) return { ok: true, key: exact };
  const name = slash < 0 ? text : text.slice(slash + 1);
  const namesakes = keys.filter((key) => key.endsWith(`/${name}`));
  const [only] = namesakes;
  if (slash < 0 && only !== undefined && namesakes.length === 1) return { ok: true, key: only };
  if (namesakes.length > 0) {
    return { ok: false, ...say("otherNamespace", { name: exact, namesakes: listed([...namesakes].sort()) }) };
  }
  return { ok: false, ...say("unknownService", { name: exact, known: nameHint(exact, keys, "Service") }) };
}
