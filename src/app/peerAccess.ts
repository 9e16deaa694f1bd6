// The ways between us and the peers besides connecting to a known address: connections that come in, and routers that are
// found on an interface. Owns their start, their order against the speaker, and what to tell where they fail. No rule of its
// own about either: bgp/listener.ts and bgp/unnumbered.ts.
import { type Endpoint, Listener, type ListenerCounts } from "../bgp/listener.ts";
import { ALL_ROUTERS } from "../bgp/neighborDiscovery.ts";
import type { PeerConfig } from "../bgp/session/config.ts";
import type { Speaker } from "../bgp/speaker.ts";
import type { TcpNetwork } from "../bgp/transport.ts";
import { Unnumbered } from "../bgp/unnumbered.ts";
import { joinHostPort } from "../config/readers.ts";
import { formatIp } from "../kernel/ip.ts";
import { type ConfigProblem, problemOf } from "../kernel/problem.ts";
import type { PeerName } from "../kernel/units.ts";
import { openIcmpSocket } from "../linux/icmpSocket.ts";
import type { Logger } from "../observe/log.ts";
import { say } from "./messages.ts";
import { realClock, realTimers } from "./realTime.ts";

export interface PeerAccessSurroundings {
  readonly speaker: Speaker;
  readonly network: TcpNetwork;
  readonly log: Logger;
  readonly problemsChanged: () => void;
  /** An unnumbered peer was found or lost. */
  readonly neighborsChanged: () => void;
}

export class PeerAccess {
  readonly #log: Logger;
  readonly #listener: Listener;
  readonly #unnumbered: Unnumbered;
  #configs: readonly PeerConfig[] = [];

  constructor({ speaker, network, log, problemsChanged, neighborsChanged }: PeerAccessSurroundings) {
    this.#log = log;
    this.#listener = new Listener({
      network,
      clock: realClock,
      timers: realTimers,
      offer: (...connection) => speaker.offer(...connection),
      neighborOn: (name) => speaker.neighborOn(name),
      tell: (text) => log.warn("listener", {}, text),
    });
    this.#unnumbered = new Unnumbered({
      clock: realClock,
      timers: realTimers,
      open: (name, received) => openIcmpSocket(name, ALL_ROUTERS, received),
      seen: (name, address) => {
        log.info("neighborSeen", { address: `${formatIp(address)}%${name}` }, `a router advertises itself on ${name}`);
        speaker.neighborSeen(name, address);
        this.#listener.refresh();
        neighborsChanged();
      },
      lost: (name) => {
        log.warn("neighborLost", {}, `the router on ${name} advertises itself no more`);
        speaker.neighborLost(name);
        this.#listener.refresh();
        neighborsChanged();
      },
      isUp: (name) => {
        const there = [...speaker.peers()].filter(({ config }) => config.address === null && config.interface === name);
        return there.some((runner) => runner.stateName === "Established");
      },
      problemsChanged,
    });
  }

  get counts(): Readonly<ListenerCounts> {
    return this.#listener.counts;
  }

  /** @throws Error when one of the addresses cannot be listened on */
  async start(endpoints: readonly Endpoint[]): Promise<void> {
    const ports = await this.#listener.listen(endpoints);
    endpoints.forEach(({ address }, i) => {
      const text = joinHostPort(formatIp(address), ports[i] ?? 0);
      this.#log.info("listening", { address: text }, "peers may connect");
    });
  }

  /** Call before the speaker hears of them (see listener.ts). */
  setPeers(configs: readonly PeerConfig[]): void {
    this.#configs = configs;
    this.#listener.setPeers(configs);
    this.#unnumbered.setInterfaces(
      new Set(configs.flatMap((c) => (c.address === null && c.interface !== null ? [c.interface] : []))),
    );
  }

  stop(): void {
    this.#listener.stop();
    this.#unnumbered.stop();
  }

  /** What keeps peers from reaching us, or us from finding them. */
  problems(): ReadonlyMap<PeerName, string> {
    const unseen = this.#unnumbered.problems;
    const all = new Map(this.#listener.problems);
    for (const { name, address, interface: on } of this.#configs) {
      const why = address === null ? unseen.get(on ?? "") : undefined;
      if (why !== undefined) all.set(name, why);
    }
    return all;
  }

  /** The same for the list of what is wrong. @param namespace of the BGPPeers */
  configProblems(namespace: string): readonly ConfigProblem[] {
    const wrong = this.problems();
    return this.#configs.flatMap(({ name, address, opens }) => {
      const message = wrong.get(name);
      if (message === undefined) return [];
      // a peer to which we connect as well has its session all the same
      const severity = opens === "both" && address !== null ? "warning" : "error";
      return [
        problemOf({ kind: "BGPPeer", namespace, name }, "spec", say("cannotBeReached", { why: message }), severity),
      ];
    });
  }
}
