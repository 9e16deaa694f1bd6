// Which address of ours stands as next hop in what a peer gets, per family, on one established session (RFC 4271 5.1.3,
// RFC 2545, RFC 8950). Owns the order of choices and the refusal of impossible ones. Knows no messages and no sockets.
// Contract: a pure function of configuration, agreement and addresses; a refusal is a reason for people, never another hop.
import {
  formatIp,
  type Ip,
  type IpVersion,
  ipEquals,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isUnspecified,
} from "../../kernel/ip.ts";
import type { Family, Negotiated } from "../wire/message.ts";
import type { PeerConfig } from "./config.ts";

export interface NextHop {
  readonly address: Ip;
  /** Second address of a 32-octet next hop: only where the peer shares the link (RFC 2545 section 3). */
  readonly linkLocal: Ip | null;
}

export type NextHopChoice =
  | { readonly ok: true; readonly nextHop: NextHop }
  /** Why the family cannot be sent. */
  | { readonly ok: false; readonly reason: string };

/** The two ends of the session, and what else is ours on the link. */
export interface SessionAddresses {
  readonly local: Ip;
  /** null: not known, and so not compared. */
  readonly remote: Ip | null;
  /** Every address of the interface that holds `local`. */
  readonly onInterface: readonly Ip[];
}

/**
 * The addresses of the interface that holds `local`, which is not told with the connection.
 * @param zone the interface, where it is known; a link-local address may stand on several
 */
export function addressesBeside(
  local: Ip,
  zone: string | null,
  onHost: readonly { readonly interface: string; readonly address: Ip }[],
): readonly Ip[] {
  const name = zone ?? onHost.find((a) => ipEquals(a.address, local))?.interface;
  return onHost.flatMap((a) => (a.interface === name ? [a.address] : []));
}

/** The next hop of routes that say "self", for one of the families that were agreed. */
export function chooseNextHop(
  family: Family,
  config: Pick<PeerConfig, "nextHops">,
  negotiated: Pick<Negotiated, "extendedNextHop">,
  at: SessionAddresses,
): NextHopChoice {
  const configured = config.nextHops[family];
  if (configured !== undefined) return judge({ address: configured, linkLocal: null }, family, negotiated, at);
  const own: IpVersion = family === "ipv4-unicast" ? 4 : 6;
  if (at.local.version === own) return judge(ofSession(at), family, negotiated, at);
  // RFC 8950 agreed: the address of the session is certainly reachable, one of the other family is a guess
  if (own === 4 && negotiated.extendedNextHop) return judge(ofSession(at), family, negotiated, at);
  const derived = at.onInterface.find((ip) => ip.version === own && isGlobal(ip));
  if (derived !== undefined) return judge({ address: derived, linkLocal: null }, family, negotiated, at);
  const missing = `the interface with ${formatIp(at.local)} has no global IPv${own} address`;
  const agreement = own === 4 ? ", and the peer does not take IPv6 next hops (RFC 8950)" : "";
  return { ok: false, reason: `no next hop for ${family}: ${missing}${agreement}; configure one` };
}

/** Our address on the session; on a link-local one with a global address in front where there is one. */
function ofSession({ local, onInterface }: SessionAddresses): NextHop {
  if (local.version !== 6 || !isLinkLocal(local)) return { address: local, linkLocal: null };
  const global = onInterface.find((ip) => ip.version === 6 && isGlobal(ip));
  // without one the link-local address stands alone in 16 octets: routers take that form as well as 32 with a zero in front
  return global === undefined ? { address: local, linkLocal: null } : { address: global, linkLocal: local };
}

function judge(
  nextHop: NextHop,
  family: Family,
  { extendedNextHop }: Pick<Negotiated, "extendedNextHop">,
  { local, remote }: SessionAddresses,
): NextHopChoice {
  const { address } = nextHop;
  const refuse = (why: string): NextHopChoice => ({
    ok: false,
    reason: `${formatIp(address)} cannot be the next hop for ${family}: ${why}`,
  });
  if (isUnspecified(address)) return refuse("it is nobody's address");
  if (isMulticast(address) || isBroadcast(address)) return refuse("it is no single host's address");
  if (isLoopback(address) && !isLoopback(local)) return refuse("a loopback address means the peer itself");
  if (remote !== null && ipEquals(address, remote)) return refuse("it is the peer's own address");
  if (address.version === 6 && isLinkLocal(address) && !isLinkLocal(local)) {
    return refuse("a link-local address is of use only to a session over its link");
  }
  if (family === "ipv6-unicast" && address.version === 4) return refuse("IPv6 routes need an IPv6 next hop");
  if (family === "ipv4-unicast" && address.version === 6 && !extendedNextHop) {
    return refuse("the peer does not take IPv6 next hops for IPv4 on this session (RFC 8950)");
  }
  return { ok: true, nextHop };
}

const isBroadcast = (ip: Ip): boolean => ip.version === 4 && ip.w0 === 0xffff_ffff;

/** Reachable beyond its link; an address that only maps an IPv4 one is none (RFC 4291 2.5.5.2). */
const isGlobal = (ip: Ip): boolean =>
  !isUnspecified(ip) &&
  !isLoopback(ip) &&
  !isMulticast(ip) &&
  !isLinkLocal(ip) &&
  !(ip.version === 6 && ip.w0 === 0 && ip.w1 === 0);
