// How the daemon leaves its peers: drained and with a goodbye, or with our routes for a restart. Owns which of the two, the order, and
// how long it may take. Knows nothing of sources and decisions: `halt` ends those. Contract: once `halt` has been called the process
// ends, at the latest after STOP_LIMIT_MS and LAST_WRITES_LIMIT_MS, whatever peers and disks do; a stop that an operator took back never gets that far.
import { setTimeout as sleep } from "node:timers/promises";
import type { PeerRunner } from "../bgp/peerRunner.ts";
import type { Speaker } from "../bgp/speaker.ts";
import type { TcpNetwork } from "../bgp/transport.ts";
import { STOP_ACK_LIMIT } from "../drain/machine.ts";
import { listed } from "../kernel/suggest.ts";
import type { Logger } from "../observe/log.ts";
import { peerOpen } from "../observe/peerView.ts";
import type { Draining } from "./draining.ts";
import type { PathWatch } from "./pathWatch.ts";
import type { RestartMarker } from "./restartMarker.ts";

/** How long a stop may take for withdrawals and farewells; the process has 2 s in all. */
export const STOP_LIMIT_MS = 1_500;
/** Of it the farewells where the acknowledgement of withdrawals has taken its time. */
const FAREWELL_LIMIT_MS = STOP_LIMIT_MS - STOP_ACK_LIMIT;

/** What a disk that is slow gets beyond that for what has yet to be written. */
export const LAST_WRITES_LIMIT_MS = 250;

/** How a stop went: `taken back` by an operator, so that the daemon goes on. */
export type StopOutcome = "proven" | "not proven" | "taken back";

export interface FarewellSurroundings {
  readonly log: Logger;
  readonly speaker: Speaker;
  readonly network: TcpNetwork;
  readonly draining: Draining;
  readonly paths: PathWatch;
  /** null: every start is a first one to the peers. */
  readonly marker: RestartMarker | null;
  /** Peers that keep routes over a restart are left with them, where nothing else asks for a drain. */
  readonly keepsRoutes: boolean;
  /** What was told is taken back before the goodbye; else it ends with the sessions. */
  readonly withdraws: boolean;
  /** Told to the peers in the Cease (RFC 9003). */
  readonly text: string;
  /** A daemon that is started again finds its reports, and has no news to tell. */
  readonly holdReports: (isHeld: boolean) => void;
  /** Nothing is decided or handed on any more. @returns settles when the disk has what it should have, or cannot get it */
  readonly halt: () => Promise<unknown>;
}

/** Drains, says goodbye to every peer, and waits until that has left, within limits. */
export async function leave(around: FarewellSurroundings): Promise<StopOutcome> {
  const { draining, speaker, holdReports, halt } = around;
  holdReports(true);
  if (around.keepsRoutes && draining.state.name === "normal") {
    const kept = [...speaker.peers()].filter(keepsRoutes);
    if (kept.length > 0) return leaveRoutes(around, new Set(kept));
  }
  const isProven = await draining.stop();
  if (isProven === null) {
    holdReports(false);
    return "taken back";
  }
  const written = halt();
  await sayGoodbye(around, isProven ? STOP_LIMIT_MS : FAREWELL_LIMIT_MS);
  await lastWrites(written);
  return isProven ? "proven" : "not proven";
}

/** @param limit milliseconds, after which we leave anyway */
async function sayGoodbye(around: FarewellSurroundings, limit: number): Promise<void> {
  const { log, speaker, network, marker, paths, withdraws, text } = around;
  let isSaid = false;
  const goodbye = speaker
    .shutdown(text, { withdraws })
    .then(() => network.idle())
    .then(() => {
      isSaid = true;
      return marker?.remove();
    })
    .then(() => paths.stop()); // not before: AdminDown is no reason for a peer to keep a route
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), limit);
  });
  if ((await Promise.race([goodbye, late])) === "late" && !isSaid) {
    log.warn("stopIncomplete", {}, "a peer did not take its withdrawals and Cease in time; leaving anyway");
    marker?.stop(); // that peer may keep our routes, so the next start is a restart to it
  }
  clearTimeout(timer);
}

/**
 * Ends like a process that dies, as far as these peers can see: the end of the process closes their connections, and they keep
 * our routes until it is back (RFC 4724). BFD falls silent with it: AdminDown would say that there is no restart.
 */
async function leaveRoutes(around: FarewellSurroundings, kept: ReadonlySet<PeerRunner>): Promise<StopOutcome> {
  const { log, speaker, marker, withdraws, text, halt } = around;
  const written = halt();
  marker?.stop(); // the sign of life stays: the next start is a restart
  const names = [...kept].map((runner) => runner.config.name);
  log.info("routesKept", { count: kept.size }, `left with our routes for a restart: ${listed(names)}`);
  const told = speaker.shutdown(text, { isKept: (runner) => kept.has(runner), withdraws }).then(() => true);
  const isTold = await Promise.race([told, sleep(FAREWELL_LIMIT_MS, false)]);
  await lastWrites(written);
  return isTold ? "proven" : "not proven";
}

/** A disk that hangs does not keep the process. */
const lastWrites = (written: Promise<unknown>): Promise<unknown> =>
  Promise.race([written, sleep(LAST_WRITES_LIMIT_MS, undefined, { ref: false })]);

/** It keeps our routes over a restart: both OPENs said so (RFC 4724 section 3). */
const keepsRoutes = (runner: PeerRunner): boolean =>
  runner.config.restartTime !== null &&
  runner.negotiated !== null &&
  peerOpen(runner)?.capabilities.some((c) => c.type === "gracefulRestart") === true;
