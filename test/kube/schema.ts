// Structural schemas of defined kinds: completing an object (defaults in, unknown fields out) and finding what is wrong with
// it. Owns as much of OpenAPI v3 as Kubernetes allows in a definition and ours use; a keyword it does not know is refused when
// the definition is made, so that nothing is skipped in silence. Knows nothing of requests.
import { celRule } from "./cel.ts";
import {
  type Cause,
  isEqual,
  isList,
  isObject,
  type Json,
  type JsonObject,
  list,
  object,
  text,
  texts,
} from "./objects.ts";

/** An OpenAPI v3 schema, checked by `checkSchema`. */
export type Schema = JsonObject;

const KEYWORDS = new Set([
  "type",
  "description",
  "properties",
  "items",
  "additionalProperties",
  "required",
  "default",
  "enum",
  "minimum",
  "maximum",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "pattern",
  "format",
  "nullable",
  "maxProperties",
  "x-kubernetes-validations",
  "x-kubernetes-list-type",
  "x-kubernetes-list-map-keys",
  "x-kubernetes-map-type",
  "x-kubernetes-int-or-string",
  "x-kubernetes-preserve-unknown-fields",
]);

/** @throws Error naming a keyword or a rule that this server would not hold */
export function checkSchema(schema: Schema, path: string): void {
  for (const keyword of Object.keys(schema)) {
    if (!KEYWORDS.has(keyword)) throw new Error(`${path}: the schema keyword ${keyword} is not known here`);
  }
  for (const rule of list(schema["x-kubernetes-validations"])) celRule(text(object(rule).rule));
  const { properties, items, additionalProperties } = schema;
  for (const [name, member] of Object.entries(object(properties))) checkSchema(object(member), `${path}.${name}`);
  if (isObject(items)) checkSchema(items, `${path}[]`);
  if (isObject(additionalProperties)) checkSchema(additionalProperties, `${path}[*]`);
}

/** With defaults, without what the schema does not name. */
export function completed(schema: Schema, value: Json): Json {
  if (isList(value)) return isObject(schema.items) ? value.map((item) => completed(object(schema.items), item)) : value;
  if (!isObject(value)) return value;
  const properties = object(schema.properties);
  const { additionalProperties } = schema;
  const keepsAll = schema["x-kubernetes-preserve-unknown-fields"] === true;
  const result: Record<string, Json> = {};
  for (const [name, member] of Object.entries(value)) {
    const inner = properties[name];
    if (isObject(inner)) {
      // a null where none may be is as if it were not there, so that a default takes its place
      if (member === null && inner.nullable !== true && inner.default !== undefined) continue;
      result[name] = completed(inner, member);
    } else if (isObject(additionalProperties)) result[name] = completed(additionalProperties, member);
    else if (keepsAll || additionalProperties === true) result[name] = member;
  }
  for (const [name, inner] of Object.entries(properties)) {
    const { default: fallback } = object(inner);
    if (result[name] === undefined && fallback !== undefined) result[name] = completed(object(inner), fallback);
  }
  return result;
}

const TYPES: Readonly<Record<string, (value: Json) => boolean>> = {
  object: isObject,
  array: isList,
  string: (value) => typeof value === "string",
  boolean: (value) => typeof value === "boolean",
  integer: (value) => Number.isInteger(value),
  number: (value) => typeof value === "number",
};

/** Of the integer formats: what the server decodes them to. This server reads numbers as JavaScript does: 2^63 - 1 comes out as 2^63. */
const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [-(2 ** 63), 2 ** 63],
};

