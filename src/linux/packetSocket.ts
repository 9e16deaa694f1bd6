// SHELL: IPv4 packets to a neighbour by its link-layer address, past the routing of this host. Owns the layouts of sockaddr_ll
// and arpreq. Knows nothing of what is sent. Contract: needs CAP_NET_RAW; a packet goes to the neighbour it names or nowhere.
import { endianness, networkInterfaces } from "node:os";
import { formatIp, type Ip, ipFromBytes, ipToBytes } from "../kernel/ip.ts";
import { libcOrThrow, viewOf } from "./poll.ts";
import { udpPortProgram } from "./socketFilter.ts";
import { AF_INET, openSocket, SocketOptionError, socketAddress } from "./sockopt.ts";

const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const ETH_P_IP = 0x0800;
const LINK_ADDRESS_SIZE = 20;
const SIOCGARP = 0x8954;
const ARP_REQUEST_SIZE = 68;
/** The entry has an address. */
const ATF_COM = 2;
const ETHER_ADDRESS_SIZE = 6;

const isLittle = endianness() === "LE";
/** A number in network order, as a field in the machine's order holds it. */
const networkOrder = (n: number): number => (isLittle ? ((n & 0xff) << 8) | (n >> 8) : n);

/** Sends and receives IPv4 packets for a UDP port, with their IP header. @throws SocketOptionError */
export const openPacketSocket = (port: number): number =>
  openSocket(AF_PACKET, SOCK_DGRAM, 0, (fd, sys) => {
    if (sys.attachFilter(fd, udpPortProgram(port)) !== 0) {
      throw new SocketOptionError(`cannot set the packet filter: ${sys.errnoName()}`, sys.errnoName());
    }
    // bound to no protocol so far, it has received nothing that the filter would not have let pass
    const address = linkAddress(0, new Uint8Array(ETHER_ADDRESS_SIZE));
    if (sys.bind(fd, address, address.length) !== 0) {
      throw new SocketOptionError(`cannot receive packets: ${sys.errnoName()}`, sys.errnoName());
    }
  });

/** struct sockaddr_ll. @param index of the interface; 0: any */
export function linkAddress(index: number, etherAddress: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(LINK_ADDRESS_SIZE);
  const view = viewOf(bytes);
  view.setUint16(0, AF_PACKET, isLittle);
  view.setUint16(2, networkOrder(ETH_P_IP), isLittle);
  view.setInt32(4, index, isLittle);
  bytes[11] = etherAddress.length;
  bytes.set(etherAddress, 12);
  return bytes;
}

/** Address that this host would send from to `peer`; null: there is no route. */
export function sourceTowards(peer: Ip, port: number): Ip | null {
  const lib = libcOrThrow();
  const connect = lib.func<(fd: number, to: Uint8Array, length: number) => number>(
    "int connect(int, const void *, uint32_t)",
  );
  const name = lib.func<(fd: number, into: Uint8Array, length: Uint8Array) => number>(
    "int getsockname(int, void *, void *)",
  );
  const close = lib.func<(fd: number) => number>("int close(int)");
  const to = socketAddress(peer, port, 0);
  const fd = openSocket(AF_INET, SOCK_DGRAM, 0, () => {});
  const length = new Uint8Array(Uint32Array.of(to.length).buffer);
  const isKnown = connect(fd, to, to.length) === 0 && name(fd, to, length) === 0;
  close(fd);
  return isKnown ? ipFromBytes(to.subarray(4, 8)) : null;
}

/** Name of the interface that has this address; null: none. */
export const interfaceWith = (address: Ip): string | null =>
  Object.entries(networkInterfaces()).find(([, list]) => list?.some((e) => e.address === formatIp(address)))?.[0] ??
  null;

/** Link-layer address of an IPv4 neighbour as the kernel has learned it; null: it has not. */
export function etherAddressOf(peer: Ip, interfaceName: string): Uint8Array | null {
  const lib = libcOrThrow();
  const ioctl = lib.func<(fd: number, request: number, argument: Uint8Array) => number>(
    "int ioctl(int, unsigned long, void *)",
  );
  const close = lib.func<(fd: number) => number>("int close(int)");
  const request = new Uint8Array(ARP_REQUEST_SIZE);
  viewOf(request).setUint16(0, AF_INET, isLittle);
  request.set(ipToBytes(peer), 4);
  request.set(new TextEncoder().encode(interfaceName.slice(0, 15)), 52);
  const fd = openSocket(AF_INET, SOCK_DGRAM, 0, () => {});
  const isKnown = ioctl(fd, SIOCGARP, request) === 0;
  close(fd);
  const flags = viewOf(request).getInt32(32, isLittle);
  return isKnown && (flags & ATF_COM) !== 0 ? request.slice(18, 18 + ETHER_ADDRESS_SIZE) : null;
}
