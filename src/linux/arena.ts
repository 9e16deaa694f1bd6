// Memory that structures of the kernel point into. Owns one piece of it for the life of the thread. Knows nothing of what
// lies there. Contract: what was carved out is never moved, freed or carved twice; an address written into a structure
// is unknown to the garbage collector, so memory from anywhere else may be gone when the kernel writes to it.

/** Octets: enough for two batches of datagrams with their headers, control messages and addresses. */
export const ARENA_SIZE = 64 * 1024;

const arena = new ArrayBuffer(ARENA_SIZE);
let used = 0;

/** @returns zeroed memory at an address that is a multiple of eight. @throws RangeError when the arena is full */
export function carve(octets: number): Uint8Array {
  const bytes = new Uint8Array(arena, used, octets);
  used = (used + octets + 7) & ~7;
  return bytes;
}
