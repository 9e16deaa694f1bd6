// ConfigurationState: whether this node finds the configuration good (metallb-compat 1.8). Owns its name, labels, condition and words,
// which are MetalLB's. Contract: pure; every object that is out is listed with field and message; what is wrong with a Service or an
// endpoint is nobody's configuration and not in here. Deviation: lastTransitionTime moves when the status does, not at every look.
import type { ConfigProblem } from "../kernel/problem.ts";
import { refText } from "../kernel/problem.ts";
import { CONFIGURATION_STATES } from "../kube/resources.ts";
import { isRawObject, type RawObject } from "../sources/fields.ts";
import type { Report, ReportKind } from "./report.ts";

/** Of MetalLB's speaker. */
const CONDITION = "configReconcilerValid";
/** Characters of a message; the definition of the kind takes 32,768. */
export const MAX_CONDITION_MESSAGE = 16_384;
/** Kinds of tenants and of the cluster, not of the configuration. */
const NOT_CONFIGURATION: ReadonlySet<string> = new Set(["Service", "EndpointSlice", "Node", "Namespace"]);

export const configurationStateName = (node: string): string => `speaker-${node}`;

export const configurationStateKind = (node: string): ReportKind => {
  const name = configurationStateName(node);
  return {
    resource: CONFIGURATION_STATES,
    select: { name },
    keyOf: (object) => (object.name === name ? name : null),
    settled: (wanted, seen) => ({ ...wanted, conditions: keepTransitions(wanted.conditions, seen.conditions) }),
  };
};

/** @param wall milliseconds since 1970 */
export function configurationState(node: string, problems: readonly ConfigProblem[], wall: number): Report {
  const errors = problems.filter((p) => p.severity === "error" && !NOT_CONFIGURATION.has(p.kind));
  const message = errors.length === 0 ? "" : `configuration error: ${listed(errors.map(lineOf))}`;
  const isGood = errors.length === 0;
  const name = configurationStateName(node);
  return {
    key: name,
    metadata: { name },
    labels: { "metallb.io/component-type": "speaker", "metallb.io/node-name": node },
    status: {
      result: isGood ? "Valid" : "Invalid",
      errorSummary: message,
      conditions: [
        {
          type: CONDITION,
          status: isGood ? "True" : "False",
          lastTransitionTime: rfc3339(wall),
          reason: isGood ? "Reconciled" : "ConfigurationError",
          message,
        },
      ],
    },
    urgent: isGood ? "Valid" : "Invalid",
  };
}

/** Whole seconds, as the API server has it. */
export const rfc3339 = (wall: number): string => new Date(wall).toISOString().replace(/\.\d+Z$/, "Z");

const lineOf = (problem: ConfigProblem): string =>
  `${refText(problem)}: ${problem.path === "" ? "" : `${problem.path}: `}${problem.message}`;

/** One line each, in an order of their own, as many as there is room for. */
function listed(lines: readonly string[]): string {
  const sorted = [...new Set(lines)].sort();
  let room = MAX_CONDITION_MESSAGE;
  const fitting = sorted.filter((line) => {
    room -= line.length + 1;
    return room > 0;
  });
  const left = sorted.length - fitting.length;
  return [...fitting, ...(left === 0 ? [] : [`and ${left} more`])].join("\n");
}

function keepTransitions(wanted: unknown, seen: unknown): unknown {
  if (!Array.isArray(wanted) || !Array.isArray(seen)) return wanted;
  return wanted.map((condition: RawObject) => {
    const before = seen.find((s) => isRawObject(s) && s.type === condition.type && s.status === condition.status);
    return before === undefined ? condition : { ...condition, lastTransitionTime: before.lastTransitionTime };
  });
}
