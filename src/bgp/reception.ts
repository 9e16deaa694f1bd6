// What one peer is heard to say about routes: the table of the session, and the last UPDATE with a fault, which outlives it.
// Owns both. Knows no connections, and asks the peer for nothing itself. Contract: `open` and `close` with the session;
// nothing received ever influences what is announced (C-157).
import { toHex } from "../kernel/text.ts";
import type { Millis } from "../kernel/units.ts";
import { AdjRibIn } from "./rib/adjRibIn.ts";
import type { Family, Negotiated, UpdateMessage } from "./wire/message.ts";

/** An UPDATE that had to be judged by RFC 7606. */
export interface FaultyUpdate {
  readonly at: Millis;
  readonly update: UpdateMessage;
  /** Its octets without the header, cut after MAX_FAULTY_OCTETS. */
  readonly hex: string;
}

/** Octets of a faulty UPDATE that are kept: all of a message of ordinary size. */
const MAX_FAULTY_OCTETS = 4096;

export class Reception {
  #negotiated: Negotiated | null = null;
  #table: AdjRibIn | null = null;
  #lastFaulty: FaultyUpdate | null = null;

  /** null while there is no session. */
  get table(): AdjRibIn | null {
    return this.#table;
  }

  /** Prefixes the peer has advertised and not withdrawn; 0 while there is no session. */
  get count(): number {
    return this.#table?.count ?? 0;
  }

  get lastFaulty(): FaultyUpdate | null {
    return this.#lastFaulty;
  }

  /** @param keep attributes with the prefixes */
  open(negotiated: Negotiated, keep: boolean): void {
    this.#negotiated = negotiated;
    this.#table = new AdjRibIn({ negotiated, keep });
  }

  close(): void {
    this.#negotiated = null;
    this.#table = null;
  }

  /** Another wish about keeping, while a session may stand. @returns the families that the peer has to send again */
  keepDifferently(keep: boolean): readonly Family[] {
    const negotiated = this.#negotiated;
    if (negotiated === null || (keep && !negotiated.routeRefresh)) return [];
    this.#table = new AdjRibIn({ negotiated, keep });
    return negotiated.routeRefresh ? negotiated.families : [];
  }

  take(update: UpdateMessage): void {
    this.#table?.apply(update);
  }

  isOver(maxPrefixes: number): boolean {
    return this.#table?.isOver(maxPrefixes) === true;
  }

  /** @param body without the header */
  noteFault(update: UpdateMessage, body: Uint8Array, at: Millis): void {
    this.#lastFaulty = { at, update, hex: toHex(body, MAX_FAULTY_OCTETS) };
  }
}
