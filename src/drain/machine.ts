// How a node leaves without loss, and comes back: one state machine for `vipcast drain`, a cordon, a taint and a stop. Owns the order
// (mark, wait, withdraw, see it acknowledged, leave), its limits, and what has been proven to whom. Must not know routes,
// sockets, signals or where a wish comes from. Contract: pure; the caller performs the actions in order, looks at the peers while
// `isWatching`, and arms one timer for `deadlineOf`. Level, not edge: drained is who has a cause to be.
import { later, Millis, type PeerName } from "../kernel/units.ts";
import { givenUp, isOver, isProven, looked, type PeerFact, type PeerProof } from "./proof.ts";

/** Why a node drains: asked for by hand, `spec.unschedulable`, a taint of the Node, or the end of the process. */
export const CAUSES = ["command", "cordon", "taint", "stop"] as const;
export type DrainCause = (typeof CAUSES)[number];

/** What the node's routes are: as decided; the last choice of routers (RFC 8326); none. */
export type DrainLevel = "none" | "marked" | "withdrawn";

/** How long one step waits for the peers' acknowledgements; a stop has less time than a drain. */
export const ACK_LIMIT = Millis(10_000);
export const STOP_ACK_LIMIT = Millis(1_000);

interface Begun {
  /** Never empty; in the order of CAUSES. */
  readonly causes: readonly DrainCause[];
  readonly since: Millis;
  /** How long routes stay marked before they are withdrawn; 0: they are not marked. */
  readonly delay: Millis;
  readonly proofs: readonly PeerProof[];
}

export type DrainState =
  | { readonly name: "normal" }
  /** Marked routes are on their way. */
  | (Begun & { readonly name: "marking"; readonly until: Millis })
  /** Routers move their traffic. */
  | (Begun & { readonly name: "waiting"; readonly until: Millis })
  /** Withdrawals are on their way. */
  | (Begun & { readonly name: "withdrawing"; readonly until: Millis })
  /** Nothing is announced; sessions stand. */
  | (Begun & { readonly name: "drained"; readonly drainedAt: Millis })
  /** Cease, BFD AdminDown, exit: there is no way back. */
  | (Begun & { readonly name: "leaving"; readonly drainedAt: Millis });

export type DrainEvent =
  /** @see Wish */
  | { readonly type: "wish"; readonly wish: Wish }
  /** Causes that are no more. */
  | { readonly type: "undo"; readonly causes: readonly DrainCause[] }
  /** A look at all peers. `isDecided`: what the present level changes has been handed to the sessions. */
  | { readonly type: "peers"; readonly facts: readonly PeerFact[]; readonly isDecided: boolean }
  | { readonly type: "timer"; readonly facts: readonly PeerFact[] };

export interface Wish {
  readonly cause: DrainCause;
  /** How long routes stay marked. */
  readonly delay: Millis;
  /** Somebody asked for this delay, rather than taking what is configured: a drain under way is hurried to it. */
  readonly isDelayAsked: boolean;
  /** Routes have been announced; else nothing has to be marked or withdrawn, it never gets out. */
  readonly isAnnouncing: boolean;
}

export type DrainAction =
  | { readonly type: "setLevel"; readonly level: DrainLevel }
  /** Say goodbye and end. */
  | { readonly type: "leave" };

export interface DrainStep {
  readonly state: DrainState;
  readonly actions: readonly DrainAction[];
}

export const NORMAL: DrainState = { name: "normal" };

export function step(state: DrainState, event: DrainEvent, now: Millis): DrainStep {
  switch (event.type) {
    case "wish":
      return wished(state, event.wish, now);
    case "undo":
      return undone(state, event.causes);
    case "peers":
      return seen(state, event.facts, event.isDecided, now);
    case "timer":
      return late(state, event.facts, now);
  }
}

/** When a `timer` event is due; null: none. */
export function deadlineOf(state: DrainState): Millis | null {
  return state.name === "marking" || state.name === "waiting" || state.name === "withdrawing" ? state.until : null;
}

/** Looks at the peers change something. */
export function isWatching(state: DrainState): boolean {
  switch (state.name) {
    case "normal":
    case "leaving":
      return false;
    case "marking":
    case "withdrawing":
      return true;
    case "waiting":
      return state.proofs.some((p) => p.marked?.name === "late");
    case "drained":
      return state.proofs.some((p) => p.withdrawn?.name === "late");
  }
}

/** Nothing of ours is left at any peer, and that is proven; null: not drained, so that nothing can be said. */
export function isDrainProven(state: DrainState): boolean | null {
  if (state.name !== "drained" && state.name !== "leaving") return null;
  return state.proofs.every((p) => isProven(p.withdrawn));
}

const same = (state: DrainState): DrainStep => ({ state, actions: [] });

