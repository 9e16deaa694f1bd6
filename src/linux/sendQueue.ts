// SHELL: how much of what was written to a TCP connection its other end has not acknowledged. Owns the one call for it. Knows nothing
// of what was written. Contract: never throws; where the system cannot be asked the answer is null, not 0.
import { libc } from "./native.ts";

/** SIOCOUTQ (tcp(7)): octets in the send queue, sent or not, without an acknowledgement. */
const SIOCOUTQ = 0x5411;

type Ioctl = (fd: number, request: number, value: Uint8Array) => number;
let ioctl: Ioctl | null | undefined;

/** Octets that the peer's TCP has not acknowledged; null: the system cannot be asked, or the connection is gone. */
export function unacknowledgedOctets(fd: number): number | null {
  if (ioctl === undefined) {
    const lib = libc();
    ioctl = typeof lib === "string" ? null : lib.func<Ioctl>("int ioctl(int, unsigned long, void *)");
  }
  const value = new Int32Array(1);
  if (ioctl === null || ioctl(fd, SIOCOUTQ, new Uint8Array(value.buffer)) !== 0) return null;
  return value[0] ?? null;
}
