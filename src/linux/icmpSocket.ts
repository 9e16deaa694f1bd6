// SHELL: raw ICMPv6 sockets for Router Solicitations and Advertisements, one per interface. Owns their options and the one
// timer that reads them all. Knows nothing of what the packets mean. Contract: only packets that came in on that interface,
// with a hop limit of 255 (so that no router has passed them on), of these two types are given out; a bounded number per turn.
import { networkInterfaces } from "node:os";
import { type Ip, ipFromBytes } from "../kernel/ip.ts";
import { type Native, nativeCalls } from "./native.ts";
import { onLinkProgram } from "./socketFilter.ts";
import {
  AF_INET6,
  bindToDevice,
  IPPROTO_IPV6,
  int,
  type OptionNumber,
  openSocket,
  SOCK_RAW,
  SocketOptionError,
  setOption,
  socketAddress,
} from "./sockopt.ts";

const IPPROTO_ICMPV6 = 58;
const UNICAST_HOPS: OptionNumber = [IPPROTO_IPV6, 16];
const MULTICAST_INTERFACE: OptionNumber = [IPPROTO_IPV6, 17];
const MULTICAST_HOPS: OptionNumber = [IPPROTO_IPV6, 18];
const MULTICAST_LOOP: OptionNumber = [IPPROTO_IPV6, 19];
const JOIN_GROUP: OptionNumber = [IPPROTO_IPV6, 20];
const ICMP6_FILTER: OptionNumber = [IPPROTO_ICMPV6, 1];
const ROUTER_SOLICITATION = 133;
const ROUTER_ADVERTISEMENT = 134;
const ON_LINK = 255;

/** Between two reads of all sockets. */
export const READ_EVERY_MS = 50;
/** Packets taken from one socket per read; the kernel keeps or drops the rest. */
export const PACKETS_PER_READ = 16;
/** Longest packet that is looked at: more than any router's options fill. */
const MAX_PACKET = 1_500;

const open = new Map<number, (source: Ip, bytes: Uint8Array) => void>();
let timer: NodeJS.Timeout | null = null;

export interface IcmpSocket {
  /** Hardware address of the interface; null: it has none. */
  readonly mac: Uint8Array | null;
  /** @returns why it could not be sent; null: it was */
  send(to: Ip, bytes: Uint8Array): string | null;
  /** The interface of that name is still the one the socket is bound to. */
  isCurrent(): boolean;
  close(): void;
}

/**
 * @param allRouters group of those who are solicited
 * @param received called in a later turn
 * @returns the socket, or why there is none
 */
export function openIcmpSocket(
  interfaceName: string,
  allRouters: Ip,
  received: (source: Ip, bytes: Uint8Array) => void,
): IcmpSocket | string {
  const sys = nativeCalls();
  if (typeof sys === "string") return sys;
  const index = sys.interfaceIndex(interfaceName);
  if (index === 0) return `there is no interface ${interfaceName}`;
  try {
    const fd = openSocket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, (made) => {
      if (sys.attachFilter(made, onLinkProgram(6)) !== 0) {
        throw new SocketOptionError(`cannot set the packet filter: ${sys.errnoName()}`, sys.errnoName());
      }
      bindToDevice(made, interfaceName);
      setOption(made, "the hop limit", UNICAST_HOPS, int(ON_LINK));
      setOption(made, "the hop limit of multicast", MULTICAST_HOPS, int(ON_LINK));
      setOption(made, "the interface of multicast", MULTICAST_INTERFACE, int(index));
      setOption(made, "the loop of multicast", MULTICAST_LOOP, int(0));
      setOption(made, "the ICMPv6 types", ICMP6_FILTER, passOnly(ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT));
      setOption(made, "the group of all routers", JOIN_GROUP, membership(allRouters, index));
    });
    return track(sys, fd, index, interfaceName, received);
  } catch (error) {
    if (!(error instanceof SocketOptionError)) throw error;
    return error.code === "EPERM"
      ? "raw ICMPv6 sockets are not permitted: the daemon needs CAP_NET_RAW"
      : `no raw ICMPv6 socket on ${interfaceName}: ${error.message}`;
  }
}

function track(
  sys: Native,
  fd: number,
  index: number,
  interfaceName: string,
  received: (source: Ip, bytes: Uint8Array) => void,
): IcmpSocket {
  open.set(fd, received);
  // a raw socket cannot be handed to Node's event loop; an empty read costs less than a microsecond
  timer ??= setInterval(() => readAll(sys), READ_EVERY_MS);
  return {
    get mac() {
      const text = networkInterfaces()[interfaceName]?.[0]?.mac ?? "";
      const mac = Uint8Array.from(text.split(":"), (octet) => Number.parseInt(octet, 16));
      return mac.length === 6 && mac.some((octet) => octet !== 0) ? mac : null;
    },
    send: (to, bytes) => {
      if (sys.sendto(fd, bytes, socketAddress(to, 0, index)) === bytes.length) return null;
      return `${interfaceName} cannot send: ${sys.errnoName()}`;
    },
    isCurrent: () => sys.interfaceIndex(interfaceName) === index,
    close: () => {
      if (!open.delete(fd)) return;
      sys.close(fd);
      if (open.size > 0 || timer === null) return;
      clearInterval(timer);
      timer = null;
    },
  };
}

const packet = new Uint8Array(MAX_PACKET);
const sender = new Uint8Array(28);

function readAll(sys: Native): void {
  for (const [fd, received] of [...open]) {
    for (let i = 0; i < PACKETS_PER_READ && open.has(fd); i++) {
      const length = sys.receive(fd, packet, sender);
      if (length < 0) break;
      const source = ipFromBytes(sender.subarray(8, 24));
      if (source !== null) received(source, packet.slice(0, length));
    }
  }
}

/** struct icmp6_filter: a bit per type, 1 blocks it. */
function passOnly(...types: readonly number[]): Uint8Array {
  const words = new Uint32Array(8).fill(0xffff_ffff);
  for (const type of types) {
    const word = type >>> 5;
    words[word] = ((words[word] ?? 0) & ~(1 << (type & 31))) >>> 0;
  }
  return new Uint8Array(words.buffer);
}

/** struct ipv6_mreq: group, interface index. */
function membership(group: Ip, index: number): Uint8Array {
  const bytes = new Uint8Array(20);
  bytes.set(socketAddress(group, 0, 0).subarray(8, 24));
  bytes.set(int(index), 16);
  return bytes;
}
