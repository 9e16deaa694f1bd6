// What the API server has of a Service's addresses, what it should have, and the one write between the two (metallb-compat 4.3 step 14,
// 4.4). Owns the form of that write. Must not know who decides. Contract: pure; null where nothing is to be written; every write names
// the version it was made from, so that whoever changed the Service in between wins and is decided anew.
import { isServed } from "../allocate/converge.ts";
import type { AllocationOptions, ServiceAllocation } from "../allocate/model.ts";
import type { ServiceObject } from "../announce/model.ts";
import { isRawObject, type RawObject } from "../sources/fields.ts";

/** Says from which pool the addresses are; other tools read it. */
export const POOL_ANNOTATION = "metallb.io/ip-allocated-from-pool";

/** Of a Service, as the API server has it. */
export interface StoredService {
  readonly uid: string;
  readonly resourceVersion: string;
  /** Texts of status.loadBalancer.ingress, hostnames included. */
  readonly ingress: readonly string[];
  readonly pool: string | null;
}

/** What the API server should have. */
export interface WantedStatus {
  readonly ips: readonly string[];
  readonly pool: string | null;
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const object = (value: unknown): RawObject => (isRawObject(value) ? value : {});

export function readStored(raw: RawObject): StoredService {
  const { uid, resourceVersion, annotations } = object(raw.metadata);
  const { ingress } = object(object(raw.status).loadBalancer);
  const entries = Array.isArray(ingress) ? ingress.map(object) : [];
  const pool = object(annotations)[POOL_ANNOTATION];
  return {
    uid: text(uid),
    resourceVersion: text(resourceVersion),
    ingress: entries.map(({ ip, hostname }) => text(ip) || text(hostname)),
    pool: typeof pool === "string" ? pool : null,
  };
}

const NOTHING: WantedStatus = { ips: [], pool: null };

/**
 * @param service undefined: it is not there, or cannot be read @param allocation what the allocator says of it
 * @param wasServed by us, in this term @returns null: it is none of our business
 */
export function wantedStatus(
  service: ServiceObject | undefined,
  stored: StoredService,
  allocation: ServiceAllocation | undefined,
  wasServed: boolean,
  options: AllocationOptions,
): WantedStatus | null {
  if (service === undefined) return null;
  if (isServed(service, options)) return allocation ?? null;
  // it left type LoadBalancer, and its class with it: after a restart the annotation tells that an allocator of this kind gave the
  // addresses
  return service.request === null && (wasServed || stored.pool !== null) ? NOTHING : null;
}

const isSameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((entry, i) => entry === b[i]);

export const isWritten = (stored: StoredService, { ips, pool }: WantedStatus): boolean =>
  isSameList(stored.ingress, ips) && stored.pool === pool;

/** Body of a merge patch of the status. */
export const statusPatch = ({ resourceVersion }: StoredService, { ips, pool }: WantedStatus): RawObject => ({
  metadata: { resourceVersion, annotations: { [POOL_ANNOTATION]: pool } },
  status: { loadBalancer: { ingress: ips.length === 0 ? null : ips.map((ip) => ({ ip })) } },
});
