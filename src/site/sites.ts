// All prefixes under all SitePolicies of this node: who is told what, and when which of them is looked at again. Owns the claims that
// peers are heard to make, which of them count, epochs, and the promotes of operators. The rules are rules.ts's. Must not know
// sessions, services or clocks. Contract: every call takes the moment; what is told is done in its order, what touches many prefixes in
// several calls of `changed` (inOrder.ts), with the outcome that doing it at once has. `changed` names the prefixes whose outcome
// differs, `deadline` the moment of the next call to it. Without SitePolicies nothing is kept.
import type { CompiledSitePolicy, GovernedPrefix, SiteGate, SiteView } from "../announce/siteGate.ts";
import type { LargeCommunity } from "../bgp/wire/message.ts";
import { Agenda } from "../kernel/agenda.ts";
import { formatPrefix, type Prefix } from "../kernel/ip.ts";
import { type Asn, later, type Millis, type PeerName } from "../kernel/units.ts";
import { ClaimTable, type SeenClaim } from "./claimTable.ts";
import {
  addDomain,
  count,
  type DomainEntry,
  newPolicy,
  type PolicyEntry,
  type Remembered,
  type RememberedSite,
  rulesOf,
  type StateName,
  sweeping,
} from "./governing.ts";
import { InOrder, type Job } from "./inOrder.ts";
import { type Claim, MAX_EPOCH, type Sight } from "./model.ts";
import { Outcomes, outcomesEqual, UNKNOWN_YET } from "./outcome.ts";
import { type Domain, type DomainState, demoted, type Facts, promoted, step, type View } from "./rules.ts";
import { outcomeDetail } from "./words.ts";

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

export class Sites implements SiteGate {
  readonly #with: SiteSurroundings;
  readonly #policies = new Map<string, PolicyEntry>();
  readonly #claims = new ClaimTable();
  readonly #changed = new Map<string, GovernedPrefix>();
  readonly #agenda = new Agenda<DomainEntry>();
  readonly #work = new InOrder();
  readonly #outcomes: Outcomes;
  readonly #memory: Map<string, RememberedSite>;
  #asns: ReadonlySet<Asn> = new Set();
  #isAwaited = false;

