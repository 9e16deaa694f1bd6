// The set of peers: who is there, what each should have. Owns the match between configurations and running sessions:
// a name keeps its session and its wishes while its parameters change, an address keeps its session when it is renamed.
// Knows nothing of services or manifests. Contract: `setPeers` and `setRoute` record wishes, `flush` sends; a session whose
// parameters did not change is never touched.
import { type Ip, ipEquals, isLinkLocal, type Prefix } from "../kernel/ip.ts";
import type { PeerName } from "../kernel/units.ts";
import type { Connection, ConnectionHandlers } from "./network.ts";
import { PeerRunner } from "./peerRunner.ts";
import type { PeerSurroundings } from "./peerSurroundings.ts";
import { AttributeSets } from "./rib/attributeSets.ts";
import type { PeerConfig } from "./session/config.ts";
import { type EditEffect, identified, matchPeers, type PeerField, sessionImpact } from "./session/impact.ts";
import type { Restart } from "./session/peer.ts";
import type { RouteAttributes } from "./wire/message.ts";
import { cease, ceaseWithText } from "./wire/notification.ts";
import { CEASE } from "./wire/registry.ts";

export interface SpeakerSurroundings extends PeerSurroundings {
  /** What this start of the process follows, where that is known (RFC 4724); absent: nothing is known. */
  readonly restart?: {
    /** The last process ended without a goodbye, so recently that peers may have kept its routes. */
    readonly isRestart: boolean;
    /** The host has gone on forwarding since. */
    readonly isForwardingKept: boolean;
  };
}

export interface PeerChange {
  readonly peer: PeerName;
  readonly change: "added" | "removed" | EditEffect;
  /** What differs; empty for a peer that came or went. */
  readonly fields: readonly PeerField[];
}

export class Speaker {
  readonly #around: PeerSurroundings;
  readonly #restart: Restart;
  #byName = new Map<PeerName, PeerRunner>();
  /** Link-local address of the router that is heard on each interface. */
  readonly #neighbors = new Map<string, Ip>();

  readonly #sets = new AttributeSets();

  constructor(around: SpeakerSurroundings) {
    this.#around = around;
    const { isRestart = false, isForwardingKept = false } = around.restart ?? {};
    this.#restart = { restartedAt: isRestart ? around.clock.now() : null, isForwardingKept };
  }

  /** Peers in the order in which they were configured. */
  peers(): Iterable<PeerRunner> {
    return this.#byName.values();
  }

  peer(name: PeerName): PeerRunner | undefined {
    return this.#byName.get(name);
  }

