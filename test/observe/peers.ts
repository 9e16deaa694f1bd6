// Peers in the shape that status and metrics read, without sessions behind them.
import { newCounters, type PeerCounters } from "../../src/bgp/counters.ts";
import { AdjRibOut } from "../../src/bgp/rib/adjRibOut.ts";
import { PEER_DEFAULTS, type PeerConfig } from "../../src/bgp/session/config.ts";
import type { Agreement } from "../../src/bgp/session/negotiate.ts";
import { initialPeer, type PeerState } from "../../src/bgp/session/peer.ts";
import type { Family, OpenMessage } from "../../src/bgp/wire/message.ts";
import { parseIp, parsePrefix } from "../../src/kernel/ip.ts";
import { Asn, Millis, PeerName, RouterId, Seconds } from "../../src/kernel/units.ts";
import type { PeerView } from "../../src/observe/peerView.ts";
import { routeAttributes } from "../bgp/wire/support.ts";

export const PASSWORD = "p4ssw0rd-of-the-peer";

export function ip(text: string) {
  const value = parseIp(text);
  if (value === null) throw new Error(`no address: ${text}`);
  return value;
}

export const peerConfig = (over: Partial<PeerConfig> = {}): PeerConfig => ({
  name: PeerName("tor-a"),
  address: ip("192.0.2.1"),
  ...PEER_DEFAULTS,
  port: 179,
  localAsn: Asn(64500),
  peerAsn: Asn(64501),
  routerId: RouterId(0x0a000001),
  holdTime: Seconds(90),
  keepaliveTime: Seconds(30),
  connectRetryTime: Seconds(5),
  password: PASSWORD,
  families: ["ipv4-unicast"],
  ...over,
});

const negotiated: Agreement = {
  localAsn: Asn(64500),
  peerAsn: Asn(64501),
  isInternal: false,
  fourOctetAsn: true,
  extendedMessage: false,
  families: ["ipv4-unicast"],
  extendedNextHop: false,
  routeRefresh: true,
  enhancedRouteRefresh: false,
  holdTime: Seconds(9),
  keepaliveTime: Seconds(3),
  gracefulNotification: false,
  peerRestarts: false,
};

const open: OpenMessage = {
  type: "open",
  version: 4,
  asn: 64501,
  holdTime: Seconds(9),
  identifier: 1,
  capabilities: [
    { type: "multiprotocol", afi: 1, safi: 1 },
    { type: "fqdn", hostname: "evil\u001b[2J", domain: "" },
  ],
};

export const attributes = routeAttributes();

export interface PeerOptions {
  readonly config?: Partial<PeerConfig>;
  readonly state?: Partial<PeerState>;
  readonly counters?: Partial<PeerCounters>;
  /** IPv4 prefixes that should be at the peer; those of `sent` are. */
  readonly wanted?: readonly string[];
  readonly isUp?: boolean;
  readonly nextHopProblems?: readonly (readonly [Family, string])[];
}

/** `isUp`: everything wanted has been sent. */
export function peer({
  config,
  state,
  counters,
  wanted = [],
  isUp = false,
  nextHopProblems = [],
}: PeerOptions = {}): PeerView {
  const full = peerConfig(config);
  const rib = new AdjRibOut(4);
  for (const text of wanted) {
    const prefix = parsePrefix(text);
    if (prefix !== null) rib.want(prefix, attributes);
  }
  for (let set = isUp ? rib.nextPendingSet() : null; set !== null; set = rib.nextPendingSet()) {
    rib.takeAnnouncements(set, 1000, () => {});
  }
  const base = initialPeer(full, Millis(0));
  const up: Partial<PeerState> = {
    out: {
      name: "Established",
      negotiated,
      peerOpen: open,
      holdDeadline: null,
      keepaliveDeadline: null,
      sendHoldDeadline: null,
    },
  };
  return {
    config: full,
    state: { ...base, ...(isUp ? up : {}), ...state },
    stateName: isUp ? "Established" : "Active",
    negotiated: isUp ? negotiated : null,
    counters: { ...newCounters(), ...counters },
    ribs: () => new Map<Family, AdjRibOut>([["ipv4-unicast", rib]]),
    receivedCount: 0,
    lastFaultyUpdate: null,
    remoteAddress: full.address,
    nextHopProblems: () => new Map(nextHopProblems),
  };
}
