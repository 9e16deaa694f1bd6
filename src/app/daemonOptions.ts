// What a daemon is told at its start: the settings (config/schema.ts) as they are once they have been found to make sense together. Owns
// types only. Knows nothing of flags and files. Contract: constant while the daemon runs; what may change comes from the source.
import type { Endpoint } from "../bgp/listener.ts";
import type { Millis, RouterId } from "../kernel/units.ts";
import type { SourceOptions } from "./source.ts";

export interface DaemonOptions {
  readonly nodeName: string;
  readonly source: SourceOptions;
  /** Compare with what MetalLB reports, and do nothing else: with the other settings of SHADOWED. */
  readonly shadow: boolean;
  /** Of MetalLB's own objects; those elsewhere are not used. */
  readonly namespace: string;
  /** Owns what is reported to the cluster; null: the Node does. */
  readonly podName: string | null;
  readonly lbClass: string;
  readonly ignoreExcludeLb: boolean;
  readonly routerId: RouterId | null;
  /** Where peers may connect to us. */
  readonly listen: readonly Endpoint[];
  /** Directory for the life signs that tell a restart from a first start; null: every start is a first one. */
  readonly stateDir: string | null;
  /** Give Services their addresses; needs a state directory. */
  readonly allocate: boolean;
  /** Tell peers of each other's claims; announce no Services. */
  readonly witness: boolean;
  /** How long routes are the last choice of routers before they are withdrawn; 0: not at all. */
  readonly drainTime: Millis;
  /** Drain while `spec.unschedulable` of the Node is set. */
  readonly drainOnCordon: boolean;
  /** Drain while the Node has a taint with this key; null: none drains. */
  readonly drainOnTaint: string | null;
  /** A stop is the first half of a restart: peers that keep routes over one are left with them. */
  readonly stopKeepsRoutes: boolean;
  /** Told to the peers in the Cease when the daemon stops (RFC 9003). */
  readonly shutdownText: string;
}
