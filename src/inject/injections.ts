// Injected routes beside the decided ones: what each running peer should have for a prefix that is injected. Owns the rule of
// precedence (docs/adr/0008): for a peer the injected route stands before the decided one, and that is told. Must not know
// sessions, sockets or files. Contract: pure but for the host it is given; `apply` does all of a list or nothing; every change
// of what a peer should have is told at once, but for peers that are new or have changed: those are told by `replay`, in slices.
import { markedRoute } from "../announce/merge.ts";
import type { Family, RouteAttributes } from "../bgp/wire/message.ts";
import type { DrainLevel } from "../drain/machine.ts";
import { formatIp, formatPrefix, type Ip, ipEquals, type Prefix } from "../kernel/ip.ts";
import type { Said } from "../kernel/messages.ts";
import { type ConfigProblem, problemOf } from "../kernel/problem.ts";
import { listed, nameHint } from "../kernel/suggest.ts";
import type { PeerName } from "../kernel/units.ts";
import { BatchCount } from "./batchCount.ts";
import type { AddSpec, Change } from "./command.ts";
import { say } from "./messages.ts";
import { type Cursor, InjectTable, type Plan, START } from "./table.ts";

/** A peer of this node that runs. */
export interface InjectPeer {
  readonly name: PeerName;
  readonly families: readonly Family[];
  /** null: unnumbered. */
  readonly address: Ip | null;
}

/** What stands around: the decision on one side, the speaker on the other. */
export interface InjectHost {
  /** What is decided for a prefix at a peer; null: nothing. */
  decided(peer: PeerName, prefix: Prefix): RouteAttributes | null;
  /** What the peer should have; null: nothing. */
  setRoute(peer: PeerName, prefix: Prefix, attributes: RouteAttributes | null): void;
}

/** Prefixes that may be injected at a time. */
export const MAX_INJECTED = 4_000_000;
/** Routes that one turn may take away: more of them are flushed in slices. */
export const MAX_FLUSH_AT_ONCE = 10_000;
/** Prefixes looked at in one slice of a walk. */
export const SLICE_PREFIXES = 2_048;

/** What the change did, where that is worth a word; else empty. */
export type Outcome =
  | { readonly ok: true; readonly notes: readonly string[] }
  /** Nothing was changed; by the index of the change. */
  | { readonly ok: false; readonly faults: ReadonlyMap<number, Said> };

const familyOf = (version: 4 | 6): Family => (version === 4 ? "ipv4-unicast" : "ipv6-unicast");

export class Injections {
  readonly table = new InjectTable();
  readonly #host: InjectHost;
  readonly #canPersist: boolean;
  readonly #most: number;
  /** null before the first decision. */
  #names: readonly PeerName[] | null = null;
  #peers: readonly InjectPeer[] = [];
  /** Peers that are yet to be told what was injected before they came, and where to go on. */
  readonly #replays = new Map<PeerName, Cursor>();
  /** Where an injected route stands before a decided one, by prefix. */
  readonly #overlaps = new Map<string, { readonly prefix: Prefix; readonly peers: Set<PeerName> }>();
  #areOverlapsNew = false;
  #level: DrainLevel = "none";
  #isClosed = false;
  readonly #marked = new WeakMap<RouteAttributes, RouteAttributes>();

  /** @param most prefixes at a time */
  constructor(host: InjectHost, canPersist: boolean, most = MAX_INJECTED) {
    this.#host = host;
    this.#canPersist = canPersist;
    this.#most = most;
  }

  /** Every peer has been told everything. */
  get isReplayed(): boolean {
    return this.#replays.size === 0;
  }

  /** Whether the warnings have changed since they were last asked for. */
  get areProblemsNew(): boolean {
    return this.#areOverlapsNew;
  }

