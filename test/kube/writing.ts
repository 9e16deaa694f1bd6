// What create, update, patch and delete do to an object: metadata the server owns, status apart from the rest, optimistic
// concurrency, finalizers, what is completed and refused by a schema. Owns these rules. Knows nothing of HTTP but codes in
// errors. Contract: one request is at most one change in the store; a write that changes nothing makes no revision.
import { randomUUID } from "node:crypto";
import { applyPatch, type Manager, takeOwnership } from "./apply.ts";
import { apiVersionOf, type Kind, tableOf } from "./kinds.ts";
import {
  alreadyExists,
  badRequest,
  conflict,
  forbidden,
  invalid,
  isEqual,
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
  list,
  type Metadata,
  notFound,
  object,
  stripped,
  text,
  unsupportedMediaType,
  without,
} from "./objects.ts";
import { jsonPatch, mergePatch, strategicMergePatch } from "./patch.ts";
import { completed, violations } from "./schema.ts";
import { keyOf, type Store } from "./store.ts";

export interface Target {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  /** `status`, or empty. */
  readonly subresource: string;
}

export interface WriteOptions {
  readonly fieldManager: string;
  readonly force: boolean;
  readonly isDryRun: boolean;
  /** Of metadata.creationTimestamp and managedFields. */
  readonly now: () => Date;
}

const NAMES = /^[a-z0-9](?:[-a-z0-9.:]*[a-z0-9])?$/;

const timestamp = (options: WriteOptions): string =>
  options
    .now()
    .toISOString()
    .replace(/\.\d+Z$/, "Z");

const about = (kind: Kind) => ({ plural: kind.plural, group: kind.group });

