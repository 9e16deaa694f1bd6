// When changes of a Service arrived and when their outcome was written, for its history. Owns which objects belong to a Service, and what
// counts as written. Keeps nothing (observe/serviceHistory.ts does). Contract: cheap enough to be called for every change and every write.
import type { PeerRunner } from "../bgp/peerRunner.ts";
import type { Millis } from "../kernel/units.ts";
import type { ServiceHistory } from "../observe/serviceHistory.ts";
import type { StoreChange } from "../sources/store.ts";

/** These changes have come into the store. */
export function noteArrival(history: ServiceHistory, changes: readonly StoreChange[], now: Millis): void {
  for (const { before, after } of changes) {
    for (const object of [before, after]) {
      if (object?.kind === "Service") history.arrived(object.key, now);
      else if (object?.kind === "EndpointSlice" && object.service !== null) history.arrived(object.service, now);
    }
  }
}

/** What was settled counts as written once sessions stand, and none of them has anything left to be handed. */
export function noteWritten(
  history: ServiceHistory,
  peers: Iterable<Pick<PeerRunner, "isDrained" | "negotiated">>,
  now: Millis,
): void {
  if (!history.isAwaitingWrite) return;
  let stands = false;
  for (const runner of peers) {
    if (!runner.isDrained) return;
    stands ||= runner.negotiated !== null; // without a session there is nothing to hand, and nobody who got anything
  }
  if (stands) history.written(now);
}
