// The cluster of the scale bench: 10,000 services with ten endpoints each on ten nodes, one pool, a hundred advertisements, each for the
// services of one tenant. Owns the text. Pure. Contract: an edit of the configuration touches every service, and its kind says
// what becomes of the routes.
import { addressOf, dottedQuad } from "../inject/table.ts";
import { SINK_ASN } from "../sink.ts";

export const ADVERTISEMENTS = 100;
export const ENDPOINTS = 10;
export const NODE = "node-1";

export interface Edit {
  /** Grows the pool by so many ranges that no service uses: all is decided anew, no route changes. */
  readonly spareRanges: number;
  /** Value of the alias that all advertisements use: every route gets another community. */
  readonly community: number;
  /** Without its range in use the pool holds no service: every route is withdrawn. */
  readonly isHome: boolean;
}

export const UNEDITED: Edit = { spareRanges: 0, community: 1, isHome: true };

export function configuration(sinkPort: number, { spareRanges, community, isHome }: Edit): string {
  const spare = Array.from({ length: spareRanges }, (_, i) => `172.16.${i}.0/24`);
  const addresses = [isHome ? "10.0.0.0/8" : "11.0.0.0/8", ...spare];
  const advertisement = (_: unknown, i: number): string => `apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: { name: tenant-${i}, namespace: metallb-system }
spec:
  ipAddressPools: [bench]
  serviceSelectors: [{ matchLabels: { tenant: t${i} } }]
  communities: [bench]
`;
  return [
    `apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: { name: sink, namespace: metallb-system }
spec:
  myASN: 65001
  peerASN: ${SINK_ASN}
  peerAddress: 127.0.0.1
  sourceAddress: 127.0.0.2
  peerPort: ${sinkPort}
`,
    `apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: bench, namespace: metallb-system }
spec:
  addresses: [${addresses.join(", ")}]
`,
    `apiVersion: metallb.io/v1beta1
kind: Community
metadata: { name: bench, namespace: metallb-system }
spec:
  communities:
    - { name: bench, value: "65001:${community}" }
`,
    ...Array.from({ length: ADVERTISEMENTS }, advertisement),
  ].join("---\n");
}

export const nameOf = (i: number): string => `service-${i}`;

/** @param isReady the endpoint on NODE, which alone decides here: the policy is Local */
export function service(i: number, isReady: boolean): string {
  const endpoint = (_: unknown, node: number): string => `  - addresses: [192.0.2.${node + 1}]
    nodeName: node-${node + 1}
    conditions:
      ready: ${node > 0 || isReady}
`;
  return `apiVersion: v1
kind: Service
metadata:
  name: ${nameOf(i)}
  namespace: default
  labels:
    tenant: t${i % ADVERTISEMENTS}
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
${Array.from({ length: ENDPOINTS }, endpoint).join("")}`;
}
