// What lies beside the built program to start it fast: V8's compiled form of it, and for which text that was made. Owns the layout of
// that file and the comparison. Pure. Knows no files and no V8.
// Contract: a cache of another text is never given out. That it is of another V8, or made under other flags, V8 sees for itself; of the
// text it compares nothing but the length.

/** Octets before V8's own: the checksum of the text, made on a machine of the same byte order as V8's code. */
const HEADER = 4;

/** @returns the file: a checksum of `program`, then what V8 made of it */
export function packCodeCache(program: Uint8Array, compiled: Uint8Array): Uint8Array {
  const file = new Uint8Array(HEADER + compiled.length);
  new DataView(file.buffer).setUint32(0, checksum(program));
  file.set(compiled, HEADER);
  return file;
}

/** @returns what V8 made of `program`; null: the file was made of another text, or is none */
export function unpackCodeCache(program: Uint8Array, file: Uint8Array): Uint8Array | null {
  if (file.length <= HEADER) return null;
  const made = new DataView(file.buffer, file.byteOffset).getUint32(0);
  return made === checksum(program) ? file.subarray(HEADER) : null;
}

/** Words of four octets that are taken at once. A short function that is called often is soon compiled, a long loop is not. */
const BLOCK = 512;

/** Of every octet. Not of `node:crypto`, for loading that takes longer than all of this; guards against accidents, not malice. */
function checksum(bytes: Uint8Array): number {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  const words = new Int32Array(aligned.buffer, aligned.byteOffset, bytes.length >>> 2);
  let sum = bytes.length;
  for (let at = 0; at < words.length; at += BLOCK) sum = mixed(sum, words, at, Math.min(at + BLOCK, words.length));
  return mixed(sum, bytes, words.length * 4, bytes.length) >>> 0;
}

function mixed(start: number, values: Int32Array | Uint8Array, from: number, to: number): number {
  let sum = start;
  for (let i = from; i < to; i++) sum = ((sum << 5) - sum + (values[i] ?? 0)) | 0;
  return sum;
}
