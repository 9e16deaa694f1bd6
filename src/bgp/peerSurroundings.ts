// What a peer's runner needs from outside, and what it tells its owner. Owns these interfaces only.
// The real ones are put together in app/, tests bring a simulated network and a virtual clock.
import type { Clock, Random, Timers } from "../kernel/clock.ts";
import type { Prefix } from "../kernel/ip.ts";
import type { Network } from "./network.ts";
import type { PeerRunner } from "./peerRunner.ts";
import type { Reading } from "./reception.ts";
import type { EndCause, FsmStateName } from "./session/fsm.ts";
import type { ReceivedAttributes, UpdateMessage } from "./wire/message.ts";

/** What a peer reports to its owner, at once and in order. */
export interface PeerObserver {
  stateChanged(runner: PeerRunner, from: FsmStateName, to: FsmStateName): void;
  /** A connection or attempt ended. @param wasEstablished it carried the session */
  ended(runner: PeerRunner, cause: EndCause, wasEstablished: boolean): void;
  /** The kernel has taken all that the peer should have by now; told after each write of which that is true. */
  drained?(runner: PeerRunner): void;
  updateFaults(runner: PeerRunner, update: UpdateMessage): void;
  /** Our own defect: the session was closed because of it. */
  defect(runner: PeerRunner, error: unknown): void;
}

/** Who follows routes that peers advertise, of the peers whose routes are kept; told at once and in order. */
export interface ReceivedWatcher {
  /** See RouteWatch. */
  isWatched(attributes: ReceivedAttributes): boolean;
  routeChanged(runner: PeerRunner, prefix: Prefix, attributes: ReceivedAttributes | null): void;
  /** See ReceptionWatch. */
  readingChanged(runner: PeerRunner, reading: Reading): void;
}

export interface PeerSurroundings {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly network: Network;
  readonly observer: PeerObserver;
  /** Absent: nobody follows them. */
  readonly watcher?: ReceivedWatcher;
}
