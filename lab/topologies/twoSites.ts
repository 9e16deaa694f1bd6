// Two sites behind one backbone, as a proof of concept of BGP-driven disaster recovery had them: workers that own VIPs, a router
// per site that learns them by iBGP and passes them on into OSPF, and a client behind a third router.
//
//   client ── 198.51.100.0/24 ── access .253 ──┬── backbone 199.10.1.0/24, OSPF area 0
//   witness ── 203.0.113.0/24 ──┘              │
//                                  hub .254 ───┴─── dr .252
//                                   │                │
//            primary 192.100.1.0/24, .254    recovery 192.200.1.0/24, .254
//                   p221   p222                   r221   r222
//
// Every segment is a bridge, so that a cable can break in its middle while both interfaces stay up. All BGP is AS 65008.
// Owns hosts, addresses and the routers' configuration. Knows nothing of what the workers run. Contract: the subnets exist
// inside the lab's namespaces only.
import { type Frr, startFrr } from "../frr.ts";
import { createLab, type Host, type Lab } from "../lab.ts";

export const ASN = 65_008;
/** Of the witness, where one runs; the routers do not speak with it. */
export const WITNESS_ASN = 65_009;
export const VIP = "192.11.1.100";
export const VIP_PREFIX = `${VIP}/32`;
/** TCP MD5 key between speakers and routers: of this laboratory only. */
export const PASSWORD = "two-sites-lab";
/** Ranges of the three pools; the routers let only /32s out of these into OSPF. */
export const POOLS = {
  manual: "192.11.1.100-192.11.1.199",
  automatic: "192.22.1.100-192.22.1.199",
  single: "192.33.1.100/32",
} as const;
const POOL_NETWORKS = ["192.11.1.0/24", "192.22.1.0/24", "192.33.1.0/24"] as const;
/** BFD between all neighbours, milliseconds. */
export const BFD_INTERVAL = 200;

export type SiteName = "primary" | "recovery";
export type WorkerName = "p221" | "p222" | "r221" | "r222";
export type RouterName = "hub" | "access" | "dr";

export interface Worker {
  readonly name: WorkerName;
  readonly site: SiteName;
  readonly host: Host;
  readonly address: string;
  /** Its site's router, which is also its default gateway. */
  readonly router: RouterName;
  readonly routerAddress: string;
}

export interface TwoSites {
  readonly lab: Lab;
  readonly routers: Readonly<Record<RouterName, Frr>>;
  readonly workers: Readonly<Record<WorkerName, Worker>>;
  readonly client: Host;
  readonly witness: Host;
  /** Breaks the cable of a host to a segment in its middle; all interfaces stay up. */
  cut(host: HostName, segment: Segment): void;
  mend(host: HostName, segment: Segment): void;
}

export type HostName = WorkerName | RouterName;
export type Segment = "backbone" | SiteName;

export interface TwoSitesOptions {
  /**
   * `plain`: routers as in the proof of concept. `recommended` (default): with the settings that docs/disaster-recovery.md asks
   * for: a route of our own site's speakers beats what OSPF says of the other site, and OSPF floods and computes at once.
   */
  readonly routers?: "plain" | "recommended";
}

export const SITES: Readonly<
  Record<SiteName, { readonly network: string; readonly router: RouterName; readonly host: (n: string) => string }>
> = {
  primary: { network: "192.100.1.0/24", router: "hub", host: (n) => `192.100.1.${n}` },
  recovery: { network: "192.200.1.0/24", router: "dr", host: (n) => `192.200.1.${n}` },
};
export const BACKBONE: Readonly<Record<RouterName, string>> = {
  hub: "199.10.1.254",
  access: "199.10.1.253",
  dr: "199.10.1.252",
};
export const WORKERS: readonly { readonly name: WorkerName; readonly site: SiteName; readonly number: string }[] = [
  { name: "p221", site: "primary", number: "221" },
  { name: "p222", site: "primary", number: "222" },
  { name: "r221", site: "recovery", number: "221" },
  { name: "r222", site: "recovery", number: "222" },
];
export const WITNESS = "203.0.113.10";
export const CLIENT = "198.51.100.10";

