// A small world for speakers: one virtual clock, one seed, hosts with a TCP-like network between them. Owns time, order
// and loss. Knows no BGP; whoever wants to look at the octets hangs a tap on the connections. Contract: within one moment
// a host gets its input before its timers, also when it has been paused (kernel/clock.ts).
import type {
  Connection,
  ConnectionHandlers,
  ConnectOptions,
  LocalAddress,
  Network,
} from "../../../src/bgp/network.ts";
import type { Clock, Random, TimerHandle, Timers } from "../../../src/kernel/clock.ts";
import { formatIp, type Ip } from "../../../src/kernel/ip.ts";
import { Millis } from "../../../src/kernel/units.ts";

/** Which of two events of the same moment comes first. */
const INPUT = 0;
const TIMER = 1;

interface Happening {
  at: number;
  readonly kind: number;
  readonly order: number;
  readonly host: Host | null;
  readonly run: () => void;
  cancelled: boolean;
}

export interface WorldOptions {
  /** One way, milliseconds: drawn anew for every connection. */
  readonly latency?: readonly [least: number, most: number];
  /** Every piece takes up to this much longer, drawn anew; the order stays. */
  readonly jitter?: number;
  /** Octets of the largest piece in which data arrives; pieces are drawn at random up to it. */
  readonly segment?: number;
  /** Octets under way in one direction before the writer has to wait. */
  readonly window?: number;
  /** A wrong shell, to see that the tests notice: timers before the input that was waiting. */
  readonly timersFirst?: boolean;
}

/** Sees every octet: as it is given to the kernel, and as the other end gets it. */
export interface Tap {
  sent(end: End, bytes: Uint8Array): void;
  received(end: End, bytes: Uint8Array): void;
}

const NO_TAP: Tap = { sent() {}, received() {} };

export class World {
  now = 0;
  readonly random: Random;
  readonly options: Required<WorldOptions>;
  readonly hosts = new Map<string, Host>();
  readonly links: Link[] = [];
  tap: Tap = NO_TAP;
  readonly #queue: Happening[] = [];
  #order = 0;

  constructor(seed: number, options: WorldOptions = {}) {
    this.random = seeded(seed);
    this.options = { latency: [0, 20], jitter: 0, segment: 100_000, window: 200_000, timersFirst: false, ...options };
  }

  host(address: Ip): Host {
    const host = new Host(this, address);
    this.hosts.set(formatIp(address), host);
    return host;
  }

  /** A whole number from `least` to `most`. */
  pick(least: number, most: number): number {
    return least + Math.floor(this.random.next() * (most - least + 1));
  }

  at(time: number, host: Host | null, run: () => void, kind = INPUT): Happening {
    const happening: Happening = { at: time, kind, order: this.#order++, host, run, cancelled: false };
    this.#push(happening);
    return happening;
  }

  /** Lets everything happen up to and including that moment. */
  runUntil(end: number): void {
    for (let next = this.#queue[0]; next !== undefined && next.at <= end; next = this.#queue[0]) {
      this.#pop();
      if (next.cancelled) continue;
      const pausedUntil = next.host?.pausedUntil ?? 0;
      if (next.at < pausedUntil) {
        next.at = pausedUntil; // keeps its order among those that wait with it
        this.#push(next);
        continue;
      }
      this.now = Math.max(this.now, next.at);
      next.run();
    }
    this.now = Math.max(this.now, end);
  }

  run(time: number): void {
    this.runUntil(this.now + time);
  }

  #before(a: Happening, b: Happening): boolean {
    if (a.at !== b.at) return a.at < b.at;
    if (a.kind !== b.kind) return a.kind < b.kind !== this.options.timersFirst;
    return a.order < b.order;
  }

  #push(item: Happening): void {
    const queue = this.#queue;
    let i = queue.length;
    queue.push(item);
    while (i > 0) {
      const up = (i - 1) >>> 1;
      const parent = queue[up] as Happening;
      if (!this.#before(item, parent)) break;
      queue[i] = parent;
      i = up;
    }
    queue[i] = item;
  }

