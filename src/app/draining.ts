// SHELL of drain/machine.ts: turns wishes (a command, the Node, a signal) into its events, looks at the sessions, arms its one timer,
// and performs what it says. Owns when that happens, and what is logged of it. No rule about the order of a drain lives here.
// Contract: `stop` resolves when nothing is left to do but to say goodbye, or when an operator took the stop back.
import type { PeerRunner } from "../bgp/peerRunner.ts";
import {
  type DrainCause,
  type DrainEvent,
  type DrainLevel,
  type DrainState,
  deadlineOf,
  isDrainProven,
  isWatching,
  NORMAL,
  step,
} from "../drain/machine.ts";
import { isProven, type PeerFact } from "../drain/proof.ts";
import type { Clock, TimerHandle, Timers } from "../kernel/clock.ts";
import { listed } from "../kernel/suggest.ts";
import { Millis, secondsToMillis } from "../kernel/units.ts";
import { outcomeText } from "../observe/drainView.ts";
import type { Logger } from "../observe/log.ts";
import type { StoreChange } from "../sources/store.ts";

/** Between two looks at the sessions while something is under way: TCP tells nobody of an acknowledgement. */
export const LOOK_EVERY_MS = 5;
/** The same for peers that were too late. */
export const LATE_LOOK_EVERY_MS = 250;

/** How a peer stands now. */
export function peerFact(runner: PeerRunner, now: Millis): PeerFact {
  const { config, state, negotiated } = runner;
  let pending = 0;
  if (!runner.isDrained) for (const rib of runner.ribs().values()) pending += rib.pendingCount;
  // a session that stood until lately may live on at the router, as stale routes (RFC 4724)
  const keepsUntil = config.restartTime === null ? 0 : state.downSince + secondsToMillis(config.restartTime);
  const mayKeep = state.timesEstablished > 0 && now < keepsUntil;
  const session = negotiated !== null ? "up" : mayKeep ? "retained" : "none";
  return { peer: config.name, session, pending, unacknowledged: runner.unacknowledged };
}

export interface DrainingSurroundings {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  readonly nodeName: string;
  /** How long routes stay marked where a command does not say. */
  readonly delay: Millis;
  /** Drain while the Node is cordoned. */
  readonly onCordon: boolean;
  /** Key of the taint that drains; null: none does. */
  readonly onTaint: string | null;
  /** Routes may have been handed to peers already. */
  readonly isAnnouncing: () => boolean;
  /** @param why in words; null exactly for `none` */
  readonly setLevel: (level: DrainLevel, why: string | null) => void;
  /** The level in force has been handed to every session. */
  readonly isDecided: () => boolean;
  readonly facts: () => readonly PeerFact[];
}

export class Draining {
  readonly #around: DrainingSurroundings;
  #state: DrainState = NORMAL;
  #level: DrainLevel = "none";
  #why: string | null = null;
  #timer: TimerHandle | null = null;
  /** Settles who stops; null: nobody does. */
  #left: ((isProven: boolean | null) => void) | null = null;

  constructor(around: DrainingSurroundings) {
    this.#around = around;
  }

  get state(): DrainState {
    return this.#state;
  }

  /** @param delay how long routes stay marked; shorter than that of a drain under way it hurries that one; null: as configured */
  wish(cause: DrainCause, delay: Millis | null = null): void {
    const isAnnouncing = this.#around.isAnnouncing();
    const isDelayAsked = delay !== null;
    this.#step({ type: "wish", wish: { cause, delay: delay ?? this.#around.delay, isDelayAsked, isAnnouncing } });
  }

  undo(...causes: readonly DrainCause[]): void {
    this.#step({ type: "undo", causes });
  }

  /** What the Node says of draining, where that is asked for; what it said last counts. */
  follow(changes: readonly StoreChange[]): void {
    const { nodeName, onCordon, onTaint } = this.#around;
    for (const { after } of changes) {
      // deleted it says nothing: a node is drained, deleted, and then switched off, and must not announce in between
      if (after?.kind !== "Node" || after.ref.name !== nodeName) continue;
      this.#follow("cordon", onCordon && after.isUnschedulable);
      this.#follow("taint", onTaint !== null && after.taintKeys.includes(onTaint));
    }
  }

