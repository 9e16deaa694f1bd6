// A router behind the speaker's router, to see what the first one passes on.
//
//   speaker (AS 65001) ── 192.0.2.0/30 ── near (FRR, AS 65002) ── 192.0.2.4/30 ── far (FRR, AS 65003)
import { startFrr } from "../frr.ts";
import { createLab, type Host, type Lab } from "../lab.ts";
import { routerConfig } from "./routerConfig.ts";
import type { Uplink } from "./twoRouters.ts";

export interface Chain {
  readonly lab: Lab;
  readonly speaker: Host;
  readonly speakerAsn: number;
  readonly near: Uplink;
  /** Its "speaker" is the near router. */
  readonly far: Uplink;
}

export async function chain(): Promise<Chain> {
  const lab = createLab("chain");
  try {
    const [speaker, near, far] = [lab.host("speaker"), lab.host("near"), lab.host("far")];
    const first = lab.link(speaker, near, { addressA: "192.0.2.1/30", addressB: "192.0.2.2/30" });
    const second = lab.link(near, far, { addressA: "192.0.2.5/30", addressB: "192.0.2.6/30" });
    const towardsSpeaker = routerConfig({
      asn: 65_002,
      routerId: "192.0.2.2",
      neighbor: "192.0.2.1",
      neighborAsn: 65_001,
    });
    const towardsFar = routerConfig({ asn: 65_002, routerId: "192.0.2.2", neighbor: "192.0.2.6", neighborAsn: 65_003 });
    const behind = routerConfig({ asn: 65_003, routerId: "192.0.2.6", neighbor: "192.0.2.5", neighborAsn: 65_002 });
    const [nearRouter, farRouter] = await Promise.all([
      startFrr(near, { bgpd: `${towardsSpeaker}\n${towardsFar}` }),
      startFrr(far, { bgpd: behind }),
    ]);
    const uplink = (router: Uplink["router"], routerAsn: number, routerAddress: string, speakerAddress: string) => ({
      router,
      routerAsn,
      routerAddress,
      speakerAddress,
    });
    return {
      lab,
      speaker,
      speakerAsn: 65_001,
      near: { ...uplink(nearRouter, 65_002, "192.0.2.2", "192.0.2.1"), speakerInterface: first.interfaceA },
      far: { ...uplink(farRouter, 65_003, "192.0.2.6", "192.0.2.5"), speakerInterface: second.interfaceA },
    };
  } catch (error) {
    await lab.close();
    throw error;
  }
}
