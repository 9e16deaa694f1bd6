// DER (X.690) as far as certificates take it: tag, length, content, out and in. Owns encoding; knows nothing of certificates.
// Contract: pure; writing never fails; reading is for DER that was made here or checked by others before: it does not judge.

/** One element. @param tag with class and constructed bit */
export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = joined(parts);
  if (content.length < 0x80) return joined([Uint8Array.of(tag, content.length), content]);
  const length = base(content.length, 256);
  return joined([Uint8Array.of(tag, 0x80 | length.length, ...length), content]);
}

export const sequence = (...parts: readonly Uint8Array[]): Uint8Array => der(0x30, ...parts);
export const set = (...parts: readonly Uint8Array[]): Uint8Array => der(0x31, ...parts);
export const octets = (content: Uint8Array): Uint8Array => der(0x04, content);
export const yes = (): Uint8Array => der(0x01, Uint8Array.of(0xff));
export const text = (content: string): Uint8Array => der(0x0c, utf8(content));
/** @param unused bits at the end of the last octet, 0..7 */
export const bits = (content: Uint8Array, unused = 0): Uint8Array => der(0x03, Uint8Array.of(unused), content);
/** GeneralizedTime, whole seconds. @param at milliseconds since 1970 */
export const time = (at: number): Uint8Array => der(0x18, utf8(new Date(at).toISOString().replace(/[-:T]|\.\d+/g, "")));
export const utf8 = (content: string): Uint8Array => new TextEncoder().encode(content);

/** An object identifier, from its dotted form. */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const arcs = rest.flatMap((arc) =>
    base(arc, 128).map((digit, i, all) => (i < all.length - 1 ? digit | 0x80 : digit)),
  );
  return der(0x06, Uint8Array.of(first * 40 + second, ...arcs));
}

/** The elements inside a constructed one. */
export function children(element: Uint8Array): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let at = extent(element).head; at < element.length; ) {
    const { head, content } = extent(element.subarray(at));
    found.push(element.subarray(at, at + head + content));
    at += head + content;
  }
  return found;
}

/** Octets of tag and length, and of what follows. */
function extent(element: Uint8Array): { readonly head: number; readonly content: number } {
  const first = element[1] ?? 0;
  if (first < 0x80) return { head: 2, content: first };
  const head = 2 + (first & 0x7f);
  return { head, content: element.subarray(2, head).reduce((sum, octet) => sum * 256 + octet, 0) };
}

/** Digits, the highest first; 0 has one. */
const base = (value: number, radix: number): number[] =>
  value < radix ? [value] : [...base(Math.floor(value / radix), radix), value % radix];

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
