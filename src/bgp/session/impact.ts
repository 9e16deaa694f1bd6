// What an edit of a peer's configuration does to its session: the one table of which field costs what. Owns that judgement for
// the running speaker and for whoever foretells it (`vipcast plan`). Knows no session and changes nothing.
// Contract: pure; only what the OPEN or the socket shows resets a session; `fields` are those that differ, in table order.
import { type PeerConfig, peerIdentity } from "./config.ts";

/** From the least to the most that an edit can cost. */
export type EditEffect = "live" | "readvertise" | "reset";

export type PeerField = keyof PeerConfig;

/**
 * `live`: nothing is seen on the wire; `readvertise`: routes go out again, the session stays; `reset`: Cease/6 and a new session.
 * `families` stand in the OPEN, the hold time too (as what is offered), and the rest of `reset` belongs to the socket. The keepalive
 * time is in neither: it only paces what we send.
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
  keepaliveTime: "live",
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
export const sessionImpact = (before: PeerConfig, after: PeerConfig): SessionImpact =>
  impactOf(fieldTexts(before, asIs), fieldTexts(after, asIs));

/** Each field as text; equal text, equal value. */
export type FieldTexts = Readonly<Record<PeerField, string>>;

const asIs = (text: string): string => text;

/** @param hide puts a secret into a form that can be compared and not read; `asIs` makes the result a secret itself */
export function fieldTexts(config: PeerConfig, hide: (secret: string) => string): FieldTexts {
  const { password, bfd } = config;
  const hidden = {
    ...config,
    password: password === null ? null : hide(password),
    bfd: bfd === null ? null : { ...bfd, auth: bfd.auth === null ? null : hide(JSON.stringify(bfd.auth)) },
  };
  return Object.fromEntries(FIELDS.map((field) => [field, JSON.stringify(hidden[field])])) as FieldTexts;
}

/** The same judgement where only the texts are at hand. */
export function impactOf(before: FieldTexts, after: FieldTexts): SessionImpact {
  const fields = FIELDS.filter((field) => before[field] !== after[field]);
  const kind = fields.reduce<SessionImpact["kind"]>((most, field) => {
    const effect = EDIT_EFFECT[field];
    return most === "none" || COST[effect] > COST[most] ? effect : most;
  }, "none");
  return { kind, fields };
}

interface Identified {
  readonly name: string;
  /** See `peerIdentity`. */
  readonly identity: string;
}

export const identified = (config: PeerConfig): Identified => ({ name: config.name, identity: peerIdentity(config) });

/** Which running peer each wanted one is: that of its name, else a renamed one that nobody else is. */
export function matchPeers<W extends Identified, R extends Identified>(
  wanted: readonly W[],
  running: readonly R[],
): ReadonlyMap<W, R> {
  const names = new Set(wanted.map((w) => w.name));
  const byName = new Map(running.map((r) => [r.name, r]));
  const orphans = new Map(running.filter((r) => !names.has(r.name)).map((r) => [r.identity, r]));
  const known = new Map<W, R>();
  for (const w of wanted) {
    const match = byName.get(w.name) ?? orphans.get(w.identity);
    if (match !== undefined) known.set(w, match);
  }
  return known;
}

/** The fields that are the reason for `kind`; of an impact `none` there are none. */
export const decisiveFields = ({ kind, fields }: SessionImpact): readonly PeerField[] =>
  fields.filter((field) => EDIT_EFFECT[field] === kind);
