// Engines on a wire under a virtual clock: latency, loss, reordering, duplicates, cuts, and hosts that stand still. Owns time
// and order; the seed decides the rest. Contract as the engine demands it of a shell: wake, read everything, then fire.
import { createHash } from "node:crypto";
import type { Digest } from "../../src/bfd/auth.ts";
import { type BfdProfile, bfdProfile, DEFAULT_PROFILE, type ProfileMillis } from "../../src/bfd/config.ts";
import { Engine } from "../../src/bfd/engine.ts";
import { type ControlPacket, decodeControl, newControlPacket } from "../../src/bfd/packet.ts";
import {
  type Arrival,
  type BfdCommand,
  type BfdEvent,
  type DropCause,
  type Micros,
  newArrival,
  type SessionAddress,
  type SessionHandle,
  type SessionStatus,
  type StateChanged,
} from "../../src/bfd/protocol.ts";
import type { Random } from "../../src/kernel/clock.ts";
import { ipToBytes, parseIp } from "../../src/kernel/ip.ts";

export const MS = 1_000;
export const SECOND = 1_000_000;

export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let x = Math.imul(state ^ (state >>> 15), state | 1);
      x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
      return ((x ^ (x >>> 14)) >>> 0) / 0x1_0000_0000;
    },
  };
}

export const nodeDigest: Digest = (algorithm, bytes) => createHash(algorithm).update(bytes).digest();

/** MetalLB's defaults but for what is given, in milliseconds. */
export const profile = (over: Partial<ProfileMillis> = {}): BfdProfile => bfdProfile({ ...DEFAULT_PROFILE, ...over });

/** Both directions at `interval` ms, three times. */
export const every = (interval: number, over: Partial<ProfileMillis> = {}): BfdProfile =>
  profile({ receiveInterval: interval, transmitInterval: interval, ...over });

type Upsert = Extract<BfdCommand, { type: "upsert" }>;

export const single = (peer: string, over: Partial<SessionAddress> = {}): SessionAddress => ({
  peer,
  interface: null,
  vrf: null,
  hop: "single",
  ...over,
});

export const upsert = (address: SessionAddress, over: Partial<Upsert> = {}): Upsert => ({
  type: "upsert",
  user: "peer-a",
  address,
  local: null,
  profile: profile(),
  auth: null,
  isAdminDown: false,
  ...over,
});

function fillAddress(bytes: Uint8Array, text: string): 4 | 6 {
  const ip = parseIp(text);
  if (ip === null) throw new Error(`not an address: ${text}`);
  bytes.set(ipToBytes(ip));
  return ip.version;
}

/** An arrival from `source`, single hop with TTL 255 unless said otherwise. */
export function arrivalFrom(source: string, over: Partial<Arrival> & { to?: string } = {}): Arrival {
  const { to, ...rest } = over;
  const arrival = newArrival();
  arrival.version = fillAddress(arrival.source, source);
  arrival.ttl = 255;
  if (to !== undefined) {
    fillAddress(arrival.destination, to);
    arrival.isDestinationKnown = true;
  }
  return Object.assign(arrival, rest);
}

export interface Sent {
  readonly at: Micros;
  readonly packet: ControlPacket;
}

/** What the wire does to a datagram. */
export interface WireOptions {
  readonly latency?: Micros;
  /** Up to this much longer, drawn anew for each datagram: order is lost. */
  readonly jitter?: Micros;
  /** 0..1 */
  readonly loss?: number;
  readonly duplicates?: number;
}

interface Delivery {
  readonly at: Micros;
  readonly order: number;
  readonly to: Host;
  readonly from: string;
  readonly bytes: Uint8Array;
  readonly isEcho: boolean;
}

const isEarlier = (a: Delivery, b: Delivery): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

export class Sim {
  now: Micros;
  readonly random: Random;
  readonly hosts = new Map<string, Host>();
  wire: WireOptions;
  /** Takes a datagram off the wire when it says so. */
  filter: (from: string, to: string, packet: ControlPacket | null) => boolean = () => true;
  #heap: Delivery[] = [];
  #order = 0;

  /** @param start a late one shows arithmetic that does not stay whole */
  constructor(seed: number, wire: WireOptions = {}, start: Micros = 5_000_000_000) {
    this.random = seeded(seed);
    this.wire = wire;
    this.now = start;
  }

  host(address: string): Host {
    const host = new Host(this, address);
    this.hosts.set(address, host);
    return host;
  }

  carry(from: string, to: string, bytes: Uint8Array, isEcho: boolean): void {
    const { latency = 100, jitter = 0, loss = 0, duplicates = 0 } = this.wire;
    const target = this.hosts.get(to);
    const packet = newControlPacket();
    if (!this.filter(from, to, !isEcho && decodeControl(bytes, bytes.length, packet) === null ? packet : null)) return;
    if (target === undefined || this.random.next() < loss) return;
    const copies = this.random.next() < duplicates ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const at = this.now + latency + Math.floor(this.random.next() * jitter);
      this.#push({ at, order: this.#order++, to: target, from, bytes, isEcho });
    }
  }

  /** Runs until `until`, this included. */
  runTo(until: Micros): void {
    for (;;) {
      let next = this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
      for (const host of this.hosts.values()) next = Math.min(next, host.wantsTurnAt());
      if (next > until) break;
      this.now = Math.max(this.now, next);
      for (let d = this.#heap[0]; d !== undefined && d.at <= this.now; d = this.#heap[0]) {
        this.#pop();
        d.to.inbox.push(d);
      }
      for (const host of this.hosts.values()) host.turn();
    }
    this.now = Math.max(this.now, until);
  }

  run(duration: Micros): void {
    this.runTo(this.now + duration);
  }

  /** Runs in small steps until it is so. @returns how long it took, or null after `limit` */
  until(condition: () => boolean, limit: Micros, step: Micros = MS): Micros | null {
    const start = this.now;
    while (!condition()) {
      if (this.now - start >= limit) return null;
      this.run(step);
    }
    return this.now - start;
  }

  #push(d: Delivery): void {
    const heap = this.#heap;
    let i = heap.push(d) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const other = heap[parent];
      if (other === undefined || !isEarlier(d, other)) break;
      heap[i] = other;
      i = parent;
    }
    heap[i] = d;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      const [a, b] = [heap[child], heap[child + 1]];
      if (a === undefined) break;
      if (b !== undefined && isEarlier(b, a)) child++;
      const best = heap[child];
      if (best === undefined || !isEarlier(best, last)) break;
      heap[i] = best;
      i = child;
    }
    heap[i] = last;
  }
}

