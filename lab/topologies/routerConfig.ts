// bgpd's configuration for a router with one neighbour, as every topology wants it: willing to take all routes at once.
// Owns this text only.

export interface RouterConfig {
  readonly asn: number;
  readonly routerId: string;
  readonly neighbor: string;
  readonly neighborAsn: number;
  readonly neighborLines?: readonly string[];
  /** Prefixes the router announces itself. */
  readonly networks?: readonly string[];
}

export function routerConfig(c: RouterConfig): string {
  const neighbor = [`remote-as ${c.neighborAsn}`, "timers connect 1", ...(c.neighborLines ?? [])];
  return [
    `router bgp ${c.asn}`,
    ` bgp router-id ${c.routerId}`,
    " no bgp ebgp-requires-policy", // RFC 8212 would have it take nothing without a policy
    " no bgp network import-check",
    " bgp log-neighbor-changes", // with it the log tells every NOTIFICATION
    ...neighbor.map((line) => ` neighbor ${c.neighbor} ${line}`),
    " address-family ipv4 unicast",
    ...(c.networks ?? []).filter((p) => !p.includes(":")).map((p) => `  network ${p}`),
    " exit-address-family",
    " address-family ipv6 unicast",
    ...(c.networks ?? []).filter((p) => p.includes(":")).map((p) => `  network ${p}`),
    `  neighbor ${c.neighbor} activate`,
    " exit-address-family",
    "exit",
  ].join("\n");
}
