// Annotations `vipcast.io/*` of one object -> its settings. Owns where the faults of announce/annotations.ts are reported and
// what they cost. Knows nothing of what an annotation means. Contract: annotations of others are never looked at.
import {
  ANNOTATION_PREFIX,
  type AnnotatedKind,
  annotationPath,
  readAnnotations,
  type Settings,
} from "../announce/annotations.ts";
import type { Said } from "../kernel/messages.ts";
import { describe, type Fields } from "./fields.ts";
import { say } from "./messages.ts";

export const isOurAnnotation = (name: string): boolean => name.startsWith(ANNOTATION_PREFIX);

/** @param cost what a wrong value puts out: the object, or the annotation alone. */
export function readSettings<K extends AnnotatedKind>(
  root: Fields,
  kind: K,
  cost: "object" | "annotation" = "object",
): Settings<K> {
  const { report } = root;
  const refuse = (key: string, said: Said): void => {
    if (cost === "object") report.error(annotationPath(key), said);
    else report.loss(annotationPath(key), said);
  };
  const texts: [string, string][] = [];
  for (const [key, value] of root.object("metadata")?.entries("annotations") ?? []) {
    if (!isOurAnnotation(key) || value === null) continue;
    if (typeof value === "string") texts.push([key, value]);
    else refuse(key, say("wrongType", { wanted: "a string", found: describe(value) }, "Write it in quotes."));
  }
  const { settings, faults } = readAnnotations(kind, texts);
  for (const { severity, key, said } of faults) {
    if (severity === "error") refuse(key, said);
    else report.warn(annotationPath(key), said);
  }
  return settings;
}
