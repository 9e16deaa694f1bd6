// A world of sites for tests of the rules: nodes with the real `Sites`, witnesses that tell each node what the others claim, links that
// take time and break, all under a virtual clock. Owns no rule. Contract: deterministic; messages of a link arrive in order; a link
// that breaks is noticed by both ends after DETECT; time moves in steps of TICK.
import type { CompiledSitePolicy, GovernedPrefix } from "../../src/announce/siteGate.ts";
import type { LargeCommunity } from "../../src/bgp/wire/message.ts";
import { parsePrefix } from "../../src/kernel/ip.ts";
import { invariant } from "../../src/kernel/result.ts";
import { Asn, Millis, PeerName } from "../../src/kernel/units.ts";
import type { Remembered } from "../../src/site/governing.ts";
import { decodeClaims, encodeClaim, mergeClaims, nodeMark } from "../../src/site/model.ts";
import { type SiteMove, Sites } from "../../src/site/sites.ts";
import { policyObject } from "../announce/builders.ts";

export const TICK = 50;
/** From the loss of a link to its notice. */
export const DETECT = 200;
const ASN = Asn(65000);
export const PREFIX = "192.0.2.1/32";

const vip = parsePrefix(PREFIX);
invariant(vip !== null, "prefix of the test");
const AT: GovernedPrefix = { policy: "metallb-system/p", prefixKey: PREFIX, prefix: vip };
const NO_CLAIMS: readonly LargeCommunity[] = [];
const NOTHING = { communities: [], largeCommunities: [], localPref: null, med: null, asPathPrepend: null };

export interface NodePlan {
  readonly site: number;
  readonly rank: number;
}

export interface WorldPlan {
  readonly nodes: readonly NodePlan[];
  readonly witnesses: number;
  /** Milliseconds each way, a multiple of TICK. */
  readonly latency: number;
  readonly mode: "conditional" | "deprioritize" | "withhold";
  readonly failback: "manual" | "auto";
}

interface Link {
  isUp: boolean;
  /** Since when it has been so. */
  since: number;
  isSession: boolean;
  toWitness: Message<readonly LargeCommunity[] | null>[];
  toNode: Message<readonly LargeCommunity[] | "complete" | null>[];
  /** As the witness has it. */
  heard: readonly LargeCommunity[];
  /** What was last put on the link, each way. */
  saidUp: readonly LargeCommunity[];
  saidDown: string;
  /** State of the witness that was last told. */
  version: number;
}

interface Message<T> {
  readonly at: number;
  readonly what: T;
}

export class WorldNode {
  readonly name: string;
  readonly plan: NodePlan;
  readonly moves: (SiteMove & { readonly at: number })[] = [];
  isUp = false;
  isAble = true;
  sites: Sites;
  activeSince: number | null = null;
  #state = "idle";
  #memory: Remembered = new Map();
  readonly #policy: CompiledSitePolicy;

  constructor(index: number, plan: NodePlan, world: WorldPlan) {
    this.name = `n${index}`;
    this.plan = plan;
    const names = Array.from({ length: world.witnesses }, (_, i) => PeerName(`w${i}`));
    const isAuto = world.failback === "auto";
    const object = policyObject("p", {
      siteId: plan.site,
      rank: plan.rank,
      whenNotPreferred: world.mode,
      whenBlind: plan.rank === 1 || world.mode === "deprioritize" ? "announce" : "withhold",
      ownershipAsn: ASN,
      startupGuard: Millis(3000),
      failback: isAuto ? { stableFor: Millis(5000), longest: Millis(20_000) } : null,
    });
    const quorum = Math.floor(names.length / 2) + 1;
    this.#policy = { key: AT.policy, object, witnesses: names, quorum, ranks: [], standby: NOTHING, text: "p" };
    this.sites = this.#newSites(() => 0);
  }