  /**
   * The peers of this node. @param names all of them @param running those with a session to run
   * @param changed those that are new, have other parameters, or another name
   */
  setPeers(names: readonly PeerName[], running: readonly InjectPeer[], changed: Iterable<PeerName>): void {
    this.#names = names;
    this.#peers = running;
    const there = new Set(running.map((p) => p.name));
    for (const name of this.#replays.keys()) if (!there.has(name)) this.#replays.delete(name);
    if (this.table.size > 0) for (const name of changed) if (there.has(name)) this.#replays.set(name, START);
    for (const { prefix, peers } of this.#overlaps.values()) {
      for (const peer of peers) if (!there.has(peer)) this.#noteOverlap(peer, prefix, false);
    }
  }

  /** The decision for a prefix at a peer has changed: it counts where nothing is injected. */
  decidedChanged(peer: PeerName, prefix: Prefix, attributes: RouteAttributes | null): void {
    if (this.#isClosed) return;
    const running = this.table.size === 0 ? undefined : this.#peers.find((p) => p.name === peer);
    if (running === undefined || this.#injectedFor(running, prefix) === null) {
      this.#host.setRoute(peer, prefix, attributes);
    } else this.#noteOverlap(peer, prefix, attributes !== null);
  }

  /** From now on injected routes are as decided ones are: as they are, the last choice of routers, or with nobody. */
  setLevel(level: DrainLevel): void {
    if (level === this.#level) return;
    this.#level = level;
    if (this.table.size > 0) for (const { name } of this.#peers) this.#replays.set(name, START);
  }

  /** The daemon stops: what comes from now on is refused, nobody is told anything more. */
  close(): void {
    this.#isClosed = true;
    this.#replays.clear();
    this.#peers = [];
  }

  /** One slice of what peers are yet to be told. @returns true when nothing is left */
  replay(): boolean {
    for (const [name, from] of this.#replays) {
      const peer = this.#peers.find((p) => p.name === name);
      const next =
        peer === undefined ? null : this.table.visit(from, SLICE_PREFIXES, (prefix) => this.#tell(peer, prefix));
      if (next === null) this.#replays.delete(name);
      else this.#replays.set(name, next);
      break;
    }
    return this.isReplayed;
  }

  /** Takes over what was kept from before: peers may come later, so their names are not judged. */
  restore(prefix: Prefix, spec: AddSpec): void {
    this.table.add(prefix, spec);
  }

  /** All of the changes, in their order, or none. */
  apply(changes: readonly Change[]): Outcome {
    const faults = new Map<number, Said>();
    // far from the limit, nobody has to count
    const count = this.table.size + changes.length > this.#most ? new BatchCount(this.table) : null;
    for (const [i, change] of changes.entries()) {
      const before = count?.size ?? 0;
      count?.take(change);
      const isFull = count !== null && count.size > this.#most && count.size > before;
      const fault = this.#judge(change) ?? (isFull ? say("tooManyPrefixes", { max: this.#most }) : null);
      if (fault !== null) faults.set(i, fault);
    }
    if (faults.size > 0) return { ok: false, faults };
    return { ok: true, notes: changes.map((change) => this.#perform(change)) };
  }

  /** Takes one slice of what is injected away. @returns where to go on; null: that was the end */
  flushSome(from: Cursor): Cursor | null {
    return this.table.visit(from, SLICE_PREFIXES, (prefix, plan) => this.#remove(prefix, plan, null));
  }

  /** The routes for one peer, in slices, as they are sent. @returns where to go on; null: that was the end */
  visitFor(
    name: PeerName,
    from: Cursor,
    visitor: (prefix: Prefix, attributes: RouteAttributes) => void,
  ): Cursor | null {
    const peer = this.#peers.find((p) => p.name === name);
    if (peer === undefined) return null;
    return this.table.visit(from, SLICE_PREFIXES, (prefix) => {
      const attributes = this.#injectedFor(peer, prefix);
      if (attributes !== null) visitor(prefix, attributes);
    });
  }

  /** The injected route that stands at a running peer; null: none does. */
  routeAt(name: PeerName, prefix: Prefix): RouteAttributes | null {
    const peer = this.#peers.find((p) => p.name === name);
    return peer === undefined ? null : this.#injectedFor(peer, prefix);
  }

  /** Prefixes injected for a peer, over the families that it carries. */
  countFor({ name, families }: Pick<InjectPeer, "name" | "families">): number {
    let count = 0;
    for (const version of [4, 6] as const) {
      if (families.includes(familyOf(version))) count += this.table.countFor(name, version);
    }
    return count;
  }

  /** A warning for each prefix at which an injected route stands before a decided one. */
  problems(): readonly ConfigProblem[] {
    this.#areOverlapsNew = false;
    return [...this.#overlaps.values()].map(({ prefix, peers }) => {
      const text = formatPrefix(prefix);
      const ref = { kind: "InjectedRoute", namespace: null, name: text };
      const values = { peers: listed([...peers].sort()), prefix: text };
      return problemOf(ref, "", say("beforeDecided", values), "warning");
    });
  }

  #judge(change: Change): Said | null {
    if (this.#isClosed) return say("stopping");
    switch (change.type) {
      case "add":
        return this.#judgeAdd(change.prefix, change.spec);
      case "del":
        return this.#judgeDelete(change.prefix, change.peers);
      case "flush":
        if (this.table.size <= MAX_FLUSH_AT_ONCE) return null;
        return say("flushInBatch", { count: this.table.size });
    }
  }

  #judgeAdd(prefix: Prefix, { attributes, peers, isPersistent }: AddSpec): Said | null {
    if (isPersistent && !this.#canPersist) {
      return say("noStateDir");
    }
    if (peers === null) return null;
    const unknown = this.#judgeNames(peers);
    if (unknown !== null) return unknown;
    for (const peer of this.#peers.filter((p) => peers.includes(p.name))) {
      if (!carries(peer, prefix)) {
        return say("familyNotCarried", { peer: peer.name, family: familyOf(prefix.version) });
      }
      if (isOwnAddress(peer, attributes)) {
        const hop = attributes.nextHop === "self" ? "" : formatIp(attributes.nextHop);
        return say("hopIsPeer", { hop, peer: peer.name });
      }
    }
    return null;
  }

  #judgeDelete(prefix: Prefix, peers: readonly PeerName[] | null): Said | null {
    if (peers === null) return null;
    const plan = this.table.planOf(prefix);
    const stray = peers.find((peer) => plan === null || !plan.peers.has(peer));
    if (stray === undefined) return null;
    if (plan?.all == null) return this.#judgeNames([stray]);
    return say("injectedForAll", { peer: stray, prefix: formatPrefix(prefix) });
  }

  #judgeNames(peers: readonly PeerName[]): Said | null {
    const names = this.#names;
    if (names === null) return say("peersUnknown");
    const stray = peers.find((peer) => !names.includes(peer));
    if (stray === undefined) return null;
    return say("peerUnknown", { peer: stray }, nameHint(stray, names, "BGPPeer on this node"));
  }

  #perform(change: Change): string {
    switch (change.type) {
      case "add":
        return this.#add(change.prefix, change.spec);
      case "del": {
        const plan = this.table.planOf(change.prefix);
        if (plan === null) return "it was not injected";
        this.#remove(change.prefix, plan, change.peers);
        return "";
      }
      case "flush":
        for (let at: Cursor | null = START; at !== null; at = this.flushSome(at)) {}
        return "";
    }
  }

  #add(prefix: Prefix, spec: AddSpec): string {
    this.table.add(prefix, spec);
    const overlapping: PeerName[] = [];
    for (const peer of this.#peers) {
      if (spec.peers !== null && !spec.peers.includes(peer.name)) continue;
      if (this.#tell(peer, prefix)) overlapping.push(peer.name);
    }
    return overlapping.length === 0 ? "" : `it stands before the decided route at ${listed(overlapping)}`;
  }

  #remove(prefix: Prefix, plan: Plan, peers: readonly PeerName[] | null): void {
    this.table.remove(prefix, peers);
    for (const peer of this.#peers) {
      if (plan.all !== null || plan.peers.has(peer.name)) this.#tell(peer, prefix);
    }
  }

  /** What the peer should have, from both sides. @returns whether an injected route stands before a decided one */
  #tell(peer: InjectPeer, prefix: Prefix): boolean {
    if (!carries(peer, prefix)) {
      this.#noteOverlap(peer.name, prefix, false); // of a time when it did
      return false;
    }
    const decided = this.#host.decided(peer.name, prefix);
    const injected = this.#injectedFor(peer, prefix);
    this.#host.setRoute(peer.name, prefix, injected ?? decided);
    const isOverlap = injected !== null && decided !== null;
    if (isOverlap || this.#overlaps.size > 0) this.#noteOverlap(peer.name, prefix, isOverlap);
    return isOverlap;
  }

  /** null also where its session does not carry the family, or the peer would be sent to itself (RFC 4271 section 5.1.3). */
  #injectedFor(peer: InjectPeer, prefix: Prefix): RouteAttributes | null {
    if (!carries(peer, prefix)) return null;
    const attributes = this.table.routeFor(peer.name, prefix)?.attributes;
    if (attributes === undefined || isOwnAddress(peer, attributes)) return null;
    if (this.#level !== "marked") return this.#level === "none" ? attributes : null;
    const marked = this.#marked.get(attributes) ?? markedRoute(attributes);
    this.#marked.set(attributes, marked);
    return marked;
  }

  #noteOverlap(peer: PeerName, prefix: Prefix, isOverlap: boolean): void {
    const key = formatPrefix(prefix);
    const known = this.#overlaps.get(key);
    if ((known?.peers.has(peer) ?? false) === isOverlap) return;
    this.#areOverlapsNew = true;
    if (isOverlap) {
      if (known === undefined) this.#overlaps.set(key, { prefix, peers: new Set([peer]) });
      else known.peers.add(peer);
      return;
    }
    known?.peers.delete(peer);
    if (known?.peers.size === 0) this.#overlaps.delete(key);
  }
}

const carries = ({ families }: InjectPeer, { version }: Prefix): boolean => families.includes(familyOf(version));

const isOwnAddress = ({ address }: InjectPeer, { nextHop }: RouteAttributes): boolean =>
  address !== null && nextHop !== "self" && ipEquals(address, nextHop);
