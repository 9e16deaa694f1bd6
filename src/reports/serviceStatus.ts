// ServiceBGPStatus: to which peers this node announces a Service (metallb-compat 1.8). Owns labels, names and fields, which are
// MetalLB's. Contract: pure; the peers are those that get a route of this very Service in a family that they carry, whatever their
// sessions do.
import type { ServiceDecision } from "../announce/service.ts";
import type { ServiceKey } from "../kernel/units.ts";
import { SERVICE_BGP_STATUSES } from "../kube/resources.ts";
import type { Report, ReportKind } from "./report.ts";

const NODE = "metallb.io/node";
const SERVICE = "metallb.io/service-name";
const NAMESPACE = "metallb.io/service-namespace";

export const serviceStatusKind = (node: string): ReportKind => ({
  resource: SERVICE_BGP_STATUSES,
  select: { labelSelector: `${NODE}=${node}` },
  keyOf: ({ labels }) => {
    const [namespace = "", name = ""] = [labels[NAMESPACE], labels[SERVICE]];
    return labels[NODE] !== node || namespace === "" || name === "" ? null : `${namespace}/${name}`;
  },
});

/** Names of the peers that get a route of the Service, sorted. */
export function peersOf({ announced, contributions }: Pick<ServiceDecision, "announced" | "contributions">): string[] {
  if (!announced) return [];
  return [...new Set(contributions.flatMap((c) => c.peers as readonly string[]))].sort();
}

/** @returns null where no peer gets anything of it: then there is no object */
export function serviceStatus(
  node: string,
  service: ServiceKey,
  decision: Pick<ServiceDecision, "announced" | "contributions"> | undefined,
): Report | null {
  const peers = decision === undefined ? [] : peersOf(decision);
  if (peers.length === 0) return null;
  const slash = service.indexOf("/");
  const [serviceNamespace, serviceName] = [service.slice(0, slash), service.slice(slash + 1)];
  return {
    key: service,
    metadata: { generateName: "bgp-" },
    labels: { [NODE]: node, [SERVICE]: serviceName, [NAMESPACE]: serviceNamespace },
    status: { node, serviceName, serviceNamespace, peers },
    urgent: "",
  };
}