  #pop(): void {
    const queue = this.#queue;
    const last = queue.pop();
    if (last === undefined || queue.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= queue.length) break;
      const right = queue[child + 1];
      if (right !== undefined && this.#before(right, queue[child] as Happening)) child++;
      const smaller = queue[child] as Happening;
      if (!this.#before(smaller, last)) break;
      queue[i] = smaller;
      i = child;
    }
    queue[i] = last;
  }
}

/** What answers on a host: false refuses after the handshake, as a listener does. */
export type Acceptor = (remote: Ip, local: Ip, take: (handlers: ConnectionHandlers) => Connection) => boolean;

export class Host implements Network {
  readonly world: World;
  readonly address: Ip;
  /** Nothing runs here before this moment; the kernel goes on taking what arrives. */
  pausedUntil = 0;
  /** null: nothing listens, attempts are refused. */
  acceptor: Acceptor | null = null;
  /** Attempts from and to here get no answer. */
  isBlackHole = false;
  /** Addresses besides the one it is known by. */
  readonly others: LocalAddress[] = [];

  readonly clock: Clock;
  readonly timers: Timers;

  constructor(world: World, address: Ip) {
    this.world = world;
    this.address = address;
    this.clock = { now: () => Millis(world.now), wall: () => world.now };
    this.timers = {
      after: (delay, callback): TimerHandle => {
        const happening = world.at(world.now + delay, this, callback, TIMER);
        return {
          cancel: () => {
            happening.cancelled = true;
          },
        };
      },
    };
  }

  localAddresses(): readonly LocalAddress[] {
    return [{ interface: "eth0", address: this.address }, ...this.others];
  }

  connect(options: ConnectOptions, handlers: ConnectionHandlers): Connection {
    const { world } = this;
    const target = world.hosts.get(formatIp(options.address));
    const link = new Link(world, this, target ?? this);
    link.dialler.handlers = handlers;
    world.links.push(link);
    if (target === undefined || target.isBlackHole || this.isBlackHole) return link.dialler;
    world.at(world.now + link.latency, target, () => link.arrive(target.acceptor));
    return link.dialler;
  }

  /** Stops the process for a while: its sockets fill up, its timers fall due unseen. */
  pause(time: number): void {
    this.pausedUntil = Math.max(this.pausedUntil, this.world.now + time);
  }
}

/** One TCP connection, from its SYN on. */
export class Link {
  readonly world: World;
  readonly latency: number;
  readonly dialler: End;
  readonly answerer: End;

  constructor(world: World, from: Host, to: Host) {
    this.world = world;
    const [least, most] = world.options.latency;
    this.latency = least + world.random.next() * (most - least);
    this.dialler = new End(this, from);
    this.answerer = new End(this, to);
    this.dialler.other = this.answerer;
    this.answerer.other = this.dialler;
  }

  get isOpen(): boolean {
    return this.dialler.phase === "open" && this.answerer.phase === "open";
  }

  /** The SYN is there. */
  arrive(acceptor: Acceptor | null): void {
    if (this.dialler.phase !== "connecting") return;
    const { world, dialler, answerer } = this;
    if (acceptor === null) {
      world.at(world.now + this.latency, dialler.host, () => dialler.lose("connection refused"));
      return;
    }
    world.at(world.now + this.latency, dialler.host, () => dialler.opened());
    answerer.phase = "open";
    const taken = acceptor(dialler.host.address, answerer.host.address, (handlers) => {
      answerer.handlers = handlers;
      return answerer;
    });
    if (!taken) answerer.finish();
  }

  /** The path breaks: both ends hear of it, each in its time. */
  cut(): void {
    for (const end of [this.dialler, this.answerer]) {
      const delay = this.world.random.next() * 50;
      this.world.at(this.world.now + delay, end.host, () => end.lose("connection reset"));
    }
  }
}

