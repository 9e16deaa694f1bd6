// One peer never pays for another: not for its misbehaviour, not for its configuration, not for a defect of ours that it
// brings to light.
import { describe, expect, it } from "vitest";
import type { ConnectionHandlers } from "../../../src/bgp/network.ts";
import type { RouteAttributes } from "../../../src/bgp/wire/message.ts";
import type { Ip } from "../../../src/kernel/ip.ts";
import { formatIp } from "../../../src/kernel/ip.ts";
import { Asn, PeerName, Seconds } from "../../../src/kernel/units.ts";
import { address } from "../session/fixtures.ts";
import {
  A,
  attributes,
  Desired,
  nameOf,
  onlyEnd,
  openEnds,
  peerTowards,
  runnerOf,
  type Station,
  station,
  tableAt,
  vip,
} from "./speakers.ts";
import { WireTap } from "./wire.ts";
import { type Acceptor, seeded, World } from "./world.ts";

const peerAddress = (n: number): Ip => address(198, 51, 100, n);
const GOOD = peerAddress(50);

/** Takes every connection and says these octets, or nothing at all. */
const says =
  (octets: readonly number[]): Acceptor =>
  (_remote, _local, take) => {
    let left: readonly number[] = octets;
    const handlers: ConnectionHandlers = {
      connected() {},
      data() {},
      fill: (slab) => {
        slab.set(left);
        const { length } = left;
        left = [];
        return length;
      },
      sent() {},
      closed() {},
    };
    take(handlers).wake();
    return true;
  };

