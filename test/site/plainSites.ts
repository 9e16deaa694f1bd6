// What `Sites` keeps, computed the plain way: whatever is told, every prefix of every policy it may concern is stepped at once, from claims
// that are looked through as a whole. Owns the definition of what is right; the indexed core is tested against it. Contract: as of `Sites`,
// with nothing put off.
import type { CompiledSitePolicy } from "../../src/announce/siteGate.ts";
import type { LargeCommunity } from "../../src/bgp/wire/message.ts";
import { later, Millis, type PeerName } from "../../src/kernel/units.ts";
import { IDLE_KEPT } from "../../src/site/governing.ts";
import { decodeClaims, MAX_EPOCH, type Sight } from "../../src/site/model.ts";
import { type Domain, demoted, type Facts, newDomain, promoted, step, type View } from "../../src/site/rules.ts";

interface Told {
  readonly from: PeerName;
  readonly prefixKey: string;
  readonly communities: readonly LargeCommunity[];
  /** ASNs that were listened to then. */
  readonly asns: readonly CompiledSitePolicy["object"]["ownershipAsn"][];
  isRemembered: boolean;
}

interface PlainDomain {
  domain: Domain;
  isAble: boolean;
  since: Millis;
  deadline: Millis | null;
}

interface PlainPolicy {
  compiled: CompiledSitePolicy;
  guardUntil: Millis;
  isGuardOver: boolean;
  epoch: number;
  promoted: number | null;
  sweepAt: Millis;
  readonly domains: Map<string, PlainDomain>;
}

export class PlainSites {
  readonly policies = new Map<string, PlainPolicy>();
  readonly remembered = new Map<string, { readonly epoch: number; readonly promoted: number | null }>();
  readonly #node: number;
  readonly #asnsChanged: () => void;
  readonly #sights = new Map<PeerName, Sight>();
  #told: Told[] = [];
  #isRetelling = false;
  #asns: readonly CompiledSitePolicy["object"]["ownershipAsn"][] = [];

  constructor(node: number, asnsChanged: () => void) {
    this.#node = node;
    this.#asnsChanged = asnsChanged;
  }

