// The settings of the daemon itself (not of BGP: those are MetalLB's objects), as one table joined from those by theme. Owns the join,
// which program takes which setting, and the form of a problem with one. Pure, and knows nothing of how values are found: resolve.ts
// does. Contract: flags, environment names, file keys, defaults, help and documentation all come from this table; its order is theirs.
import type { Said } from "../kernel/messages.ts";
import type { ConfigProblem } from "../kernel/problem.ts";
import { BGP_SETTINGS, type BgpConfig } from "./bgpSettings.ts";
import { LEAVING_SETTINGS, type LeavingConfig } from "./leavingSettings.ts";
import { OBSERVATION_SETTINGS, type ObservationConfig } from "./observationSettings.ts";
import { ROLE_SETTINGS, type RoleConfig } from "./roleSettings.ts";
import type { Settings } from "./setting.ts";
import { SOURCE_SETTINGS, type SourceConfig } from "./sourceSettings.ts";
import { WEBHOOK_SETTINGS, type WebhookConfig } from "./webhookSettings.ts";

/** What a daemon runs with: of the speaker and of the controller, which share some settings (`SPEAKER_KEYS`, `CONTROLLER_KEYS`). */
export interface DaemonConfig
  extends SourceConfig,
    RoleConfig,
    BgpConfig,
    ObservationConfig,
    LeavingConfig,
    WebhookConfig {}

export type ConfigKey = keyof DaemonConfig;

export const SETTINGS: Settings<DaemonConfig> = {
  ...SOURCE_SETTINGS,
  ...ROLE_SETTINGS,
  ...BGP_SETTINGS,
  ...OBSERVATION_SETTINGS,
  ...LEAVING_SETTINGS,
  ...WEBHOOK_SETTINGS,
};

export const CONFIG_KEYS = Object.keys(SETTINGS) as readonly ConfigKey[];

const CONTROLLER_ONLY: readonly ConfigKey[] = ["leaderElect", ...(Object.keys(WEBHOOK_SETTINGS) as ConfigKey[])];
const SHARED: readonly ConfigKey[] = [
  "kubeconfig",
  "context",
  "namespace",
  "podName",
  "lbClass",
  "metrics",
  "metricsTlsCert",
  "metricsTlsKey",
  "metricsAuth",
  "tlsMinVersion",
  "tlsCipherSuites",
  "tlsCurvePreferences",
  "health",
  "logLevel",
];

/** What `vipcast speaker` takes. */
export const SPEAKER_KEYS = CONFIG_KEYS.filter((key) => !CONTROLLER_ONLY.includes(key));
/** What `vipcast controller` takes. */
export const CONTROLLER_KEYS = CONFIG_KEYS.filter((key) => SHARED.includes(key) || CONTROLLER_ONLY.includes(key));

/** Environment name of `--config`. */
export const CONFIG_FILE_ENV = "VIPCAST_CONFIG";

/** One value as it was found. */
export interface Given {
  readonly key: ConfigKey;
  readonly raw: unknown;
  readonly origin: Origin;
}

/** Where a value stood. */
export interface Origin {
  /** `--metrics`, `VIPCAST_METRICS`, or the name of the file. */
  readonly name: string;
  /** In the file, from 1. */
  readonly line?: number;
}

/** Kind under which problems of our own configuration are reported. */
export const CONFIG_KIND = "VipcastConfig";

/** @param path the key; empty for the whole of what `origin` names */
export function settingProblem(
  { name, line }: Origin,
  path: string,
  { message, hint }: Said,
  severity: ConfigProblem["severity"] = "error",
): ConfigProblem {
  const place = line === undefined ? {} : { file: name, line };
  return { severity, kind: CONFIG_KIND, namespace: null, name, path, message, hint, ...place };
}
