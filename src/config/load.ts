// SHELL. Brings flags, environment and configuration file together. Owns the reading of the file and nothing else: the
// rules are resolve.ts's. Contract: every problem of all three places is in the result; nothing is thrown.
import { readFileSync, statSync } from "node:fs";
import { type Said, withHint } from "../kernel/messages.ts";
import type { ConfigProblem } from "../kernel/problem.ts";
import { type ParsedFile, parseConfigFile } from "./configFile.ts";
import { say } from "./messages.ts";
import { fromMetallbFlags, type MetallbFlag } from "./metallbFlags.ts";
import { fromEnvironment, fromFlags, type ResolvedConfig, resolveConfig } from "./resolve.ts";
import { CONFIG_FILE_ENV, type ConfigKey, type Given, settingProblem } from "./schema.ts";

export interface ConfigSources {
  /** By configuration key, as the option parser gives them. */
  readonly flags: Readonly<Partial<Record<ConfigKey, string | boolean | undefined>>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `--config`; undefined: from the environment, or none. */
  readonly file: string | undefined;
  /** Flags of MetalLB's program, by flag; absent: none. */
  readonly metallb?: Readonly<Record<string, string | boolean | undefined>>;
  /** Which program's these are; absent: the speaker's. */
  readonly metallbTable?: readonly MetallbFlag[];
  /** Directory of the service account, in a pod; absent: this is none. */
  readonly account?: string;
}

/** Ten settings fit; anything larger is not a configuration file. */
const MAX_FILE = 64 * 1024;

/** @param required keys without which the command cannot run */
export function loadConfig(sources: ConfigSources, required: readonly ConfigKey[] = []): ResolvedConfig {
  const fromEnv = sources.env[CONFIG_FILE_ENV];
  const file = sources.file ?? (fromEnv === "" ? undefined : fromEnv);
  const parsed = file === undefined ? { given: [], problems: [] } : readConfigFile(file);
  const environment = fromEnvironment(sources.env);
  const places = [...fromFlags(sources.flags), ...environment.given, ...parsed.given];
  const isElsewhere = places.some(({ key }) => key === "manifests" || key === "kubeconfig");
  const account = isElsewhere ? undefined : sources.account;
  const metallb = fromMetallbFlags(sources.metallb ?? {}, sources.env, account !== undefined, sources.metallbTable);
  const given = [...fromFlags(sources.flags), ...metallb.given, ...environment.given, ...parsed.given];
  const { config, problems } = resolveConfig([...given, ...metallb.defaults, ...ownNamespace(account)], required);
  return { config, problems: [...problems, ...metallb.problems, ...environment.problems, ...parsed.problems] };
}

/** In a pod that reads its own cluster, MetalLB's objects are in the pod's namespace unless something says otherwise. */
function ownNamespace(account: string | undefined): readonly Given[] {
  if (account === undefined) return [];
  const name = `${account}/namespace`;
  try {
    return [{ key: "namespace", raw: readFileSync(name, "utf8").trim(), origin: { name } }];
  } catch {
    return []; // not every account has a namespace file; the default stands
  }
}

function readConfigFile(file: string): ParsedFile {
  try {
    const stats = statSync(file);
    if (stats.isDirectory()) return refused(file, say("fileIsDirectory"));
    if (stats.size > MAX_FILE) return refused(file, say("fileLarge", { octets: stats.size, max: MAX_FILE }));
    return parseConfigFile(new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file)), file);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    // what the system says is all that is known: no hint
    return refused(file, UNREADABLE[code] ?? withHint(say("fileUnreadable", { error: String(error) }), ""));
  }
}

const refused = (name: string, said: Said): { given: []; problems: ConfigProblem[] } => ({
  given: [],
  problems: [settingProblem({ name }, "", said)],
});

const UNREADABLE: Readonly<Record<string, Said>> = {
  ENOENT: say("fileMissing"),
  EACCES: say("fileForbidden"),
  ERR_ENCODING_INVALID_ENCODED_DATA: say("fileNotUtf8"),
};
