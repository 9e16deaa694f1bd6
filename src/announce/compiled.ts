// The configuration as one node sees it: what compile.ts makes and decisions read. Owns types only.
// Contract: frozen by convention, made anew on each compile; `text` and `key` fields are equal exactly when the things they
// stand for decide alike, so that the engine can tell which services a configuration change can touch.
import type { PeerConfig } from "../bgp/session/config.ts";
import type { RouteAttributes } from "../bgp/wire/message.ts";
import type { IpVersion } from "../kernel/ip.ts";
import type { ConfigProblem, ObjectRef } from "../kernel/problem.ts";
import type { PeerName, RouterId } from "../kernel/units.ts";
import type { UsedAliases } from "./aliases.ts";
import type { LastGood } from "./lastGood.ts";
import type { LabelSelector, RouteSettings } from "./model.ts";
import type { PoolRange } from "./pools.ts";
import type { CompiledSitePolicy } from "./siteGate.ts";

export interface DecisionOptions {
  readonly nodeName: string;
  /** Empty: Services without a class; else those with exactly this class (metallb-compat 2.3). */
  readonly lbClass: string;
  /** Announce although the node is labelled to be excluded from load balancers. */
  readonly ignoreExcludeLb: boolean;
  /** The daemon's own setting; null: from the Node's address or name. */
  readonly routerId: RouterId | null;
}

/** A BGPPeer that selects this node. */
export interface PlannedPeer {
  readonly name: PeerName;
  readonly ref: ObjectRef;
  /** null: it runs no session, `problem` says why. */
  readonly config: PeerConfig | null;
  readonly problem: string | null;
  /** Field of the first error; null exactly when `problem` is. */
  readonly problemPath: string | null;
}

/** Attributes as they are asked for; null: not set, which is no opinion where offers for one prefix meet. */
export interface AskedAttributes extends Omit<RouteAttributes, "asPathPrepend"> {
  readonly asPathPrepend: number | null;
}

/** What one advertisement gives every prefix of one family. */
export interface Offer {
  readonly advertisement: ObjectRef;
  readonly asked: AskedAttributes;
  /** `asked` as a route that nobody else offers. */
  readonly attributes: RouteAttributes;
  /** Whose annotation these stand in: the advertisement's, or a Service's. */
  readonly setBy: Readonly<Record<keyof RouteSettings, ObjectRef>>;
  /** Peers of this node that run a session, carry the family and are meant by the advertisement; ascending. */
  readonly peers: readonly PeerName[];
  /** Equal text, equal offer. */
  readonly key: string;
  /** `key` before a Service's annotations changed the offer. */
  readonly compiledKey: string;
}

/** A BGPAdvertisement in force that selects this node. */
export interface CompiledAdvertisement {
  readonly ref: ObjectRef;
  /** spec.peers; empty: all. */
  readonly peers: readonly string[];
  readonly serviceSelectors: readonly LabelSelector[];
  readonly localPref: number | null;
  /** Beside an aggregate, the addresses of Services with policy Local. */
  readonly hasLocalMoreSpecifics: boolean;
  readonly length: Readonly<Record<IpVersion, number>>;
  readonly offer: Readonly<Record<IpVersion, Offer>>;
}

export interface NotOwner {
  readonly detail: string;
  /** Object and field; an empty path: the object as a whole. */
  readonly cause: { readonly ref: ObjectRef; readonly path: string };
}

export interface CompiledPool {
  readonly ref: ObjectRef;
  readonly name: string;
  /** Those that apply to the pool and this node, by namespace and name. */
  readonly advertisements: readonly CompiledAdvertisement[];
  /** Pairs that must not select the same service (metallb-compat 2.6). */
  readonly conflicts: readonly (readonly [CompiledAdvertisement, CompiledAdvertisement])[];
  /** Why `advertisements` is empty, and what to look at; null when it is not. */
  readonly notOwner: NotOwner | null;
  /** An address needs endpoints of its own family, unless its Service says otherwise. */
  readonly requiresFamilyEndpoints: boolean;
  /** Equal text, same decisions for every service of the pool. */
  readonly text: string;
}

export interface NodeState {
  readonly name: string;
  readonly networkUnavailable: boolean;
  /** Labelled to be excluded, and that is not ignored. */
  readonly isExcluded: boolean;
  /** Why the daemon has withdrawn everything; null: it has not. */
  readonly drained: string | null;
}

/** What a configuration leaves to the next one; a daemon that starts has nothing of it. */
export interface Inherited {
  /** Of this node, for peers that set none. */
  readonly routerId: RouterId;
  readonly usedAliases: UsedAliases;
  readonly lastGood: LastGood;
}

export interface CompiledConfig extends Inherited {
  readonly options: DecisionOptions;
  readonly node: NodeState;
  /** By name. */
  readonly peers: readonly PlannedPeer[];
  readonly ranges: readonly PoolRange[];
  readonly pools: ReadonlyMap<string, CompiledPool>;
  /** Those that select this node, oldest first: the first that selects a Service governs it. */
  readonly sitePolicies: readonly CompiledSitePolicy[];
  /** Keys of every offer an advertisement in force can make. */
  readonly offerKeys: ReadonlySet<string>;
  /** Cross-object problems this node can see. */
  readonly problems: readonly ConfigProblem[];
}