function wished(state: DrainState, { cause, delay, isDelayAsked, isAnnouncing }: Wish, now: Millis): DrainStep {
  if (state.name === "normal") {
    const begun: Begun = { causes: [cause], since: now, delay, proofs: [] };
    if (!isAnnouncing) return drained(begun, now, [{ type: "setLevel", level: "withdrawn" }]);
    if (delay === 0) return withdrawing(begun, now);
    const until = later(now, ackLimit(begun.causes));
    return { state: { ...begun, name: "marking", until }, actions: [{ type: "setLevel", level: "marked" }] };
  }
  if (state.name === "leaving") return same(state);
  const isNew = !state.causes.includes(cause);
  if (!isNew && !isDelayAsked) return same(state);
  const causes = CAUSES.filter((c) => c === cause || state.causes.includes(c));
  if (state.name === "drained") return isNew ? drained({ ...state, causes }, state.drainedAt, []) : same(state);
  const known = isNew ? { ...state, causes } : state;
  // a cordon that follows `drain --drain-time 60s` does not ask for less than that; who stops does not wait as long as who drains
  return isDelayAsked || cause === "stop" ? hurried(known, delay, now) : same(known);
}

/** Sooner, where the delay or the limits of a new cause ask for it; never later. */
function hurried(state: Extract<DrainState, { readonly until: Millis }>, asked: Millis, now: Millis): DrainStep {
  const delay = Millis(Math.min(state.delay, asked));
  // nobody is given time to move any more: marks that are still on their way have become useless
  if (delay === 0 && state.name !== "withdrawing") return withdrawing({ ...state, delay }, now);
  const most = state.name === "waiting" ? delay : ackLimit(state.causes);
  return same({ ...state, delay, until: Millis(Math.min(state.until, now + most)) });
}

function undone(state: DrainState, gone: readonly DrainCause[]): DrainStep {
  if (state.name === "normal" || state.name === "leaving") return same(state);
  const causes = state.causes.filter((c) => !gone.includes(c));
  if (causes.length > 0) return same({ ...state, causes });
  return { state: NORMAL, actions: [{ type: "setLevel", level: "none" }] };
}

function seen(state: DrainState, facts: readonly PeerFact[], isDecided: boolean, now: Millis): DrainStep {
  switch (state.name) {
    case "normal":
    case "leaving":
      return same(state);
    case "marking": {
      const proofs = look(state.proofs, "marked", facts, isDecided, now);
      if (!isDecided || !areOver(proofs, "marked")) return same({ ...state, proofs });
      return waiting({ ...state, proofs }, now);
    }
    case "waiting":
      return same({ ...state, proofs: look(state.proofs, "marked", facts, isDecided, now) });
    case "withdrawing": {
      const proofs = look(state.proofs, "withdrawn", facts, isDecided, now);
      if (!isDecided || !areOver(proofs, "withdrawn")) return same({ ...state, proofs });
      return drained({ ...state, proofs }, now, []);
    }
    case "drained":
      return same({ ...state, proofs: look(state.proofs, "withdrawn", facts, isDecided, now) });
  }
}

function late(state: DrainState, facts: readonly PeerFact[], now: Millis): DrainStep {
  const deadline = deadlineOf(state);
  if (deadline === null || now < deadline) return same(state);
  switch (state.name) {
    case "marking":
      return waiting({ ...state, proofs: giveUp(state.proofs, "marked", facts, now) }, now);
    case "waiting":
      return withdrawing(state, now);
    case "withdrawing":
      return drained({ ...state, proofs: giveUp(state.proofs, "withdrawn", facts, now) }, now, []);
    case "normal":
    case "drained":
    case "leaving":
      return same(state);
  }
}

const ackLimit = (causes: readonly DrainCause[]): Millis => (causes.includes("stop") ? STOP_ACK_LIMIT : ACK_LIMIT);

const begunOf = ({ causes, since, delay, proofs }: Begun): Begun => ({ causes, since, delay, proofs });

const waiting = (begun: Begun, now: Millis): DrainStep =>
  same({ ...begunOf(begun), name: "waiting", until: later(now, begun.delay) });

const withdrawing = (begun: Begun, now: Millis): DrainStep => ({
  state: { ...begunOf(begun), name: "withdrawing", until: later(now, ackLimit(begun.causes)) },
  actions: [{ type: "setLevel", level: "withdrawn" }],
});

function drained(begun: Begun, drainedAt: Millis, actions: readonly DrainAction[]): DrainStep {
  if (!begun.causes.includes("stop")) return { state: { ...begunOf(begun), name: "drained", drainedAt }, actions };
  return { state: { ...begunOf(begun), name: "leaving", drainedAt }, actions: [...actions, { type: "leave" }] };
}

type StepName = "marked" | "withdrawn";

/** Peers that are no more are forgotten, new ones have been seen for the first time. */
function look(
  proofs: readonly PeerProof[],
  what: StepName,
  facts: readonly PeerFact[],
  isDecided: boolean,
  now: Millis,
): readonly PeerProof[] {
  const known = new Map<PeerName, PeerProof>(proofs.map((p) => [p.peer, p]));
  return facts.map((fact) => {
    const proof = known.get(fact.peer) ?? { peer: fact.peer, marked: null, withdrawn: null };
    return { ...proof, [what]: looked(proof[what], fact, isDecided, now) };
  });
}

const giveUp = (
  proofs: readonly PeerProof[],
  what: StepName,
  facts: readonly PeerFact[],
  now: Millis,
): readonly PeerProof[] =>
  proofs.map((proof) => {
    const fact = facts.find((f) => f.peer === proof.peer);
    return { ...proof, [what]: givenUp(proof[what], fact, now) };
  });

const areOver = (proofs: readonly PeerProof[], what: StepName): boolean => proofs.every((p) => isOver(p[what]));
