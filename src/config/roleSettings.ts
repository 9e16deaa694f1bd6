// The settings that give the daemon its role: announce, be a shadow or a witness, give addresses, lead. Owns their table. Contract: see
// setting.ts; which roles exclude each other is resolve.ts's to say.
import { readBoolean, readWord } from "./readers.ts";
import type { Settings } from "./setting.ts";

export type ShadowFormat = "text" | "json";

/** What the daemon does. */
export interface RoleConfig {
  /** Decide, compare with what MetalLB reports, and do nothing else. */
  readonly shadow: boolean;
  /** How to print the first comparison, and end; null: go on. */
  readonly shadowOnce: ShadowFormat | null;
  readonly allocate: boolean;
  /** Tell peers of each other's claims instead of announcing Services. */
  readonly witness: boolean;
  /** Of several controllers one allocates and the others wait; false: one that finds another at work ends. */
  readonly leaderElect: boolean;
}

export const ROLE_SETTINGS: Settings<RoleConfig> = {
  shadow: {
    flag: "shadow",
    env: ["VIPCAST_SHADOW"],
    placeholder: null,
    fallback: false,
    read: readBoolean,
    help: "Open no session and write nothing: tell what would be announced, and where a running MetalLB reports something else",
  },
  shadowOnce: {
    flag: "shadow-once",
    env: ["VIPCAST_SHADOW_ONCE"],
    placeholder: "FORMAT",
    fallback: null,
    read: readWord<ShadowFormat>(["text", "json"]),
    help: "The same once: print the comparison as text or json and end, with exit code 1 where something differs",
  },
  allocate: {
    flag: "allocate",
    env: ["VIPCAST_ALLOCATE"],
    placeholder: null,
    fallback: false,
    read: readBoolean,
    help: "Give the Services of the manifests their addresses from the pools, and remember them in the state directory",
  },
  witness: {
    flag: "witness",
    env: ["VIPCAST_WITNESS"],
    placeholder: null,
    fallback: false,
    read: readBoolean,
    help: "Announce no Services: tell every peer what the others claim for their sites (docs/disaster-recovery.md)",
  },
  leaderElect: {
    flag: "leader-elect",
    env: ["VIPCAST_LEADER_ELECT"],
    placeholder: "[BOOL]",
    fallback: true,
    read: readBoolean,
    help: "Wait while another controller holds the Lease; false: end with an error when another one is at work",
  },
};
