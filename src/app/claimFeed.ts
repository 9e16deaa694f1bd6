// Received routes on their way to the site policy: what peers whose routes are kept say of claims, and how much of it is
// known. Owns the translation from sessions to `ClaimSink`, and the telling again for a sink or a peer's name that is new. Must
// not know who wins. Contract: costs nothing while the sink asks for no claims; per peer the sink hears `reading`, routes, `complete`.
import type { PeerRunner } from "../bgp/peerRunner.ts";
import type { ReceivedWatcher } from "../bgp/peerSurroundings.ts";
import type { Reading } from "../bgp/reception.ts";
import type { ReceivedAttributes } from "../bgp/wire/message.ts";
import type { Prefix } from "../kernel/ip.ts";
import { Asn, type PeerName } from "../kernel/units.ts";
import type { ClaimSink } from "../site/model.ts";

export interface ClaimFeedSurroundings {
  readonly sink: ClaimSink;
  readonly peers: () => Iterable<PeerRunner>;
  /** Does long work in turns of their own. */
  readonly inTurns: (work: Generator<void, void>) => Promise<void>;
}

/** Routes looked at between two rests. */
const BATCH = 128;

export class ClaimFeed implements ReceivedWatcher {
  readonly #around: ClaimFeedSurroundings;
  /** Peers the sink has heard of, under the name it knows. */
  #names = new Map<PeerName, PeerRunner>();
  /** Peers whose table is being told again; the latest telling counts. */
  readonly #replays = new Map<PeerRunner, object>();

  constructor(around: ClaimFeedSurroundings) {
    this.#around = around;
  }

  isWatched({ largeCommunities }: ReceivedAttributes): boolean {
    const { claimAsns } = this.#around.sink;
    return claimAsns.size > 0 && largeCommunities.some((c) => c.globalAdmin > 0 && claimAsns.has(Asn(c.globalAdmin)));
  }

  routeChanged(runner: PeerRunner, prefix: Prefix, attributes: ReceivedAttributes | null): void {
    this.#around.sink.routeChanged(runner.config.name, prefix, attributes?.largeCommunities ?? null);
  }

  readingChanged(runner: PeerRunner, reading: Reading): void {
    if (reading !== "complete") this.#replays.delete(runner);
    else if (this.#replays.has(runner)) return; // told at the end of it
    this.#around.sink.sightChanged(runner.config.name, reading);
  }

  /** The peers, their names or what is kept of their routes may have changed. */
  peersChanged(): void {
    const before = this.#names;
    const kept = [...this.#around.peers()].filter((runner) => runner.config.keepReceived);
    this.#names = new Map(kept.map((runner) => [runner.config.name, runner]));
    for (const name of before.keys()) if (!this.#names.has(name)) this.#around.sink.peerGone(name);
    const known = new Map([...before].map(([name, runner]) => [runner, name]));
    for (const [name, runner] of this.#names) {
      const old = known.get(runner);
      if (old !== undefined && old !== name) void this.#replay(runner);
    }
  }

  /** The sink asks for claims of other ASNs: it is told everything again. */
  claimAsnsChanged(): void {
    for (const runner of this.#names.values()) {
      runner.adjRibIn?.rewatch();
      void this.#replay(runner);
    }
  }

  async #replay(runner: PeerRunner): Promise<void> {
    const table = runner.adjRibIn;
    if (table === null || runner.reading === "none") return;
    const token = {};
    this.#replays.set(runner, token);
    const { sink, inTurns } = this.#around;
    const isCurrent = (): boolean => this.#replays.get(runner) === token;
    sink.sightChanged(runner.config.name, "reading");
    const tell = (prefix: Prefix): void => {
      // what is so now, for the table may have changed since the walk began
      const attributes = table.find(prefix);
      if (attributes !== null && this.isWatched(attributes)) this.routeChanged(runner, prefix, attributes);
    };
    await inTurns(
      (function* () {
        let count = 0;
        for (const { prefix } of table.routes()) {
          if (!isCurrent()) return;
          tell(prefix);
          if (++count % BATCH === 0) yield;
        }
      })(),
    );
    if (!isCurrent()) return;
    this.#replays.delete(runner);
    if (runner.reading === "complete") sink.sightChanged(runner.config.name, "complete");
  }
}
