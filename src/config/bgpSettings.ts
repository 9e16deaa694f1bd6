// The settings of announcing: which Services, under which identifier, who may connect, what outlives the process. Owns their table.
// Sessions and routes are no settings: those are MetalLB's objects. Contract: see setting.ts.
import type { RouterId } from "../kernel/units.ts";
import { type ListenAddress, readBoolean, readListen, readPath, readRouterId, readText } from "./readers.ts";
import type { Settings } from "./setting.ts";

/** What peers and Services see of the daemon itself. */
export interface BgpConfig {
  /** Empty: Services without a class. */
  readonly lbClass: string;
  readonly ignoreExcludeLb: boolean;
  /** null: from the Node's address. */
  readonly routerId: RouterId | null;
  /** Where peers may connect to us; empty: nowhere. */
  readonly listen: readonly ListenAddress[];
  /** null: every start is a first one to the peers. */
  readonly stateDir: string | null;
}

export const BGP_SETTINGS: Settings<BgpConfig> = {
  lbClass: {
    flag: "lb-class",
    env: ["VIPCAST_LB_CLASS"],
    placeholder: "CLASS",
    fallback: "",
    read: readText(253),
    help: "Serve only Services with this spec.loadBalancerClass; empty: only those without one",
  },
  ignoreExcludeLb: {
    flag: "ignore-exclude-lb",
    env: ["VIPCAST_IGNORE_EXCLUDE_LB"],
    placeholder: null,
    fallback: false,
    read: readBoolean,
    help: "Announce from nodes labelled node.kubernetes.io/exclude-from-external-load-balancers, too",
  },
  routerId: {
    flag: "router-id",
    env: ["VIPCAST_ROUTER_ID"],
    placeholder: "IPV4",
    fallback: null,
    read: readRouterId,
    help: "BGP Identifier for peers that set none; otherwise it comes from the addresses of the node",
  },
  listen: {
    flag: "listen",
    env: ["VIPCAST_LISTEN"],
    placeholder: "HOST:PORT,...",
    fallback: [],
    read: readListen,
    help: "Let peers connect to these addresses, e.g. 0.0.0.0:179,[::]:179; without it only vipcast connects",
  },
  stateDir: {
    flag: "state-dir",
    env: ["VIPCAST_STATE_DIR"],
    placeholder: "DIR",
    fallback: null,
    read: readPath,
    help: "Keep a life sign in this directory, so that after a crash peers with graceful restart keep the routes, and what `inject --persist` says; without it nothing is kept",
  },
};
