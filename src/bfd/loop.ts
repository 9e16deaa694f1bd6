// SHELL: the loop of the BFD thread on native sockets. Owns the order of a round and the translation between sockets, links
// and the engine. Knows nothing of threads, messages or BGP. Contract: see engine.ts; a round is one call of a function (V8
// looks for a request to end the thread when a function is entered, so no wait is longer than 100 ms) and makes no garbage;
// whatever waits is read before a peer is judged.

import type { Random } from "../kernel/clock.ts";
import { BATCH, type Datagram, DatagramReader } from "../linux/datagram.ts";
import type { Descriptors } from "../linux/descriptors.ts";
import { interfaceIndex } from "../linux/interfaces.ts";
import { RouteSocket } from "../linux/netlink.ts";
import { drainEvent, PollSet } from "../linux/poll.ts";
import type { RouteEvent } from "../linux/routeMessages.ts";
import { ECHO_HEADERS, ECHO_RETURNED_TTL, ECHO_SENT_TTL, ttlOf } from "./echoPath.ts";
import { Engine, type EngineOptions } from "./engine.ts";
import type { LoopGauges } from "./gauges.ts";
import { type BfdCommand, type BfdEvent, type Micros, newArrival } from "./protocol.ts";
import { MOST_RECEIVERS, type Receiver, SessionSocketTable } from "./sockets.ts";
import type { BfdPorts, LoopEvent } from "./threads.ts";

/** What a loop is to the thread that runs it. */
export interface BfdLoop {
  readonly engine: Engine;
  readonly receiverCount: number;
  command(command: BfdCommand): void;
  /** Closes every socket. */
  close(): void;
}

export interface LoopOptions {
  readonly engine: EngineOptions;
  readonly random: Random;
  readonly clock: () => Micros;
  readonly ports: BfdPorts;
  readonly descriptors: Descriptors;
  readonly gauges: LoopGauges;
  readonly onEvent: (event: BfdEvent | LoopEvent) => void;
  /** Raised when `onWake` is to be called. */
  readonly wakeFd: number;
  readonly onWake: () => void;
}

/** V8's requests to end the thread are seen this often (platform measurements in docs/design.md). */
const LONGEST_WAIT: Micros = 100_000;
/** What did not work is tried again, and slow counters are read, this often. */
const UPKEEP: Micros = 1_000_000;
/** More than a socket buffer holds: after a pause everything that waited is read. In a flood, timers have their turn. */
const BATCHES_PER_ROUND = 16;
/** Datagrams read from one socket before timers have their turn. */
export const DATAGRAMS_PER_ROUND = BATCHES_PER_ROUND * BATCH;
const WAKE = 0;
const LINKS = 1;
const FIRST_RECEIVER = 2;

export class NativeLoop implements BfdLoop {
  readonly engine: Engine;
  readonly #options: LoopOptions;
  readonly #sockets: SessionSocketTable;
  readonly #links: RouteSocket;
  readonly #polls = new PollSet(FIRST_RECEIVER + MOST_RECEIVERS);
  readonly #reader = new DatagramReader();
  readonly #arrival = newArrival();
  readonly #names = new Map<number, string>();
  readonly #indexes = new Map<string, number>();
  readonly #onRouteEvent = (event: RouteEvent): void => this.#linkEvent(event);
  #polled: readonly Receiver[] | null = null;
  #lastWake: Micros;
  #now: Micros;
  #upkeepAt: Micros;

