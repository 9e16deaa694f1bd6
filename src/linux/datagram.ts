// SHELL: UDP sockets with what Node does not expose: many datagrams in one call, each with its TTL, its local address and
// its interface; TTL, DSCP, device and filters set before the first packet. Owns the layouts of msghdr and of control
// messages. Knows nothing of BFD. Contract: nothing is allocated per datagram; what is read lies in memory that the next
// read overwrites; a socket is returned with every option set or not at all.
import { endianness } from "node:os";
import type { Ip, IpVersion } from "../kernel/ip.ts";
import { ipv4, ipv6 } from "../kernel/ip.ts";
import { carve } from "./arena.ts";
import type { Native } from "./native.ts";
import { libcOrThrow, viewOf } from "./poll.ts";
import { filterProgram, onLinkProgram } from "./socketFilter.ts";
import {
  AF_INET,
  AF_INET6,
  bindToDevice,
  IPPROTO_IPV6,
  int,
  type OptionNumber,
  openSocket,
  SocketOptionError,
  setOption,
  socketAddress,
} from "./sockopt.ts";

const SOCK_DGRAM = 2;
const IPPROTO_IP = 0;
const SOL_SOCKET = 1;

type ByVersion = Readonly<Record<IpVersion, OptionNumber>>;
const TOS: ByVersion = { 4: [IPPROTO_IP, 1], 6: [IPPROTO_IPV6, 67] };
const TTL: ByVersion = { 4: [IPPROTO_IP, 2], 6: [IPPROTO_IPV6, 16] };
const RECEIVE_TTL: ByVersion = { 4: [IPPROTO_IP, 12], 6: [IPPROTO_IPV6, 51] };
const RECEIVE_PACKET_INFO: ByVersion = { 4: [IPPROTO_IP, 8], 6: [IPPROTO_IPV6, 49] };
const V6_ONLY: OptionNumber = [IPPROTO_IPV6, 26];
const REUSE_ADDRESS: OptionNumber = [SOL_SOCKET, 2];
const RECEIVE_BUFFER: OptionNumber = [SOL_SOCKET, 8];
const PRIORITY: OptionNumber = [SOL_SOCKET, 12];
const MEMORY_INFO: OptionNumber = [SOL_SOCKET, 55];
/** Index of the number of dropped packets in what SO_MEMINFO gives. */
const MEMORY_INFO_DROPS = 8;
const MEMORY_INFO_WORDS = 9;
/** DSCP CS6 and its priority: network control. */
const CS6 = 0xc0;
const PRIORITY_CONTROL = 6;
const HIGHEST_TTL = 255;
/** Of what is sent back: tells it from what is to be sent back. */
const REFLECTED_TTL = 254;

const isLittle = endianness() === "LE";

/** Ports of which one is a session's source (RFC 5881 4). */
export const FIRST_SOURCE_PORT = 49_152;
const SOURCE_PORTS = 65_536 - FIRST_SOURCE_PORT;

export interface ReceiverOptions {
  readonly version: IpVersion;
  readonly port: number;
  /** Interface or VRF; null: all that belong to no VRF. */
  readonly device: string | null;
  /** The kernel drops what a router has passed on (TTL or hop limit not 255). */
  readonly onLinkOnly: boolean;
}

/**
 * A socket that takes datagrams for a port. A second one for the port, on another device, needs the first ones named: the
 * port is shared among them for the moment of the bind only, so that no other program can take our packets.
 * @throws SocketOptionError; EADDRINUSE: another program has the port
 */
