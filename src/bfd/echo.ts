// The echo function of one session (RFC 5880 6.4, 6.8.5, 6.8.9): when an echo packet is due and when their loss is a verdict.
// Owns the count and the tag that make a packet ours (C-240). Knows no state machine: the session starts and stops it.
import type { Random } from "../kernel/clock.ts";
import { ECHO_LENGTH, echoCount, echoTag, encodeEcho } from "./packet.ts";
import { type Micros, NEVER } from "./protocol.ts";

export class Echo {
  readonly #localDiscr: number;
  readonly #tag: number;
  readonly #jitter: Random;
  #interval: Micros = NEVER;
  #detectMult = 3;
  #sent = 0;
  #returned = 0;
  #dueAt: Micros = NEVER;
  #lostAt: Micros = NEVER;

  constructor(localDiscr: number, secret: Random, jitter: Random) {
    this.#localDiscr = localDiscr;
    this.#tag = Math.floor(secret.next() * 0x1_0000_0000) >>> 0;
    this.#jitter = jitter;
  }

  get isActive(): boolean {
    return this.#dueAt !== NEVER;
  }
  /** NEVER when not active. */
  get interval(): Micros {
    return this.#interval;
  }
  get dueAt(): Micros {
    return this.#dueAt;
  }
  get lostAt(): Micros {
    return this.#lostAt;
  }

  /** Starts, or goes on with another interval; a longer one gives packets on their way its own time. */
  run(interval: Micros, detectMult: number, now: Micros): void {
    if (this.isActive && interval === this.#interval && detectMult === this.#detectMult) return;
    const patience = now + detectMult * interval;
    this.#lostAt = this.isActive ? Math.max(this.#lostAt, patience) : patience;
    this.#dueAt = this.isActive ? Math.min(this.#dueAt, now + interval) : now;
    this.#interval = interval;
    this.#detectMult = detectMult;
  }

  stop(): void {
    this.#dueAt = this.#lostAt = this.#interval = NEVER;
    this.#returned = this.#sent;
  }

  /** Our own absence is no loss: the peer's loop gets a full detection time again. */
  forgive(now: Micros): void {
    this.#lostAt = now + this.#detectMult * this.#interval;
  }

  /** Writes the next packet and arms the one after it. @returns its length */
  write(bytes: Uint8Array, now: Micros): number {
    this.#sent = (this.#sent + 1) >>> 0;
    encodeEcho(bytes, this.#localDiscr, this.#tag, this.#sent);
    this.#dueAt = now + Math.floor(this.#interval * (0.75 + 0.25 * this.#jitter.next()));
    return ECHO_LENGTH;
  }

  /** Is this a packet of ours that has not come back yet? Then the path is fine. */
  take(bytes: Uint8Array, now: Micros): boolean {
    if (!this.isActive || echoTag(bytes) !== this.#tag) return false;
    const count = echoCount(bytes);
    const isNew = (count - this.#returned - 1) >>> 0 < (this.#sent - this.#returned) >>> 0;
    if (!isNew) return false;
    this.#returned = count;
    this.forgive(now);
    return true;
  }
}