  /** Makes the running peers those of the list. Returns what that did; peers without any difference are left out. */
  setPeers(configs: readonly PeerConfig[]): PeerChange[] {
    const changes: PeerChange[] = [];
    const known = this.#match(configs);
    const kept = new Set(known.values());
    for (const runner of this.#byName.values()) {
      if (kept.has(runner)) continue;
      runner.remove(cease(CEASE.peerDeconfigured), "the peer was removed from the configuration");
      changes.push({ peer: runner.config.name, change: "removed", fields: [] });
    }
    this.#byName = new Map();
    for (const config of configs) {
      const old = known.get(config);
      const runner = old ?? new PeerRunner(config, this.#around, this.#restart, this.#sets);
      this.#byName.set(config.name, runner);
      const change = old === undefined ? ADDED : update(old, config);
      if (change !== null) changes.push({ peer: config.name, ...change });
      this.#tellNeighbor(runner);
      if (old === undefined) runner.start();
    }
    return changes;
  }

  #match(configs: readonly PeerConfig[]): Map<PeerConfig, PeerRunner> {
    const wanted = configs.map((config) => ({ ...identified(config), config }));
    const running = [...this.#byName.values()].map((runner) => ({ ...identified(runner.config), runner }));
    return new Map([...matchPeers(wanted, running)].map(([{ config }, { runner }]) => [config, runner]));
  }

  /** Records what a peer should have for a prefix; null: nothing. Unknown peers are ignored: they have just gone. */
  setRoute(peer: PeerName, prefix: Prefix, attributes: RouteAttributes | null): void {
    this.#byName.get(peer)?.want(prefix, attributes);
  }

  /**
   * A connection that the listener has taken from the network. `take` hands it over, open, for the handlers given;
   * `connected` is not called on it.
   * @param remote its source address @param local the address of ours that it came to
   * @param zone the interface of a link-local remote address; else null
   * @returns false: nobody wants it (no such peer, stopped, held down), close it at once and without a word (C-004, C-005)
   */
  offer(
    remote: Ip,
    local: Ip,
    take: (handlers: ConnectionHandlers) => Connection,
    zone: string | null = null,
  ): boolean {
    const runners = [...this.#byName.values()];
    const named = runners.filter((r) => r.config.address !== null && isAt(r.config, r.config.address, remote, zone));
    const unnumbered = runners.filter((r) => r.config.address === null && r.config.interface === zone);
    return [...named, ...unnumbered].some((runner) => runner.offer(remote, local, take));
  }

  /** A router advertisement told where the router on that interface is: unnumbered peers there can be reached. */
  neighborSeen(interfaceName: string, linkLocal: Ip): void {
    this.#neighbors.set(interfaceName, linkLocal);
    for (const runner of this.#byName.values()) this.#tellNeighbor(runner);
  }

  /** The router on that interface is not heard any more. A session with it goes on until it ends by itself. */
  neighborLost(interfaceName: string): void {
    this.#neighbors.delete(interfaceName);
    for (const runner of this.#byName.values()) this.#tellNeighbor(runner);
  }

  /** Address of the router that is heard on that interface; null: none. */
  neighborOn(interfaceName: string): Ip | null {
    return this.#neighbors.get(interfaceName) ?? null;
  }

  #tellNeighbor(runner: PeerRunner): void {
    const { address, interface: name } = runner.config;
    if (address === null && name !== null) runner.setNeighbor(this.#neighbors.get(name) ?? null);
  }

  /** Sends what is pending. @param settled the decision has nothing left to record */
  flush(settled: boolean): void {
    for (const runner of this.#byName.values()) {
      if (settled) runner.settled();
      runner.flush();
    }
  }

  /**
   * Withdraws everything from every peer, then Cease/Administrative Shutdown with the text (RFC 9003). Settles when the
   * kernel has it all; a peer that does not read can make that late, so the caller sets a limit.
   */
  async shutdown(text: string, { isKept = () => false, withdraws = true }: Goodbye = {}): Promise<void> {
    const goodbye = ceaseWithText(CEASE.adminShutdown, text);
    const told = [...this.#byName.values()].filter((runner) => !isKept(runner));
    await Promise.all(told.map((r) => (withdraws ? r.shutdown(goodbye, text) : r.remove(goodbye, text))));
  }
}

export interface Goodbye {
  /** A peer that hears nothing, as if the process had died: its routes are left with it. */
  readonly isKept?: (runner: PeerRunner) => boolean;
  /** false: Cease alone. What peers were told ends with the session, it is not said to be untrue. */
  readonly withdraws?: boolean;
}

/** A link-local address means nothing without its interface (C-014). */
const isAt = (config: PeerConfig, address: Ip, remote: Ip, zone: string | null): boolean =>
  ipEquals(address, remote) && (address.version === 4 || !isLinkLocal(address) || config.interface === zone);

type Update = Omit<PeerChange, "peer">;
const ADDED: Update = { change: "added", fields: [] };

function update(runner: PeerRunner, config: PeerConfig): Update | null {
  const { kind, fields } = sessionImpact(runner.config, config);
  if (runner.config.name !== config.name) runner.restate({ ...runner.config, name: config.name });
  // also where nothing differs: addresses of the host may, and with them the next hop
  runner.reconfigure(config);
  return kind === "none" ? null : { change: kind, fields };
}
