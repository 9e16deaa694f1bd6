// Does this site announce one prefix? The state of one prefix under one SitePolicy, and the rules that move it. Owns the order
// of claims and every rule of docs/site-policy.md. Must not know services, peers, routes or clocks. Contract: pure; `step` is a
// function of what was, what is known, and the moment; called again with nothing new it changes nothing before its `deadline`.
// The state is what one node thinks; nodes of a site agree because they see each other's claims.
import { later, Millis } from "../kernel/units.ts";
import { type Claim, MAX_EPOCH } from "./model.ts";

/** How a site behaves; spec of the SitePolicy. */
export interface DomainRules {
  readonly siteId: number;
  /** 1..65535 */
  readonly rank: number;
  /** `withhold`: serve as a fallback only when promoted. Both others take over by themselves. */
  readonly whenNotPreferred: "withhold" | "deprioritize" | "conditional";
  /** What a site does that cannot look, and has not seen another one serve. */
  readonly whenBlind: "announce" | "withhold";
  /** From the last sight of another serving site until this one takes over. */
  readonly takeoverDelay: Millis;
  /** From losing to withdrawing; meanwhile the routes are marked as the last choice. */
  readonly leaveDelay: Millis;
  /** null: only an operator brings the preferred site back. */
  readonly failback: { readonly stableFor: Millis; readonly longest: Millis } | null;
}

/**
 * `looking`: the routes of the witnesses are not complete yet, and the start-up guard has time left. `sighted`: enough witnesses
 * are complete. `blind`: neither.
 */
export type View = "looking" | "sighted" | "blind";

/** Everything known of a prefix from outside. */
export interface Facts {
  /** A service here has what it takes to announce it. */
  readonly isAble: boolean;
  readonly view: View;
  /** End of the start-up guard. */
  readonly guardUntil: Millis;
  /** Claims of other sites; while blind also those that were last seen. */
  readonly rivals: readonly Claim[];
  /** Claims of other nodes of this site. */
  readonly siblings: readonly Claim[];
}

/** Why a site stands by. */
export type StandbyCause =
  /** another site serves */
  | "rival"
  /** it had served, and another site's claim was stronger */
  | "lost"
  /** an operator said so, here or at another node of the site */
  | "demoted"
  /** nobody else serves, and it waits to be promoted, or for its delay */
  | "waiting"
  /** it cannot look */
  | "blind";

export type DomainState =
  /** Nothing here to announce. */
  | { readonly name: "idle" }
  | { readonly name: "guarded" }
  | { readonly name: "standby"; readonly cause: StandbyCause }
  | { readonly name: "active"; readonly byFailback: boolean; readonly since: Millis }
  /** Announced as the last choice, for makers before breakers. */
  | { readonly name: "leaving"; readonly cause: "lost" | "demoted"; readonly until: Millis };

export interface Domain {
  readonly state: DomainState;
  /** Of our claim: as configured, or 0 while a promote holds. */
  readonly rank: number;
  /** Of our claim, as long as there is one. */
  readonly epoch: number;
  /** Highest epoch known, anybody's. */
  readonly highest: number;
  /** Epoch of the claim that was last given up, which no sibling's claim of that epoch revives; -1: none. */
  readonly leftEpoch: number;
  /** An operator sent the service away: not to be taken back before another site has been seen to serve. */
  readonly isYielding: boolean;
  /** Another site has been seen to serve since this one last did. */
  readonly hasMetRival: boolean;
  /** Since when it could be taken over; null: it cannot. */
  readonly clearSince: Millis | null;
  /** Since when this site has been able and sighted without a break; null: it is not. */
  readonly fitSince: Millis | null;
  /** Failbacks in a row that did not last. */
  readonly brokenFailbacks: number;
}