/** One for all: what is filled in is copied before anyone else can ask. */
const SLAB = new Uint8Array(65_536);

/** One end of a connection: writes into a pipe with a window, pieces arrive after the latency and in order. */
export class End implements Connection {
  readonly link: Link;
  readonly host: Host;
  handlers: ConnectionHandlers | null = null;
  other: End = this;
  phase: "connecting" | "open" | "finishing" | "dead" = "connecting";
  /** What arrives here waits until then: the reader is slow, or the path is. */
  stalledUntil = 0;
  #writing = false;
  #handing = false;
  #underWay = 0;
  readonly #inbox: (() => void)[] = [];
  #lastArrival = 0;

  constructor(link: Link, host: Host) {
    this.link = link;
    this.host = host;
  }

  wake(): void {
    if (this.#writing || (this.phase !== "open" && this.phase !== "finishing")) return;
    const length = this.handlers?.fill(SLAB) ?? 0;
    if (length > 0) {
      const bytes = SLAB.slice(0, length);
      this.#writing = true;
      this.link.world.tap.sent(this, bytes);
      this.#write(bytes);
    } else if (this.phase === "finishing" && !this.#writing) {
      this.phase = "dead";
      this.other.#arrive(() => this.other.lose("the peer closed the connection"));
    }
  }

  finish(): void {
    if (this.phase === "connecting") this.abort();
    if (this.phase !== "open") return;
    this.phase = "finishing";
    this.wake();
  }

  abort(): void {
    if (this.phase === "dead") return;
    this.phase = "dead";
    const { world, latency } = this.link;
    // a reset overtakes what is still under way
    world.at(world.now + latency, this.other.host, () => this.other.lose("connection reset"));
  }

  opened(): void {
    if (this.phase !== "connecting") return;
    this.phase = "open";
    this.handlers?.connected(this.host.address);
    this.wake();
  }

  lose(why: string): void {
    const tell = this.phase === "connecting" || this.phase === "open";
    this.phase = "dead";
    if (tell) this.handlers?.closed(why);
  }

  #write(bytes: Uint8Array): void {
    const { world } = this.link;
    this.#underWay += bytes.length;
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + world.pick(1, world.options.segment));
      const piece = bytes.subarray(at, end);
      this.other.#arrive(() => {
        this.#underWay -= piece.length;
        this.other.#read(piece);
        this.#room();
      });
      at = end;
    }
    this.#room();
  }

  /** The kernel has taken the octets as soon as the window allows it. */
  #room(): void {
    const { world } = this.link;
    if (!this.#writing || this.#handing || this.#underWay > world.options.window) return;
    this.#handing = true;
    world.at(world.now, this.host, () => {
      this.#handing = false;
      this.#writing = false;
      if (this.phase === "open") this.handlers?.sent(1);
      this.wake();
    });
  }

  /** Comes in here, after everything that came before it. */
  #arrive(what: () => void): void {
    const { world, latency } = this.link;
    this.#inbox.push(what);
    const extra = world.options.jitter * world.random.next();
    this.#lastArrival = Math.max(world.now + latency + extra, this.#lastArrival);
    world.at(this.#lastArrival, this.host, () => this.#deliver());
  }

  #deliver(): void {
    const { world } = this.link;
    if (world.now < this.stalledUntil) world.at(this.stalledUntil, this.host, () => this.#deliver());
    else this.#inbox.shift()?.();
  }

  #read(piece: Uint8Array): void {
    if (this.phase !== "open") return;
    this.link.world.tap.received(this, piece);
    this.handlers?.data(piece.slice());
  }
}

/** A small generator with a 32-bit state: the same seed, the same world. */
export function seeded(seed: number): Random {
  let state = (seed ^ 0x9e37_79b9) >>> 0;
  return {
    next: () => {
      state = (state + 0x6d2b_79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
    },
  };
}
