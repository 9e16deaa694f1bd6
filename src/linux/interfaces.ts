// SHELL: names and numbers of network interfaces. Owns the asking. Knows nothing of what they are for.
// Contract: asks the kernel every time, for interfaces come and go.
import { nativeCalls } from "./native.ts";

/** @returns 0: there is no such interface, or no native calls */
export function interfaceIndex(name: string): number {
  const sys = nativeCalls();
  return typeof sys === "string" ? 0 : sys.interfaceIndex(name);
}