/** @param epoch the highest one that is remembered @param promoted epoch of a promote that is remembered; null: none */
export function newDomain(rules: DomainRules, epoch: number, promoted: number | null): Domain {
  const holds = promoted !== null && promoted >= epoch;
  return {
    state: { name: "idle" },
    rank: holds ? 0 : rules.rank,
    epoch: holds ? promoted : epoch,
    highest: epoch,
    leftEpoch: NEVER,
    isYielding: false,
    hasMetRival: false,
    clearSince: null,
    fitSince: null,
    brokenFailbacks: 0,
  };
}

const NEVER = -1;

/** Negative when `a` is the stronger claim: lower rank, then higher epoch, then lower siteID. */
export const compareClaims = (a: Strength, b: Strength): number =>
  a.rank - b.rank || b.epoch - a.epoch || a.siteId - b.siteId;
type Strength = Pick<Claim, "rank" | "epoch" | "siteId">;

/** An operator wants this site to serve, from now on. @param epoch higher than any known */
export const promoted = (domain: Domain, epoch: number, now: Millis): Domain => ({
  ...domain,
  state:
    domain.state.name === "idle" || domain.state.name === "active"
      ? domain.state
      : { name: "active", byFailback: false, since: now },
  rank: 0,
  epoch,
  highest: Math.max(domain.highest, epoch),
  isYielding: false,
});

/** An operator wants this site not to serve, until another one has. */
export const demoted = (domain: Domain, rules: DomainRules, now: Millis): Domain =>
  domain.state.name === "active"
    ? leave(domain, rules, "demoted", now)
    : { ...domain, rank: rules.rank, isYielding: true, leftEpoch: domain.highest };

export interface Stepped {
  readonly domain: Domain;
  /** When to step again if nothing changes; null: not before something does. */
  readonly deadline: Millis | null;
}

export function step(before: Domain, facts: Facts, rules: DomainRules, now: Millis): Stepped {
  let domain = observe(before, facts, rules, now);
  // a state is left at most once per step: idle, guarded, standby, active
  for (let moves = 0; moves < MOST_MOVES; moves++) {
    const next = move(domain, facts, rules, now);
    if (next === domain) break;
    domain = observe(next, facts, rules, now);
  }
  return { domain, deadline: deadlineOf(domain, facts, rules) };
}

const MOST_MOVES = 5;

/** What is remembered of what is seen; the state stays. */
function observe(domain: Domain, facts: Facts, rules: DomainRules, now: Millis): Domain {
  const { isAble, view, rivals, siblings } = facts;
  const serving = rivals.filter(isActive);
  const highest = [...rivals, ...siblings].reduce((max, c) => Math.max(max, c.epoch), domain.highest);
  const isServing = domain.state.name === "active";
  const isOutdated =
    !isServing && serving.some((r) => r.epoch > domain.epoch || compareClaims(r, own(domain, rules)) < 0);
  const canLook = view === "sighted" || (view === "blind" && announcesBlind(domain, rules));
  const isClear = isAble && canLook && serving.length === 0;
  return {
    ...domain,
    highest,
    rank: isOutdated ? rules.rank : domain.rank,
    isYielding: domain.isYielding && serving.length === 0,
    hasMetRival: domain.hasMetRival || serving.length > 0,
    clearSince: isClear ? (domain.clearSince ?? now) : null,
    fitSince: isAble && view === "sighted" ? (domain.fitSince ?? now) : null,
  };
}

/** The same object when there is nothing to move. */
function move(domain: Domain, facts: Facts, rules: DomainRules, now: Millis): Domain {
  const { state } = domain;
  if (!facts.isAble) return state.name === "idle" ? domain : become(failbackOver(domain, rules, now), { name: "idle" });
  switch (state.name) {
    case "idle":
      return become(domain, facts.view === "looking" ? { name: "guarded" } : standing(domain, facts));
    case "guarded":
      return joined(domain, facts, now) ?? endGuard(domain, facts);
    case "standby":
      return joined(domain, facts, now) ?? takenOver(domain, facts, rules, now) ?? restand(domain, state, facts);
    case "active":
      return contested(domain, facts, rules, now);
    case "leaving":
      return left(domain, state, facts, now);
  }
}

