// ROUTE-REFRESH on a whole session: what is sent again, between which marks, and how often at most.
import { describe, expect, it } from "vitest";
import { encodeMessage } from "../../../src/bgp/wire/codec.ts";
import type { Message } from "../../../src/bgp/wire/message.ts";
import { prefixesOf } from "../../../src/bgp/wire/nlri.ts";
import { formatPrefix } from "../../../src/kernel/ip.ts";
import {
  A,
  attributes,
  B,
  Desired,
  forEachSeed,
  nameOf,
  onlyEnd,
  peerTowards,
  runnerOf,
  station,
  vip,
} from "./speakers.ts";
import { WireTap } from "./wire.ts";
import { type End, World, type WorldOptions } from "./world.ts";

const FAMILIES = ["ipv4-unicast", "ipv6-unicast"] as const;

/** A announces `count` prefixes to B, and all of it has arrived; `news` is what B has heard since. */
function session(count: number, options: WorldOptions = {}, seed = 1) {
  const world = new World(seed, { latency: [5, 5], ...options });
  const tap = new WireTap();
  world.tap = tap;
  const a = station(world, A, { listens: false });
  const b = station(world, B);
  a.speaker.setPeers([peerTowards(A, B)]);
  b.speaker.setPeers([peerTowards(B, A)]);
  b.speaker.flush(true);
  const desired = new Desired(a.speaker, nameOf(B));
  for (let i = 0; i < count; i++) desired.set(vip(i), attributes(i % 5));
  a.speaker.flush(true);
  world.run(60_000);
  const heard = tap.heard(onlyEnd(world, b.host));
  const before = heard.messages.length;
  const news = (): readonly string[] => heard.messages.slice(before).flatMap(text);
  return { world, tap, a, b, desired, heard, news };
}

function text(message: Message): string[] {
  if (message.type === "routeRefresh") return [["request", "BoRR", "EoRR"][message.subtype] ?? "?"];
  if (message.type !== "update") return [];
  const withdrawn = message.withdrawn.flatMap(prefixesOf).map((p) => `-${formatPrefix(p)}`);
  return [...withdrawn, ...message.reachable.flatMap(prefixesOf).map((p) => `+${formatPrefix(p)}`)];
}

/** Octets from B that no speaker of ours would send. */
function say(end: End, ...messages: readonly { afi: number; safi?: number; subtype?: number }[]): void {
  const octets = messages.flatMap(({ afi, safi = 1, subtype = 0 }) => [
    ...encodeMessage({ type: "routeRefresh", afi, safi, subtype }),
  ]);
  end.other.handlers?.data(Uint8Array.from(octets));
}

const added = (news: readonly string[]): string[] => news.filter((n) => n.startsWith("+")).sort();

