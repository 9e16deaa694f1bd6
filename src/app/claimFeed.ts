// Received routes on their way to who follows claims, the site policy or the witness: what peers whose routes are kept say, and how
// much of it is known. Owns the telling again, for a follower that asks for others and for a peer whose name is new, and the
// translation to `ClaimSink`. Must not know who wins. Contract: costs nothing while no claims are asked for; in the order of ClaimFollower.
import type { PeerRunner } from "../bgp/peerRunner.ts";
import type { ReceivedWatcher } from "../bgp/peerSurroundings.ts";
import type { Reading } from "../bgp/reception.ts";
import type { ReceivedAttributes } from "../bgp/wire/message.ts";
import type { Prefix } from "../kernel/ip.ts";
import { Asn, type PeerName } from "../kernel/units.ts";
import type { ClaimSink } from "../site/model.ts";

/** Who follows claims: of a peer it hears `reading`, routes, `complete`. */
export interface ClaimFollower extends ReceivedWatcher {
  /** The peer is not configured any more, or its routes are not kept. */
  peerGone(name: PeerName): void;
}

export interface ClaimFeedSurroundings {
  readonly follower: ClaimFollower;
  readonly peers: () => Iterable<PeerRunner>;
  /** Does long work in turns of their own. */
  readonly inTurns: (work: Generator<void, void>) => Promise<void>;
}

/** Routes looked at between two rests. */
const BATCH = 128;

export class ClaimFeed implements ReceivedWatcher {
  readonly #around: ClaimFeedSurroundings;
  /** Peers the follower has heard of, under the name it knows. */
  #names = new Map<PeerName, PeerRunner>();
  /** Peers whose table is being told again; the latest telling counts. */
  readonly #replays = new Map<PeerRunner, object>();

  constructor(around: ClaimFeedSurroundings) {
    this.#around = around;
  }

  isWatched(attributes: ReceivedAttributes): boolean {
    return this.#around.follower.isWatched(attributes);
  }

  routeChanged(runner: PeerRunner, prefix: Prefix, attributes: ReceivedAttributes | null): void {
    this.#around.follower.routeChanged(runner, prefix, attributes);
  }

  readingChanged(runner: PeerRunner, reading: Reading): void {
    if (reading !== "complete") this.#replays.delete(runner);
    else if (this.#replays.has(runner)) return; // told at the end of it
    this.#around.follower.readingChanged(runner, reading);
  }

  /** The peers, their names or what is kept of their routes may have changed. */
  peersChanged(): void {
    const { follower, peers } = this.#around;
    const before = this.#names;
    const kept = [...peers()].filter((runner) => runner.config.keepReceived);
    this.#names = new Map(kept.map((runner) => [runner.config.name, runner]));
    for (const name of before.keys()) if (!this.#names.has(name)) follower.peerGone(name);
    const known = new Set(before.values());
    // a name stays with its peer as long as there is one of that name, so a renamed peer's is new
    for (const [name, runner] of this.#names) if (!before.has(name) && known.has(runner)) void this.#replay(runner);
  }

  /** The follower asks for other claims than before: it is told everything again. */
  retell(): void {
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
    const { follower, inTurns } = this.#around;
    const isCurrent = (): boolean => this.#replays.get(runner) === token;
    follower.readingChanged(runner, "reading");
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
    if (runner.reading === "complete") follower.readingChanged(runner, "complete");
  }
}

/** The site policy as a follower. */
export const following = (sink: ClaimSink): ClaimFollower => ({
  isWatched: ({ largeCommunities }) => {
    const { claimAsns } = sink;
    return claimAsns.size > 0 && largeCommunities.some((c) => c.globalAdmin > 0 && claimAsns.has(Asn(c.globalAdmin)));
  },
  routeChanged: (runner, prefix, attributes) =>
    sink.routeChanged(runner.config.name, prefix, attributes?.largeCommunities ?? null),
  readingChanged: (runner, reading) => sink.sightChanged(runner.config.name, reading),
  peerGone: (name) => sink.peerGone(name),
});
