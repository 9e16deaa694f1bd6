// The BFD control packet (RFC 5880 4.1) and our echo packet, between octets and a view that is filled again for each packet.
// Owns the layout and every check of RFC 5880 6.8.6 that needs no session. Knows no session. Contract: decoding and encoding
// allocate nothing and never throw, whatever the octets are; the buffers belong to the caller.
import { BFD_STATES, type BfdState, type DropCause, type Micros } from "./protocol.ts";

export const CONTROL_LENGTH = 24;
/** The Length field is one octet: no control packet is longer, authentication included. */
export const MAX_CONTROL_LENGTH = 255;
/** FRR's reflector refuses shorter ones. */
export const ECHO_LENGTH = 24;

const VERSION = 1;
const POLL = 0x20;
const FINAL = 0x10;
const CONTROL_PLANE_INDEPENDENT = 0x08;
const AUTH = 0x04;
const DEMAND = 0x02;
const MULTIPOINT = 0x01;

/** A control packet without its authentication section, whose place is `authOffset`. Filled again for each packet. */
export interface ControlPacket {
  diag: number;
  state: BfdState;
  poll: boolean;
  final: boolean;
  controlPlaneIndependent: boolean;
  hasAuth: boolean;
  demand: boolean;
  detectMult: number;
  /** Octets that count, the authentication section included. */
  length: number;
  myDiscr: number;
  yourDiscr: number;
  desiredMinTxInterval: Micros;
  requiredMinRxInterval: Micros;
  requiredMinEchoRxInterval: Micros;
}

export const newControlPacket = (): ControlPacket => ({
  diag: 0,
  state: "Down",
  poll: false,
  final: false,
  controlPlaneIndependent: false,
  hasAuth: false,
  demand: false,
  detectMult: 0,
  length: CONTROL_LENGTH,
  myDiscr: 0,
  yourDiscr: 0,
  desiredMinTxInterval: 0,
  requiredMinRxInterval: 0,
  requiredMinEchoRxInterval: 0,
});

/** Four octets in network order, unsigned. */
export const readU32 = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/**
 * Reads the first `size` octets of `bytes` into `packet`.
 * @returns null, or why the datagram must be dropped; `packet` is then not to be used. Octets after the Length are ignored.
 */
export function decodeControl(bytes: Uint8Array, size: number, packet: ControlPacket): DropCause | null {
  if (size < CONTROL_LENGTH || bytes.length < size) return "tooShort";
  const first = bytes[0] ?? 0;
  const flags = bytes[1] ?? 0;
  const length = bytes[3] ?? 0;
  const hasAuth = (flags & AUTH) !== 0;
  if (first >>> 5 !== VERSION) return "version";
  if (length < (hasAuth ? CONTROL_LENGTH + 2 : CONTROL_LENGTH)) return "length";
  if (length > size) return "lengthBeyondPayload";
  const detectMult = bytes[2] ?? 0;
  if (detectMult === 0) return "detectMultZero";
  if ((flags & MULTIPOINT) !== 0) return "multipoint";
  const myDiscr = readU32(bytes, 4);
  if (myDiscr === 0) return "myDiscrZero";
  packet.diag = first & 0x1f;
  packet.state = BFD_STATES[flags >>> 6] ?? "Down";
  packet.poll = (flags & POLL) !== 0;
  packet.final = (flags & FINAL) !== 0;
  packet.controlPlaneIndependent = (flags & CONTROL_PLANE_INDEPENDENT) !== 0;
  packet.hasAuth = hasAuth;
  packet.demand = (flags & DEMAND) !== 0;
  packet.detectMult = detectMult;
  packet.length = length;
  packet.myDiscr = myDiscr;
  packet.yourDiscr = readU32(bytes, 8);
  packet.desiredMinTxInterval = readU32(bytes, 12);
  packet.requiredMinRxInterval = readU32(bytes, 16);
  packet.requiredMinEchoRxInterval = readU32(bytes, 20);
  return null;
}

const stateNumber = (state: BfdState): number =>
  state === "AdminDown" ? 0 : state === "Down" ? 1 : state === "Init" ? 2 : 3;

/** Writes the 24 octets of `packet` to the start of `bytes`; the section of an authenticated one is up to auth.ts. */
export function encodeControl(packet: ControlPacket, bytes: Uint8Array): void {
  bytes[0] = (VERSION << 5) | (packet.diag & 0x1f);
  bytes[1] =
    (stateNumber(packet.state) << 6) |
    (packet.poll ? POLL : 0) |
    (packet.final ? FINAL : 0) |
    (packet.controlPlaneIndependent ? CONTROL_PLANE_INDEPENDENT : 0) |
    (packet.hasAuth ? AUTH : 0) |
    (packet.demand ? DEMAND : 0);
  bytes[2] = packet.detectMult;
  bytes[3] = packet.length;
  writeU32(bytes, 4, packet.myDiscr);
  writeU32(bytes, 8, packet.yourDiscr);
  writeU32(bytes, 12, packet.desiredMinTxInterval);
  writeU32(bytes, 16, packet.requiredMinRxInterval);
  writeU32(bytes, 20, packet.requiredMinEchoRxInterval);
}

/**
 * An echo packet is ours alone (RFC 5880 5): version, length, our discriminator, then a number only we know and a count, so
 * that a packet we did not send is not taken for one (C-240). The layout starts like FRR's, which reflects it unread.
 */
export function encodeEcho(bytes: Uint8Array, localDiscr: number, tag: number, count: number): void {
  bytes.fill(0, 0, ECHO_LENGTH);
  bytes[0] = VERSION;
  bytes[1] = ECHO_LENGTH;
  writeU32(bytes, 4, localDiscr);
  writeU32(bytes, 8, tag);
  writeU32(bytes, 12, count);
}

export const echoDiscr = (bytes: Uint8Array): number => readU32(bytes, 4);
export const echoTag = (bytes: Uint8Array): number => readU32(bytes, 8);
export const echoCount = (bytes: Uint8Array): number => readU32(bytes, 12);
