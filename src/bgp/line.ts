// One connection as its peer's runner holds it: what is to be said on it before any route, and who is at its ends. Owns the
// queue of small messages (OPEN, KEEPALIVE, NOTIFICATION, ROUTE-REFRESH). Knows no states and no routes. Contract: messages
// leave whole and in the order given, before the UPDATEs of the same call.
import type { Ip } from "../kernel/ip.ts";
import type { Inbound } from "./inbound.ts";
import type { Connection } from "./network.ts";
import type { Side } from "./session/peer.ts";
import { encodeMessage } from "./wire/codec.ts";
import type { Message, UpdateMessage } from "./wire/message.ts";

export class Line {
  readonly connection: Connection;
  readonly inbound: Inbound;
  /** The place it has with its peer; an established connection may be moved. */
  side: Side;
  /** Our address on it; null before it is open. */
  local: Ip | null = null;
  readonly remote: Ip;
  /** Our last words are queued: no route goes out after a NOTIFICATION. */
  isFinishing = false;
  readonly #control: Uint8Array[] = [];

  constructor(side: Side, remote: Ip, connection: Connection, inbound: Inbound) {
    this.side = side;
    this.remote = remote;
    this.connection = connection;
    this.inbound = inbound;
  }

  send(message: Exclude<Message, UpdateMessage>): void {
    if (message.type === "notification") this.isFinishing = true;
    this.#control.push(encodeMessage(message));
    this.connection.wake();
  }

  /** @returns octets written from the start of the slab */
  fill(slab: Uint8Array): number {
    let at = 0;
    for (let first = this.#control[0]; first !== undefined; first = this.#control[0]) {
      if (at + first.length > slab.length) break;
      slab.set(first, at);
      at += first.length;
      this.#control.shift();
    }
    return at;
  }
}
