// What the speaker wants from a network: the interface between the pure side (peerRunner.ts) and the shell that owns
// sockets (transport.ts), or a simulated wire in tests. Output is pulled: the speaker says "I have something", the
// connection asks for octets when the kernel can take them.
import type { Ip } from "../kernel/ip.ts";
import type { Millis } from "../kernel/units.ts";

export interface ConnectOptions {
  readonly address: Ip;
  /** Interface of a link-local address; null: none is needed. */
  readonly zone: string | null;
  readonly port: number;
  readonly sourceAddress: Ip | null;
  /** Interface or VRF device the socket is bound to. */
  readonly device: string | null;
  /** TCP MD5 key (RFC 2385); the connection fails when it cannot be set. */
  readonly password: string | null;
  /** null: the system's default. */
  readonly ttl: number | null;
  /** Packets with a lower TTL are dropped by the kernel (GTSM, RFC 5082); null: any are taken. */
  readonly minTtl: number | null;
  /** Unacknowledged data kills the connection after this time; null: the system's default. */
  readonly userTimeout: Millis | null;
}

/** What the connection tells the speaker. After `closed` nothing more comes. */
export interface ConnectionHandlers {
  /** Never called on a connection that was offered to us: it is open. @param local our address on this connection */
  connected(local: Ip): void;
  /** @param bytes valid during the call only */
  data(bytes: Uint8Array): void;
  /** Writes what is to be sent now into the slab from its start. @returns octets written; 0: nothing to send */
  fill(slab: Uint8Array): number;
  /** The octets of the last `fill` have been handed to the kernel. */
  sent(bytes: number): void;
  /** @param detail for people, e.g. `connection refused` */
  closed(detail: string): void;
}

export interface Connection {
  /** There is something to send: `fill` will be called as soon as the kernel has room, possibly before this returns. */
  wake(): void;
  /** Sends what `fill` still gives, then FIN; reads and drops until the peer closes too, or a time limit ends it. */
  finish(): void;
  /** Ends it at once. `closed` is not called. */
  abort(): void;
  /** Octets of `fill` that the other end has not acknowledged; null or absent: the system cannot be asked. */
  unacknowledged?(): number | null;
}

export interface LocalAddress {
  readonly interface: string;
  readonly address: Ip;
}

export interface Network {
  /** Never throws: what goes wrong arrives as `closed`, not before the call has returned. */
  connect(options: ConnectOptions, handlers: ConnectionHandlers): Connection;
  /** Every address of this host now, for next hops of the other family; absent: not known. */
  localAddresses?(): readonly LocalAddress[];
}
