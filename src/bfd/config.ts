// A BFD profile as the engine runs it, MetalLB's defaults, and what is wrong with one. Owns ranges and units: milliseconds in
// a profile as written, microseconds in the engine (C-233). Knows no MetalLB object and no session.
import { AUTH_TYPES, type BfdAuth, type ConfigFault, type HopKind, type Micros } from "./protocol.ts";

export interface BfdProfile {
  /** For status; no part of the comparison. */
  readonly name: string;
  /** 10,000..60,000,000 */
  readonly desiredMinTxInterval: Micros;
  /** 10,000..60,000,000 */
  readonly requiredMinRxInterval: Micros;
  /** 1..255; MetalLB offers 2..255. */
  readonly detectMult: number;
  /** Echo packets are sent and taken (RFC 5880 6.4); never on multihop (RFC 5883 3). */
  readonly echo: boolean;
  /** 10,000..60,000,000: how often we send echo packets at most, and what we take at most. */
  readonly echoInterval: Micros;
  /** Silent until the peer is heard (RFC 5880 6.1). */
  readonly isPassive: boolean;
  /** 1..254, for multihop; single hop demands 255 (RFC 5881 5). */
  readonly minimumTtl: number;
}

/** Not Up: at least this is advertised and used (RFC 5880 6.8.3). */
export const SLOW_INTERVAL: Micros = 1_000_000;

/** Nobody can ask for less, so that no session sends more often, whatever its peer would take (C-232). */
export const LEAST_INTERVAL: Micros = 10_000;
export const GREATEST_INTERVAL: Micros = 60_000_000;

/** A MetalLB BFDProfile, its times in milliseconds. */
export interface ProfileMillis {
  readonly name: string;
  readonly receiveInterval: number;
  readonly transmitInterval: number;
  readonly detectMultiplier: number;
  readonly echoInterval: number;
  readonly echoMode: boolean;
  readonly passiveMode: boolean;
  readonly minimumTtl: number;
}

/** What an empty BFDProfile means: the defaults of FRR's bfdd. */
export const DEFAULT_PROFILE: ProfileMillis = {
  name: "default",
  receiveInterval: 300,
  transmitInterval: 300,
  detectMultiplier: 3,
  echoInterval: 50,
  echoMode: false,
  passiveMode: false,
  minimumTtl: 254,
};

export const bfdProfile = (p: ProfileMillis): BfdProfile => ({
  name: p.name,
  desiredMinTxInterval: p.transmitInterval * 1000,
  requiredMinRxInterval: p.receiveInterval * 1000,
  detectMult: p.detectMultiplier,
  echo: p.echoMode,
  echoInterval: p.echoInterval * 1000,
  isPassive: p.passiveMode,
  minimumTtl: p.minimumTtl,
});

/** Echo as this session may use it: a profile with echo stays usable for multihop, the echo is left out (C-242). */
export const echoWanted = (p: BfdProfile, hop: HopKind): boolean => p.echo && hop === "single";

const inRange = (n: number, least: number, most: number): boolean => Number.isInteger(n) && n >= least && n <= most;

/** Everything that is wrong with a profile; empty: it can be used. */
export function profileFaults(p: BfdProfile): readonly ConfigFault[] {
  const rows: readonly (readonly [path: keyof BfdProfile, least: number, most: number])[] = [
    ["desiredMinTxInterval", LEAST_INTERVAL, GREATEST_INTERVAL],
    ["requiredMinRxInterval", LEAST_INTERVAL, GREATEST_INTERVAL],
    ["detectMult", 1, 255],
    ["echoInterval", LEAST_INTERVAL, GREATEST_INTERVAL],
    ["minimumTtl", 1, 254],
  ];
  return rows
    .filter(([path, least, most]) => !inRange(Number(p[path]), least, most))
    .map(([path, least, most]) => ({ path: `profile.${path}`, message: `must be ${least} to ${most}, is ${p[path]}` }));
}

/** Everything that is wrong with the authentication of a session. The key itself is never told. */
export function authFaults(auth: BfdAuth | null): readonly ConfigFault[] {
  if (auth === null) return [];
  const faults: ConfigFault[] = [];
  if (!AUTH_TYPES.includes(auth.type)) faults.push({ path: "auth.type", message: `is ${auth.type}` });
  if (!inRange(auth.keyId, 0, 255)) faults.push({ path: "auth.keyId", message: `must be 0 to 255, is ${auth.keyId}` });
  const most = auth.type.endsWith("Md5") ? 16 : 20;
  if (!inRange(auth.key.length, 1, most)) {
    faults.push({ path: "auth.key", message: `must have 1 to ${most} octets, has ${auth.key.length}` });
  }
  return faults;
}

const PROFILE_FIELDS = [
  "desiredMinTxInterval",
  "requiredMinRxInterval",
  "detectMult",
  "echo",
  "echoInterval",
  "isPassive",
  "minimumTtl",
] as const satisfies readonly (keyof BfdProfile)[];

/** Fields in which two profiles ask for different things. */
export const profileDifferences = (a: BfdProfile, b: BfdProfile): readonly string[] =>
  PROFILE_FIELDS.filter((f) => a[f] !== b[f]).map((f) => `profile.${f}`);

export const sameAuth = (a: BfdAuth | null, b: BfdAuth | null): boolean =>
  a === b ||
  (a !== null &&
    b !== null &&
    a.type === b.type &&
    a.keyId === b.keyId &&
    a.key.length === b.key.length &&
    a.key.every((octet, i) => octet === b.key[i]));
