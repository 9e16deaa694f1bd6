// Big tables in pieces: the pieces are the document, none is big, and between two rests little is done.
import { expect, test } from "vitest";
import { AdjRibIn } from "../../src/bgp/rib/adjRibIn.ts";
import type { ReceivedAttributes } from "../../src/bgp/wire/message.ts";
import { EMPTY_UPDATE } from "../../src/bgp/wire/update.ts";
import { sorting } from "../../src/kernel/sorting.ts";
import { Asn } from "../../src/kernel/units.ts";
import { receivedRoute, receivedRoutes, tablesText } from "../../src/observe/routesStream.ts";
import { external } from "../bgp/wire/support.ts";

/** /24s from 10.0.0.0 on, `count` of them, last one first. */
function filled(count: number): AdjRibIn {
  const rib = new AdjRibIn({ negotiated: external, keep: true });
  const attributes: ReceivedAttributes = {
    ...EMPTY_UPDATE.attributes,
    origin: 0,
    asPath: [{ type: "sequence", asns: [Asn(2), Asn(3)] }],
    med: 5,
    communities: [0xffff_ff01],
  };
  for (let from = 0; from < count; from += 1000) {
    const octets = new Uint8Array(4 * Math.min(1000, count - from));
    for (let i = 0; i < octets.length / 4; i++) {
      const n = count - 1 - (from + i);
      octets.set([24, 10 + (n >>> 16), (n >>> 8) & 255, n & 255], 4 * i);
    }
    const reachable = [{ afi: 1, safi: 1, bytes: octets, count: octets.length / 4 }];
    rib.apply({ ...EMPTY_UPDATE, reachable, attributes });
  }
  return rib;
}

test("a hundred thousand received routes: sorted, whole, in small pieces with rests between", () => {
  const rib = filled(100_000);
  expect(rib.count).toBe(100_000);
  const table = { name: "tor", head: { count: rib.count, kept: true }, routes: receivedRoutes(rib.routes()) };
  const pieces = [...tablesText([table], receivedRoute)];
  const texts = pieces.filter((p) => p !== undefined);
  expect(Math.max(...texts.map((t) => t.length))).toBeLessThan(64 * 1024);
  expect(pieces.length - texts.length).toBeGreaterThan(700); // places to rest
  const document = JSON.parse(texts.join(""));
  const { routes, ...head } = document.peers.tor;
  expect(head).toEqual({ count: 100_000, kept: true });
  expect(routes.length).toBe(100_000);
  expect([routes[0].prefix, routes[1].prefix, routes.at(-1).prefix]).toEqual([
    "10.0.0.0/24",
    "10.0.1.0/24",
    "11.134.159.0/24",
  ]);
  expect(routes[0]).toEqual({
    prefix: "10.0.0.0/24",
    nextHop: null,
    origin: "igp",
    asPath: "2 3",
    localPref: null,
    med: 5,
    communities: ["no-export"],
    largeCommunities: [],
    isLoop: false,
  });
});

test("what changes while a table is read changes nothing in what is read", () => {
  const rib = filled(5000);
  const reading = rib.routes();
  reading.next();
  const octets = new Uint8Array([24, 10, 0, 0]);
  const withdrawn = [{ afi: 1, safi: 1, bytes: octets, count: octets.length / 4 }];
  rib.apply({ ...EMPTY_UPDATE, withdrawn });
  expect(1 + [...reading].length).toBe(5000);
  expect([...rib.routes()].length).toBe(4999);
});

test("sorting in steps gives what sorting at once gives, equal items in their order", () => {
  const items = Array.from({ length: 10_000 }, (_, i) => ({ key: (i * 7919) % 97, i }));
  const run = sorting(items, (a, b) => a.key - b.key);
  let steps = 0;
  for (;;) {
    const { done, value } = run.next();
    if (done === true) {
      expect(value).toEqual([...items].sort((a, b) => a.key - b.key));
      break;
    }
    steps++;
  }
  expect(steps).toBeGreaterThan(10);
  expect(sorting([], () => 0).next()).toEqual({ done: true, value: [] });
});
