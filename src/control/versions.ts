// Which of two versions of one object is the older one: an answer to a write may overtake the watch, and then the watch brings what was before
// it. Owns that comparison. Contract: pure; versions of the API server are numbers, and where they are not, nothing is older than anything.
import { isRawObject, type RawObject } from "../sources/fields.ts";

/** metadata.resourceVersion; empty: none. */
export function versionOf(raw: RawObject): string {
  const version = isRawObject(raw.metadata) ? raw.metadata.resourceVersion : "";
  return typeof version === "string" ? version : "";
}

export const isOlder = (a: string, b: string): boolean => /^\d+$/.test(a) && /^\d+$/.test(b) && BigInt(a) < BigInt(b);
