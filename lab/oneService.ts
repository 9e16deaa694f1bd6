// The least that a speaker announces something from: one Service with its address, and one peer that is to hear of it. Owns the documents.
// Pure: text in, text out.

export const NODE = "worker-1";
/** AS numbers of the speaker and of the router. */
const ASN = 64_512;
export const ROUTER_ASN = 64_513;

/** Documents of NODE and the peer `tor`, to which 192.0.2.10/32 goes for the Service default/web. */
export const oneService = (router: { readonly address: string; readonly port: number }): string => `
apiVersion: v1
kind: Node
metadata: {name: ${NODE}, labels: {kubernetes.io/hostname: ${NODE}}}
status: {addresses: [{type: InternalIP, address: 127.0.0.1}]}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: p, namespace: metallb-system}
spec: {addresses: [192.0.2.0/24]}
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: all, namespace: metallb-system}
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: tor, namespace: metallb-system}
spec: {myASN: ${ASN}, peerASN: ${ROUTER_ASN}, peerAddress: ${router.address}, peerPort: ${router.port}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {type: LoadBalancer, ports: [{port: 80}]}
status: {loadBalancer: {ingress: [{ip: 192.0.2.10}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: default, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: [10.0.0.1], conditions: {ready: true}}]
`;