  #follow(cause: DrainCause, isWanted: boolean): void {
    if (isWanted) this.wish(cause);
    else this.undo(cause);
  }

  /** @returns whether every withdrawal is proven; null: an operator took the stop back, the daemon goes on */
  stop(): Promise<boolean | null> {
    if (this.#state.name === "leaving") return Promise.resolve(isDrainProven(this.#state));
    return new Promise((resolve) => {
      this.#left = resolve;
      this.wish("stop");
    });
  }

  /** Nothing is looked at any more. */
  end(): void {
    this.#timer?.cancel();
  }

  #step(event: DrainEvent): void {
    const before = this.#state;
    const { state, actions } = step(before, event, this.#around.clock.now());
    this.#state = state;
    this.#tell(before, state);
    for (const action of actions) {
      if (action.type === "setLevel") this.#level = action.level;
      else this.#settle(isDrainProven(state));
    }
    if (state.name !== "leaving" && !(state.name !== "normal" && state.causes.includes("stop"))) this.#settle(null);
    const why = state.name === "normal" ? null : listed(state.causes.map((c) => this.causeText(c)));
    if (actions.some((a) => a.type === "setLevel") || (why !== this.#why && this.#level === "withdrawn")) {
      this.#around.setLevel(this.#level, why);
    }
    this.#why = why;
    this.#arm();
  }

  #settle(isDone: boolean | null): void {
    this.#left?.(isDone);
    this.#left = null;
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const deadline = deadlineOf(this.#state);
    const isUrgent = this.#state.name === "marking" || this.#state.name === "withdrawing";
    const look = isWatching(this.#state) ? (isUrgent ? LOOK_EVERY_MS : LATE_LOOK_EVERY_MS) : null;
    const left = deadline === null ? null : Math.max(0, deadline - this.#around.clock.now());
    const wait = look === null ? left : left === null ? look : Math.min(look, left);
    if (wait === null) return;
    this.#timer = this.#around.timers.after(Millis(wait), () => this.#look());
  }

  #look(): void {
    const { facts, isDecided, clock } = this.#around;
    const deadline = deadlineOf(this.#state);
    if (isWatching(this.#state)) this.#step({ type: "peers", facts: facts(), isDecided: isDecided() });
    // the state may be another one by now, with another deadline
    if (deadline !== null && deadlineOf(this.#state) === deadline && clock.now() >= deadline) {
      this.#step({ type: "timer", facts: facts() });
    } else this.#arm();
  }

  /** A cause, for people. */
  causeText(cause: DrainCause): string {
    const { nodeName, onTaint } = this.#around;
    switch (cause) {
      case "command":
        return "`vipcast drain` asked for it";
      case "cordon":
        return `Node ${nodeName} is cordoned (spec.unschedulable)`;
      case "taint":
        return `Node ${nodeName} has the taint ${onTaint ?? ""}`;
      case "stop":
        return "the daemon is stopping";
    }
  }

  #tell(before: DrainState, now: DrainState): void {
    const { log } = this.#around;
    if (before.name !== "normal" && now.name !== "normal" && now.delay < before.delay) {
      const reason = listed(now.causes.map((c) => this.causeText(c)));
      const text = `the drain is hurried: routes are withdrawn after ${now.delay} ms instead of ${before.delay} ms`;
      log.info("draining", { durationMs: now.delay, reason }, text);
    }
    if (now.name === before.name) return;
    if (now.name === "normal") {
      log.info("undrained", {}, "everything is announced again as it is decided");
      return;
    }
    const reason = listed(now.causes.map((c) => this.causeText(c)));
    if (before.name === "normal" && (now.name === "marking" || now.name === "withdrawing")) {
      const durationMs = now.delay;
      const how = durationMs === 0 ? "withdrawn at once" : "the last choice of routers until they are withdrawn";
      log.info("draining", { durationMs, reason }, `routes are ${how}: ${reason}`);
    }
    if ((now.name !== "drained" && now.name !== "leaving") || before.name === "drained") return;
    for (const { peer, withdrawn } of now.proofs) {
      if (isProven(withdrawn)) continue;
      const text = `${peer} may still have routes of ours: ${withdrawn === null ? "not asked" : outcomeText(withdrawn)}`;
      log.warn("drainUnproven", { peer }, text);
    }
    const count = now.proofs.filter((p) => p.withdrawn?.name === "acknowledged").length;
    const text = `everything is withdrawn; ${count} of ${now.proofs.length} peers have acknowledged`;
    log.info("drained", { reason, durationMs: Millis(now.drainedAt - now.since) }, text);
  }
}
