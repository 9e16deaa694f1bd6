// The settings of the daemon itself (not of BGP: those are MetalLB's objects). Owns one table that gives flags, environment
// names, file keys, defaults, help and documentation. Pure: it sees values, not files or process.env (load.ts does).
// Contract: flags before environment before file before default; every wrong value is reported, whichever wins.

import type { ConfigProblem } from "../kernel/problem.ts";
import { nearest } from "../kernel/suggest.ts";
import { Millis, type RouterId } from "../kernel/units.ts";
import { LOG_LEVELS, type LogLevel } from "../observe/log.ts";
import {
  type HostPort,
  type ListenAddress,
  type Reader,
  readBoolean,
  readDuration,
  readHostPort,
  readKubernetesName,
  readListen,
  readPath,
  readRouterId,
  readTaintKey,
  readText,
  readWord,
} from "./readers.ts";
import { readCipherSuites, readCurves, readTlsVersion, type TlsVersion } from "./tls.ts";

export interface Setting<T> {
  /** Long flag without dashes. */
  readonly flag: string;
  /** Environment names, the first one set to more than nothing wins. */
  readonly env: readonly string[];
  /** Stands for the value in help; null for a switch. */
  readonly placeholder: string | null;
  readonly fallback: T;
  readonly read: Reader<T>;
  /** One sentence without its dot. */
  readonly help: string;
}

/** What a daemon runs with: of the speaker and of the controller, which share some settings (`SPEAKER_KEYS`, `CONTROLLER_KEYS`). */
export interface DaemonConfig {
  /** null where it was not given. */
  readonly nodeName: string | null;
  /** Decide, compare with what MetalLB reports, and do nothing else. */
  readonly shadow: boolean;
  /** How to print the first comparison, and end; null: go on. */
  readonly shadowOnce: ShadowFormat | null;
  readonly manifests: string | null;
  readonly kubeconfig: string | null;
  /** null: the kubeconfig's current one. */
  readonly context: string | null;
  /** null: no status socket. */
  readonly socket: string | null;
  /** null: no HTTP. */
  readonly metrics: HostPort | null;
  /** PEM files; both or neither. null: metrics are served without TLS. */
  readonly metricsTlsCert: string | null;
  readonly metricsTlsKey: string | null;
  /** Whoever asks for metrics shows a token, and the API server says whether that is enough. */
  readonly metricsAuth: boolean;
  readonly tlsMinVersion: TlsVersion;
  /** IANA names, for TLS 1.2; empty: the usual ones. */
  readonly tlsCipherSuites: readonly string[];
  /** Numbers of the TLS registry; empty: the usual ones. */
  readonly tlsCurvePreferences: readonly string[];
  /** null: no second HTTP address. */
  readonly health: HostPort | null;
  /** Where peers may connect to us; empty: nowhere. */
  readonly listen: readonly ListenAddress[];
  readonly logLevel: LogLevel;
  /** Empty: Services without a class. */
  readonly lbClass: string;
  readonly ignoreExcludeLb: boolean;
  /** null: from the Node's address. */
  readonly routerId: RouterId | null;
  readonly namespace: string;
  /** null: the daemon is no pod. */
  readonly podName: string | null;
  /** null: every start is a first one to the peers. */
  readonly stateDir: string | null;
  readonly allocate: boolean;
  /** Tell peers of each other's claims instead of announcing Services. */
  readonly witness: boolean;
  /** Of several controllers one allocates and the others wait; false: one that finds another at work ends. */
  readonly leaderElect: boolean;
  /** 0: routes are withdrawn at once. */
  readonly drainTime: Millis;
  readonly drainOnCordon: boolean;
  /** null: no taint drains. */
  readonly drainOnTaint: string | null;
  readonly stopKeepsRoutes: boolean;
  readonly shutdownText: string;
}

export type ShadowFormat = "text" | "json";

export type ConfigKey = keyof DaemonConfig;

