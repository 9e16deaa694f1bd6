// One engine and a peer made by hand: packets of any content go in, what comes out is kept decoded. Owns the virtual time.

import type { AuthState } from "../../src/bfd/auth.ts";
import { Engine, type EngineOptions } from "../../src/bfd/engine.ts";
import {
  CONTROL_LENGTH,
  type ControlPacket,
  decodeControl,
  encodeControl,
  newControlPacket,
} from "../../src/bfd/packet.ts";
import {
  type Arrival,
  type BfdCommand,
  type BfdEvent,
  type DropCause,
  type Micros,
  SESSION_COUNTERS,
  type SessionHandle,
  type SessionStatus,
  type StateChanged,
} from "../../src/bfd/protocol.ts";
import { arrivalFrom, B, nodeDigest, type Sent, seeded, single, upsert } from "./sim.ts";

export type Says = Partial<ControlPacket>;

export class RawPeer {
  now: Micros = 7_000_000_000;
  readonly engine: Engine;
  readonly sent: Sent[] = [];
  readonly octets: Uint8Array[] = [];
  readonly echoes: { at: Micros; bytes: Uint8Array }[] = [];
  readonly events: BfdEvent[] = [];
  readonly calls: string[] = [];
  readonly handles: SessionHandle[] = [];
  readonly counters: Float64Array;
  /** What the next packet says unless told otherwise; Your Discriminator is ours when null. */
  template: ControlPacket = {
    ...newControlPacket(),
    detectMult: 3,
    myDiscr: 0x0b0b0b0b,
    desiredMinTxInterval: 1_000_000,
    requiredMinRxInterval: 300_000,
  };
  /** Signs what is said. */
  auth: AuthState | null = null;
  #lastWake: Micros = this.now;

  constructor(
    first: Partial<Extract<BfdCommand, { type: "upsert" }>> | null = {},
    options: Partial<EngineOptions> = {},
  ) {
    const maxSessions = options.maxSessions ?? 16;
    this.counters = new Float64Array(maxSessions * SESSION_COUNTERS.length);
    this.engine = new Engine(
      {
        opened: (h) => {
          this.calls.push(`opened ${h.key}`);
          this.handles.push(h);
        },
        rebound: (h) => this.calls.push(`rebound ${h.key}`),
        closed: (h) => this.calls.push(`closed ${h.key}`),
        transmit: (h, bytes, length) => {
          const packet = newControlPacket();
          const fault = decodeControl(bytes, length, packet);
          if (fault !== null) throw new Error(`we sent a packet with a fault: ${fault}`);
          this.calls.push(`sent ${h.key}`);
          this.sent.push({ at: this.now, packet });
          this.octets.push(bytes.slice(0, length));
        },
        transmitEcho: (_h, bytes, length) => this.echoes.push({ at: this.now, bytes: bytes.slice(0, length) }),
        event: (e) => this.events.push(e),
      },
      { jitter: seeded(1), secret: seeded(2), digest: nodeDigest, maxSessions, counters: this.counters, ...options },
    );
    if (first !== null) this.do(upsert(single(B), first));
  }

  do(...commands: readonly BfdCommand[]): void {
    for (const c of commands) this.engine.command(c, this.now);
    this.engine.fire(this.now);
  }

  get status(): SessionStatus {
    const [s] = this.engine.status();
    if (s === undefined) throw new Error("no session");
    return s;
  }
  get state(): string {
    return this.status.state;
  }
  get localDiscr(): number {
    return this.status.localDiscr;
  }
  get last(): ControlPacket {
    const packet = this.sent.at(-1)?.packet;
    if (packet === undefined) throw new Error("nothing was sent");
    return packet;
  }
  changes(): readonly StateChanged[] {
    return this.events.filter((e): e is StateChanged => e.type === "stateChanged");
  }

  octetsOf(says: Says): Uint8Array {
    const packet = { ...this.template, yourDiscr: this.localDiscr, ...says };
    const bytes = new Uint8Array(64);
    if (this.auth !== null) {
      packet.hasAuth = true;
      packet.length = this.auth.packetLength;
    }
    encodeControl(packet, bytes);
    this.auth?.sign(bytes, true);
    return bytes.slice(0, Math.max(packet.length, CONTROL_LENGTH));
  }

  /** A packet arrives now. */
  say(says: Says, from: Arrival = arrivalFrom(B)): DropCause | null {
    return this.deliver(this.octetsOf(says), from);
  }

  deliver(bytes: Uint8Array, from: Arrival = arrivalFrom(B)): DropCause | null {
    this.engine.wake(this.now, this.#lastWake);
    const cause = this.engine.receive(bytes, bytes.length, from, this.now);
    this.engine.fire(this.now);
    this.#lastWake = this.now;
    return cause;
  }

  echo(bytes: Uint8Array): DropCause | null {
    const cause = this.engine.receiveEcho(bytes, bytes.length, this.now);
    this.engine.fire(this.now);
    return cause;
  }

  /** Time passes, each deadline at its moment. */
  wait(duration: Micros): void {
    const end = this.now + duration;
    while (this.engine.nextDeadline() <= end) {
      this.now = Math.max(this.now, this.engine.nextDeadline());
      this.engine.wake(this.now, this.#lastWake);
      this.engine.fire(this.now);
      this.#lastWake = this.now;
    }
    this.now = end;
  }

  /** We stand still: no deadline is served until the end, where the given packets are waiting. */
  stall(duration: Micros, ...waiting: readonly Says[]): void {
    this.now += duration;
    this.engine.wake(this.now, this.#lastWake);
    for (const says of waiting) {
      const bytes = this.octetsOf(says);
      this.engine.receive(bytes, bytes.length, arrivalFrom(B), this.now);
    }
    this.engine.fire(this.now);
    this.#lastWake = this.now;
  }

  /** Packets of the same content every `interval`, each at its time. */
  keepSaying(says: Says, interval: Micros, times: number): void {
    for (let i = 0; i < times; i++) {
      this.wait(interval);
      this.say(says);
    }
  }

  /** Up and polled: what the peer says from then on is `says`. */
  bringUp(says: Says = {}): this {
    Object.assign(this.template, { desiredMinTxInterval: 300_000, ...says });
    this.say({ state: "Down", yourDiscr: 0 });
    this.say({ state: "Up" });
    this.wait(1);
    this.say({ state: "Up", final: true });
    if (this.state !== "Up") throw new Error(`came to ${this.state}`);
    this.template = { ...this.template, state: "Up" };
    this.forget();
    return this;
  }

  forget(): void {
    for (const list of [this.sent, this.octets, this.echoes, this.events, this.calls]) list.length = 0;
  }
}

/** Distances between packets that satisfy `which`. */
export const gaps = (sent: readonly Sent[], which: (p: ControlPacket) => boolean = () => true): readonly Micros[] => {
  const at = sent.filter((s) => which(s.packet)).map((s) => s.at);
  return at.slice(1).map((t, i) => t - (at[i] ?? 0));
};
