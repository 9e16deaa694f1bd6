// Small promises on a whole session that no other file is about: the wall clock, silent capabilities, what is not sent twice.
import { describe, expect, it } from "vitest";
import type { ConnectionHandlers, ConnectOptions } from "../../../src/bgp/network.ts";
import { negotiate } from "../../../src/bgp/session/negotiate.ts";
import type { Capability } from "../../../src/bgp/wire/message.ts";
import { formatIp } from "../../../src/kernel/ip.ts";
import { CAPABILITIES, CONFIG, openWith } from "../session/fixtures.ts";
import {
  A,
  attributes,
  B,
  Desired,
  nameOf,
  onlyEnd,
  openEnds,
  peerTowards,
  runnerOf,
  type Station,
  station,
  vip,
} from "./speakers.ts";
import { WireTap } from "./wire.ts";
import { type End, World } from "./world.ts";

const NO_OPTIONS: Omit<ConnectOptions, "address"> = {
  port: 179,
  sourceAddress: null,
  zone: null,
  device: null,
  password: null,
  ttl: null,
  minTtl: null,
  userTimeout: null,
};

interface Pair {
  readonly world: World;
  readonly tap: WireTap;
  readonly a: Station;
  readonly b: Station;
  readonly desired: Desired;
}

function pair(prepare: (world: World, a: Station) => void = () => {}): Pair {
  const world = new World(31, { latency: [5, 5] });
  const tap = new WireTap();
  world.tap = tap;
  const a = station(world, A, { listens: false });
  const b = station(world, B);
  prepare(world, a);
  b.speaker.setPeers([peerTowards(B, A)]);
  a.speaker.setPeers([peerTowards(A, B)]);
  b.speaker.flush(true);
  a.speaker.flush(true);
  return { world, tap, a, b, desired: new Desired(a.speaker, nameOf(B)) };
}

describe("the wall clock", () => {
  /** Everything that happened within an hour in which routes change and connections break, with its times. */
  function life(wall: (now: number) => number): readonly string[] {
    const told: string[] = [];
    const { world, tap, a, desired } = pair((w, at) => {
      Object.assign(at.host.clock, { wall: () => wall(w.now) });
      at.watch.onState = (to) => told.push(`${w.now} ${to}`);
    });
    tap.onEndOfRib = ({ end }) => told.push(`${world.now} End-of-RIB ${end.host === a.host}`);
    for (let minute = 0; minute < 60; minute++) {
      world.run(60_000);
      desired.set(vip(minute % 5), attributes(minute));
      a.speaker.flush(true);
      if (minute % 7 === 6) onlyEnd(world, a.host).link.cut();
    }
    return told;
  }

  it("C-096 may jump an hour forth, a year back, or stand still: nothing happens at another time", () => {
    const calm = life((now) => now);
    expect(calm.length).toBeGreaterThan(20);
    expect(life((now) => (now < 600_000 ? now : now + 3_600_000))).toEqual(calm);
    expect(life((now) => (now < 600_000 ? now : now - 365 * 86_400_000))).toEqual(calm);
    expect(life(() => 0)).toEqual(calm);
  });
});

describe("capabilities", () => {
  it("C-063 C-064 C-183 ADD-PATH, dynamic capability and long-lived restart of a peer change nothing that is agreed", () => {
    const extra: readonly Capability[] = [
      { type: "unknown", code: 67, value: new Uint8Array(0) },
      { type: "unknown", code: 69, value: Uint8Array.of(0, 1, 1, 3) },
      { type: "unknown", code: 71, value: Uint8Array.of(0, 1, 1, 0, 0, 0, 60) },
    ];
    const capabilities = [...CAPABILITIES, ...extra];
    expect(negotiate(CONFIG, openWith({ capabilities }))).toEqual(negotiate(CONFIG, openWith({})));
  });
});

