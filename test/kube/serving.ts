// Requests on objects, served: read, written, deleted, with all that follows from it: kinds that a definition brings, dependents
// that go with their owner. Owns that order, and the short cuts by which tests write as an administrator. Knows nothing of HTTP,
// of access, of faults. Contract: what clients ask for and what tests write goes through the same rules.
import { parseAllDocuments } from "yaml";
import { acceptedStatus, kindsOf } from "./definitions.ts";
import { CRD_GROUP, type Kind, type KindRegistry, tableOf } from "./kinds.ts";
import { badRequest, isObject, type Json, type JsonObject, type KubeObject, object, text } from "./objects.ts";
import { type CacheRevision, inVersion, listObjects } from "./reading.ts";
import type { ResourceRequest } from "./routes.ts";
import { keyOf, type Store } from "./store.ts";
import * as writing from "./writing.ts";

export class Objects {
  readonly #store: Store;
  readonly #kinds: KindRegistry;

  constructor(store: Store, kinds: KindRegistry) {
    this.#store = store;
    this.#kinds = kinds;
  }

  /**
   * Writes objects with their status, whatever is there, as an administrator. Namespaces that are missing are made.
   * @param objects YAML of one or more documents, or an object @throws ApiError as for a request
   */
  apply(objects: string | Json): readonly KubeObject[] {
    const documents = typeof objects === "string" ? parseAllDocuments(objects).map((d) => d.toJS() as Json) : [objects];
    const flat = documents.flatMap((d) => (isObject(d) && d.kind === "List" && Array.isArray(d.items) ? d.items : [d]));
    return flat.filter(isObject).map((written) => this.#put(written));
  }

  #put(written: JsonObject): KubeObject {
    const kind = this.#kinds.of({ apiVersion: text(written.apiVersion), kind: text(written.kind) });
    if (kind === null) throw badRequest(`no kind ${text(written.kind)} in ${text(written.apiVersion)}`);
    const metadata = object(written.metadata);
    const namespace = kind.isNamespaced ? text(metadata.namespace) || "default" : "";
    if (namespace !== "" && this.#store.get("/namespaces", keyOf("", namespace)) === null) {
      this.#put({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    }
    const target = { kind, namespace, name: text(metadata.name), subresource: "" };
    const options = this.#writeOptions(new URLSearchParams("fieldManager=test"));
    const isThere = this.#store.get(tableOf(kind), keyOf(namespace, target.name)) !== null;
    const body = { ...written, metadata: { ...metadata, resourceVersion: "" } };
    const current = isThere ? this.get(text(written.kind), namespace, target.name) : null;
    const main = isThere
      ? writing.update(this.#store, target, withVersion(body, current), options)
      : writing.create(this.#store, target, body, options);
    this.#changed(kind, main);
    const status = written.status;
    if (status === undefined || !kind.hasStatus) return main;
    return writing.update(
      this.#store,
      { ...target, name: main.metadata.name, subresource: "status" },
      { ...main, status },
      options,
    );
  }

  /** @param kind e.g. `Service` @throws ApiError 404 */
  get(kind: string, namespace: string, name: string): KubeObject {
    const found = this.#kindNamed(kind);
    return writing.existing(this.#store, { kind: found, namespace, name, subresource: "" });
  }

  list(kind: string): readonly KubeObject[] {
    return this.#store.snapshot(tableOf(this.#kindNamed(kind)));
  }

  /** @throws ApiError 404 */
  delete(kind: string, namespace: string, name: string): void {
    const found = this.#kindNamed(kind);
    const target = { kind: found, namespace, name, subresource: "" };
    this.#removed(found, writing.remove(this.#store, target, null, this.#writeOptions(new URLSearchParams())));
  }

  #kindNamed(name: string): Kind {
    const found = this.#kinds.all().findLast((k) => k.kind === name);
    if (found === undefined) throw badRequest(`no kind ${name}`);
    return found;
  }

  /** Everything but a watch. @param cache see `listObjects` @throws ApiError */
  serve(
    kind: Kind,
    route: ResourceRequest,
    query: URLSearchParams,
    contentType: string,
    body: Json,
    cache: CacheRevision,
  ): JsonObject {
    const { verb, namespace, name, subresource } = route;
    const target = { kind, namespace, name, subresource };
    const options = this.#writeOptions(query);
    switch (verb) {
      case "get":
        return inVersion(kind, writing.existing(this.#store, target));
      case "list":
      case "watch":
        return listObjects(this.#store, { kind, namespace, query }, cache);
      case "create":
        this.#check(kind, body);
        return inVersion(kind, this.#changed(kind, writing.create(this.#store, target, body, options)));
      case "update":
        this.#check(kind, body);
        return inVersion(kind, this.#changed(kind, writing.update(this.#store, target, body, options)));
      case "patch":
        return inVersion(kind, this.#changed(kind, writing.patch(this.#store, target, contentType, body, options)));
      case "delete":
        return this.#removed(kind, writing.remove(this.#store, target, body, options));
      case "deletecollection": {
        const found = listObjects(this.#store, { kind, namespace, query }, null);
        for (const item of (found.items as readonly KubeObject[] | undefined) ?? []) {
          const place = text(item.metadata.namespace);
          const one = { ...target, namespace: place, name: item.metadata.name };
          this.#removed(kind, writing.remove(this.#store, one, null, options));
        }
        return found;
      }
    }
  }

  #writeOptions(query: URLSearchParams): writing.WriteOptions {
    return {
      fieldManager: query.get("fieldManager") ?? "",
      force: query.get("force") === "true",
      isDryRun: query.has("dryRun"),
      now: () => new Date(),
    };
  }

  /** A definition that cannot be held to is refused before it is stored. */
  #check(kind: Kind, body: Json): void {
    if (kind.group === CRD_GROUP && isObject(body)) kindsOf({ metadata: { name: "" }, ...body } as KubeObject);
  }

  /** What follows from an object's being there. */
  #changed(kind: Kind, stored: KubeObject): KubeObject {
    if (kind.group !== CRD_GROUP) return stored;
    for (const defined of kindsOf(stored)) this.#kinds.add(defined);
    if (stored.status !== undefined) return stored;
    const status = acceptedStatus(stored, new Date().toISOString());
    return this.#store.put(tableOf(kind), { ...stored, status });
  }

  /** What follows from an object's not being there any more: its dependents go, a namespace takes everything along. */
  #removed(kind: Kind, last: KubeObject): KubeObject {
    if (last.metadata.deletionTimestamp !== undefined) return last;
    if (kind.group === CRD_GROUP) for (const defined of kindsOf(last)) this.#kinds.remove(defined);
    const { uid, name } = last.metadata;
    const isNamespace = tableOf(kind) === "/namespaces";
    const seen = new Set<string>();
    for (const other of this.#kinds.all()) {
      if (seen.has(tableOf(other))) continue;
      seen.add(tableOf(other));
      for (const dependent of this.#store.snapshot(tableOf(other))) {
        const owners = dependent.metadata.ownerReferences;
        const isOwned =
          Array.isArray(owners) && owners.length > 0 && owners.every((o) => object(o as Json).uid === uid);
        if (!isOwned && !(isNamespace && dependent.metadata.namespace === name)) continue;
        const target = {
          kind: other,
          namespace: text(dependent.metadata.namespace),
          name: dependent.metadata.name,
          subresource: "",
        };
        this.#removed(other, writing.remove(this.#store, target, null, this.#writeOptions(new URLSearchParams())));
      }
    }
    return last;
  }
}

const withVersion = (body: JsonObject, current: KubeObject | null): JsonObject =>
  current === null
    ? body
    : { ...body, metadata: { ...object(body.metadata), resourceVersion: current.metadata.resourceVersion ?? "" } };
