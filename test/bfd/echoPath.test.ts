// The packet around an IPv4 echo packet.
import { describe, expect, test } from "vitest";
import {
  ECHO_HEADERS,
  ECHO_RETURNED_TTL,
  ECHO_SENT_TTL,
  echoPacketTo,
  isFromAndTo,
  passedOn,
  ttlOf,
} from "../../src/bfd/echoPath.ts";

/** RFC 1071: a header with its checksum in place sums up to all ones. */
const sumOf = (packet: Uint8Array): number => {
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += (packet[i] ?? 0) * 256 + (packet[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum % 0x1_0000) + Math.floor(sum / 0x1_0000);
  return sum;
};

describe("an IPv4 echo packet", () => {
  const us = Uint8Array.of(192, 0, 2, 1);
  const packet = echoPacketTo(us, 3785, 24);

  test("goes from us to us with TTL 255, and its header adds up", () => {
    expect(Buffer.from(packet.subarray(0, ECHO_HEADERS)).toString("hex")).toBe(
      ["45c00034", "00000000", "ff1136f6", "c0000201", "c0000201", "0ec90ec9", "00200000"].join(""),
    );
    expect(packet).toHaveLength(ECHO_HEADERS + 24);
    expect([sumOf(packet), ttlOf(packet)]).toEqual([0xffff, ECHO_SENT_TTL]);
  });

  test("comes back with one less, adds up again, and is otherwise the same", () => {
    const back = passedOn(packet);
    expect([sumOf(back), ttlOf(back)]).toEqual([0xffff, ECHO_RETURNED_TTL]);
    expect(back.subarray(12)).toEqual(packet.subarray(12));
    expect(ttlOf(packet)).toBe(ECHO_SENT_TTL);
  });

  test.each([
    ["ours", us, true],
    ["of a neighbour", Uint8Array.of(192, 0, 2, 2), false],
  ])("is known by both its addresses: %s", (_whose, address, expected) => {
    expect(isFromAndTo(packet, address)).toBe(expected);
    const halfOurs = packet.slice();
    halfOurs[19] = 2;
    expect(isFromAndTo(halfOurs, address)).toBe(false);
  });
});
