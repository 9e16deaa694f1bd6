// What the state of a prefix comes to: announced with what, or withheld why. Owns the reasons and the claim that routes carry. Decides
// nothing. Contract: pure; equal states, ranks, epochs and rivals give equal outcomes.
import { type CompiledSitePolicy, type SiteOutcome, siteAdds } from "../announce/siteGate.ts";
import { assertNever } from "../kernel/result.ts";
import type { Claim } from "./model.ts";
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

/** @param node mark of this node @param rivals claims of other sites that count */
export function outcomeOf(
  policy: CompiledSitePolicy,
  node: number,
  prefixKey: string,
  domain: Domain,
  rivals: readonly Claim[],
): SiteOutcome {
  const { state, rank, epoch } = domain;
  const claim = { siteId: policy.object.siteId, rank, epoch, node };
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
      return { announces: true, adds: siteAdds(policy, { ...claim, state: state.name }) };
    case "standby":
      return policy.object.whenNotPreferred === "deprioritize"
        ? { announces: true, adds: siteAdds(policy, { ...claim, state: "standby" }) }
        : withheld(STANDBY_REASONS[state.cause]);
  }
  return assertNever(state);
}