  setPolicies(compiled: readonly CompiledSitePolicy[], now: Millis): void {
    for (const key of this.policies.keys()) if (!compiled.some((c) => c.key === key)) this.policies.delete(key);
    for (const policy of compiled) {
      const known = this.policies.get(policy.key);
      const guardUntil = later(now, policy.object.startupGuard);
      if (known === undefined) {
        const { epoch, promoted: at } = this.remembered.get(policy.key) ?? { epoch: 0, promoted: null };
        const fresh = { compiled: policy, guardUntil, isGuardOver: false, epoch, promoted: at, domains: new Map() };
        this.policies.set(policy.key, { ...fresh, sweepAt: later(now, IDLE_KEPT) });
      } else if (known.compiled.text !== policy.text) {
        known.compiled = policy;
        known.guardUntil = guardUntil;
        for (const entry of known.domains.values()) {
          if (entry.domain.rank !== 0) entry.domain = { ...entry.domain, rank: policy.object.rank };
        }
      }
    }
    const before = this.#asns;
    this.#asns = compiled.map((c) => c.object.ownershipAsn);
    // what is told again is incomplete before anybody looks: between two tables the last one would pass for a sighted witness
    this.#isRetelling = true;
    if (this.#asns.some((asn) => !before.includes(asn))) this.#asnsChanged();
    this.#isRetelling = false;
    for (const policy of this.policies.values()) this.#refresh(policy, now);
  }

  setAble(key: string, prefixKey: string, isAble: boolean, now: Millis): void {
    const policy = this.policies.get(key);
    if (policy === undefined) return;
    let entry = policy.domains.get(prefixKey);
    if (entry === undefined) {
      if (!isAble) return;
      if (now >= policy.sweepAt) sweep(policy, now);
      const domain = newDomain(policy.compiled.object, policy.epoch, policy.promoted);
      entry = { domain, isAble, since: now, deadline: null };
      policy.domains.set(prefixKey, entry);
    }
    entry.isAble = isAble;
    this.#step(policy, prefixKey, entry, now);
  }

  routeChanged(from: PeerName, prefixKey: string, communities: readonly LargeCommunity[] | null, now: Millis): void {
    this.#told = this.#told.filter((t) => t.from !== from || t.prefixKey !== prefixKey);
    const isClaim = this.#asns.some((asn) => decodeClaims(communities ?? [], asn).length > 0);
    if (communities !== null && isClaim) {
      this.#told.push({ from, prefixKey, communities, asns: this.#asns, isRemembered: false });
    }
    this.#stepAll(now);
  }

  sightChanged(from: PeerName, sight: Sight, now: Millis): void {
    const before = this.#sights.get(from) ?? "none";
    this.#sights.set(from, sight);
    const isOf = (t: Told): boolean => t.from === from;
    if (sight === "complete") this.#told = this.#told.filter((t) => !isOf(t) || !t.isRemembered);
    else if (before !== "none") for (const told of this.#told.filter(isOf)) told.isRemembered = true;
    if (this.#isRetelling) return;
    for (const policy of this.policies.values()) {
      if (policy.compiled.witnesses.includes(from)) this.#refresh(policy, now);
    }
  }

  peerGone(from: PeerName, now: Millis): void {
    this.sightChanged(from, "none", now);
    this.#told = this.#told.filter((t) => t.from !== from);
    this.#sights.delete(from);
    this.#stepAll(now);
  }

  promote(key: string, now: Millis): void {
    const policy = this.policies.get(key);
    if (policy !== undefined) this.#promote(policy, Math.min(policy.epoch + 1, MAX_EPOCH), now);
  }

  demote(key: string, now: Millis): void {
    const policy = this.policies.get(key);
    if (policy === undefined) return;
    policy.promoted = null;
    for (const [prefixKey, entry] of policy.domains) {
      this.#become(policy, entry, demoted(entry.domain, policy.compiled.object, now), now);
      this.#step(policy, prefixKey, entry, now);
    }
    this.#remember(policy);
  }

  look(now: Millis): void {
    for (const policy of this.policies.values()) {
      if (!policy.isGuardOver && now >= policy.guardUntil) this.#refresh(policy, now);
    }
    for (const policy of this.policies.values()) {
      for (const [prefixKey, entry] of policy.domains) {
        if (entry.deadline !== null && entry.deadline <= now) this.#step(policy, prefixKey, entry, now);
      }
    }
  }

  viewOf({ compiled: { witnesses, quorum }, isGuardOver }: PlainPolicy): View {
    const complete = witnesses.filter((name) => this.#sights.get(name) === "complete").length;
    return !isGuardOver ? "looking" : complete >= quorum ? "sighted" : "blind";
  }

  factsOf(policy: PlainPolicy, prefixKey: string, isAble: boolean): Facts & { readonly hasRival: boolean } {
    const { witnesses, object } = policy.compiled;
    const view = this.viewOf(policy);
    const seen = this.#told.flatMap(({ from, prefixKey: at, communities, asns, isRemembered }) =>
      at !== prefixKey || !witnesses.includes(from)
        ? []
        : asns.flatMap((asn) => decodeClaims(communities, asn).map((claim) => ({ asn, claim, isRemembered }))),
    );
    const rivalsSeen = seen.filter(({ claim }) => claim.siteId !== object.siteId);
    const counts = seen.filter((s) => s.asn === object.ownershipAsn && !(s.isRemembered && view === "sighted"));
    const rivals = counts.flatMap(({ claim }) => (claim.siteId === object.siteId ? [] : claim));
    const siblings = counts.flatMap(({ claim, isRemembered }) =>
      claim.siteId === object.siteId && claim.node !== this.#node && !isRemembered ? claim : [],
    );
    const hasRival = rivalsSeen.some(({ claim }) => claim.state === "active");
    return { isAble, view, guardUntil: policy.guardUntil, rivals, siblings, hasRival };
  }

  #refresh(policy: PlainPolicy, now: Millis): void {
    const { witnesses, object } = policy.compiled;
    policy.isGuardOver ||= now >= policy.guardUntil || witnesses.every((name) => this.#sights.get(name) === "complete");
    for (const [prefixKey, entry] of policy.domains) this.#step(policy, prefixKey, entry, now);
    const { epoch } = object;
    if (policy.isGuardOver && epoch !== null && epoch > policy.epoch) this.#promote(policy, epoch, now);
  }

  #promote(policy: PlainPolicy, epoch: number, now: Millis): void {
    policy.epoch = epoch;
    policy.promoted = epoch;
    for (const [prefixKey, entry] of policy.domains) {
      this.#become(policy, entry, promoted(entry.domain, epoch, now), now);
      this.#step(policy, prefixKey, entry, now);
    }
    this.#remember(policy);
  }

  #stepAll(now: Millis): void {
    for (const policy of this.policies.values()) {
      for (const [prefixKey, entry] of policy.domains) this.#step(policy, prefixKey, entry, now);
    }
  }

  #step(policy: PlainPolicy, prefixKey: string, entry: PlainDomain, now: Millis): void {
    const facts = this.factsOf(policy, prefixKey, entry.isAble);
    const { domain, deadline } = step(entry.domain, facts, policy.compiled.object, now);
    entry.deadline = deadline;
    this.#become(policy, entry, domain, now);
  }

  #become(policy: PlainPolicy, entry: PlainDomain, domain: Domain, now: Millis): void {
    if (entry.domain.state.name !== domain.state.name) entry.since = now;
    entry.domain = domain;
    if (domain.highest <= policy.epoch) return;
    policy.epoch = domain.highest;
    this.#remember(policy);
  }

  #remember({ compiled, epoch, promoted: at }: PlainPolicy): void {
    this.remembered.set(compiled.key, { epoch, promoted: at });
  }
}

function sweep(policy: PlainPolicy, now: Millis): void {
  policy.sweepAt = later(now, IDLE_KEPT);
  for (const [key, { domain, since }] of policy.domains) {
    const isBlank = domain.state.name === "idle" && !domain.isYielding && domain.brokenFailbacks === 0;
    if (isBlank && now >= Millis(since + IDLE_KEPT)) policy.domains.delete(key);
  }
}
