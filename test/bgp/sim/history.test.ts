// After any history of changes, losses and stalls the receiver has what it should have, and on the way there every rule of
// order on the wire was kept (wire.ts judges every octet).
import { describe, expect, it } from "vitest";
import { formatPrefix } from "../../../src/kernel/ip.ts";
import { Seconds } from "../../../src/kernel/units.ts";
import {
  A,
  attributes,
  B,
  Desired,
  forEachSeed,
  nameOf,
  onlyEnd,
  openEnds,
  peerTowards,
  runnerOf,
  type Station,
  station,
  tableAt,
  vip,
  vip6,
} from "./speakers.ts";
import { WireTap } from "./wire.ts";
import { World, type WorldOptions } from "./world.ts";

const LONG = 3_600_000;

interface Pair {
  readonly world: World;
  readonly tap: WireTap;
  readonly a: Station;
  readonly b: Station;
  readonly desired: Desired;
}

/** A announces to B; B dials too when the seed is odd. Nothing has run yet. */
function pair(seed: number, options: WorldOptions = {}): Pair {
  const world = new World(seed, options);
  const tap = new WireTap();
  world.tap = tap;
  const a = station(world, A, { listens: seed % 2 === 1 });
  const b = station(world, B);
  a.speaker.setPeers([peerTowards(A, B)]);
  b.speaker.setPeers([peerTowards(B, A)]);
  b.speaker.flush(true);
  return { world, tap, a, b, desired: new Desired(a.speaker, nameOf(B)) };
}

function change({ world, a, desired }: Pair): void {
  const many = world.pick(0, 9) === 0 ? 400 : world.pick(1, 8);
  for (let i = 0; i < many; i++) {
    const prefix = vip(world.pick(1, many > 100 ? 2_000 : 40));
    desired.set(prefix, world.pick(0, 2) === 0 ? null : attributes(world.pick(1, 5), world.pick(0, 1)));
  }
  if (world.pick(0, 3) > 0) a.speaker.flush(true);
}

function trouble({ world, a, b }: Pair): void {
  switch (world.pick(0, 9)) {
    case 0:
      for (const end of openEnds(world, a.host)) end.link.cut();
      return;
    case 1:
      a.host.pause(world.pick(0, 5_000));
      return;
    case 2:
      b.host.pause(world.pick(0, 5_000));
      return;
    case 3:
      for (const end of openEnds(world, b.host)) end.stalledUntil = world.now + world.pick(0, 60_000);
      return;
    case 4:
      for (const end of openEnds(world, b.host)) end.stalledUntil = world.now + world.pick(0, 300_000);
      return;
    case 5:
      b.speaker.setPeers([]);
      b.speaker.setPeers([peerTowards(B, A)]);
      return;
    case 6:
      b.speaker.setPeers([peerTowards(B, A, { holdTime: Seconds(world.pick(3, 90)) })]);
      return;
    case 7:
      b.host.isBlackHole = !b.host.isBlackHole;
      return;
    case 8:
      runnerOf(a, B).clearHold();
      return;
    default:
      return;
  }
}

describe("any history", () => {
  it(
    "C-108 ends with the desired table at the receiver, with C-038, C-077, C-104, C-105 and C-106 kept throughout",
    () => {
      forEachSeed(100, (seed) => {
        const options = { window: seed % 3 === 0 ? 500 : 200_000, segment: seed % 5 === 0 ? 50 : 100_000 };
        const p = pair(seed, options);
        p.tap.onEndOfRib = ({ end, table }) => {
          // C-117: at End-of-RIB the receiver has been told of everything that is wanted at that moment
          if (end.host === p.a.host) expect(Object.fromEntries(table)).toEqual(Object.fromEntries(p.desired.table));
        };
        for (let i = 0; i < 40; i++) {
          p.world.run(p.world.pick(0, 8_000));
          if (p.world.pick(0, 2) > 0) change(p);
          else trouble(p);
        }
        p.b.host.isBlackHole = false;
        p.a.speaker.flush(true);
        p.world.run(700_000);
        expect(runnerOf(p.a, B).stateName).toBe("Established");
        expect(Object.fromEntries(tableAt(p.world, p.tap, p.b.host))).toEqual(Object.fromEntries(p.desired.table));
        expect(runnerOf(p.a, B).ribs().get("ipv4-unicast")).toMatchObject({
          wantedCount: p.desired.table.size,
          sentCount: p.desired.table.size,
          pendingCount: 0,
        });
        expect([...p.tap.faults, ...p.a.watch.defects, ...p.b.watch.defects]).toEqual([]);
      });
    },
    LONG,
  );

  it("C-088 the last NOTIFICATION is on record at both ends", () => {
    const { world, a, b } = pair(2);
    world.run(5_000);
    b.speaker.setPeers([]);
    world.run(100);
    expect(runnerOf(a, B).state.lastNotificationReceived?.notification).toMatchObject({
      errorCode: 6,
      errorSubcode: 3,
    });
    expect(runnerOf(a, B).state).toMatchObject({ lastEnd: { kind: "notificationReceived" }, timesEstablished: 1 });
    expect(runnerOf(a, B).stateName).toBe("Active");
  });
});

