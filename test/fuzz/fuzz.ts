// A mutational and generative fuzzer for framer and decoders: fuzz(seconds, seed). main.ts runs it by hand, guided by coverage.
// Seeds are sound messages; each run mutates or invents a stream, cuts it at random and decodes every frame.
// A failure is a throw, a message that changes with the cuts, a line that is not log-safe, or a run out of proportion.
import { decodeMessage } from "../../src/bgp/wire/codec.ts";
import { Framer } from "../../src/bgp/wire/framer.ts";
import type { Negotiated } from "../../src/bgp/wire/message.ts";
import { formatMessage } from "../../src/bgp/wire/print.ts";
import { fromHex, toHex } from "../../src/kernel/text.ts";
import { Asn } from "../../src/kernel/units.ts";
import { external } from "../bgp/wire/support.ts";

export interface FuzzFailure {
  readonly what: string;
  /** The stream that did it, in hex: paste it into a test. */
  readonly stream: string;
  /** Index into `SESSIONS`. */
  readonly session: number;
}

export interface FuzzResult {
  readonly runs: number;
  readonly failures: readonly FuzzFailure[];
}

/** Whole sound messages in hex, one of each shape that the codec knows. */
export const SEEDS: readonly string[] = (
  [
    [4, ""],
    [1, "04fde8005ac000020124 0206010400010001 02064104fa56ea01 02024600 020a4908036e6f6403636f6d 02020600"],
    [1, "04fde8005ac0000201ffff000a 020007 4b050446525220"],
    [3, "0602"],
    [3, "0602 046d6f7665"],
    [3, "0609 0602 046d6f7665"],
    [5, "00010001"],
    [2, "00000000"],
    [2, "00000006 800f03000201"],
    [2, "0008 20c6336407 090a80 0000"],
    [2, "0000001c 40010100 400200 400304c0000201 80040400000000 40050400000064 20c6336407 00"],
    [
      2,
      `0000003d 800e26 00020110 20010db8000000000000000000000001 00 8020010db8000100000000000000000007
       40010100 40020602010000fde8 80040400000000`,
    ],
    [
      2,
      `00000045 40010100 40020402015ba0 400304c0000201 c00804ffffff01 c007065ba0c0000201 c011060201fa56ea01
       c01208fa56ea01c0000201 c0200c000000010000000200000003 18c63364`,
    ],
  ] as const
).map(([type, text]) => {
  const body = text.replace(/\s/g, "");
  return `${"ff".repeat(16)}${(19 + body.length / 2).toString(16).padStart(4, "0")}0${type}${body}`;
});

export const SESSIONS: readonly (Negotiated | null)[] = [
  null,
  external,
  { ...external, fourOctetAsn: false, enhancedRouteRefresh: false },
  { ...external, isInternal: true, peerAsn: Asn(65000), families: ["ipv4-unicast"] },
  { ...external, extendedMessage: true, extendedNextHop: true },
];

/** Octets that tend to be lengths, flags or type codes at their edges. */
const EDGES = [0, 1, 2, 3, 4, 14, 15, 16, 17, 18, 19, 23, 32, 33, 64, 127, 128, 129, 192, 240, 253, 254, 255];

/** Milliseconds that no stream of this size may take; generous, for the machine is shared. */
const MAX_MILLIS = 2000;
/** Also where the machine is elsewhere for all of the time. */
const LEAST_RUNS = 20;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/**
 * @param seconds wall time to spend
 * @param seed equal seeds give equal streams
 */
export function fuzz(seconds: number, seed: number): FuzzResult {
  const random = mulberry32(seed);
  const failures: FuzzFailure[] = [];
  const end = performance.now() + seconds * 1000;
  let runs = 0;
  while ((performance.now() < end || runs < LEAST_RUNS) && failures.length < 10) {
    const stream = makeStream(random, SEED_OCTETS);
    const session = Math.floor(random() * SESSIONS.length);
    const what = tryStream(stream, SESSIONS[session] ?? null, random);
    if (what !== null) failures.push({ what, stream: toHex(stream), session });
    runs++;
  }
  return { runs, failures };
}

