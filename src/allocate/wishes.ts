// What a service asks its allocator for: families, pool, addresses, sharing. Owns the reading of MetalLB's annotations in both spellings and
// of spec.loadBalancerIP, and the rule which families a service has (metallb-compat 4.2, 4.3, 4.5). Knows no pools.
// Contract: pure; a request that cannot be understood is a fault in words, and then nothing is asked for.
import { annotationPath } from "../announce/annotations.ts";
import type { AddressRequest, ServiceObject } from "../announce/model.ts";
import { type Ip, type IpVersion, ipv4, parseIp } from "../kernel/ip.ts";
import { quote } from "../kernel/text.ts";
import type { Terms } from "./ledger.ts";
import type { AllocationOptions } from "./model.ts";

const PREFIX = "metallb.io/";
const OLD_PREFIX = "metallb.universe.tf/";

type RequestAnnotation = "address-pool" | "loadBalancerIPs" | "allow-shared-ip";

export interface Wishes {
  /** One or both, IPv4 first; null: its ClusterIPs do not tell. */
  readonly families: readonly IpVersion[] | null;
  /** Which one counts where PreferDualStack gets one only. */
  readonly primary: IpVersion;
  /** PreferDualStack: one family is better than none. */
  readonly isContentWithOne: boolean;
  /** Name of the one pool to take addresses from. */
  readonly pool: string | null;
  /** Exactly these, in this order; null: whichever. */
  readonly ips: readonly Ip[] | null;
  /** Why the requested addresses cannot be understood. */
  readonly fault: string | null;
  readonly terms: Terms;
}

/** The key that counts: the current one wins also when it is empty. */
const spelling = ({ annotations }: ServiceObject, name: RequestAnnotation): string =>
  (annotations.has(PREFIX + name) ? PREFIX : OLD_PREFIX) + name;

const annotation = (service: ServiceObject, name: RequestAnnotation): string =>
  service.annotations.get(spelling(service, name)) ?? "";

/** The field that asks for addresses, else the one that asks for a pool; empty where the service takes whichever there are. */
export function requestPath(service: ServiceObject): string {
  if (annotation(service, "loadBalancerIPs") !== "") return annotationPath(spelling(service, "loadBalancerIPs"));
  if (service.request !== null && service.request.loadBalancerIp !== null) return "spec.loadBalancerIP";
  return annotation(service, "address-pool") === "" ? "" : annotationPath(spelling(service, "address-pool"));
}

/** Annotations with the deprecated prefix, and how they are written today. */
export const deprecatedAnnotations = ({ annotations }: ServiceObject): readonly (readonly [string, string])[] =>
  [...annotations.keys()]
    .filter((key) => key.startsWith(OLD_PREFIX))
    .map((key) => [key, PREFIX + key.slice(OLD_PREFIX.length)] as const);

/** @param held what the service has: where nothing else tells its family, that does */
export function readWishes(
  service: ServiceObject,
  request: AddressRequest,
  held: readonly Ip[],
  source: AllocationOptions["source"],
): Wishes {
  const asked = requestedIps(service, request);
  const ips = typeof asked === "string" ? null : asked;
  const families = familiesOf(request, ips ?? held, source);
  let fault = typeof asked === "string" ? asked : null;
  if (request.fault !== null) fault = request.fault;
  else if (ips !== null && families !== null && !sameFamilies(familiesOfIps(ips), families)) {
    fault = `${familyText(familiesOfIps(ips))} requested, but the service is ${familyText(families)}`;
  }
  return {
    families,
    primary: request.families[0] ?? 4,
    isContentWithOne: request.policy === "PreferDualStack",
    pool: annotation(service, "address-pool") || null,
    ips: fault === null ? ips : null,
    fault,
    terms: { sharingKey: annotation(service, "allow-shared-ip"), backendKey: request.backendKey, ports: request.ports },
  };
}

/** @returns null: none are asked for; a text: why they cannot be understood */
function requestedIps(service: ServiceObject, { loadBalancerIp }: AddressRequest): readonly Ip[] | string | null {
  const list = annotation(service, "loadBalancerIPs");
  if (list !== "" && loadBalancerIp !== null) {
    return `both annotation ${PREFIX}loadBalancerIPs and spec.loadBalancerIP are set: keep one of them`;
  }
  const texts = list === "" ? (loadBalancerIp === null ? [] : [loadBalancerIp]) : list.split(",").map((t) => t.trim());
  if (texts.length === 0) return null;
  const ips: Ip[] = [];
  for (const text of texts) {
    const ip = parseHeldIp(text);
    if (ip === null) return `${quote(text)} is no IP address`;
    ips.push(ip);
  }
  if (familiesOfIps(ips) === null)
    return `${quote(texts.join(","))}: at most one address of each family can be requested`;
  return ips;
}

/** An IPv4-mapped IPv6 address means the IPv4 address, as in Go's net.ParseIP. */
export function parseHeldIp(text: string): Ip | null {
  const ip = parseIp(text);
  if (ip === null || ip.version === 4 || ip.w0 !== 0 || ip.w1 !== 0 || ip.w2 !== 0xffff) return ip;
  return ipv4(ip.w3);
}

const BOTH: readonly IpVersion[] = [4, 6];

/** One or two different ones, IPv4 first; null for anything else. */
export function familiesOfIps(ips: readonly { readonly version: IpVersion }[]): readonly IpVersion[] | null {
  const [first, second] = ips;
  if (first === undefined || ips.length > 2 || first.version === second?.version) return null;
  return second === undefined ? [first.version] : BOTH;
}

export const sameFamilies = (a: readonly IpVersion[] | null, b: readonly IpVersion[] | null): boolean =>
  a !== null && b !== null && a.length === b.length && a.every((family, i) => family === b[i]);

export const familyText = (families: readonly IpVersion[] | null): string =>
  families === null ? "of no family" : families.length === 2 ? "dual-stack" : `IPv${families[0]}`;

/**
 * Of its ClusterIPs. Where no API server has given it any: of spec.ipFamilies, else of what is known of its addresses, else IPv4; a
 * policy of two families means both.
 */
function familiesOf(
  { clusterIps, families, policy }: AddressRequest,
  known: readonly Ip[],
  source: AllocationOptions["source"],
): readonly IpVersion[] | null {
  if (source === "cluster" || clusterIps.length > 0) {
    const ips = clusterIps.map(parseHeldIp);
    return familiesOfIps(ips.flatMap((ip) => (ip === null ? [] : [ip]))) === null || ips.includes(null)
      ? null
      : familiesOfIps(ips.flatMap((ip) => (ip === null ? [] : [ip])));
  }
  if (policy === "PreferDualStack" || policy === "RequireDualStack") return BOTH;
  if (families.length > 0) return families.length > 1 && policy === null ? BOTH : families.slice(0, 1);
  return familiesOfIps(known) ?? [4];
}
