// The drain of a node as people and programs see it: the document of `vipcast drain`, a block of `status`, a line of `why`. Owns the
// JSON shape that docs/operations.md promises, and the words for what is proven. Knows no sockets. Contract: pure.
import { CAUSES, type DrainCause, type DrainState, deadlineOf, isDrainProven } from "../drain/machine.ts";
import type { Outcome } from "../drain/proof.ts";
import type { Millis } from "../kernel/units.ts";
import { wallOf } from "./peerView.ts";

export interface OutcomeStatus {
  readonly state: Outcome["name"];
  /** When that was seen, RFC 3339; null: it is under way. */
  readonly at: string | null;
  readonly detail: string;
}

export interface PeerDrainStatus {
  /** null: not asked for, or not yet. */
  readonly marked: OutcomeStatus | null;
  readonly withdrawn: OutcomeStatus | null;
}

export interface DrainStatus {
  readonly state: DrainState["name"];
  readonly causes: readonly { readonly cause: DrainCause; readonly text: string }[];
  /** RFC 3339; null: the node does not drain. */
  readonly since: string | null;
  readonly drainedAt: string | null;
  /** When the present step is over at the latest, RFC 3339; null: it has no end of its own. */
  readonly until: string | null;
  /** The node stays drained over restarts of the daemon. */
  readonly persistent: boolean;
  /** Nothing of ours is left at any peer; null: not drained (yet). */
  readonly proven: boolean | null;
  readonly peers: Readonly<Record<string, PeerDrainStatus>>;
}

export interface DrainView {
  readonly state: DrainState;
  readonly persistent: boolean;
  readonly causeText: (cause: DrainCause) => string;
}

/** @param now monotonic milliseconds @param wall the same moment in milliseconds since 1970 */
export function drainStatus({ state, persistent, causeText }: DrainView, now: Millis, wall: number): DrainStatus {
  const time = (at: Millis): string => new Date(wallOf(at, now, wall)).toISOString();
  const outcome = (o: Outcome | null): OutcomeStatus | null =>
    o === null ? null : { state: o.name, at: o.name === "open" ? null : time(o.at), detail: outcomeText(o) };
  if (state.name === "normal") {
    const none = { causes: [], since: null, drainedAt: null, until: null, proven: null, peers: {} };
    return { state: "normal", persistent, ...none };
  }
  const deadline = deadlineOf(state);
  return {
    state: state.name,
    causes: CAUSES.filter((c) => state.causes.includes(c)).map((cause) => ({ cause, text: causeText(cause) })),
    since: time(state.since),
    drainedAt: state.name === "drained" || state.name === "leaving" ? time(state.drainedAt) : null,
    until: deadline === null ? null : time(deadline),
    persistent,
    proven: isDrainProven(state),
    peers: Object.fromEntries(
      state.proofs.map((p) => [p.peer, { marked: outcome(p.marked), withdrawn: outcome(p.withdrawn) }]),
    ),
  };
}

/** What is known of one step at one peer. */
export function outcomeText(outcome: Outcome): string {
  switch (outcome.name) {
    case "open":
      return "under way";
    case "acknowledged":
      return "its TCP has acknowledged all of it";
    case "written":
      return "handed to the kernel, which cannot be asked for acknowledgements";
    case "noSession":
      return "it has no session, and so nothing of ours";
    case "retained":
      return "it has no session, and may keep our routes for its restart time (graceful restart)";
    case "sessionLost":
      return "its session ended before it had acknowledged";
    case "late": {
      const waiting = outcome.pending > 0 ? [`${outcome.pending} prefixes wait for its socket`] : [];
      const { unacknowledged } = outcome;
      if (unacknowledged !== null && unacknowledged > 0) waiting.push(`${unacknowledged} octets are not acknowledged`);
      return `not acknowledged in time${waiting.length === 0 ? "" : `: ${waiting.join(", ")}`}`;
    }
  }
}

const PHASE: Readonly<Record<DrainState["name"], string>> = {
  normal: "not drained",
  marking: "marking routes as the last choice",
  waiting: "marked; waiting for routers to move their traffic",
  withdrawing: "withdrawing everything",
  drained: "drained",
  leaving: "drained, leaving",
};

/** What is proven of one peer. */
export const proofText = ({ marked, withdrawn }: PeerDrainStatus): string =>
  Object.entries({ marked, withdrawn })
    .flatMap(([what, o]) => (o === null ? [] : [`${what}: ${o.detail}`]))
    .join("; ");

/** Lines without indentation, the most important first. */
export function drainLines(drain: DrainStatus): readonly string[] {
  if (drain.state === "normal") return [PHASE.normal];
  const proof = drain.proven === null ? "" : drain.proven ? ", proven at every peer" : ", NOT proven at every peer";
  const why = drain.causes.map((c) => c.text).join("; ");
  const kept = drain.persistent ? "; kept over restarts" : "";
  const peers = Object.entries(drain.peers).map(([name, peer]) => `${name}: ${proofText(peer)}`);
  return [`${PHASE[drain.state]}${proof} (${why}${kept})`, ...peers];
}
