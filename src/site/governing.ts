// What is kept of a SitePolicy and of each prefix under it, between two words. Owns how these records begin and end. Decides nothing.
// Contract: `counts` and `rivalled` are what a walk over `domains` would count; who changes a state or a rival changes them, too.
import type { CompiledSitePolicy, GovernedPrefix, SiteOutcome } from "../announce/siteGate.ts";
import { later, Millis } from "../kernel/units.ts";
import type { Job } from "./inOrder.ts";
import { UNKNOWN_YET } from "./outcome.ts";
import { type Domain, type DomainRules, type DomainState, newDomain, type View } from "./rules.ts";

/** What outlives the daemon, by `CompiledSitePolicy.key`. */
export type Remembered = ReadonlyMap<string, RememberedSite>;
export interface RememberedSite {
  /** Highest epoch known. */
  readonly epoch: number;
  /** Epoch of the last promote of this site; null: none. */
  readonly promoted: number | null;
}

/** A prefix that nothing here can announce is forgotten after that, unless there is something to remember of it. */
export const IDLE_KEPT = Millis(3_600_000);

export interface DomainEntry {
  readonly at: GovernedPrefix;
  isAble: boolean;
  domain: Domain;
  /** Since when its state is what it is. */
  since: Millis;
  deadline: Millis | null;
  outcome: SiteOutcome;
  /** Another site is seen to serve it. */
  hasRival: boolean;
}

export type StateName = DomainState["name"];

export interface PolicyEntry {
  compiled: CompiledSitePolicy;
  rules: DomainRules;
  /** End of the start-up guard. */
  guardUntil: Millis;
  isGuardOver: boolean;
  view: View;
  epoch: number;
  promoted: number | null;
  readonly domains: Map<string, DomainEntry>;
  /** When idle ones are looked for next. */
  sweepAt: Millis;
  /** Domains in each state, and with a rival: known without a walk. */
  readonly counts: Map<StateName, number>;
  rivalled: number;
  /** Moves of domains into each state. */
  readonly moves: Map<StateName, number>;
}

/** @param kept what outlived the last daemon, or a time without the policy */
export function newPolicy(compiled: CompiledSitePolicy, kept: RememberedSite | undefined, now: Millis): PolicyEntry {
  return {
    compiled,
    rules: rulesOf(compiled),
    guardUntil: later(now, compiled.object.startupGuard),
    isGuardOver: false,
    view: "looking",
    epoch: kept?.epoch ?? 0,
    promoted: kept?.promoted ?? null,
    domains: new Map(),
    sweepAt: later(now, IDLE_KEPT),
    counts: new Map(),
    rivalled: 0,
    moves: new Map(),
  };
}

export function addDomain(policy: PolicyEntry, at: GovernedPrefix, now: Millis): DomainEntry {
  const domain = newDomain(policy.rules, policy.epoch, policy.promoted);
  const beginning = { since: now, deadline: null, outcome: UNKNOWN_YET, hasRival: false };
  const entry: DomainEntry = { at, isAble: false, domain, ...beginning };
  policy.domains.set(at.prefixKey, entry);
  count(policy.counts, domain.state.name, 1);
  return entry;
}

export const count = (counts: Map<StateName, number>, state: StateName, by: number): void =>
  void counts.set(state, (counts.get(state) ?? 0) + by);

/** Services come and go, each with its prefix; without this every prefix that there ever was would be stepped and shown for good. */
export function* sweeping(policy: PolicyEntry, now: Millis): Job {
  policy.sweepAt = later(now, IDLE_KEPT);
  for (const [key, { domain, since, hasRival }] of policy.domains) {
    yield;
    const { state, isYielding, brokenFailbacks } = domain;
    const isBlank = state.name === "idle" && !isYielding && brokenFailbacks === 0;
    if (!isBlank || now < later(since, IDLE_KEPT)) continue;
    policy.domains.delete(key);
    count(policy.counts, "idle", -1);
    if (hasRival) policy.rivalled--;
  }
}

export const rulesOf = ({ object }: CompiledSitePolicy): DomainRules => {
  const { siteId, rank, whenNotPreferred, whenBlind, takeoverDelay, leaveDelay, failback } = object;
  return { siteId, rank, whenNotPreferred, whenBlind, takeoverDelay, leaveDelay, failback };
};
