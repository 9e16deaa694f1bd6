// Our two intervals and the poll sequence that makes a change of them safe (RFC 5880 6.5, 6.8.3). Owns what our packets say
// (announced) next to what we go by (in force), and which change the running poll vouches for. Knows no time and no packet.
// Contract: announced values may change at any moment; what could make either side lose patience comes into force with a Final.
import type { Micros } from "./protocol.ts";

const TX = 1;
const RX = 2;

export class Intervals {
  #tx: Micros;
  #announcedTx: Micros;
  #rx: Micros;
  #announcedRx: Micros;
  /** Changes that the running poll carries, and those made while it ran: they need one of their own. */
  #polled = 0;
  #scheduled = 0;
  /** The running poll has been heard of: a P of it was sent. */
  #isAsked = false;

  constructor(desiredMinTx: Micros, requiredMinRx: Micros) {
    this.#tx = this.#announcedTx = desiredMinTx;
    this.#rx = this.#announcedRx = requiredMinRx;
  }

  /** Desired Min TX by which we send. */
  get tx(): Micros {
    return this.#tx;
  }
  /** Required Min RX by which we judge silence. */
  get rx(): Micros {
    return this.#rx;
  }
  get announcedTx(): Micros {
    return this.#announcedTx;
  }
  get announcedRx(): Micros {
    return this.#announcedRx;
  }
  get pollActive(): boolean {
    return this.#polled !== 0;
  }

  /** Lower: at once. Higher while Up: the peer must have heard of it first. */
  setTx(value: Micros, isUp: boolean): void {
    if (value === this.#announcedTx) return;
    this.#announcedTx = value;
    if (!isUp || value < this.#tx) this.#tx = value;
    if (isUp) this.#request(TX);
  }

  /** Higher: at once. Lower while Up: the peer must send faster first. */
  setRx(value: Micros, isUp: boolean): void {
    if (value === this.#announcedRx) return;
    this.#announcedRx = value;
    if (!isUp || value > this.#rx) this.#rx = value;
    if (isUp) this.#request(RX);
  }

  /** A poll although nothing changed: going Up always starts one (RFC 5880 6.8.3, C-236). */
  poll(): void {
    this.#request(TX);
  }

  /** A packet with P, carrying the announced values, goes out. */
  asked(): void {
    this.#isAsked = true;
  }

  /** A Final came. Without a P of ours it means nothing (C-235). */
  finalReceived(): void {
    if (!this.#isAsked) return;
    const done = this.#polled & ~this.#scheduled;
    if ((done & TX) !== 0) this.#tx = this.#announcedTx;
    if ((done & RX) !== 0) this.#rx = this.#announcedRx;
    this.#polled = this.#scheduled;
    this.#scheduled = 0;
    this.#isAsked = false;
  }

  /** The session is not Up any more: nobody counts on the old values. */
  leaveUp(desiredMinTx: Micros): void {
    this.#polled = this.#scheduled = 0;
    this.#isAsked = false;
    this.#tx = this.#announcedTx = desiredMinTx;
    this.#rx = this.#announcedRx;
  }

  #request(change: number): void {
    if (!this.#isAsked) this.#polled |= change;
    else this.#scheduled |= change;
  }
}
