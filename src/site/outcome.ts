// What the state of a prefix comes to: announced with what, or withheld why. Owns the reasons and the claim that routes carry. Decides
// nothing. Contract: equal states, ranks, epochs and rivals give equal outcomes; prefixes one after the other that announce alike share one.
import { type CompiledSitePolicy, type SiteOutcome, siteAdds } from "../announce/siteGate.ts";
import { assertNever } from "../kernel/result.ts";
import type { Claim, ClaimState } from "./model.ts";
import type { Domain } from "./rules.ts";
import { outcomeDetail } from "./words.ts";

/** Until the prefix is known to be one we could announce. */
export const UNKNOWN_YET: SiteOutcome = {
  announces: false,
  reason: "siteGuarded",
  detail: "its SitePolicy has not been asked yet",
};

const STANDBY_REASONS = {
  rival: "siteNotPreferred",
  waiting: "siteNotPreferred",
  lost: "siteConflictLost",
  demoted: "siteDemoted",
  blind: "siteBlind",
} as const;

export class Outcomes {
  readonly #node: number;
  /** The last one that announces. */
  #last: { readonly policy: CompiledSitePolicy; readonly claim: Claim; readonly outcome: SiteOutcome } | null = null;

  /** @param node mark of this node */
  constructor(node: number) {
    this.#node = node;
  }

  /** @param rivals claims of other sites that count */
  of(policy: CompiledSitePolicy, prefixKey: string, domain: Domain, rivals: readonly Claim[]): SiteOutcome {
    const { state } = domain;
    const withheld = (reason: Extract<SiteOutcome, { announces: false }>["reason"]): SiteOutcome => ({
      announces: false,
      reason,
      detail: outcomeDetail(policy, prefixKey, domain, rivals),
    });
    switch (state.name) {
      case "idle":
        return UNKNOWN_YET;
      case "guarded":
        return withheld("siteGuarded");
      case "active":
      case "leaving":
        return this.#announced(policy, domain, state.name);
      case "standby":
        return policy.object.whenNotPreferred === "deprioritize"
          ? this.#announced(policy, domain, "standby")
          : withheld(STANDBY_REASONS[state.cause]);
    }
    return assertNever(state);
  }

  #announced(policy: CompiledSitePolicy, { rank, epoch }: Domain, state: ClaimState): SiteOutcome {
    const last = this.#last;
    const isLast = last?.policy === policy && last.claim.state === state;
    if (isLast && last.claim.rank === rank && last.claim.epoch === epoch) return last.outcome;
    const claim = { siteId: policy.object.siteId, rank, epoch, node: this.#node, state };
    const outcome: SiteOutcome = { announces: true, adds: siteAdds(policy, claim) };
    this.#last = { policy, claim, outcome };
    return outcome;
  }
}

export function outcomesEqual(a: SiteOutcome, b: SiteOutcome): boolean {
  if (a === b) return true;
  if (a.announces) return b.announces && JSON.stringify(a.adds) === JSON.stringify(b.adds);
  return !b.announces && a.reason === b.reason && a.detail === b.detail;
}
