// The settings of who may watch the daemon, and how: status socket, metrics with their TLS and tokens, health, log. Owns their table.
// Knows nothing of what is shown there. Contract: see setting.ts.
import { LOG_LEVELS, type LogLevel } from "../observe/log.ts";
import { type HostPort, readBoolean, readHostPort, readPath, readWord } from "./readers.ts";
import type { Settings } from "./setting.ts";
import { readCipherSuites, readCurves, readTlsVersion, type TlsVersion } from "./tls.ts";

/** How the daemon is watched. */
export interface ObservationConfig {
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
  readonly logLevel: LogLevel;
}

export const OBSERVATION_SETTINGS: Settings<ObservationConfig> = {
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
  logLevel: {
    flag: "log-level",
    env: ["VIPCAST_LOG_LEVEL"],
    placeholder: "LEVEL",
    fallback: "info",
    read: readWord(LOG_LEVELS),
    help: `Least severe lines that are logged: ${LOG_LEVELS.join(", ")}`,
  },
};
