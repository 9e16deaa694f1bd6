// All prefixes under all SitePolicies of this node: who is told what, and when which of them is looked at again. Owns the claims that
// peers are heard to make, which of them count, epochs, and the promotes of operators. The rules are rules.ts's. Must not know
// sessions, services or clocks. Contract: every call takes the moment; afterwards `changed` names the prefixes whose outcome differs,
// `deadline` the moment of the next call to it. Without SitePolicies nothing is kept.
import {
  type CompiledSitePolicy,
  type GovernedPrefix,
  type SiteGate,
  type SiteOutcome,
  type SiteView,
  siteAdds,
} from "../announce/siteGate.ts";
import type { LargeCommunity } from "../bgp/wire/message.ts";
import { formatPrefix, type Prefix } from "../kernel/ip.ts";
import { assertNever } from "../kernel/result.ts";
import { type Asn, later, Millis, type PeerName } from "../kernel/units.ts";
import { ClaimTable, type SeenClaim } from "./claimTable.ts";
import { type Claim, MAX_EPOCH, type Sight } from "./model.ts";
import {
  type Domain,
  type DomainRules,
  type DomainState,
  demoted,
  type Facts,
  newDomain,
  promoted,
  step,
  type View,
} from "./rules.ts";
import { outcomeDetail } from "./words.ts";

/** What outlives the daemon, by `CompiledSitePolicy.key`. */
export type Remembered = ReadonlyMap<string, RememberedSite>;
export interface RememberedSite {
  /** Highest epoch known. */
  readonly epoch: number;
  /** Epoch of the last promote of this site; null: none. */
  readonly promoted: number | null;
}

/** One prefix has moved from one state to another. */
export interface SiteMove {
  readonly policy: string;
  readonly prefixKey: string;
  readonly from: DomainState["name"];
  readonly to: DomainState["name"];
  /** Why, for people. */
  readonly detail: string;
}

export interface SiteSurroundings {
  /** `nodeMark` of this node. */
  readonly node: number;
  readonly remembered: Remembered;
  /** Each move of a prefix, as it happens. */
  readonly moved: (move: SiteMove) => void;
  /** `claimAsns` has others than before. */
  readonly asnsChanged: () => void;
  /** What should outlive the daemon has changed. */
  readonly rememberedChanged: () => void;
}

/** A prefix that nothing here can announce is forgotten after that, unless there is something to remember of it. */
export const IDLE_KEPT = Millis(3_600_000);

interface DomainEntry {
  readonly at: GovernedPrefix;
  isAble: boolean;
  domain: Domain;
  /** Since when its state is what it is. */
  since: Millis;
  deadline: Millis | null;
  outcome: SiteOutcome;
  /** Equal text, equal outcome. */
  text: string;
}

interface PolicyEntry {
  compiled: CompiledSitePolicy;
  rules: DomainRules;
  /** End of the start-up guard. */
  guardUntil: Millis;
  isGuardOver: boolean;
  epoch: number;
  promoted: number | null;
  readonly domains: Map<string, DomainEntry>;
  /** When idle ones are looked for next. */
  sweepAt: Millis;
}

export class Sites implements SiteGate {
  readonly #with: SiteSurroundings;
  readonly #policies = new Map<string, PolicyEntry>();
  readonly #claims = new ClaimTable();
  readonly #changed = new Map<string, GovernedPrefix>();
  /** Entries with a deadline. */
  readonly #pending = new Set<DomainEntry>();
  readonly #memory: Map<string, RememberedSite>;
  #asns: ReadonlySet<Asn> = new Set();
  #isAwaited = false;

  constructor(surroundings: SiteSurroundings) {
    this.#with = surroundings;
    this.#memory = new Map(surroundings.remembered);
  }

  /** ASNs whose claims are listened to. */
  get claimAsns(): ReadonlySet<Asn> {
    return this.#asns;
  }

  get view(): SiteView {
    return ({ key }, prefixKey) => this.#policies.get(key)?.domains.get(prefixKey)?.outcome ?? UNKNOWN_YET;
  }

