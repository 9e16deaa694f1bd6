// ICMPv6 Router Solicitations and Advertisements (RFC 4861 4.1, 4.2), as far as they serve to find the router at the other
// end of a link. Owns the octets. Pure. Knows no sockets: the kernel fills in and checks the checksum, and lets only packets
// with hop limit 255 through (linux/icmpSocket.ts). Contract: any octets give a message or null, never a throw.
import { type Ip, ipv6, isLinkLocal } from "../kernel/ip.ts";
import { Millis } from "../kernel/units.ts";

export type DiscoveryMessage =
  | { readonly type: "solicitation" }
  /** @property lifetime how long it calls itself a default router; 0: it is none, but it is there */
  | { readonly type: "advertisement"; readonly lifetime: Millis };

export const ALL_ROUTERS: Ip = ipv6(0xff02_0000, 0, 0, 2);
export const ALL_NODES: Ip = ipv6(0xff02_0000, 0, 0, 1);

const ROUTER_SOLICITATION = 133;
const ROUTER_ADVERTISEMENT = 134;
const SOURCE_LINK_LAYER_ADDRESS = 1;
const SOLICITATION_HEAD = 8;
const ADVERTISEMENT_HEAD = 16;

/** Asks every router on the link to tell at once that it is there. */
export const solicitation = (mac: Uint8Array | null): Uint8Array =>
  withSource(Uint8Array.of(ROUTER_SOLICITATION, 0, 0, 0, 0, 0, 0, 0), mac);

/** Tells that we are here. Lifetime 0: nobody shall send us what he has no route for (RFC 4861 4.2). */
export const advertisement = (mac: Uint8Array | null): Uint8Array =>
  withSource(Uint8Array.of(ROUTER_ADVERTISEMENT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), mac);

/**
 * What a packet says, if RFC 4861 6.1.1 and 6.1.2 let it count.
 * @param source address it came from
 * @returns null for anything else
 */
export function readDiscovery(bytes: Uint8Array, source: Ip): DiscoveryMessage | null {
  const [type, code] = bytes;
  if (code !== 0) return null;
  if (type === ROUTER_SOLICITATION) {
    return hasLegalOptions(bytes, SOLICITATION_HEAD) ? { type: "solicitation" } : null;
  }
  if (type !== ROUTER_ADVERTISEMENT || source.version !== 6 || !isLinkLocal(source)) return null;
  if (!hasLegalOptions(bytes, ADVERTISEMENT_HEAD)) return null;
  const seconds = (bytes[6] ?? 0) * 256 + (bytes[7] ?? 0);
  return { type: "advertisement", lifetime: Millis(seconds * 1_000) };
}

/** Options fill the rest exactly, in units of eight octets, none of length 0. */
function hasLegalOptions(bytes: Uint8Array, start: number): boolean {
  if (bytes.length < start) return false;
  let at = start;
  while (at < bytes.length) {
    const units = bytes[at + 1] ?? 0;
    if (units === 0) return false;
    at += 8 * units;
  }
  return at === bytes.length;
}

function withSource(head: Uint8Array, mac: Uint8Array | null): Uint8Array {
  if (mac === null || mac.length !== 6) return head; // RFC 4861 4.2: only for links with such addresses
  const bytes = new Uint8Array(head.length + 8);
  bytes.set(head);
  bytes.set([SOURCE_LINK_LAYER_ADDRESS, 1], head.length);
  bytes.set(mac, head.length + 2);
  return bytes;
}
