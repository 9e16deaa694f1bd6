// A speaker and a router that speaks BFD, FRR's bfdd or another, with a cable that can be cut in the middle.
//
//   speaker ── to-segment ─────────  segment (bridge)  ───────── to-segment ── router (e.g. FRR: zebra, bfdd)
//   192.0.2.1/24  2001:db8::1/64                            192.0.2.2/24  2001:db8::2/64
//   lo 198.51.100.1/32, for multihop                        lo 198.51.100.2/32
//      2001:db8:100::1/128                                     2001:db8:100::2/128
//
// Cut: the bridge forgets its port, and both interfaces stay up, as behind a switch.
import { type Frr, startFrr } from "../frr.ts";
import { createLab, type Host, type Lab } from "../lab.ts";

export interface BfdPair<R = Frr> {
  readonly lab: Lab;
  readonly speaker: Host;
  readonly router: R;
  readonly interface: string;
  cut(): void;
  mend(): void;
}

export const SPEAKER = {
  v4: "192.0.2.1",
  v6: "2001:db8::1",
  loopback: "198.51.100.1",
  loopback6: "2001:db8:100::1",
} as const;
export const ROUTER = {
  v4: "192.0.2.2",
  v6: "2001:db8::2",
  loopback: "198.51.100.2",
  loopback6: "2001:db8:100::2",
} as const;
const SEGMENT = "segment";

/** @param bfdd lines below `bfd` of FRR's configuration */
export const bfdPair = (bfdd: readonly string[]): Promise<BfdPair> =>
  bfdPairWith((host) => startFrr(host, { bfdd: ["bfd", ...bfdd, ""].join("\n") }));

/** @param startRouter starts what is to be the router, on its host */
export async function bfdPairWith<R>(startRouter: (host: Host) => Promise<R>): Promise<BfdPair<R>> {
  const lab = createLab("bfdPair");
  try {
    const [speaker, host] = [lab.host("speaker"), lab.host("router")];
    const name = lab.attach(speaker, SEGMENT, [`${SPEAKER.v4}/24`, `${SPEAKER.v6}/64`]);
    lab.attach(host, SEGMENT, [`${ROUTER.v4}/24`, `${ROUTER.v6}/64`]);
    for (const [own, ours, theirs] of [
      [speaker, SPEAKER, ROUTER],
      [host, ROUTER, SPEAKER],
    ] as const) {
      own.addAddress("lo", `${ours.loopback}/32`);
      own.addAddress("lo", `${ours.loopback6}/128`);
      own.addRoute(`${theirs.loopback}/32`, theirs.v4);
      own.ip("-6", "route", "add", `${theirs.loopback6}/128`, "via", theirs.v6);
    }
    const router = await startRouter(host);
    const segment = lab.host(SEGMENT);
    const port = "to-router";
    return {
      lab,
      speaker,
      router,
      interface: name,
      cut: () => void segment.ip("link", "set", port, "nomaster"),
      mend: () => void segment.ip("link", "set", port, "master", "bridge"),
    };
  } catch (error) {
    await lab.close();
    throw error;
  }
}
