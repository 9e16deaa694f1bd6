// SHELL: a netlink route socket. Owns the descriptor and the asking anew when the kernel had to drop messages. Knows not
// what links are for. Contract: needs no capability; nothing waits; only what the kernel itself says is read.
import { endianness } from "node:os";
import { libcOrThrow } from "./poll.ts";
import { linkDumpRequest, type RouteEvent, readRouteMessages } from "./routeMessages.ts";
import { int, openSocket, SOCK_RAW, SocketOptionError } from "./sockopt.ts";

const AF_NETLINK = 16;
const NETLINK_ROUTE = 0;
const ADDRESS_SIZE = 12;
/** Groups of multicast: links, IPv4 addresses, IPv6 addresses. */
const GROUPS = 0x1 | 0x10 | 0x100;
/** The kernel never answers with more at once to a reader that offers this much. */
const BUFFER_SIZE = 32 * 1024;
const MSG_DONTWAIT = 0x40;
const isLittle = endianness() === "LE";

type Receive = (
  fd: number,
  into: Uint8Array,
  size: number,
  flags: number,
  from: Uint8Array,
  length: Uint8Array,
) => number;

export class RouteSocket {
  /** The caller closes it. */
  readonly fd: number;
  readonly #lib = libcOrThrow();
  readonly #receive = this.#lib.func<Receive>("int64_t recvfrom(int, void *, size_t, int, void *, void *)");
  readonly #ask: () => void;
  readonly #buffer = new Uint8Array(BUFFER_SIZE);
  readonly #from = new Uint8Array(ADDRESS_SIZE);
  readonly #fromLength = int(ADDRESS_SIZE);

  /** All links there are come as events first. @throws SocketOptionError */
  constructor() {
    let ask = (): void => {};
    this.fd = openSocket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, (fd, sys) => {
      if (sys.bind(fd, kernelAddress(GROUPS), ADDRESS_SIZE) !== 0) {
        throw new SocketOptionError(`cannot watch the links: ${sys.errnoName()}`, sys.errnoName());
      }
      ask = () => void sys.sendto(fd, linkDumpRequest(), kernelAddress(0));
    });
    this.#ask = ask;
    ask();
  }

  /** Reads what is there. */
  drain(onEvent: (event: RouteEvent) => void): void {
    for (;;) {
      new DataView(this.#fromLength.buffer).setUint32(0, ADDRESS_SIZE, isLittle);
      const length = this.#receive(this.fd, this.#buffer, BUFFER_SIZE, MSG_DONTWAIT, this.#from, this.#fromLength);
      if (length >= 0) {
        const isFromKernel = new DataView(this.#from.buffer).getUint32(4, isLittle) === 0;
        if (isFromKernel) for (const event of readRouteMessages(this.#buffer.subarray(0, length))) onEvent(event);
      } else if (this.#lib.errnoName() === "ENOBUFS") {
        this.#ask(); // messages were lost: what they said is asked for
      } else {
        return;
      }
    }
  }
}

/** struct sockaddr_nl; port 0 is the kernel, or, in bind, one that it chooses. */
function kernelAddress(groups: number): Uint8Array {
  const bytes = new Uint8Array(ADDRESS_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_NETLINK, isLittle);
  view.setUint32(8, groups, isLittle);
  return bytes;
}
