import { expect, test } from "vitest";
import { crc32, nodeRouterId, routerIdFromName } from "../../src/announce/routerId.ts";
import { formatIp, ipv4 } from "../../src/kernel/ip.ts";
import { RouterId } from "../../src/kernel/units.ts";
import { ip } from "./builders.ts";

test("the checksum is CRC-32 (IEEE)", () => {
  expect(crc32("123456789")).toBe(0xcbf4_3926); // the published check value
  expect(crc32("")).toBe(0);
});

test("the name's checksum is read with its least significant octet first", () => {
  expect(formatIp(ipv4(routerIdFromName("123456789")))).toBe("38.57.244.203");
});

test("a name with checksum 0 does not give router id 0", () => {
  expect(routerIdFromName("")).toBe(1);
});

test("the daemon's setting wins, then the first IPv4 address of the node, then the name", () => {
  const internal = [ip("2001:db8::1"), ip("192.0.2.1"), ip("192.0.2.2")];
  expect(nodeRouterId("n1", RouterId(7), internal)).toBe(7);
  expect(formatIp(ipv4(nodeRouterId("n1", null, internal)))).toBe("192.0.2.1");
  expect(nodeRouterId("n1", null, [ip("2001:db8::1")])).toBe(routerIdFromName("n1"));
});

test("a node that has no address any more keeps the router id it had, unless the daemon is told another", () => {
  expect(nodeRouterId("n1", null, [], RouterId(9))).toBe(9);
  expect(nodeRouterId("n1", RouterId(7), [], RouterId(9))).toBe(7);
  expect(nodeRouterId("n1", null, [ip("192.0.2.1")], RouterId(9))).toBe(0xc000_0201);
});