export class Host {
  readonly sim: Sim;
  readonly address: string;
  engine: Engine;
  inbox: Delivery[] = [];
  events: BfdEvent[] = [];
  sent: Sent[] = [];
  drops: DropCause[] = [];
  handles: SessionHandle[] = [];
  /** Stands still until then, its inbox filling up. */
  pausedUntil: Micros = 0;
  /** Keeps the packets it sent, for tests that look at them. */
  records = true;
  arrival: Partial<Arrival> = {};
  #lastWake: Micros;

  constructor(sim: Sim, address: string) {
    this.sim = sim;
    this.address = address;
    this.#lastWake = sim.now;
    this.engine = this.#newEngine();
  }

  #newEngine(): Engine {
    const { sim, address } = this;
    return new Engine(
      {
        opened: (h) => this.handles.push(h),
        closed: (h) => {
          this.handles = this.handles.filter((x) => x !== h);
        },
        rebound() {},
        transmit: (handle, bytes, length) => {
          const copy = bytes.slice(0, length);
          if (this.records) {
            const packet = newControlPacket();
            if (decodeControl(copy, length, packet) === null) this.sent.push({ at: sim.now, packet });
          }
          sim.carry(address, handle.address.peer, copy, false);
        },
        // what FRR's reflector does: the datagram comes back as it went
        transmitEcho: (handle, bytes, length) => {
          if (sim.hosts.has(handle.address.peer)) sim.carry(handle.address.peer, address, bytes.slice(0, length), true);
        },
        event: (event) => this.events.push(event),
      },
      { jitter: sim.random, secret: sim.random, digest: nodeDigest, maxSessions: 2_048 },
    );
  }

  /** Killed and started again: nothing is remembered, nothing was said. */
  restart(): void {
    this.engine = this.#newEngine();
    this.handles = [];
  }

  wantsTurnAt(): Micros {
    const next = this.engine.nextDeadline();
    if (this.inbox.length > 0) return Math.max(this.sim.now, this.pausedUntil);
    return Math.max(next, this.pausedUntil);
  }

  turn(): void {
    const { now } = this.sim;
    if (now < this.pausedUntil || (this.inbox.length === 0 && this.engine.nextDeadline() > now)) return;
    this.engine.wake(now, this.#lastWake);
    const waiting = this.inbox;
    this.inbox = [];
    for (const d of waiting) {
      const cause = d.isEcho
        ? this.engine.receiveEcho(d.bytes, d.bytes.length, now)
        : this.engine.receive(d.bytes, d.bytes.length, arrivalFrom(d.from, this.arrival), now);
      if (cause !== null && this.records) this.drops.push(cause);
    }
    this.engine.fire(now);
    this.#lastWake = now;
  }

  do(...commands: readonly BfdCommand[]): void {
    const { now } = this.sim;
    this.engine.wake(now, this.#lastWake);
    for (const command of commands) this.engine.command(command, now);
    this.engine.fire(now);
    this.#lastWake = now;
  }

  status(peer?: string): SessionStatus {
    const found = this.engine.status().find((s) => peer === undefined || s.address.peer === peer);
    if (found === undefined) throw new Error("no such session");
    return found;
  }

  get state(): string {
    return this.engine.status()[0]?.state ?? "none";
  }

  changes(): readonly StateChanged[] {
    return this.events.filter((e): e is StateChanged => e.type === "stateChanged");
  }
}

export interface Pair {
  readonly sim: Sim;
  readonly a: Host;
  readonly b: Host;
}

export const A = "192.0.2.1";
export const B = "192.0.2.2";

/** Two hosts that want a session with each other; nothing has run yet. */
export function pair(
  seed: number,
  a: Partial<Upsert> = {},
  b: Partial<Upsert> = {},
  wire: WireOptions = {},
  hop: SessionAddress["hop"] = "single",
): Pair {
  const sim = new Sim(seed, wire);
  const hosts = { sim, a: sim.host(A), b: sim.host(B) };
  if (hop === "multi") for (const h of [hosts.a, hosts.b]) h.arrival = { hop };
  hosts.a.do(upsert(single(B, { hop }), a));
  hosts.b.do(upsert(single(A, { hop }), b));
  return hosts;
}

export const bothUp = ({ a, b }: Pair): boolean => a.state === "Up" && b.state === "Up";

/** A pair that is Up and has left the slow interval; what was recorded on the way is gone. */
export function upPair(...args: Parameters<typeof pair>): Pair {
  const p = pair(...args);
  if (p.sim.until(() => bothUp(p), 30 * SECOND) === null) throw new Error("the pair did not come up");
  p.sim.run(5 * SECOND);
  for (const h of [p.a, p.b]) {
    h.events = [];
    h.sent = [];
    h.drops = [];
  }
  return p;
}
