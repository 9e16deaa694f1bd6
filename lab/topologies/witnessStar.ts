// A witness in the middle of two sites' speakers, and a router that peers with it by mistake.
//
//   north (AS 65008) ── .1 ─ 192.0.2.0/30 ─ .2 ── witness (AS 65009) ── .6 ─ 192.0.2.4/30 ─ .5 ── south (AS 65008)
//                                                   │ .10 ─ 192.0.2.8/30 ─ .9 ── router (FRR, AS 65020)
//
// The witness is a vipcast or an FRR: whoever uses this starts it. Owns hosts, addresses and the router's configuration.
import { type Frr, startFrr } from "../frr.ts";
import { createLab, type Host, type Lab } from "../lab.ts";
import { routerConfig } from "./routerConfig.ts";

export const SITE_ASN = 65_008;
export const WITNESS_ASN = 65_009;
export const ROUTER_ASN = 65_020;
/** TCP MD5 key of all sessions of the witness: of this laboratory only. */
export const WITNESS_KEY = "witness-lab";

/** Addresses of the two ends of each cable. */
export const CABLES = {
  north: { own: "192.0.2.1", witness: "192.0.2.2" },
  south: { own: "192.0.2.5", witness: "192.0.2.6" },
  router: { own: "192.0.2.9", witness: "192.0.2.10" },
} as const;

export interface WitnessStar {
  readonly lab: Lab;
  readonly north: Host;
  readonly south: Host;
  readonly witness: Host;
  readonly router: Frr;
}

/** @throws Error when this machine cannot (see labProblem), or the router does not start */
export async function witnessStar(): Promise<WitnessStar> {
  const lab = createLab("witnessStar");
  try {
    const witness = lab.host("witness");
    const join = (name: keyof typeof CABLES): Host => {
      const host = lab.host(name);
      const { own, witness: middle } = CABLES[name];
      lab.link(host, witness, { addressA: `${own}/30`, addressB: `${middle}/30` });
      return host;
    };
    const [north, south, routerHost] = [join("north"), join("south"), join("router")];
    const bgpd = routerConfig({
      asn: ROUTER_ASN,
      routerId: CABLES.router.own,
      neighbor: CABLES.router.witness,
      neighborAsn: WITNESS_ASN,
      neighborLines: [`password ${WITNESS_KEY}`, "ebgp-multihop"],
    });
    return { lab, north, south, witness, router: await startFrr(routerHost, { bgpd }) };
  } catch (error) {
    await lab.close();
    throw error;
  }
}
