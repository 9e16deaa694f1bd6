// SHELL: names and numbers of network interfaces. Owns the asking. Knows nothing of what they are for.
// Contract: asks the kernel every time, for interfaces come and go.
import { readFileSync } from "node:fs";
import { nativeCalls } from "./native.ts";

/** @returns 0: there is no such interface, or no native calls */
export function interfaceIndex(name: string): number {
  const sys = nativeCalls();
  return typeof sys === "string" ? 0 : sys.interfaceIndex(name);
}

/** Whether this host passes IPv4 packets on. */
export function isIpv4Router(): boolean {
  try {
    return readFileSync("/proc/sys/net/ipv4/ip_forward", "latin1").startsWith("1");
  } catch {
    return false;
  }
}
