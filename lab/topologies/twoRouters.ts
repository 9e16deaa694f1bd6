// A node with two uplinks, as in a rack with two top-of-rack switches.
//
//                         ┌─ to-left ── 192.0.2.0/30 ── left  (FRR, AS 65002)
//   speaker (AS 65001) ───┤
//                         └─ to-right ─ 192.0.2.4/30 ── right (FRR, AS 65003, or 65001 with rightSession "ibgp")
//
// The routers do not talk to each other, so what one of them knows it heard from the speaker.
import { type Frr, startFrr } from "../frr.ts";
import { createLab, type Host, type Lab } from "../lab.ts";
import { routerConfig } from "./routerConfig.ts";

export interface Uplink {
  readonly router: Frr;
  readonly routerAsn: number;
  readonly routerAddress: string;
  /** The speaker's address on this link. */
  readonly speakerAddress: string;
  /** The speaker's interface on this link, for `speaker.setLink`. */
  readonly speakerInterface: string;
}

export interface TwoRouters {
  readonly lab: Lab;
  readonly speaker: Host;
  readonly speakerAsn: number;
  readonly left: Uplink;
  readonly right: Uplink;
}

export interface TwoRoutersOptions {
  readonly rightSession?: "ebgp" | "ibgp";
  /** Lines added below each router's `neighbor`. */
  readonly neighborLines?: readonly string[];
  /** Lines below `bfd` of each router's configuration: bfdd runs. Absent: it does not. */
  readonly bfdd?: readonly string[];
}

export async function twoRouters(options: TwoRoutersOptions = {}): Promise<TwoRouters> {
  const lab = createLab("twoRouters");
  const speakerAsn = 65_001;
  const speaker = lab.host("speaker");
  const uplink = async (name: string, routerAsn: number, speakerAddress: string, routerAddress: string) => {
    const host = lab.host(name);
    const link = lab.link(speaker, host, { addressA: `${speakerAddress}/30`, addressB: `${routerAddress}/30` });
    const neighborLines = options.neighborLines ?? [];
    const neighbor = { neighbor: speakerAddress, neighborAsn: speakerAsn, neighborLines };
    const bfdd = options.bfdd === undefined ? {} : { bfdd: ["bfd", ...options.bfdd, ""].join("\n") };
    const router = await startFrr(host, {
      ...bfdd,
      bgpd: routerConfig({ asn: routerAsn, routerId: routerAddress, ...neighbor }),
    });
    return { router, routerAsn, routerAddress, speakerAddress, speakerInterface: link.interfaceA };
  };
  try {
    const [left, right] = await Promise.all([
      uplink("left", 65_002, "192.0.2.1", "192.0.2.2"),
      uplink("right", options.rightSession === "ibgp" ? speakerAsn : 65_003, "192.0.2.5", "192.0.2.6"),
    ]);
    return { lab, speaker, speakerAsn, left, right };
  } catch (error) {
    await lab.close();
    throw error;
  }
}
