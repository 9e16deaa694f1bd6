// The packet around an IPv4 echo packet: from us to us, by way of the peer, whose forwarding plane sends it back (RFC 5881 4,
// 5880 6.4). Owns the IP and UDP headers. Pure. Knows no sockets and nothing of what is inside.
// Contract: one buffer, whose payload is replaced for each packet; nothing is allocated then.

export const ECHO_HEADERS = 28;
/** Sent with it, by us and by the peer; what has come back through a router has one less (RFC 5881 5). */
export const ECHO_SENT_TTL = 255;
export const ECHO_RETURNED_TTL = 254;
const TTL_AT = 8;
const SOURCE_AT = 12;
const DESTINATION_AT = 16;
const UDP = 17;
const CS6 = 0xc0;

/**
 * @param address four octets, source and destination
 * @param length octets of the payload
 */
export function echoPacketTo(address: Uint8Array, port: number, length: number): Uint8Array {
  const packet = new Uint8Array(ECHO_HEADERS + length);
  const view = new DataView(packet.buffer);
  packet[0] = 0x45;
  packet[1] = CS6;
  view.setUint16(2, packet.length);
  packet[TTL_AT] = ECHO_SENT_TTL;
  packet[9] = UDP;
  packet.set(address, SOURCE_AT);
  packet.set(address, DESTINATION_AT);
  view.setUint16(10, headerChecksum(packet));
  view.setUint16(20, port);
  view.setUint16(22, port);
  view.setUint16(24, 8 + length); // and no checksum, which IPv4 allows: the payload proves itself
  return packet;
}

/** The same packet as a router would pass it on; for hosts that are none. */
export function passedOn(packet: Uint8Array): Uint8Array {
  const copy = packet.slice();
  copy[TTL_AT] = ECHO_RETURNED_TTL;
  copy[10] = copy[11] = 0;
  new DataView(copy.buffer).setUint16(10, headerChecksum(copy));
  return copy;
}

export const ttlOf = (packet: Uint8Array): number => packet[TTL_AT] ?? 0;

/** Whether both addresses of a packet are this one. */
export function isFromAndTo(packet: Uint8Array, address: Uint8Array): boolean {
  for (let i = 0; i < 4; i++) {
    if (packet[SOURCE_AT + i] !== address[i] || packet[DESTINATION_AT + i] !== address[i]) return false;
  }
  return true;
}

/** RFC 1071, over the 20 octets of the header. */
function headerChecksum(packet: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += ((packet[i] ?? 0) << 8) | (packet[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
