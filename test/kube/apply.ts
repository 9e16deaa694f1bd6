// Server-side apply and who owns which field. Owns managedFields: what a manager applied or changed, as sets of fields in
// Kubernetes' own notation. Knows nothing of requests or storage. Simplified: a list is one field unless it is a map by keys
// known from the schema or the table here. Contract: what a manager no longer applies, and nobody else owns, goes.

import type { Kind } from "./kinds.ts";
import type { KubeObject } from "./objects.ts";
import {
  ApiError,
  type Cause,
  conflict,
  isEqual,
  isList,
  isObject,
  type Json,
  type JsonObject,
  list,
  object,
} from "./objects.ts";
import { listKeysAt } from "./schema.ts";

export interface Manager {
  readonly name: string;
  readonly operation: "Apply" | "Update";
  readonly subresource: string;
  readonly apiVersion: string;
  /** RFC 3339. */
  readonly time: string;
}

/** Leaves, by path; a path is its steps as in fieldsV1 (`f:name`, `k:{…}`), joined by a character that names cannot hold. */
type FieldSet = ReadonlyMap<string, Json>;
const SEPARATOR = "\u0000";

/** Lists of built-in kinds that are maps, by the path of their field names. */
const BUILT_IN_LISTS: Readonly<Record<string, readonly string[]>> = {
  "spec.ports": ["port", "protocol"],
  "status.conditions": ["type"],
  "metadata.ownerReferences": ["uid"],
};

const UNOWNED = new Set(["apiVersion", "kind"]);
const UNOWNED_METADATA = new Set([
  "name",
  "namespace",
  "uid",
  "resourceVersion",
  "creationTimestamp",
  "generation",
  "managedFields",
  "generateName",
]);

function fieldsOf(kind: Kind | null, value: KubeObject): FieldSet {
  const fields = new Map<string, Json>();
  const visit = (here: Json, steps: readonly string[], names: readonly string[]): void => {
    if (isObject(here) && Object.keys(here).length > 0) {
      for (const [name, member] of Object.entries(here)) {
        if (names.length === 0 && UNOWNED.has(name)) continue;
        if (names.length === 1 && names[0] === "metadata" && UNOWNED_METADATA.has(name)) continue;
        visit(member, [...steps, `f:${name}`], [...names, name]);
      }
      return;
    }
    const keys = isList(here) ? listKeys(kind, names) : null;
    if (isList(here) && keys !== null && here.every(isObject)) {
      for (const item of here) {
        const step = `k:${JSON.stringify(keyOfItem(item, keys))}`;
        fields.set([...steps, step, "."].join(SEPARATOR), null);
        for (const [name, member] of Object.entries(item))
          visit(member, [...steps, step, `f:${name}`], [...names, name]);
      }
      return;
    }
    fields.set(steps.join(SEPARATOR), here);
  };
  visit(value, [], []);
  return fields;
}

const keyOfItem = (item: JsonObject, keys: readonly string[]): JsonObject =>
  Object.fromEntries(keys.map((key) => [key, item[key] ?? (key === "protocol" ? "TCP" : null)]));

const listKeys = (kind: Kind | null, names: readonly string[]): readonly string[] | null =>
  (kind?.schema ? listKeysAt(kind.schema, names) : null) ?? BUILT_IN_LISTS[names.join(".")] ?? null;

// --- managedFields <-> sets

function toFieldsV1(paths: Iterable<string>): JsonObject {
  const root: Record<string, Json> = {};
  for (const path of [...paths].sort()) {
    let here = root;
    for (const step of path.split(SEPARATOR)) {
      const next = here[step];
      const inner: Record<string, Json> = isObject(next) ? (next as Record<string, Json>) : {};
      here[step] = inner;
      here = inner;
    }
  }
  return root;
}

function fromFieldsV1(fields: JsonObject): Set<string> {
  const paths = new Set<string>();
  const visit = (here: JsonObject, steps: readonly string[]): void => {
    const members = Object.entries(here);
    if (members.length === 0 && steps.length > 0) paths.add(steps.join(SEPARATOR));
    for (const [step, member] of members) visit(object(member), [...steps, step]);
  };
  visit(fields, []);
  return paths;
}

interface Ownership {
  readonly manager: Manager;
  readonly paths: ReadonlySet<string>;
}

const ownerships = (value: KubeObject): readonly Ownership[] =>
  list(value.metadata.managedFields).map((entry) => {
    const { manager, operation, subresource, apiVersion, time, fieldsV1 } = object(entry);
    return {
      manager: {
        name: String(manager),
        operation: operation === "Apply" ? "Apply" : "Update",
        subresource: typeof subresource === "string" ? subresource : "",
        apiVersion: String(apiVersion),
        time: String(time),
      },
      paths: fromFieldsV1(object(fieldsV1)),
    };
  });

const isSame = (a: Manager, b: Manager): boolean =>
  a.name === b.name && a.operation === b.operation && a.subresource === b.subresource;

function withOwnerships(value: KubeObject, owned: readonly Ownership[]): KubeObject {
  const managedFields = owned
    .filter(({ paths }) => paths.size > 0)
    .map(({ manager: { name, operation, subresource, apiVersion, time }, paths }) => ({
      manager: name,
      operation,
      apiVersion,
      time,
      fieldsType: "FieldsV1",
      fieldsV1: toFieldsV1(paths),
      ...(subresource === "" ? {} : { subresource }),
    }));
  return { ...value, metadata: { ...value.metadata, managedFields } };
}

