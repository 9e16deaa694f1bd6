// Shared by the tests of the converters: one object in YAML -> what the intake makes of it.
import { parse } from "yaml";
import type { ModelKind, ObjectOfKind } from "../../src/announce/model.ts";
import { type ReadResult, readObject } from "../../src/sources/intake.ts";

export const readYaml = (text: string): ReadResult => readObject(parse(text), 0);

/** The object read. @throws when it was refused or is of another kind. */
export function accepted<K extends ModelKind>(kind: K, result: ReadResult): ObjectOfKind<K> {
  if (result.object?.kind !== kind) throw new Error(JSON.stringify(result.problems));
  return result.object as ObjectOfKind<K>;
}

/** `severity path: message`, sorted by nothing: in the order found. */
export const told = (result: ReadResult): readonly string[] =>
  result.problems.map((p) => `${p.severity} ${p.path}: ${p.message}`);

export const errorPaths = (result: ReadResult): readonly string[] =>
  result.problems.filter((p) => p.severity === "error").map((p) => p.path);
export const warningPaths = (result: ReadResult): readonly string[] =>
  result.problems.filter((p) => p.severity === "warning").map((p) => p.path);
