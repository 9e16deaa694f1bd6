// What the tests of the allocator share: one call from objects to outcomes, an engine that records what it says, and the rules of
// sharing written down a second time. Owns no rule that the product could borrow.

import { allocate, type Outcome } from "../../src/allocate/allocate.ts";
import type { Remembered } from "../../src/allocate/engine.ts";
import { OWN_USE } from "../../src/allocate/ledger.ts";
import type { AllocationOptions } from "../../src/allocate/model.ts";
import type { AddressRequest, IPAddressPoolObject, ModelObject, ServiceObject } from "../../src/announce/model.ts";
import { ServiceKey } from "../../src/kernel/units.ts";
import { labels, pool, request, service, storeOf } from "../announce/builders.ts";

export const CLUSTER: AllocationOptions = { lbClass: "", source: "cluster" };
export const MANIFESTS: AllocationOptions = { lbClass: "", source: "manifests" };

interface LbOver {
  readonly ips?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly request?: Partial<AddressRequest>;
  readonly over?: Partial<ServiceObject>;
}

const CLUSTER_IPS = { 4: ["10.96.0.1"], 6: ["fd00::1"], 46: ["10.96.0.1", "fd00::1"] } as const;

/** A Service as an API server would show it. @param families of its ClusterIPs */
export const lb = (
  name: string,
  families: 4 | 6 | 46,
  { ips = [], annotations = {}, request: r = {}, over = {} }: LbOver = {},
): ServiceObject =>
  service(name, ips, {
    annotations: labels(annotations),
    request: request({
      clusterIps: CLUSTER_IPS[families],
      policy: families === 46 ? "RequireDualStack" : "SingleStack",
      ...r,
    }),
    ...over,
  });

/** The namespace of the Services, which belongs to a team. */
export const namespaceOf = (team: string): ModelObject => ({
  kind: "Namespace",
  ref: { kind: "Namespace", namespace: null, name: "default" },
  createdAt: null,
  order: 0,
  labels: labels({ team }),
});

/** Rules of one pool; the others get nothing. */
export const allocation = (
  over: Partial<NonNullable<IPAddressPoolObject["allocation"]>>,
): IPAddressPoolObject["allocation"] => ({
  priority: 0,
  namespaces: [],
  namespaceSelectors: [],
  serviceSelectors: [],
  ...over,
});

export const run = (
  objects: readonly ModelObject[],
  options: AllocationOptions = CLUSTER,
  held: Readonly<Record<string, readonly string[]>> = {},
): Outcome => {
  const remembered = Object.entries(held).map(([name, ips]): [ServiceKey, Remembered] => [
    ServiceKey("default", name),
    { ips, terms: OWN_USE },
  ]);
  return allocate(storeOf(...objects), options, new Map(remembered));
};

/** The addresses of a service in namespace default. */
export const ipsOf = (outcome: Outcome, name: string): readonly string[] | undefined =>
  outcome.allocations.get(ServiceKey("default", name))?.ips;

/** `Reason: text` of everything it was told. */
export const eventsOf = (outcome: Outcome, name: string): readonly string[] =>
  (outcome.events.get(ServiceKey("default", name)) ?? []).map((e) => `${e.reason}: ${e.text}`);

export const standingOf = (outcome: Outcome, name: string): string | null | undefined =>
  outcome.allocations.get(ServiceKey("default", name))?.standing?.text;

/** All services at once: `a: 192.0.2.1, b: -`. */
export const summary = (outcome: Outcome): string =>
  [...outcome.allocations]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, { ips }]) => `${key.replace("default/", "")}: ${ips.join(" ") || "-"}`)
    .join(", ");

export { pool };
