// Finding the router at the other end of an interface, for peers without an address (BGP unnumbered): solicits, advertises
// ourselves, and remembers who advertises. Owns the neighbour of each interface and its expiry. Pure: sockets come from
// outside (linux/icmpSocket.ts). Contract: `seen` comes before an address may be used and again when another router took
// its place; `lost` when nothing was heard for the lifetime, unless the session stands. Whoever is heard keeps its place.
import type { Clock, TimerHandle, Timers } from "../kernel/clock.ts";
import { type Ip, ipEquals } from "../kernel/ip.ts";
import { later, Millis } from "../kernel/units.ts";
import { ALL_NODES, ALL_ROUTERS, advertisement, readDiscovery, solicitation } from "./neighborDiscovery.ts";

/** A raw ICMPv6 socket on one interface. */
export interface DiscoverySocket {
  /** Of the interface; null: it has none. */
  readonly mac: Uint8Array | null;
  /** @returns why it could not be sent; null: it was */
  send(to: Ip, bytes: Uint8Array): string | null;
  /** The interface is still the one that was opened. */
  isCurrent(): boolean;
  close(): void;
}

export interface UnnumberedSurroundings {
  readonly clock: Clock;
  readonly timers: Timers;
  /** @param received called for each packet with hop limit 255 @returns why there is none */
  readonly open: (interfaceName: string, received: (source: Ip, bytes: Uint8Array) => void) => DiscoverySocket | string;
  readonly seen: (interfaceName: string, address: Ip) => void;
  readonly lost: (interfaceName: string) => void;
  /** A session with the router on that interface is up. */
  readonly isUp: (interfaceName: string) => boolean;
  readonly problemsChanged: () => void;
}

/** Between two advertisements of ours. */
export const ADVERTISE_EVERY = Millis(10_000);
/** How long a router that gives no lifetime counts as there: three advertisements of ours, and what FRR says of its own. */
export const DEFAULT_LIFETIME = Millis(30_000);
/** Between two looks at an interface; also between two attempts to open it, and between two answers to solicitations. */
export const LOOK_EVERY = Millis(1_000);
/** Between two solicitations while nobody is known. */
export const SOLICIT_EVERY = Millis(4_000);

export class Unnumbered {
  readonly #around: UnnumberedSurroundings;
  readonly #links = new Map<string, Link>();

  constructor(around: UnnumberedSurroundings) {
    this.#around = around;
  }

  /** Why there is no looking for a router on an interface. */
  get problems(): ReadonlyMap<string, string> {
    const all = new Map<string, string>();
    for (const [name, { problem }] of this.#links) if (problem !== null) all.set(name, problem);
    return all;
  }

  /** Looks on these interfaces and on no others. */
  setInterfaces(names: ReadonlySet<string>): void {
    for (const [name, link] of this.#links) {
      if (names.has(name)) continue;
      this.#links.delete(name);
      link.stop();
    }
    for (const name of names) {
      if (this.#links.has(name)) continue;
      const link = new Link(name, this.#around);
      this.#links.set(name, link);
      link.look();
    }
  }

  stop(): void {
    this.setInterfaces(new Set());
  }
}

class Link {
  readonly #name: string;
  readonly #around: UnnumberedSurroundings;
  #socket: DiscoverySocket | null = null;
  #neighbor: { readonly address: Ip; readonly until: Millis } | null = null;
  #advertiseAt = Millis(0);
  #advertisedAt: Millis | null = null;
  #solicitAt = Millis(0);
  /** Somebody asked. */
  #isAsked = false;
  #timer: TimerHandle | null = null;
  problem: string | null = null;

  constructor(name: string, around: UnnumberedSurroundings) {
    this.#name = name;
    this.#around = around;
  }

  /** Does what is due, and comes back in a second. */
  look(): void {
    const now = this.#around.clock.now();
    this.#expire(now);
    if (this.#socket !== null && !this.#socket.isCurrent()) {
      this.#close();
      this.#forget(); // another interface of that name: another link, whoever may be there
    }
    if (this.#socket === null) this.#open(now);
    if (this.#socket !== null) this.#speak(this.#socket, now);
    this.#timer = this.#around.timers.after(LOOK_EVERY, () => this.look());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#close();
    this.#forget();
  }

  #open(now: Millis): void {
    const opened = this.#around.open(this.#name, (source, bytes) => this.#received(source, bytes));
    this.#tell(typeof opened === "string" ? opened : null);
    if (typeof opened === "string") return;
    this.#socket = opened;
    this.#advertiseAt = now;
    this.#solicitAt = now;
  }

  #close(): void {
    this.#socket?.close();
    this.#socket = null;
  }

  #speak(socket: DiscoverySocket, now: Millis): void {
    const failures: (string | null)[] = [];
    if (this.#neighbor === null && now >= this.#solicitAt) {
      failures.push(socket.send(ALL_ROUTERS, solicitation(socket.mac)));
      this.#solicitAt = later(now, SOLICIT_EVERY);
    }
    if (this.#isAsked || now >= this.#advertiseAt) {
      failures.push(socket.send(ALL_NODES, advertisement(socket.mac)));
      this.#isAsked = false;
      this.#advertisedAt = now;
      this.#advertiseAt = later(now, ADVERTISE_EVERY);
    }
    const failure = failures.find((f) => f !== null) ?? null;
    if (failures.length > 0) this.#tell(failure);
    if (failure === null) return;
    // the link is down, or has no address yet: as soon as it has, both are wanted
    this.#advertiseAt = now;
    this.#solicitAt = now;
  }

  #received(source: Ip, bytes: Uint8Array): void {
    const message = readDiscovery(bytes, source);
    if (message === null) return;
    if (message.type === "solicitation") {
      this.#answer();
      return;
    }
    const known = this.#neighbor;
    if (known !== null && !ipEquals(known.address, source)) return;
    const lifetime = message.lifetime === 0 ? DEFAULT_LIFETIME : message.lifetime;
    this.#neighbor = { address: source, until: later(this.#around.clock.now(), lifetime) };
    // it may have started just now, again perhaps, and take no connection before it knows us
    if (!this.#around.isUp(this.#name)) this.#answer();
    if (known === null) this.#around.seen(this.#name, source);
  }

  /** At once, or with the next look: at most once a second, however many ask. */
  #answer(): void {
    const now = this.#around.clock.now();
    this.#isAsked = true;
    const isRested = this.#advertisedAt === null || now >= later(this.#advertisedAt, LOOK_EVERY);
    if (isRested && this.#socket !== null) this.#speak(this.#socket, now);
  }

  #expire(now: Millis): void {
    if (this.#neighbor === null || now < this.#neighbor.until || this.#around.isUp(this.#name)) return;
    this.#solicitAt = now;
    this.#forget();
  }

  #forget(): void {
    if (this.#neighbor === null) return;
    this.#neighbor = null;
    this.#around.lost(this.#name);
  }

  #tell(problem: string | null): void {
    if (problem === this.problem) return;
    this.problem = problem;
    this.#around.problemsChanged();
  }
}
