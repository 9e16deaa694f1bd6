// What one connection receives: octets -> messages -> events of the state machine. Owns the framer of the connection and the
// counting of messages. Knows nothing of routes kept or sent, nor what an event leads to. Contract: events are given one by
// one, and the caller says after each whether the connection still is the one to read (C-031).
import { assertNever } from "../kernel/result.ts";
import type { PeerCounters } from "./counters.ts";
import type { FsmEvent } from "./session/fsm.ts";
import { decodeMessage } from "./wire/codec.ts";
import { Framer } from "./wire/framer.ts";
import type { Message, Negotiated, UpdateMessage } from "./wire/message.ts";
import { ERROR, MESSAGE_TYPE, UPDATE_ERROR } from "./wire/registry.ts";

export interface InboundSink {
  /** What both OPENs agreed on; null before that. */
  negotiated(): Negotiated | null;
  /** A faulty UPDATE, before its event. @param body without the header; valid during the call only */
  faultyUpdate(update: UpdateMessage, body: Uint8Array): void;
  /** @returns false when the connection has ended by it */
  event(event: FsmEvent): boolean;
}

export class Inbound {
  readonly #framer = new Framer();
  readonly #counters: PeerCounters;

  constructor(counters: PeerCounters) {
    this.#counters = counters;
  }

  read(bytes: Uint8Array, sink: InboundSink): void {
    this.#framer.push(bytes);
    for (;;) {
      const frame = this.#framer.next();
      if (frame === null) return;
      if (!frame.ok) {
        sink.event({ type: "headerError", fault: frame.fault });
        return;
      }
      if (!sink.event(this.#judge(frame.value.type, frame.value.body, sink))) return;
      const negotiated = frame.value.type === MESSAGE_TYPE.open ? sink.negotiated() : null;
      if (negotiated !== null) this.#framer.apply(negotiated);
    }
  }

  #judge(type: number, body: Uint8Array, sink: InboundSink): FsmEvent {
    const decoded = decodeMessage(type, body, sink.negotiated());
    if (decoded.ok) return this.#received(decoded.value, body, sink);
    if (type !== MESSAGE_TYPE.open) return { type: "headerError", fault: decoded.fault };
    this.#counters.opensReceived++;
    return { type: "openError", fault: decoded.fault };
  }

  #received(message: Message, body: Uint8Array, sink: InboundSink): FsmEvent {
    switch (message.type) {
      case "open":
        this.#counters.opensReceived++;
        return { type: "openReceived", open: message };
      case "keepalive":
        this.#counters.keepalivesReceived++;
        return { type: "keepaliveReceived" };
      case "notification":
        this.#counters.notificationsReceived++;
        return { type: "notificationReceived", notification: message };
      case "routeRefresh":
        this.#counters.routeRefreshesReceived++;
        return { type: "routeRefreshReceived", refresh: message };
      case "update":
        return this.#update(message, body, sink);
      default:
        return assertNever(message);
    }
  }

  #update(update: UpdateMessage, body: Uint8Array, sink: InboundSink): FsmEvent {
    this.#counters.updatesReceived++;
    if (update.verdict === "attributeDiscard") this.#counters.attributeDiscards++;
    if (update.verdict === "treatAsWithdraw") this.#counters.treatedAsWithdraw++;
    if (update.faults.length > 0) sink.faultyUpdate(update, body);
    if (update.verdict !== "sessionReset") return { type: "updateReceived", update };
    this.#counters.sessionResets++;
    const worst = update.faults.find((f) => f.verdict === "sessionReset");
    return { type: "updateError", fault: worst?.fault ?? MALFORMED };
  }
}

const MALFORMED = {
  errorCode: ERROR.update,
  errorSubcode: UPDATE_ERROR.malformedAttributeList,
  data: new Uint8Array(0),
  detail: "malformed UPDATE",
};
