// What one may say of TLS in the words of MetalLB's flags (metallb-compat 5.1): lowest version, cipher suites by their IANA names, curves by
// their numbers in the TLS registry. Owns the tables from these words to those of the TLS library. Pure.
// Contract: never throws; a name that is not taken gets the list of those that are.
import { withHint } from "../kernel/messages.ts";
import { nearest } from "../kernel/suggest.ts";
import { say } from "./messages.ts";
import { type Reader, type Reading, readWord, shown } from "./readers.ts";

export const TLS_VERSIONS = { VersionTLS12: "TLSv1.2", VersionTLS13: "TLSv1.3" } as const;
export type TlsVersion = keyof typeof TLS_VERSIONS;

export const readTlsVersion: Reader<TlsVersion> = readWord(["VersionTLS12", "VersionTLS13"]);

/** Suites of TLS 1.2 with forward secrecy; those of 1.3 cannot be chosen. */
const SUITES: ReadonlyMap<string, string> = new Map(
  [
    ["AES_128_GCM_SHA256", "AES128-GCM-SHA256"],
    ["AES_256_GCM_SHA384", "AES256-GCM-SHA384"],
    ["CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305"],
    ["AES_128_CBC_SHA", "AES128-SHA"],
    ["AES_256_CBC_SHA", "AES256-SHA"],
  ].flatMap(([name, own]) =>
    ["ECDSA", "RSA"].map((key) => [`TLS_ECDHE_${key}_WITH_${name}`, `ECDHE-${key}-${own}`] as const),
  ),
);

/** What every TLS 1.3 connection may use, whatever is chosen for 1.2. */
const SUITES_13 = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/** Key exchange groups by number (IANA TLS Supported Groups). */
const CURVES: ReadonlyMap<string, string> = new Map([
  ["23", "P-256"],
  ["24", "P-384"],
  ["25", "P-521"],
  ["29", "X25519"],
]);

/** Comma-separated words of a table, each once; an empty text is none. */
const readList =
  (table: ReadonlyMap<string, string>, what: string): Reader<readonly string[]> =>
  (raw): Reading<readonly string[]> => {
    const known = [...table.keys()];
    const parts = raw === "" ? [] : String(raw).split(",");
    const words = parts.map((part) => part.trim());
    const stray = words.find((word) => !table.has(word));
    const near = stray === undefined ? null : nearest(stray, known);
    if (stray !== undefined) {
      const said = say("tlsWord", { value: shown(stray), what, known: known.join(", ") });
      return { ok: false, ...(near === null ? said : withHint(said, `Did you mean ${near}? ${said.hint}`)) };
    }
    if (new Set(words).size < words.length) return { ok: false, ...say("tlsTwice", { value: shown(raw) }) };
    return { ok: true, value: words };
  };

export const readCipherSuites = readList(SUITES, "cipher suite");
export const readCurves = readList(CURVES, "curve number");

/** What is chosen, as it is given; empty lists: the library's own choice. */
export interface TlsChoice {
  readonly tlsMinVersion: TlsVersion;
  readonly tlsCipherSuites: readonly string[];
  readonly tlsCurvePreferences: readonly string[];
}

/** The same as the TLS library wants it. */
export function tlsParameters({ tlsMinVersion, tlsCipherSuites, tlsCurvePreferences }: TlsChoice): {
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  readonly ciphers?: string;
  readonly ecdhCurve?: string;
} {
  const ciphers = tlsCipherSuites.flatMap((name) => SUITES.get(name) ?? []);
  const curves = tlsCurvePreferences.flatMap((number) => CURVES.get(number) ?? []);
  return {
    minVersion: TLS_VERSIONS[tlsMinVersion],
    ...(ciphers.length === 0 ? {} : { ciphers: [...SUITES_13, ...ciphers].join(":") }),
    ...(curves.length === 0 ? {} : { ecdhCurve: curves.join(":") }),
  };
}
