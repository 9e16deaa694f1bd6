// What status and metrics look at in a running peer, and the few things both say about it in the same words. Owns no state.
// Changes nothing in a peer. Contract: cheap to call at any time, on any state.
import type { PeerRunner } from "../bgp/peerRunner.ts";
import { peerHost } from "../bgp/session/config.ts";
import type { OpenMessage } from "../bgp/wire/message.ts";
import { joinHostPort } from "../config/readers.ts";
import type { Millis } from "../kernel/units.ts";

/** The readable side of `PeerRunner`. */
export type PeerView = Pick<
  PeerRunner,
  | "config"
  | "state"
  | "stateName"
  | "negotiated"
  | "counters"
  | "ribs"
  | "receivedCount"
  | "lastFaultyUpdate"
  | "remoteAddress"
  | "nextHopProblems"
>;

/** `address:port` with the configured port, whatever the state of the session (metallb-compat Q-26). */
export const peerEndpoint = ({ config }: Pick<PeerView, "config">): string =>
  joinHostPort(peerHost(config), config.port);

/** Prefixes over all families. `wanted`: should be at the peer; `sent`: are there. */
export function prefixCounts(peer: Pick<PeerView, "ribs">): { readonly wanted: number; readonly sent: number } {
  let wanted = 0;
  let sent = 0;
  for (const rib of peer.ribs().values()) {
    wanted += rib.wantedCount;
    sent += rib.sentCount;
  }
  return { wanted, sent };
}

/** The OPEN of the peer on the connection that is furthest; null before it has come. */
export function peerOpen({ state }: Pick<PeerView, "state">): OpenMessage | null {
  const furthest = [state.out, state.in].find((s) => s.name === "Established") ?? state.out;
  for (const connection of [furthest, state.in]) {
    if (connection.name === "Established" || connection.name === "OpenConfirm") return connection.peerOpen;
  }
  return null;
}

/** Wall clock of a monotonic moment, milliseconds since 1970. */
export const wallOf = (at: Millis, now: Millis, wall: number): number => wall - (now - at);
