// What the attack bench adds to the manifests of the reaction bench: peers, and routes for them alone. Owns the text. Pure.
import { SINK_ASN } from "../sink.ts";
import { crowdAddress } from "./crowdRole.ts";

const nameOf = (i: number): string => `crowd-${i}`;

/** @param port that all of them listen on */
export function crowdPeers(count: number, port: number): string {
  const peer = (_: unknown, i: number): string => `apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: { name: ${nameOf(i)}, namespace: metallb-system }
spec:
  myASN: 65001
  peerASN: ${SINK_ASN}
  peerAddress: ${crowdAddress(i)}
  sourceAddress: 127.0.0.2
  peerPort: ${port}
`;
  return Array.from({ length: count }, peer).join("---\n");
}

/** A peer that may connect to us and never does: without one the kernel would let nobody in. */
export const doorPeer = `apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: { name: door, namespace: metallb-system, annotations: { vipcast.io/opens: peer } }
spec:
  myASN: 65001
  peerASN: ${SINK_ASN}
  peerAddress: 127.0.3.1
`;

/** How the routes of the ballast are: all with the same attributes, or each with a MED of its own. */
export type Ballast = "alike" | "unlike";

export function ballastServices(count: number, ballast: Ballast): string {
  const annotations = (i: number): string => (ballast === "alike" ? "{}" : `{ vipcast.io/med: "${i + 1}" }`);
  const service = (_: unknown, i: number): string => `apiVersion: v1
kind: Service
metadata:
  name: ballast-${i}
  namespace: default
  annotations: ${annotations(i)}
spec:
  type: LoadBalancer
status:
  loadBalancer:
    ingress:
      - ip: 11.0.${i >> 8}.${i & 255}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: ballast-${i}-1
  namespace: default
  labels:
    kubernetes.io/service-name: ballast-${i}
addressType: IPv4
endpoints:
  - addresses: [192.0.2.1]
    nodeName: node-1
    conditions:
      ready: true
`;
  return Array.from({ length: count }, service).join("---\n");
}

export const ballastPool = `apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: ballast, namespace: metallb-system }
spec:
  addresses: [11.0.0.0/16]
`;

/** Announces the ballast to the crowd. Another round changes every route of it. */
export const ballastAdvertisement = (peers: number, round: number): string => `apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: { name: ballast, namespace: metallb-system }
spec:
  ipAddressPools: [ballast]
  peers: [${Array.from({ length: peers }, (_, i) => nameOf(i)).join(", ")}]
  communities: ["65001:${round}"]
`;
