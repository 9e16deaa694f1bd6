// Settings -> where the daemon reads its objects: manifests, the API server of a kubeconfig, or that of the pod. Owns the choice and
// the reading of the kubeconfig file. Contract: never throws; without a source the problems say why, each with its cure.
import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { SourceOptions } from "../app/source.ts";
import { type DaemonConfig, settingProblem } from "../config/schema.ts";
import type { Said } from "../kernel/messages.ts";
import type { ConfigProblem } from "../kernel/problem.ts";
import { inClusterAccess } from "../kube/access.ts";
import { readKubeconfig } from "../kube/kubeconfig.ts";
import { say } from "./messages.ts";

/** Octets of a kubeconfig with its certificates, many times over. */
export const MAX_KUBECONFIG = 1024 * 1024;

export interface SourceChoice {
  /** null: `problems` say why. */
  readonly source: SourceOptions | null;
  readonly problems: readonly ConfigProblem[];
}

type SourceConfig = Pick<DaemonConfig, "manifests" | "kubeconfig" | "context">;

export function chooseSource(
  { manifests, kubeconfig, context }: SourceConfig,
  env: Readonly<Record<string, string | undefined>>,
): SourceChoice {
  const refused = (name: string, said: Said): SourceChoice => ({
    source: null,
    problems: [settingProblem({ name }, "", said)],
  });
  if (manifests !== null && kubeconfig !== null) {
    return refused("--kubeconfig", say("twoSources"));
  }
  if (context !== null && kubeconfig === null) {
    return refused("--context", say("contextAlone"));
  }
  if (manifests !== null) return { source: { type: "manifests", path: manifests }, problems: [] };
  if (kubeconfig !== null) return fromKubeconfig(kubeconfig, context, env);
  const access = inClusterAccess(env);
  if (access !== null) return { source: { type: "kubernetes", access, env }, problems: [] };
  return refused("--manifests", say("noSource"));
}

function fromKubeconfig(
  file: string,
  context: string | null,
  env: Readonly<Record<string, string | undefined>>,
): SourceChoice {
  try {
    const { size } = statSync(file);
    if (size > MAX_KUBECONFIG) throw new Error(`it has ${size} octets, more than ${MAX_KUBECONFIG}`);
    const place = { file, directory: dirname(resolve(file)) };
    const { access, problems } = readKubeconfig(readFileSync(file, "utf8"), place, context);
    return { source: access === null ? null : { type: "kubernetes", access, env }, problems };
  } catch (error) {
    const said = say("kubeconfigUnreadable", { error: error instanceof Error ? error.message : String(error) });
    return { source: null, problems: [settingProblem({ name: file }, "", said)] };
  }
}
