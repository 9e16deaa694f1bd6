// Which session a packet belongs to (RFC 5880 6.3, 6.8.6; RFC 5881 3). Owns our discriminators and the lookup by addresses.
// Knows no state machine. Contract: a lookup allocates nothing and changes nothing, so that a flood of strangers' packets costs
// two map reads each (C-266).
import type { Random } from "../kernel/clock.ts";
import { parseIp } from "../kernel/ip.ts";
import { invariant } from "../kernel/result.ts";
import type { ControlPacket } from "./packet.ts";
import type { Arrival, DropCause, HopKind, SessionAddress } from "./protocol.ts";

/** Addresses as comparable words. */
interface Words {
  readonly version: 4 | 6;
  readonly words: Int32Array;
}

/** @throws Bug when `text` is no IP literal: the engine has checked it */
function wordsOf(text: string): Words {
  const ip = parseIp(text);
  invariant(ip !== null, `not an IP address: ${text}`);
  return { version: ip.version, words: Int32Array.of(ip.w0, ip.w1, ip.w2, ip.w3) };
}

const wordAt = (bytes: Uint8Array, i: number): number =>
  ((bytes[i] ?? 0) << 24) | ((bytes[i + 1] ?? 0) << 16) | ((bytes[i + 2] ?? 0) << 8) | (bytes[i + 3] ?? 0);

function isAddress(a: Words, version: 4 | 6, bytes: Uint8Array): boolean {
  if (a.version !== version || a.words[0] !== wordAt(bytes, 0)) return false;
  if (version === 4) return true;
  return a.words[1] === wordAt(bytes, 4) && a.words[2] === wordAt(bytes, 8) && a.words[3] === wordAt(bytes, 12);
}

/** Small integer of an address, for the map. */
const hashBytes = (version: 4 | 6, b: Uint8Array): number =>
  version === 4 ? wordAt(b, 0) : wordAt(b, 0) ^ wordAt(b, 4) ^ wordAt(b, 8) ^ wordAt(b, 12);
const hashWords = (w: Int32Array): number => (w[0] ?? 0) ^ (w[1] ?? 0) ^ (w[2] ?? 0) ^ (w[3] ?? 0);

/** A session as the demultiplexer sees it. */
export class Route<T> {
  readonly target: T;
  readonly localDiscr: number;
  readonly peer: Words;
  readonly hop: HopKind;
  readonly interface: string | null;
  readonly vrf: string | null;
  local: Words | null;
  /** 0: any; -1: named, but not there now. */
  interfaceIndex = 0;
  vrfIndex = 0;

  constructor(target: T, localDiscr: number, address: SessionAddress, local: string | null) {
    this.target = target;
    this.localDiscr = localDiscr;
    this.peer = wordsOf(address.peer);
    this.hop = address.hop;
    this.interface = address.interface;
    this.vrf = address.vrf;
    this.local = local === null ? null : wordsOf(local);
  }

  setLocal(local: string | null): void {
    this.local = local === null ? null : wordsOf(local);
  }

  /** null: the packet may have come this way. */
  mismatch(from: Arrival): DropCause | null {
    if (this.hop !== from.hop) return "unknownPeer";
    if (from.vrfIndex !== -1 && from.vrfIndex !== this.vrfIndex) return "wrongInterface";
    // an interface that is gone delivers nothing, whatever it is called
    if (this.interfaceIndex !== 0 && from.interfaceIndex !== 0 && from.interfaceIndex !== this.interfaceIndex) {
      return "wrongInterface";
    }
    if (this.local !== null && from.isDestinationKnown && !isAddress(this.local, from.version, from.destination)) {
      return "wrongLocalAddress";
    }
    return null;
  }
}

export class Demux<T> {
  // int32 keys stay small integers in the engine's memory, unsigned ones would not
  readonly #byDiscr = new Map<number, Route<T>>();
  readonly #byPeer = new Map<number, Route<T>[]>();
  readonly #interfaces = new Map<string, number>();
  readonly #secret: Random;

  /** @param secret unpredictable: a discriminator is all that a stranger on the same link does not know */
  constructor(secret: Random) {
    this.#secret = secret;
  }

  /** Makes a session with a discriminator of its own: random, not 0, not one in use (C-201). */
  add(make: (localDiscr: number) => T, address: SessionAddress, local: string | null): Route<T> {
    let discr = 0;
    while (discr === 0 || this.#byDiscr.has(discr | 0)) discr = Math.floor(this.#secret.next() * 0x1_0000_0000) >>> 0;
    const route = new Route(make(discr), discr, address, local);
    this.#byDiscr.set(discr | 0, route);
    const hash = hashWords(route.peer.words);
    this.#byPeer.set(hash, [...(this.#byPeer.get(hash) ?? []), route]);
    this.#index(route);
    return route;
  }

  remove(route: Route<T>): void {
    this.#byDiscr.delete(route.localDiscr | 0);
    const hash = hashWords(route.peer.words);
    const rest = (this.#byPeer.get(hash) ?? []).filter((r) => r !== route);
    if (rest.length === 0) this.#byPeer.delete(hash);
    else this.#byPeer.set(hash, rest);
  }

  /** @param index 0: the interface is gone */
  setInterface(name: string, index: number): void {
    if (index === 0) this.#interfaces.delete(name);
    else this.#interfaces.set(name, index);
    for (const route of this.#byDiscr.values()) {
      if (route.interface === name || route.vrf === name) this.#index(route);
    }
  }

  byDiscr(discr: number): Route<T> | undefined {
    return this.#byDiscr.get(discr | 0);
  }

  /** The session of a checked control packet, or why there is none. */
  find(packet: ControlPacket, from: Arrival): Route<T> | DropCause {
    if (packet.yourDiscr !== 0) {
      const route = this.byDiscr(packet.yourDiscr);
      if (route === undefined || route.hop !== from.hop) return "unknownDiscr";
      return route.mismatch(from) ?? route;
    }
    if (packet.state !== "Down" && packet.state !== "AdminDown") return "zeroDiscrState";
    const bucket = this.#byPeer.get(hashBytes(from.version, from.source));
    let found: Route<T> | null = null;
    let cause: DropCause = "unknownPeer";
    if (bucket === undefined) return cause;
    for (let i = 0; i < bucket.length; i++) {
      const route = bucket[i];
      if (route === undefined || route.hop !== from.hop) continue;
      if (!isAddress(route.peer, from.version, from.source)) continue;
      const mismatch = route.mismatch(from);
      if (mismatch !== null) cause = mismatch;
      // one bound to the interface is meant before one that takes any
      else if (found === null || route.interfaceIndex !== 0) found = route;
    }
    return found ?? cause;
  }

  #index(route: Route<T>): void {
    const lookup = (name: string | null): number => (name === null ? 0 : (this.#interfaces.get(name) ?? -1));
    route.interfaceIndex = lookup(route.interface);
    route.vrfIndex = lookup(route.vrf);
  }
}
