// What travels between client and server: JSON values, objects with their metadata, and Status errors. Owns the shapes and
// the wording of errors. Knows nothing of HTTP, of kinds, of storage. Contract: values are never changed in place; whoever
// refuses a request throws an ApiError, which is a Status object with the HTTP code to send.

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

export interface Metadata extends JsonObject {
  readonly name: string;
}

export interface KubeObject extends JsonObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
}

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);

export const text = (value: Json | undefined): string => (typeof value === "string" ? value : "");

export const list = (value: Json | undefined): readonly Json[] => (isList(value) ? value : []);

export const object = (value: Json | undefined): JsonObject => (isObject(value) ? value : {});

export const texts = (value: Json | undefined): readonly string[] => list(value).map(text);

/** The value at a path of member names; undefined where any of them is missing. */
export function at(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  let here = value;
  for (const name of path) here = isObject(here) ? here[name] : undefined;
  return here;
}

/** A copy without one member. */
export function without(value: JsonObject, ...names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}

/** An object without some of its members. */
export const stripped = (value: KubeObject, ...names: readonly string[]): KubeObject => {
  const { apiVersion, kind, metadata } = value;
  return { ...without(value, ...names), apiVersion, kind, metadata };
};

/** Equal whatever the order of members. */
export function isEqual(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (isList(a) && isList(b)) return a.length === b.length && a.every((item, i) => isEqual(item, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => name in b && isEqual(a[name], b[name]));
}

/** What is wrong with one field, as in Status.details.causes. */
export interface Cause {
  readonly reason: "FieldValueInvalid" | "FieldValueRequired" | "FieldValueNotSupported" | "FieldManagerConflict";
  readonly field: string;
  readonly message: string;
}

interface Details {
  readonly kind?: string;
  readonly group?: string;
  readonly name?: string;
  readonly causes?: readonly Cause[];
  readonly retryAfterSeconds?: number;
}

/** A refused request. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: number;
  readonly reason: string;
  readonly details: Details;
  /** Further members of Status.metadata. */
  readonly metadata: JsonObject;

  constructor(code: number, reason: string, message: string, details: Details = {}, metadata: JsonObject = {}) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
    this.metadata = metadata;
  }

  get status(): JsonObject {
    const { causes, ...rest } = this.details;
    const details: JsonObject = { ...rest, ...(causes === undefined ? {} : { causes: causes.map((c) => ({ ...c })) }) };
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: this.metadata,
      status: "Failure",
      message: this.message,
      reason: this.reason,
      ...(Object.keys(details).length === 0 ? {} : { details }),
      code: this.code,
    };
  }
}

/** What an error is about: the plural and group of a resource, and the name of one object. */
export interface About {
  readonly plural: string;
  readonly group: string;
}

const full = ({ plural, group }: About): string => (group === "" ? plural : `${plural}.${group}`);

export const notFound = (about: About, name: string): ApiError =>
  new ApiError(404, "NotFound", `${full(about)} "${name}" not found`, {
    name,
    group: about.group,
    kind: about.plural,
  });

export const noSuchPath = (): ApiError =>
  new ApiError(404, "NotFound", "the server could not find the requested resource");

export const alreadyExists = (about: About, name: string): ApiError =>
  new ApiError(409, "AlreadyExists", `${full(about)} "${name}" already exists`, {
    name,
    group: about.group,
    kind: about.plural,
  });

export const conflict = (about: About, name: string, why: string, causes: readonly Cause[] = []): ApiError =>
  new ApiError(409, "Conflict", `operation on ${full(about)} "${name}" refused: ${why}`, {
    name,
    group: about.group,
    kind: about.plural,
    ...(causes.length === 0 ? {} : { causes }),
  });

export const invalid = (kind: string, group: string, name: string, causes: readonly Cause[]): ApiError =>
  new ApiError(
    422,
    "Invalid",
    `${kind}${group === "" ? "" : `.${group}`} "${name}" is invalid: ${causes.map((c) => `${c.field}: ${c.message}`).join(", ")}`,
    { name, group, kind, causes },
  );

export const badRequest = (message: string): ApiError => new ApiError(400, "BadRequest", message);

export const unauthorized = (): ApiError => new ApiError(401, "Unauthorized", "Unauthorized");

export const forbidden = (about: About, name: string, why: string): ApiError =>
  new ApiError(403, "Forbidden", `${full(about)}${name === "" ? "" : ` "${name}"`} is forbidden: ${why}`, {
    ...(name === "" ? {} : { name }),
    group: about.group,
    kind: about.plural,
  });

export const unsupportedMediaType = (given: string): ApiError =>
  new ApiError(415, "UnsupportedMediaType", `the body of the request was in an unknown format: ${given}`);

/** The revision asked for has been compacted away. */
export const expired = (asked: number, oldest: number, metadata: JsonObject = {}): ApiError =>
  new ApiError(410, "Expired", `too old resource version: ${asked} (${oldest})`, {}, metadata);
