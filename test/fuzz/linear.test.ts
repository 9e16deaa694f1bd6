// Decoders take time in proportion to their input, for the inputs that could make them slow: very many small things in one
// message. Owns those inputs. Counted is processor time, which others on the machine do not lengthen: one large message against
// eight of an eighth of its size. In proportion that is 1, with the square 8.
import { describe, expect, test } from "vitest";
import { decodeMessage } from "../../src/bgp/wire/codec.ts";
import type { Negotiated } from "../../src/bgp/wire/message.ts";
import { prefixesOf } from "../../src/bgp/wire/nlri.ts";
import { formatMessage } from "../../src/bgp/wire/print.ts";
import { attribute, concat, external, MANDATORY, updateBody } from "../bgp/wire/support.ts";

const SMALL = 8_000;
const LARGE = 64_000;

const repeated = (size: number, piece: readonly number[]): Uint8Array => {
  const out = new Uint8Array(size - (size % piece.length));
  for (let at = 0; at < out.length; at += piece.length) out.set(piece, at);
  return out;
};
const update = (
  attributes: readonly Uint8Array[],
  nlri: Uint8Array = Uint8Array.of(8, 10),
): readonly [number, Uint8Array] => [2, updateBody({ attributes, nlri })];
const distinct = (size: number, width: number): Uint8Array => {
  const out = new Uint8Array(size - (size % width));
  for (let i = 0; i < out.length / width; i++) out.set([i >>> 8, i & 255], i * width + width - 2);
  return out;
};

/** Message type and body of about that many octets. */
const INPUTS: Readonly<Record<string, (size: number) => readonly [number, Uint8Array]>> = {
  "prefixes of no octets": (size) => update(MANDATORY, repeated(size, [0])),
  "host routes": (size) => update(MANDATORY, repeated(size, [32, 10, 0, 0, 1])),
  "withdrawn host routes": (size) => [2, updateBody({ withdrawn: repeated(size, [32, 10, 0, 0, 1]) })],
  "empty unknown attributes, all different or not": (size) => update([...MANDATORY, repeated(size, [0xc0, 99, 0])]),
  "one faulty attribute after another": (size) => update([...MANDATORY, repeated(size, [0xc0, 8, 1, 0])]),
  "equal communities": (size) => update([...MANDATORY, attribute(0xc0, 8, repeated(size, [0, 1, 0, 1]))]),
  "different communities": (size) => update([...MANDATORY, attribute(0xc0, 8, distinct(size, 4))]),
  "different large communities": (size) => update([...MANDATORY, attribute(0xc0, 32, distinct(size, 12))]),
  "a path of one-AS segments": (size) =>
    update([...MANDATORY.filter((a) => a[1] !== 2), attribute(0x40, 2, repeated(size, [2, 1, 0, 0, 0, 9]))]),
  "paths of a two-octet speaker": (size) =>
    update([
      ...MANDATORY.filter((a) => a[1] !== 2),
      attribute(0x40, 2, repeated(size / 2, [2, 1, 0, 9])),
      attribute(0xc0, 17, repeated(size / 2, [2, 1, 0, 0, 0, 9])),
    ]),
  "IPv6 routes": (size) =>
    update([
      ...MANDATORY,
      attribute(0x80, 14, concat([0, 2, 1, 16], new Uint8Array(16).fill(32), [0], repeated(size, [16, 32, 1]))),
    ]),
  "capabilities of no octets": (size) => [
    1,
    concat(
      [4, 0xfd, 0xe9, 0, 90, 192, 0, 2, 2, 255, 255, (size + 3) >>> 8, (size + 3) & 255],
      [2, size >>> 8, size & 255],
      repeated(size, [77, 0]),
    ),
  ],
  "a NOTIFICATION full of control characters": (size) => [3, concat([6, 2, 255], new Uint8Array(size).fill(27))],
};

const SESSIONS: readonly Negotiated[] = [
  { ...external, extendedMessage: true },
  { ...external, fourOctetAsn: false, extendedMessage: true },
];

/** Processor time for decoding it so many times: best of several, microseconds. */
function cost([type, body]: readonly [number, Uint8Array], negotiated: Negotiated, times: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 4; i++) {
    const start = process.cpuUsage();
    for (let n = 0; n < times; n++) {
      const result = decodeMessage(type, body, negotiated);
      if (!result.ok) continue;
      formatMessage(result.value);
      if (result.value.type === "update") for (const block of result.value.reachable) prefixesOf(block);
    }
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, user + system);
  }
  return best;
}

describe("processor time is linear", () => {
  test.each(Object.entries(INPUTS))("C-267 in %s", (_name, input) => {
    for (const session of SESSIONS) {
      cost(input(LARGE), session, 1); // warm
      const small = Math.max(cost(input(SMALL), session, LARGE / SMALL), 500);
      expect(cost(input(LARGE), session, 1) / small).toBeLessThan(4);
    }
  });
});