/** Everything that is wrong with a completed value. @param before the value it takes the place of, for transition rules */
export function violations(schema: Schema, value: Json, before: Json | null, path = ""): readonly Cause[] {
  const causes: Cause[] = [];
  const wrong = (message: string, field = path, reason: Cause["reason"] = "FieldValueInvalid"): void => {
    causes.push({ reason, field: field === "" ? "<root>" : field, message });
  };
  const shown = JSON.stringify(value);
  if (value === null && schema.nullable === true) return [];
  if (schema["x-kubernetes-int-or-string"] === true) {
    if (typeof value !== "string" && !Number.isInteger(value))
      wrong(`Invalid value: ${shown}: must be a number or a string`);
    return causes;
  }
  const type = text(schema.type);
  if (TYPES[type]?.(value) === false) {
    wrong(`Invalid value: ${shown}: must be of type ${type}`);
    return causes;
  }
  const allowed = schema.enum;
  if (isList(allowed) && !allowed.some((a) => isEqual(a, value))) {
    const supported = allowed.map((a) => JSON.stringify(a)).join(", ");
    wrong(`Unsupported value: ${shown}: supported values: ${supported}`, path, "FieldValueNotSupported");
  }
  const bound = (keyword: string, size: number, isLow: boolean, what: string): void => {
    const limit = schema[keyword];
    if (typeof limit !== "number" || (isLow ? size >= limit : size <= limit)) return;
    wrong(`Invalid value: ${shown}: ${what} ${isLow ? "at least" : "at most"} ${limit}`);
  };
  if (typeof value === "number") {
    bound("minimum", value, true, "must be");
    bound("maximum", value, false, "must be");
    const range = RANGES[text(schema.format)];
    if (range !== undefined && (value < range[0] || value > range[1]))
      wrong(`Invalid value: ${shown}: not an ${text(schema.format)}`);
  }
  if (typeof value === "string") {
    bound("minLength", value.length, true, "length must be");
    bound("maxLength", value.length, false, "length must be");
    const { pattern, format } = schema;
    if (typeof pattern === "string" && !new RegExp(pattern).test(value))
      wrong(`Invalid value: ${shown}: should match '${pattern}'`);
    if (format === "date-time" && Number.isNaN(Date.parse(value)))
      wrong(`Invalid value: ${shown}: must be a date and time`);
  }
  if (isList(value)) {
    bound("minItems", value.length, true, "must have items:");
    bound("maxItems", value.length, false, "must have items:");
    const { items } = schema;
    const keys = texts(schema["x-kubernetes-list-map-keys"]);
    value.forEach((item, i) => {
      const old = isList(before)
        ? (before.find((o) => keys.length > 0 && keys.every((k) => object(o)[k] === object(item)[k])) ?? null)
        : null;
      if (isObject(items)) causes.push(...violations(items, item, old, `${path}[${i}]`));
      const isTwice = value.slice(0, i).some((other) => sameItem(schema, item, other));
      if (isTwice) wrong(`Duplicate value: ${JSON.stringify(item)}`, `${path}[${i}]`);
    });
  }
  if (isObject(value)) {
    const inside = (name: string): string => (path === "" ? name : `${path}.${name}`);
    for (const name of texts(schema.required)) {
      if (value[name] === undefined) wrong("Required value", inside(name), "FieldValueRequired");
    }
    const properties = object(schema.properties);
    const old = isObject(before) ? before : {};
    for (const [name, member] of Object.entries(value)) {
      const inner = properties[name] ?? schema.additionalProperties;
      if (isObject(inner)) causes.push(...violations(inner, member, old[name] ?? null, inside(name)));
    }
    bound("maxProperties", Object.keys(value).length, false, "must have members:");
  }
  // rules are looked at only where the value has the shape they expect
  if (causes.length === 0) {
    for (const entry of list(schema["x-kubernetes-validations"])) {
      const { rule, message } = object(entry);
      if (!celRule(text(rule))(value, before)) wrong(`Invalid value: ${type}: ${text(message)}`);
    }
  }
  return causes;
}

function sameItem(schema: Schema, a: Json, b: Json): boolean {
  const kind = schema["x-kubernetes-list-type"];
  if (kind === "set") return isEqual(a, b);
  if (kind !== "map") return false;
  return texts(schema["x-kubernetes-list-map-keys"]).every((key) => isEqual(object(a)[key], object(b)[key]));
}

/** What identifies the elements of the list at a path of member names (lists on the way are passed through). */
export function listKeysAt(schema: Schema, names: readonly string[]): readonly string[] | null {
  let here = schema;
  for (const name of names) {
    if (isObject(here.items)) here = here.items;
    here = object(object(here.properties)[name]);
  }
  const keys = texts(here["x-kubernetes-list-map-keys"]);
  return keys.length === 0 ? null : keys;
}