/** @throws Error when this machine cannot (see labProblem), or a router does not take its configuration */
export async function twoSites(options: TwoSitesOptions = {}): Promise<TwoSites> {
  const lab = createLab("twoSites");
  try {
    const style = options.routers ?? "recommended";
    const segments = { backbone: "backbone", primary: "primary", recovery: "recovery" } as const;
    const hosts = { hub: lab.host("hub"), access: lab.host("access"), dr: lab.host("dr") };
    for (const name of ["hub", "access", "dr"] as const) {
      lab.attach(hosts[name], segments.backbone, `${BACKBONE[name]}/24`);
      hosts[name].enableForwarding();
      hosts[name].sysctl("net.ipv4.fib_multipath_hash_policy", "1"); // by port too: one client shows both workers
    }
    const client = lab.host("client");
    const witness = lab.host("witness");
    lab.link(client, hosts.access, { addressA: `${CLIENT}/24`, addressB: "198.51.100.254/24" });
    lab.link(witness, hosts.access, { addressA: `${WITNESS}/24`, addressB: "203.0.113.254/24" });
    client.addRoute("default", "198.51.100.254");
    witness.addRoute("default", "203.0.113.254");
    for (const site of ["primary", "recovery"] as const) {
      lab.attach(hosts[SITES[site].router === "hub" ? "hub" : "dr"], segments[site], `${SITES[site].host("254")}/24`);
    }
    const workers = WORKERS.map(({ name, site, number }): [WorkerName, Worker] => {
      const host = lab.host(name);
      const [address, routerAddress] = [SITES[site].host(number), SITES[site].host("254")];
      lab.attach(host, segments[site], `${address}/24`);
      host.addRoute("default", routerAddress);
      host.addAddress("lo", VIP_PREFIX);
      return [name, { name, site, host, address, router: SITES[site].router, routerAddress }];
    });
    const [hub, access, dr] = await Promise.all([
      startFrr(hosts.hub, siteRouter("primary", style)),
      startFrr(hosts.access, { ospfd: ospf("access", style), bfdd: BFD }),
      startFrr(hosts.dr, siteRouter("recovery", style)),
    ]);
    const port = (host: HostName, segment: Segment, ...args: readonly string[]): void =>
      void lab.host(segment).ip("link", "set", `to-${host}`, ...args);
    return {
      lab,
      routers: { hub, access, dr },
      workers: Object.fromEntries(workers) as Readonly<Record<WorkerName, Worker>>,
      client,
      witness,
      cut: (host, segment) => port(host, segment, "nomaster"),
      mend: (host, segment) => port(host, segment, "master", "bridge"),
    };
  } catch (error) {
    await lab.close();
    throw error;
  }
}

export const BFD = `bfd
 profile site
  transmit-interval ${BFD_INTERVAL}
  receive-interval ${BFD_INTERVAL}
 exit
 profile backbone
  transmit-interval 100
  receive-interval 100
 exit
exit
`;

/** Communities by which speakers say how much their site wants the VIP, and the OSPF metric that the routers make of them. */
export const RANKS = [
  { community: `${ASN}:2`, tag: 2, metric: 200 },
  { community: `${ASN}:3`, tag: 3, metric: 300 },
] as const;

type Style = NonNullable<TwoSitesOptions["routers"]>;

/** Configuration of a site's router, for bgpd, ospfd and bfdd. */
export function siteRouter(
  site: SiteName,
  style: Style,
): { readonly bgpd: string; readonly ospfd: string; readonly bfdd: string } {
  const { router, host } = SITES[site];
  const neighbors = WORKERS.filter((w) => w.site === site).map((w) => host(w.number));
  const bgpd = `
${RANKS.map((r) => `bgp community-list standard RANK-${r.tag} permit ${r.community}`).join("\n")}
bgp community-list standard SHUTDOWN permit graceful-shutdown
route-map FROM-WORKERS permit 5
 match community SHUTDOWN
 set local-preference 0
 set tag 9
exit
${RANKS.map((r) => `route-map FROM-WORKERS permit ${r.tag * 10}\n match community RANK-${r.tag}\n set tag ${r.tag}\nexit`).join("\n")}
route-map FROM-WORKERS permit 90
exit
router bgp ${ASN}
 bgp router-id ${host("254")}
 bgp log-neighbor-changes
 neighbor WORKERS peer-group
 neighbor WORKERS remote-as ${ASN}
 neighbor WORKERS password ${PASSWORD}
 neighbor WORKERS timers 1 3
 neighbor WORKERS timers connect 1
 neighbor WORKERS bfd
 neighbor WORKERS bfd profile site
 neighbor WORKERS bfd check-control-plane-failure
${neighbors.map((n) => ` neighbor ${n} peer-group WORKERS`).join("\n")}
 address-family ipv4 unicast
  neighbor WORKERS route-map FROM-WORKERS in
  maximum-paths ibgp 8
${style === "recommended" ? "  distance bgp 20 100 100\n" : ""} exit-address-family
exit
`;
  return { bgpd, ospfd: ospf(router, style), bfdd: BFD };
}

function ospf(router: RouterName, style: Style): string {
  const passive = router === "access" ? ["to-client", "to-witness"] : [router === "hub" ? "to-primary" : "to-recovery"];
  const fast =
    style === "recommended"
      ? " timers throttle spf 0 20 200\n timers throttle lsa all 0\n timers lsa min-arrival 0\n"
      : "";
  return `
${POOL_NETWORKS.map((n) => `ip prefix-list VIPS permit ${n} ge 32`).join("\n")}
${RANKS.map((r) => `route-map VIPS permit ${r.tag * 10}\n match ip address prefix-list VIPS\n match tag ${r.tag}\n set metric ${r.metric}\nexit`).join("\n")}
route-map VIPS permit 80
 match ip address prefix-list VIPS
 match tag 9
 set metric 900
exit
route-map VIPS permit 90
 match ip address prefix-list VIPS
 set metric 100
exit
interface to-backbone
 ip ospf area 0
 ip ospf hello-interval 1
 ip ospf dead-interval 4
 ip ospf bfd
 ip ospf bfd profile ${style === "recommended" ? "backbone" : "site"}
${style === "recommended" ? " ip ospf network point-to-multipoint\n" : ""}exit
${passive.map((name) => `interface ${name}\n ip ospf area 0\n ip ospf passive\nexit`).join("\n")}
router ospf
 log-adjacency-changes
 ospf router-id ${BACKBONE[router]}
${router === "access" ? "" : " redistribute bgp route-map VIPS\n"}${fast} maximum-paths 8
exit
`;
}
