// SHELL: the peer at the other end of every measurement: listens on loopback, shakes hands, looks at the raw octets.
// Owns the moment of arrival: the time at which its data callback starts, before anything is read. Knows no injector.
// Contract: it answers every chunk with a KEEPALIVE. So it needs no timer, and its kernel acknowledges at once: a speaker
// that leaves Nagle's algorithm on (BIRD) would otherwise wait 40 ms for each of loopback's 64 KiB segments.
import net from "node:net";
import { keepaliveMessage, MESSAGE, MessageStream, openMessage } from "./wire.ts";

/** Of the sink. */
export const SINK_ASN = 65002;
const IDENTIFIER = 0x0aff_fffe;
const KEEPALIVE = keepaliveMessage();

export interface SinkHandlers {
  /** @param at monotonic nanoseconds of the system, comparable between processes */
  established?(at: bigint): void;
  update(bytes: Uint8Array, start: number, end: number): void;
  /** A chunk has been read to its end. @param at when it arrived, as above */
  chunk?(at: bigint): void;
  closed?(): void;
}

export class Sink {
  readonly #server: net.Server;
  readonly #handlers: SinkHandlers;
  readonly #sockets = new Set<net.Socket>();

  private constructor(handlers: SinkHandlers) {
    this.#handlers = handlers;
    this.#server = net.createServer((socket) => this.#accept(socket));
  }

  /** On a free port of 127.0.0.1. */
  static async listen(handlers: SinkHandlers): Promise<Sink> {
    const sink = new Sink(handlers);
    // MetalLB's BGPPeer admits ports up to 16384 only, so the kernel's choice of an ephemeral one would not do
    for (let attempt = 0; attempt < 100; attempt++) {
      if (await sink.#tryListen(10_000 + Math.floor(Math.random() * 6_000))) return sink;
    }
    throw new Error("no free port between 10000 and 16000 on loopback");
  }

  #tryListen(port: number): Promise<boolean> {
    return new Promise((resolve) => {
      const failed = (): void => resolve(false);
      this.#server.once("error", failed);
      this.#server.listen(port, "127.0.0.1", () => {
        this.#server.off("error", failed);
        resolve(true);
      });
    });
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    let arrived = 0n;
    let isEstablished = false;
    const stream = new MessageStream((type, bytes, start, end) => {
      if (type === MESSAGE.update) {
        this.#handlers.update(bytes, start, end);
      } else if (type === MESSAGE.open) {
        socket.write(openMessage(SINK_ASN, IDENTIFIER));
        socket.write(KEEPALIVE);
      } else if (type === MESSAGE.keepalive) {
        if (!isEstablished) this.#handlers.established?.(arrived);
        isEstablished = true;
      }
    });
    socket.on("data", (bytes) => {
      arrived = process.hrtime.bigint();
      stream.push(bytes);
      this.#handlers.chunk?.(arrived);
      if (isEstablished) socket.write(KEEPALIVE);
    });
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#handlers.closed?.();
    });
  }
}
