// The controller's ConfigurationState (metallb-compat 1.8): whether pools and what belongs to them are good. Owns its shape and its
// words. Must not know how problems are found. Contract: pure; one write at a time, of what differs; the condition's time is that of its
// last change, so that an unchanged verdict is never written again.
import type { ConfigProblem } from "../kernel/problem.ts";
import { apiVersionOf, CONFIGURATION_STATES, CONTROLLER_STATE } from "../kube/resources.ts";
import { isRawObject, type RawObject } from "../sources/fields.ts";

const CONDITION = "poolReconcilerValid";
/** Who owns the condition; MetalLB's name, so that either of us takes it over from the other. */
export const FIELD_MANAGER = "poolReconciler";
/** Of a message, characters: the CRD takes no more. */
const MAX_MESSAGE = 32_768;

/** Kinds that the allocator reads. */
const KINDS: ReadonlySet<string> = new Set(["IPAddressPool", "Community", "Namespace"]);

export interface Verdict {
  readonly isValid: boolean;
  /** Empty when valid. */
  readonly message: string;
}

/** Errors of what the allocator reads; warnings are no verdict. */
export function verdictOf(problems: Iterable<ConfigProblem>): Verdict {
  const lines: string[] = [];
  for (const { severity, kind, namespace, name, path, message } of problems) {
    if (severity !== "error" || !KINDS.has(kind)) continue;
    const object = namespace === null ? name : `${namespace}/${name}`;
    lines.push(`${kind} ${object}: ${path === "" ? "" : `${path} `}${message}`);
  }
  if (lines.length === 0) return { isValid: true, message: "" };
  return { isValid: false, message: `configuration error: ${lines.join("; ")}`.slice(0, MAX_MESSAGE) };
}

export type StateWrite =
  | { readonly type: "create"; readonly body: RawObject }
  | { readonly type: "apply"; readonly body: RawObject }
  | { readonly type: "merge"; readonly body: RawObject };

const object = (value: unknown): RawObject => (isRawObject(value) ? value : {});

/**
 * @param stored the object as the API server has it; null: it is not there @param owner metadata.ownerReferences, empty where none is known
 * @param wall milliseconds since 1970
 */
export function stateWrite(
  verdict: Verdict,
  stored: RawObject | null,
  { home, owner, wall }: { readonly home: string; readonly owner: readonly RawObject[]; readonly wall: number },
): StateWrite | null {
  const type = { apiVersion: apiVersionOf(CONFIGURATION_STATES), kind: CONFIGURATION_STATES.kind };
  const metadata = { name: CONTROLLER_STATE, namespace: home };
  if (stored === null) {
    const labels = { "metallb.io/component-type": "controller" };
    const owners = owner.length === 0 ? {} : { ownerReferences: owner };
    return { type: "create", body: { ...type, metadata: { ...metadata, labels, ...owners } } };
  }
  const status = object(stored.status);
  const wanted = {
    type: CONDITION,
    status: verdict.isValid ? "True" : "False",
    reason: verdict.isValid ? "Reconciled" : "ConfigurationError",
    message: verdict.message,
  };
  const conditions = Array.isArray(status.conditions) ? status.conditions.map(object) : [];
  const found = conditions.find((condition) => condition.type === CONDITION);
  if (Object.entries(wanted).some(([name, value]) => found?.[name] !== value)) {
    const lastTransitionTime = new Date(wall).toISOString().replace(/\.\d+Z$/, "Z");
    const applied = { conditions: [{ ...wanted, lastTransitionTime }] };
    return { type: "apply", body: { ...type, metadata, status: applied } };
  }
  const result = verdict.isValid ? "Valid" : "Invalid";
  const errorSummary = verdict.message;
  if (status.result === result && (status.errorSummary ?? "") === errorSummary) return null;
  return { type: "merge", body: { status: { result, errorSummary } } };
}
