// SHELL: vipcast's speaker on a real socket, without sources: what is left of the daemon when its table comes from a loop.
// Owns the order of session and table. Everything measured is the product's: Speaker, AdjRibOut, packer, TcpNetwork.
import { realClock, realRandom, realTimers } from "../../src/app/realTime.ts";
import { PEER_DEFAULTS } from "../../src/bgp/session/config.ts";
import { Speaker } from "../../src/bgp/speaker.ts";
import { TcpNetwork } from "../../src/bgp/transport.ts";
import type { RouteAttributes } from "../../src/bgp/wire/message.ts";
import { ipv4, prefixOf } from "../../src/kernel/ip.ts";
import { Asn, PeerName, RouterId, Seconds } from "../../src/kernel/units.ts";
import { now, say } from "../roles.ts";
import { SINK_ASN } from "../sink.ts";
import { addressOf, SETS, setOf } from "./table.ts";

export type Order = "sessionFirst" | "tableFirst";

const PEER = PeerName("sink");

const attributeSets: readonly RouteAttributes[] = Array.from({ length: SETS }, (_, set) => ({
  nextHop: "self",
  localPref: null,
  med: null,
  asPathPrepend: 0,
  communities: [65001 * 65536 + set],
  largeCommunities: [],
  linkBandwidth: null,
}));

/** @param port of the sink. @param count number of routes */
export function runSpeaker(port: number, count: number, order: Order): void {
  const speaker = new Speaker({
    clock: realClock,
    timers: realTimers,
    random: realRandom,
    network: new TcpNetwork(),
    observer: {
      stateChanged: (_runner, _from, to) => {
        // the handshake ends first: what follows is work of its own
        if (to !== "Established") return;
        const { user, system } = process.cpuUsage();
        say("up", { cpuSeconds: (user + system) / 1e6 });
        if (order === "sessionFirst") setImmediate(setTable);
      },
      ended: () => say("ended"),
      updateFaults: () => {},
      defect: (_runner, error) => say("defect", { error: String(error) }),
    },
  });
  const setTable = (): void => {
    const started = now();
    for (let i = 0; i < count; i++) {
      speaker.setRoute(PEER, prefixOf(ipv4(addressOf(i)), 32), attributeSets[setOf(i)] ?? null);
    }
    const recorded = now();
    speaker.flush(true);
    say("set", { started, recorded });
  };
  speaker.setPeers([
    {
      ...PEER_DEFAULTS,
      name: PEER,
      address: ipv4(0x7f00_0001),
      port,
      localAsn: Asn(65001),
      peerAsn: Asn(SINK_ASN),
      routerId: RouterId(0x0aff_ff01),
      holdTime: Seconds(180),
      keepaliveTime: Seconds(60),
      connectRetryTime: Seconds(1),
      families: ["ipv4-unicast"],
    },
  ]);
  // the connection cannot be up before this turn ends
  if (order === "tableFirst") setTable();
}
