// Time on a whole session: pauses of the process, silence, stuck data, sessions without timers.
import { describe, expect, it } from "vitest";
import type { PeerConfig } from "../../../src/bgp/session/config.ts";
import { Seconds } from "../../../src/kernel/units.ts";
import {
  A,
  attributes,
  B,
  nameOf,
  onlyEnd,
  peerTowards,
  runnerOf,
  type Station,
  station,
  tableAt,
  vip,
} from "./speakers.ts";
import { WireTap } from "./wire.ts";
import { World, type WorldOptions } from "./world.ts";

interface Pair {
  readonly world: World;
  readonly tap: WireTap;
  readonly a: Station;
  readonly b: Station;
}

/** An established session that A dialled, at rest. */
function pair(change: Partial<PeerConfig> = {}, options: WorldOptions = {}, seed = 21): Pair {
  const world = new World(seed, { latency: [5, 5], ...options });
  const tap = new WireTap();
  world.tap = tap;
  const a = station(world, A, { listens: false });
  const b = station(world, B);
  b.speaker.setPeers([peerTowards(B, A, change)]);
  a.speaker.setPeers([peerTowards(A, B, change)]);
  b.speaker.flush(true);
  a.speaker.flush(true);
  world.run(30_000);
  expect(runnerOf(a, B).stateName).toBe("Established");
  return { world, tap, a, b };
}

/** Runs to just after A's next KEEPALIVE, so that B's patience is fresh. */
function runToKeepalive({ world, tap, a }: Pair): void {
  const said = tap.said(onlyEnd(world, a.host)).messages;
  const before = said.length;
  while (said.length === before) world.run(10);
}

describe("a process that is paused", () => {
  const pausedFor = (time: number, timersFirst: boolean, seed: number): Pair => {
    const p = pair({}, { timersFirst }, seed);
    runToKeepalive(p);
    p.a.host.pause(time);
    p.world.run(time + 1_000);
    return p;
  };
  const seeds = Array.from({ length: 20 }, (_, i) => i);

  it("C-093 for 0.9 of the hold time keeps its sessions: what is waiting is read before anyone is judged", () => {
    for (const seed of seeds) {
      const p = pausedFor(81_000, false, seed);
      expect(runnerOf(p.a, B).state.timesEstablished).toBe(1);
      expect(runnerOf(p.a, B).stateName).toBe("Established");
    }
  });

  it("C-093 would lose them with a shell that fires its timers first", () => {
    const lost = seeds.filter((seed) => runnerOf(pausedFor(81_000, true, seed).a, B).state.lastEnd !== null);
    expect(lost.length).toBeGreaterThan(0);
  });

  it("for longer than the hold time is given up by the peer, and comes back", () => {
    const p = pausedFor(120_000, false, 1);
    expect(p.tap.notificationsOf("192.0.2.2")).toMatchObject([{ errorCode: 4, errorSubcode: 0 }]);
    p.world.run(60_000);
    expect(runnerOf(p.a, B).state).toMatchObject({ timesEstablished: 2 });
  });
});

describe("silence", () => {
  it("C-078 of the path ends the session at both ends at the hold time after the last message, not before", () => {
    const p = pair();
    p.a.speaker.setRoute(nameOf(B), vip(1), attributes(1));
    p.a.speaker.flush(true);
    runToKeepalive(p);
    p.world.run(10);
    const end = onlyEnd(p.world, p.b.host);
    end.stalledUntil = Number.MAX_SAFE_INTEGER;
    p.world.run(89_900);
    expect(runnerOf(p.b, A).stateName).toBe("Established");
    p.world.run(150);
    expect(runnerOf(p.b, A).state.lastEnd?.kind).toBe("holdTimerExpired");
  });

  it("C-094 of the reader: data that does not move ends the session after twice the hold time", () => {
    const p = pair({}, { window: 0 });
    runToKeepalive(p);
    p.world.run(20);
    const end = onlyEnd(p.world, p.b.host);
    end.stalledUntil = Number.MAX_SAFE_INTEGER;
    const from = p.world.now - 20;
    const other = end.other;
    const { handlers } = other;
    if (handlers === null) throw new Error("no handlers");
    // only one direction is stuck: B is alive and says so, and does not give up itself
    const keepalive = Uint8Array.of(...new Array<number>(16).fill(255), 0, 19, 4);
    const chatter = (): void => {
      if (other.phase === "open") handlers.data(keepalive);
      p.world.at(p.world.now + 10_000, null, chatter);
    };
    chatter();
    p.b.host.pause(10 ** 7);
    p.world.runUntil(from + 179_900);
    expect(runnerOf(p.a, B).stateName).toBe("Established");
    p.world.runUntil(from + 180_100);
    expect(runnerOf(p.a, B).state.lastEnd?.kind).toBe("sendHoldTimerExpired");
  });
});

describe("keepalives", () => {
  it("C-092 are never further apart than the keepalive time, also under a stream of changes", () => {
    const p = pair({ holdTime: Seconds(9), keepaliveTime: Seconds(3) });
    const times: number[] = [];
    const said = p.tap.said(onlyEnd(p.world, p.a.host)).messages;
    let seen = said.length;
    for (let i = 0; i < 6_000; i++) {
      p.a.speaker.setRoute(nameOf(B), vip(i % 50), attributes(i % 3));
      p.a.speaker.flush(true);
      p.world.run(10);
      if (said.slice(seen).some((m) => m.type === "keepalive")) times.push(p.world.now);
      seen = said.length;
    }
    const gaps = times.slice(1).map((t, i) => t - (times[i] ?? Number.NaN));
    expect(gaps.length).toBeGreaterThan(15);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(3_010);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(2_240);
  });

  it("C-091 with hold time 0 a session rests for ten hours without an octet, and then a change still flows", () => {
    const p = pair({ holdTime: Seconds(0), keepaliveTime: Seconds(0) });
    const heard = p.tap.heard(onlyEnd(p.world, p.b.host));
    const before = heard.messages.length;
    p.world.run(10 * 3_600_000);
    expect(heard.messages).toHaveLength(before);
    p.a.speaker.setRoute(nameOf(B), vip(1), attributes(1));
    p.a.speaker.flush(true);
    p.world.run(100);
    expect(tableAt(p.world, p.tap, p.b.host).size).toBe(1);
    expect(runnerOf(p.a, B).state.timesEstablished).toBe(1);
  });
});