describe("a route refresh", () => {
  it("C-168 C-170 sends the whole table again, once, between its marks", () => {
    const s = session(300);
    say(onlyEnd(s.world, s.b.host), { afi: 1 });
    s.world.run(1_000);
    const news = s.news();
    expect([news[0], news.at(-1)]).toEqual(["BoRR", "EoRR"]);
    expect(added(news)).toEqual([...s.desired.table.keys()].map((p) => `+${p}`).sort());
    expect(news).toHaveLength(302);
    expect(s.tap.faults).toEqual([]);
  });

  it("C-170 of an empty table is two marks", () => {
    const s = session(0);
    say(onlyEnd(s.world, s.b.host), { afi: 1 });
    s.world.run(1_000);
    expect(s.news()).toEqual(["BoRR", "EoRR"]);
  });

  it("C-170 loses no change that comes in the middle, and its end waits for none", () => {
    forEachSeed(10, (seed) => {
      const s = session(20_000, { window: 2_000, segment: 3_000 }, seed);
      say(onlyEnd(s.world, s.b.host), { afi: 1 });
      const atBeginning = [...s.desired.table.keys()];
      for (let i = 0; i < 40; i++) {
        s.world.run(1);
        for (let k = 0; k < 20; k++) {
          const n = s.world.pick(0, 22_000);
          s.desired.set(vip(n), s.world.pick(0, 2) === 0 ? null : attributes(s.world.pick(0, 9)));
        }
        s.a.speaker.flush(true);
      }
      s.world.run(10_000);
      const news = s.news();
      expect(Object.fromEntries(s.heard.table)).toEqual(Object.fromEntries(s.desired.table));
      // all that the peer had is named between the marks, or it would take it for stale
      const told = new Set(news.slice(news.indexOf("BoRR"), news.indexOf("EoRR")).map((n) => n.slice(1)));
      expect(atBeginning.filter((prefix) => !told.has(prefix))).toEqual([]);
      expect(news.slice(news.indexOf("BoRR"), news.indexOf("EoRR")).some((n) => n.startsWith("-"))).toBe(true);
      expect(news.filter((n) => n.endsWith("RR"))).toEqual(["BoRR", "EoRR"]);
      expect([...s.tap.faults, ...s.a.watch.defects]).toEqual([]);
    });
  });

  it("C-173 a thousand requests are answered by one refresh, and those that come during it by one more", () => {
    const s = session(30_000, { window: 1_000, segment: 3_000 });
    const end = onlyEnd(s.world, s.b.host);
    say(end, ...Array.from({ length: 1_000 }, () => ({ afi: 1 })));
    while (!s.news().includes("BoRR")) s.world.run(1);
    expect(s.news()).not.toContain("EoRR");
    say(end, ...Array.from({ length: 1_000 }, () => ({ afi: 1 })));
    s.world.run(10_000);
    expect(s.news().filter((n) => n.endsWith("RR"))).toEqual(["BoRR", "EoRR", "BoRR", "EoRR"]);
    expect(added(s.news())).toHaveLength(60_000);
    expect(runnerOf(s.a, B).counters).toMatchObject({ routeRefreshesReceived: 2_000, routeRefreshesSent: 4 });
  });

  it("C-169 of a family that was not agreed is ignored and counted", () => {
    const s = session(3);
    say(onlyEnd(s.world, s.b.host), { afi: 2 }, { afi: 99 }, { afi: 1, safi: 128 });
    s.world.run(1_000);
    expect(s.news()).toEqual([]);
    expect(runnerOf(s.a, B).counters).toMatchObject({ routeRefreshesReceived: 3, routeRefreshesIgnored: 3 });
    expect(runnerOf(s.a, B).stateName).toBe("Established");
  });

  it("C-171 marks of the peer's own, and subtypes nobody knows, ask for nothing", () => {
    const s = session(3);
    const subtypes = Array.from({ length: 255 }, (_, i) => ({ afi: 1, subtype: i + 1 }));
    say(onlyEnd(s.world, s.b.host), ...subtypes);
    s.world.run(1_000);
    expect(s.news()).toEqual([]);
    expect(runnerOf(s.a, B).stateName).toBe("Established");
  });

  it("C-117 C-170 asked for before End-of-RIB comes after it", () => {
    const s = session(0);
    s.a.speaker.setPeers([]);
    s.a.speaker.setPeers([peerTowards(A, B)]);
    s.world.run(60_000);
    const end = onlyEnd(s.world, s.b.host);
    const heard = s.tap.heard(end);
    say(end, { afi: 1 });
    s.world.run(1_000);
    expect([heard.endOfRib, heard.messages.flatMap(text)]).toEqual([[], []]);
    s.a.speaker.setRoute(nameOf(B), vip(1), attributes(1));
    s.a.speaker.flush(true);
    s.world.run(1_000);
    expect(heard.endOfRib).toEqual([1]);
    expect(heard.messages.flatMap(text)).toEqual(["+10.0.0.1/32", "BoRR", "+10.0.0.1/32", "EoRR"]);
  });

  it("C-168 of one family leaves the other alone", () => {
    const s = session(0);
    for (const [at, them] of [
      [s.a, B],
      [s.b, A],
    ] as const) {
      at.speaker.setPeers([peerTowards(at.host.address, them, { families: FAMILIES })]);
      at.speaker.flush(true);
    }
    s.world.run(60_000);
    const end = onlyEnd(s.world, s.b.host);
    s.a.speaker.setRoute(nameOf(B), vip(1), attributes(1));
    s.a.speaker.flush(true);
    s.world.run(1_000);
    const heard = s.tap.heard(end);
    const before = heard.messages.length;
    say(end, { afi: 2 });
    s.world.run(1_000);
    expect(heard.messages.slice(before)).toMatchObject([
      { type: "routeRefresh", afi: 2, subtype: 1 },
      { type: "routeRefresh", afi: 2, subtype: 2 },
    ]);
  });
});
