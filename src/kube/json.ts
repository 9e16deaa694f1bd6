// Text of the API server -> a JSON object, and a body for it -> text. Owns nothing else. Contract: reading gives null for anything
// but an object and never throws; a bigint is written as the integer it is, which JSON.stringify refuses and a number would round.
import { isRawObject, type RawObject } from "../sources/fields.ts";

export function parseObject(text: string): RawObject | null {
  try {
    const value: unknown = JSON.parse(text);
    return isRawObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** @param value plain data; members that are undefined are left out */
export function formatJson(value: unknown): string {
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return `[${value.map(formatJson).join(",")}]`;
  if (!isRawObject(value)) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${formatJson(member)}`).join(",")}}`;
}
