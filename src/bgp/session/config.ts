// One peer as the speaker runs it: every default applied, every reference resolved. Owns the type;
// which edits need a new session is impact.ts's. Knows nothing of MetalLB objects (announce/compile.ts makes these from them).
import type { BfdProfile } from "../../bfd/config.ts";
import type { BfdAuth } from "../../bfd/protocol.ts";
import { formatIp, type Ip, isLinkLocal } from "../../kernel/ip.ts";
import { type Asn, type Millis, type PeerName, type RouterId, Seconds, secondsToMillis } from "../../kernel/units.ts";
import type { Family } from "../wire/message.ts";

export interface PeerConfig {
  readonly name: PeerName;
  /** null: learned from router advertisements on `interface` (unnumbered). */
  readonly address: Ip | null;
  /** Interface of an unnumbered or link-local peer: zone of its address, and the device the socket is bound to. */
  readonly interface: string | null;
  /** TCP port we connect to. */
  readonly port: number;
  /** Which end opens TCP connections; `peer` and `both` need the daemon to listen. */
  readonly opens: "us" | "peer" | "both";
  /** Bound before connecting, and the only address at which its connections are accepted; null: the kernel chooses. */
  readonly sourceAddress: Ip | null;
  /** Linux VRF device the socket is bound to; null: default VRF. */
  readonly vrf: string | null;
  /** The AS this peer sees in our OPEN and in AS_PATH. */
  readonly localAsn: Asn;
  /** Expected AS; `internal` = ours, `external` = any but ours. */
  readonly peerAsn: Asn | "internal" | "external";
  readonly routerId: RouterId;
  /** What we offer; 0 disables hold timer and keepalives. */
  readonly holdTime: Seconds;
  /** Wished interval; the negotiated one is at most a third of the hold time in force. */
  readonly keepaliveTime: Seconds;
  /** Upper bound of the pause between two connection attempts; at least 1. */
  readonly connectRetryTime: Seconds;
  /** How long our data may stand still (RFC 9687); null: twice the hold time in force. */
  readonly sendHoldTime: Seconds | null;
  /** TCP MD5 key; never printed. */
  readonly password: string | null;
  /** External peer more than one hop away: TTL 255 instead of 1. */
  readonly ebgpMultihop: boolean;
  /** GTSM (RFC 5082): hops the peer may be away, 1..254. Sends TTL 255, accepts 256 - hops and more. null: off. */
  readonly gtsmHops: number | null;
  /** Families offered in our OPEN; never empty. */
  readonly families: readonly Family[];
  /** Next hop for routes that say "self", by family; absent: our address on the session. */
  readonly nextHops: Readonly<Partial<Record<Family, Ip>>>;
  /** We ask the peer to keep our routes while we restart (RFC 4724); seconds, 1..4095; null: off. */
  readonly restartTime: Seconds | null;
  /** Prefixes accepted from the peer before the session is ended with Cease/1; 0: no limit. */
  readonly maxPrefixes: number;
  /** Received routes are kept in memory, for looking at them; else they are judged and counted only. */
  readonly keepReceived: boolean;
  /** Path supervision (RFC 5882); null: none. */
  readonly bfd: PeerBfd | null;
}

export interface PeerBfd {
  readonly profile: BfdProfile;
  /** null: packets are not authenticated. Its key is never printed. */
  readonly auth: BfdAuth | null;
  /** No connection before BFD is Up, none after it went Down; AdminDown at either end bars nothing. */
  readonly isStrict: boolean;
}

/** Settings that a plain BGPPeer leaves as they are. */
export const PEER_DEFAULTS = {
  interface: null,
  opens: "us",
  sourceAddress: null,
  vrf: null,
  sendHoldTime: null,
  password: null,
  ebgpMultihop: false,
  gtsmHops: null,
  nextHops: {},
  restartTime: null,
  maxPrefixes: 1_000_000,
  keepReceived: false,
  bfd: null,
} as const satisfies Partial<PeerConfig>;

/** Address, a link-local one with its zone, or the interface of an unnumbered peer, as people read it. */
export const peerHost = (c: Pick<PeerConfig, "address" | "interface">): string =>
  c.address === null ? (c.interface ?? "") : scopedIp(c.address, c.interface);

/** A link-local address means nothing without its zone (RFC 4007 section 11). */
export const scopedIp = (ip: Ip, zone: string | null): string =>
  ip.version === 6 && isLinkLocal(ip) && zone !== null ? `${formatIp(ip)}%${zone}` : formatIp(ip);

/** At least a second, whatever was written: below that a peer that refuses us would be hammered. */
export const connectRetryTime = (c: Pick<PeerConfig, "connectRetryTime">): Millis =>
  secondsToMillis(Seconds(Math.max(1, c.connectRetryTime)));

/** Identity of a peer on a node (docs/design.md): address or interface, port, VRF. */
export const peerIdentity = (c: Pick<PeerConfig, "address" | "interface" | "port" | "vrf">): string =>
  `${peerHost(c)}|${c.port}|${c.vrf ?? ""}`;

/** Everything of a configuration as text, for noticing any change. Contains the password, so never log it. */
export const peerConfigText = (c: PeerConfig): string => JSON.stringify(c);
