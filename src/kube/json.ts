// Text of the API server -> a JSON object. Owns nothing else. Contract: null for anything but an object; never throws.
import { isRawObject, type RawObject } from "../sources/fields.ts";

export function parseObject(text: string): RawObject | null {
  try {
    const value: unknown = JSON.parse(text);
    return isRawObject(value) ? value : null;
  } catch {
    return null;
  }
}
