// The smallest useful lab: the machine that owns the VIPs, and its router.
//
//   speaker (AS 65001) ── to-router ───────── to-speaker ── router (FRR, AS 65002 or 65001)
//           192.0.2.1/30  2001:db8:0:1::1/64    …::2/64  192.0.2.2/30
//
// The router takes every route, keeps what it learns in its BGP table and dials as well as listens. With BFD, a bridge stands
// in the middle, so that the path can be cut while both interfaces stay up:
//
//   speaker ── to-segment ── segment (bridge) ── to-segment ── router (FRR: zebra, bfdd, bgpd)
import { type Frr, startFrr } from "../frr.ts";
import { createLab, type Host, type Lab } from "../lab.ts";
import { routerConfig } from "./routerConfig.ts";

export interface OneRouter {
  readonly lab: Lab;
  readonly speaker: Host;
  readonly router: Frr;
  readonly speakerAsn: number;
  readonly routerAsn: number;
  readonly speakerAddress: string;
  readonly routerAddress: string;
  readonly speakerAddress6: string;
  readonly routerAddress6: string;
  /** The cable breaks in the middle, as behind a switch, and is whole again. Only with BFD. */
  cut(): void;
  mend(): void;
}

export interface OneRouterOptions {
  /** `ebgp` (default): the router is in AS 65002. `ibgp`: both are in AS 65001. */
  readonly session?: "ebgp" | "ibgp";
  /** The router only listens. */
  readonly passive?: boolean;
  /** Lines added below the router's `neighbor`, e.g. `timers 3 9` or `password secret`. */
  readonly neighborLines?: readonly string[];
  /** Lines below `bfd` of FRR's configuration: bfdd runs, and the cable can be cut. Absent: neither. */
  readonly bfdd?: readonly string[];
}

const SEGMENT = "segment";

export async function oneRouter(options: OneRouterOptions = {}): Promise<OneRouter> {
  const lab = createLab("oneRouter");
  try {
    const addresses = {
      speakerAddress: "192.0.2.1",
      routerAddress: "192.0.2.2",
      speakerAddress6: "2001:db8:0:1::1",
      routerAddress6: "2001:db8:0:1::2",
    };
    const asns = { speakerAsn: 65_001, routerAsn: options.session === "ibgp" ? 65_001 : 65_002 };
    const speaker = lab.host("speaker");
    const host = lab.host("router");
    const ours = [`${addresses.speakerAddress}/30`, `${addresses.speakerAddress6}/64`];
    const theirs = [`${addresses.routerAddress}/30`, `${addresses.routerAddress6}/64`];
    if (options.bfdd === undefined) lab.link(speaker, host, { addressA: ours, addressB: theirs });
    else {
      lab.attach(speaker, SEGMENT, ours);
      lab.attach(host, SEGMENT, theirs);
    }
    const bgpd = routerConfig({
      asn: asns.routerAsn,
      routerId: addresses.routerAddress,
      neighbor: addresses.speakerAddress,
      neighborAsn: asns.speakerAsn,
      neighborLines: [...(options.passive === true ? ["passive"] : []), ...(options.neighborLines ?? [])],
    });
    const bfdd = options.bfdd === undefined ? {} : { bfdd: ["bfd", ...options.bfdd, ""].join("\n") };
    const router = await startFrr(host, { bgpd, ...bfdd });
    const port = (...args: readonly string[]): void => void lab.host(SEGMENT).ip("link", "set", "to-router", ...args);
    const cable = { cut: () => port("nomaster"), mend: () => port("master", "bridge") };
    return { lab, speaker, router, ...asns, ...addresses, ...cable };
  } catch (error) {
    await lab.close();
    throw error;
  }
}