  constructor(surroundings: SiteSurroundings) {
    this.#with = surroundings;
    this.#outcomes = new Outcomes(surroundings.node);
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
    const before = this.#asns;
    this.#asns = new Set(compiled.map((c) => c.object.ownershipAsn));
    const different: PolicyEntry[] = [];
    this.#work.add(this.#adopting(compiled, different, now));
    // what the feed says to that comes before the look: a table that is told again is not complete
    if ([...this.#asns].some((asn) => !before.has(asn))) this.#with.asnsChanged();
    this.#work.add(this.#refreshing(different, now));
  }

  setAble(at: GovernedPrefix, isAble: boolean, now: Millis): void {
    this.#work.add(this.#enabling(at, isAble, now));
  }

  /** As `ClaimSink.routeChanged`. */
  routeChanged(from: PeerName, prefix: Prefix, communities: readonly LargeCommunity[] | null, now: Millis): void {
    this.#work.add(this.#hearing(from, formatPrefix(prefix), communities, this.#asns, now));
  }

  /** As `ClaimSink.sightChanged`. */
  sightChanged(from: PeerName, sight: Sight, now: Millis): void {
    this.#work.add(this.#sighting(from, sight, now));
  }

  /** As `ClaimSink.peerGone`. */
  peerGone(from: PeerName, now: Millis): void {
    this.#work.add(this.#losing(from, now));
  }

  /** @param keys of the policies meant; each gets a new epoch @param done called at the end of it, in a call of `changed` or in this one */
  promote(keys: readonly string[], now: Millis, done: () => void = () => {}): void {
    this.#work.add(this.#promoting(keys, done, now));
  }

  /** @param keys of the policies meant @param done as for `promote` */
  demote(keys: readonly string[], now: Millis, done: () => void = () => {}): void {
    this.#work.add(this.#demoting(keys, done, now));
  }

  changed(now: Millis): readonly GovernedPrefix[] {
    if (!this.#work.isBusy) this.#lookAtTime(now);
    this.#work.work();
    this.#isAwaited = false;
    const found = [...this.#changed.values()];
    this.#changed.clear();
    return found;
  }

  get isBusy(): boolean {
    return this.#work.isBusy;
  }

  /** An outcome, or the next deadline, differs since the last `changed`, or there is more to do. */
  get isAwaited(): boolean {
    return this.#isAwaited || this.#changed.size > 0 || this.#work.isBusy;
  }

  deadline(): Millis | null {
    let earliest = this.#agenda.nearest;
    for (const { isGuardOver, guardUntil } of this.#policies.values()) {
      if (!isGuardOver && (earliest === null || guardUntil < earliest)) earliest = guardUntil;
    }
    return earliest;
  }

  /** Policies that are gone for a moment keep what they had. */
  remembered(): Remembered {
    return this.#memory;
  }

  /** For status: every policy with its prefixes. */
  *report(): Iterable<SitePolicyView> {
    for (const policy of this.#policies.values()) {
      const { compiled, promoted: promotedAt, isGuardOver, guardUntil, counts, moves } = policy;
      yield {
        compiled,
        epoch: policy.epoch,
        promoted: promotedAt,
        view: policy.view,
        guardUntil: isGuardOver ? null : guardUntil,
        witnesses: compiled.witnesses.map((name) => ({ name, sight: this.#claims.sightOf(name) })),
        counts,
        rivalled: policy.rivalled,
        moves,
        prefixes: () => this.#prefixViews(policy),
      };
    }
  }

  *#prefixViews(policy: PolicyEntry): Iterable<SitePrefixView> {
    for (const entry of policy.domains.values()) {
      const { prefixKey } = entry.at;
      yield {
        prefixKey,
        domain: entry.domain,
        since: entry.since,
        deadline: entry.deadline,
        announces: entry.outcome.announces,
        detail: outcomeDetail(policy.compiled, prefixKey, entry.domain, this.#factsOf(policy, entry).rivals),
        claims: this.#claimsAt(policy, prefixKey),
      };
    }
  }

  /** @param different those that are new or not what they were are added */
  *#adopting(compiled: readonly CompiledSitePolicy[], different: PolicyEntry[], now: Millis): Job {
    const keys = new Set(compiled.map((c) => c.key));
    for (const [key, { domains }] of this.#policies) {
      if (keys.has(key)) continue;
      this.#policies.delete(key);
      for (const entry of domains.values()) {
        this.#agenda.set(entry, null);
        yield;
      }
    }
    for (const policy of compiled) {
      const known = this.#policies.get(policy.key);
      if (known?.compiled.text === policy.text) continue;
      const entry = known ?? newPolicy(policy, this.#memory.get(policy.key), now);
      different.push(entry);
      this.#policies.set(policy.key, entry);
      if (known === undefined) continue;
      known.compiled = policy;
      known.rules = rulesOf(policy);
      // where the end of the guard was waited for it is waited for anew
      known.guardUntil = later(now, policy.object.startupGuard);
      for (const each of known.domains.values()) {
        if (each.domain.rank !== 0) each.domain = { ...each.domain, rank: known.rules.rank };
        yield;
      }
    }
  }

  *#enabling(at: GovernedPrefix, isAble: boolean, now: Millis): Job {
    const policy = this.#policies.get(at.policy);
    if (policy === undefined) return;
    let entry = policy.domains.get(at.prefixKey);
    if (entry === undefined) {
      if (!isAble) return;
      if (now >= policy.sweepAt) yield* sweeping(policy, now);
      entry = addDomain(policy, at, now);
    }
    entry.isAble = isAble;
    this.#step(policy, entry, now);
  }

  // biome-ignore lint/correctness/useYield: one step among those of others
  *#hearing(
    from: PeerName,
    prefixKey: string,
    communities: readonly LargeCommunity[] | null,
    asns: ReadonlySet<Asn>,
    now: Millis,
  ): Job {
    if (!this.#claims.set(from, prefixKey, communities, asns, now)) return;
    this.#stepPrefix(this.#policies.values(), prefixKey, now);
  }

  /** What others than the witnesses of a policy tell counts for nothing in it. */
  *#sighting(from: PeerName, sight: Sight, now: Millis): Job {
    const touched = this.#claims.setSight(from, sight);
    const watching = [...this.#policies.values()].filter((p) => p.compiled.witnesses.includes(from));
    const turned = new Set(watching.filter((policy) => this.#look(policy, now)));
    const others = watching.filter((policy) => !turned.has(policy));
    for (const prefixKey of touched) {
      this.#stepPrefix(others, prefixKey, now);
      yield;
    }
    yield* this.#refreshing(turned, now);
  }

  *#losing(from: PeerName, now: Millis): Job {
    yield* this.#sighting(from, "none", now);
    for (const prefixKey of this.#claims.forget(from)) {
      this.#stepPrefix(this.#policies.values(), prefixKey, now);
      yield;
    }
  }

  *#promoting(keys: readonly string[], done: () => void, now: Millis): Job {
    for (const key of keys) {
      const policy = this.#policies.get(key);
      if (policy !== undefined) yield* this.#promotingAt(policy, Math.min(policy.epoch + 1, MAX_EPOCH), now);
    }
    done();
  }

  *#promotingAt(policy: PolicyEntry, epoch: number, now: Millis): Job {
    policy.epoch = epoch;
    policy.promoted = epoch;
    this.#remember(policy);
    for (const entry of policy.domains.values()) {
      this.#become(policy, entry, promoted(entry.domain, epoch, now), this.#factsOf(policy, entry), now);
      this.#step(policy, entry, now);
      yield;
    }
  }

  *#demoting(keys: readonly string[], done: () => void, now: Millis): Job {
    for (const key of keys) {
      const policy = this.#policies.get(key);
      if (policy === undefined) continue;
      policy.promoted = null;
      this.#remember(policy);
      for (const entry of policy.domains.values()) {
        this.#become(policy, entry, demoted(entry.domain, policy.rules, now), this.#factsOf(policy, entry), now);
        this.#step(policy, entry, now);
        yield;
      }
    }
    done();
  }

  /** Looks at whole policies again: the guard, every prefix, and a promote by declaration. */
  *#refreshing(policies: Iterable<PolicyEntry>, now: Millis): Job {
    for (const policy of policies) {
      this.#look(policy, now);
      for (const entry of policy.domains.values()) {
        this.#step(policy, entry, now);
        yield;
      }
      const { epoch } = policy.compiled.object;
      if (policy.isGuardOver && epoch !== null && epoch > policy.epoch) yield* this.#promotingAt(policy, epoch, now);
    }
  }

  /** What is so by time alone. */
  #lookAtTime(now: Millis): void {
    // before single prefixes: the end of a guard concerns all of its policy, also those without a deadline
    const over = [...this.#policies.values()].filter((p) => !p.isGuardOver && now >= p.guardUntil);
    if (over.length > 0) this.#work.add(this.#refreshing(over, now));
    const { nearest } = this.#agenda;
    if (nearest !== null && nearest <= now) this.#work.add(this.#stepDue(now));
  }

  *#stepDue(now: Millis): Job {
    for (let left = this.#agenda.size; left > 0; left--) {
      const entry = this.#agenda.take(now);
      if (entry === undefined) return;
      const policy = this.#policies.get(entry.at.policy);
      if (policy !== undefined) this.#step(policy, entry, now);
      yield;
    }
  }

  /** @returns whether what the policy can see is different now */
  #look(policy: PolicyEntry, now: Millis): boolean {
    const { witnesses, quorum } = policy.compiled;
    const complete = witnesses.filter((name) => this.#claims.sightOf(name) === "complete").length;
    policy.isGuardOver ||= now >= policy.guardUntil || complete === witnesses.length;
    const before = policy.view;
    policy.view = !policy.isGuardOver ? "looking" : complete >= quorum ? "sighted" : "blind";
    return policy.view !== before;
  }

  #remember({ compiled, epoch, promoted: promotedAt }: PolicyEntry): void {
    this.#memory.set(compiled.key, { epoch, promoted: promotedAt });
    this.#with.rememberedChanged();
  }

  #stepPrefix(policies: Iterable<PolicyEntry>, prefixKey: string, now: Millis): void {
    for (const policy of policies) {
      const entry = policy.domains.get(prefixKey);
      if (entry !== undefined) this.#step(policy, entry, now);
    }
  }

