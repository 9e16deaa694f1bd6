// Label selectors: does a set of labels satisfy one? Owns Kubernetes' LabelSelector semantics (metallb-compat 1.9) for selectors
// that were validated when they were read. Knows nothing of the objects that carry labels.
// Contract: a selector without terms matches everything; a list of selectors is OR, and an empty list is "no restriction".
import { assertNever } from "../kernel/result.ts";
import type { LabelSelector, Labels } from "./model.ts";

/** On a Node, with any value: load balancers leave it out. */
export const EXCLUDE_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers";

/** All terms of the selector hold. NotIn and DoesNotExist also hold for labels that lack the key. */
export function matchesSelector(selector: LabelSelector, labels: Labels): boolean {
  for (const [key, value] of selector.matchLabels) if (labels.get(key) !== value) return false;
  for (const term of selector.matchExpressions) if (!matchesExpression(term, labels)) return false;
  return true;
}

function matchesExpression(term: LabelSelector["matchExpressions"][number], labels: Labels): boolean {
  const value = labels.get(term.key);
  switch (term.operator) {
    case "In":
      return value !== undefined && term.values.includes(value);
    case "NotIn":
      return value === undefined || !term.values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
  }
  return assertNever(term.operator);
}

/** One selector of the list matches. False for an empty list: see `matchesAnyOrNone` for "empty means all". */
export const matchesAny = (selectors: readonly LabelSelector[], labels: Labels): boolean =>
  selectors.some((s) => matchesSelector(s, labels));

/** The list is empty or one of it matches: the meaning of every nodeSelectors and serviceSelectors field. */
export const matchesAnyOrNone = (selectors: readonly LabelSelector[], labels: Labels): boolean =>
  selectors.length === 0 || matchesAny(selectors, labels);
