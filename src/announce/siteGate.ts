// Where SitePolicies enter the decision: whether this site announces a prefix, and what its routes then carry. Owns the interface
// to who knows what other sites do (site/sites.ts), and the answer of who does not: what the policy says on its own. Must not know
// claims of others, witnesses or clocks. Contract: a decision is a function of the objects and of `SiteView`; who changes the
// view says which prefixes it changed.
import type { LargeCommunity } from "../bgp/wire/message.ts";
import { GRACEFUL_SHUTDOWN } from "../bgp/wire/registry.ts";
import type { Prefix } from "../kernel/ip.ts";
import { refText } from "../kernel/problem.ts";
import type { Millis, PeerName } from "../kernel/units.ts";
import { type Claim, encodeClaim, MAX_RANK } from "../site/model.ts";
import { PREFERRED } from "../site/rules.ts";
import type { SitePolicyObject } from "./model.ts";
import type { Reason } from "./reasons.ts";

/** What routes carry on top; null: left as it is. */
export interface CompiledEncoding {
  readonly communities: readonly number[];
  readonly largeCommunities: readonly LargeCommunity[];
  readonly localPref: number | null;
  readonly med: number | null;
  readonly asPathPrepend: number | null;
}

/** A SitePolicy that selects this node, with its references resolved. */
export interface CompiledSitePolicy {
  /** `namespace/name` */
  readonly key: string;
  readonly object: SitePolicyObject;
  /** Peers of this node that run a session and keep received routes. */
  readonly witnesses: readonly PeerName[];
  /** Of so many witnesses a part must be seen; more than there are where a named one is missing. */
  readonly quorum: number;
  /** Ascending by rank. */
  readonly ranks: readonly { readonly rank: number; readonly encoding: CompiledEncoding }[];
  readonly standby: CompiledEncoding;
  /** Equal text, equal policy. */
  readonly text: string;
}

export type SiteOutcome =
  | { readonly announces: false; readonly reason: Reason; readonly detail: string }
  | { readonly announces: true; readonly adds: CompiledEncoding };

export type SiteView = (policy: CompiledSitePolicy, prefixKey: string) => SiteOutcome;

/** A prefix under a policy. */
export interface GovernedPrefix {
  /** `CompiledSitePolicy.key` */
  readonly policy: string;
  readonly prefixKey: string;
  readonly prefix: Prefix;
}

/** What the engine needs of who knows what other sites do. */
export interface SiteGate {
  readonly view: SiteView;
  /** The policies of this node, each time they differ. */
  setPolicies(policies: readonly CompiledSitePolicy[], now: Millis): void;
  /** A service here could announce the prefix, or none can any more. */
  setAble(at: GovernedPrefix, isAble: boolean, now: Millis): void;
  /** Does a batch of what there is to do. @returns prefixes whose outcome has changed since the last call, by time or by what other sites do */
  changed(now: Millis): Iterable<GovernedPrefix>;
  /** There is more for `changed` to do at once. */
  readonly isBusy: boolean;
  deadline(): Millis | null;
}

/** LOCAL_PREF of a route that is about to go: the last choice (RFC 8326 section 4). */
const LAST_CHOICE = 0;

/** What routes of this site carry with that claim. */
export function siteAdds({ object, ranks, standby }: CompiledSitePolicy, claimed: Claim): CompiledEncoding {
  // a router that passes on the claim of the best rank alone must not hide who serves behind who stands by
  const claim = claimed.state === "standby" ? { ...claimed, rank: MAX_RANK } : claimed;
  const isFallback =
    claim.state === "standby" || (claim.state === "leaving" && object.whenNotPreferred === "deprioritize");
  const encoding = isFallback ? standby : rankEncoding(ranks, claim.rank);
  const marked =
    claim.state === "leaving" && !isFallback
      ? { ...encoding, localPref: LAST_CHOICE, communities: [...encoding.communities, GRACEFUL_SHUTDOWN] }
      : encoding;
  return {
    ...marked,
    largeCommunities: [...marked.largeCommunities, ...encodeClaim(object.ownershipAsn, claim)],
  };
}

const NO_ENCODING: CompiledEncoding = {
  communities: [],
  largeCommunities: [],
  localPref: null,
  med: null,
  asPathPrepend: null,
};

/** The entry of the rank, else of the next better one; a promoted site's routes are those of the best rank. */
function rankEncoding(ranks: CompiledSitePolicy["ranks"], rank: number): CompiledEncoding {
  const fitting = ranks.filter((r) => r.rank <= Math.max(rank, 1));
  return fitting[fitting.length - 1]?.encoding ?? NO_ENCODING;
}

/** What the policy says where nobody looks at other sites: the preferred site serves, others stand by. For `check` and other nodes. */
export const POLICY_ALONE: SiteView = (policy, prefixKey) => {
  const { ref, rank, siteId, epoch, whenNotPreferred } = policy.object;
  const claim = { siteId, rank, epoch: epoch ?? 0, node: 0 };
  if (rank === PREFERRED) return { announces: true, adds: siteAdds(policy, { ...claim, state: "active" }) };
  if (whenNotPreferred === "deprioritize") {
    return { announces: true, adds: siteAdds(policy, { ...claim, state: "standby" }) };
  }
  const detail = `${refText(ref)} has rank ${rank}: ${prefixKey} is announced here when this site takes over or is promoted`;
  return { announces: false, reason: "siteNotPreferred", detail };
};

/** Nobody looks. */
export const NO_SITES: SiteGate = {
  view: POLICY_ALONE,
  setPolicies: () => {},
  setAble: () => {},
  changed: () => [],
  isBusy: false,
  deadline: () => null,
};
