// What tests of a shadow look at: one Service that is announced to one router, and the port on which that router would hear of it.
import type { Server } from "node:net";

/** @param port of the router, on 127.0.0.2 */
export const shadowedObjects = (port: number): string => `
apiVersion: v1
kind: Node
metadata: {name: worker-1, labels: {kubernetes.io/hostname: worker-1}}
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
spec: {myASN: 64512, peerASN: 64513, peerAddress: 127.0.0.2, peerPort: ${port}}
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

/** Below 16384, where the API of MetalLB ends. */
export function listenBelow(server: Server, from = 10_000 + (process.pid % 6000)): Promise<number> {
  return new Promise((resolve) => {
    server.once("error", () => resolve(listenBelow(server, from + 1)));
    server.listen(from, "127.0.0.2", () => resolve(from));
  });
}