describe("End-of-RIB", () => {
  it("C-117 waits for the first complete decision, then follows the full table at once (Q-27)", () => {
    const { world, tap, a, b, desired } = pair(2);
    desired.set(vip(1), attributes(1));
    a.speaker.flush(false);
    world.run(5_000);
    const heard = tap.heard(onlyEnd(world, b.host));
    expect([heard.table.size, heard.endOfRib]).toEqual([1, []]);
    desired.set(vip(2), attributes(1));
    a.speaker.flush(true);
    world.run(100);
    expect([heard.table.size, heard.endOfRib]).toEqual([2, [1]]);
    expect(heard.messages.at(-1)).toMatchObject({ type: "update", endOfRib: { afi: 1, safi: 1 } });
  });

  it("C-117 follows a table of many slabs, not the first slab of it", () => {
    // many sizes, so that a slab also ends with room for an End-of-RIB but not for another UPDATE
    for (let odd = 80; odd < 120; odd++) {
      const { world, tap, a, b, desired } = pair(2, { window: 1_000 });
      for (let i = 0; i < 16 * 800 + odd + 10; i++)
        desired.set(vip(i), attributes(i < 12_800 + odd ? Math.floor(i / 800) : 17));
      const sizes: number[] = [];
      tap.onEndOfRib = ({ end, table }) => {
        if (end.host === a.host) sizes.push(table.size);
      };
      a.speaker.flush(true);
      world.run(5_000);
      expect(sizes).toEqual([desired.table.size]);
      expect(tableAt(world, tap, b.host).size).toBe(desired.table.size);
    }
  });

  it("C-117 comes for an empty table too, once per session and family", () => {
    const world = new World(6);
    const tap = new WireTap();
    world.tap = tap;
    const families = ["ipv4-unicast", "ipv6-unicast"] as const;
    const six = (n: number) => ({ version: 6, w0: 0x2001_0db8, w1: 0, w2: 1, w3: n }) as const;
    const a = station(world, six(1));
    const b = station(world, six(2), { listens: true });
    for (const [us, them] of [
      [a, b],
      [b, a],
    ] as const) {
      us.speaker.setPeers([
        peerTowards(A, B, {
          address: them.host.address,
          families,
          peerAsn: "external",
          localAsn: peerTowards(us === a ? A : B, A).localAsn,
          routerId: peerTowards(us === a ? A : B, A).routerId,
        }),
      ]);
      us.speaker.flush(true);
    }
    world.run(60_000);
    expect(tap.heard(onlyEnd(world, b.host)).endOfRib).toEqual([1, 2]);
    openEnds(world, a.host)[0]?.link.cut();
    world.run(20_000);
    expect(tap.heard(onlyEnd(world, b.host)).endOfRib).toEqual([1, 2]);
    expect(tap.faults).toEqual([]);
  });

  it("C-117 a peer that is added later gets none before its own wishes are complete", () => {
    const { world, tap, a, b, desired } = pair(2);
    a.speaker.setPeers([]);
    a.speaker.flush(true);
    world.run(5_000);
    a.speaker.setPeers([peerTowards(A, B)]);
    world.run(30_000);
    expect(runnerOf(a, B).stateName).toBe("Established");
    const heard = tap.heard(onlyEnd(world, b.host));
    expect(heard.endOfRib).toEqual([]);
    desired.set(vip(1), attributes(1));
    a.speaker.flush(true);
    world.run(100);
    expect([heard.table.size, heard.endOfRib]).toEqual([1, [1]]);
  });
});

