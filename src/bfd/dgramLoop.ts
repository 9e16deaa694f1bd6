// SHELL: the engine on Node's own sockets and timers, where native calls cannot be made. Owns those sockets. Knows nothing of
// messages or BGP. Contract: as loop.ts, but what it cannot do is said: no TTL is seen (so none is demanded), no device can be
// bound, no link is watched, no echo; a session that needs a device or a VRF gets a problem and sends nothing.
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { type Ip, type IpVersion, ipToBytes, isLinkLocal, parseIp } from "../kernel/ip.ts";
import { Engine } from "./engine.ts";
import type { BfdLoop, LoopOptions } from "./loop.ts";
import { type BfdCommand, type HopKind, type Micros, NEVER, newArrival, type SessionHandle } from "./protocol.ts";

const FIRST_SOURCE_PORT = 49_152;
const HIGHEST_TTL = 255;
/** Chances are that a port found by lot is free. */
const BIND_ATTEMPTS = 20;
/** Longest time without a look at the clock. */
const LONGEST_WAIT: Micros = 100_000;

interface Sender {
  readonly handle: SessionHandle;
  socket: Socket | null;
  readonly port: number;
  readonly peer: string;
}

interface SharedReceiver {
  readonly socket: Socket;
  users: number;
}

export type DgramOptions = Omit<LoopOptions, "wakeFd" | "onWake">;

export class DgramLoop implements BfdLoop {
  readonly engine: Engine;
  /** Called after every round. */
  onRound: () => void = () => {};
  readonly #options: DgramOptions;
  readonly #senders = new Map<number, Sender>();
  readonly #receivers = new Map<string, SharedReceiver>();
  readonly #arrival = newArrival();
  #timer: NodeJS.Timeout | null = null;
  #immediate: NodeJS.Immediate | null = null;
  #lastWake: Micros;
  #isClosed = false;

  constructor(options: DgramOptions) {
    this.#options = options;
    this.#lastWake = options.clock();
    this.engine = new Engine(
      {
        opened: (handle) => this.#open(handle),
        rebound: (handle) => {
          this.#close(handle);
          this.#open(handle);
        },
        closed: (handle) => this.#close(handle),
        transmit: (handle, bytes, length) => this.#send(handle, bytes, length),
        transmitEcho: () => this.#options.gauges.add("sendFailures", 1),
        event: options.onEvent,
      },
      options.engine,
    );
    this.#arm();
  }

  get receiverCount(): number {
    return this.#receivers.size;
  }

