// What the operator got wrong, as data: one shape for `check`, logs, status and (later) ConfigurationState. Owns no texts, but for
// what follows from a refusal: whoever finds a problem says a message of its room's table (messages.ts).
import type { Said } from "./messages.ts";

export type Severity = "error" | "warning";

/** Names an object of the store. `namespace` is null for cluster-wide kinds. */
export interface ObjectRef {
  readonly kind: string;
  readonly namespace: string | null;
  readonly name: string;
}

export interface ConfigProblem {
  /** `error`: the object or field is not used. `warning`: it is used, but not as written or not without risk. */
  readonly severity: Severity;
  readonly kind: string;
  readonly namespace: string | null;
  readonly name: string;
  /** Field path from the object's root, e.g. `spec.peerAddress` or `spec.addresses[1]`; empty for the whole object. */
  readonly path: string;
  /** What is wrong, with the offending value. */
  readonly message: string;
  /** What to do about it; empty where nothing helpful can be said. */
  readonly hint: string;
  /** Where it was read, when the source is a file: relative to the given path, 1-based line. */
  readonly file?: string;
  readonly line?: number;
}

/** A problem with a listed message. */
export const problemOf = (ref: ObjectRef, path: string, said: Said, severity: Severity = "error"): ConfigProblem =>
  problemAt(ref, path, said.message, said.hint, severity);

/** With texts of its own; use `problemOf`. */
export function problemAt(
  ref: ObjectRef,
  path: string,
  message: string,
  hint = "",
  severity: Severity = "error",
): ConfigProblem {
  return { severity, kind: ref.kind, namespace: ref.namespace, name: ref.name, path, message, hint };
}

/** Of a version that is refused while an earlier one of the object is there to go on with. */
export const withLastGood = (problem: ConfigProblem): ConfigProblem => ({
  ...problem,
  hint: `${problem.hint} The last good version stays in force.`.trim(),
});

/** `Kind namespace/name`, the way every message names an object. */
export const refText = (ref: ObjectRef): string =>
  ref.namespace === null ? `${ref.kind} ${ref.name}` : `${ref.kind} ${ref.namespace}/${ref.name}`;

/** Map key of an object; kinds are unique in our store, so the API group is not needed. */
export const refKey = (ref: ObjectRef): string => `${ref.kind}|${ref.namespace ?? ""}|${ref.name}`;