// --- what writes do

/** An update: whoever changes a field owns it from now on. */
export function takeOwnership(after: KubeObject, before: KubeObject | null, by: Manager): KubeObject {
  const now = fieldsOf(null, after);
  const then = before === null ? new Map<string, Json>() : fieldsOf(null, before);
  const changed = [...now]
    .filter(([path, value]) => !then.has(path) || !isEqual(then.get(path), value))
    .map(([p]) => p);
  const others = before === null ? [] : ownerships(before);
  const kept = others.map((o) => {
    const paths = [...o.paths].filter((path) => isSame(o.manager, by) || !changed.includes(path));
    return {
      ...o,
      paths: new Set(paths.filter((path) => now.has(path) || path.endsWith(`${SEPARATOR}.`) || path.includes("k:"))),
    };
  });
  const mine = kept.find((o) => isSame(o.manager, by));
  if (changed.length === 0) return withOwnerships(after, kept);
  const paths = new Set([...(mine?.paths ?? []), ...changed]);
  return withOwnerships(after, [...kept.filter((o) => o !== mine), { manager: by, paths }]);
}

/** @throws ApiError 409 naming every field that another manager holds with another value, unless forced */
export function applyPatch(
  kind: Kind,
  before: KubeObject,
  applied: KubeObject,
  by: Manager & { readonly isForced: boolean },
): KubeObject {
  const wanted = fieldsOf(kind, applied);
  const present = fieldsOf(kind, before);
  const all = ownerships(before);
  const mine = all.find((o) => isSame(o.manager, by));
  const others = all.filter((o) => o !== mine);
  const isContested = (path: string): boolean =>
    wanted.has(path) && present.has(path) && !isEqual(wanted.get(path), present.get(path));
  const causes = others.flatMap(({ manager, paths }) =>
    [...paths].filter(isContested).map(
      (path): Cause => ({
        reason: "FieldManagerConflict",
        field: `.${path
          .split(SEPARATOR)
          .map((s) => s.replace(/^[fk]:/, ""))
          .join(".")}`,
        message: `conflict with ${JSON.stringify(manager.name)}`,
      }),
    ),
  );
  if (causes.length > 0 && !by.isForced) {
    throw conflict(kind, before.metadata.name, `apply failed with ${causes.length} conflicts`, causes);
  }
  const heldByOthers = new Set(others.flatMap((o) => [...o.paths]));
  const given_up = [...(mine?.paths ?? [])].filter((path) => !wanted.has(path) && !heldByOthers.has(path));
  const merged = merge(kind, before, applied, []);
  const left = given_up.reduce<Json>((value, path) => removed(value, path.split(SEPARATOR)), merged);
  const kept = others.map((o) => ({ ...o, paths: new Set([...o.paths].filter((path) => !isContested(path))) }));
  const { isForced: _, ...manager } = by;
  return withOwnerships(asObject(left), [...kept, { manager, paths: new Set(wanted.keys()) }]);
}

function asObject(value: Json): KubeObject {
  if (!isObject(value)) throw new ApiError(500, "InternalError", "apply left no object");
  return value as KubeObject;
}

function merge(kind: Kind, before: Json | undefined, applied: Json, names: readonly string[]): Json {
  if (isObject(applied)) {
    const merged: Record<string, Json> = { ...(isObject(before) ? before : {}) };
    for (const [name, value] of Object.entries(applied)) {
      if (names.length === 1 && names[0] === "metadata" && name === "managedFields") continue;
      merged[name] = merge(kind, merged[name], value, [...names, name]);
    }
    return merged;
  }
  const keys = isList(applied) ? listKeys(kind, names) : null;
  if (!isList(applied) || keys === null) return applied;
  const merged = [...list(before)];
  for (const item of applied) {
    const key = keyOfItem(object(item), keys);
    const index = merged.findIndex((other) => isEqual(keyOfItem(object(other), keys), key));
    if (index < 0) merged.push(item);
    else merged[index] = merge(kind, merged[index], item, names);
  }
  return merged;
}

/** Without the field at a path; a member or element that it empties goes too. */
function removed(value: Json, steps: readonly string[]): Json {
  const [step, ...rest] = steps;
  if (step === undefined || step === ".") return value;
  if (step.startsWith("k:")) {
    const key = JSON.parse(step.slice(2)) as JsonObject;
    return list(value).flatMap((item) => {
      const isIt = Object.entries(key).every(([name, wanted]) =>
        isEqual(object(item)[name] ?? (name === "protocol" ? "TCP" : null), wanted),
      );
      if (!isIt) return [item];
      return rest[0] === "." ? [] : [removed(item, rest)];
    });
  }
  const name = step.slice(2);
  if (!isObject(value) || !(name in value)) return value;
  const { [name]: member = null, ...others } = value;
  if (rest.length === 0) return others;
  const inner = removed(member, rest);
  const isEmptied = (isObject(inner) && Object.keys(inner).length === 0) || (isList(inner) && inner.length === 0);
  return isEmptied ? others : { ...value, [name]: inner };
}
