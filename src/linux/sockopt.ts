// SHELL: the only contact with native code. Owns the making of TCP sockets with options that Node does not expose:
// MD5 keys, TTL, DSCP, device binding, user timeout. Knows nothing of BGP. Contract: every option is set before the
// descriptor is returned, or the descriptor is closed and an error names the option: never a socket weaker than asked for.
import { createRequire } from "node:module";
import { endianness } from "node:os";
import { type Ip, ipToBytes } from "../kernel/ip.ts";

/** From the Linux headers; the same on every architecture that Node supports there. */
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const IPPROTO_IP = 0;
const IPPROTO_TCP = 6;
const IPPROTO_IPV6 = 41;
const SOL_SOCKET = 1;

const OPTIONS = {
  tos: { 4: [IPPROTO_IP, 1], 6: [IPPROTO_IPV6, 67] },
  ttl: { 4: [IPPROTO_IP, 2], 6: [IPPROTO_IPV6, 16] },
  priority: [SOL_SOCKET, 12],
  bindToDevice: [SOL_SOCKET, 25],
  md5: [IPPROTO_TCP, 14],
  userTimeout: [IPPROTO_TCP, 18],
} as const;

/** Kernel limit of a TCP MD5 key in octets. */
export const MAX_MD5_KEY = 80;

export interface TcpSocketOptions {
  readonly version: 4 | 6;
  readonly md5: { readonly peer: Ip; readonly key: string } | null;
  readonly ttl: number | null;
  /** DSCP and ECN octet, e.g. 0xc0 for CS6. */
  readonly tos: number | null;
  readonly priority: number | null;
  readonly device: string | null;
  /** Milliseconds. */
  readonly userTimeout: number | null;
}

/** A system call failed, or native calls are not available here. `code` is the errno name where there is one. */
export class SocketOptionError extends Error {
  override readonly name = "SocketOptionError";
  readonly code: string;
  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

interface Native {
  socket(domain: number, type: number, protocol: number): number;
  setsockopt(fd: number, level: number, option: number, value: Uint8Array, length: number): number;
  close(fd: number): number;
  errnoName(): string;
}

let native: Native | string | undefined;

/** Why native calls cannot be made on this machine; null when they can. */
export function nativeProblem(): string | null {
  const loaded = load();
  return typeof loaded === "string" ? loaded : null;
}

/**
 * @returns a non-blocking, unconnected descriptor; the caller owns it
 * @throws SocketOptionError naming the option that could not be set; no descriptor is left open then
 */
export function openTcpSocket(options: TcpSocketOptions): number {
  const sys = load();
  if (typeof sys === "string") throw new SocketOptionError(sys, "ENOSYS");
  const fd = sys.socket(options.version === 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw new SocketOptionError(`cannot open a socket: ${sys.errnoName()}`, sys.errnoName());
  const set = (what: string, [level, option]: readonly [number, number], value: Uint8Array): void => {
    if (sys.setsockopt(fd, level, option, value, value.length) === 0) return;
    const code = sys.errnoName();
    throw new SocketOptionError(`cannot set ${what}: ${code}`, code);
  };
  try {
    if (options.md5 !== null) set("the TCP MD5 key", OPTIONS.md5, md5Struct(options.md5.peer, options.md5.key));
    if (options.device !== null) {
      set(`the device ${options.device}`, OPTIONS.bindToDevice, new TextEncoder().encode(`${options.device}\0`));
    }
    if (options.ttl !== null) set("the TTL", OPTIONS.ttl[options.version], int(options.ttl));
    if (options.tos !== null) set("the DSCP", OPTIONS.tos[options.version], int(options.tos));
    if (options.priority !== null) set("the priority", OPTIONS.priority, int(options.priority));
    if (options.userTimeout !== null) set("the TCP user timeout", OPTIONS.userTimeout, int(options.userTimeout));
    return fd;
  } catch (error) {
    sys.close(fd);
    throw error;
  }
}

function load(): Native | string {
  if (native === undefined) native = process.platform === "linux" ? loadLibc() : "socket options need Linux";
  return native;
}

function loadLibc(): Native | string {
  try {
    const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi");
    const libc = koffi.load(null);
    const names = new Map(Object.entries(koffi.os.errno).map(([name, number]) => [number, name]));
    return {
      socket: libc.func("int socket(int, int, int)"),
      setsockopt: libc.func("int setsockopt(int, int, int, const void *, uint32_t)"),
      close: libc.func("int close(int)"),
      errnoName: () => names.get(koffi.errno()) ?? `errno ${koffi.errno()}`,
    };
  } catch (error) {
    return `native calls are not available: ${error instanceof Error ? error.message : String(error)}`;
  }
}

const int = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);

/** struct tcp_md5sig: sockaddr_storage (128), flags, prefixlen, keylen (u16), ifindex (i32), key (80). */
function md5Struct(peer: Ip, key: string): Uint8Array {
  const secret = new TextEncoder().encode(key);
  if (secret.length === 0 || secret.length > MAX_MD5_KEY) {
    throw new SocketOptionError(
      `a TCP MD5 key has 1 to ${MAX_MD5_KEY} octets, this one has ${secret.length}`,
      "EINVAL",
    );
  }
  const bytes = new Uint8Array(216);
  const view = new DataView(bytes.buffer);
  const little = endianness() === "LE";
  view.setUint16(0, peer.version === 4 ? AF_INET : AF_INET6, little);
  bytes.set(ipToBytes(peer), peer.version === 4 ? 4 : 8);
  view.setUint16(130, secret.length, little);
  bytes.set(secret, 136);
  return bytes;
}