  /** @throws SocketOptionError where native calls cannot be made */
  constructor(options: LoopOptions) {
    this.#options = options;
    const { descriptors, gauges, onEvent } = options;
    this.#now = this.#lastWake = options.clock();
    this.#upkeepAt = this.#now + UPKEEP;
    this.#sockets = new SessionSocketTable(options.ports, descriptors, options.random, (handle, problem) =>
      onEvent({ type: "socketProblem", key: handle.key, problem }),
    );
    this.engine = new Engine(
      {
        opened: (handle) => this.#sockets.open(handle),
        rebound: (handle) => {
          this.#sockets.close(handle);
          this.#sockets.open(handle);
        },
        closed: (handle) => this.#sockets.close(handle),
        transmit: (handle, bytes, length) => {
          if (!this.#sockets.send(handle.id, bytes, length)) gauges.add("sendFailures", 1);
        },
        transmitEcho: (handle, bytes, length) => {
          if (!this.#sockets.sendEcho(handle.id, bytes, length)) gauges.add("sendFailures", 1);
        },
        event: onEvent,
      },
      options.engine,
    );
    this.#links = new RouteSocket();
    descriptors.keep(this.#links.fd);
    this.#links.drain(this.#onRouteEvent);
  }

  get receiverCount(): number {
    return this.#sockets.receivers.length;
  }

  /** Only from within `onWake`, or before the first round. */
  command(command: BfdCommand): void {
    if (command.type !== "interface") this.#learnInterface(command.address.interface, command.address.vrf);
    this.engine.command(command, this.#now);
  }

  /** One round: waits, reads what is there, does what is due. */
  round(): void {
    const { clock, gauges } = this.#options;
    this.#arrangePolls();
    const due = this.engine.nextDeadline();
    const until = this.#lastWake + LONGEST_WAIT;
    const before = clock();
    this.#polls.wait((Math.min(due, Math.max(until, before)) - before) / 1_000);
    const now = clock();
    this.#now = now;
    this.engine.wake(now, this.#lastWake);
    if (due <= now) gauges.observeLateness(now - due);
    this.#lastWake = now;
    if (this.#polls.isReady(LINKS)) this.#links.drain(this.#onRouteEvent);
    const receivers = this.#polled ?? [];
    for (let i = 0; i < receivers.length; i++) {
      const receiver = receivers[i];
      if (receiver !== undefined && this.#polls.isReady(FIRST_RECEIVER + i)) this.#read(receiver, now);
    }
    if (this.#polls.isReady(WAKE)) {
      drainEvent(this.#options.wakeFd);
      this.#options.onWake();
    }
    this.engine.fire(now);
    gauges.add("rounds", 1);
    gauges.set("lastRound", now);
    if (now >= this.#upkeepAt) this.#upkeep(now);
  }

  close(): void {
    this.#sockets.closeAll();
    this.#options.descriptors.close(this.#links.fd);
  }

  #arrangePolls(): void {
    const { receivers } = this.#sockets;
    if (receivers === this.#polled) return;
    this.#polled = receivers;
    this.#polls.set([this.#options.wakeFd, this.#links.fd, ...receivers.map((r) => r.fd)]);
  }

  #read(receiver: Receiver, now: Micros): void {
    for (let batch = 0; batch < BATCHES_PER_ROUND; batch++) {
      const count = this.#reader.receive(receiver.fd);
      for (let i = 0; i < count; i++) this.#take(receiver, i, now);
      this.#options.gauges.add("datagramsIn", count);
      if (count < this.#reader.capacity) return;
    }
  }

  #take(receiver: Receiver, n: number, now: Micros): void {
    const datagram = this.#reader.datagram(n);
    const { bytes } = datagram;
    if (receiver.kind === "echo") {
      this.#takeEcho(receiver, datagram, now);
      return;
    }
    const arrival = this.#arrival;
    arrival.hop = receiver.kind;
    arrival.version = datagram.version;
    arrival.source.set(datagram.source);
    arrival.destination.set(datagram.destination);
    arrival.isDestinationKnown = datagram.interfaceIndex !== 0;
    arrival.interfaceIndex = datagram.interfaceIndex;
    arrival.vrfIndex = receiver.vrfIndex;
    arrival.ttl = datagram.ttl;
    this.engine.receive(bytes, bytes.length, arrival, now);
  }

  #takeEcho(receiver: Receiver, { bytes, source, ttl }: Datagram, now: Micros): void {
    if (receiver.version === 6) {
      if (ttl === ECHO_SENT_TTL) this.#sockets.reflect(receiver, source, bytes);
      else this.engine.receiveEcho(bytes, bytes.length, now);
    } else if (ttlOf(bytes) === ECHO_RETURNED_TTL) {
      const payload = bytes.subarray(ECHO_HEADERS);
      this.engine.receiveEcho(payload, payload.length, now);
    } else if (ttlOf(bytes) === ECHO_SENT_TTL) {
      this.#sockets.reflect(receiver, bytes.subarray(12, 16), bytes);
    }
  }

  // --- links

  /** A name that a session has and the kernel has not told yet. */
  #learnInterface(...names: readonly (string | null)[]): void {
    for (const name of names) {
      const index = name === null || this.#indexes.has(name) ? 0 : interfaceIndex(name);
      if (name !== null && index !== 0) this.engine.command({ type: "interface", name, index, isUp: true }, this.#now);
    }
  }

  #linkEvent(event: RouteEvent): void {
    switch (event.type) {
      case "link": {
        const { index, name, isUp } = event;
        const oldName = this.#names.get(index);
        if (oldName !== undefined && oldName !== name) this.#linkGone(index, oldName);
        const isNew = this.#indexes.get(name) !== index;
        this.#names.set(index, name);
        this.#indexes.set(name, index);
        this.engine.command({ type: "interface", name, index, isUp }, this.#now);
        // sockets are bound to the index: another one is another link
        this.#sockets.reopen(isNew ? name : null);
        return;
      }
      case "linkGone":
        this.#linkGone(event.index, event.name);
        return;
      case "addressAdded":
      case "addressGone":
        this.#sockets.reopen(null);
        return;
      case "done":
        return;
    }
  }

  #linkGone(index: number, name: string): void {
    this.#names.delete(index);
    if (this.#indexes.get(name) === index) this.#indexes.delete(name);
    // first with its number, by which sessions that name no interface know it
    this.engine.command({ type: "interface", name, index, isUp: false }, this.#now);
    this.engine.command({ type: "interface", name, index: 0, isUp: false }, this.#now);
  }

  #upkeep(now: Micros): void {
    this.#upkeepAt = now + UPKEEP;
    this.#options.gauges.set("kernelDrops", this.#sockets.dropped());
    this.#sockets.reopen(null);
    this.#sockets.refresh();
  }
}
