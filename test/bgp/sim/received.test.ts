// What a peer advertises to us, on a whole session: counted, limited, kept when asked, and never of consequence.
import { describe, expect, it } from "vitest";
import type { ReceivedWatcher } from "../../../src/bgp/peerSurroundings.ts";
import type { PeerConfig } from "../../../src/bgp/session/config.ts";
import { formatPrefix } from "../../../src/kernel/ip.ts";
import { A, attributes, B, nameOf, peerTowards, runnerOf, type Station, station, tableAt, vip } from "./speakers.ts";
import { WireTap } from "./wire.ts";
import { World } from "./world.ts";

interface Pair {
  readonly world: World;
  readonly tap: WireTap;
  readonly us: Station;
  readonly peer: Station;
}

/** We dial; the peer announces `count` prefixes from the start. */
function pair(count: number, change: Partial<PeerConfig> = {}): Pair {
  const world = new World(5, { latency: [5, 5] });
  const tap = new WireTap();
  world.tap = tap;
  const us = station(world, A, { listens: false });
  const peer = station(world, B);
  peer.speaker.setPeers([peerTowards(B, A)]);
  for (let n = 1; n <= count; n++) peer.speaker.setRoute(nameOf(A), vip(n), attributes(7));
  us.speaker.setPeers([peerTowards(A, B, change)]);
  us.speaker.setRoute(nameOf(B), vip(1_000_000), attributes(1));
  peer.speaker.flush(true);
  us.speaker.flush(true);
  world.run(5_000);
  return { world, tap, us, peer };
}

const oursAt = ({ world, tap, peer }: Pair): readonly string[] => [...tableAt(world, tap, peer.host).keys()];

describe("received routes", () => {
  it("are counted as they come and go, and change nothing of what we announce (C-157)", () => {
    const p = pair(1_000);
    const runner = runnerOf(p.us, B);
    expect(runner.receivedCount).toBe(1_000);
    expect(oursAt(p)).toEqual([formatPrefix(vip(1_000_000))]);
    for (let n = 1; n <= 400; n++) p.peer.speaker.setRoute(nameOf(A), vip(n), null);
    p.peer.speaker.setRoute(nameOf(A), vip(1_000_000), attributes(9));
    p.peer.speaker.flush(true);
    p.world.run(1_000);
    expect(runner.receivedCount).toBe(601);
    expect(oursAt(p)).toEqual([formatPrefix(vip(1_000_000))]);
  });

  it("are forgotten with the session", () => {
    const p = pair(10);
    p.peer.speaker.setPeers([]);
    p.world.run(100);
    expect(runnerOf(p.us, B).receivedCount).toBe(0);
    expect(runnerOf(p.us, B).adjRibIn).toBeNull();
  });
});

describe("C-158 the limit of received prefixes", () => {
  it("is not passed by exactly as many", () => {
    const p = pair(100, { maxPrefixes: 100 });
    expect(runnerOf(p.us, B).stateName).toBe("Established");
  });

  it("ends the session with Cease/1 and holds the peer down, visibly", () => {
    const { us } = pair(101, { maxPrefixes: 100 });
    const { state, stateName, counters } = runnerOf(us, B);
    expect(stateName).not.toBe("Established");
    expect(state.lastNotificationSent?.notification).toMatchObject({ errorCode: 6, errorSubcode: 1 });
    expect(state.idleHold).toMatchObject({ damped: true, why: "the peer has advertised more than 100 prefixes" });
    expect(counters.notificationsSent).toBeGreaterThan(0);
  });

  it("takes effect at once when it is lowered below what is there, and not when it is raised", () => {
    const p = pair(100, { maxPrefixes: 200 });
    p.us.speaker.setPeers([peerTowards(A, B, { maxPrefixes: 300 })]);
    expect(runnerOf(p.us, B).stateName).toBe("Established");
    p.us.speaker.setPeers([peerTowards(A, B, { maxPrefixes: 50 })]);
    expect(runnerOf(p.us, B).stateName).not.toBe("Established");
  });
});

