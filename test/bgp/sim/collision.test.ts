// Both ends dial: whatever the timing, one session is the result, and it is the same one for both.
import { describe, expect, it } from "vitest";
import type { PeerConfig } from "../../../src/bgp/session/config.ts";
import { waitingFor } from "../../../src/bgp/session/peer.ts";
import { RouterId, Seconds } from "../../../src/kernel/units.ts";
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
  seedCount,
  station,
  tableAt,
  vip,
} from "./speakers.ts";
import { WireTap } from "./wire.ts";
import { World } from "./world.ts";

const LONG = 3_600_000;

describe("two ends that both dial", () => {
  it(
    "C-022 any interleaving ends with exactly one Established session, the same at both ends, and it stays",
    () => {
      let slowest = 0;
      let rounds = 0;
      forEachSeed(300, (seed) => {
        const world = new World(seed, {
          latency: [0, 200],
          jitter: seed % 2 === 0 ? 200 : 0,
          segment: seed % 3 === 0 ? 7 : 100_000,
        });
        const tap = new WireTap();
        world.tap = tap;
        const a = station(world, A);
        const b = station(world, B);
        // one in four pairs has equal identifiers, so that the AS decides (C-018)
        const sameId = seed % 4 === 0 ? { routerId: RouterId(7) } : {};
        // and one in two may restart, so that a late connection could be taken for that (C-180)
        const change = { ...sameId, ...(seed % 8 < 4 ? { restartTime: Seconds(120) } : {}) };
        world.at(world.pick(0, 300), a.host, () => a.speaker.setPeers([peerTowards(A, B, change)]));
        world.at(world.pick(0, 300), b.host, () => b.speaker.setPeers([peerTowards(B, A, change)]));
        const up = (): boolean =>
          runnerOf(a, B).stateName === "Established" && runnerOf(b, A).stateName === "Established";
        world.run(1_000);
        while (!up() && world.now < 60_000) world.run(100);
        slowest = Math.max(slowest, world.now);
        const end = onlyEnd(world, a.host);
        world.run(100_000);
        expect(up()).toBe(true);
        expect(onlyEnd(world, a.host)).toBe(end);
        expect(onlyEnd(world, b.host)).toBe(end.other);
        rounds += runnerOf(a, B).state.timesEstablished + runnerOf(b, A).state.timesEstablished - 2;
        expect(runnerOf(a, B).state.errors + runnerOf(b, A).state.errors).toBe(0);
        expect([...tap.faults, ...a.watch.defects, ...b.watch.defects]).toEqual([]);
      });
      expect(slowest).toBeLessThan(20_000);
      if (seedCount(0) > 0) console.info(`slowest pair: ${slowest} ms, sessions lost on the way: ${rounds}`);
    },
    LONG,
  );

  it("C-001 the session comes up when only we listen, when only the peer listens, and not when nobody does", () => {
    const outcome = (weListen: boolean, theyListen: boolean): string => {
      const world = new World(1);
      const a = station(world, A, { listens: weListen });
      const b = station(world, B, { listens: theyListen });
      a.speaker.setPeers([peerTowards(A, B)]);
      b.speaker.setPeers([peerTowards(B, A)]);
      world.run(60_000);
      return runnerOf(a, B).stateName;
    };
    expect(outcome(true, true)).toBe("Established");
    expect(outcome(true, false)).toBe("Established");
    expect(outcome(false, true)).toBe("Established");
    expect(outcome(false, false)).toMatch(/Active|Connect/);
  });

  it("C-001 C-002 opens says who dials: nobody does where both wait, and both say what they wait for", () => {
    const outcome = (ours: PeerConfig["opens"], theirs: PeerConfig["opens"]) => {
      const world = new World(2);
      const a = station(world, A);
      const b = station(world, B);
      a.speaker.setPeers([peerTowards(A, B, { opens: ours })]);
      b.speaker.setPeers([peerTowards(B, A, { opens: theirs })]);
      world.run(300_000);
      const dialled = new Set(world.links.map((l) => (l.dialler.host === a.host ? "we" : "they")));
      return [runnerOf(a, B).stateName, [...dialled].join(), waitingFor(runnerOf(a, B).state)];
    };
    const waiting = "waiting for the peer to connect: this end never does";
    expect(outcome("us", "peer")).toEqual(["Established", "we", null]);
    expect(outcome("peer", "us")).toEqual(["Established", "they", null]);
    expect(outcome("peer", "both")).toEqual(["Established", "they", null]);
    expect(outcome("both", "us")[0]).toBe("Established");
    expect(outcome("us", "us")[0]).not.toBe("Established");
    expect(outcome("peer", "peer")).toEqual(["Active", "", waiting]);
  });

  it("a session on the peer's connection carries routes with our address on it as next hop", () => {
    const world = new World(3);
    const tap = new WireTap();
    world.tap = tap;
    const a = station(world, A);
    const b = station(world, B, { listens: false });
    a.speaker.setPeers([peerTowards(A, B)]);
    const desired = new Desired(a.speaker, nameOf(B));
    desired.set(vip(1), attributes(1));
    a.speaker.flush(true);
    b.speaker.setPeers([peerTowards(B, A)]);
    world.run(30_000);
    expect(tableAt(world, tap, b.host)).toEqual(desired.table);
    const end = onlyEnd(world, b.host);
    expect(end).toBe(end.link.dialler);
    const update = tap.heard(end).messages.find((m) => m.type === "update");
    expect(update).toMatchObject({ attributes: { nextHop: A } });
    expect(runnerOf(a, B).localAddress).toEqual(A);
  });

  it("C-004 a stranger is turned away at once and leaves no trace", () => {
    const world = new World(4);
    const tap = new WireTap();
    world.tap = tap;
    const a = station(world, A);
    const stranger = station(world, B);
    a.speaker.setPeers([]);
    stranger.speaker.setPeers([peerTowards(B, A)]);
    world.run(60_000);
    expect(a.watch.log).toEqual([]);
    expect(world.links.filter((l) => l.answerer.host === a.host && tap.said(l.answerer).messages.length > 0)).toEqual(
      [],
    );
  });

  it("C-003 a connection to another address of ours than the configured one is turned away", () => {
    const world = new World(5);
    const a = station(world, A, { listens: false });
    const b = station(world, B);
    a.speaker.setPeers([peerTowards(A, B)]);
    b.speaker.setPeers([peerTowards(B, A, { sourceAddress: { ...B, w0: B.w0 + 1 } })]);
    world.run(5_000);
    expect(runnerOf(b, A).stateName).not.toBe("Established");
    expect(b.watch.log.filter((l) => l.includes("OpenSent"))).toEqual([]);
  });
});
