// metadata of any object: identity, age, labels. Owns the rules about names and namespaces of manifests.
// Knows nothing of specs. Contract: `readRef` never fails, so that every problem can name its object as far as possible.
import type { Meta } from "../announce/model.ts";
import type { ObjectRef } from "../kernel/problem.ts";
import { quote } from "../kernel/text.ts";
import { type Fields, isRawObject, type RawObject } from "./fields.ts";
import { say } from "./messages.ts";

/** Where MetalLB's own objects and its Secrets live unless they say otherwise. */
export const METALLB_NAMESPACE = "metallb-system";

const DNS_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
// RFC 3339, as the API server writes it
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** @param defaultNamespace for objects that name none; null for cluster-wide kinds, whose `namespace` is ignored. */
export function readRef(raw: RawObject, kind: string, defaultNamespace: string | null): ObjectRef {
  const metadata = isRawObject(raw.metadata) ? raw.metadata : {};
  const text = (value: unknown): string => (typeof value === "string" ? value : "");
  const namespace = defaultNamespace === null ? null : text(metadata.namespace) || defaultNamespace;
  return { kind, namespace, name: text(metadata.name) };
}

/** Reports what is wrong with the metadata; `order` is the position in the order of reading. */
export function readMeta(root: Fields, ref: ObjectRef, order: number): Meta {
  const metadata = root.object("metadata");
  if (metadata === null) {
    if (!root.has("metadata")) root.error("metadata", say("required", {}, "Give the object a metadata.name."));
    return { ref, createdAt: null, order, labels: new Map() };
  }
  const name = metadata.requiredString("name", metadata.has("generateName") ? "generateName cannot be used here." : "");
  if (name !== null) checkName(metadata, "name", name);
  const namespace = metadata.string("namespace");
  if (namespace !== null) checkName(metadata, "namespace", namespace);
  const stamp = metadata.string("creationTimestamp");
  const createdAt = stamp !== null && TIMESTAMP.test(stamp) ? Date.parse(stamp) : Number.NaN;
  if (stamp !== null && Number.isNaN(createdAt)) {
    metadata.warn("creationTimestamp", say("notATime", { text: quote(stamp) }));
  }
  return { ref, createdAt: Number.isNaN(createdAt) ? null : createdAt, order, labels: metadata.stringMap("labels") };
}

function checkName(metadata: Fields, key: string, text: string): void {
  if (text.length <= 253 && DNS_NAME.test(text)) return;
  if (text.length > 253 || !/^[!-.0-~]+$/.test(text)) {
    metadata.error(key, say("badName", { text: quote(text) }));
  } else {
    metadata.warn(key, say("refusedName", { text: quote(text) }));
  }
}
