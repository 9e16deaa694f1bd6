// SHELL: vipcast's speaker on a real socket, without sources: what is left of the daemon when its table comes from a loop.
// Owns the order of session and table. Everything measured is the product's: Speaker, AdjRibOut, packer, TcpNetwork.
import { realClock, realRandom, realTimers } from "../../src/app/realTime.ts";
import type { PeerObserver } from "../../src/bgp/peerSurroundings.ts";
import { PEER_DEFAULTS, type PeerConfig } from "../../src/bgp/session/config.ts";
import { Speaker } from "../../src/bgp/speaker.ts";
import { TcpNetwork } from "../../src/bgp/transport.ts";
import type { RouteAttributes } from "../../src/bgp/wire/message.ts";
import { BARE_ATTRIBUTES } from "../../src/bgp/wire/routeAttributes.ts";
import { ipv4, prefixOf } from "../../src/kernel/ip.ts";
import { Asn, PeerName, RouterId, Seconds } from "../../src/kernel/units.ts";
import { now, say } from "../roles.ts";
import { SINK_ASN } from "../sink.ts";
import { addressOf, setOf, type Table } from "./table.ts";

export type Order = "sessionFirst" | "tableFirst";

const PEER = PeerName("sink");

const attributesOf = (set: number): RouteAttributes => ({
  ...BARE_ATTRIBUTES,
  communities: [65001 * 65536 + set],
});

/** Withdraws everything: route by route on SIGUSR2, as a daemon that stops on SIGALRM. @param port of the sink */
export function runSpeaker(port: number, { count, sets }: Table, order: Order): void {
  const injector = new TableInjector(
    { count, sets },
    {
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
  );
  const setTable = (): void => say("set", injector.announce());
  process.on("SIGUSR2", () => say("withdrawing", injector.withdraw()));
  process.on("SIGALRM", () => {
    say("stopping", { started: now() });
    void injector.speaker.shutdown("bench");
  });
  injector.connect(port);
  setInterval(() => {}, 60_000); // without peers there is nothing that would keep the process
  // the connection cannot be up before this turn ends
  if (order === "tableFirst") setTable();
}

/** A change of the whole table: when it began, and when the speaker had taken note of it; as `now` of roles.ts. */
type Recorded = { readonly started: string; readonly recorded: string };

/** A speaker with a table, and one peer that gets all of it. */
export class TableInjector {
  readonly speaker: Speaker;
  readonly #count: number;
  readonly #sets: number;
  readonly #attributeSets: readonly RouteAttributes[];

  constructor({ count, sets }: Table, observer: PeerObserver) {
    this.#count = count;
    this.#sets = sets;
    this.#attributeSets = Array.from({ length: sets }, (_, set) => attributesOf(set));
    const network = new TcpNetwork();
    this.speaker = new Speaker({ clock: realClock, timers: realTimers, random: realRandom, network, observer });
  }

  announce(): Recorded {
    return this.#record((i) => this.#attributeSets[setOf(i, this.#sets)] ?? null);
  }

  withdraw(): Recorded {
    return this.#record(() => null);
  }

  #record(wanted: (i: number) => RouteAttributes | null): Recorded {
    const started = now();
    for (let i = 0; i < this.#count; i++) this.speaker.setRoute(PEER, prefixOf(ipv4(addressOf(i)), 32), wanted(i));
    const recorded = now();
    this.speaker.flush(true);
    return { started, recorded };
  }

  /** @param port of the sink, on loopback */
  connect(port: number): void {
    this.speaker.setPeers([peerAt(port)]);
  }
}

const peerAt = (port: number): PeerConfig => ({
  ...PEER_DEFAULTS,
  name: PEER,
  address: ipv4(0x7f00_0001),
  // as for everyone here: with the peer's own address the next hop would be the peer itself
  sourceAddress: ipv4(0x7f00_0002),
  port,
  localAsn: Asn(65001),
  peerAsn: Asn(SINK_ASN),
  routerId: RouterId(0x0aff_ff01),
  holdTime: Seconds(180),
  keepaliveTime: Seconds(60),
  connectRetryTime: Seconds(1),
  families: ["ipv4-unicast"],
});
