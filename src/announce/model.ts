// What a decision looks at: the objects of the store, trimmed to the fields that matter, already validated one by one.
// Owns types only. Knows nothing of YAML, of the API server, of BGP messages.
// Both sources (manifests, later Kubernetes) produce exactly these; sources/coreObjects.ts and sources/metallbCrds.ts convert.
import type { AuthType } from "../bfd/protocol.ts";
import type { Ip, IpVersion } from "../kernel/ip.ts";
import type { ObjectRef } from "../kernel/problem.ts";
import type { Asn, Millis, ServiceKey } from "../kernel/units.ts";

export type Labels = ReadonlyMap<string, string>;

/** metadata that every kind carries. */
export interface Meta {
  readonly ref: ObjectRef;
  /** Milliseconds since 1970; null where the manifest has no creationTimestamp. */
  readonly createdAt: number | null;
  /** Position in the order of reading (file, document): breaks ties between objects without a timestamp. */
  readonly order: number;
  readonly labels: Labels;
}

export type SelectorOperator = "In" | "NotIn" | "Exists" | "DoesNotExist";

/** A validated Kubernetes LabelSelector; all terms must hold; no terms match everything. */
export interface LabelSelector {
  readonly matchLabels: readonly (readonly [string, string])[];
  readonly matchExpressions: readonly {
    readonly key: string;
    readonly operator: SelectorOperator;
    readonly values: readonly string[];
  }[];
}

/** What annotations `vipcast.io/*` say about a peer (annotations.ts has the ranges); absent: not given. */
export interface PeerSettings {
  readonly opens?: "us" | "peer" | "both";
  readonly gtsmHops?: number;
  /** Whole seconds. */
  readonly sendHoldTime?: number;
  readonly nextHop?: Ip;
  readonly nextHopV6?: Ip;
  readonly maxPrefixes?: number;
  readonly keepReceived?: boolean;
  readonly bfdStrict?: boolean;
  readonly bfdAuthType?: AuthType;
  /** 0..255 */
  readonly bfdAuthKeyId?: number;
  /** Name of a Secret in the peer's own namespace. */
  readonly bfdAuthSecret?: string;
  /** Whole seconds. */
  readonly restartTime?: number;
}

/** What annotations `vipcast.io/*` say about routes; absent: not given. */
export interface RouteSettings {
  readonly med?: number;
  readonly asPathPrepend?: number;
}

/** On a BGPAdvertisement. */
export interface AdvertisementSettings extends RouteSettings {
  readonly localMoreSpecifics?: boolean;
}

/** On a Service. */
export interface ServiceSettings extends RouteSettings {
  readonly announceDelay?: Millis;
  readonly withdrawDelay?: Millis;
  readonly requireFamilyEndpoints?: boolean;
}

/** On an IPAddressPool. */
export interface PoolSettings {
  readonly requireFamilyEndpoints?: boolean;
}

/** What a Service of type LoadBalancer tells its allocator besides annotations (metallb-compat 4). */
export interface AddressRequest {
  /** What is wrong with these fields, which keeps the Service from new addresses but not from being announced. */
  readonly fault: string | null;
  /** spec.clusterIPs, else spec.clusterIP alone, as written ("None" too); empty where no API server has filled them in. */
  readonly clusterIps: readonly string[];
  /** spec.ipFamilies; empty: not given. */
  readonly families: readonly IpVersion[];
  /** null: not given, which an API server makes SingleStack. */
  readonly policy: "SingleStack" | "PreferDualStack" | "RequireDualStack" | null;
  /** spec.loadBalancerIP, as written. */
  readonly loadBalancerIp: string | null;
  /** `TCP/80`, ascending. */
  readonly ports: readonly string[];
  /** Services may share an address only with equal keys: empty for policy Cluster, else spec.selector as text (4.7). */
  readonly backendKey: string;
}

export interface ServiceObject extends Meta {
  readonly kind: "Service";
  readonly key: ServiceKey;
  /** What an API server calls this very object, and Events refer to; absent in manifests. */
  readonly uid?: string | undefined;
  readonly annotations: ReadonlyMap<string, string>;
  readonly settings: ServiceSettings;
  readonly type: string;
  readonly loadBalancerClass: string | null;
  readonly externalTrafficPolicy: "Cluster" | "Local";
  /** null: not of type LoadBalancer. */
  readonly request: AddressRequest | null;
  /** status.loadBalancer.ingress: the text of `ip`, null for entries without one. */
  readonly ingress: readonly { readonly ip: string | null }[];
}

export interface EndpointObject {
  readonly hasAddresses: boolean;
  readonly ready: boolean | null;
  readonly serving: boolean | null;
  readonly nodeName: string | null;
}

export interface EndpointSliceObject extends Meta {
  readonly kind: "EndpointSlice";
  /** From the label kubernetes.io/service-name; null when it has none (the slice then belongs to nobody). */
  readonly service: ServiceKey | null;
  readonly addressType: string;
  readonly endpoints: readonly EndpointObject[];
}

export interface NodeObject extends Meta {
  readonly kind: "Node";
  /** Condition NetworkUnavailable has status True. */
  readonly networkUnavailable: boolean;
  /** Addresses of type InternalIP, in order. */
  readonly internalIps: readonly Ip[];
  /** `kubectl cordon`. */
  readonly isUnschedulable: boolean;
  /** Keys of its taints, whatever their effect. */
  readonly taintKeys: readonly string[];
}

export interface NamespaceObject extends Meta {
  readonly kind: "Namespace";
}

export interface SecretObject extends Meta {
  readonly kind: "Secret";
  readonly type: string;
  /** The decoded key `password`; null when absent. Never printed. */
  readonly password: string | null;
}