  start(now: () => number): void {
    this.isUp = true;
    this.#state = "idle";
    this.sites = this.#newSites(now);
    this.sites.setPolicies([this.#policy], Millis(now()));
    this.sites.setAble(AT, this.isAble, Millis(now()));
  }

  stop(): void {
    this.isUp = false;
    this.activeSince = null;
  }

  /** Its endpoints come or go. */
  setAble(isAble: boolean, now: number): void {
    this.isAble = isAble;
    if (this.isUp) this.sites.setAble(AT, isAble, Millis(now));
  }

  get state(): string {
    return this.isUp ? this.#state : "down";
  }

  get isActive(): boolean {
    return this.state === "active";
  }

  /** Claims in the route it announces; empty: it announces none. */
  get announced(): readonly LargeCommunity[] {
    if (!this.isUp || !this.isAble) return NO_CLAIMS;
    const outcome = this.sites.view(this.#policy, PREFIX);
    return outcome.announces ? outcome.adds.largeCommunities : NO_CLAIMS;
  }

  #newSites(now: () => number): Sites {
    return new Sites({
      node: nodeMark(this.name),
      remembered: this.#memory,
      moved: (move) => {
        this.moves.push({ ...move, at: now() });
        this.#state = move.to;
      },
      asnsChanged: () => {},
      rememberedChanged: () => {
        this.#memory = new Map(this.sites.remembered());
      },
    });
  }
}

export class World {
  readonly nodes: readonly WorldNode[];
  readonly plan: WorldPlan;
  readonly #links: readonly (readonly Link[])[];
  #now = 0;
  /** Grows with every change of what witnesses have heard. */
  #version = 0;

  constructor(plan: WorldPlan) {
    this.plan = plan;
    this.nodes = plan.nodes.map((node, i) => new WorldNode(i, node, plan));
    this.#links = plan.nodes.map(() => Array.from({ length: plan.witnesses }, newLink));
    for (const node of this.nodes) node.start(() => this.#now);
  }

  get now(): number {
    return this.#now;
  }

  restart(i: number): void {
    this.kill(i);
    this.nodes[i]?.start(() => this.#now);
  }

  kill(i: number): void {
    this.nodes[i]?.stop();
    this.#version++;
    for (const link of this.#links[i] ?? []) Object.assign(link, newLink(), { isUp: link.isUp, since: this.#now });
  }

  setLink(node: number, witness: number, isUp: boolean): void {
    const link = this.#links[node]?.[witness];
    if (link === undefined || link.isUp === isUp) return;
    link.isUp = isUp;
    link.since = this.#now;
  }

  heal(): void {
    for (const [i, links] of this.#links.entries()) for (const w of links.keys()) this.setLink(i, w, true);
  }

  /** Both ends of the session have known each other's tables for a while. */
  isConnected(node: number, witness: number, since: number): boolean {
    const link = this.#links[node]?.[witness];
    return link?.isSession === true && link.isUp && link.since <= since;
  }

  run(duration: number, each: () => void = () => {}): void {
    const end = this.#now + duration;
    while (this.#now < end) {
      this.#now += TICK;
      for (const [i, links] of this.#links.entries()) {
        for (const w of links.keys()) this.#move(i, w);
      }
      for (const node of this.nodes) {
        if (!node.isUp) continue;
        node.sites.changed(Millis(this.#now));
        node.activeSince = node.isActive ? (node.activeSince ?? this.#now) : null;
      }
      each();
    }
  }

  #move(i: number, w: number): void {
    const node = this.nodes[i];
    const link = this.#links[i]?.[w];
    if (node === undefined || link === undefined) return;
    const name = PeerName(`w${w}`);
    const now = Millis(this.#now);
    if (!link.isUp || !node.isUp) {
      if (link.isSession && this.#now - link.since >= DETECT) {
        if (node.isUp) node.sites.sightChanged(name, "none", now);
        Object.assign(link, newLink(), { isUp: link.isUp, since: link.since });
        this.#version++;
      }
      return;
    }
    if (!link.isSession) {
      if (this.#now - link.since < DETECT) return;
      link.isSession = true;
      node.sites.sightChanged(name, "reading", now);
      link.saidDown = "";
      link.toNode.push({ at: this.#now + this.plan.latency, what: this.#told(i, w) });
      link.toNode.push({ at: this.#now + 2 * this.plan.latency, what: "complete" });
    }
    const up = node.announced;
    if (up !== link.saidUp) {
      link.saidUp = up;
      link.toWitness.push({ at: this.#now + this.plan.latency, what: up });
    }
    for (const { what } of due(link.toWitness, this.#now)) {
      link.heard = what ?? NO_CLAIMS;
      this.#version++;
    }
    if (link.version !== this.#version) {
      link.version = this.#version;
      const down = this.#told(i, w);
      if (JSON.stringify(down) !== link.saidDown) {
        link.saidDown = JSON.stringify(down);
        link.toNode.push({ at: this.#now + this.plan.latency, what: down });
        link.toNode.sort((a, b) => a.at - b.at);
      }
    }
    for (const { what } of due(link.toNode, this.#now)) {
      if (what === "complete") node.sites.sightChanged(name, "complete", now);
      else node.sites.routeChanged(name, AT.prefix, what !== null && what.length > 0 ? what : null, now);
    }
  }

  /** What the witness tells a node: what all others claim, in one route. */
  #told(i: number, w: number): readonly LargeCommunity[] {
    const others = this.#links.flatMap((links, j) => (j === i ? [] : decodeClaims(links[w]?.heard ?? NO_CLAIMS, ASN)));
    return mergeClaims(others).flatMap((claim) => encodeClaim(ASN, claim));
  }
}

const newLink = (): Link => ({
  isUp: true,
  since: 0,
  isSession: false,
  toWitness: [],
  toNode: [],
  heard: [],
  saidUp: NO_CLAIMS,
  saidDown: "",
  version: -1,
});

function due<T>(queue: Message<T>[], now: number): readonly Message<T>[] {
  const count = queue.findIndex((m) => m.at > now);
  return queue.splice(0, count < 0 ? queue.length : count);
}
