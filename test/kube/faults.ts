// Faults on demand: which requests they hit and what becomes of the answer. Owns the matching, the counting and the shaping
// of bytes. Knows nothing of what is in the answers. Contract: a fault hits `times` requests and is then spent; shaping never
// changes, loses or reorders bytes, it only cuts, delays or stops them.
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Verb } from "./routes.ts";

export type Fault =
  /** Answer with this code and a Status, without looking at the request. */
  | { readonly type: "status"; readonly code: number; readonly retryAfterSeconds?: number; readonly message?: string }
  /** Reset the connection after so many octets of the answer's body (0: before the answer's head). */
  | { readonly type: "cut"; readonly afterBytes: number }
  /** Say nothing more after so many octets of the body (0: no answer at all), keep the connection. */
  | { readonly type: "stall"; readonly afterBytes: number }
  /** One piece of `bytes` octets every `everyMs`. */
  | { readonly type: "slow"; readonly bytes: number; readonly everyMs: number }
  /** The body in pieces of these sizes, over and over, each its own write. */
  | { readonly type: "chunks"; readonly sizes: readonly number[] }
  /** These octets instead of the answer's body. */
  | { readonly type: "garbage"; readonly body: string };

export interface FaultTarget {
  readonly verb?: Verb | readonly Verb[];
  /** Plural. */
  readonly resource?: string;
  readonly namespace?: string;
}

export interface ArmedFault {
  /** Requests it hit so far. */
  readonly hits: number;
  disarm(): void;
}

interface Armed {
  readonly fault: Fault;
  readonly target: FaultTarget;
  left: number;
  hits: number;
}

interface Asked {
  readonly verb: Verb | "other";
  readonly resource: string;
  readonly namespace: string;
}

export class Faults {
  #armed: Armed[] = [];

  arm(fault: Fault, target: FaultTarget = {}, times = 1): ArmedFault {
    const armed: Armed = { fault, target, left: times, hits: 0 };
    this.#armed.push(armed);
    return {
      get hits() {
        return armed.hits;
      },
      disarm: () => {
        armed.left = 0;
      },
    };
  }

  /** The first fault that is for this request; it counts as hit. */
  take(asked: Asked): Fault | null {
    this.#armed = this.#armed.filter((armed) => armed.left > 0);
    const armed = this.#armed.find(({ target }) => {
      const verbs = target.verb === undefined ? null : [target.verb].flat();
      return (
        (verbs === null || (asked.verb !== "other" && verbs.includes(asked.verb))) &&
        (target.resource === undefined || target.resource === asked.resource) &&
        (target.namespace === undefined || target.namespace === asked.namespace)
      );
    });
    if (armed === undefined) return null;
    armed.left--;
    armed.hits++;
    return armed.fault;
  }
}

/** The body of an answer on its way out, through a fault or none. Writes are queued; each waits for the one before. */
export class Outlet {
  readonly #response: ServerResponse;
  /** Below TLS, where there is any: only there a reset can be sent. */
  readonly #socket: Socket;
  readonly #fault: Fault | null;
  #sent = 0;
  #isOver = false;
  #isMuted = false;
  #queue: Promise<void> = Promise.resolve();

  constructor(response: ServerResponse, socket: Socket, fault: Fault | null) {
    this.#response = response;
    this.#socket = socket;
    this.#fault = fault;
    if (fault !== null && (fault.type === "cut" || fault.type === "stall") && fault.afterBytes === 0)
      this.#apply(fault);
  }

  /** From now on nothing leaves any more, and the connection stays: half-open. */
  mute(): void {
    this.#isMuted = true;
  }

  head(code: number, headers: Readonly<Record<string, string>>): void {
    if (this.#isOver || this.#isMuted) return;
    this.#response.writeHead(code, headers);
    this.#response.flushHeaders();
  }

  write(text: string): void {
    const bytes = Buffer.from(text);
    // without a fault that takes time, the bytes leave in this turn
    if (this.#fault === null) this.#put(bytes);
    else this.#queue = this.#queue.then(() => this.#shape(bytes, this.#fault));
  }

  end(): void {
    if (this.#fault === null) this.#finish();
    else this.#queue = this.#queue.then(() => this.#finish());
  }

  async #shape(bytes: Buffer, fault: Fault | null): Promise<void> {
    if (fault === null) return this.#put(bytes);
    switch (fault.type) {
      case "cut":
      case "stall": {
        const room = fault.afterBytes - this.#sent;
        this.#put(bytes.subarray(0, room));
        if (bytes.length < room) return;
        // what was written must be on its way before the reset
        await new Promise((resolve) => setImmediate(resolve));
        this.#apply(fault);
        return;
      }
      case "slow":
        for (let i = 0; i < bytes.length && !this.#isOver; i += fault.bytes) {
          this.#put(bytes.subarray(i, i + fault.bytes));
          await sleep(fault.everyMs);
        }
        return;
      case "chunks": {
        let turn = 0;
        for (let i = 0; i < bytes.length && !this.#isOver; turn++) {
          const size = Math.max(1, fault.sizes[turn % fault.sizes.length] ?? 1);
          this.#put(bytes.subarray(i, i + size));
          i += size;
          await new Promise((resolve) => setImmediate(resolve));
        }
        return;
      }
      case "status":
      case "garbage":
        this.#put(bytes);
    }
  }

  #put(bytes: Buffer): void {
    if (this.#isOver || this.#isMuted || bytes.length === 0) return;
    this.#sent += bytes.length;
    this.#response.write(bytes);
  }

  #finish(): void {
    if (this.#isOver || this.#isMuted) return;
    this.#isOver = true;
    this.#response.end();
  }

  #apply(fault: Fault): void {
    if (fault.type === "cut") {
      this.#isOver = true;
      this.#socket.resetAndDestroy();
    } else this.#isMuted = true;
  }
}
