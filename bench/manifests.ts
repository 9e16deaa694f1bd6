// What several benches have in their manifests: the peer that is our sink, and services whose routes come and go with one endpoint. Owns the
// text. Pure. Contract: service i has address i of inject/table.ts; what a bench adds is said by the bench.
import { addressOf, dottedQuad } from "./inject/table.ts";
import { SINK_ASN } from "./sink.ts";

/** Of the node that decides. */
export const NODE = "node-1";

export const nameOf = (i: number): string => `service-${i}`;

export const sinkPeer = (port: number): string => `apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: { name: sink, namespace: metallb-system }
spec:
  myASN: 65001
  peerASN: ${SINK_ASN}
  peerAddress: 127.0.0.1
  sourceAddress: 127.0.0.2
  peerPort: ${port}
`;

export interface ServiceShape {
  /** A line of YAML each. */
  readonly labels?: readonly string[];
  /** One on each node, from NODE on. */
  readonly endpoints?: number;
}

/** @param isReady the endpoint on NODE, which alone decides here: the policy is Local */
export function service(i: number, isReady: boolean, { labels = [], endpoints = 1 }: ServiceShape = {}): string {
  const endpoint = (_: unknown, node: number): string => `  - addresses: [192.0.2.${node + 1}]
    nodeName: node-${node + 1}
    conditions:
      ready: ${node > 0 || isReady}
`;
  const labelled = labels.length === 0 ? "" : ["\n  labels:", ...labels.map((label) => `    ${label}`)].join("\n");
  return `apiVersion: v1
kind: Service
metadata:
  name: ${nameOf(i)}
  namespace: default${labelled}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
status:
  loadBalancer:
    ingress:
      - ip: ${dottedQuad(addressOf(i))}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: ${nameOf(i)}-1
  namespace: default
  labels:
    kubernetes.io/service-name: ${nameOf(i)}
addressType: IPv4
endpoints:
${Array.from({ length: endpoints }, endpoint).join("")}`;
}