  command(command: BfdCommand): void {
    const withoutEcho =
      command.type === "upsert" && command.profile.echo
        ? { ...command, profile: { ...command.profile, echo: false } }
        : command;
    this.engine.command(withoutEcho, this.#options.clock());
    this.#arm();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#immediate !== null) clearImmediate(this.#immediate);
    for (const { socket } of this.#senders.values()) socket?.close();
    for (const { socket } of this.#receivers.values()) socket.close();
    this.#senders.clear();
    this.#receivers.clear();
  }

  /** One timer for the nearest deadline. Its callback runs after what is waiting was read: sockets come before immediates. */
  #arm(): void {
    if (this.#isClosed || this.#immediate !== null) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const due = this.engine.nextDeadline();
    const left = Math.min(due === NEVER ? LONGEST_WAIT : due - this.#options.clock(), LONGEST_WAIT);
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#immediate = setImmediate(() => this.#fire(due));
      },
      Math.max(0, Math.ceil(left / 1_000)),
    );
  }

  #fire(due: Micros): void {
    const { clock, gauges } = this.#options;
    this.#immediate = null;
    const now = clock();
    this.engine.wake(now, this.#lastWake);
    if (due <= now) gauges.observeLateness(now - due);
    this.#lastWake = now;
    this.engine.fire(now);
    gauges.add("rounds", 1);
    gauges.set("lastRound", now);
    this.#arm();
    this.onRound();
  }

  #open(handle: SessionHandle): void {
    const { onEvent, random } = this.#options;
    const { address, key, local } = handle;
    const peer = parseIp(address.peer);
    if (peer === null) return;
    const device = address.vrf ?? (isLinkLocal(peer) ? null : address.interface);
    if (device !== null) {
      onEvent({ type: "socketProblem", key, problem: `cannot bind to ${device} without native calls` });
      return;
    }
    onEvent({ type: "weaker", key, why: "the TTL of what arrives cannot be checked without native calls" });
    const zone = isLinkLocal(peer) && address.interface !== null ? `%${address.interface}` : "";
    const sender: Sender = {
      handle,
      socket: null,
      port: this.#options.ports.send[address.hop],
      peer: `${address.peer}${zone}`,
    };
    this.#senders.set(handle.id, sender);
    this.#use(address.hop, peer.version, handle);
    const attempt = (left: number): void => {
      const socket = createSocket(typeOf(peer.version));
      const port = FIRST_SOURCE_PORT + Math.floor(random.next() * (65_536 - FIRST_SOURCE_PORT));
      socket.once("error", (error: NodeJS.ErrnoException) => {
        socket.close();
        if (this.#senders.get(handle.id) !== sender) return;
        if (error.code === "EADDRINUSE" && left > 0) attempt(left - 1);
        else onEvent({ type: "socketProblem", key, problem: error.message });
      });
      socket.once("listening", () => {
        // the session may be gone by now
        if (this.#senders.get(handle.id) !== sender) {
          socket.close();
          return;
        }
        socket.removeAllListeners("error").on("error", () => this.#options.gauges.add("sendFailures", 1));
        socket.setTTL(HIGHEST_TTL);
        sender.socket = socket;
      });
      socket.bind({ port, ...(local === null ? {} : { address: `${local}${zone}` }), exclusive: true });
    };
    attempt(BIND_ATTEMPTS);
  }

  #close(handle: SessionHandle): void {
    const sender = this.#senders.get(handle.id);
    if (sender === undefined) return;
    this.#senders.delete(handle.id);
    sender.socket?.close();
    const peer = parseIp(handle.address.peer);
    if (peer === null) return;
    const key = receiverKey(handle.address.hop, peer.version);
    const receiver = this.#receivers.get(key);
    if (receiver === undefined || --receiver.users > 0) return;
    receiver.socket.close();
    this.#receivers.delete(key);
  }

  #use(hop: HopKind, version: IpVersion, handle: SessionHandle): void {
    const key = receiverKey(hop, version);
    const known = this.#receivers.get(key);
    if (known !== undefined) {
      known.users++;
      return;
    }
    const socket = createSocket(typeOf(version));
    socket.on("error", (error) => {
      this.#options.onEvent({ type: "socketProblem", key: handle.key, problem: error.message });
    });
    socket.on("message", (bytes, from) => this.#receive(hop, version, bytes, from));
    socket.bind({ port: this.#options.ports.listen[hop], exclusive: true });
    this.#receivers.set(key, { socket, users: 1 });
  }

  #receive(hop: HopKind, version: IpVersion, bytes: Uint8Array, from: RemoteInfo): void {
    const source: Ip | null = parseIp(from.address.split("%")[0] ?? "");
    if (source === null) return;
    const arrival = this.#arrival;
    arrival.hop = hop;
    arrival.version = version;
    arrival.source.set(ipToBytes(source));
    this.engine.receive(bytes, bytes.length, arrival, this.#options.clock());
    this.#options.gauges.add("datagramsIn", 1);
    this.#arm();
  }

  #send(handle: SessionHandle, bytes: Uint8Array, length: number): void {
    const sender = this.#senders.get(handle.id);
    const { gauges } = this.#options;
    if (sender === undefined || sender.socket === null) {
      gauges.add("sendFailures", 1);
      return;
    }
    // the engine uses its buffer again at once, Node sends later
    sender.socket.send(bytes.slice(0, length), sender.port, sender.peer, (error) => {
      if (error !== null) gauges.add("sendFailures", 1);
    });
  }
}

const typeOf = (version: IpVersion) => ({ type: version === 4 ? "udp4" : "udp6", ipv6Only: version === 6 }) as const;
const receiverKey = (hop: HopKind, version: IpVersion): string => `${hop} ${version}`;