  /** What the witnesses of a policy tell of a prefix. */
  #claimsAt({ compiled }: PolicyEntry, prefixKey: string): readonly SeenClaim[] {
    return this.#claims.at(prefixKey).filter(({ from }) => compiled.witnesses.includes(from));
  }

  #factsOf(policy: PolicyEntry, entry: DomainEntry): Facts & { readonly hasRival: boolean } {
    const { guardUntil, view } = policy;
    const { ownershipAsn, siteId } = policy.compiled.object;
    const rivals: Claim[] = [];
    const siblings: Claim[] = [];
    let hasRival = false;
    for (const { claim, asn, isRemembered } of this.#claimsAt(policy, entry.at.prefixKey)) {
      hasRival ||= claim.siteId !== siteId && claim.state === "active";
      if (asn !== ownershipAsn) continue;
      // what was last seen of others counts as long as nobody can tell otherwise
      if (isRemembered && view === "sighted") continue;
      if (claim.siteId !== siteId) rivals.push(claim);
      else if (claim.node !== this.#with.node && !isRemembered) siblings.push(claim);
    }
    return { isAble: entry.isAble, view, guardUntil, rivals, siblings, hasRival };
  }

  #step(policy: PolicyEntry, entry: DomainEntry, now: Millis): void {
    const facts = this.#factsOf(policy, entry);
    const { domain, deadline } = step(entry.domain, facts, policy.rules, now);
    if (deadline !== entry.deadline) this.#isAwaited = true;
    entry.deadline = deadline;
    this.#agenda.set(entry, deadline);
    if (facts.hasRival !== entry.hasRival) policy.rivalled += facts.hasRival ? 1 : -1;
    entry.hasRival = facts.hasRival;
    this.#become(policy, entry, domain, facts, now);
  }

  #become(policy: PolicyEntry, entry: DomainEntry, domain: Domain, { rivals }: Facts, now: Millis): void {
    const { compiled, counts, moves } = policy;
    const { policy: key, prefixKey } = entry.at;
    const from = entry.domain.state.name;
    const to = domain.state.name;
    entry.domain = domain;
    if (domain.highest > policy.epoch) {
      policy.epoch = domain.highest;
      this.#remember(policy);
    }
    if (from !== to) {
      entry.since = now;
      count(counts, from, -1);
      count(counts, to, 1);
      count(moves, to, 1);
      this.#with.moved({
        policy: key,
        prefixKey,
        from,
        to,
        detail: outcomeDetail(compiled, prefixKey, domain, rivals),
      });
    }
    const outcome = this.#outcomes.of(compiled, prefixKey, domain, rivals);
    if (outcomesEqual(outcome, entry.outcome)) return;
    entry.outcome = outcome;
    this.#changed.set(`${key} ${prefixKey}`, entry.at);
  }
}

export interface SitePolicyView {
  readonly compiled: CompiledSitePolicy;
  readonly epoch: number;
  readonly promoted: number | null;
  readonly view: View;
  /** null: it is over. */
  readonly guardUntil: Millis | null;
  readonly witnesses: readonly { readonly name: PeerName; readonly sight: Sight }[];
  /** Prefixes in each state, and those that another site is seen to serve. */
  readonly counts: ReadonlyMap<StateName, number>;
  readonly rivalled: number;
  /** How often prefixes have moved into each state, since the policy is there. */
  readonly moves: ReadonlyMap<StateName, number>;
  /** Each as it is when it is asked for: there may be many. */
  readonly prefixes: () => Iterable<SitePrefixView>;
}

export interface SitePrefixView {
  readonly prefixKey: string;
  readonly domain: Domain;
  readonly since: Millis;
  readonly deadline: Millis | null;
  readonly announces: boolean;
  readonly detail: string;
  readonly claims: readonly SeenClaim[];
}
