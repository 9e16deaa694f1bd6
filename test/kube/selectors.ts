// Label and field selectors of list and watch, from text to predicate. Owns the grammar. Knows nothing of requests.
// Contract: a selector that the real server refuses is refused with 400, naming what is wrong; none matches everything.
import { at, badRequest, isObject, type JsonObject, type KubeObject, text } from "./objects.ts";

export type Predicate = (object: KubeObject) => boolean;

const KEY = "(?:[a-z0-9.-]+/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?";
const VALUE = "(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?)?";
const SET = new RegExp(`^(${KEY})\\s+(in|notin)\\s*\\(([^()]*)\\)$`);
const EQUALITY = new RegExp(`^(${KEY})\\s*(==|=|!=)\\s*(${VALUE})$`);
const EXISTENCE = new RegExp(`^(!?)\\s*(${KEY})$`);
const ORDER = new RegExp(`^(${KEY})\\s*(>|<)\\s*(-?[0-9]+)$`);

type Labels = JsonObject;
type Term = (labels: Labels) => boolean;

/** Splits at commas outside parentheses. */
function terms(selector: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < selector.length; i++) {
    if (selector[i] === "(") depth++;
    else if (selector[i] === ")") depth--;
    else if (selector[i] === "," && depth === 0) {
      parts.push(selector.slice(start, i));
      start = i + 1;
    }
  }
  return [...parts, selector.slice(start)].map((part) => part.trim());
}

function labelTerm(term: string): Term {
  const set = SET.exec(term);
  if (set !== null) {
    const [, key = "", operator, values = ""] = set;
    const wanted = values.split(",").map((v) => v.trim());
    if (wanted.some((v) => !new RegExp(`^${VALUE}$`).test(v))) throw unparsable(term);
    return operator === "in"
      ? (labels) => key in labels && wanted.includes(text(labels[key]))
      : (labels) => !(key in labels && wanted.includes(text(labels[key])));
  }
  const equality = EQUALITY.exec(term);
  if (equality !== null) {
    const [, key = "", operator, value] = equality;
    return operator === "!=" ? (labels) => labels[key] !== value : (labels) => labels[key] === value;
  }
  const order = ORDER.exec(term);
  if (order !== null) {
    const [, key = "", operator, bound] = order;
    return (labels) => {
      if (!/^-?\d+$/.test(text(labels[key]))) return false;
      return operator === ">" ? Number(labels[key]) > Number(bound) : Number(labels[key]) < Number(bound);
    };
  }
  const existence = EXISTENCE.exec(term);
  if (existence === null) throw unparsable(term);
  const [, not, key = ""] = existence;
  return not === "!" ? (labels) => !(key in labels) : (labels) => key in labels;
}

const unparsable = (term: string) => badRequest(`unable to parse requirement: ${JSON.stringify(term)}`);

/** @throws ApiError 400 */
export function labelSelector(selector: string): Predicate {
  if (selector.trim() === "") return () => true;
  const all = terms(selector).map(labelTerm);
  return (object) => {
    const labels = object.metadata.labels;
    const present = isObject(labels) ? labels : {};
    return all.every((term) => term(present));
  };
}

const FIELD = /^([^=!]+)(==|=|!=)(.*)$/;

/** @param supported dotted paths beyond those of every kind @throws ApiError 400 */
export function fieldSelector(selector: string, supported: readonly string[]): Predicate {
  if (selector.trim() === "") return () => true;
  const all = selector.split(",").map((term): Predicate => {
    const [, path = "", operator, value = ""] = FIELD.exec(term.trim()) ?? [];
    if (operator === undefined) throw badRequest(`invalid field selector: ${JSON.stringify(term)}`);
    if (!["metadata.name", "metadata.namespace", ...supported].includes(path)) {
      throw badRequest(`field label not supported: ${path}`);
    }
    return (object) => {
      const found = at(object, ...path.split("."));
      const here = found === undefined || found === null ? "" : String(found);
      return operator === "!=" ? here !== value : here === value;
    };
  });
  return (object) => all.every((term) => term(object));
}
