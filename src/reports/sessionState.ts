// BGPSessionState of vipcast.io: one session of this node, with the fields that FRR-K8s' kind of the same name has (metallb-compat
// 1.8), and since when and why besides. Owns labels, names and words. Contract: pure; a peer is told by address or interface, port
// and VRF, so that a renamed BGPPeer keeps its object.
import { formatIp, type Ip } from "../kernel/ip.ts";
import { BGP_SESSION_STATES } from "../kube/resources.ts";
import type { Report, ReportKind } from "./report.ts";

const NODE = "vipcast.io/node";
const PEER = "vipcast.io/peer";
const PORT = "vipcast.io/port";
const VRF = "vipcast.io/vrf";
/** Characters of an error: remotes have a say in it. */
const MAX_ERROR = 512;

/** A peer of this node as the daemon knows it. */
export interface PeerFacts {
  /** Of the BGPPeer. */
  readonly name: string;
  readonly address: Ip | null;
  /** Of an unnumbered peer. */
  readonly interface: string | null;
  readonly port: number;
  readonly vrf: string | null;
  /** RFC 4271's word. */
  readonly bgpStatus: string;
  /** null: BFD does not watch it. */
  readonly bfd: "up" | "down" | "adminDown" | "unknown" | null;
  /** RFC 3339; null: no session was ever tried. */
  readonly since: string | null;
  /** null: nothing has failed. */
  readonly lastError: string | null;
}

/** FRR's words; before its first packet a session is down. */
const BFD_WORDS = { up: "up", down: "down", adminDown: "shutdown", unknown: "down" } as const;

export const sessionStateKind = (node: string): ReportKind => ({
  resource: BGP_SESSION_STATES,
  select: { labelSelector: `${NODE}=${node}` },
  keyOf: ({ labels }) =>
    labels[NODE] !== node || labels[PEER] === undefined
      ? null
      : keyOf(labels[PEER], labels[PORT] ?? "", labels[VRF] ?? ""),
});

const keyOf = (peer: string, port: string, vrf: string): string => `${peer}|${port}|${vrf}`;

export function sessionState(node: string, facts: PeerFacts): Report {
  const { address, port, vrf, bgpStatus, bfd, since, lastError, name } = facts;
  const peer = address === null ? (facts.interface ?? "") : peerLabel(address);
  const words = { bgpStatus, bfdStatus: bfd === null ? "N/A" : BFD_WORDS[bfd] };
  return {
    key: keyOf(peer, String(port), vrf ?? ""),
    metadata: { generateName: `${node}-` },
    labels: { [NODE]: node, [PEER]: peer, [PORT]: String(port), [VRF]: vrf ?? "" },
    status: {
      node,
      peer,
      vrf: vrf ?? "",
      ...words,
      port,
      bgpPeer: name,
      ...(since === null ? {} : { since }),
      lastError: (lastError ?? "").slice(0, MAX_ERROR),
    },
    // attempts that fail one after the other are no news of that kind
    urgent: `${bgpStatus === "Established"} ${words.bfdStatus}`,
  };
}

/** As FRR-K8s writes addresses into labels: IPv6 in full, with `-` for `:`. */
export function peerLabel(ip: Ip): string {
  if (ip.version === 4) return formatIp(ip);
  const groups = [ip.w0, ip.w1, ip.w2, ip.w3].flatMap((word) => [word >>> 16, word & 0xffff]);
  return groups.map((group) => group.toString(16).padStart(4, "0")).join("-");
}
