// Objects as the rows that `kubectl get` prints. Owns the columns. Knows nothing of requests but the Accept header.
import type { Column, Kind } from "./kinds.ts";
import { at, isList, isObject, type Json, type JsonObject, list, object, text } from "./objects.ts";

export const wantsTable = (accept: string): boolean => (accept.split(",")[0] ?? "").includes("as=Table");

const NAME: Column = { name: "Name", type: "string", path: ".metadata.name", priority: 0 };
const AGE: Column = { name: "Age", type: "date", path: ".metadata.creationTimestamp", priority: 0 };

/** A list or a single object as a Table. */
export function asTable(kind: Kind, value: JsonObject): JsonObject {
  if (value.kind === "Status") return value;
  const columns = [NAME, ...(kind.columns.length === 0 ? [AGE] : kind.columns)];
  const items = isList(value.items) ? list(value.items).map(object) : [value];
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: { resourceVersion: text(object(value.metadata).resourceVersion) },
    columnDefinitions: columns.map(({ name, type, priority }) => ({
      name,
      type,
      format: "",
      description: "",
      priority,
    })),
    rows: items.map((item) => ({
      cells: columns.map((column) => cell(column, item)),
      object: {
        kind: "PartialObjectMetadata",
        apiVersion: "meta.k8s.io/v1",
        metadata: object(item.metadata),
      },
    })),
  };
}

function cell({ type, path }: Column, item: JsonObject): Json {
  const value = at(item, ...path.split(".").filter((step) => step !== "")) ?? null;
  if (type === "date" && typeof value === "string") return `${Math.round((Date.now() - Date.parse(value)) / 1000)}s`;
  return isObject(value) || isList(value) ? JSON.stringify(value) : value;
}
