// UDP on loopback through our own calls: what arrives says where it came from, where to, over what and with what TTL.
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import { titleOrSkip } from "../../lab/requirements.ts";
import { formatIp, type Ip, ipFromBytes, parseIp } from "../../src/kernel/ip.ts";
import {
  BATCH,
  type Datagram,
  DatagramReader,
  droppedPackets,
  FIRST_SOURCE_PORT,
  openReceiver,
  openSender,
  sendDatagram,
} from "../../src/linux/datagram.ts";
import { interfaceIndex } from "../../src/linux/interfaces.ts";
import { nativeProblem } from "../../src/linux/native.ts";
import { closeDescriptor, PollSet } from "../../src/linux/poll.ts";
import { SocketOptionError, socketAddress } from "../../src/linux/sockopt.ts";

const LOOPBACK = { 4: address("127.0.0.1"), 6: address("::1") };
const VERSIONS = [[4], [6]] as const;
const RECEIVE_LIMIT_MS = 10_000;

describe.skipIf(nativeProblem() !== null)(titleOrSkip("datagrams", nativeProblem()), () => {
  const open: number[] = [];
  const reader = nativeProblem() === null ? new DatagramReader() : null;
  const polls = nativeProblem() === null ? new PollSet(1) : null;
  let strangers: Socket[] = [];
  let nextPort = 12_000 + (process.pid % 20_000); // below those that the system gives to others

  afterEach(() => {
    for (const fd of open.splice(0)) closeDescriptor(fd);
    for (const socket of strangers.splice(0)) socket.close();
    strangers = [];
  });

  function receiver(version: 4 | 6, onLinkOnly = false, device: string | null = null, others: number[] = [], port = 0) {
    const at = port === 0 ? nextPort++ : port;
    const fd = openReceiver({ version, port: at, device, onLinkOnly }, others);
    open.push(fd);
    return { fd, port: at };
  }

  function sender(version: 4 | 6, source: Ip | null = null, device: string | null = null, random = 0.5) {
    const made = openSender({ version, source, scope: 0, device }, random);
    open.push(made.fd);
    return made;
  }

  /** Copies of all that arrives until `count` have. */
  function receive(fd: number, count: number) {
    const seen: ReturnType<typeof copy>[] = [];
    const until = performance.now() + RECEIVE_LIMIT_MS;
    polls?.set([fd]);
    while (seen.length < count && performance.now() < until) {
      polls?.wait(50);
      for (let n = reader?.receive(fd) ?? 0; n > 0; n = reader?.receive(fd) ?? 0) {
        for (let i = 0; i < n; i++) if (reader !== null) seen.push(copy(reader.datagram(i)));
      }
    }
    return seen;
  }

  /** A sender that is not ours: Node's own, with the TTL that it is told. */
  async function stranger(version: 4 | 6, ttl: number, port: number, text: string) {
    const socket = createSocket(version === 4 ? "udp4" : "udp6");
    strangers.push(socket);
    socket.bind(0, formatIp(LOOPBACK[version]));
    await once(socket, "listening");
    socket.setTTL(ttl);
    await new Promise((resolve) => socket.send(text, port, formatIp(LOOPBACK[version]), resolve));
  }

  test.each(VERSIONS)(
    "C-204 C-205 IPv%i: TTL 255, source port of the range, local address and interface",
    (version) => {
      const { fd, port } = receiver(version);
      const from = sender(version, LOOPBACK[version]);
      expect(from.port).toBeGreaterThanOrEqual(FIRST_SOURCE_PORT);
      const to = socketAddress(LOOPBACK[version], port, 0);
      expect(sendDatagram(from.fd, Uint8Array.of(1, 2, 3), 3, to)).toBe(true);
      expect(sendDatagram(from.fd, new Uint8Array(1_000).fill(7), 1_000, to)).toBe(true);
      const [first, second] = receive(fd, 2);
      expect(first).toEqual({
        bytes: [1, 2, 3],
        source: formatIp(LOOPBACK[version]),
        sourcePort: from.port,
        destination: formatIp(LOOPBACK[version]),
        interfaceIndex: interfaceIndex("lo"),
        ttl: 255,
      });
      expect(second?.bytes).toEqual(Array.from({ length: 256 }, () => 7)); // cut to the room
    },
  );

  test.each(VERSIONS)("IPv%i: more than a batch arrives whole and in order", (version) => {
    const { fd, port } = receiver(version);
    const from = sender(version);
    const to = socketAddress(LOOPBACK[version], port, 0);
    const count = 2 * BATCH + 5;
    for (let i = 0; i < count; i++) sendDatagram(from.fd, Uint8Array.of(i), 1, to);
    expect(receive(fd, count).map((d) => d.bytes[0])).toEqual(Array.from({ length: count }, (_, i) => i));
    expect(reader?.receive(fd)).toBe(0);
  });

  test.each(VERSIONS)("C-204 IPv%i: the kernel drops and counts what a router has passed on", async (version) => {
    const { fd, port } = receiver(version, true);
    for (const ttl of [254, 64, 1]) await stranger(version, ttl, port, "far");
    await stranger(version, 255, port, "near");
    expect(receive(fd, 1).map((d) => String.fromCharCode(...d.bytes))).toEqual(["near"]);
    expect(droppedPackets(fd)).toBe(3);
  });

  test.each(VERSIONS)("C-206 IPv%i: without that filter the TTL is told", async (version) => {
    const { fd, port } = receiver(version);
    await stranger(version, 77, port, "far");
    expect(receive(fd, 1)[0]?.ttl).toBe(77);
  });

  test("C-205 senders never share a port", () => {
    const ports = Array.from({ length: 50 }, () => sender(4, null, null, 0.999_99).port);
    expect(new Set(ports).size).toBe(50);
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(FIRST_SOURCE_PORT);
  });

  test("a port that another program has is an error; one of ours on another device is not", () => {
    const first = receiver(4);
    const again = () => openReceiver({ version: 4, port: first.port, device: null, onLinkOnly: false });
    expect(again).toThrow(SocketOptionError);
    expect(again).toThrow(/EADDRINUSE/);
    const onDevice = receiver(4, false, "lo", [first.fd], first.port);
    expect(again).toThrow(/EADDRINUSE/); // and the port is not left open for others
    const from = sender(4, LOOPBACK[4], "lo");
    sendDatagram(from.fd, Uint8Array.of(9), 1, socketAddress(LOOPBACK[4], first.port, 0));
    expect(receive(onDevice.fd, 1)).toHaveLength(1); // the nearer match gets it
  });

  test("what cannot be had is an error that says so", () => {
    expect(() => sender(4, null, "no-such-device")).toThrow(/device no-such-device: ENODEV/);
    expect(() => sender(4, address("192.0.2.77"))).toThrow(/EADDRNOTAVAIL/);
  });

  test("a sender's own port swallows what is sent to it", async () => {
    const from = sender(4, LOOPBACK[4]);
    await stranger(4, 255, from.port, "hello");
    expect(receive(from.fd, 0)).toEqual([]);
    expect(droppedPackets(from.fd)).toBe(1);
  });
});

function address(text: string): Ip {
  const ip = parseIp(text);
  if (ip === null) throw new Error(text);
  return ip;
}

const text = (octets: Uint8Array, version: 4 | 6): string => {
  const ip = ipFromBytes(octets.subarray(0, version === 4 ? 4 : 16));
  return ip === null ? "" : formatIp(ip);
};

const copy = (d: Datagram) => ({
  bytes: [...d.bytes],
  source: text(d.source, d.version),
  sourcePort: d.sourcePort,
  destination: text(d.destination, d.version),
  interfaceIndex: d.interfaceIndex,
  ttl: d.ttl,
});
