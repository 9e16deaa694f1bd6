// A speaker and FRR's bfdd with a cable that can be cut in the middle.
//
//   speaker ── to-segment ─────────  segment (bridge)  ───────── to-segment ── router (FRR: zebra, bfdd)
//   192.0.2.1/24  2001:db8::1/64                            192.0.2.2/24  2001:db8::2/64
//   lo 198.51.100.1/32, for multihop                        lo 198.51.100.2/32
//
// Cut: the bridge forgets its port, and both interfaces stay up, as behind a switch.
import { type Frr, startFrr } from "../frr.ts";
import { createLab, type Host, type Lab } from "../lab.ts";

export interface BfdPair {
  readonly lab: Lab;
  readonly speaker: Host;
  readonly router: Frr;
  readonly interface: string;
  cut(): void;
  mend(): void;
}

export const SPEAKER = { v4: "192.0.2.1", v6: "2001:db8::1", loopback: "198.51.100.1" } as const;
export const ROUTER = { v4: "192.0.2.2", v6: "2001:db8::2", loopback: "198.51.100.2" } as const;
const SEGMENT = "segment";

/** @param bfdd lines below `bfd` of FRR's configuration */
export async function bfdPair(bfdd: readonly string[]): Promise<BfdPair> {
  const lab = createLab("bfdPair");
  try {
    const [speaker, router] = [lab.host("speaker"), lab.host("router")];
    const name = lab.attach(speaker, SEGMENT, [`${SPEAKER.v4}/24`, `${SPEAKER.v6}/64`]);
    lab.attach(router, SEGMENT, [`${ROUTER.v4}/24`, `${ROUTER.v6}/64`]);
    speaker.addAddress("lo", `${SPEAKER.loopback}/32`);
    router.addAddress("lo", `${ROUTER.loopback}/32`);
    speaker.addRoute(`${ROUTER.loopback}/32`, ROUTER.v4);
    router.addRoute(`${SPEAKER.loopback}/32`, SPEAKER.v4);
    const frr = await startFrr(router, { bfdd: ["bfd", ...bfdd, ""].join("\n") });
    const segment = lab.host(SEGMENT);
    const port = "to-router";
    return {
      lab,
      speaker,
      router: frr,
      interface: name,
      cut: () => void segment.ip("link", "set", port, "nomaster"),
      mend: () => void segment.ip("link", "set", port, "master", "bridge"),
    };
  } catch (error) {
    await lab.close();
    throw error;
  }
}