describe("what leaves in one turn", () => {
  it("C-104 a thousand withdrawals leave packed, before a thousand announcements, whatever the order of the wishes", () => {
    const { world, tap, a, b, desired } = pair(2);
    for (let i = 0; i < 1_000; i++) desired.set(vip(i), attributes(1));
    a.speaker.flush(true);
    world.run(5_000);
    const heard = tap.heard(onlyEnd(world, b.host));
    const before = heard.messages.length;
    for (let i = 0; i < 1_000; i++) {
      desired.set(vip(10_000 + i), attributes(1));
      desired.set(vip(i), null);
    }
    a.speaker.flush(true);
    world.run(1_000);
    const updates = heard.messages.slice(before).filter((m) => m.type === "update");
    const counts = updates.map((u) => u.withdrawn.reduce((n, w) => n + w.count, 0));
    expect(counts.slice(0, 2)).toEqual([814, 186]);
    expect(counts.slice(2).every((n) => n === 0)).toBe(true);
    expect(Object.fromEntries(heard.table)).toEqual(Object.fromEntries(desired.table));
  });

  it("nothing follows a NOTIFICATION, although wishes are waiting", () => {
    const { world, tap, a, desired } = pair(2);
    a.speaker.flush(true);
    world.run(5_000);
    const said = tap.said(onlyEnd(world, a.host));
    desired.set(vip(1), attributes(1));
    a.speaker.setPeers([]);
    world.run(1_000);
    expect(said.messages.at(-1)).toMatchObject({ type: "notification", errorCode: 6, errorSubcode: 3 });
    expect(tap.faults).toEqual([]);
  });

  it("C-120 what changes while the socket is full goes out once, in its last form", () => {
    const { world, tap, a, b, desired } = pair(2, { window: 100 });
    a.speaker.flush(true);
    world.run(5_000);
    const end = onlyEnd(world, b.host);
    end.stalledUntil = world.now + 20_000;
    const before = tap.heard(end).messages.length;
    for (let round = 0; round < 1_000; round++) {
      for (let i = 0; i < 100; i++) desired.set(vip(i), attributes(1 + (round % 7)));
      a.speaker.flush(true);
    }
    expect(runnerOf(a, B).ribs().get("ipv4-unicast")?.pendingCount).toBeLessThanOrEqual(100);
    world.run(30_000);
    expect(Object.fromEntries(tap.heard(end).table)).toEqual(Object.fromEntries(desired.table));
    expect(
      tap
        .heard(end)
        .messages.slice(before)
        .filter((m) => m.type === "update").length,
    ).toBeLessThan(10);
  });

  it("C-061 a family that the session does not carry waits and is not sent", () => {
    const world = new World(8);
    const tap = new WireTap();
    world.tap = tap;
    const a = station(world, A);
    const b = station(world, B, { listens: true });
    a.speaker.setPeers([peerTowards(A, B, { families: ["ipv4-unicast", "ipv6-unicast"] })]);
    b.speaker.setPeers([peerTowards(B, A)]);
    a.speaker.setRoute(nameOf(B), vip6(1), attributes(1));
    a.speaker.setRoute(nameOf(B), vip(1), attributes(1));
    a.speaker.flush(true);
    world.run(20_000);
    expect([...tableAt(world, tap, b.host).keys()]).toEqual([formatPrefix(vip(1))]);
    expect(runnerOf(a, B).sendingFamilies()).toEqual(["ipv4-unicast"]);
  });

  it("shutdown withdraws everything, then says Cease/2 with the text, and settles", async () => {
    const { world, tap, a, b, desired } = pair(2);
    for (let i = 0; i < 2_000; i++) desired.set(vip(i), attributes(i));
    a.speaker.flush(true);
    world.run(5_000);
    const heard = tap.heard(onlyEnd(world, b.host));
    expect(heard.table.size).toBe(2_000);
    const done = a.speaker.shutdown("maintenance");
    for (let i = 0; i < 20; i++) {
      world.run(100);
      await Promise.resolve();
    }
    await done;
    world.run(1_000);
    expect(heard.table.size).toBe(0);
    expect(heard.messages.at(-1)).toMatchObject({ type: "notification", errorCode: 6, errorSubcode: 2 });
    expect(runnerOf(a, B).stateName).toBe("Idle");
    world.run(600_000);
    expect(world.links.filter((l) => l.dialler.host === a.host && l.isOpen)).toEqual([]);
  });
});
