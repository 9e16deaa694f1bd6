// SHELL: TCP for the speaker. Owns sockets, their one slab of output and their orderly end. Knows no messages.
// Contract: see network.ts. One write is outstanding at a time; its callback asks for more, which is the back-pressure.
import net from "node:net";
import { networkInterfaces } from "node:os";
import { formatIp, type Ip, isLinkLocal, parseIp } from "../kernel/ip.ts";
import { nativeProblem } from "../linux/native.ts";
import { unacknowledgedOctets } from "../linux/sendQueue.ts";
import { openTcpSocket } from "../linux/sockopt.ts";
import type { Connection, ConnectionHandlers, ConnectOptions, LocalAddress, Network } from "./network.ts";

/** Octets given to the kernel per write. */
export const SLAB_SIZE = 65_536;

/** How long a connection that we have closed may take to drain and to be closed by the peer. */
export const FINISH_LIMIT_MS = 1_000;

/** Octets after which a peer waits for the next turn: Node alone would go on for up to 32 times 64 KiB (C-263). */
export const READ_AT_ONCE = 65_536;

/** DSCP CS6, network control (RFC 4271 appendix E), and the matching socket priority, which Linux does not derive. */
export const CS6 = 0xc0;
export const PRIORITY_CONTROL = 6;

export class TcpNetwork implements Network {
  readonly #open = new Set<net.Socket>();
  #whenIdle: (() => void)[] = [];

