// The state of a prefix under its SitePolicy in words. Owns the sentences of `why` and of the log. Decides nothing. Contract: no
// moments and no counts that change by themselves, so that an equal state reads equally.
import type { CompiledSitePolicy } from "../announce/siteGate.ts";
import { refText } from "../kernel/problem.ts";
import { assertNever } from "../kernel/result.ts";
import type { Claim } from "./model.ts";
import { compareClaims, type Domain, PREFERRED, type StandbyCause } from "./rules.ts";

export function outcomeDetail(
  { object }: CompiledSitePolicy,
  prefixKey: string,
  { state, rank, epoch }: Domain,
  rivals: readonly Claim[],
): string {
  const who = `${refText(object.ref)}: site ${object.site}`;
  const [winner] = rivals.filter((r) => r.state === "active").sort(compareClaims);
  const other = winner === undefined ? "another site" : claimText(winner);
  switch (state.name) {
    case "idle":
      return `${who} has nothing to announce ${prefixKey} for`;
    case "guarded":
      return `${who} waits for the routes of its witnesses before it announces ${prefixKey}`;
    case "active":
      return `${who} serves ${prefixKey} with ${strengthText({ rank, epoch })}`;
    case "leaving":
      return `${who} is about to withdraw ${prefixKey}: ${state.cause === "lost" ? `${other} has the stronger claim` : "an operator sent it away"}`;
    case "standby":
      return `${who} stands by: ${standbyText(state.cause)}`;
  }
  return assertNever(state);

  function standbyText(cause: StandbyCause): string {
    switch (cause) {
      case "rival":
        return `${other} serves ${prefixKey}`;
      case "lost":
        return `${other} has the stronger claim to ${prefixKey}`;
      case "demoted":
        return `an operator sent ${prefixKey} to another site, and none has been seen to serve it`;
      case "waiting":
        return object.whenNotPreferred === "withhold" && rank > PREFERRED
          ? `${prefixKey} waits for a promote`
          : `nobody is seen to serve ${prefixKey}, and it takes over after ${object.takeoverDelay} ms`;
      case "blind":
        return `too few of its witnesses are seen to tell who serves ${prefixKey}`;
    }
    return assertNever(cause);
  }
}

export const claimText = (claim: Claim): string => `site ${claim.siteId} with ${strengthText(claim)}`;

const strengthText = ({ rank, epoch }: Pick<Claim, "rank" | "epoch">): string =>
  `${rank === 0 ? "a promote" : `rank ${rank}`}, epoch ${epoch}`;