/** Milliseconds; whoever stops the daemon waits no longer than that. */
export const MAX_DRAIN_TIME = 600_000;
/** Octets a Cease carries for the reader at the other end (RFC 9003). */
const MAX_SHUTDOWN_TEXT = 255;

export const SETTINGS: { readonly [K in ConfigKey]: Setting<DaemonConfig[K]> } = {
  nodeName: {
    flag: "node-name",
    env: ["VIPCAST_NODE_NAME", "METALLB_NODE_NAME"],
    placeholder: "NAME",
    fallback: null,
    read: readKubernetesName("subdomain"),
    help: "Name of this node: node selectors and endpoints refer to it",
  },
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
  manifests: {
    flag: "manifests",
    env: ["VIPCAST_MANIFESTS"],
    placeholder: "DIR",
    fallback: null,
    read: readPath,
    help: "Read the objects from this directory of YAML files, and follow its changes",
  },
  kubeconfig: {
    flag: "kubeconfig",
    env: ["VIPCAST_KUBECONFIG"],
    placeholder: "FILE",
    fallback: null,
    read: readPath,
    help: "Read the objects from the API server of this kubeconfig; in a pod of a cluster neither this nor `manifests` is needed",
  },
  context: {
    flag: "context",
    env: ["VIPCAST_CONTEXT"],
    placeholder: "NAME",
    fallback: null,
    read: readText(253),
    help: "Context of the kubeconfig; without it the current one",
  },
  socket: {
    flag: "socket",
    env: ["VIPCAST_SOCKET"],
    placeholder: "PATH",
    fallback: null,
    read: readPath,
    help: "Unix socket for `vipcast status`, `peers`, `routes` and `inject`; without it there is none",
  },
  metrics: {
    flag: "metrics",
    env: ["VIPCAST_METRICS"],
    placeholder: "HOST:PORT",
    fallback: null,
    read: readHostPort,
    help: "Serve /metrics, /healthz and /readyz there; in a pod 0.0.0.0:9120 unless `--port=0` is given, elsewhere nowhere unless asked for",
  },
  metricsTlsCert: {
    flag: "metrics-tls-cert",
    env: ["VIPCAST_METRICS_TLS_CERT"],
    placeholder: "FILE",
    fallback: null,
    read: readPath,
    help: "Serve metrics over TLS with this certificate chain (PEM); a file that changes is read again",
  },
  metricsTlsKey: {
    flag: "metrics-tls-key",
    env: ["VIPCAST_METRICS_TLS_KEY"],
    placeholder: "FILE",
    fallback: null,
    read: readPath,
    help: "The private key of that certificate (PEM)",
  },
  metricsAuth: {
    flag: "metrics-auth",
    env: ["VIPCAST_METRICS_AUTH"],
    placeholder: null,
    fallback: false,
    read: readBoolean,
    help: "Give metrics only to bearers of a token that the API server knows and whose owner may get /metrics (TokenReview, SubjectAccessReview)",
  },
  tlsMinVersion: {
    flag: "tls-min-version",
    env: ["VIPCAST_TLS_MIN_VERSION"],
    placeholder: "VERSION",
    fallback: "VersionTLS13",
    read: readTlsVersion,
    help: "Lowest version of TLS that is spoken: VersionTLS12 or VersionTLS13",
  },
  tlsCipherSuites: {
    flag: "tls-cipher-suites",
    env: ["VIPCAST_TLS_CIPHER_SUITES"],
    placeholder: "NAME,...",
    fallback: [],
    read: readCipherSuites,
    help: "Cipher suites for TLS 1.2 by their IANA names; those of TLS 1.3 cannot be chosen",
  },
  tlsCurvePreferences: {
    flag: "tls-curve-preferences",
    env: ["VIPCAST_TLS_CURVE_PREFERENCES"],
    placeholder: "NUMBER,...",
    fallback: [],
    read: readCurves,
    help: "Key exchange groups by their TLS numbers, best first: 29 (X25519), 23, 24, 25 (P-256, P-384, P-521)",
  },
  health: {
    flag: "health",
    env: ["VIPCAST_HEALTH"],
    placeholder: "HOST:PORT",
    fallback: null,
    read: readHostPort,
    help: "Serve /healthz and /readyz there, too, without metrics, TLS or tokens; in a pod 127.0.0.1:17472 unless `--health-probe-port=0` is given",
  },
  listen: {
    flag: "listen",
    env: ["VIPCAST_LISTEN"],
    placeholder: "HOST:PORT,...",
    fallback: [],
    read: readListen,
    help: "Let peers connect to these addresses, e.g. 0.0.0.0:179,[::]:179; without it only vipcast connects",
  },
  logLevel: {
    flag: "log-level",
    env: ["VIPCAST_LOG_LEVEL"],
    placeholder: "LEVEL",
    fallback: "info",
    read: readWord(LOG_LEVELS),
    help: `Least severe lines that are logged: ${LOG_LEVELS.join(", ")}`,
  },
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
  namespace: {
    flag: "namespace",
    env: ["VIPCAST_NAMESPACE", "METALLB_NAMESPACE"],
    placeholder: "NAMESPACE",
    fallback: "metallb-system",
    read: readKubernetesName("label"),
    help: "Namespace of the metallb.io objects and their Secrets; those elsewhere are not used",
  },
  podName: {
    flag: "pod-name",
    env: ["VIPCAST_POD_NAME", "METALLB_POD_NAME"],
    placeholder: "NAME",
    fallback: null,
    read: readKubernetesName("subdomain"),
    help: "Pod of the daemon: owns the status objects it writes to the cluster; without it the Node owns them",
  },
  stateDir: {
    flag: "state-dir",
    env: ["VIPCAST_STATE_DIR"],
    placeholder: "DIR",
    fallback: null,
    read: readPath,
    help: "Keep a life sign in this directory, so that after a crash peers with graceful restart keep the routes, and what `inject --persist` says; without it nothing is kept",
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

export const CONFIG_KEYS = Object.keys(SETTINGS) as readonly ConfigKey[];

const CONTROLLER_ONLY: readonly ConfigKey[] = ["leaderElect"];
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

export interface ResolvedConfig {
  /** With defaults in place of values that are wrong. */
  readonly config: DaemonConfig;
  readonly problems: readonly ConfigProblem[];
}

/** @param given in order of precedence, the strongest first @param required keys that must have a value */
export function resolveConfig(given: readonly Given[], required: readonly ConfigKey[] = []): ResolvedConfig {
  const problems: ConfigProblem[] = [];
  const values = new Map<ConfigKey, unknown>();
  const seen = new Set<ConfigKey>();
  for (const { key, raw, origin } of given) {
    const isFirst = !seen.has(key);
    seen.add(key);
    const reading = SETTINGS[key].read(raw);
    if (!reading.ok) problems.push(settingProblem(origin, key, reading.message, reading.hint));
    else if (isFirst) values.set(key, reading.value);
  }
  for (const key of required) {
    const { flag, env, placeholder } = SETTINGS[key];
    if (seen.has(key)) continue;
    const names = env.map((name) => `, the environment (${name})`).slice(0, 1);
    const ways = `Give --${flag} ${placeholder ?? ""}${names.join("")} or ${key} in the configuration file.`;
    problems.push(settingProblem({ name: `--${flag}` }, key, "it is needed and was not given", ways));
  }
  const settled = <K extends ConfigKey>(key: K): DaemonConfig[K] =>
    // each value was made by the reader of its own key
    values.has(key) ? (values.get(key) as DaemonConfig[K]) : SETTINGS[key].fallback;
  const config: DaemonConfig = {
    nodeName: settled("nodeName"),
    shadow: settled("shadow") || settled("shadowOnce") !== null,
    shadowOnce: settled("shadowOnce"),
    manifests: settled("manifests"),
    kubeconfig: settled("kubeconfig"),
    context: settled("context"),
    socket: settled("socket"),
    metrics: settled("metrics"),
    metricsTlsCert: settled("metricsTlsCert"),
    metricsTlsKey: settled("metricsTlsKey"),
    metricsAuth: settled("metricsAuth"),
    tlsMinVersion: settled("tlsMinVersion"),
    tlsCipherSuites: settled("tlsCipherSuites"),
    tlsCurvePreferences: settled("tlsCurvePreferences"),
    health: settled("health"),
    listen: settled("listen"),
    logLevel: settled("logLevel"),
    lbClass: settled("lbClass"),
    ignoreExcludeLb: settled("ignoreExcludeLb"),
    routerId: settled("routerId"),
    namespace: settled("namespace"),
    podName: settled("podName"),
    stateDir: settled("stateDir"),
    allocate: settled("allocate"),
    witness: settled("witness"),
    leaderElect: settled("leaderElect"),
    drainTime: settled("drainTime"),
    drainOnCordon: settled("drainOnCordon"),
    drainOnTaint: settled("drainOnTaint"),
    stopKeepsRoutes: settled("stopKeepsRoutes"),
    shutdownText: settled("shutdownText"),
  };
  return { config, problems: [...problems, ...contradictions(config)] };
}

/** What two settings say together that cannot be. */
function contradictions(config: DaemonConfig): readonly ConfigProblem[] {
  const { allocate, manifests, stateDir, metricsTlsCert, metricsTlsKey, metricsAuth } = config;
  const found: ConfigProblem[] = [];
  const refuse = (key: ConfigKey, message: string, hint: string): void => {
    found.push(settingProblem({ name: `--${SETTINGS[key].flag}` }, key, message, hint));
  };
  if (allocate && config.witness) {
    refuse("allocate", "a witness has no Services", `Leave out --${SETTINGS.witness.flag} or this.`);
  } else if (allocate && manifests === null) {
    refuse("allocate", "it is for manifests", "In a cluster the controller gives Services their addresses.");
  } else if (allocate && stateDir === null) {
    refuse("allocate", "it needs a state directory", `Give --${SETTINGS.stateDir.flag} DIR.`);
  }
  if (config.stopKeepsRoutes && stateDir === null) {
    // the next start could not tell peers that it is a restart, and they would drop what they kept
    refuse("stopKeepsRoutes", "it needs a state directory", `Give --${SETTINGS.stateDir.flag} DIR.`);
  }
  if ((metricsTlsCert === null) !== (metricsTlsKey === null)) {
    const [given, missing] =
      metricsTlsKey === null
        ? (["metricsTlsCert", "metricsTlsKey"] as const)
        : (["metricsTlsKey", "metricsTlsCert"] as const);
    refuse(given, "certificate and key belong together", `Give --${SETTINGS[missing].flag} FILE, too.`);
  }
  if (config.shadow && manifests !== null) {
    refuse(
      "shadow",
      "there is no MetalLB to compare with",
      "Read from a cluster; for manifests there is `vipcast check`.",
    );
  }
  if (config.shadow && config.witness) {
    refuse("shadow", "a witness has no Services", `Leave out --${SETTINGS.witness.flag} or this.`);
  }
  if (metricsAuth && manifests !== null) {
    refuse("metricsAuth", "there is no API server to ask", "Leave it out, or read from a cluster.");
  }
  if (config.tlsMinVersion === "VersionTLS13" && config.tlsCipherSuites.length > 0) {
    const hint = `Give --${SETTINGS.tlsMinVersion.flag} VersionTLS12, or leave the suites out.`;
    refuse("tlsCipherSuites", "TLS 1.3, the lowest version here, has suites that cannot be chosen", hint);
  }
  return found;
}

/** Kind under which problems of our own configuration are reported. */
export const CONFIG_KIND = "VipcastConfig";

export function settingProblem(
  { name, line }: Origin,
  path: string,
  message: string,
  hint: string,
  severity: ConfigProblem["severity"] = "error",
): ConfigProblem {
  const place = line === undefined ? {} : { file: name, line };
  return { severity, kind: CONFIG_KIND, namespace: null, name, path, message, hint, ...place };
}

/** @param flags by configuration key, undefined or false where not given; a switch that is given is true */
export function fromFlags(flags: Readonly<Partial<Record<ConfigKey, string | boolean | undefined>>>): Given[] {
  return CONFIG_KEYS.flatMap((key) => {
    const raw = flags[key];
    return raw === undefined || raw === false ? [] : [{ key, raw, origin: { name: `--${SETTINGS[key].flag}` } }];
  });
}

/** Empty variables count as unset. Names of ours that mean nothing give a warning where a slip is likely. */
export function fromEnvironment(env: Readonly<Record<string, string | undefined>>): {
  readonly given: readonly Given[];
  readonly problems: readonly ConfigProblem[];
} {
  const given = CONFIG_KEYS.flatMap((key): Given[] => {
    const name = SETTINGS[key].env.find((n) => (env[n] ?? "") !== "");
    return name === undefined ? [] : [{ key, raw: env[name], origin: { name } }];
  });
  const known = [...CONFIG_KEYS.flatMap((key) => SETTINGS[key].env), CONFIG_FILE_ENV];
  const problems = Object.keys(env).flatMap((name) => {
    if (!name.startsWith("VIPCAST_") || known.includes(name)) return [];
    // Kubernetes sets VIPCAST_SERVICE_HOST and the like for a Service named vipcast: no business of ours
    const near = nearest(name, known);
    if (near === null) return [];
    return [settingProblem({ name }, "", "there is no such setting", `Did you mean ${near}?`, "warning")];
  });
  return { given, problems };
}

/** `--metrics <HOST:PORT>`, as option parsers want it. */
export const flagText = (key: ConfigKey): string => {
  const { flag, placeholder } = SETTINGS[key];
  if (placeholder === null) return `--${flag}`;
  return placeholder.startsWith("[") ? `--${flag} ${placeholder}` : `--${flag} <${placeholder}>`;
};

/** Help of a flag, with default and environment name. */
export function flagHelp(key: ConfigKey): string {
  const { help, fallback, env, placeholder } = SETTINGS[key];
  const standard = placeholder === null || `${fallback ?? ""}` === "" ? "" : `default ${fallback}, `;
  return `${help} (${standard}env ${env[0] ?? ""})`;
}

/** docs/configuration.md. */
export function renderConfigDoc(): string {
  const rows = CONFIG_KEYS.map((key) => {
    const { env, fallback, help } = SETTINGS[key];
    const standard = `${fallback ?? ""}` === "" ? "" : `\`${fallback}\``;
    const who = [SPEAKER_KEYS.includes(key) ? "S" : "", CONTROLLER_KEYS.includes(key) ? "C" : ""].join("");
    const names = env.map((e) => `\`${e}\``).join(", ");
    return `| \`${key}\` | \`${flagText(key)}\` | ${names} | ${standard} | ${who} | ${help} |`;
  });
  return `# Configuration of the daemons

Generated from \`src/config/schema.ts\`; do not edit.

What is announced to whom, and which addresses there are, stands in MetalLB's objects. The daemons' own few settings come from flags, else from the environment, else from a
YAML file (\`--config FILE\` or \`${CONFIG_FILE_ENV}\`), else from the defaults. A wrong value anywhere, also one that is overridden, is an error. One file may serve both:
\`vipcast speaker\` takes those marked S, \`vipcast controller\` those marked C, and neither minds the other's.

| File key | Flag | Environment | Default | | Meaning |
|---|---|---|---|---|---|
${rows.join("\n")}
`;
}
