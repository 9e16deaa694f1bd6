// The cluster of the scale bench: 10,000 services with ten endpoints each on ten nodes, one pool, a hundred advertisements, each for the
// services of one tenant. Owns the text. Pure. Contract: an edit of the configuration touches every service, and its kind says
// what becomes of the routes.
import { service as serviceText, sinkPeer } from "../manifests.ts";

export const ADVERTISEMENTS = 100;
export const ENDPOINTS = 10;

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
    sinkPeer(sinkPort),
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

/** @param isReady the endpoint on NODE */
export const service = (i: number, isReady: boolean): string =>
  serviceText(i, isReady, { labels: [`tenant: t${i % ADVERTISEMENTS}`], endpoints: ENDPOINTS });