const HTTP = [...new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")];
const LENGTH_LIE = [...new Array<number>(16).fill(255), 255, 255, 2];

/** Each makes the host at that address a different kind of bad peer. */
const MISBEHAVIOUR: readonly ((world: World, at: Ip) => void)[] = [
  (world, at) => {
    world.host(at); // refuses
  },
  (world, at) => {
    world.host(at).isBlackHole = true;
  },
  (world, at) => {
    world.host(at).acceptor = () => false;
  },
  (world, at) => {
    world.host(at).acceptor = says(HTTP);
  },
  (world, at) => {
    world.host(at).acceptor = says(LENGTH_LIE);
  },
  (world, at) => {
    world.host(at).acceptor = says([]);
  },
  (world, at) => {
    station(world, at).speaker.setPeers([peerTowards(at, A, { peerAsn: Asn(1) })]);
  },
  (world, at) => {
    // establishes, then stops reading for good
    const bad = station(world, at);
    bad.speaker.setPeers([peerTowards(at, A)]);
    world.at(2_000, null, () => {
      for (const end of openEnds(world, bad.host)) end.stalledUntil = 10 ** 9;
    });
  },
  (world, at) => {
    // comes and goes all the time
    const bad = station(world, at);
    const flap = (): void => {
      bad.speaker.setPeers([]);
      bad.speaker.setPeers([peerTowards(at, A)]);
      world.at(world.now + 150, null, flap);
    };
    flap();
  },
  (world, at) => {
    // dials without end and says nothing
    const bad = world.host(at);
    const silent: ConnectionHandlers = { connected() {}, data() {}, fill: () => 0, sent() {}, closed() {} };
    const dial = (): void => {
      bad.connect(
        {
          address: A,
          port: 179,
          sourceAddress: null,
          zone: null,
          device: null,
          password: null,
          ttl: null,
          minTtl: null,
          userTimeout: null,
        },
        silent,
      );
      if (world.now < 20_000) world.at(world.now + 100, null, dial);
    };
    dial();
  },
];

/** When the good peer came up, and when each of its changes arrived. */
function lifeOfTheGoodPeer(badPeers: number): readonly number[] {
  const world = new World(11, { latency: [5, 5] });
  const tap = new WireTap();
  world.tap = tap;
  const a = station(world, A);
  const good = station(world, GOOD);
  good.speaker.setPeers([peerTowards(GOOD, A)]);
  const bad = Array.from({ length: badPeers }, (_, i) => peerAddress(i + 1));
  for (const [i, at] of bad.entries()) {
    tap.ignored.add(formatIp(at));
    MISBEHAVIOUR[i % MISBEHAVIOUR.length]?.(world, at);
  }
  const times: number[] = [];
  good.watch.onState = (to) => {
    if (to === "Established") times.push(world.now);
  };
  a.speaker.setPeers([...bad, GOOD].map((them) => peerTowards(A, them)));
  const desired = new Desired(a.speaker, nameOf(GOOD));
  world.run(1_000);
  const table = tableAt(world, tap, good.host);
  for (let i = 0; i < 100; i++) {
    const set = attributes(i);
    desired.set(vip(i % 7), set);
    for (const them of bad) a.speaker.setRoute(nameOf(them), vip(i % 7), set);
    a.speaker.flush(true);
    while (table.get(`10.0.0.${i % 7}/32`) !== `0|${i}`) world.run(1);
    times.push(world.now);
    world.run(600);
  }
  expect(runnerOf(a, GOOD).state.timesEstablished).toBe(1);
  expect([...tap.faults, ...a.watch.defects]).toEqual([]);
  return times;
}

describe("other peers", () => {
  it("C-086 forty-nine that misbehave in ten ways do not delay the fiftieth by a millisecond", () => {
    expect(lifeOfTheGoodPeer(49)).toEqual(lifeOfTheGoodPeer(0));
  });
});

interface Trio {
  readonly world: World;
  readonly tap: WireTap;
  readonly us: Station;
  readonly one: Station;
  readonly two: Station;
}

const ONE = peerAddress(1);
const TWO = peerAddress(2);

/** We announce one VIP to two good peers, and all of it has arrived. */
function trio(random = seeded(1)): Trio {
  const world = new World(12, { latency: [5, 5] });
  const tap = new WireTap();
  world.tap = tap;
  const us = station(world, A, { random, listens: false });
  const one = station(world, ONE);
  const two = station(world, TWO);
  one.speaker.setPeers([peerTowards(ONE, A)]);
  two.speaker.setPeers([peerTowards(TWO, A)]);
  one.speaker.flush(true);
  two.speaker.flush(true);
  us.speaker.setPeers([peerTowards(A, ONE), peerTowards(A, TWO)]);
  for (const them of [ONE, TWO]) us.speaker.setRoute(nameOf(them), vip(1), attributes(1));
  us.speaker.flush(true);
  world.run(30_000);
  us.watch.log.length = 0;
  return { world, tap, us, one, two };
}

/** What a peer has heard since, other than KEEPALIVEs. */
function listen({ world, tap }: Trio, at: Station): () => readonly string[] {
  const heard = tap.heard(onlyEnd(world, at.host)).messages;
  const before = heard.length;
  return () => heard.slice(before).flatMap((m) => (m.type === "keepalive" ? [] : [m.type]));
}

describe("reconfiguration", () => {
  it("C-089 of one peer causes no event and no octet at another", () => {
    const t = trio();
    const news = listen(t, t.one);
    const changes = t.us.speaker.setPeers([peerTowards(A, ONE), peerTowards(A, TWO, { holdTime: Seconds(30) })]);
    t.us.speaker.flush(true);
    t.world.run(60_000);
    expect(changes).toEqual([{ peer: nameOf(TWO), change: "reset", fields: ["holdTime"] }]);
    expect(t.us.watch.log.filter((l) => l.startsWith(`${nameOf(ONE)} `))).toEqual([]);
    expect(news()).toEqual([]);
    expect(t.tap.notificationsOf(formatIp(A))).toMatchObject([{ errorCode: 6, errorSubcode: 6 }]);
    expect([...tableAt(t.world, t.tap, t.two.host).keys()]).toEqual(["10.0.0.1/32"]);
  });

  it("C-089 that says the same again causes nothing at all", () => {
    const t = trio();
    const news = [listen(t, t.one), listen(t, t.two)];
    expect(t.us.speaker.setPeers([peerTowards(A, TWO), peerTowards(A, ONE)])).toEqual([]);
    t.us.speaker.flush(true);
    t.world.run(60_000);
    expect([t.us.watch.log, ...news.map((n) => n())]).toEqual([[], [], []]);
  });

  it("of the keepalive time is seen on the session that stands", () => {
    const t = trio();
    t.us.speaker.setPeers([peerTowards(A, ONE, { keepaliveTime: Seconds(7) }), peerTowards(A, TWO)]);
    expect(runnerOf(t.us, ONE).negotiated).toMatchObject({ keepaliveTime: 7 });
    expect(runnerOf(t.us, ONE).state.timesEstablished).toBe(1);
  });

  it("C-082 removal says Cease/3, and nothing is tried again", () => {
    const t = trio();
    t.us.speaker.setPeers([peerTowards(A, ONE)]);
    t.world.run(600_000);
    expect(t.tap.notificationsOf(formatIp(A))).toMatchObject([{ errorCode: 6, errorSubcode: 3 }]);
    expect(t.world.links.filter((l) => l.dialler.host === t.us.host && l.answerer.host === t.two.host)).toHaveLength(1);
    expect(runnerOf(t.us, ONE).stateName).toBe("Established");
  });

  const NEW_NAME = PeerName("renamed");

  it("of a name alone resets nothing and withdraws nothing that is wished again", () => {
    const t = trio();
    const news = listen(t, t.one);
    const changes = t.us.speaker.setPeers([peerTowards(A, ONE, { name: NEW_NAME }), peerTowards(A, TWO)]);
    expect(changes).toEqual([{ peer: NEW_NAME, change: "live", fields: ["name"] }]);
    t.us.speaker.flush(false);
    t.world.run(1_000);
    t.us.speaker.setRoute(NEW_NAME, vip(1), attributes(1));
    t.us.speaker.flush(true);
    t.world.run(60_000);
    expect([t.us.watch.log, news()]).toEqual([[], []]);
    expect(t.us.speaker.peer(NEW_NAME)?.stateName).toBe("Established");
  });

  it("of a name withdraws what is not wished again, once the wishes are complete", () => {
    const t = trio();
    const news = listen(t, t.one);
    t.us.speaker.setPeers([peerTowards(A, ONE, { name: NEW_NAME }), peerTowards(A, TWO)]);
    t.us.speaker.flush(false);
    t.world.run(1_000);
    expect(news()).toEqual([]);
    t.us.speaker.flush(true);
    t.world.run(1_000);
    expect(news()).toEqual(["update"]);
    expect(tableAt(t.world, t.tap, t.one.host).size).toBe(0);
  });

  it("shutdown in the middle of a rename still withdraws", async () => {
    const t = trio();
    const heard = t.tap.heard(onlyEnd(t.world, t.one.host));
    t.us.speaker.setPeers([peerTowards(A, ONE, { name: NEW_NAME }), peerTowards(A, TWO)]);
    const done = t.us.speaker.shutdown("bye");
    for (let i = 0; i < 5; i++) {
      t.world.run(100);
      await Promise.resolve();
    }
    await done;
    expect(heard.table.size).toBe(0);
  });
});

/** A number to every key, a trap to whoever encodes it. */
const POISON = {
  toString: () => "1",
  valueOf: () => {
    throw new Error("poisoned");
  },
} as unknown as number;
const POISONED: RouteAttributes = { ...attributes(1), med: POISON };

describe("C-268 a defect of ours inside one peer's handling", () => {
  /** The other peer noticed nothing. */
  function expectUnharmed(t: Trio, news: () => readonly string[]): void {
    expect(t.us.watch.log.filter((l) => l.startsWith(`${nameOf(TWO)} `))).toEqual([]);
    expect(news()).toEqual([]);
    expect(runnerOf(t.us, TWO).state.timesEstablished).toBe(1);
    expect(t.tap.faults).toEqual([]);
    t.us.speaker.setRoute(nameOf(TWO), vip(9), attributes(9));
    t.us.speaker.flush(true);
    t.world.run(100);
    expect(tableAt(t.world, t.tap, t.two.host).size).toBe(2);
  }

  it("while routes are encoded: this session ends with Cease/8, is retried ever more rarely, and heals with its cause", () => {
    const t = trio();
    const news = listen(t, t.two);
    t.us.speaker.setRoute(nameOf(ONE), vip(2), POISONED);
    t.us.speaker.flush(true);
    t.world.run(600_000);
    expectUnharmed(t, news);
    const defects = t.us.watch.defects.length;
    expect(defects).toBeGreaterThan(4);
    expect(defects).toBeLessThan(16);
    const ceases = t.tap.notificationsOf(formatIp(A));
    expect(ceases).toHaveLength(defects);
    expect(new Set(ceases.map((n) => `${n.errorCode}/${n.errorSubcode}`))).toEqual(new Set(["6/8"]));
    t.us.speaker.setRoute(nameOf(ONE), vip(2), null);
    t.us.speaker.flush(true);
    t.world.run(200_000);
    expect([...tableAt(t.world, t.tap, t.one.host).keys()]).toEqual(["10.0.0.1/32"]);
    expect(t.us.watch.defects).toHaveLength(defects);
  });

  it("while the socket asks for more, long after the wish", () => {
    const t = trio();
    const news = listen(t, t.two);
    t.us.speaker.setRoute(nameOf(ONE), vip(2), attributes(2));
    t.us.speaker.flush(true);
    t.us.speaker.setRoute(nameOf(ONE), vip(3), POISONED);
    expect(t.us.watch.defects).toEqual([]);
    t.world.run(100);
    expect(t.us.watch.defects).toHaveLength(1);
    expectUnharmed(t, news);
  });

  it("while a timer is handled", () => {
    const honest = seeded(1);
    let isBroken = false;
    const t = trio({
      next: () => {
        if (!isBroken) return honest.next();
        isBroken = false;
        throw new Error("no randomness");
      },
    });
    t.world.run(1_000);
    isBroken = true;
    t.world.run(120_000);
    expect(t.us.watch.defects).toHaveLength(1);
    const hurt = t.us.watch.log.filter((l) => l.includes("defect"));
    expect(hurt).toHaveLength(1);
    const unhurt = hurt[0]?.startsWith(nameOf(ONE)) === true ? TWO : ONE;
    expect(t.us.watch.log.filter((l) => l.startsWith(`${nameOf(unhurt)} `))).toEqual([]);
    for (const them of [ONE, TWO]) expect(runnerOf(t.us, them).stateName).toBe("Established");
  });

  it.each(["onState", "onDrained"] as const)("while a report is made: %s", (report) => {
    const t = trio();
    const news = listen(t, t.two);
    let isBroken = true;
    t.us.watch[report] = () => {
      if (!isBroken) return;
      isBroken = false;
      throw new Error("no log");
    };
    if (report === "onState") onlyEnd(t.world, t.one.host).link.cut();
    else {
      t.us.speaker.setRoute(nameOf(ONE), vip(1), attributes(2));
      t.us.speaker.flush(true);
    }
    t.world.run(60_000);
    expectUnharmed(t, news);
    expect(t.us.watch.defects).toHaveLength(1);
    expect(runnerOf(t.us, ONE).stateName).toBe("Established");
  });

  it("even when its orderly end fails too: the connection is dropped and the peer comes back later", () => {
    const t = trio();
    const news = listen(t, t.two);
    const end = openEnds(t.world, t.us.host).find((e) => e.other.host === t.one.host);
    if (end === undefined) throw new Error("no connection");
    end.wake = () => {
      throw new Error("no socket");
    };
    t.us.speaker.setRoute(nameOf(ONE), vip(2), attributes(2));
    t.us.speaker.flush(true);
    expect(end.phase).toBe("dead");
    expect(runnerOf(t.us, ONE).state.idleHold).toMatchObject({ why: "internal error", damped: true });
    t.world.run(119_000);
    expect(runnerOf(t.us, ONE).stateName).toBe("Idle");
    t.world.run(10_000);
    expectUnharmed(t, news);
    expect(tableAt(t.world, t.tap, t.one.host).size).toBe(2);
  });
});
