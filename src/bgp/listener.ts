// SHELL: the door for peers that connect to us. Owns the listening sockets, the TCP MD5 keys and the packet filter on them,
// and the counts of who was turned away. Knows no sessions: who is welcome now is the speaker's word (`offer`). Contract:
// whoever is no configured peer is closed at once without a word and leaves nothing behind (C-004); a peer with a password is
// never served by an unsigned connection: where its key cannot be set, its connections are not taken and `problems` says why.
import net from "node:net";
import type { Clock, TimerHandle, Timers } from "../kernel/clock.ts";
import { formatIp, type Ip, ipEquals, parseIp } from "../kernel/ip.ts";
import type { PeerName } from "../kernel/units.ts";
import {
  dropWaitingConnections,
  openListeningSocket,
  setAcceptedOptions,
  setFilter,
  setMd5Key,
} from "../linux/sockopt.ts";
import { type Door, doorKey, KnockCounter, planDoors, SHIELD_TIME } from "./admission.ts";
import type { Connection, ConnectionHandlers } from "./network.ts";
import type { PeerConfig } from "./session/config.ts";
import { CS6, descriptorOf, PRIORITY_CONTROL, type TcpNetwork } from "./transport.ts";

/** Finished connections that wait to be taken; the kernel drops what comes beyond, and its sender tries again. */
export const LISTEN_BACKLOG = 128;

export interface Endpoint {
  readonly address: Ip;
  /** 0: any free one. */
  readonly port: number;
}

export interface ListenerSurroundings {
  readonly network: TcpNetwork;
  readonly clock: Clock;
  readonly timers: Timers;
  /** As `Speaker.offer`. */
  readonly offer: (
    remote: Ip,
    local: Ip,
    take: (handlers: ConnectionHandlers) => Connection,
    zone: string | null,
  ) => boolean;
  /** The link-local address found on an interface. */
  readonly neighborOn: (interfaceName: string) => Ip | null;
  /** Something an operator should know. */
  readonly tell: (text: string) => void;
}

export interface ListenerCounts {
  /** Connections that were handed to a session. */
  accepted: number;
  /** Connections from addresses that are no configured peer. */
  strangers: number;
  /** Connections of configured peers that were not wanted, or not on these terms. */
  refused: number;
}

interface Opened {
  readonly server: net.Server;
  readonly fd: number;
  readonly version: 4 | 6;
  /** Keys that the kernel has, by address. */
  readonly keys: Map<string, { readonly peer: Ip; readonly key: string }>;
}

export class Listener {
  readonly counts: ListenerCounts = { accepted: 0, strangers: 0, refused: 0 };
  readonly #around: ListenerSurroundings;
  readonly #opened: Opened[] = [];
  readonly #knocks = new KnockCounter();
  #configs: readonly PeerConfig[] = [];
  #doors: ReadonlyMap<string, Door> = new Map();
  #problems: ReadonlyMap<PeerName, string> = new Map();
  #filterText = "";
  #shield: TimerHandle | null = null;

  constructor(around: ListenerSurroundings) {
    this.#around = around;
  }

  /** Peers whose connections are not taken although they should be, with the reason. */
  get problems(): ReadonlyMap<PeerName, string> {
    return this.#problems;
  }

