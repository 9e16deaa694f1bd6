// Text that crosses the wire: strict UTF-8 in, cut UTF-8 out, and forms of others' text that are safe in a line.
// Knows nothing of the messages that carry it. Contract: what `escapeText` returns is one line without control,
// formatting or bidirectional characters, whatever a remote sent.

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** null when the octets are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

/** UTF-8 of the text, cut at a character boundary to at most `maxOctets`. */
export function encodeUtf8(text: string, maxOctets: number): Uint8Array {
  const out = new Uint8Array(maxOctets);
  // encodeInto never splits a character: it stops before one that does not fit
  return out.subarray(0, encoder.encodeInto(text, out).written);
}

// controls, format characters (bidi overrides among them), lone surrogates, private use, line separators, and our own escape
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}"\\]/gu;

/** Remote text as part of one log line: everything that could forge a line or steer a terminal is escaped. */
export const escapeText = (text: string): string =>
  text.replace(UNSAFE, (c) => (c === '"' || c === "\\" ? `\\${c}` : `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`));

/** An operator's text as it may stand in a message: quoted, escaped, cut at 60 characters. */
export const quote = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);

/** Lower-case hex; cut with a note of the full size behind `maxOctets`. */
export function toHex(bytes: Uint8Array, maxOctets = Number.POSITIVE_INFINITY): string {
  let out = "";
  for (const byte of bytes.length > maxOctets ? bytes.subarray(0, maxOctets) : bytes) {
    out += byte < 16 ? `0${byte.toString(16)}` : byte.toString(16);
  }
  return bytes.length > maxOctets ? `${out}... (${bytes.length} octets)` : out;
}

/** Octets from hex digits; white space is skipped; null for anything else. */
export function fromHex(text: string): Uint8Array | null {
  const digits = text.replace(/\s+/g, "");
  if (!/^([0-9a-fA-F]{2})*$/.test(digits)) return null;
  const out = new Uint8Array(digits.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return out;
}
