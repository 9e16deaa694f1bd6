// Patches: JSON merge patch (RFC 7386), JSON patch (RFC 6902) and as much of Kubernetes' strategic merge patch as clients of
// built-in kinds send. Owns what a patch does to a value. Knows nothing of objects' metadata, of storage. Contract: returns a
// new value; a patch that cannot be applied is refused with 400 or 422.
import { ApiError, badRequest, isEqual, isList, isObject, type Json, type JsonObject, list, text } from "./objects.ts";

/** RFC 7386. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const merged: Record<string, Json> = { ...(isObject(target) ? target : {}) };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = mergePatch(merged[name], value);
  }
  return merged;
}

/** RFC 6902: every operation but move and copy, which no client of ours sends. */
export function jsonPatch(target: Json, patch: Json): Json {
  if (!isList(patch)) throw badRequest("a JSON patch is a list of operations");
  return patch.reduce<Json>((value, step) => {
    const operation = isObject(step) ? step : {};
    const path = text(operation.path)
      .split("/")
      .slice(1)
      .map((p) => p.replaceAll("~1", "/").replaceAll("~0", "~"));
    return changeAt(value, path, text(operation.op), operation.value);
  }, target);
}

function changeAt(here: Json, path: readonly string[], op: string, value: Json | undefined): Json {
  const [step, ...rest] = path;
  if (!["add", "replace", "remove", "test"].includes(op)) throw unprocessable(`operation ${op} is not supported`);
  if (step === undefined) {
    if (op === "test" && !isEqual(here, value)) throw unprocessable("test failed");
    return op === "test" ? here : (value ?? null);
  }
  if (isList(here)) {
    const index = step === "-" ? here.length : Number(step);
    if (!(index >= 0 && index <= here.length)) throw unprocessable(`no element ${step}`);
    if (rest.length === 0 && op === "add") return [...here.slice(0, index), value ?? null, ...here.slice(index)];
    const element = here[index];
    if (element === undefined) throw unprocessable(`no element ${step}`);
    if (rest.length === 0 && op === "remove") return here.filter((_, i) => i !== index);
    return here.map((e, i) => (i === index ? changeAt(element, rest, op, value) : e));
  }
  if (!isObject(here)) throw unprocessable(`no member ${step}`);
  if (rest.length === 0 && op === "add") return { ...here, [step]: value ?? null };
  const member = here[step];
  if (member === undefined) throw unprocessable(`no member ${step}`);
  if (rest.length === 0 && op === "remove") {
    return Object.fromEntries(Object.entries(here).filter(([name]) => name !== step));
  }
  return { ...here, [step]: changeAt(member, rest, op, value) };
}

const unprocessable = (message: string): ApiError => new ApiError(422, "Invalid", message);

/** Lists that are maps, by the name of the member that holds them: what identifies an element (first one present counts). */
const MERGE_KEYS: Readonly<Record<string, readonly string[]>> = {
  ports: ["containerPort", "port"],
  containers: ["name"],
  initContainers: ["name"],
  env: ["name"],
  volumes: ["name"],
  volumeMounts: ["mountPath"],
  conditions: ["type"],
  ownerReferences: ["uid"],
  secrets: ["name"],
  imagePullSecrets: ["name"],
  addresses: ["type"],
  webhooks: ["name"],
};

/** Lists that are sets. */
const SETS = new Set(["finalizers"]);

/** `$patch: delete|replace`, `$deleteFromPrimitiveList/…`, `$setElementOrder/…`, `$retainKeys`, lists merged by key. */
export function strategicMergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  if (patch.$patch === "replace") return stripped(patch);
  const merged: Record<string, Json> = { ...(isObject(target) ? target : {}) };
  const retained = patch.$retainKeys;
  if (isList(retained)) {
    for (const name of Object.keys(merged)) if (!retained.includes(name)) delete merged[name];
  }
  for (const [name, value] of Object.entries(patch)) {
    if (name === "$retainKeys" || name.startsWith("$setElementOrder/") || name === "$patch") continue;
    if (name.startsWith("$deleteFromPrimitiveList/")) {
      const field = name.slice("$deleteFromPrimitiveList/".length);
      merged[field] = list(merged[field]).filter((item) => !list(value).includes(item));
    } else if (value === null) delete merged[name];
    else if (isList(value)) merged[name] = mergeLists(name, list(merged[name]), value);
    else merged[name] = strategicMergePatch(merged[name], value);
  }
  return merged;
}

function mergeLists(name: string, target: readonly Json[], patch: readonly Json[]): Json {
  if (SETS.has(name)) return [...target, ...patch.filter((item) => !target.includes(item))];
  const replaces = patch.some((item) => isObject(item) && item.$patch === "replace" && Object.keys(item).length === 1);
  if (replaces) return patch.filter((item) => !(isObject(item) && item.$patch === "replace"));
  const key = MERGE_KEYS[name]?.find((k) => patch.every((item) => isObject(item) && k in item));
  if (key === undefined) return patch;
  const merged = [...target];
  for (const item of patch) {
    if (!isObject(item)) continue;
    const index = merged.findIndex((existing) => isObject(existing) && isEqual(existing[key], item[key]));
    if (item.$patch === "delete") {
      if (index >= 0) merged.splice(index, 1);
    } else if (index >= 0) merged[index] = strategicMergePatch(merged[index], item);
    else merged.push(stripped(item));
  }
  return merged;
}

/** Without the directives. */
const stripped = (value: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(value).filter(([name]) => !name.startsWith("$")));
