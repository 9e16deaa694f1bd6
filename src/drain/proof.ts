// What has been proven to one peer while a node drains: that it has the marked routes, that it has the withdrawals. Owns the closed
// list of outcomes and the rule by which a look at a session becomes one. Knows neither sockets nor routes. Contract: pure; an
// acknowledgement is the peer's TCP's, not its BGP's: the octets have reached that host.
import type { Millis, PeerName } from "../kernel/units.ts";

/** One look at a peer. */
export interface PeerFact {
  readonly peer: PeerName;
  /** `none`: and nothing of ours can be there; `retained`: but the router may keep our routes (graceful restart). */
  readonly session: "up" | "none" | "retained";
  /** Prefixes that are not yet in a message. */
  readonly pending: number;
  /** Octets that its TCP has not acknowledged; null: the system cannot be asked. */
  readonly unacknowledged: number | null;
}

/** What became of one step at one peer; all times monotonic. */
export type Outcome =
  /** Under way. `hadSession`: since it began. */
  | { readonly name: "open"; readonly hadSession: boolean }
  | { readonly name: "acknowledged"; readonly at: Millis }
  /** Handed to the kernel; the system cannot tell of acknowledgements. */
  | { readonly name: "written"; readonly at: Millis }
  /** It had no session when the step began, and so nothing of ours. */
  | { readonly name: "noSession"; readonly at: Millis }
  /** It has no session, and was asked to keep our routes for when we return. */
  | { readonly name: "retained"; readonly at: Millis }
  /** Its session ended before it had acknowledged. */
  | { readonly name: "sessionLost"; readonly at: Millis }
  | {
      readonly name: "late";
      readonly at: Millis;
      readonly pending: number;
      readonly unacknowledged: number | null;
    };

export interface PeerProof {
  readonly peer: PeerName;
  /** null: routes are not marked in this drain, or not yet. */
  readonly marked: Outcome | null;
  /** null: not yet asked for. */
  readonly withdrawn: Outcome | null;
}

/** Nothing of ours is left there, as far as can be proven. */
export const isProven = (outcome: Outcome | null): boolean =>
  outcome !== null && (outcome.name === "acknowledged" || outcome.name === "noSession");

/** Nothing more is waited for; one that is late may still be acknowledged. */
export const isOver = (outcome: Outcome | null): boolean => outcome !== null && outcome.name !== "open";

/**
 * The outcome after another look.
 * @param before null: this is the first one @param isDecided everything that the step changes has been handed to the session
 */
export function looked(before: Outcome | null, fact: PeerFact, isDecided: boolean, at: Millis): Outcome {
  if (before !== null && before.name !== "open" && before.name !== "late") return before;
  const isUp = fact.session === "up";
  const hadSession = isUp || (before?.name === "open" && before.hadSession);
  // until all is decided, a session that comes up would still be told of routes
  if (!isDecided) return before?.name === "late" ? before : { name: "open", hadSession };
  if (!isUp) {
    if (before?.name === "late") return before;
    if (fact.session === "retained") return { name: "retained", at };
    return { name: hadSession ? "sessionLost" : "noSession", at };
  }
  const still: Outcome = before ?? { name: "open", hadSession };
  if (fact.pending > 0) return still;
  if (fact.unacknowledged === null) return { name: "written", at };
  return fact.unacknowledged === 0 ? { name: "acknowledged", at } : still;
}

/** The time is over. */
export const givenUp = (before: Outcome | null, fact: PeerFact | undefined, at: Millis): Outcome =>
  before !== null && before.name !== "open"
    ? before
    : { name: "late", at, pending: fact?.pending ?? 0, unacknowledged: fact?.unacknowledged ?? null };
