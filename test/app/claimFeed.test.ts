// From received routes to the site policy: order, marks, renamed peers, and claims that are asked for later.
import { describe, expect, test } from "vitest";
import { ClaimFeed, following } from "../../src/app/claimFeed.ts";
import type { PeerConfig } from "../../src/bgp/session/config.ts";
import type { RouteAttributes } from "../../src/bgp/wire/message.ts";
import { formatPrefix } from "../../src/kernel/ip.ts";
import { Asn, PeerName } from "../../src/kernel/units.ts";
import { type ClaimSink, decodeClaims, encodeClaim } from "../../src/site/model.ts";
import { A, attributes, B, nameOf, peerTowards, type Station, station, vip } from "../bgp/sim/speakers.ts";
import { World } from "../bgp/sim/world.ts";

const ASN = Asn(65_000);
const claim = (rank: number): RouteAttributes => ({
  ...attributes(1),
  largeCommunities: encodeClaim(ASN, { siteId: 9, rank, epoch: 1, state: "active", node: 4 }),
});

interface Setup {
  readonly told: string[];
  readonly feed: ClaimFeed;
  readonly us: Station;
  readonly peer: Station;
  readonly world: World;
  /** Work that the feed wants done in turns. */
  readonly work: Generator<void, void>[];
  finish(): Promise<void>;
  readonly asns: Set<Asn>;
}

/** The peer announces a claim of rank 1 and one route without. @param asked ASNs whose claims are asked for */
function setup(asked: readonly Asn[], change: Partial<PeerConfig> = { keepReceived: true }): Setup {
  const told: string[] = [];
  const asns = new Set(asked);
  const sink: ClaimSink = {
    claimAsns: asns,
    routeChanged: (from, prefix, communities) => {
      const ranks = communities === null ? "gone" : decodeClaims(communities, ASN).map((c) => c.rank);
      told.push(`${from} ${formatPrefix(prefix)} ${ranks}`);
    },
    sightChanged: (from, sight) => told.push(`${from} ${sight}`),
    peerGone: (from) => told.push(`${from} forgotten`),
  };
  const work: Generator<void, void>[] = [];
  const done: (() => void)[] = [];
  const world = new World(5, { latency: [5, 5] });
  const feed: ClaimFeed = new ClaimFeed({
    follower: following(sink),
    peers: () => us.speaker.peers(),
    inTurns: (generator) => {
      work.push(generator);
      return new Promise((resolve) => done.push(resolve));
    },
  });
  const us = station(world, A, { listens: false, watcher: feed });
  const peer = station(world, B);
  peer.speaker.setPeers([peerTowards(B, A)]);
  peer.speaker.setRoute(nameOf(A), vip(1), claim(1));
  peer.speaker.setRoute(nameOf(A), vip(2), attributes(3));
  peer.speaker.flush(true);
  us.speaker.setPeers([peerTowards(A, B, change)]);
  feed.peersChanged();
  world.run(5_000);
  const finish = async (): Promise<void> => {
    for (const generator of work.splice(0)) for (const _ of generator);
    for (const resolve of done.splice(0)) resolve();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { told, feed, us, peer, world, work, finish, asns };
}

const PEER = nameOf(B);
const AT_1 = `${PEER} ${formatPrefix(vip(1))}`;

describe("claims in received routes", () => {
  test("are told between the marks of the table; other routes are not", () => {
    const { told } = setup([ASN]);
    expect(told).toEqual([`${PEER} reading`, `${AT_1} 1`, `${PEER} complete`]);
  });

  test("are not told while nobody asks for them, and all of them once somebody does", async () => {
    const s = setup([]);
    expect(s.told).toEqual([`${PEER} reading`, `${PEER} complete`]);
    s.told.length = 0;
    s.asns.add(ASN);
    s.feed.retell();
    await s.finish();
    expect(s.told).toEqual([`${PEER} reading`, `${AT_1} 1`, `${PEER} complete`]);
  });

  test("that change while a table is told again are told as they are, never older after newer", async () => {
    const s = setup([]);
    s.told.length = 0;
    s.asns.add(ASN);
    s.feed.retell();
    s.peer.speaker.setRoute(nameOf(A), vip(1), claim(2));
    s.peer.speaker.flush(true);
    s.world.run(100);
    await s.finish();
    expect(s.told).toEqual([`${PEER} reading`, `${AT_1} 2`, `${AT_1} 2`, `${PEER} complete`]);
  });

  test("of a session that ends while they are told again are told no further", async () => {
    const s = setup([]);
    s.asns.add(ASN);
    s.feed.retell();
    s.told.length = 0;
    s.peer.speaker.setPeers([]);
    s.world.run(100);
    await s.finish();
    expect(s.told).toEqual([`${PEER} none`]);
  });

  test("follow a peer to its new name", async () => {
    const s = setup([ASN]);
    s.told.length = 0;
    s.us.speaker.setPeers([peerTowards(A, B, { keepReceived: true, name: PeerName("other") })]);
    s.feed.peersChanged();
    await s.finish();
    const at = `other ${formatPrefix(vip(1))}`;
    expect(s.told).toEqual([`${PEER} forgotten`, "other reading", `${at} 1`, "other complete"]);
  });

  test("are forgotten when the routes of the peer are not kept any more", () => {
    const s = setup([ASN]);
    s.told.length = 0;
    s.us.speaker.setPeers([peerTowards(A, B)]);
    s.feed.peersChanged();
    expect(s.told).toEqual([`${PEER} none`, `${PEER} forgotten`]);
  });
});