  /** Settles when no socket is left: after everything was finished, the farewells have been read or given up. */
  idle(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  connect(options: ConnectOptions, handlers: ConnectionHandlers): Connection {
    const opened = openSocket(options);
    if (typeof opened === "string") {
      const timer = setImmediate(() => handlers.closed(opened));
      return { wake() {}, finish: () => clearImmediate(timer), abort: () => clearImmediate(timer) };
    }
    const connection = this.#own(opened, handlers, "connecting");
    const { address, zone, sourceAddress } = options;
    try {
      // IP literals only and in the same tick: anything else makes Node replace the descriptor, and our options with it
      opened.connect({
        host: scoped(address, zone),
        port: options.port,
        autoSelectFamily: false,
        ...(sourceAddress === null ? {} : { localAddress: scoped(sourceAddress, zone) }),
      });
    } catch (error) {
      opened.destroy(error instanceof Error ? error : new Error(String(error)));
    }
    return connection;
  }

  /** Takes over a connection that was accepted, paused and with its options set. */
  adopt(socket: net.Socket, handlers: ConnectionHandlers): Connection {
    const connection = this.#own(socket, handlers, "open");
    socket.resume(); // what has arrived is delivered in a later turn
    return connection;
  }

  localAddresses(): readonly LocalAddress[] {
    return Object.entries(networkInterfaces()).flatMap(([name, entries]) =>
      (entries ?? []).flatMap((entry) => {
        const address = parseIp(entry.address.split("%")[0] ?? "");
        return address === null ? [] : [{ interface: name, address }];
      }),
    );
  }

  #own(socket: net.Socket, handlers: ConnectionHandlers, phase: "connecting" | "open"): Connection {
    const connection = new TcpConnection(socket, handlers, phase);
    this.#open.add(socket);
    socket.once("close", () => {
      this.#open.delete(socket);
      if (this.#open.size > 0) return;
      for (const resolve of this.#whenIdle.splice(0)) resolve();
    });
    return connection;
  }
}

/** A link-local address means nothing without its interface (RFC 4007 11). */
const scoped = (address: Ip, zone: string | null): string =>
  address.version === 6 && isLinkLocal(address) && zone !== null ? `${formatIp(address)}%${zone}` : formatIp(address);

/** A socket with every option set, or the reason why there is none. */
function openSocket(options: ConnectOptions): net.Socket | string {
  const problem = nativeProblem();
  if (problem !== null) {
    // Without native calls only a session that asked for nothing special may run (docs/design.md, rule 9)
    if (options.password !== null) return `the TCP MD5 password cannot be set: ${problem}`;
    if (options.device !== null) return `the socket cannot be bound to ${options.device}: ${problem}`;
    if (options.minTtl !== null) return `the TTL of what arrives cannot be checked: ${problem}`;
    return new net.Socket();
  }
  try {
    const fd = openTcpSocket({
      version: options.address.version,
      md5: options.password === null ? null : { peer: options.address, key: options.password },
      ttl: options.ttl,
      minTtl: options.minTtl,
      tos: CS6,
      priority: PRIORITY_CONTROL,
      device: options.device,
      userTimeout: options.userTimeout,
    });
    return new net.Socket({ fd, manualStart: true } as net.SocketConstructorOpts);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

class TcpConnection implements Connection {
  readonly #socket: net.Socket;
  readonly #handlers: ConnectionHandlers;
  readonly #slab = new Uint8Array(SLAB_SIZE);
  #phase: "connecting" | "open" | "finishing" | "dead";
  /** Octets of the write that Node still has. */
  #writing = 0;
  #failure = "";
  /** Octets read since others last had their turn for certain. */
  #unrested = 0;
  #limit: NodeJS.Timeout | null = null;

  constructor(socket: net.Socket, handlers: ConnectionHandlers, phase: "connecting" | "open") {
    this.#socket = socket;
    this.#handlers = handlers;
    this.#phase = phase;
    socket.setNoDelay(true);
    socket.on("connect", () => this.#connected());
    socket.on("data", (bytes) => {
      if (this.#phase === "open") handlers.data(bytes);
      this.#unrested += bytes.length;
      if (this.#unrested >= READ_AT_ONCE) this.#rest();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.#failure = describe(error);
    });
    socket.on("end", () => {
      if (this.#failure === "") this.#failure = "the peer closed the connection";
    });
    socket.on("close", () => this.#closed());
  }

  #rest(): void {
    this.#unrested = 0;
    this.#socket.pause();
    setImmediate(() => this.#socket.resume());
  }

  wake(): void {
    if (this.#writing > 0 || (this.#phase !== "open" && this.#phase !== "finishing")) return;
    const length = this.#handlers.fill(this.#slab);
    if (length > 0) {
      this.#writing = length;
      this.#socket.write(this.#slab.subarray(0, length), (error) => this.#written(length, error));
    } else if (this.#phase === "finishing") {
      this.#socket.end();
    }
  }

  finish(): void {
    if (this.#phase === "connecting") {
      this.abort();
      return;
    }
    if (this.#phase !== "open") return;
    this.#phase = "finishing";
    // reading on avoids a reset by unread data, which could overtake our last words
    this.#limit = setTimeout(() => this.abort(), FINISH_LIMIT_MS);
    this.#socket.resume();
    this.wake();
  }

  abort(): void {
    this.#phase = "dead";
    if (this.#limit !== null) clearTimeout(this.#limit);
    this.#socket.destroy();
  }

  unacknowledged(): number | null {
    const fd = descriptorOf(this.#socket);
    const queued = fd === null ? null : unacknowledgedOctets(fd);
    return queued === null ? null : this.#writing + queued; // in part both: too much while a write is under way, never too little
  }

  #connected(): void {
    if (this.#phase !== "connecting") return;
    this.#phase = "open";
    const local = parseIp(this.#socket.localAddress?.split("%")[0] ?? "");
    if (local === null) {
      this.#failure = "the connection ended while it was made";
      this.#socket.destroy();
      return;
    }
    this.#handlers.connected(local);
    this.wake();
  }

  #written(length: number, error: Error | null | undefined): void {
    this.#writing = 0;
    if (error !== null && error !== undefined) return; // "close" follows and reports it
    if (this.#phase === "open") this.#handlers.sent(length);
    this.wake();
  }

  #closed(): void {
    if (this.#limit !== null) clearTimeout(this.#limit);
    const report = this.#phase === "connecting" || this.#phase === "open";
    this.#phase = "dead";
    if (report) this.#handlers.closed(this.#failure === "" ? "the connection was closed" : this.#failure);
  }
}

/** Node keeps the descriptor of a socket to itself; it is valid while the socket lives. */
export function descriptorOf(socket: net.Socket): number | null {
  const handle: unknown = Reflect.get(socket, "_handle");
  const fd: unknown = typeof handle === "object" && handle !== null ? Reflect.get(handle, "fd") : null;
  return typeof fd === "number" && fd >= 0 ? fd : null;
}

const EXPLANATION: Record<string, string> = {
  ECONNREFUSED: "connection refused: nothing listens on that port, or a firewall rejects it",
  ETIMEDOUT: "no answer: the address does not reply (with a password: the keys may differ)",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to the network",
  ECONNRESET: "the peer reset the connection",
  EACCES: "this host forbids it: a prohibit route, or a security policy",
  EPERM: "a security policy of this host forbids it",
  EADDRNOTAVAIL: "the source address is not on this host",
  EPIPE: "the peer closed the connection",
};

const describe = (error: NodeJS.ErrnoException): string => {
  const code = error.code ?? "";
  const text = EXPLANATION[code];
  return text === undefined ? error.message : `${text} (${code})`;
};
