// What keeps a kind of report from being written, as problems for the operator. Owns which of them are told, and the RBAC rule in them.
// Contract: pure; warnings alone, because nothing is announced differently; trouble with the server is the source's to tell.
import { type ConfigProblem, problemOf } from "../kernel/problem.ts";
import type { ApiFailure } from "../kube/apiError.ts";
import { apiVersionOf, type KubeResource, resourceText } from "../kube/resources.ts";
import type { WatchFault } from "../kube/watchTypes.ts";
import { say } from "./messages.ts";
import type { WriteFault } from "./obstacles.ts";

/** What the steps of keeper.ts and eventLog.ts ask of the server. */
const VERBS: Readonly<Record<string, readonly [verb: string, subresource: string]>> = {
  create: ["create", ""],
  patch: ["patch", ""],
  describe: ["patch", ""],
  status: ["patch", "/status"],
  delete: ["delete", ""],
  read: ["get", ""],
  list: ["list", ""],
  watch: ["watch", ""],
};

/** @param home null: all namespaces */
export function forbiddenProblem(
  resource: KubeResource,
  home: string | null,
  action: string,
  { message }: ApiFailure,
): ConfigProblem {
  const [verb, subresource] = VERBS[action] ?? [action, ""];
  const rule = `apiGroups: ["${resource.group}"], resources: ["${resource.plural}${subresource}"], verbs: ["${verb}"]`;
  const place = home === null ? "in all namespaces" : `in namespace ${home}`;
  const what = `${resourceText(resource)}${subresource}`;
  return problemOf(
    { kind: resource.kind, namespace: home, name: "*" },
    "",
    say("reportForbidden", { verb, what, place, why: message, rule }),
    "warning",
  );
}

/** @param write what stopped the last write of the kind @param watch what keeps it from being followed */
export function problemsOfKind(
  resource: KubeResource,
  home: string,
  write: WriteFault | null,
  watch: WatchFault | null,
): readonly ConfigProblem[] {
  const ref = { kind: resource.kind, namespace: home, name: "*" };
  if (watch?.kind === "forbidden") return [forbiddenProblem(resource, home, watch.verb, watch.failure)];
  if (write?.kind === "forbidden") return [forbiddenProblem(resource, home, write.action, write.failure)];
  if (watch?.kind === "absent" || write?.kind === "absent") {
    const values = { what: resourceText(resource), apiVersion: apiVersionOf(resource) };
    return [problemOf(ref, "", say("reportAbsent", values), "warning")];
  }
  return write === null ? [] : [problemOf(ref, "", say("reportRefused", { why: write.failure.message }), "warning")];
}