/** A body as an object of the kind asked for. @throws ApiError 400 */
export function readBody(body: Json, { kind, namespace, name }: Target): KubeObject {
  if (!isObject(body)) throw badRequest("the body of the request is not an object");
  const written = { apiVersion: text(body.apiVersion), kind: text(body.kind) };
  if (written.kind !== kind.kind || written.apiVersion !== apiVersionOf(kind)) {
    throw badRequest(
      `the body is a ${written.kind} of ${written.apiVersion}, the path wants a ${kind.kind} of ${apiVersionOf(kind)}`,
    );
  }
  const given = object(body.metadata);
  const place = text(given.namespace);
  if (place !== "" && place !== namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
  if (name !== "" && given.name !== undefined && given.name !== name) {
    throw badRequest("the name of the object does not match the name on the URL");
  }
  const metadata: Metadata = {
    ...given,
    name: text(given.name) === "" ? name : text(given.name),
    ...(kind.isNamespaced ? { namespace } : {}),
  };
  return { ...body, ...written, metadata };
}

/** @throws ApiError 404, 409, 422 */
export function create(store: Store, target: Target, body: Json, options: WriteOptions): KubeObject {
  const { kind, namespace } = target;
  const given = readBody(body, target);
  const prefix = text(given.metadata.generateName);
  const name = given.metadata.name === "" && prefix !== "" ? prefix + randomUUID().slice(-5) : given.metadata.name;
  if (!NAMES.test(name)) {
    const message = name === "" ? "name or generateName is required" : `Invalid value: ${JSON.stringify(name)}`;
    throw invalid(kind.kind, kind.group, name, [{ reason: "FieldValueRequired", field: "metadata.name", message }]);
  }
  if (text(given.metadata.resourceVersion) !== "")
    throw badRequest("resourceVersion should not be set on objects to be created");
  if (kind.isNamespaced) requireNamespace(store, namespace, target);
  const key = keyOf(namespace, name);
  if (store.get(tableOf(kind), key) !== null) throw alreadyExists(about(kind), name);
  const metadata: Metadata = {
    ...without(given.metadata, "managedFields", "deletionTimestamp"),
    name,
    uid: randomUUID(),
    creationTimestamp: timestamp(options),
    ...(kind.hasGeneration || kind.schema !== null ? { generation: 1 } : {}),
  };
  const fresh = { ...stripped(given, ...(kind.hasStatus ? ["status"] : [])), metadata };
  const whole = checked(kind, fresh, null);
  const owned = takeOwnership(whole, null, manager(options, target, "Update"));
  return options.isDryRun ? owned : store.put(tableOf(kind), owned);
}

function requireNamespace(store: Store, namespace: string, { kind }: Target): void {
  const found = store.get("/namespaces", keyOf("", namespace));
  if (found === null) throw notFound({ plural: "namespaces", group: "" }, namespace);
  if (found.metadata.deletionTimestamp !== undefined) {
    throw forbidden(about(kind), "", `namespace ${namespace} is being terminated`);
  }
}

/** @throws ApiError 404 */
export function existing(store: Store, { kind, namespace, name, subresource }: Target): KubeObject {
  const found = store.get(tableOf(kind), keyOf(namespace, name));
  if (found === null || (subresource === "status" && !kind.hasStatus)) throw notFound(about(kind), name);
  return found;
}

/** @throws ApiError 400, 404, 409, 422 */
export function update(store: Store, target: Target, body: Json, options: WriteOptions): KubeObject {
  const given = readBody(body, target);
  const { kind, namespace, name } = target;
  const before = store.get(tableOf(kind), keyOf(namespace, name));
  if (before === null) throw notFound(about(kind), name);
  if (kind.schema !== null && text(given.metadata.resourceVersion) === "") {
    const message = "must be specified for an update";
    const cause = { reason: "FieldValueInvalid", field: "metadata.resourceVersion", message } as const;
    throw invalid(kind.kind, kind.group, name, [cause]);
  }
  return replace(store, target, before, given, manager(options, target, "Update"), options);
}

/** @throws ApiError 400, 404, 409, 415, 422 */
export function patch(
  store: Store,
  target: Target,
  contentType: string,
  body: Json,
  options: WriteOptions,
): KubeObject {
  const { kind, namespace, name } = target;
  const before = store.get(tableOf(kind), keyOf(namespace, name));
  if (contentType === "application/apply-patch+yaml") {
    if (options.fieldManager === "") throw badRequest("fieldManager is required for apply patch");
    const given = readBody(body, target);
    if (before === null && target.subresource !== "") throw notFound(about(kind), name);
    if (before === null) {
      const made = create(store, target, given, { ...options, isDryRun: true });
      const owned = applyPatch(kind, { ...made, metadata: { ...made.metadata, managedFields: [] } }, given, {
        ...manager(options, target, "Apply"),
        isForced: true,
      });
      return options.isDryRun ? owned : store.put(tableOf(kind), owned);
    }
    const applied = applyPatch(kind, before, given, { ...manager(options, target, "Apply"), isForced: options.force });
    return replace(store, target, before, applied, null, options);
  }
  if (before === null) throw notFound(about(kind), name);
  const patched = patchedBy(contentType, kind, before, body);
  if (!isObject(patched)) throw badRequest("the patch does not leave an object");
  const given = readBody(patched, target);
  return replace(store, target, before, given, manager(options, target, "Update"), options);
}

function patchedBy(contentType: string, kind: Kind, before: KubeObject, body: Json): Json {
  switch (contentType) {
    case "application/merge-patch+json":
      return mergePatch(before, body);
    case "application/json-patch+json":
      return jsonPatch(before, body);
    case "application/strategic-merge-patch+json":
      // defined kinds have no such patch
      if (kind.schema !== null) throw unsupportedMediaType(contentType);
      return strategicMergePatch(before, body);
    default:
      throw unsupportedMediaType(contentType);
  }
}

const manager = (options: WriteOptions, { kind, subresource }: Target, operation: Manager["operation"]): Manager => ({
  name: options.fieldManager,
  operation,
  subresource,
  apiVersion: apiVersionOf(kind),
  time: timestamp(options),
});

/** @param by null: ownership is in `given` already */
function replace(
  store: Store,
  target: Target,
  before: KubeObject,
  given: KubeObject,
  by: Manager | null,
  options: WriteOptions,
): KubeObject {
  const { kind, namespace, name, subresource } = target;
  const asked = text(given.metadata.resourceVersion);
  if (asked !== "" && asked !== before.metadata.resourceVersion) {
    throw conflict(about(kind), name, "the object has been modified; apply your changes to the latest version");
  }
  const uid = text(given.metadata.uid);
  if (uid !== "" && uid !== before.metadata.uid)
    throw conflict(about(kind), name, `the uid in the precondition is ${uid}`);

  const isStatus = subresource === "status";
  const status = isStatus ? given.status : before.status;
  const written = kind.hasStatus && status !== undefined ? { status } : {};
  const content: KubeObject = isStatus
    ? { ...stripped(before, "status"), ...written, metadata: besideStatus(kind, before.metadata, given.metadata) }
    : {
        ...stripped(given, ...(kind.hasStatus ? ["status"] : [])),
        ...written,
        metadata: serverFields(given.metadata, before.metadata),
      };
  const whole = checked(kind, content, before);
  const isChanged = !isEqual(meaning(whole), meaning(before));
  const counted =
    (kind.hasGeneration || kind.schema !== null) && isChanged && !isStatus ? bumped(whole, before) : whole;
  const owned = by === null ? counted : takeOwnership(counted, before, by);
  if (!isChanged && (by !== null || isEqual(ownership(owned), ownership(before)))) return before;
  if (options.isDryRun) return owned;
  if (isFinished(owned)) return store.delete(tableOf(kind), keyOf(namespace, name)) ?? owned;
  return store.put(tableOf(kind), owned);
}

/** What a client may not change by writing it. */
function serverFields(given: Metadata, before: Metadata): Metadata {
  const kept = ["uid", "creationTimestamp", "generation", "deletionTimestamp", "resourceVersion", "namespace"];
  const own = Object.fromEntries(kept.flatMap((name) => (before[name] === undefined ? [] : [[name, before[name]]])));
  return { ...without(given, ...kept), ...own, name: before.name } as Metadata;
}

/** What a write of the status changes of the metadata. */
function besideStatus(kind: Kind, before: Metadata, given: Metadata): Metadata {
  const owned = withOwners(before, given);
  if (!kind.statusHasMetadata) return owned;
  const { labels, annotations } = given;
  return {
    ...without(owned, "labels", "annotations"),
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
  } as Metadata;
}

const withOwners = (before: Metadata, { managedFields }: Metadata): Metadata =>
  managedFields === undefined ? before : { ...before, managedFields };

const meaning = (whole: KubeObject): JsonObject => ({
  ...whole,
  apiVersion: "",
  metadata: without(whole.metadata, "managedFields", "resourceVersion", "generation"),
});

const ownership = (whole: KubeObject): Json =>
  list(whole.metadata.managedFields).map((entry) => without(object(entry), "time"));

function bumped(whole: KubeObject, before: KubeObject): KubeObject {
  const spec = (o: KubeObject): JsonObject => without(o, "metadata", "status", "apiVersion");
  if (isEqual(spec(whole), spec(before))) return whole;
  return { ...whole, metadata: { ...whole.metadata, generation: Number(before.metadata.generation ?? 0) + 1 } };
}

const isFinished = ({ metadata }: KubeObject): boolean =>
  metadata.deletionTimestamp !== undefined && list(metadata.finalizers).length === 0;

/** Defaults put in, unknown fields taken out. @throws ApiError 422 */
function checked(kind: Kind, whole: KubeObject, before: KubeObject | null): KubeObject {
  if (kind.schema === null) return whole;
  const { schema } = kind;
  const { apiVersion, kind: name, metadata } = whole;
  const rest = completed(schema, without(whole, "apiVersion", "kind", "metadata"));
  const content: KubeObject = { ...object(rest), apiVersion, kind: name, metadata };
  const causes = violations(schema, content, before);
  if (causes.length > 0) throw invalid(kind.kind, kind.group, metadata.name, causes);
  return content;
}

/** @param body DeleteOptions, or null @throws ApiError 404, 409 */
export function remove(store: Store, target: Target, body: Json, options: WriteOptions): KubeObject {
  const { kind, namespace, name } = target;
  const before = existing(store, target);
  const preconditions = object(isObject(body) ? body.preconditions : undefined);
  for (const field of ["uid", "resourceVersion"]) {
    const wanted = preconditions[field];
    if (wanted !== undefined && wanted !== before.metadata[field]) {
      throw conflict(about(kind), name, `the precondition on ${field} does not hold`);
    }
  }
  if (options.isDryRun) return before;
  if (list(before.metadata.finalizers).length > 0) {
    if (before.metadata.deletionTimestamp !== undefined) return before;
    const metadata = { ...before.metadata, deletionTimestamp: timestamp(options), deletionGracePeriodSeconds: 0 };
    return store.put(tableOf(kind), { ...before, metadata });
  }
  return store.delete(tableOf(kind), keyOf(namespace, name)) ?? before;
}