/** One address entry of a pool: an inclusive range within one family. */
export interface AddressRange {
  readonly first: Ip;
  readonly last: Ip;
  /** Shortest mask among the CIDRs that cover the range exactly (aggregation check, metallb-compat 1.3). */
  readonly shortestMask: number;
  /** As written, and where: `spec.addresses[i]`. */
  readonly text: string;
  readonly path: string;
}

export interface IPAddressPoolObject extends Meta {
  readonly kind: "IPAddressPool";
  readonly addresses: readonly AddressRange[];
  readonly autoAssign: boolean;
  readonly avoidBuggyIPs: boolean;
  readonly settings: PoolSettings;
  readonly allocation: {
    /** 0 = least preferred. */
    readonly priority: number;
    readonly namespaces: readonly string[];
    readonly namespaceSelectors: readonly LabelSelector[];
    readonly serviceSelectors: readonly LabelSelector[];
  } | null;
}

export interface BGPAdvertisementObject extends Meta {
  readonly kind: "BGPAdvertisement";
  readonly aggregationLength: number;
  readonly aggregationLengthV6: number;
  /** null: absent or 0 in the object ("not set", as in MetalLB's FRR modes). */
  readonly localPref: number | null;
  /** As written: literals or alias names; resolved against Community objects later. */
  readonly communities: readonly string[];
  readonly ipAddressPools: readonly string[];
  readonly ipAddressPoolSelectors: readonly LabelSelector[];
  readonly nodeSelectors: readonly LabelSelector[];
  readonly peers: readonly string[];
  readonly serviceSelectors: readonly LabelSelector[];
  readonly settings: AdvertisementSettings;
}

export interface CommunityObject extends Meta {
  readonly kind: "Community";
  readonly aliases: readonly { readonly name: string; readonly value: string; readonly path: string }[];
}

export interface BFDProfileObject extends Meta {
  readonly kind: "BFDProfile";
  /** Milliseconds. */
  readonly receiveInterval: number;
  readonly transmitInterval: number;
  readonly detectMultiplier: number;
  readonly echoInterval: number;
  readonly echoMode: boolean;
  readonly passiveMode: boolean;
  readonly minimumTtl: number;
}

export interface BGPPeerObject extends Meta {
  readonly kind: "BGPPeer";
  readonly myAsn: number;
  /** null with dynamicAsn. */
  readonly peerAsn: number | null;
  readonly dynamicAsn: "internal" | "external" | null;
  readonly localAsn: number | null;
  /** null with `interface`. */
  readonly peerAddress: Ip | null;
  readonly interface: string | null;
  readonly sourceAddress: Ip | null;
  readonly peerPort: number;
  /** Whole seconds; null: absent. */
  readonly holdTime: number | null;
  readonly keepaliveTime: number | null;
  readonly connectTime: number | null;
  readonly routerId: Ip | null;
  readonly nodeSelectors: readonly LabelSelector[];
  /** Clear text; never printed. */
  readonly password: string | null;
  /** Name of a Secret in the peer's own namespace. */
  readonly passwordSecret: string | null;
  readonly bfdProfile: string | null;
  readonly enableGracefulRestart: boolean;
  readonly ebgpMultiHop: boolean;
  readonly vrf: string | null;
  readonly disableMP: boolean;
  readonly dualStackAddressFamily: boolean;
  readonly settings: PeerSettings;
}

/** What routes carry on top of what their advertisements say; null: left as it is. */
export interface SiteEncoding {
  /** Literals or aliases. */
  readonly communities: readonly string[];
  readonly localPref: number | null;
  readonly med: number | null;
  readonly asPathPrepend: number | null;
}

/** Which of several sites announces a service (docs/site-policy.md). */
export interface SitePolicyObject extends Meta {
  readonly kind: "SitePolicy";
  readonly site: string;
  /** 1..65535 */
  readonly siteId: number;
  readonly nodeSelectors: readonly LabelSelector[];
  /** With `ipAddressPools`: Services that match both; empty: all. */
  readonly serviceSelectors: readonly LabelSelector[];
  readonly ipAddressPools: readonly string[];
  /** 1..65535, lower is preferred. */
  readonly rank: number;
  readonly whenNotPreferred: "withhold" | "deprioritize" | "conditional";
  /** Each rank once. */
  readonly rankEncoding: readonly (SiteEncoding & { readonly rank: number })[];
  /** Of a site that stands by and announces nevertheless. */
  readonly standbyEncoding: SiteEncoding;
  readonly ownershipAsn: Asn;
  /** Names of BGPPeers; empty: every one that keeps received routes. */
  readonly witnesses: readonly string[];
  /** How many of them must be complete; null: more than half. */
  readonly quorum: number | null;
  readonly startupGuard: Millis;
  readonly takeoverDelay: Millis;
  readonly leaveDelay: Millis;
  readonly whenBlind: "announce" | "withhold";
  /** null: only an operator brings the preferred site back. */
  readonly failback: { readonly stableFor: Millis; readonly longest: Millis } | null;
  /** Promotes the site when it is higher than any epoch known; null: not given. */
  readonly epoch: number | null;
}

export type ModelObject =
  | ServiceObject
  | EndpointSliceObject
  | NodeObject
  | NamespaceObject
  | SecretObject
  | IPAddressPoolObject
  | BGPAdvertisementObject
  | CommunityObject
  | BFDProfileObject
  | BGPPeerObject
  | SitePolicyObject;

export type ModelKind = ModelObject["kind"];
export type ObjectOfKind<K extends ModelKind> = Extract<ModelObject, { kind: K }>;