export function openReceiver(options: ReceiverOptions, others: readonly number[] = []): number {
  const { version, port, device, onLinkOnly } = options;
  const share = (fd: number, isShared: boolean): void => setOption(fd, "address reuse", REUSE_ADDRESS, int(+isShared));
  return openSocket(version === 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0, (fd, sys) => {
    if (version === 6) setOption(fd, "IPv6 alone", V6_ONLY, int(1));
    if (device !== null) bindToDevice(fd, device);
    if (onLinkOnly && sys.attachFilter(fd, onLinkProgram(version)) !== 0) {
      throw new SocketOptionError(`cannot set the TTL filter: ${sys.errnoName()}`, sys.errnoName());
    }
    // echo packets leave from the port at which they come back
    setOption(fd, "the TTL", TTL[version], int(HIGHEST_TTL));
    setOption(fd, "the DSCP", TOS[version], int(CS6));
    setOption(fd, "the priority", PRIORITY, int(PRIORITY_CONTROL));
    setOption(fd, "the TTL of what arrives", RECEIVE_TTL[version], int(1));
    setOption(fd, "the address of what arrives", RECEIVE_PACKET_INFO[version], int(1));
    const shared = others.length === 0 ? [] : [...others, fd];
    try {
      for (const each of shared) share(each, true);
      bind(fd, anyAddress(version), port);
    } finally {
      for (const each of shared) share(each, false);
    }
  });
}

/** A socket that sends datagrams back with a TTL of 254, from any port. @throws SocketOptionError */
export const openReflector = (version: IpVersion, device: string | null): number =>
  openSocket(version === 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0, (fd, sys) =>
    prepareToSend(fd, sys, version, device, REFLECTED_TTL),
  );

export interface SenderOptions {
  readonly version: IpVersion;
  /** null: the system chooses by the route. */
  readonly source: Ip | null;
  /** Interface index of a link-local source, else 0. */
  readonly scope: number;
  readonly device: string | null;
}

/**
 * A socket that sends with TTL 255 and DSCP CS6 from a port of 49152-65535 that no other socket has. It receives nothing.
 * @param random uniform in [0, 1): where the search for a free port begins
 * @throws SocketOptionError
 */
export function openSender(options: SenderOptions, random: number): { readonly fd: number; readonly port: number } {
  const { version, source, scope, device } = options;
  let port = 0;
  const fd = openSocket(version === 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0, (fd, sys) => {
    prepareToSend(fd, sys, version, device, HIGHEST_TTL);
    port = bindToFreePort(fd, source ?? anyAddress(version), scope, random);
  });
  return { fd, port };
}

function prepareToSend(fd: number, sys: Native, version: IpVersion, device: string | null, ttl: number): void {
  if (version === 6) setOption(fd, "IPv6 alone", V6_ONLY, int(1));
  if (device !== null) bindToDevice(fd, device);
  setOption(fd, "the TTL", TTL[version], int(ttl));
  setOption(fd, "the DSCP", TOS[version], int(CS6));
  setOption(fd, "the priority", PRIORITY, int(PRIORITY_CONTROL));
  setOption(fd, "the receive buffer", RECEIVE_BUFFER, int(0));
  if (sys.attachFilter(fd, filterProgram({ version, sources: [], others: "drop" })) !== 0) {
    throw new SocketOptionError(`cannot set the packet filter: ${sys.errnoName()}`, sys.errnoName());
  }
}

function bindToFreePort(fd: number, source: Ip, scope: number, random: number): number {
  const first = Math.floor(random * SOURCE_PORTS);
  for (let i = 0; ; i++) {
    const port = FIRST_SOURCE_PORT + ((first + i) % SOURCE_PORTS);
    try {
      bind(fd, source, port, scope);
      return port;
    } catch (error) {
      const isTaken = error instanceof SocketOptionError && error.code === "EADDRINUSE";
      if (!isTaken || i === SOURCE_PORTS - 1) throw error;
    }
  }
}

type Bind = (fd: number, address: Uint8Array, length: number) => number;
type Send = (fd: number, bytes: Uint8Array, length: number, flags: number, to: Uint8Array, size: number) => number;
type ReceiveMany = (fd: number, headers: Uint8Array, count: number, flags: number, timeout: null) => number;
type GetOption = (fd: number, level: number, option: number, value: Uint8Array, size: Uint8Array) => number;

interface Calls {
  readonly bind: Bind;
  readonly sendto: Send;
  readonly recvmmsg: ReceiveMany;
  readonly getsockopt: GetOption;
  errnoName(): string;
}

