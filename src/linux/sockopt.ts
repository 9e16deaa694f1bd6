// SHELL: TCP sockets with options that Node does not expose: MD5 keys, TTL and its minimum, DSCP, device binding, user
// timeout, filters. Owns option numbers and the layouts of their values. Knows nothing of BGP. Contract: a socket made here
// has every option set before it is returned, or it is closed and an error names the option: never one weaker than asked for.
import { endianness } from "node:os";
import { type Ip, ipToBytes } from "../kernel/ip.ts";
import { type Native, nativeCalls } from "./native.ts";
import { type FilterRules, filterProgram } from "./socketFilter.ts";

/** From the Linux headers; the same on every architecture that Node supports there. */
export const AF_INET = 2;
export const AF_INET6 = 10;
const SOCK_STREAM = 1;
export const SOCK_RAW = 3;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
const IPPROTO_IP = 0;
const IPPROTO_TCP = 6;
export const IPPROTO_IPV6 = 41;
const SOL_SOCKET = 1;

export type OptionNumber = readonly [level: number, option: number];

const OPTIONS = {
  tos: { 4: [IPPROTO_IP, 1], 6: [IPPROTO_IPV6, 67] },
  ttl: { 4: [IPPROTO_IP, 2], 6: [IPPROTO_IPV6, 16] },
  minTtl: { 4: [IPPROTO_IP, 21], 6: [IPPROTO_IPV6, 73] },
  v6Only: [IPPROTO_IPV6, 26],
  reuseAddress: [SOL_SOCKET, 2],
  priority: [SOL_SOCKET, 12],
  detachFilter: [SOL_SOCKET, 27],
  md5: [IPPROTO_TCP, 14],
  userTimeout: [IPPROTO_TCP, 18],
} as const;

export const BIND_TO_DEVICE: OptionNumber = [SOL_SOCKET, 25];

/** Kernel limit of a TCP MD5 key in octets. */
export const MAX_MD5_KEY = 80;

/** Lets the system choose the TTL again. */
const SYSTEM_TTL = -1;

/** What a connection has, whoever opened it. */
export interface ConnectionOptions {
  readonly version: 4 | 6;
  /** null: the system's default. */
  readonly ttl: number | null;
  /** Packets with a lower one are dropped by the kernel; null: none are. */
  readonly minTtl: number | null;
  /** DSCP and ECN octet, e.g. 0xc0 for CS6. */
  readonly tos: number | null;
  readonly priority: number | null;
  /** Milliseconds. */
  readonly userTimeout: number | null;
}

