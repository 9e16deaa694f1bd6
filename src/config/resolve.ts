// From what was given to what the daemon runs with. Owns precedence, what is required, and what two settings say together that cannot be.
// Pure: it sees values, not files or process.env (load.ts does). Contract: flags before environment before file before default; every
// wrong value is reported, whichever wins.
import type { Said } from "../kernel/messages.ts";
import type { ConfigProblem } from "../kernel/problem.ts";
import { nearest } from "../kernel/suggest.ts";
import { say } from "./messages.ts";
import {
  CONFIG_FILE_ENV,
  CONFIG_KEYS,
  type ConfigKey,
  type DaemonConfig,
  type Given,
  SETTINGS,
  settingProblem,
} from "./schema.ts";

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
    if (!reading.ok) problems.push(settingProblem(origin, key, reading));
    else if (isFirst) values.set(key, reading.value);
  }
  for (const key of required) {
    const { flag, env, placeholder } = SETTINGS[key];
    if (seen.has(key)) continue;
    const names = env.map((name) => `, the environment (${name})`).slice(0, 1);
    const ways = { flag, placeholder: placeholder ?? "", environment: names.join(""), key };
    problems.push(settingProblem({ name: `--${flag}` }, key, say("settingNeeded", ways)));
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
    webhooks: settled("webhooks"),
    webhookCertDir: settled("webhookCertDir"),
    webhookService: settled("webhookService"),
    webhookSecret: settled("webhookSecret"),
  };
  return { config, problems: [...problems, ...contradictions(config)] };
}

/** What two settings say together that cannot be. */
function contradictions(config: DaemonConfig): readonly ConfigProblem[] {
  const { allocate, manifests, stateDir, metricsTlsCert, metricsTlsKey, metricsAuth } = config;
  const found: ConfigProblem[] = [];
  const refuse = (key: ConfigKey, said: Said): void => {
    found.push(settingProblem({ name: `--${SETTINGS[key].flag}` }, key, said));
  };
  if (allocate && config.witness) {
    refuse("allocate", say("witnessWithoutServices", { witness: SETTINGS.witness.flag }));
  } else if (allocate && manifests === null) {
    refuse("allocate", say("allocateInCluster"));
  } else if (allocate && stateDir === null) {
    refuse("allocate", say("stateDirNeeded", { stateDir: SETTINGS.stateDir.flag }));
  }
  if (config.stopKeepsRoutes && stateDir === null) {
    // the next start could not tell peers that it is a restart, and they would drop what they kept
    refuse("stopKeepsRoutes", say("stateDirNeeded", { stateDir: SETTINGS.stateDir.flag }));
  }
  if ((metricsTlsCert === null) !== (metricsTlsKey === null)) {
    const [given, missing] =
      metricsTlsKey === null
        ? (["metricsTlsCert", "metricsTlsKey"] as const)
        : (["metricsTlsKey", "metricsTlsCert"] as const);
    refuse(given, say("tlsPair", { missing: SETTINGS[missing].flag }));
  }
  if (config.shadow && manifests !== null) {
    refuse("shadow", say("shadowOfManifests"));
  }
  if (config.shadow && config.witness) {
    refuse("shadow", say("witnessWithoutServices", { witness: SETTINGS.witness.flag }));
  }
  if (metricsAuth && manifests !== null) {
    refuse("metricsAuth", say("authNeedsCluster"));
  }
  if (config.tlsMinVersion === "VersionTLS13" && config.tlsCipherSuites.length > 0) {
    refuse("tlsCipherSuites", say("suitesOfTls13", { minVersion: SETTINGS.tlsMinVersion.flag }));
  }
  return found;
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
    return [settingProblem({ name }, "", say("unknownVariable", { near }), "warning")];
  });
  return { given, problems };
}