let calls: Calls | undefined;

function sys(): Calls {
  if (calls === undefined) {
    const lib = libcOrThrow();
    calls = {
      bind: lib.func("int bind(int, const void *, uint32_t)"),
      sendto: lib.func("int64_t sendto(int, const void *, size_t, int, const void *, uint32_t)"),
      recvmmsg: lib.func("int recvmmsg(int, void *, unsigned int, int, void *)"),
      getsockopt: lib.func("int getsockopt(int, int, int, void *, void *)"),
      errnoName: lib.errnoName,
    };
  }
  return calls;
}

function bind(fd: number, address: Ip, port: number, scope = 0): void {
  const bytes = socketAddress(address, port, scope);
  if (sys().bind(fd, bytes, bytes.length) === 0) return;
  const code = sys().errnoName();
  throw new SocketOptionError(`cannot bind to port ${port}: ${code}`, code);
}

const anyAddress = (version: IpVersion): Ip => (version === 4 ? ipv4(0) : ipv6(0, 0, 0, 0));

const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** @param to as `socketAddress` makes it. @returns whether the kernel took it; else `lastSendError` says why not */
export const sendDatagram = (fd: number, bytes: Uint8Array, length: number, to: Uint8Array): boolean =>
  sys().sendto(fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL, to, to.length) >= 0;

/** Right after a send that failed: name of the error. */
export const lastSendError = (): string => sys().errnoName();

/** Packets that the kernel has dropped for this socket: kept out by its filter, or no room. */
export function droppedPackets(fd: number): number {
  const value = new Uint8Array(MEMORY_INFO_WORDS * 4);
  const [level, option] = MEMORY_INFO;
  if (sys().getsockopt(fd, level, option, value, int(value.length)) !== 0) return 0;
  return viewOf(value).getUint32(4 * MEMORY_INFO_DROPS, isLittle);
}

/** A datagram as it came in. Overwritten by the next read. */
export interface Datagram {
  /** At most `DATAGRAM_ROOM` octets of it. */
  readonly bytes: Uint8Array;
  readonly version: IpVersion;
  /** Network order, the first 4 or all 16 octets. */
  readonly source: Uint8Array;
  readonly sourcePort: number;
  /** Ours, to which it was sent; as `source`. Unknown when `interfaceIndex` is. */
  readonly destination: Uint8Array;
  /** Index of the interface over which it came; 0: unknown. */
  readonly interfaceIndex: number;
  /** TTL or hop limit; 0: unknown. */
  readonly ttl: number;
}

/** Octets of a datagram that are read; the rest is cut off. */
export const DATAGRAM_ROOM = 256;
/** Datagrams of one system call. */
export const BATCH = 32;

const HEADER_SIZE = 64; // struct mmsghdr, padding included
const VECTOR_SIZE = 16;
const NAME_ROOM = 32;
const CONTROL_ROOM = 128;
const CONTROL_HEADER = 16;

/** Receives in batches. One is enough for all sockets of a thread. */
export class DatagramReader {
  readonly #sys = sys();
  readonly #headers = carve(BATCH * HEADER_SIZE);
  readonly #headersView = viewOf(this.#headers);
  readonly #slots: readonly Slot[];