  setPolicies(compiled: readonly CompiledSitePolicy[], now: Millis): void {
    const keys = new Set(compiled.map((c) => c.key));
    for (const [key, { domains }] of this.#policies) {
      if (keys.has(key)) continue;
      for (const entry of domains.values()) this.#pending.delete(entry);
      this.#policies.delete(key);
    }
    for (const policy of compiled) {
      const known = this.#policies.get(policy.key);
      if (known === undefined) this.#policies.set(policy.key, this.#newPolicy(policy, now));
      else if (known.compiled.text !== policy.text) {
        known.compiled = policy;
        known.rules = rulesOf(policy);
        // where the end of the guard was waited for it is waited for anew
        known.guardUntil = later(now, policy.object.startupGuard);
        for (const entry of known.domains.values()) {
          if (entry.domain.rank !== 0) entry.domain = { ...entry.domain, rank: known.rules.rank };
        }
      }
    }
    const before = this.#asns;
    this.#asns = new Set(compiled.map((c) => c.object.ownershipAsn));
    this.#claims.setAsns(this.#asns);
    if ([...this.#asns].some((asn) => !before.has(asn))) this.#with.asnsChanged();
    for (const policy of this.#policies.values()) this.#refresh(policy, now);
  }

  setAble(at: GovernedPrefix, isAble: boolean, now: Millis): void {
    const policy = this.#policies.get(at.policy);
    if (policy === undefined) return;
    let entry = policy.domains.get(at.prefixKey);
    if (entry === undefined) {
      if (!isAble) return;
      if (now >= policy.sweepAt) sweep(policy, now);
      entry = this.#newEntry(policy, at, now);
      policy.domains.set(at.prefixKey, entry);
    }
    entry.isAble = isAble;
    this.#step(policy, entry, now);
  }

  /** As `ClaimSink.routeChanged`. */
  routeChanged(from: PeerName, prefix: Prefix, communities: readonly LargeCommunity[] | null, now: Millis): void {
    const prefixKey = formatPrefix(prefix);
    if (!this.#claims.set(from, prefixKey, communities, now)) return;
    this.#stepPrefix(prefixKey, now);
  }

  /** As `ClaimSink.sightChanged`. */
  sightChanged(from: PeerName, sight: Sight, now: Millis): void {
    this.#claims.setSight(from, sight);
    // what others tell counts for nothing
    for (const policy of this.#policies.values()) {
      if (policy.compiled.witnesses.includes(from)) this.#refresh(policy, now);
    }
  }

  /** As `ClaimSink.peerGone`. */
  peerGone(from: PeerName, now: Millis): void {
    this.sightChanged(from, "none", now);
    for (const prefixKey of this.#claims.forget(from)) this.#stepPrefix(prefixKey, now);
  }

  /** @param keys of the policies meant @returns the new epoch of each */
  promote(keys: Iterable<string>, now: Millis): ReadonlyMap<string, number> {
    const epochs = new Map<string, number>();
    for (const key of keys) {
      const policy = this.#policies.get(key);
      if (policy !== undefined) epochs.set(key, this.#promote(policy, Math.min(policy.epoch + 1, MAX_EPOCH), now));
    }
    return epochs;
  }

  demote(keys: Iterable<string>, now: Millis): void {
    for (const key of keys) {
      const policy = this.#policies.get(key);
      if (policy === undefined) continue;
      policy.promoted = null;
      for (const entry of policy.domains.values()) {
        this.#become(policy, entry, demoted(entry.domain, policy.rules, now), now);
        this.#step(policy, entry, now);
      }
      this.#remember(policy);
    }
  }

  changed(now: Millis): readonly GovernedPrefix[] {
    // before single prefixes: the end of a guard concerns all of its policy, also those without a deadline
    for (const policy of this.#policies.values()) {
      if (!policy.isGuardOver && now >= policy.guardUntil) this.#refresh(policy, now);
    }
    for (const entry of this.#pending) {
      const policy = this.#policies.get(entry.at.policy);
      if (entry.deadline === null || entry.deadline > now || policy === undefined) continue;
      this.#step(policy, entry, now);
    }
    this.#isAwaited = false;
    const found = [...this.#changed.values()];
    this.#changed.clear();
    return found;
  }

  /** An outcome, or the next deadline, differs since the last `changed`. */
  get isAwaited(): boolean {
    return this.#isAwaited || this.#changed.size > 0;
  }

  deadline(): Millis | null {
    let earliest: Millis | null = null;
    const consider = (at: Millis | null): void => {
      if (at !== null && (earliest === null || at < earliest)) earliest = at;
    };
    for (const { deadline } of this.#pending) consider(deadline);
    for (const policy of this.#policies.values()) if (!policy.isGuardOver) consider(policy.guardUntil);
    return earliest;
  }

  /** Policies that are gone for a moment keep what they had. */
  remembered(): Remembered {
    return this.#memory;
  }

  /** For status: every policy with its prefixes. */
  *report(): Iterable<SitePolicyView> {
    for (const policy of this.#policies.values()) {
      const { compiled, promoted: promotedAt, isGuardOver, guardUntil, domains } = policy;
      yield {
        compiled,
        epoch: policy.epoch,
        promoted: promotedAt,
        view: this.#viewOf(policy),
        guardUntil: isGuardOver ? null : guardUntil,
        witnesses: compiled.witnesses.map((name) => ({ name, sight: this.#claims.sightOf(name) })),
        prefixes: [...domains.values()].map((entry) => ({
          prefixKey: entry.at.prefixKey,
          domain: entry.domain,
          since: entry.since,
          deadline: entry.deadline,
          announces: entry.outcome.announces,
          detail: () => this.#detailOf(policy, entry),
          claims: () => this.#claims.at(entry.at.prefixKey).filter((seen) => compiled.witnesses.includes(seen.from)),
        })),
      };
    }
  }

  #newPolicy(compiled: CompiledSitePolicy, now: Millis): PolicyEntry {
    const kept = this.#memory.get(compiled.key);
    return {
      compiled,
      rules: rulesOf(compiled),
      guardUntil: later(now, compiled.object.startupGuard),
      isGuardOver: false,
      epoch: kept?.epoch ?? 0,
      promoted: kept?.promoted ?? null,
      domains: new Map(),
      sweepAt: later(now, IDLE_KEPT),
    };
  }

  #newEntry(policy: PolicyEntry, at: GovernedPrefix, now: Millis): DomainEntry {
    const domain = newDomain(policy.rules, policy.epoch, policy.promoted);
    return { at, isAble: false, domain, since: now, deadline: null, outcome: UNKNOWN_YET, text: "" };
  }

  /** Looks at the whole policy again: its guard, a promote by declaration, and every prefix. */
  #refresh(policy: PolicyEntry, now: Millis): void {
    this.#refreshGuard(policy, now);
    for (const entry of policy.domains.values()) this.#step(policy, entry, now);
    const { epoch } = policy.compiled.object;
    if (policy.isGuardOver && epoch !== null && epoch > policy.epoch) this.#promote(policy, epoch, now);
  }

  #refreshGuard(policy: PolicyEntry, now: Millis): void {
    const { witnesses } = policy.compiled;
    policy.isGuardOver ||=
      now >= policy.guardUntil || witnesses.every((name) => this.#claims.sightOf(name) === "complete");
  }

  #promote(policy: PolicyEntry, epoch: number, now: Millis): number {
    policy.epoch = epoch;
    policy.promoted = epoch;
    for (const entry of policy.domains.values()) {
      this.#become(policy, entry, promoted(entry.domain, epoch, now), now);
      this.#step(policy, entry, now);
    }
    this.#remember(policy);
    return epoch;
  }

  #remember({ compiled, epoch, promoted: promotedAt }: PolicyEntry): void {
    this.#memory.set(compiled.key, { epoch, promoted: promotedAt });
    this.#with.rememberedChanged();
  }

  #viewOf({ compiled: { witnesses, quorum }, isGuardOver }: PolicyEntry): View {
    if (!isGuardOver) return "looking";
    const complete = witnesses.filter((name) => this.#claims.sightOf(name) === "complete").length;
    return complete >= quorum ? "sighted" : "blind";
  }

  #stepPrefix(prefixKey: string, now: Millis): void {
    for (const policy of this.#policies.values()) {
      const entry = policy.domains.get(prefixKey);
      if (entry !== undefined) this.#step(policy, entry, now);
    }
  }

  #factsOf(policy: PolicyEntry, { at, isAble }: DomainEntry): Facts {
    const { compiled, guardUntil } = policy;
    const view = this.#viewOf(policy);
    const rivals: Claim[] = [];
    const siblings: Claim[] = [];
    for (const { from, claim, asn, isRemembered } of this.#claims.at(at.prefixKey)) {
      if (asn !== compiled.object.ownershipAsn || !compiled.witnesses.includes(from)) continue;
      // what was last seen of others counts as long as nobody can tell otherwise
      if (isRemembered && view === "sighted") continue;
      if (claim.siteId !== compiled.object.siteId) rivals.push(claim);
      else if (claim.node !== this.#with.node && !isRemembered) siblings.push(claim);
    }
    return { isAble, view, guardUntil, rivals, siblings };
  }

  #step(policy: PolicyEntry, entry: DomainEntry, now: Millis): void {
    const { domain, deadline } = step(entry.domain, this.#factsOf(policy, entry), policy.rules, now);
    if (deadline !== entry.deadline) this.#isAwaited = true;
    entry.deadline = deadline;
    if (deadline === null) this.#pending.delete(entry);
    else this.#pending.add(entry);
    this.#become(policy, entry, domain, now);
  }

  #become(policy: PolicyEntry, entry: DomainEntry, domain: Domain, now: Millis): void {
    const before = entry.domain;
    entry.domain = domain;
    if (domain.highest > policy.epoch) {
      policy.epoch = domain.highest;
      this.#remember(policy);
    }
    if (before.state.name !== domain.state.name) {
      entry.since = now;
      const { policy: key, prefixKey } = entry.at;
      const move = { from: before.state.name, to: domain.state.name, detail: this.#detailOf(policy, entry) };
      this.#with.moved({ policy: key, prefixKey, ...move });
    }
    const outcome = this.#outcomeOf(policy, entry);
    const text = JSON.stringify(outcome);
    if (text === entry.text) return;
    entry.outcome = outcome;
    entry.text = text;
    this.#changed.set(`${entry.at.policy} ${entry.at.prefixKey}`, entry.at);
  }

  #detailOf(policy: PolicyEntry, entry: DomainEntry): string {
    return outcomeDetail(policy.compiled, entry.at.prefixKey, entry.domain, this.#factsOf(policy, entry).rivals);
  }

  #outcomeOf(policy: PolicyEntry, entry: DomainEntry): SiteOutcome {
    const { compiled, rules } = policy;
    const { state, rank, epoch } = entry.domain;
    const claim = { siteId: rules.siteId, rank, epoch, node: this.#with.node };
    const withheld = (reason: Extract<SiteOutcome, { announces: false }>["reason"]): SiteOutcome => ({
      announces: false,
      reason,
      detail: this.#detailOf(policy, entry),
    });
    switch (state.name) {
      case "idle":
        return UNKNOWN_YET;
      case "guarded":
        return withheld("siteGuarded");
      case "active":
      case "leaving":
        return { announces: true, adds: siteAdds(compiled, { ...claim, state: state.name }) };
      case "standby":
        if (rules.whenNotPreferred === "deprioritize") {
          return { announces: true, adds: siteAdds(compiled, { ...claim, state: "standby" }) };
        }
        return withheld(STANDBY_REASONS[state.cause]);
    }
    return assertNever(state);
  }
}

/** Services come and go, each with its prefix; without this every prefix that there ever was would be stepped and shown for good. */
function sweep(policy: PolicyEntry, now: Millis): void {
  policy.sweepAt = later(now, IDLE_KEPT);
  for (const [key, { domain, since }] of policy.domains) {
    const { state, isYielding, brokenFailbacks } = domain;
    const isBlank = state.name === "idle" && !isYielding && brokenFailbacks === 0;
    if (isBlank && now >= later(since, IDLE_KEPT)) policy.domains.delete(key);
  }
}

const STANDBY_REASONS = {
  rival: "siteNotPreferred",
  waiting: "siteNotPreferred",
  lost: "siteConflictLost",
  demoted: "siteDemoted",
  blind: "siteBlind",
} as const;

/** Until the prefix is known to be one we could announce. */
const UNKNOWN_YET: SiteOutcome = {
  announces: false,
  reason: "siteGuarded",
  detail: "its SitePolicy has not been asked yet",
};

export interface SitePolicyView {
  readonly compiled: CompiledSitePolicy;
  readonly epoch: number;
  readonly promoted: number | null;
  readonly view: View;
  /** null: it is over. */
  readonly guardUntil: Millis | null;
  readonly witnesses: readonly { readonly name: PeerName; readonly sight: Sight }[];
  readonly prefixes: readonly SitePrefixView[];
}

export interface SitePrefixView {
  readonly prefixKey: string;
  readonly domain: Domain;
  readonly since: Millis;
  readonly deadline: Millis | null;
  readonly announces: boolean;
  /** Asked for only where it is shown: there may be many prefixes. */
  readonly detail: () => string;
  readonly claims: () => readonly SeenClaim[];
}

const rulesOf = ({ object }: CompiledSitePolicy): DomainRules => {
  const { siteId, rank, whenNotPreferred, whenBlind, takeoverDelay, leaveDelay, failback } = object;
  return { siteId, rank, whenNotPreferred, whenBlind, takeoverDelay, leaveDelay, failback };
};
