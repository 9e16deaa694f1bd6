// What one peer is heard to say about routes: the table of the session, and the last UPDATE with a fault, which outlives it.
// Owns both, and how much of the table has been read. Knows no connections, and asks the peer for nothing itself. Contract:
// `open` and `close` with the session; who watches is told in the order in which it happens; nothing received is ever used
// for forwarding (C-157).
import type { Prefix } from "../kernel/ip.ts";
import { toHex } from "../kernel/text.ts";
import type { Millis } from "../kernel/units.ts";
import { AdjRibIn, type RouteWatch } from "./rib/adjRibIn.ts";
import type { Family, Negotiated, ReceivedAttributes, UpdateMessage } from "./wire/message.ts";

/** An UPDATE that had to be judged by RFC 7606. */
export interface FaultyUpdate {
  readonly at: Millis;
  readonly update: UpdateMessage;
  /** Its octets without the header, cut after MAX_FAULTY_OCTETS. */
  readonly hex: string;
}

/**
 * How much of a peer's table is known. `none`: no session, or its routes are not kept. `reading`: it has not told its whole table
 * yet. `complete`: every family has had its End-of-RIB, and changes are told as they come.
 */
export type Reading = "none" | "reading" | "complete";

/** Who follows kept routes of one peer. */
export interface ReceptionWatch extends RouteWatch {
  /** Also the routes that a session takes along are told by this alone: `none`. */
  readingChanged(reading: Reading): void;
}

/** Octets of a faulty UPDATE that are kept: all of a message of ordinary size. */
const MAX_FAULTY_OCTETS = 4096;

const NOBODY: ReceptionWatch = {
  isWatched: () => false,
  changed: (_prefix: Prefix, _attributes: ReceivedAttributes | null) => {},
  readingChanged: () => {},
};

export class Reception {
  readonly #watch: ReceptionWatch;
  #negotiated: Negotiated | null = null;
  #table: AdjRibIn | null = null;
  #lastFaulty: FaultyUpdate | null = null;
  #reading: Reading = "none";

  constructor(watch: ReceptionWatch | null = null) {
    this.#watch = watch ?? NOBODY;
  }

  /** null while there is no session. */
  get table(): AdjRibIn | null {
    return this.#table;
  }

  get reading(): Reading {
    return this.#reading;
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
    this.#begin(negotiated, keep);
  }

  close(): void {
    this.#negotiated = null;
    this.#table = null;
    this.#setReading("none");
  }

  /** Another wish about keeping, while a session may stand. @returns the families that the peer has to send again */
  keepDifferently(keep: boolean): readonly Family[] {
    const negotiated = this.#negotiated;
    if (negotiated === null || (keep && !negotiated.routeRefresh)) return [];
    this.#setReading("none");
    this.#begin(negotiated, keep);
    return negotiated.routeRefresh ? negotiated.families : [];
  }

  take(update: UpdateMessage): void {
    this.#table?.apply(update);
    if (update.endOfRib !== null) this.#checkComplete();
  }

  /** The peer has marked the end of a refresh that we asked for (RFC 7313). */
  refreshEnded(family: Family): void {
    this.#table?.end(family);
    this.#checkComplete();
  }

  isOver(maxPrefixes: number): boolean {
    return this.#table?.isOver(maxPrefixes) === true;
  }

  /** @param body without the header */
  noteFault(update: UpdateMessage, body: Uint8Array, at: Millis): void {
    this.#lastFaulty = { at, update, hex: toHex(body, MAX_FAULTY_OCTETS) };
  }

  #begin(negotiated: Negotiated, keep: boolean): void {
    this.#table = new AdjRibIn({ negotiated, keep, watch: this.#watch });
    if (keep) this.#setReading("reading");
  }

  #checkComplete(): void {
    if (this.#reading === "reading" && this.#table?.isComplete === true) this.#setReading("complete");
  }

  #setReading(reading: Reading): void {
    if (reading === this.#reading) return;
    this.#reading = reading;
    this.#watch.readingChanged(reading);
  }
}
