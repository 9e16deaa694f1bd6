// What there is at the API server: group, version and plural of every kind we touch, and the paths made of them. Owns the
// table of what the source watches, where, and what its absence costs. Knows nothing of HTTP or of what objects mean.
// Contract: pure; RBAC (config/rbac) is made to fit this table.
import type { RawObject } from "../sources/fields.ts";

/** A kind as the API server serves it. */
export interface KubeResource {
  /** Empty: the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly isNamespaced: boolean;
}

const resource = (group: string, version: string, plural: string, kind: string, isNamespaced = true): KubeResource => ({
  group,
  version,
  plural,
  kind,
  isNamespaced,
});

const metallb = (version: string, plural: string, kind: string): KubeResource =>
  resource("metallb.io", version, plural, kind);

export const SERVICES = resource("", "v1", "services", "Service");
export const ENDPOINT_SLICES = resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice");
export const NODES = resource("", "v1", "nodes", "Node", false);
export const NAMESPACES = resource("", "v1", "namespaces", "Namespace", false);
export const SECRETS = resource("", "v1", "secrets", "Secret");
export const CONFIG_MAPS = resource("", "v1", "configmaps", "ConfigMap");
export const PODS = resource("", "v1", "pods", "Pod");
export const EVENTS = resource("", "v1", "events", "Event");
export const LEASES = resource("coordination.k8s.io", "v1", "leases", "Lease");
export const TOKEN_REVIEWS = resource("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", false);
export const SUBJECT_ACCESS_REVIEWS = resource(
  "authorization.k8s.io",
  "v1",
  "subjectaccessreviews",
  "SubjectAccessReview",
  false,
);
export const VALIDATING_WEBHOOK_CONFIGURATIONS = resource(
  "admissionregistration.k8s.io",
  "v1",
  "validatingwebhookconfigurations",
  "ValidatingWebhookConfiguration",
  false,
);
export const CUSTOM_RESOURCE_DEFINITIONS = resource(
  "apiextensions.k8s.io",
  "v1",
  "customresourcedefinitions",
  "CustomResourceDefinition",
  false,
);
/** Who asks our webhooks; the names are MetalLB's, so that what it left behind is taken over. */
export const WEBHOOK_CONFIGURATION = "metallb-webhook-configuration";
export const PEERS_DEFINITION = "bgppeers.metallb.io";
/** Where the certificates are, unless it is told otherwise. */
export const WEBHOOK_SECRET = "metallb-webhook-cert";
export const BGP_PEERS = metallb("v1beta2", "bgppeers", "BGPPeer");
export const BGP_ADVERTISEMENTS = metallb("v1beta1", "bgpadvertisements", "BGPAdvertisement");
export const L2_ADVERTISEMENTS = metallb("v1beta1", "l2advertisements", "L2Advertisement");
export const IP_ADDRESS_POOLS = metallb("v1beta1", "ipaddresspools", "IPAddressPool");
export const BFD_PROFILES = metallb("v1beta1", "bfdprofiles", "BFDProfile");
export const SERVICE_BGP_STATUSES = metallb("v1beta1", "servicebgpstatuses", "ServiceBGPStatus");
export const COMMUNITIES = metallb("v1beta1", "communities", "Community");
export const CONFIGURATION_STATES = metallb("v1beta1", "configurationstates", "ConfigurationState");
export const BGP_SESSION_STATES = resource("vipcast.io", "v1alpha1", "bgpsessionstates", "BGPSessionState");

export const SITE_POLICIES = resource("vipcast.io", "v1alpha1", "sitepolicies", "SitePolicy");

export const apiVersionOf = ({ group, version }: KubeResource): string =>
  group === "" ? version : `${group}/${version}`;

/** `bgppeers.metallb.io`, as RBAC rules and CRDs name it; core kinds have no group. */
export const resourceText = ({ group, plural }: KubeResource): string => (group === "" ? plural : `${plural}.${group}`);

/** Where one object, or the objects of one namespace, or of all (null), are. */
export interface ObjectPath {
  readonly namespace?: string | null;
  readonly name?: string;
  readonly subresource?: "status";
}

/** Path of a request, without query. */
export function pathOf(resource: KubeResource, { namespace, name, subresource }: ObjectPath = {}): string {
  const root = resource.group === "" ? `/api/${resource.version}` : `/apis/${apiVersionOf(resource)}`;
  const place = resource.isNamespaced && namespace != null ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  const object = name === undefined ? "" : `/${encodeURIComponent(name)}`;
  return `${root}${place}/${resource.plural}${object}${subresource === undefined ? "" : `/${subresource}`}`;
}

export interface WatchedResource {
  readonly resource: KubeResource;
  /** `home`: only MetalLB's own namespace. */
  readonly scope: "cluster" | "home";
  /** Only the object of this name. */
  readonly name?: string;
  /** Only objects with these labels. */
  readonly labelSelector?: string;
  /**
   * What a first decision does when we may not list it: `wait`, because what is announced would be a guess; or `without`, because
   * only what refers to such an object is affected, and says so.
   */
  readonly ifForbidden: "wait" | "without";
  /** Nothing is amiss where the kind is not installed. */
  readonly isOptional?: true;
}

const watched = (
  resource: KubeResource,
  scope: WatchedResource["scope"],
  ifForbidden: WatchedResource["ifForbidden"],
): WatchedResource => ({ resource, scope, ifForbidden });

/** Everything the source reads (metallb-compat 1, 2.1). */
export const WATCHED: readonly WatchedResource[] = [
  watched(SERVICES, "cluster", "wait"),
  watched(ENDPOINT_SLICES, "cluster", "wait"),
  watched(NODES, "cluster", "wait"),
  watched(BGP_PEERS, "home", "wait"),
  watched(BGP_ADVERTISEMENTS, "home", "wait"),
  watched(IP_ADDRESS_POOLS, "home", "wait"),
  watched(NAMESPACES, "cluster", "without"), // selected by pools, which is the controller's affair
  watched(SECRETS, "home", "without"), // a peer whose Secret is missing runs no session and says so
  watched(BFD_PROFILES, "home", "without"),
  watched(COMMUNITIES, "home", "without"),
  watched(L2_ADVERTISEMENTS, "home", "without"), // read for their mistakes alone
  { ...watched(SITE_POLICIES, "home", "without"), isOptional: true }, // a cluster with one site needs none
  { ...watched(CONFIG_MAPS, "home", "without"), name: "bgpextras" }, // told that it has no effect
];

/** Name of the controller's own ConfigurationState (metallb-compat 1.8). */
export const CONTROLLER_STATE = "controller";

/** Everything the controller reads (metallb-compat 4.1). */
export const WATCHED_BY_CONTROLLER: readonly WatchedResource[] = [
  watched(SERVICES, "cluster", "wait"),
  watched(NAMESPACES, "cluster", "wait"),
  watched(IP_ADDRESS_POOLS, "home", "wait"),
  watched(COMMUNITIES, "home", "without"), // read for their mistakes alone
  { ...watched(CONFIGURATION_STATES, "home", "without"), name: CONTROLLER_STATE }, // so that it is never written for nothing
];

/** What the webhooks compare an object with; what is missing makes their answers milder. */
export const WATCHED_BY_WEBHOOKS: readonly WatchedResource[] = [
  watched(NODES, "cluster", "without"),
  watched(BGP_PEERS, "home", "without"),
  watched(BGP_ADVERTISEMENTS, "home", "without"),
  watched(IP_ADDRESS_POOLS, "home", "without"),
  watched(BFD_PROFILES, "home", "without"),
  watched(COMMUNITIES, "home", "without"),
  { ...watched(SITE_POLICIES, "home", "without"), isOptional: true },
];

/** Identity of an object within its resource: `namespace/name`, or `name`; null when it has no name. */
export function keyOf(object: RawObject): string | null {
  const { metadata } = object;
  if (typeof metadata !== "object" || metadata === null) return null;
  const { name, namespace } = metadata as Readonly<Record<string, unknown>>;
  if (typeof name !== "string" || name === "") return null;
  return typeof namespace === "string" && namespace !== "" ? `${namespace}/${name}` : name;
}
