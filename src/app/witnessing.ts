// The witness in the daemon: hands the core what sessions say, and gives it turns beside the decision, which has no Services here.
// Owns which peers take part, and what is told as wrong. No rule about claims lives here. Contract: routes of every peer that takes
// part are kept, whatever its BGPPeer says; internal peers take no part. No drain changes what is told: a claim that is withdrawn
// says that its site has ceased to serve, and that is not ours to say.
import type { PlannedPeer } from "../announce/compiled.ts";
import type { PeerRunner } from "../bgp/peerRunner.ts";
import type { Reading } from "../bgp/reception.ts";
import type { PeerConfig } from "../bgp/session/config.ts";
import type { ReceivedAttributes, RouteAttributes } from "../bgp/wire/message.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Prefix } from "../kernel/ip.ts";
import { type ConfigProblem, problemOf } from "../kernel/problem.ts";
import type { Millis, PeerName } from "../kernel/units.ts";
import type { StoreChange, StoreView } from "../sources/store.ts";
import { hasClaims, MAX_WITNESSED, Witness, type WitnessHost } from "../witness/witness.ts";
import type { ClaimFollower } from "./claimFeed.ts";
import { say } from "./messages.ts";
import type { ReconcileTarget } from "./reconcile.ts";
import { inNextTurn } from "./slices.ts";

export interface WitnessingSurroundings extends WitnessHost {
  readonly clock: Clock;
  /** Something is to be worked off. */
  readonly wake: () => void;
  readonly problemsChanged: () => void;
}

export class Witnessing implements ClaimFollower {
  readonly #around: WitnessingSurroundings;
  readonly #core: Witness;
  #internal: readonly PlannedPeer[] = [];
  #isOverfull = false;
  /** Sessions speak in the middle of their own work. */
  readonly #wake = inNextTurn(() => this.#around.wake());

  constructor(around: WitnessingSurroundings) {
    this.#around = around;
    this.#core = new Witness(around);
  }

  /** Routes with claims that are followed. */
  get count(): number {
    return this.#core.count;
  }

  /** The peers as a witness runs them. */
  readonly plan = (planned: readonly PlannedPeer[]): readonly PlannedPeer[] =>
    planned.map((p) => (p.config === null ? p : { ...p, config: { ...p.config, keepReceived: true } }));

  /** The speaker runs these peers from now on. */
  peersChanged(planned: readonly PlannedPeer[]): void {
    this.#internal = planned.filter((p) => p.config !== null && isInternal(p.config));
    const members = planned.flatMap((p) => (p.config === null || isInternal(p.config) ? [] : [p.name]));
    this.#core.setPeers(members, this.#around.clock.now());
    this.#wake();
  }

  isWatched({ largeCommunities }: ReceivedAttributes): boolean {
    return hasClaims(largeCommunities);
  }

  routeChanged(runner: PeerRunner, prefix: Prefix, attributes: ReceivedAttributes | null): void {
    // what another witness has told is second hand: passed on, it would never die
    const isOurs = attributes?.asPath?.some(({ asns }) => asns.includes(runner.config.localAsn)) === true;
    this.#core.routeChanged(runner.config.name, prefix, isOurs ? null : (attributes?.largeCommunities ?? null));
    this.#wake();
  }

  readingChanged(runner: PeerRunner, reading: Reading): void {
    const asn = reading === "none" ? null : (runner.negotiated?.peerAsn ?? null);
    this.#core.sightChanged(runner.config.name, reading, asn, this.#around.clock.now());
    this.#wake();
  }

  /** Nothing to do: `peersChanged` comes before, with the list. */
  peerGone(): void {}

  /** The decision and the witness as one target. */
  beside(decision: ReconcileTarget): ReconcileTarget {
    return {
      apply: (changes) => decision.apply(changes.filter(isNoService)),
      run: (isOver) => {
        const progress = decision.run(isOver);
        if (progress !== "done") return progress;
        const isDone = this.#core.run(isOver, this.#around.clock.now());
        this.#noteOverfull();
        return isDone ? "done" : "more";
      },
    };
  }

  deadline(): Millis | null {
    return this.#core.deadline();
  }

  routeAt(peer: PeerName, prefix: Prefix): RouteAttributes | null {
    return this.#core.routeAt(peer, prefix);
  }

  routesOf(peer: PeerName): ReturnType<Witness["routesOf"]> {
    return this.#core.routesOf(peer);
  }

  problems(): readonly ConfigProblem[] {
    const internal = this.#internal.map(({ ref }) => problemOf(ref, "spec.peerASN", say("witnessInternal"), "warning"));
    if (!this.#isOverfull) return internal;
    const ref = { kind: "Witness", namespace: null, name: "witness" };
    return [...internal, problemOf(ref, "", say("witnessFull", { most: MAX_WITNESSED }))];
  }

  #noteOverfull(): void {
    if (this.#isOverfull === this.#core.refused > 0) return;
    this.#isOverfull = !this.#isOverfull;
    this.#around.problemsChanged();
  }
}

const isInternal = ({ peerAsn, localAsn }: PeerConfig): boolean => peerAsn === "internal" || peerAsn === localAsn;

const isNoService = ({ kind }: StoreChange): boolean => kind !== "Service" && kind !== "EndpointSlice";

/** The store without anything to announce: a witness originates nothing. */
export function withoutServices(view: StoreView): StoreView {
  const isKept = (kind: string): boolean => kind !== "Service" && kind !== "EndpointSlice";
  return {
    get: (kind, key) => (isKept(kind) ? view.get(kind, key) : undefined),
    list: (kind) => (isKept(kind) ? view.list(kind) : []),
    count: (kind) => (isKept(kind) ? view.count(kind) : 0),
    slicesOf: () => [],
  };
}