describe("a change", () => {
  it("C-099 leaves in the moment in which it is decided", () => {
    const { world, tap, a, b, desired } = pair();
    world.run(30_000);
    const said = tap.said(onlyEnd(world, a.host)).messages;
    for (let n = 1; n <= 50; n++) {
      const before = said.length;
      desired.set(vip(1), n % 5 === 0 ? null : attributes(n));
      a.speaker.flush(true);
      expect(said.slice(before).filter((m) => m.type === "update")).toHaveLength(1);
      world.run(10);
    }
    expect(tap.heard(onlyEnd(world, b.host)).table.size).toBe(0);
  });

  it("C-107 C-109 C-110 brings one message for it, and none for what stayed, was wished back, or was never there", () => {
    const { world, tap, a, desired } = pair();
    for (let i = 0; i < 100; i++) desired.set(vip(i), attributes(1));
    a.speaker.flush(true);
    world.run(30_000);
    const said = tap.said(onlyEnd(world, a.host)).messages;
    const updates = (work: () => void): readonly string[] => {
      const before = said.length;
      work();
      a.speaker.flush(true);
      world.run(100);
      return said
        .slice(before)
        .flatMap((m) => (m.type === "update" ? [m.withdrawn.length > 0 ? "withdraw" : "announce"] : []));
    };
    expect(updates(() => desired.set(vip(1), attributes(2)))).toEqual(["announce"]);
    expect(updates(() => desired.set(vip(1), attributes(2)))).toEqual([]);
    expect(
      updates(() => {
        desired.set(vip(2), null);
        desired.set(vip(2), attributes(1));
      }),
    ).toEqual([]);
    expect(updates(() => desired.set(vip(500), null))).toEqual([]);
    expect(
      updates(() => {
        desired.set(vip(501), attributes(1));
        desired.set(vip(501), null);
      }),
    ).toEqual([]);
  });
});

describe("a thousand sessions", () => {
  it("C-269 leave as many timers and open connections behind as one did", () => {
    const { world, a } = pair();
    let armed = 0;
    const { timers } = a.host;
    const { after } = timers;
    Object.assign(timers, {
      after: (delay: Parameters<typeof after>[0], callback: () => void) => {
        armed++;
        let left = 1;
        const end = (): void => {
          armed -= left;
          left = 0;
        };
        const handle = after(delay, () => {
          end();
          callback();
        });
        return {
          cancel: () => {
            end();
            handle.cancel();
          },
        };
      },
    });
    const runner = runnerOf(a, B);
    for (let n = 0; runner.state.timesEstablished < 1_000; n++) {
      world.run(300);
      for (const { link } of world.links.flatMap((l) => [l.dialler]).filter((e) => e.phase === "open")) link.cut();
      world.run(100);
      runner.clearHold();
      if (n > 5_000) throw new Error("they do not come up");
    }
    world.run(1_000);
    expect(armed).toBe(1);
    expect(world.links.filter((l) => l.dialler.phase === "open" || l.dialler.phase === "connecting")).toHaveLength(1);
  });
});

describe("connections by the peer that say nothing", () => {
  it("C-262 are one at a time, the newest, and it is given up when no OPEN has come in four minutes", () => {
    const world = new World(32, { latency: [5, 5] });
    const tap = new WireTap();
    tap.ignored.add(formatIp(B));
    world.tap = tap;
    const a = station(world, A);
    const b = world.host(B);
    a.speaker.setPeers([peerTowards(A, B, { opens: "peer" })]);
    a.speaker.flush(true);
    const silent: ConnectionHandlers = { connected() {}, data() {}, fill: () => 0, sent() {}, closed() {} };
    for (let n = 0; n < 1_000; n++) {
      b.connect({ ...NO_OPTIONS, address: A }, silent);
      world.run(50);
      expect(openEnds(world, a.host)).toHaveLength(1);
      expect(openEnds(world, a.host)[0]?.link).toBe(world.links.at(-1));
    }
    world.run(239_000);
    expect(openEnds(world, a.host)).toHaveLength(1);
    world.run(2_000);
    expect(openEnds(world, a.host)).toEqual([]);
    expect(tap.said(world.links.at(-1)?.answerer as End).messages.at(-1)).toMatchObject({
      type: "notification",
      errorCode: 4,
      errorSubcode: 0,
    });
    expect(a.watch.defects).toEqual([]);
  });
});
