// BIRD 2 as a BFD peer: its configuration and what it tells of its sessions. Owns the text of its protocol and the reading of
// `show bfd sessions` and of its log. Knows nothing of topologies.
// Contract: BIRD keeps no counts of its own, so sessions that went Down are counted in its log; a session that BIRD does not
// have is null. Its multihop packets leave with the system's TTL (64), so its peer must not ask for more.
import type { Bird } from "./bird.ts";

export interface BirdBfdOptions {
  readonly peer: string;
  readonly local: string;
  /** Of a single-hop session; null: multihop. */
  readonly interface: string | null;
  /** Milliseconds. */
  readonly transmitMs: number;
  readonly receiveMs: number;
  readonly multiplier: number;
}

/** A configuration with one BFD session, begun by BIRD itself and not by a routing protocol. */
export function birdBfdConfig(o: BirdBfdOptions): string {
  const timers = `min rx interval ${o.receiveMs} ms; min tx interval ${o.transmitMs} ms; idle tx interval 1 s; multiplier ${o.multiplier};`;
  return `router id 192.0.2.2;
protocol device { }
protocol direct { ipv4; ipv6; }
protocol bfd watch {
  debug { states, events };
  ${o.interface === null ? "multihop" : `interface "${o.interface}"`} { ${timers} };
  neighbor ${o.peer}${o.interface === null ? "" : ` dev "${o.interface}"`} local ${o.local}${o.interface === null ? " multihop" : ""};
}`;
}

export interface BirdBfdSession {
  /** `Up`, `Init`, `Down`, `AdminDown`. */
  readonly state: string;
  /** Milliseconds between its packets, and until it takes our silence for Down (0: it does not). */
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** @throws CommandError when BIRD does not answer */
export async function birdSession(bird: Bird, peer: string): Promise<BirdBfdSession | null> {
  for (const line of (await bird.birdc("show bfd sessions")).split("\n")) {
    const [address, , state = "", , interval, timeout] = line.split(/\s+/);
    if (address !== peer) continue;
    return { state, intervalMs: 1_000 * Number(interval), timeoutMs: 1_000 * Number(timeout) };
  }
  return null;
}

/** How often a session of BIRD's left Up, as far as its log reaches back. */
export const birdDowns = (bird: Bird): number =>
  [...bird.log().matchAll(/changed state from Up to (Down|Init)/g)].length;
