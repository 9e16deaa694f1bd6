// FRR as the witness between sites, for those who have a router at a third place and want no other program there. Owns this
// text only; docs/disaster-recovery.md shows the same one, with the addresses of documentation.
// Contract: the best rank wins the one path that FRR tells (no add-path), whatever the number of sites.

export interface FrrWitness {
  readonly asn: number;
  readonly routerId: string;
  /** AS of the sites' speakers. */
  readonly siteAsn: number;
  /** Global administrator of the claims: spec.ownership.asn. */
  readonly claimAsn: number;
  /** TCP MD5 key. */
  readonly key: string;
  /** Addresses of the speakers, of all sites. */
  readonly neighbors: readonly string[];
}

/** Ranks that are told apart; 0 is a promoted site. */
const RANKS = [0, 1, 2, 3] as const;

/** Lines for bgpd. */
export const FRR_WITNESS = (w: FrrWitness): string =>
  [
    ...RANKS.map(
      (rank) =>
        `bgp large-community-list expanded RANK-${rank} permit _${w.claimAsn}:1[0-9][0-9][0-9][0-9][0-9]:${rank}_`,
    ),
    ...RANKS.flatMap((rank, i) => [
      `route-map CLAIMS-IN permit ${10 * (i + 1)}`,
      ` match large-community RANK-${rank}`,
      ` set local-preference ${1000 - rank}`,
      "exit",
    ]),
    "route-map CLAIMS-IN deny 90",
    "exit",
    "route-map CLAIMS-OUT permit 10",
    " set community no-advertise",
    "exit",
    `router bgp ${w.asn}`,
    ` bgp router-id ${w.routerId}`,
    " bgp log-neighbor-changes",
    " neighbor SITES peer-group",
    ` neighbor SITES remote-as ${w.siteAsn}`,
    ` neighbor SITES password ${w.key}`,
    " neighbor SITES ebgp-multihop",
    " neighbor SITES timers 1 3",
    " neighbor SITES advertisement-interval 0",
    ...w.neighbors.map((address) => ` neighbor ${address} peer-group SITES`),
    " address-family ipv4 unicast",
    "  neighbor SITES route-map CLAIMS-IN in",
    "  neighbor SITES route-map CLAIMS-OUT out",
    " exit-address-family",
    "exit",
    "",
  ].join("\n");