  /** @returns the ports in the order of the endpoints @throws Error saying which endpoint, and why */
  async listen(endpoints: readonly Endpoint[]): Promise<readonly number[]> {
    const ports: number[] = [];
    for (const { address, port } of endpoints) {
      const where = `${formatIp(address)} port ${port}`;
      try {
        ports.push(await this.#open(address, port));
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        this.stop();
        throw new Error(`cannot listen on ${where}: ${why}`, { cause: error });
      }
    }
    return ports;
  }

  /** Call before the sessions hear of it: keys change here first, so that no connection is made on the terms of before. */
  setPeers(configs: readonly PeerConfig[]): void {
    this.#configs = configs;
    this.refresh();
  }

  /** Call also when a neighbour was found or lost on an interface. */
  refresh(): void {
    const listensOn = new Set(this.#opened.map((o) => o.version));
    const { doors, problems } = planDoors(this.#configs, listensOn, this.#around.neighborOn);
    const open = new Map(doors);
    const wrong = new Map(problems);
    const shut = (door: Door, why: string): void => {
      open.delete(door.key);
      for (const name of door.peers) wrong.set(name, `its connections are not taken: ${why}`);
    };
    for (const opened of this.#opened) setKeys(opened, [...doors.values()], shut);
    this.#doors = open;
    this.#setFilters(shut);
    this.#problems = wrong;
  }

  /** Takes no more connections; those that were taken live on. */
  stop(): void {
    this.#shield?.cancel();
    this.#shield = null;
    for (const { server } of this.#opened.splice(0)) server.close();
  }

  #open(address: Ip, port: number): Promise<number> {
    const { version } = address;
    // TTL 255 for the answer to a SYN: a peer with GTSM drops any other (RFC 5082); the peer's own TTL follows on accept
    const options = { version, ttl: 255, minTtl: null, tos: CS6, priority: PRIORITY_CONTROL, userTimeout: null };
    const fd = openListeningSocket(address, port, options);
    const server = net.createServer({ pauseOnConnect: true });
    const opened: Opened = { server, fd, version, keys: new Map() };
    this.#opened.push(opened);
    this.#filterText = "";
    this.refresh(); // keys and filter first: nobody has got in yet
    server.on("connection", (socket) => this.#connection(socket));
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      // as an argument: beside a descriptor Node ignores the option, and a key change empties a queue of this length
      server.listen({ fd }, LISTEN_BACKLOG, () => {
        server.off("error", reject);
        server.on("error", (error) => this.#around.tell(`a connection could not be taken: ${error.message}`));
        const bound = server.address();
        resolve(typeof bound === "object" && bound !== null ? bound.port : port);
      });
    });
  }

  #connection(socket: net.Socket): void {
    socket.on("error", () => {}); // whoever takes the connection listens as well
    const [remote, zone] = addressOf(socket.remoteAddress);
    const [local] = addressOf(socket.localAddress);
    const fd = descriptorOf(socket);
    if (remote === null || local === null || fd === null) {
      socket.destroy(); // gone again
      return;
    }
    const door = this.#doors.get(doorKey(remote, zone));
    if (this.#knocks.knock(door?.key ?? null, this.#around.clock.now())) this.#raiseShield(door);
    if (door === undefined) {
      const isPeer = this.#configs.some((c) => c.address !== null && ipEquals(c.address, remote));
      this.counts[isPeer ? "refused" : "strangers"]++;
      socket.resetAndDestroy(); // no TIME_WAIT for somebody we do not know
      return;
    }
    if (this.#knocks.tooMany.has(door.key) || !this.#offer(socket, fd, door, remote, local)) {
      this.counts.refused++;
      socket.resetAndDestroy();
      return;
    }
    this.counts.accepted++;
  }

  #offer(socket: net.Socket, fd: number, door: Door, remote: Ip, local: Ip): boolean {
    try {
      // not inherited from the listening socket, or the peer's own
      setAcceptedOptions(fd, { version: remote.version, ...door.terms, tos: CS6, priority: PRIORITY_CONTROL });
    } catch (error) {
      this.#around.tell(`a connection of ${door.peers.join(", ")} is refused: ${String(error)}`);
      return false;
    }
    const { network, offer } = this.#around;
    return offer(remote, local, (handlers) => network.adopt(socket, handlers), door.zone);
  }

  /** From here on the kernel drops those who connect too often, before they cost us anything (C-261). */
  #raiseShield(door: Door | undefined): void {
    const who = door === undefined ? "addresses that are no peers connect" : `${door.peers.join(", ")} connects`;
    this.#around.tell(`${who} too often: dropped for ${SHIELD_TIME / 1000} s`);
    this.#setFilters(() => {});
    this.#shield ??= this.#around.timers.after(SHIELD_TIME, () => {
      this.#shield = null;
      this.#knocks.forgive();
      this.refresh();
    });
  }

  /** @param shut a door that cannot be guarded as its peer asks for */
  #setFilters(shut: (door: Door, why: string) => void): void {
    const { tooMany } = this.#knocks;
    const doors = [...this.#doors.values()];
    const rules = doors
      .map((d) => ({ source: d.address, minTtl: tooMany.has(d.key) ? 256 : (d.terms.minTtl ?? 0) }))
      .filter((rule) => tooMany.has(null) || rule.minTtl > 0);
    const others = tooMany.has(null) ? "drop" : "pass";
    const text = JSON.stringify([rules, others]);
    if (text === this.#filterText) return;
    this.#filterText = text;
    for (const { fd, version } of this.#opened) {
      try {
        setFilter(fd, { version, others, sources: rules.filter((r) => r.source.version === version) });
      } catch (error) {
        this.#filterText = "";
        for (const door of doors) {
          if (door.address.version === version && door.terms.minTtl !== null) shut(door, messageOf(error));
        }
      }
    }
  }
}

/** Gives the kernel the keys of these doors, and takes away all others. */
function setKeys({ fd, version, keys }: Opened, doors: readonly Door[], shut: (door: Door, why: string) => void): void {
  const wanted = new Map<string, Door & { readonly password: string }>();
  for (const door of doors) {
    const { password, address } = door;
    if (password !== null && address.version === version) wanted.set(formatIp(address), { ...door, password });
  }
  let changed = false;
  for (const [address, { peer }] of keys) {
    if (wanted.has(address)) continue;
    changed = true;
    keys.delete(address);
    try {
      setMd5Key(fd, peer, null);
    } catch {
      // a key that stays lets nobody in who should not
    }
  }
  for (const [address, door] of wanted) {
    if (keys.get(address)?.key === door.password) continue;
    changed = true;
    try {
      setMd5Key(fd, door.address, door.password);
      keys.set(address, { peer: door.address, key: door.password });
    } catch (error) {
      shut(door, messageOf(error));
    }
  }
  // what waits to be taken was made on the terms of before
  if (changed) dropWaitingConnections(fd, LISTEN_BACKLOG + 1);
}

/** `fe80::1%eth0` in two. */
function addressOf(text: string | undefined): readonly [Ip | null, string | null] {
  const [address = "", zone = null] = (text ?? "").split("%");
  return [parseIp(address), zone];
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
