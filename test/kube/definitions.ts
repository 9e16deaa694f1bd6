// CustomResourceDefinitions: from a definition to the kinds it brings. Owns what of a definition counts. Knows nothing of
// storage. Contract: a definition that this server could not hold to (unknown keyword, unknown rule, a schema that is not
// structural) is refused as a whole, with every reason.
import type { Column, Kind } from "./kinds.ts";
import {
  type Cause,
  invalid,
  isObject,
  type JsonObject,
  type KubeObject,
  list,
  object,
  text,
  texts,
} from "./objects.ts";
import { checkSchema } from "./schema.ts";

/** @throws ApiError 422 */
export function kindsOf(definition: KubeObject): readonly Kind[] {
  const spec = object(definition.spec);
  const names = object(spec.names);
  const { name } = definition.metadata;
  const causes: Cause[] = [];
  const wrong = (field: string, message: string): void => {
    causes.push({ reason: "FieldValueInvalid", field, message });
  };
  if (name !== `${text(names.plural)}.${text(spec.group)}`) {
    wrong(
      "metadata.name",
      `must be spec.names.plural+"."+spec.group, which is ${text(names.plural)}.${text(spec.group)}`,
    );
  }
  if (!["Namespaced", "Cluster"].includes(text(spec.scope))) wrong("spec.scope", "must be Namespaced or Cluster");
  const versions = list(spec.versions).map(object);
  if (versions.filter((v) => v.storage === true).length !== 1)
    wrong("spec.versions", "exactly one version is for storage");
  const kinds = versions
    .filter((version) => version.served === true)
    .map((version, i): Kind => {
      const schema = object(object(version.schema).openAPIV3Schema);
      if (schema.type !== "object") wrong(`spec.versions[${i}].schema.openAPIV3Schema.type`, "must be object");
      try {
        checkSchema(schema, `spec.versions[${i}].schema.openAPIV3Schema`);
      } catch (error) {
        wrong(`spec.versions[${i}]`, error instanceof Error ? error.message : String(error));
      }
      return {
        group: text(spec.group),
        version: text(version.name),
        kind: text(names.kind),
        plural: text(names.plural),
        singular: text(names.singular) || text(names.kind).toLowerCase(),
        shortNames: texts(names.shortNames),
        isNamespaced: spec.scope === "Namespaced",
        hasStatus: isObject(object(version.subresources).status),
        statusHasMetadata: false,
        hasGeneration: true,
        schema: withoutEnvelope(schema),
        columns: list(version.additionalPrinterColumns).map((c) => column(object(c))),
        selectableFields: list(version.selectableFields).map((f) => text(object(f).jsonPath).replace(/^\./, "")),
      };
    });
  if (causes.length > 0) throw invalid("CustomResourceDefinition", "apiextensions.k8s.io", name, causes);
  return kinds;
}

/** The server looks after these itself. */
function withoutEnvelope(schema: JsonObject): JsonObject {
  const { apiVersion: _a, kind: _k, metadata: _m, ...properties } = object(schema.properties);
  return { ...schema, properties };
}

const column = (written: JsonObject): Column => ({
  name: text(written.name),
  type: text(written.type),
  path: text(written.jsonPath),
  priority: Number(written.priority ?? 0),
});

/** What the server says of a definition that it serves. */
export function acceptedStatus(definition: KubeObject, at: string): JsonObject {
  const spec = object(definition.spec);
  const condition = (type: string, reason: string): JsonObject => ({
    type,
    status: "True",
    lastTransitionTime: at,
    reason,
    message: "",
  });
  return {
    conditions: [condition("NamesAccepted", "NoConflicts"), condition("Established", "InitialNamesAccepted")],
    acceptedNames: object(spec.names),
    storedVersions: list(spec.versions)
      .map(object)
      .filter((v) => v.storage === true)
      .map((v) => text(v.name)),
  };
}
