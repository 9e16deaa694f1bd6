// The settings of drains and stops: when routes are taken away, how gently, and what peers are told. Owns their table and its bounds.
// Contract: see setting.ts.
import { Millis } from "../kernel/units.ts";
import { readBoolean, readDuration, readTaintKey, readText } from "./readers.ts";
import type { Settings } from "./setting.ts";

/** Milliseconds; whoever stops the daemon waits no longer than that. */
export const MAX_DRAIN_TIME = 600_000;
/** Octets a Cease carries for the reader at the other end (RFC 9003). */
const MAX_SHUTDOWN_TEXT = 255;

/** How routes are taken away. */
export interface LeavingConfig {
  /** 0: routes are withdrawn at once. */
  readonly drainTime: Millis;
  readonly drainOnCordon: boolean;
  /** null: no taint drains. */
  readonly drainOnTaint: string | null;
  readonly stopKeepsRoutes: boolean;
  readonly shutdownText: string;
}

export const LEAVING_SETTINGS: Settings<LeavingConfig> = {
  drainTime: {
    flag: "drain-time",
    env: ["VIPCAST_DRAIN_TIME"],
    placeholder: "DURATION",
    fallback: Millis(0),
    read: readDuration(MAX_DRAIN_TIME),
    help: "On a drain or stop, make every route the last choice of routers for so long before it is withdrawn: GRACEFUL_SHUTDOWN, LOCAL_PREF 0 (RFC 8326)",
  },
  drainOnCordon: {
    flag: "drain-on-cordon",
    env: ["VIPCAST_DRAIN_ON_CORDON"],
    placeholder: null,
    fallback: false,
    read: readBoolean,
    help: "Drain while the Node is cordoned (`spec.unschedulable`)",
  },
  drainOnTaint: {
    flag: "drain-on-taint",
    env: ["VIPCAST_DRAIN_ON_TAINT"],
    placeholder: "KEY",
    fallback: null,
    read: readTaintKey,
    help: "Drain while the Node has a taint with this key, whatever its value and effect",
  },
  stopKeepsRoutes: {
    flag: "stop-keeps-routes",
    env: ["VIPCAST_STOP_KEEPS_ROUTES"],
    placeholder: null,
    fallback: false,
    read: readBoolean,
    help: "On SIGTERM leave the routes with peers that agreed on graceful restart, for a daemon that is started anew at once; drain first where it is not",
  },
  shutdownText: {
    flag: "shutdown-text",
    env: ["VIPCAST_SHUTDOWN_TEXT"],
    placeholder: "TEXT",
    fallback: "vipcast is stopping",
    read: readText(MAX_SHUTDOWN_TEXT),
    help: "What peers are told when the daemon stops (RFC 9003)",
  },
};
