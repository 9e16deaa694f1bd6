// Drives the core of one peer by hand: events in, actions out as text, time as a number. Owns no expectations but one.
import { expect } from "vitest";
import type { PeerConfig } from "../../../src/bgp/session/config.ts";
import type { FsmAction, FsmEvent } from "../../../src/bgp/session/fsm.ts";
import {
  initialPeer,
  type PeerAction,
  type PeerEvent,
  type PeerState,
  peerDeadline,
  type Restart,
  type Side,
  step,
} from "../../../src/bgp/session/peer.ts";
import type { NotificationMessage } from "../../../src/bgp/wire/message.ts";
import { cease } from "../../../src/bgp/wire/notification.ts";
import { Millis } from "../../../src/kernel/units.ts";
import { actionText, CONFIG, EVENTS, type EventName } from "./fixtures.ts";

function actionLine(action: PeerAction): string {
  switch (action.type) {
    case "side":
      return `${action.side} ${actionText(action.action)}`;
    case "moved":
      return "moved";
    case "stateChanged":
      return `${action.from} -> ${action.to}`;
  }
}

/** Drives one peer and keeps what it did as text: `out sendOpen`, `Connect -> OpenSent`. */
export class Driver {
  state: PeerState;
  now = 0;
  random = 1 - Number.EPSILON;
  log: string[] = [];

  constructor(config: PeerConfig = CONFIG, restart?: Restart) {
    this.state = initialPeer(config, Millis(0), restart);
  }

  send(event: PeerEvent): this {
    const result = step(this.state, event, Millis(this.now), () => this.random);
    this.state = result.state;
    for (const action of result.actions) {
      this.log.push(actionLine(action));
      if (action.type === "side") this.perform(action.action);
    }
    return this;
  }

  /** Called with each action: a place to look closer. */
  perform(_action: FsmAction): void {}

  /** Events on one connection, in order. */
  on(side: Side, ...events: readonly (EventName | FsmEvent)[]): this {
    for (const e of events) this.send({ type: "connection", side, event: typeof e === "string" ? EVENTS[e] : e });
    return this;
  }

  start(): this {
    return this.send({ type: "start" });
  }

  establish(side: Side = "out"): this {
    if (side === "in") this.send({ type: "offered" });
    return this.on(side, side === "out" ? "tcpConnected" : "tcpAccepted", "openReceived", "keepaliveReceived");
  }

  /** Lets time pass up to the moment `until`, with every timer on its way. */
  sleepUntil(until: number): this {
    for (let at = peerDeadline(this.state); at !== null && at <= until; at = peerDeadline(this.state)) {
      this.now = at;
      this.send({ type: "timer" });
    }
    this.now = until;
    return this;
  }

  sleep(time: number): this {
    return this.sleepUntil(this.now + time);
  }

  /** The next attempt begins exactly here: not a millisecond before. */
  wakeForRetry(): number {
    const until = this.state.idleHold?.until ?? Number.NaN;
    const wait = until - this.now;
    this.now = until - 1;
    this.send({ type: "timer" });
    expect(this.state.out.name).toBe("Idle");
    this.now = until;
    this.send({ type: "timer" });
    expect(this.state.out.name).toBe("Connect");
    return wait;
  }

  take(): string[] {
    const log = this.log;
    this.log = [];
    return log;
  }
}

export const stop = (restart: boolean, n: NotificationMessage = cease(2)): PeerEvent => ({
  type: "stop",
  notification: n,
  detail: "stopped",
  restart,
});

export const started = (config: PeerConfig = CONFIG): Driver => new Driver(config).start();
export const established = (config: PeerConfig = CONFIG): Driver => started(config).establish();
