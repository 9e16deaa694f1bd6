// What an edit of a peer's configuration does to its session: the one table of which field costs what. Owns that judgement for
// the running speaker and for whoever foretells it (`vipcast plan`). Knows no session and changes nothing.
// Contract: pure; only what the OPEN or the socket shows resets a session; `fields` are those that differ, in table order.
import type { PeerConfig } from "./config.ts";

/** From the least to the most that an edit can cost. */
export type EditEffect = "live" | "readvertise" | "reset";

export type PeerField = keyof PeerConfig;

/**
 * `live`: nothing is seen on the wire; `readvertise`: routes go out again, the session stays; `reset`: Cease/6 and a new session.
 * `families` stand in the OPEN, the timers too (as what is offered), and the rest of `reset` belongs to the socket.
 */
export const EDIT_EFFECT: Readonly<Record<PeerField, EditEffect>> = {
  name: "live",
  address: "reset",
  interface: "reset",
  port: "reset",
  opens: "live",
  sourceAddress: "reset",
  vrf: "reset",
  localAsn: "reset",
  peerAsn: "reset",
  routerId: "reset",
  holdTime: "reset",
  keepaliveTime: "reset",
  connectRetryTime: "live",
  sendHoldTime: "live",
  password: "reset",
  ebgpMultihop: "reset",
  gtsmHops: "reset",
  families: "reset",
  nextHops: "readvertise",
  restartTime: "reset",
  maxPrefixes: "live",
  keepReceived: "live",
  bfd: "live",
};

const FIELDS = Object.keys(EDIT_EFFECT) as readonly PeerField[];
const COST: Readonly<Record<EditEffect, number>> = { live: 1, readvertise: 2, reset: 3 };

export interface SessionImpact {
  /** The most that any of the fields costs; `none` exactly when none differs. */
  readonly kind: "none" | EditEffect;
  readonly fields: readonly PeerField[];
}

/** What becomes of the session of one peer when its configuration goes from `before` to `after`. */
export function sessionImpact(before: PeerConfig, after: PeerConfig): SessionImpact {
  const fields = FIELDS.filter((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]));
  const kind = fields.reduce<SessionImpact["kind"]>((most, field) => {
    const effect = EDIT_EFFECT[field];
    return most === "none" || COST[effect] > COST[most] ? effect : most;
  }, "none");
  return { kind, fields };
}

/** The fields that are the reason for `kind`; of an impact `none` there are none. */
export const decisiveFields = ({ kind, fields }: SessionImpact): readonly PeerField[] =>
  fields.filter((field) => EDIT_EFFECT[field] === kind);