/** What is wrong with the way a stream is read, or null. */
export function tryStream(stream: Uint8Array, negotiated: Negotiated | null, random: () => number): string | null {
  const start = performance.now();
  try {
    const whole = read([stream], negotiated);
    const cut = read(cuts(stream, random), negotiated);
    if (whole !== cut) return `cuts change the result: ${whole} / ${cut}`;
    if (UNSAFE.test(whole.replaceAll("\n", ""))) return `not log-safe: ${whole}`;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const millis = performance.now() - start;
  return millis > MAX_MILLIS ? `${stream.length} octets took ${Math.round(millis)} ms` : null;
}

/** Everything that comes out of a stream, one line per frame or fault. */
function read(chunks: readonly Uint8Array[], negotiated: Negotiated | null): string {
  const framer = new Framer();
  if (negotiated !== null) framer.apply(negotiated);
  const lines: string[] = [];
  for (const chunk of chunks) {
    framer.push(chunk);
    for (let r = framer.next(); r !== null; r = framer.next()) {
      if (!r.ok) {
        lines.push(`header ${r.fault.errorCode}/${r.fault.errorSubcode} ${toHex(r.fault.data)}`);
        continue;
      }
      const m = decodeMessage(r.value.type, r.value.body, negotiated);
      lines.push(
        m.ok ? formatMessage(m.value) : `fault ${m.fault.errorCode}/${m.fault.errorSubcode} ${m.fault.detail}`,
      );
    }
  }
  return lines.join("\n");
}

function cuts(stream: Uint8Array, random: () => number): Uint8Array[] {
  const out: Uint8Array[] = [];
  const step = 1 + Math.floor(random() * 40);
  for (let at = 0; at < stream.length; ) {
    const end = Math.min(stream.length, at + 1 + Math.floor(random() * step));
    out.push(stream.slice(at, end));
    at = end;
  }
  return out;
}

export const SEED_OCTETS: readonly Uint8Array[] = SEEDS.map((text) => fromHex(text) ?? new Uint8Array(0));

/** @param pool what mutation starts from */
export function makeStream(random: () => number, pool: readonly Uint8Array[]): Uint8Array {
  const messages: number[] = [];
  const count = 1 + Math.floor(random() * 3);
  for (let i = 0; i < count; i++) messages.push(...(random() < 0.75 ? mutated(random, pool) : invented(random)));
  return Uint8Array.from(messages);
}

function mutated(random: () => number, pool: readonly Uint8Array[]): number[] {
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];
  const bytes = [...(pick(pool) ?? [])];
  const other = [...(pick(pool) ?? [])];
  const times = Math.floor(random() * 5);
  for (let i = 0; i < times; i++) {
    // mostly behind the marker, or nothing but headers would be tested
    const at = Math.min(bytes.length, random() < 0.02 ? 0 : 19 + Math.floor(random() * Math.max(1, bytes.length - 18)));
    const size = 1 + Math.floor(random() * 6);
    const kind = Math.floor(random() * 6);
    if (kind === 0) bytes[at] = pick(EDGES) ?? 0;
    else if (kind === 1) bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    else if (kind === 2) bytes.splice(at, size);
    else if (kind === 3) bytes.splice(at, 0, ...Array.from({ length: size }, () => pick(EDGES) ?? 0));
    else if (kind === 4) bytes.splice(at, 0, ...bytes.slice(at, at + 8 * size));
    else bytes.splice(at, 0, ...other.slice(19 + Math.floor(random() * Math.max(1, other.length - 18))));
  }
  // a true header length lets the decoder see the damage; now and then it stays a lie
  if (random() < 0.95 && bytes.length >= 19) {
    bytes[16] = bytes.length >>> 8;
    bytes[17] = bytes.length & 255;
    // the same for the attribute section of an UPDATE without withdrawn routes
    if (bytes[18] === 2 && bytes[19] === 0 && bytes[20] === 0 && random() < 0.7) {
      const nlri = Math.floor(random() * 2) * 5;
      const section = Math.max(0, bytes.length - 23 - nlri);
      bytes[21] = section >>> 8;
      bytes[22] = section & 255;
    }
  }
  return bytes;
}

/** A sound header around an UPDATE made of random attributes, or around random octets. */
function invented(random: () => number): number[] {
  const octets = (size: number): number[] => Array.from({ length: size }, () => Math.floor(random() * 256));
  const body: number[] = [];
  const type = random() < 0.7 ? 2 : 1 + Math.floor(random() * 5);
  if (type === 2) {
    const section: number[] = [];
    for (let n = Math.floor(random() * 6); n > 0; n--) {
      const value = octets(Math.floor(random() * 40));
      section.push(Math.floor(random() * 16) << 4, Math.floor(random() * 42), value.length, ...value);
    }
    body.push(0, 0, section.length >>> 8, section.length & 255, ...section, ...(random() < 0.5 ? [24, 10, 0, 0] : []));
  } else if (type !== 4) {
    body.push(...octets(10 + Math.floor(random() * 60)));
  }
  const length = 19 + body.length;
  return [...new Array<number>(16).fill(255), length >>> 8, length & 255, type, ...body];
}

/** A small generator with a 32-bit state, so that a seed names a run. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
