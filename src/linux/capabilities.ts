// SHELL: the capabilities of the calling thread (capabilities(7)). Owns the layout of what capget and capset take. Knows nothing of
// what they are for. Contract: never throws; only what the process may have anyway is switched on. A process that is not root
// gets what its program's file permits, but not in force (the file would otherwise not start where one of them is withheld).
import { libc } from "./native.ts";

/** _LINUX_CAPABILITY_VERSION_3: two words of 32 bits each. */
const VERSION = 0x2008_0522;
/** Words of one set within the data: effective, permitted, inheritable. */
const SETS = 3;

/** Puts everything permitted in force, for this thread and those it starts from now on. @returns why not; null: done */
export function raiseCapabilities(): string | null {
  const lib = libc();
  if (typeof lib === "string") return lib;
  type Call = (header: Uint8Array, data: Uint8Array) => number;
  const capget = lib.func<Call>("int capget(void *, void *)");
  const capset = lib.func<Call>("int capset(void *, const void *)");
  const header = new Uint8Array(Uint32Array.of(VERSION, 0).buffer);
  const words = new Uint32Array(2 * SETS);
  const data = new Uint8Array(words.buffer);
  if (capget(header, data) !== 0) return `capget: ${lib.errnoName()}`;
  for (const at of [0, SETS]) words[at] = words[at + 1] ?? 0;
  return capset(header, data) === 0 ? null : `capset: ${lib.errnoName()}`;
}