function endGuard(domain: Domain, facts: Facts): Domain {
  const isOver = facts.view !== "looking" || facts.rivals.some(isActive);
  return isOver ? become(domain, standing(domain, facts)) : domain;
}

const standing = (domain: Domain, { rivals, view }: Facts): DomainState => ({
  name: "standby",
  cause: domain.isYielding ? "demoted" : rivals.some(isActive) ? "rival" : view === "sighted" ? "waiting" : "blind",
});

/** The cause follows what is seen; having lost is told as long as the winner serves. */
function restand(domain: Domain, before: Extract<DomainState, { name: "standby" }>, facts: Facts): Domain {
  const state = standing(domain, facts);
  if (state.name !== "standby" || state.cause === before.cause) return domain;
  return before.cause === "lost" && state.cause === "rival" ? domain : become(domain, state);
}

/**
 * Another node of this site serves, and nobody has a stronger claim: so does this one. null: not so. What was given up is not taken up
 * again at the same epoch: nodes that see each other a little late would hand the service to and fro.
 */
function joined(domain: Domain, { siblings, rivals }: Facts, now: Millis): Domain | null {
  const serving = strongest(siblings.filter(isActive));
  if (serving === null || serving.epoch <= domain.leftEpoch) return null;
  if (rivals.some((r) => isActive(r) && compareClaims(r, serving) < 0)) return null;
  const claimed = { ...domain, rank: serving.rank === 0 ? 0 : domain.rank, epoch: serving.epoch };
  return serve(claimed, now);
}

function takenOver(domain: Domain, facts: Facts, rules: DomainRules, now: Millis): Domain | null {
  const due = takeoverAt(domain, facts, rules);
  if (due !== null && now >= due) {
    return serve(domain.rank === 0 ? domain : { ...domain, epoch: nextEpoch(domain) }, now);
  }
  if (isPromoted(domain, facts, rules)) return serve(domain, now);
  const failback = failbackAt(domain, facts, rules);
  if (failback === null || now < failback) return null;
  return serve({ ...domain, epoch: nextEpoch(domain) }, now, true);
}

/** Promoted while there was nothing to announce, or before a restart, and nobody who serves has the stronger claim. */
const isPromoted = (domain: Domain, { view, rivals }: Facts, rules: DomainRules): boolean =>
  domain.rank === 0 &&
  !domain.isYielding &&
  view === "sighted" &&
  rivals.every((r) => !isActive(r) || compareClaims(own(domain, rules), r) < 0);

/** When a prefix that nobody serves is taken over; null: it is not. */
function takeoverAt(domain: Domain, { rivals }: Facts, rules: DomainRules): Millis | null {
  const { clearSince, isYielding, rank, hasMetRival } = domain;
  if (clearSince === null || isYielding) return null;
  if (rules.whenNotPreferred === "withhold" && rank > PREFERRED) return null;
  // who leaves has seen somebody come, or was sent away: before it breaks, we make
  const isAwaited = rank === 0 || rivals.some((r) => r.state === "leaving") || (rank === PREFERRED && !hasMetRival);
  return isAwaited ? clearSince : later(clearSince, rules.takeoverDelay);
}

/** When the service is taken back from a site that is less preferred; null: it is not. */
function failbackAt(domain: Domain, { rivals }: Facts, rules: DomainRules): Millis | null {
  const { fitSince, isYielding } = domain;
  const serving = rivals.filter(isActive);
  if (rules.failback === null || fitSince === null || isYielding || serving.length === 0) return null;
  if (serving.some((r) => r.rank <= domain.rank)) return null;
  return later(fitSince, failbackWait(domain, rules.failback));
}

const failbackWait = (domain: Domain, { stableFor, longest }: NonNullable<DomainRules["failback"]>): Millis =>
  Millis(Math.min(longest, stableFor * 2 ** Math.min(domain.brokenFailbacks, MOST_DOUBLINGS)));
