// Keyed MD5 and SHA1 with their meticulous variants (RFC 5880 6.7.3, 6.7.4): sections written and judged, sequence numbers
// kept. Owns the authentication state of one session. Knows no cryptography: the digest comes from outside. Contract: `verify`
// changes nothing unless the packet is genuine (C-208), and neither function touches the received octets.
import { CONTROL_LENGTH, readU32, writeU32 } from "./packet.ts";
import type { AuthType, BfdAuth, DropCause, Micros } from "./protocol.ts";

export type DigestAlgorithm = "md5" | "sha1";

/** Digest of `bytes`, 16 octets for md5 and 20 for sha1. `bytes` is valid during the call only. */
export type Digest = (algorithm: DigestAlgorithm, bytes: Uint8Array) => Uint8Array;

interface Variant {
  /** Auth Type on the wire. */
  readonly code: number;
  readonly algorithm: DigestAlgorithm;
  readonly digestLength: number;
  readonly isMeticulous: boolean;
}

const VARIANTS: Readonly<Record<AuthType, Variant>> = {
  keyedMd5: { code: 2, algorithm: "md5", digestLength: 16, isMeticulous: false },
  meticulousKeyedMd5: { code: 3, algorithm: "md5", digestLength: 16, isMeticulous: true },
  keyedSha1: { code: 4, algorithm: "sha1", digestLength: 20, isMeticulous: false },
  meticulousKeyedSha1: { code: 5, algorithm: "sha1", digestLength: 20, isMeticulous: true },
};

// offsets in the packet: type, length, key id, reserved, sequence number, digest
const TYPE = CONTROL_LENGTH;
const SEQUENCE = TYPE + 4;
const DIGEST = TYPE + 8;

export class AuthState {
  readonly config: BfdAuth;
  readonly #variant: Variant;
  readonly #digest: Digest;
  /** Packet with the key in place of the digest, which is what is digested. */
  readonly #scratch: Uint8Array;
  #xmitSeq: number;
  #rcvSeq = 0;
  #seqKnown = false;

  /** @param firstSequence random, unsigned 32 bits (RFC 5880 6.8.1) */
  constructor(config: BfdAuth, digest: Digest, firstSequence: number) {
    this.config = config;
    this.#variant = VARIANTS[config.type];
    this.#digest = digest;
    this.#scratch = new Uint8Array(this.packetLength);
    this.#xmitSeq = firstSequence >>> 0;
  }

  /** Octets of a control packet with this section. */
  get packetLength(): number {
    return DIGEST + this.#variant.digestLength;
  }

  /** Nothing was heard for twice the detection time: the next packet sets the sequence anew (RFC 5880 6.8.1). */
  forgetSequence(): void {
    this.#seqKnown = false;
  }

  /**
   * Appends the section to an encoded packet of 24 octets.
   * @param isNew the packet differs from the one before: then the plain variants count on as well (RFC 5880 6.7.3)
   */
  sign(packet: Uint8Array, isNew: boolean): void {
    const { code, digestLength, isMeticulous } = this.#variant;
    if (isMeticulous || isNew) this.#xmitSeq = (this.#xmitSeq + 1) >>> 0;
    packet[TYPE] = code;
    packet[TYPE + 1] = 8 + digestLength;
    packet[TYPE + 2] = this.config.keyId;
    packet[TYPE + 3] = 0;
    writeU32(packet, SEQUENCE, this.#xmitSeq);
    const digest = this.#digestOf(packet);
    for (let i = 0; i < digestLength; i++) packet[DIGEST + i] = digest[i] ?? 0;
  }

  /** Judges a packet whose A bit is set and whose Length is `length`; null: genuine, and its sequence number is noted. */
  verify(packet: Uint8Array, length: number, detectMult: number): DropCause | null {
    const { code, digestLength, isMeticulous } = this.#variant;
    if (packet[TYPE] !== code) return "authType";
    if (packet[TYPE + 1] !== 8 + digestLength || length !== this.packetLength) return "authMalformed";
    if (packet[TYPE + 2] !== this.config.keyId) return "authKeyId";
    const sequence = readU32(packet, SEQUENCE);
    if (this.#seqKnown) {
      const ahead = (sequence - this.#rcvSeq) >>> 0;
      if (ahead > 3 * detectMult || (isMeticulous && ahead === 0)) return "authSequence";
    }
    const digest = this.#digestOf(packet);
    let difference = 0;
    for (let i = 0; i < digestLength; i++) difference |= (digest[i] ?? 0) ^ (packet[DIGEST + i] ?? 0);
    if (difference !== 0) return "authDigest";
    this.#rcvSeq = sequence;
    this.#seqKnown = true;
    return null;
  }

  #digestOf(packet: Uint8Array): Uint8Array {
    const scratch = this.#scratch;
    for (let i = 0; i < DIGEST; i++) scratch[i] = packet[i] ?? 0;
    scratch.fill(0, DIGEST);
    scratch.set(this.config.key, DIGEST);
    return this.#digest(this.#variant.algorithm, scratch);
  }
}

/** RFC 5880 6.8.1, AuthSeqKnown: after twice the detection time without a packet. */
export const sequenceIsStale = (silence: Micros, detectionTime: Micros): boolean => silence >= 2 * detectionTime;
