// One peer as the speaker runs it: every default applied, every reference resolved. Owns the type and the question which
// edits need a new session. Knows nothing of MetalLB objects (announce/compile.ts makes these from them).
import { formatIp, type Ip } from "../../kernel/ip.ts";
import type { Asn, PeerName, RouterId, Seconds } from "../../kernel/units.ts";
import type { Family } from "../wire/message.ts";

export interface PeerConfig {
  readonly name: PeerName;
  readonly address: Ip;
  /** TCP port we connect to. */
  readonly port: number;
  /** Bound before connecting; null: the kernel chooses. */
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
  /** Upper bound of the pause between two connection attempts. */
  readonly connectRetryTime: Seconds;
  /** TCP MD5 key; never printed. */
  readonly password: string | null;
  /** External peer more than one hop away: TTL 255 instead of 1. */
  readonly ebgpMultihop: boolean;
  /** Families offered in our OPEN; never empty. */
  readonly families: readonly Family[];
}

/** Text by which two configurations are compared: equal text, same session. Contains the password, so never log it. */
export function sessionParameters(c: PeerConfig): string {
  const { name: _name, address, sourceAddress, ...rest } = c;
  return JSON.stringify({
    ...rest,
    address: formatIp(address),
    sourceAddress: sourceAddress === null ? null : formatIp(sourceAddress),
  });
}

/** Identity of a peer on a node (docs/design.md): address, port, VRF. */
export const peerIdentity = (c: Pick<PeerConfig, "address" | "port" | "vrf">): string =>
  `${formatIp(c.address)}|${c.port}|${c.vrf ?? ""}`;
