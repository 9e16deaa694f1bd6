// What each of our programs asks of the API server, verb by verb: what it watches (resources.ts) and what it reports (metallb-compat
// 1.8, 5.6, 5.7). Owns the table that config/rbac is held to by a test, in both directions. Knows nothing of requests.
// Contract: pure; whoever makes the daemon ask for something more adds it here, and the test asks for the role's line.
import {
  BGP_SESSION_STATES,
  CONFIGURATION_STATES,
  CUSTOM_RESOURCE_DEFINITIONS,
  EVENTS,
  IP_ADDRESS_POOLS,
  type KubeResource,
  LEASES,
  PEERS_DEFINITION,
  PODS,
  SECRETS,
  SERVICE_BGP_STATUSES,
  SERVICES,
  SUBJECT_ACCESS_REVIEWS,
  TOKEN_REVIEWS,
  VALIDATING_WEBHOOK_CONFIGURATIONS,
  WATCHED,
  WATCHED_BY_CONTROLLER,
  WATCHED_BY_WEBHOOKS,
  type WatchedResource,
  WEBHOOK_CONFIGURATION,
  WEBHOOK_SECRET,
} from "./resources.ts";

export type PermissionVerb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete";

export interface Permission {
  readonly resource: Pick<KubeResource, "group" | "plural">;
  readonly subresource?: "status";
  readonly verbs: readonly PermissionVerb[];
  /** `home`: MetalLB's own namespace. */
  readonly scope: "cluster" | "home";
  /** Only the object of this name. */
  readonly name?: string;
  /** What it is for. */
  readonly why: string;
}

const FOLLOW: readonly PermissionVerb[] = ["list", "watch"];
const KEEP: readonly PermissionVerb[] = ["create", "delete", "get", "list", "patch", "watch"];
/** One object that is there for good. */
const KEEP_ONE: readonly PermissionVerb[] = ["create", "get", "list", "patch", "watch"];

/** Objects of ours and their status; the speaker's are written by src/reports. */
const kept = (
  resource: Permission["resource"],
  why: string,
  verbs: readonly PermissionVerb[] = KEEP,
  statusVerbs: readonly PermissionVerb[] = ["patch"],
): readonly Permission[] => [
  { resource, verbs, scope: "home", why },
  { resource, subresource: "status", verbs: statusVerbs, scope: "home", why },
];

const OWN_POD: Permission = { resource: PODS, verbs: ["get"], scope: "home", why: "owner of what we write" };
const TELL: Permission = { resource: EVENTS, verbs: ["create", "patch"], scope: "cluster", why: "Events on Services" };

const followed = (resources: readonly WatchedResource[]): readonly Permission[] =>
  resources.map(({ resource, scope, name }) => ({
    resource,
    verbs: FOLLOW,
    scope,
    why: "what is decided from",
    ...(name === undefined ? {} : { name }),
  }));

export const SPEAKER_PERMISSIONS: readonly Permission[] = [
  ...followed(WATCHED),
  ...kept(SERVICE_BGP_STATUSES, "which Service is announced to whom"),
  ...kept(CONFIGURATION_STATES, "whether the configuration is good", KEEP_ONE),
  ...kept(BGP_SESSION_STATES, "the state of the sessions"),
  OWN_POD,
  TELL,
];

/** Of a speaker with `--shadow`: it writes nothing. */
export const SHADOW_PERMISSIONS: readonly Permission[] = [
  ...followed(WATCHED),
  { resource: SERVICE_BGP_STATUSES, verbs: FOLLOW, scope: "home", why: "what MetalLB reports, to compare with" },
];

/** With `--metrics-auth`. */
export const METRICS_AUTH_PERMISSIONS: readonly Permission[] = [
  { resource: TOKEN_REVIEWS, verbs: ["create"], scope: "cluster", why: "whose the token of a scraper is" },
  { resource: SUBJECT_ACCESS_REVIEWS, verbs: ["create"], scope: "cluster", why: "whether they may get /metrics" },
];

export const CONTROLLER_PERMISSIONS: readonly Permission[] = [
  ...followed(WATCHED_BY_CONTROLLER),
  { resource: SERVICES, subresource: "status", verbs: ["patch"], scope: "cluster", why: "who got which address" },
  { resource: IP_ADDRESS_POOLS, subresource: "status", verbs: ["patch"], scope: "home", why: "what is left" },
  { resource: CONFIGURATION_STATES, verbs: ["create"], scope: "home", why: "whether the configuration is good" },
  {
    resource: CONFIGURATION_STATES,
    subresource: "status",
    verbs: ["patch"],
    scope: "home",
    why: "whether the configuration is good",
  },
  { resource: LEASES, verbs: ["create", "get", "update"], scope: "home", why: "which of several allocates" },
  OWN_POD,
  TELL,
];

const TRUST: Pick<Permission, "verbs" | "scope" | "why"> = {
  verbs: ["get", "update"],
  scope: "cluster",
  why: "whom to trust",
};

/** With `--webhooks`, beside the controller's own. */
export const WEBHOOK_PERMISSIONS: readonly Permission[] = [
  ...followed(WATCHED_BY_WEBHOOKS).filter(
    ({ resource }) => !WATCHED_BY_CONTROLLER.some((watched) => watched.resource === resource),
  ),
  { resource: SECRETS, verbs: ["create"], scope: "home", why: "the certificates, once" },
  { resource: SECRETS, verbs: ["get", "update"], scope: "home", name: WEBHOOK_SECRET, why: "the certificates" },
  { resource: VALIDATING_WEBHOOK_CONFIGURATIONS, name: WEBHOOK_CONFIGURATION, ...TRUST },
  { resource: CUSTOM_RESOURCE_DEFINITIONS, name: PEERS_DEFINITION, ...TRUST },
];
