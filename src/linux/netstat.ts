// SHELL: the kernel's counters of TCP packets that were dropped before any program saw them: the only sign of a wrong MD5
// key or TTL. Owns the reading of /proc/net/netstat. Knows no peers: the kernel counts per network namespace.
import { readFileSync } from "node:fs";

/** Names as the kernel has them. */
export const TCP_DROP_COUNTERS = ["TCPMD5NotFound", "TCPMD5Unexpected", "TCPMD5Failure", "TCPMinTTLDrop"] as const;

export type TcpDropCounter = (typeof TCP_DROP_COUNTERS)[number];
export type TcpDrops = Readonly<Partial<Record<TcpDropCounter, number>>>;

/** @returns only what this kernel counts; empty where there is no such file */
export function readTcpDrops(path = "/proc/net/netstat"): TcpDrops {
  try {
    return parseNetstat(readFileSync(path, "utf8"));
  } catch {
    return {};
  }
}

/** Two lines per group: names, then values in the same order. */
export function parseNetstat(text: string): TcpDrops {
  const [names = [], values = []] = text
    .split("\n")
    .filter((line) => line.startsWith("TcpExt: "))
    .map((line) => line.split(" "));
  const found = TCP_DROP_COUNTERS.flatMap((name) => {
    const value = Number(values[names.indexOf(name)]);
    return names.includes(name) && Number.isSafeInteger(value) ? [[name, value] as const] : [];
  });
  return Object.fromEntries(found);
}
