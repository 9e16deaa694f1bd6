// Netlink messages as octets and as values; whatever else comes is survived.
import { networkInterfaces } from "node:os";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { titleOrSkip } from "../../lab/requirements.ts";
import { formatIp } from "../../src/kernel/ip.ts";
import { nativeProblem } from "../../src/linux/native.ts";
import { RouteSocket } from "../../src/linux/netlink.ts";
import { closeDescriptor, PollSet } from "../../src/linux/poll.ts";
import { linkDumpRequest, type RouteEvent, readRouteMessages } from "../../src/linux/routeMessages.ts";

const u16 = (n: number): number[] => [...new Uint8Array(Uint16Array.of(n).buffer)];
const u32 = (n: number): number[] => [...new Uint8Array(Uint32Array.of(n).buffer)];
const pad = (octets: number[]): number[] => [...octets, ...new Array<number>((4 - (octets.length % 4)) % 4).fill(0)];
const attribute = (type: number, octets: number[]): number[] =>
  pad([...u16(octets.length + 4), ...u16(type), ...octets]);
const message = (type: number, body: number[], length = body.length + 16): number[] =>
  pad([...u32(length), ...u16(type), ...u16(0), ...u32(0), ...u32(0), ...body]);
const text = (s: string): number[] => [...Buffer.from(s), 0];
const link = (type: number, index: number, flags: number, name: string): number[] =>
  message(type, [0, 0, ...u16(1), ...u32(index), ...u32(flags), ...u32(0), ...attribute(3, text(name))]);
const addressMessage = (type: number, index: number, attributes: number[]): number[] =>
  message(type, [2, 24, 0, 0, ...u32(index), ...attributes]);
const read = (octets: number[]): readonly RouteEvent[] => readRouteMessages(Uint8Array.from(octets));

const UP_AND_RUNNING = 0x1_0041;

describe("messages of the kernel about links", () => {
  test.each<[string, number[], readonly unknown[]]>([
    [
      "a link with a carrier",
      link(16, 7, UP_AND_RUNNING, "eth0"),
      [{ type: "link", index: 7, name: "eth0", isUp: true }],
    ],
    ["no carrier", link(16, 7, 0x1, "eth0"), [{ type: "link", index: 7, name: "eth0", isUp: false }]],
    ["switched off", link(16, 7, 0x1_0000, "eth0"), [{ type: "link", index: 7, name: "eth0", isUp: false }]],
    ["a link that is gone", link(17, 7, UP_AND_RUNNING, "eth0"), [{ type: "linkGone", index: 7, name: "eth0" }]],
    [
      "an address, ours of the two on a point-to-point link",
      addressMessage(20, 3, [...attribute(1, [192, 0, 2, 9]), ...attribute(2, [192, 0, 2, 1])]),
      [{ type: "addressAdded", index: 3, address: expect.objectContaining({ version: 4, w0: 0xc0_00_02_01 }) }],
    ],
    [
      "an IPv6 address that is gone",
      addressMessage(21, 3, attribute(1, [0xfd, ...new Array<number>(14).fill(0), 1])),
      [{ type: "addressGone", index: 3, address: expect.objectContaining({ version: 6, w0: 0xfd00_0000, w3: 1 }) }],
    ],
    ["an address of five octets", addressMessage(20, 3, attribute(2, [1, 2, 3, 4, 5])), []],
    ["the end of an answer", message(3, u32(0)), [{ type: "done" }]],
    ["a type that is not for us", message(24, new Array<number>(12).fill(0)), []],
    ["a link message that is too short", message(16, [0, 0, 0, 0]), []],
    ["a length below the header", message(16, new Array<number>(16).fill(0), 15), []],
    ["a length beyond the end", message(16, new Array<number>(16).fill(0), 33), []],
    ["nothing", [], []],
  ])("%s", (_what, octets, expected) => {
    expect(read(octets)).toEqual(expected);
  });

  test("several in one piece, up to the one that lies", () => {
    const octets = [...link(16, 1, UP_AND_RUNNING, "lo"), ...link(16, 2, 0, "b"), ...message(16, [], 9_999)];
    expect(read(octets)).toMatchObject([{ name: "lo" }, { name: "b" }]);
  });

  test("an attribute that lies about its length ends the attributes, not the message", () => {
    const body = [0, 0, ...u16(1), ...u32(5), ...u32(UP_AND_RUNNING), ...u32(0), ...u16(400), ...u16(3), 65, 66, 67, 0];
    expect(read(message(16, body))).toEqual([{ type: "link", index: 5, name: "", isUp: true }]);
  });

  test("any octets give a list", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (octets) => Array.isArray(readRouteMessages(octets))));
    const good = link(16, 7, UP_AND_RUNNING, "eth0");
    const flip = fc.tuple(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 }));
    fc.assert(
      fc.property(fc.array(flip, { maxLength: 5 }), (changes) => {
        const octets = Uint8Array.from(good);
        for (const [at, value] of changes) octets[at] = value;
        return readRouteMessages(octets).length <= 2;
      }),
    );
  });

  test.skipIf(nativeProblem() !== null)(
    titleOrSkip("the kernel answers our request with the links there are", nativeProblem()),
    () => {
      expect(linkDumpRequest()).toHaveLength(32);
      const socket = new RouteSocket();
      const polls = new PollSet(1);
      polls.set([socket.fd]);
      const events: RouteEvent[] = [];
      const until = performance.now() + 15_000;
      while (!events.some((e) => e.type === "done") && performance.now() < until) {
        polls.wait(100);
        socket.drain((event) => events.push(event));
      }
      closeDescriptor(socket.fd);
      const up = events.flatMap((e) => (e.type === "link" && e.isUp ? [e.name] : []));
      expect(up).toEqual(expect.arrayContaining(Object.keys(networkInterfaces())));
      expect(events.every((e) => !("address" in e) || formatIp(e.address) !== "")).toBe(true);
    },
  );
});