describe("kept routes", () => {
  it("can be looked at by prefix", () => {
    const kept = runnerOf(pair(3, { keepReceived: true }).us, B).adjRibIn;
    expect(kept?.find(vip(2))?.communities).toEqual([7]);
    expect(kept?.find(vip(4))).toBeNull();
  });

  it("are asked for again when keeping is turned on, without a reset, and given up when it is turned off", () => {
    const p = pair(3);
    const runner = runnerOf(p.us, B);
    expect(runner.adjRibIn?.find(vip(2))).toBeNull();
    p.us.speaker.setPeers([peerTowards(A, B, { keepReceived: true })]);
    p.world.run(1_000);
    expect(runner.counters.routeRefreshesSent).toBe(1);
    expect(runner.adjRibIn?.find(vip(2))?.communities).toEqual([7]);
    expect(runner.receivedCount).toBe(3);
    p.us.speaker.setPeers([peerTowards(A, B, { keepReceived: false })]);
    p.world.run(1_000);
    expect(runner.adjRibIn?.find(vip(2))).toBeNull();
    expect(runner.receivedCount).toBe(3);
    expect(runner.state.timesEstablished).toBe(1);
  });
});

describe("who follows received routes", () => {
  /** As `pair`, with all that we are told as text; the peer announces three prefixes. */
  function followed(change: Partial<PeerConfig> = {}): Pair & { readonly told: string[] } {
    const told: string[] = [];
    const watcher: ReceivedWatcher = {
      isWatched: () => true,
      routeChanged: (_, prefix, a) =>
        told.push(`${formatPrefix(prefix)} ${a === null ? "gone" : a.communities.join()}`),
      readingChanged: (_, reading) => told.push(reading),
    };
    const world = new World(5, { latency: [5, 5] });
    const us = station(world, A, { listens: false, watcher });
    const peer = station(world, B);
    peer.speaker.setPeers([peerTowards(B, A)]);
    for (let n = 1; n <= 3; n++) peer.speaker.setRoute(nameOf(A), vip(n), attributes(7));
    us.speaker.setPeers([peerTowards(A, B, change)]);
    peer.speaker.flush(true);
    world.run(5_000);
    return { world, tap: new WireTap(), us, peer, told };
  }
  const three = [1, 2, 3].map((n) => `${formatPrefix(vip(n))} 7`);

  it("is told the table between two marks, then each change, and the end of the session in a word", () => {
    const { told, peer, world } = followed({ keepReceived: true });
    expect(told).toEqual(["reading", ...three, "complete"]);
    told.length = 0;
    peer.speaker.setRoute(nameOf(A), vip(2), null);
    peer.speaker.setRoute(nameOf(A), vip(3), attributes(8));
    peer.speaker.flush(true);
    world.run(100);
    expect(told).toEqual([`${formatPrefix(vip(2))} gone`, `${formatPrefix(vip(3))} 8`]);
    told.length = 0;
    peer.speaker.setPeers([]);
    world.run(100);
    expect(told).toEqual(["none"]);
  });

  it("is told nothing of a peer whose routes are not kept, and all of it once they are", () => {
    const { us, told, world } = followed();
    expect(told).toEqual([]);
    us.speaker.setPeers([peerTowards(A, B, { keepReceived: true })]);
    world.run(1_000);
    expect(told).toEqual(["reading", ...three, "complete"]); // the end of the refresh is marked (RFC 7313)
    told.length = 0;
    us.speaker.setPeers([peerTowards(A, B)]);
    expect(told).toEqual(["none"]);
  });

  it("is not told that a table is complete while the peer's End-of-RIB is held back", () => {
    const { us, told, world, peer } = followed({ keepReceived: true });
    runnerOf(peer, A).holdEndOfRib(true);
    us.speaker.setPeers([]);
    us.speaker.setPeers([peerTowards(A, B, { keepReceived: true })]);
    told.length = 0;
    world.run(10_000);
    expect(told).toEqual(["reading", ...three]);
    runnerOf(peer, A).holdEndOfRib(false);
    peer.speaker.flush(true);
    world.run(100);
    expect(told.at(-1)).toBe("complete");
  });
});
