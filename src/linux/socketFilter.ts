// Packet filters as programs for the kernel (classic BPF): whose packets reach a socket, and with what TTL at least. Owns
// the instructions. Pure. Knows no sockets (sockopt.ts). Contract: a program ends for every packet; a packet that no rule
// names gets the verdict for others; every rule is judged by the source address and the TTL or hop limit alone.
import { endianness } from "node:os";
import { type Ip, ipToBytes } from "../kernel/ip.ts";

export interface SourceRule {
  readonly source: Ip;
  /** 0: all its packets pass; 256: none does. */
  readonly minTtl: number;
}

export interface FilterRules {
  readonly version: 4 | 6;
  readonly sources: readonly SourceRule[];
  readonly others: "pass" | "drop";
}

/** Offsets that the kernel counts from the network header (SKF_NET_OFF). */
const NETWORK_HEADER = 0x1_0000_0000 - 0x10_0000;
const SOURCE_AT = { 4: 12, 6: 8 };
const TTL_AT = { 4: 8, 6: 7 };

const LOAD_WORD = 0x20;
const LOAD_HALF = 0x28;
const LOAD_OCTET = 0x30;
const JUMP_IF_EQUAL = 0x15;
const JUMP_IF_AT_LEAST = 0x35;
const JUMP_IF_ANY_BIT = 0x45;
const RETURN = 0x06;

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, k: number];

const PASS: Instruction = [RETURN, 0, 0, 0xffff_ffff];
const DROP: Instruction = [RETURN, 0, 0, 0];

/** @returns eight octets per instruction, in the machine's byte order */
export const filterProgram = ({ version, sources, others }: FilterRules): Uint8Array =>
  assemble([...sources.flatMap((rule) => ruleFor(rule, version)), others === "pass" ? PASS : DROP]);

/** Lets pass what no router has passed on: TTL or hop limit 255 (RFC 4861 6.1.2, RFC 5082). */
export const onLinkProgram = (version: 4 | 6): Uint8Array => assemble(ttlCheck(255, version));

/** Lets pass whole IPv4 packets without options that go to that UDP port. For packet sockets, which see all packets. */
export const udpPortProgram = (port: number): Uint8Array =>
  assemble([
    [LOAD_OCTET, 0, 0, 0],
    [JUMP_IF_EQUAL, 0, 6, 0x45], // version 4, a header of 20 octets
    [LOAD_OCTET, 0, 0, 9],
    [JUMP_IF_EQUAL, 0, 4, 17],
    [LOAD_HALF, 0, 0, 6],
    [JUMP_IF_ANY_BIT, 2, 0, 0x3fff], // a fragment
    [LOAD_HALF, 0, 0, 22],
    [JUMP_IF_EQUAL, 1, 0, port],
    DROP,
    PASS,
  ]);

function ruleFor({ source, minTtl }: SourceRule, version: 4 | 6): readonly Instruction[] {
  const verdict = minTtl <= 0 ? [PASS] : minTtl > 255 ? [DROP] : ttlCheck(minTtl, version);
  const octets = ipToBytes(source);
  const view = new DataView(octets.buffer);
  const words = octets.length / 4;
  const match = Array.from({ length: words }, (_, i): readonly Instruction[] => {
    const rest = 2 * (words - 1 - i) + verdict.length; // skipped when this word differs
    return [
      [LOAD_WORD, 0, 0, NETWORK_HEADER + SOURCE_AT[version] + 4 * i],
      [JUMP_IF_EQUAL, 0, rest, view.getUint32(4 * i)],
    ];
  });
  return [...match.flat(), ...verdict];
}

const ttlCheck = (minTtl: number, version: 4 | 6): readonly Instruction[] => [
  [LOAD_OCTET, 0, 0, NETWORK_HEADER + TTL_AT[version]],
  [JUMP_IF_AT_LEAST, 0, 1, minTtl],
  PASS,
  DROP,
];

function assemble(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  const little = endianness() === "LE";
  program.forEach(([code, ifTrue, ifFalse, k], i) => {
    view.setUint16(8 * i, code, little);
    view.setUint8(8 * i + 2, ifTrue);
    view.setUint8(8 * i + 3, ifFalse);
    view.setUint32(8 * i + 4, k, little);
  });
  return bytes;
}
