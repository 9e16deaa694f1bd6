// AS_PATH and AS4_PATH values (RFC 4271 section 4.3, RFC 6793): segments in both widths, and the merge of the two paths
// that a two-octet speaker sends. Must not know attributes around them or policy. Contract: `readAsPath` accepts exactly
// what RFC 7606 section 7.2 calls well formed.
import type { AsPathSegment } from "./message.ts";
import { Reader } from "./reader.ts";
import { AS_TRANS } from "./registry.ts";
import type { Writer } from "./writer.ts";

const SEGMENTS = ["set", "sequence", "confedSequence", "confedSet"] as const; // types 1..4
const SEQUENCE = 2;

const isConfed = (s: AsPathSegment): boolean => s.type === "confedSequence" || s.type === "confedSet";

/** Segments, or what is wrong with them as text. AS 0 is malformed too (RFC 7607 section 2). */
export function readAsPath(value: Uint8Array, width: 2 | 4): readonly AsPathSegment[] | string {
  const r = new Reader(value);
  const path: AsPathSegment[] = [];
  while (r.remaining > 0) {
    const number = r.u8();
    const type = SEGMENTS[number - 1];
    if (type === undefined) return `segment type ${number}`;
    const count = r.u8();
    if (count < 0) return "segment without a count";
    if (count === 0) return "empty segment";
    const segment = r.sub(count * width);
    if (segment === null) return `segment of ${count} overruns the path`;
    const asns: number[] = [];
    while (segment.remaining > 0) {
      const asn = width === 4 ? segment.u32() : segment.u16();
      if (asn === 0) return "AS 0";
      asns.push(asn);
    }
    path.push({ type, asns });
  }
  return path;
}

export const hasConfedSegment = (path: readonly AsPathSegment[]): boolean => path.some(isConfed);

/** AS4_PATH as it may be used: RFC 6793 section 6 drops confederation segments and keeps the rest. */
export const withoutConfed = (path: readonly AsPathSegment[]): readonly AsPathSegment[] =>
  path.filter((s) => !isConfed(s));

/** Length for comparison: a set counts one, confederation segments nothing (RFC 4271 9.1.2.2, RFC 5065 5.3). */
const weight = (s: AsPathSegment): number => (isConfed(s) ? 0 : s.type === "set" ? 1 : s.asns.length);
const pathLength = (path: readonly AsPathSegment[]): number => path.reduce((sum, s) => sum + weight(s), 0);

/** The path of a two-octet speaker with its 32-bit numbers put back (RFC 6793 section 4.2.3). */
export function mergeAs4Path(
  path: readonly AsPathSegment[],
  as4Path: readonly AsPathSegment[],
): readonly AsPathSegment[] {
  let missing = pathLength(path) - pathLength(as4Path);
  if (missing < 0) return path;
  const merged: AsPathSegment[] = [];
  for (const segment of path) {
    if (missing === 0 && !isConfed(segment)) break;
    const taken = Math.min(weight(segment), missing);
    merged.push(segment.type === "sequence" ? { type: "sequence", asns: segment.asns.slice(0, taken) } : segment);
    missing -= taken;
  }
  return [...merged, ...as4Path];
}

/**
 * One sequence, or nothing for an empty path. Sets are never made (RFC 9774).
 * With width 2 a number beyond 16 bits becomes AS_TRANS (RFC 6793 section 4.2.2).
 */
export function writeAsSequence(w: Writer, asns: readonly number[], width: 2 | 4): void {
  if (asns.length === 0) return;
  w.u8(SEQUENCE).u8(asns.length);
  for (const asn of asns) {
    if (width === 4) w.u32(asn);
    else w.u16(asn > 0xffff ? AS_TRANS : asn);
  }
}