  constructor() {
    const lib = libcOrThrow();
    this.#slots = Array.from({ length: BATCH }, (_, i) => {
      const slot = new Slot();
      const vector = carve(VECTOR_SIZE);
      const vectorView = viewOf(vector);
      vectorView.setBigUint64(0, lib.addressOf(slot.data), isLittle);
      vectorView.setBigUint64(8, BigInt(DATAGRAM_ROOM), isLittle);
      const at = i * HEADER_SIZE;
      this.#headersView.setBigUint64(at, lib.addressOf(slot.name), isLittle);
      this.#headersView.setBigUint64(at + 16, lib.addressOf(vector), isLittle);
      this.#headersView.setBigUint64(at + 24, 1n, isLittle);
      this.#headersView.setBigUint64(at + 32, lib.addressOf(slot.control), isLittle);
      return slot;
    });
  }

  readonly capacity = BATCH;

  /** Takes what is there, at most `capacity`. @returns how many; 0: none are left, or an error */
  receive(fd: number): number {
    const view = this.#headersView;
    for (let at = 0; at < BATCH * HEADER_SIZE; at += HEADER_SIZE) {
      // the kernel leaves here what it used
      view.setUint32(at + 8, NAME_ROOM, isLittle);
      view.setUint32(at + (isLittle ? 40 : 44), CONTROL_ROOM, isLittle);
      view.setUint32(at + (isLittle ? 44 : 40), 0, isLittle);
    }
    const count = this.#sys.recvmmsg(fd, this.#headers, BATCH, MSG_DONTWAIT, null);
    return count > 0 ? count : 0;
  }

  /** @param n below what `receive` returned */
  datagram(n: number): Datagram {
    const slot = this.#slots[n];
    if (slot === undefined) throw new RangeError("no such datagram");
    const at = n * HEADER_SIZE;
    const controlLength = this.#headersView.getUint32(at + (isLittle ? 40 : 44), isLittle);
    slot.read(this.#headersView.getUint32(at + 56, isLittle), controlLength);
    return slot;
  }
}

class Slot implements Datagram {
  readonly data = carve(DATAGRAM_ROOM);
  readonly name = carve(NAME_ROOM);
  readonly control = carve(CONTROL_ROOM);
  readonly #nameView = viewOf(this.name);
  readonly #controlView = viewOf(this.control);
  /** One view per length that was seen, so that a flood makes no garbage. */
  readonly #views: (Uint8Array | undefined)[] = [];
  readonly source = new Uint8Array(16);
  readonly destination = new Uint8Array(16);
  version: IpVersion = 4;
  bytes = this.data;
  sourcePort = 0;
  interfaceIndex = 0;
  ttl = 0;

  read(length: number, controlLength: number): void {
    const view = this.#views[length] ?? this.data.subarray(0, length);
    this.#views[length] = view;
    this.bytes = view;
    this.version = this.#nameView.getUint16(0, isLittle) === AF_INET ? 4 : 6;
    this.sourcePort = this.#nameView.getUint16(2);
    copyAddress(this.name, this.version === 4 ? 4 : 8, this.version, this.source);
    this.interfaceIndex = 0;
    this.ttl = 0;
    readControl(this.control, this.#controlView, Math.min(controlLength, CONTROL_ROOM), this);
  }
}

const IP_PKTINFO = 8;
const IP_TTL = 2;
const IPV6_PKTINFO = 50;
const IPV6_HOPLIMIT = 52;

/** Walks the control messages (cmsg(3)). */
function readControl(bytes: Uint8Array, view: DataView, length: number, into: Slot): void {
  for (let at = 0; at + CONTROL_HEADER <= length; ) {
    const size = view.getUint32(at + (isLittle ? 0 : 4), isLittle);
    if (size < CONTROL_HEADER || at + size > length) return;
    const level = view.getInt32(at + 8, isLittle);
    const type = view.getInt32(at + 12, isLittle);
    const data = at + CONTROL_HEADER;
    if (level === IPPROTO_IP && type === IP_PKTINFO) {
      into.interfaceIndex = view.getInt32(data, isLittle);
      copyAddress(bytes, data + 8, 4, into.destination);
    } else if (level === IPPROTO_IPV6 && type === IPV6_PKTINFO) {
      copyAddress(bytes, data, 6, into.destination);
      into.interfaceIndex = view.getInt32(data + 16, isLittle);
    } else if ((level === IPPROTO_IP && type === IP_TTL) || (level === IPPROTO_IPV6 && type === IPV6_HOPLIMIT)) {
      into.ttl = view.getInt32(data, isLittle);
    }
    at += (size + 7) & ~7;
  }
}

function copyAddress(from: Uint8Array, at: number, version: IpVersion, into: Uint8Array): void {
  const length = version === 4 ? 4 : 16;
  for (let i = 0; i < length; i++) into[i] = from[at + i] ?? 0;
}
