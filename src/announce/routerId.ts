// One stable BGP Identifier per node (metallb-compat 3.2): the operator's, else the node's first IPv4 address, else a checksum of
// its name. Owns the order and the checksum; must not look at interfaces or sessions, so that it never changes with them.
import type { Ip } from "../kernel/ip.ts";
import { RouterId } from "../kernel/units.ts";

/** CRC-32 (IEEE 802.3, reflected) of the name's UTF-8 octets, unsigned. */
export function crc32(text: string): number {
  let crc = 0xffff_ffff;
  for (const octet of new TextEncoder().encode(text)) {
    crc ^= octet;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

/** The checksum's octets, least significant first, read as an IPv4 address: what MetalLB and frr-k8s use. Never 0. */
export function routerIdFromName(nodeName: string): RouterId {
  const crc = crc32(nodeName);
  const swapped = ((crc << 24) | ((crc & 0xff00) << 8) | ((crc >>> 8) & 0xff00) | (crc >>> 24)) >>> 0;
  return RouterId(swapped === 0 ? 1 : swapped);
}

/**
 * @param configured the daemon's own setting; wins over the node's address
 * @param before what it was until now; stays while the node has no address: a Node that is registered anew costs no session
 */
export function nodeRouterId(
  nodeName: string,
  configured: RouterId | null,
  internalIps: readonly Ip[],
  before: RouterId | null = null,
): RouterId {
  if (configured !== null) return configured;
  const ipv4 = internalIps.find((ip) => ip.version === 4 && ip.w0 !== 0);
  return ipv4 === undefined ? (before ?? routerIdFromName(nodeName)) : RouterId(ipv4.w0);
}