export interface TcpSocketOptions extends ConnectionOptions {
  readonly md5: { readonly peer: Ip; readonly key: string } | null;
  readonly device: string | null;
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

/**
 * @returns a non-blocking, unconnected descriptor; the caller owns it
 * @throws SocketOptionError naming the option that could not be set; no descriptor is left open then
 */
export function openTcpSocket(options: TcpSocketOptions): number {
  return openSocket(options.version === 4 ? AF_INET : AF_INET6, SOCK_STREAM, 0, (fd) => {
    if (options.md5 !== null) setMd5Key(fd, options.md5.peer, options.md5.key);
    if (options.device !== null) bindToDevice(fd, options.device);
    setConnectionOptions(fd, options);
  });
}

/**
 * A socket bound to an address of ours, for others to connect to; IPv6 ones take no IPv4. It does not listen yet, so that
 * nobody gets in before its keys and its filter are set.
 * @param port 0: any free one
 * @throws SocketOptionError; no descriptor is left open then
 */
export function openListeningSocket(address: Ip, port: number, options: ConnectionOptions): number {
  return openSocket(address.version === 4 ? AF_INET : AF_INET6, SOCK_STREAM, 0, (fd, sys) => {
    setOption(fd, "address reuse", OPTIONS.reuseAddress, int(1));
    if (address.version === 6) setOption(fd, "IPv6 alone", OPTIONS.v6Only, int(1));
    setConnectionOptions(fd, options);
    const bytes = socketAddress(address, port, 0);
    if (sys.bind(fd, bytes, bytes.length) !== 0) throw failure("cannot bind", sys);
  });
}

/** For a connection that was accepted: what it has inherited from the listening socket is replaced. @throws SocketOptionError */
export function setAcceptedOptions(fd: number, options: ConnectionOptions): void {
  setConnectionOptions(fd, { ...options, ttl: options.ttl ?? SYSTEM_TTL });
  const sys = calls();
  const [level, option] = OPTIONS.detachFilter;
  // the rule of its peer is now an option of its own; ENOENT: the listening socket has no filter
  if (sys.setsockopt(fd, level, option, int(0), 4) !== 0 && sys.errnoName() !== "ENOENT") {
    throw failure("cannot remove the filter", sys);
  }
}

/**
 * From now on only segments signed with this key are taken from that peer, on connections not yet made.
 * @param key null: unsigned ones again
 * @throws SocketOptionError
 */
export function setMd5Key(fd: number, peer: Ip, key: string | null): void {
  try {
    setOption(fd, "the TCP MD5 key", OPTIONS.md5, md5Struct(peer, key));
  } catch (error) {
    const isGone = key === null && error instanceof SocketOptionError && error.code === "ENOENT";
    if (!isGone) throw error;
  }
}

/** Decides in the kernel whose packets reach a socket. @throws SocketOptionError */
export function setFilter(fd: number, rules: FilterRules): void {
  const sys = calls();
  if (sys.attachFilter(fd, filterProgram(rules)) !== 0) throw failure("cannot set the packet filter", sys);
}

/** Closes the connections that have come in and were not yet taken by anybody. @param most how many at most */
export function dropWaitingConnections(fd: number, most: number): void {
  const sys = calls();
  for (let i = 0; i < most; i++) {
    const connection = sys.accept(fd);
    if (connection < 0) return;
    sys.close(connection);
  }
}

/** @throws SocketOptionError */
export const bindToDevice = (fd: number, device: string): void =>
  setOption(fd, `the device ${device}`, BIND_TO_DEVICE, new TextEncoder().encode(`${device}\0`));

/** @throws SocketOptionError naming `what` */
export function setOption(fd: number, what: string, [level, option]: OptionNumber, value: Uint8Array): void {
  const sys = calls();
  if (sys.setsockopt(fd, level, option, value, value.length) !== 0) throw failure(`cannot set ${what}`, sys);
}

/** Opens a socket and prepares it; closed again when that throws. @throws SocketOptionError */
export function openSocket(
  domain: number,
  type: number,
  protocol: number,
  prepare: (fd: number, sys: Native) => void,
): number {
  const sys = calls();
  const fd = sys.socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
  if (fd < 0) throw failure("cannot open a socket", sys);
  try {
    prepare(fd, sys);
    return fd;
  } catch (error) {
    sys.close(fd);
    throw error;
  }
}

/** An `int` as the kernel reads it. */
export const int = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);

/** struct sockaddr_in or sockaddr_in6. @param scope interface index of a link-local address, else 0 */
export function socketAddress(address: Ip, port: number, scope: number): Uint8Array {
  const bytes = new Uint8Array(address.version === 4 ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, address.version === 4 ? AF_INET : AF_INET6, isLittle);
  view.setUint16(2, port);
  bytes.set(ipToBytes(address), address.version === 4 ? 4 : 8);
  if (address.version === 6) view.setUint32(24, scope, isLittle);
  return bytes;
}

const isLittle = endianness() === "LE";

function setConnectionOptions(fd: number, options: ConnectionOptions): void {
  const { version, ttl, minTtl, tos, priority, userTimeout } = options;
  if (ttl !== null) setOption(fd, "the TTL", OPTIONS.ttl[version], int(ttl));
  if (minTtl !== null) setOption(fd, "the minimum TTL", OPTIONS.minTtl[version], int(minTtl));
  if (tos !== null) setOption(fd, "the DSCP", OPTIONS.tos[version], int(tos));
  if (priority !== null) setOption(fd, "the priority", OPTIONS.priority, int(priority));
  if (userTimeout !== null) setOption(fd, "the TCP user timeout", OPTIONS.userTimeout, int(userTimeout));
}

function calls(): Native {
  const sys = nativeCalls();
  if (typeof sys === "string") throw new SocketOptionError(sys, "ENOSYS");
  return sys;
}

function failure(what: string, sys: Native): SocketOptionError {
  const code = sys.errnoName();
  return new SocketOptionError(`${what}: ${code}`, code);
}

/** struct tcp_md5sig: sockaddr_storage (128), flags, prefixlen, keylen (u16), ifindex (i32), key (80). */
function md5Struct(peer: Ip, key: string | null): Uint8Array {
  const secret = new TextEncoder().encode(key ?? "");
  if (key !== null && (secret.length === 0 || secret.length > MAX_MD5_KEY)) {
    throw new SocketOptionError(
      `a TCP MD5 key has 1 to ${MAX_MD5_KEY} octets, this one has ${secret.length}`,
      "EINVAL",
    );
  }
  const bytes = new Uint8Array(216);
  bytes.set(socketAddress(peer, 0, 0));
  new DataView(bytes.buffer).setUint16(130, secret.length, isLittle);
  bytes.set(secret, 136);
  return bytes;
}
