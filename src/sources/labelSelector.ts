// LabelSelectors of MetalLB objects: shape, label syntax and the rules about duplicates. Owns validation only; matching
// is announce/select.ts. Knows nothing of the kinds that carry selectors.
// Contract: a faulty selector is reported with its field path and still returned as far as it could be read.
import type { LabelSelector, SelectorOperator } from "../announce/model.ts";
import { quote } from "../kernel/text.ts";
import type { Fields } from "./fields.ts";
import { say } from "./messages.ts";

const OPERATORS: readonly SelectorOperator[] = ["In", "NotIn", "Exists", "DoesNotExist"];
const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** `name` or `domain/name`, as Kubernetes allows for label keys. */
export function isLabelKey(text: string): boolean {
  const slash = text.indexOf("/");
  if (slash < 0) return NAME.test(text);
  return slash <= 253 && SUBDOMAIN.test(text.slice(0, slash)) && NAME.test(text.slice(slash + 1));
}

/** Up to 63 characters of label syntax; may be empty. */
export const isLabelValue = (text: string): boolean => text === "" || NAME.test(text);

/**
 * `v1` is the Kubernetes type. `v1beta1` is the older type of BGPPeer v1beta1, whose API demands at least one value in
 * every expression, so that Exists and DoesNotExist cannot be said there.
 */
export type SelectorForm = "v1" | "v1beta1";

/** A list of selectors, e.g. `spec.nodeSelectors`; two equal ones are an error. */
export function readSelectors(parent: Fields, key: string, form: SelectorForm = "v1"): readonly LabelSelector[] {
  const paths = new Map<string, string>();
  return parent.objects(key).map((fields) => {
    const selector = readSelector(fields, form);
    const identity = selectorIdentity(selector);
    const earlier = paths.get(identity);
    if (earlier === undefined) paths.set(identity, fields.path);
    else fields.report.error(fields.path, say("equalSelector", { earlier }));
    return selector;
  });
}

/** A selector that stands alone; empty when it is absent. */
export const readOneSelector = (parent: Fields, key: string): LabelSelector =>
  readSelector(parent.objectOrEmpty(key), "v1");

function readSelector(fields: Fields, form: SelectorForm): LabelSelector {
  const matchLabels = [...fields.stringMap("matchLabels")];
  for (const [key, value] of matchLabels) {
    const path = `${fields.at("matchLabels")}.${key}`;
    checkKey(fields, path, key);
    checkValue(fields, path, value);
  }
  const identities = new Map<string, string>();
  const matchExpressions = fields.objects("matchExpressions").map((expression) => {
    const read = readExpression(expression, form);
    const identity = expressionIdentity(read);
    const earlier = identities.get(identity);
    if (earlier === undefined) identities.set(identity, expression.path);
    else fields.report.error(expression.path, say("equalSelector", { earlier }));
    return read;
  });
  fields.warnUnknown();
  return { matchLabels, matchExpressions };
}

type Expression = LabelSelector["matchExpressions"][number];

function readExpression(fields: Fields, form: SelectorForm): Expression {
  const key = fields.requiredString("key", "Name the label.");
  if (key !== null) checkKey(fields, fields.at("key"), key);
  if (!fields.has("operator")) fields.error("operator", say("required", {}, `One of ${OPERATORS.join(", ")}.`));
  const operator = fields.word("operator", OPERATORS);
  const values = readValues(fields);
  if (operator === "In" || operator === "NotIn") {
    if (values.length === 0) fields.error("values", say("needsValue", { operator }));
  } else if (operator !== null && form === "v1beta1") {
    fields.error("operator", say("notInV1beta1", { operator }));
  } else if (operator !== null && values.length > 0) {
    fields.error("values", say("needsNoValue", { operator }));
  }
  fields.warnUnknown();
  return { key: key ?? "", operator: operator ?? "In", values };
}

/** Not `strings`: an empty label value is legal. */
function readValues(fields: Fields): readonly string[] {
  const first = new Map<string, string>();
  for (const { text, path } of fields.strings("values", true)) {
    const earlier = first.get(text);
    if (earlier === undefined) first.set(text, path);
    else fields.report.error(path, say("twice", { text: quote(text), earlier }));
    checkValue(fields, path, text);
  }
  return [...first.keys()];
}

function checkKey(fields: Fields, path: string, key: string): void {
  if (!isLabelKey(key)) fields.report.error(path, say("notALabelKey", { text: quote(key) }));
}

function checkValue(fields: Fields, path: string, value: string): void {
  if (!isLabelValue(value)) fields.report.error(path, say("notALabelValue", { text: quote(value) }));
}

const expressionIdentity = (e: Expression): string => JSON.stringify([e.key, e.operator, [...e.values].sort()]);

/** Equal text for selectors that MetalLB holds for duplicates: values sorted, order of expressions kept. */
export const selectorIdentity = (s: LabelSelector): string =>
  JSON.stringify([[...s.matchLabels].sort(byKey), s.matchExpressions.map(expressionIdentity)]);

const byKey = (a: readonly [string, string], b: readonly [string, string]): number => (a[0] < b[0] ? -1 : 1);