const MOST_DOUBLINGS = 30;

/** It ends: one that did not last makes the next one wait longer. */
function failbackOver(domain: Domain, { failback }: DomainRules, now: Millis): Domain {
  const { state } = domain;
  if (failback === null || state.name !== "active" || !state.byFailback) return domain;
  const hasLasted = now >= later(state.since, failbackWait(domain, failback));
  return { ...domain, brokenFailbacks: hasLasted ? 0 : domain.brokenFailbacks + 1 };
}

/** Active, and somebody else may be, too. */
function contested(domain: Domain, { siblings, rivals }: Facts, rules: DomainRules, now: Millis): Domain {
  const sibling = strongest(siblings.filter(isActive));
  const rank = sibling?.rank === 0 ? 0 : domain.rank;
  const epoch = Math.max(domain.epoch, sibling?.epoch ?? 0);
  const claimed = rank === domain.rank && epoch === domain.epoch ? domain : { ...domain, rank, epoch };
  if (rivals.some((r) => isActive(r) && compareClaims(r, own(claimed, rules)) < 0)) {
    return leave(claimed, rules, "lost", now);
  }
  // one node was told to leave, the site leaves
  const isTold = siblings.some((s) => s.state === "leaving" && s.epoch >= claimed.epoch);
  return isTold ? leave(claimed, rules, "demoted", now) : claimed;
}

function left(domain: Domain, state: Extract<DomainState, { name: "leaving" }>, facts: Facts, now: Millis): Domain {
  const back = joined(domain, facts, now);
  if (back !== null) return back;
  if (state.cause === "lost" && !domain.isYielding && !facts.rivals.some(isActive)) {
    // the winner is gone before we are
    return serve({ ...domain, epoch: nextEpoch(domain) }, now);
  }
  if (now < state.until) return domain;
  return become(domain, state.cause === "lost" ? { name: "standby", cause: "lost" } : standing(domain, facts));
}

const leave = (domain: Domain, rules: DomainRules, cause: "lost" | "demoted", now: Millis): Domain => ({
  ...failbackOver(domain, rules, now),
  state: { name: "leaving", cause, until: later(now, rules.leaveDelay) },
  rank: rules.rank,
  leftEpoch: domain.epoch,
  isYielding: cause === "demoted",
  clearSince: null,
});

const serve = (domain: Domain, now: Millis, byFailback = false): Domain => ({
  ...domain,
  state: { name: "active", byFailback, since: now },
  highest: Math.max(domain.highest, domain.epoch),
  isYielding: false,
  hasMetRival: false,
});

/** Higher than any known, as long as there is room. */
const nextEpoch = ({ highest }: Domain): number => Math.min(highest + 1, MAX_EPOCH);

const become = (domain: Domain, state: DomainState): Domain => ({ ...domain, state });

/** The rank that needs nobody's leave to serve. */
export const PREFERRED = 1;

const isActive = (claim: Claim): boolean => claim.state === "active";
const own = ({ rank, epoch }: Domain, { siteId }: DomainRules): Strength => ({ rank, epoch, siteId });
const announcesBlind = (domain: Domain, { whenBlind }: DomainRules): boolean =>
  whenBlind === "announce" && !domain.isYielding;

function strongest(claims: readonly Claim[]): Claim | null {
  return claims.reduce<Claim | null>((best, c) => (best === null || compareClaims(c, best) < 0 ? c : best), null);
}

function deadlineOf(domain: Domain, facts: Facts, rules: DomainRules): Millis | null {
  switch (domain.state.name) {
    case "idle":
    case "active":
      return null;
    case "guarded":
      return facts.guardUntil;
    case "leaving":
      return domain.state.until;
    case "standby":
      return takeoverAt(domain, facts, rules) ?? failbackAt(domain, facts, rules);
  }
}
