// The witness: what it tells whom, when it says that this is all, and that it stays within its bounds.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RouteAttributes } from "../../src/bgp/wire/message.ts";
import { formatPrefix, ipv4, type Prefix, prefixOf } from "../../src/kernel/ip.ts";
import { Asn, Millis, PeerName } from "../../src/kernel/units.ts";
import { type Claim, decodeClaims, encodeClaim } from "../../src/site/model.ts";
import { DEFERRAL, hasClaims, Witness } from "../../src/witness/witness.ts";

const ASN = Asn(65_000);
const SITE_AS = Asn(65_008);
const [P1, P2, R1, R2] = [PeerName("p1"), PeerName("p2"), PeerName("r1"), PeerName("r2")] as const;
const ALL = [P1, P2, R1, R2];
const vip = (n: number): Prefix => prefixOf(ipv4(0xc00b_0100 + n), 32);
const claimOf = (change: Partial<Claim> = {}): Claim => ({
  siteId: 1,
  rank: 1,
  epoch: 5,
  state: "active",
  node: 3,
  ...change,
});
const coded = (change: Partial<Claim> = {}) => encodeClaim(ASN, claimOf(change));
const NEVER = (): boolean => false;

class Bench {
  readonly table = new Map<string, RouteAttributes>();
  readonly held = new Set<PeerName>();
  tellings = 0;
  heardAgain = 0;
  now = Millis(1_000);
  readonly witness: Witness;

  constructor(names: readonly PeerName[] = ALL, most = 1_000) {
    this.witness = new Witness(
      {
        setRoute: (peer, prefix, attributes) => {
          this.tellings++;
          const key = `${peer} ${formatPrefix(prefix)}`;
          if (attributes === null) this.table.delete(key);
          else this.table.set(key, attributes);
        },
        holdEndOfRib: (peer, isHeld) => {
          if (isHeld) this.held.add(peer);
          else this.held.delete(peer);
        },
        hearAgain: () => this.heardAgain++,
      },
      most,
    );
    this.witness.setPeers(names, this.now);
  }

  up(...names: readonly PeerName[]): this {
    for (const name of names) this.witness.sightChanged(name, "reading", SITE_AS, this.now);
    return this;
  }
  complete(...names: readonly PeerName[]): this {
    for (const name of names) this.witness.sightChanged(name, "complete", SITE_AS, this.now);
    return this;
  }
  down(...names: readonly PeerName[]): this {
    for (const name of names) this.witness.sightChanged(name, "none", null, this.now);
    return this;
  }
  claim(from: PeerName, n: number, change: Partial<Claim> | null = {}): this {
    this.witness.routeChanged(from, vip(n), change === null ? null : coded(change));
    return this;
  }
  run(after = 0): this {
    this.now = Millis(this.now + after);
    expect(this.witness.run(NEVER, this.now)).toBe(true);
    return this;
  }
  /** Claims that a peer has been told of a prefix. */
  told(peer: PeerName, n: number): readonly Claim[] {
    return decodeClaims(this.table.get(`${peer} ${formatPrefix(vip(n))}`)?.largeCommunities ?? [], ASN);
  }
}

describe("what a witness tells", () => {
  test("a claim goes to every other peer, and not back to who made it", () => {
    const bench = new Bench()
      .up(...ALL)
      .claim(P1, 1)
      .run();
    expect([...bench.table.keys()].sort()).toEqual(["p2 192.11.1.1/32", "r1 192.11.1.1/32", "r2 192.11.1.1/32"]);
    expect(bench.told(R1, 1)).toEqual([claimOf()]);
  });

  test("nobody can forward by it: the receiver's own AS is in the path, and it is not to be passed on", () => {
    const bench = new Bench()
      .up(...ALL)
      .claim(P1, 1)
      .run();
    expect(bench.table.get("r1 192.11.1.1/32")).toMatchObject({
      asPathTail: [SITE_AS],
      communities: [0xffff_ff02],
      nextHop: "self",
    });
  });

  test("claims of several peers to a prefix are one route, merged as sites read it", () => {
    const bench = new Bench()
      .up(...ALL)
      .claim(P1, 1, { state: "leaving" })
      .claim(P2, 1, { epoch: 6 })
      .claim(R1, 1, { siteId: 2, rank: 2 })
      .run();
    expect(bench.told(R2, 1)).toEqual([claimOf({ epoch: 6 }), claimOf({ siteId: 2, rank: 2 })]);
    expect(bench.told(P1, 1)).toEqual([claimOf({ epoch: 6 }), claimOf({ siteId: 2, rank: 2 })]);
    expect(bench.told(R1, 1)).toEqual([claimOf({ epoch: 6 })]);
  });

  test("of one site the newest claim is told as a whole", () => {
    const bench = new Bench()
      .up(...ALL)
      .claim(P1, 1, { epoch: 6, state: "leaving" })
      .claim(P2, 1, { epoch: 5 })
      .run();
    expect(bench.told(R1, 1)).toEqual([claimOf({ epoch: 6, state: "leaving" })]);
  });

  test("of several nodes of a site one claim is told as a whole: who leaves is not made to serve by who knows less", () => {
    const bench = new Bench()
      .up(...ALL)
      .claim(P1, 1, { state: "leaving", epoch: 6 })
      .claim(P2, 1)
      .run();
    expect(bench.told(R1, 1)).toEqual([claimOf({ state: "leaving", epoch: 6 })]);
  });

  test("a claim that changes or goes is told so", () => {
    const bench = new Bench()
      .up(...ALL)
      .claim(P1, 1)
      .run()
      .claim(P1, 1, { rank: 0 })
      .run();
    expect(bench.told(R1, 1)).toEqual([claimOf({ rank: 0 })]);
    bench.claim(P1, 1, null).run();
    expect(bench.table.size).toBe(0);
  });

  test("a route without a claim is never told, nor one that has lost its claim", () => {
    const bench = new Bench().up(...ALL);
    bench.witness.routeChanged(P1, vip(1), [{ globalAdmin: 65_000, local1: 1, local2: 2 }]);
    expect(bench.run().table.size).toBe(0);
    bench.claim(P1, 1).run();
    bench.witness.routeChanged(P1, vip(1), [{ globalAdmin: 0, local1: 100_001, local2: 2 }]);
    expect(bench.run().table.size).toBe(0);
    expect(bench.witness.count).toBe(0);
  });

  test("with the session of a peer its claims go, at once", () => {
    const bench = new Bench()
      .up(...ALL)
      .complete(...ALL)
      .claim(P1, 1)
      .claim(P1, 2)
      .claim(P2, 2)
      .run()
      .down(P1)
      .run();
    expect([...bench.table.keys()].sort()).toEqual(["r1 192.11.1.2/32", "r2 192.11.1.2/32"]);
  });

  test("a peer that comes later is told what is claimed already", () => {
    const bench = new Bench().up(P1).claim(P1, 1).run();
    expect(bench.table.size).toBe(0);
    expect(bench.up(R1).run().told(R1, 1)).toEqual([claimOf()]);
  });

  test("a peer that is configured no more is forgotten", () => {
    const bench = new Bench()
      .up(...ALL)
      .claim(P1, 1)
      .claim(R1, 1, { siteId: 2 })
      .run();
    bench.witness.setPeers([R1, R2], bench.now);
    bench.run();
    expect([...bench.table.keys()]).toEqual(["r2 192.11.1.1/32"]);
    expect(bench.told(R2, 1)).toEqual([claimOf({ siteId: 2 })]);
  });

  test("only what a change touches is told anew", () => {
    const bench = new Bench().up(...ALL);
    for (let n = 1; n <= 100; n++) bench.claim(P1, n);
    bench.run();
    bench.tellings = 0;
    bench.claim(P1, 7, { epoch: 9 }).run();
    expect(bench.tellings).toBe(ALL.length - 1);
  });

  test("much work is done in slices", () => {
    const bench = new Bench().up(...ALL);
    for (let n = 1; n <= 20; n++) bench.claim(P1, n);
    let slices = 1;
    while (!bench.witness.run(() => true, bench.now)) slices++;
    expect(slices).toBe(21); // the last one finds nothing that the sessions' coming would concern besides
    expect(bench.table.size).toBe(60);
  });
});

describe("End-of-RIB of a witness", () => {
  test("waits until every other peer has told all it has", () => {
    const bench = new Bench().up(R1).run().complete(R1).run();
    expect(bench.held).toEqual(new Set(ALL));
    bench.up(P1, P2, R2).complete(P1, P2).run();
    expect(bench.held).toEqual(new Set([P1, P2, R1])); // R2 itself has nobody to wait for
    bench.complete(R2).run();
    expect(bench.held).toEqual(new Set());
  });

  test("waits no longer than DEFERRAL for a peer that is away", () => {
    const bench = new Bench().up(R1).complete(R1).run();
    expect(bench.witness.deadline()).toBe(bench.now + DEFERRAL);
    expect(bench.run(DEFERRAL - 1).held.has(R1)).toBe(true);
    expect(bench.run(1).held.has(R1)).toBe(false);
    expect(bench.witness.deadline()).toBe(null);
  });

  test("of peers that went away one after the other the last counts, and nothing is due before", () => {
    const bench = new Bench()
      .up(...ALL)
      .complete(...ALL)
      .run()
      .down(P1)
      .run(20_000)
      .down(P2)
      .up(R1)
      .complete(R1)
      .run();
    expect(bench.witness.deadline()).toBe(bench.now + DEFERRAL);
    expect(bench.run(DEFERRAL - 1).held.has(R1)).toBe(true);
    expect(bench.run(1).held.has(R1)).toBe(false);
  });

  test("is held back anew after all sessions were lost: who comes first must not take the others for dead", () => {
    const bench = new Bench()
      .up(...ALL)
      .complete(...ALL)
      .claim(P1, 1)
      .run();
    bench.now = Millis(bench.now + 3_600_000);
    bench
      .down(...ALL)
      .run()
      .up(R1)
      .complete(R1)
      .run();
    expect(bench.held.has(R1)).toBe(true);
    expect(bench.up(P1, P2, R2).complete(P1, P2, R2).run().held.size).toBe(0);
  });

  test("waits as long after we alone were away: time in which nobody was there does not count as theirs", () => {
    const bench = new Bench()
      .up(...ALL)
      .complete(...ALL)
      .run(3_600_000)
      .down(P1, P2, R2)
      .run(1_000)
      .down(R1)
      .run(600_000)
      .up(R1)
      .complete(R1)
      .run();
    expect(bench.witness.deadline()).toBe(bench.now + DEFERRAL - 1_000);
    expect(bench.run(DEFERRAL - 1_001).held.has(R1)).toBe(true);
    expect(bench.run(1).held.has(R1)).toBe(false);
    // the others are long gone now, and a session that ends for a moment is no reason to wait for them again
    expect(bench.down(R1).run(5_000).up(R1).complete(R1).run().held.has(R1)).toBe(false);
  });

  test("waits for a late first session as for an early one", () => {
    const bench = new Bench().run(600_000).up(R1).complete(R1).run();
    expect(bench.run(DEFERRAL - 1).held.has(R1)).toBe(true);
    expect(bench.run(1).held.has(R1)).toBe(false);
  });

  test("is not given before what there is has been told", () => {
    const bench = new Bench([P1, R1]).up(P1).complete(P1).claim(P1, 1).claim(P1, 2).up(R1);
    expect(bench.witness.run(() => true, bench.now)).toBe(false);
    expect(bench.held.has(R1)).toBe(true);
    expect(bench.run().held.has(R1)).toBe(false);
  });
});

test("more claims than there is room for are refused, and asked for when there is room for a tenth again", () => {
  const most = 50;
  const bench = new Bench([P1, R1], most).up(P1, R1);
  for (let n = 0; n < most; n++) bench.claim(P1, n);
  bench.claim(R1, 1).run();
  expect([bench.witness.count, bench.witness.refused]).toEqual([most, 1]);
  for (let n = 1; n <= 5; n++) bench.claim(P1, n, null).run();
  expect([bench.witness.refused, bench.heardAgain]).toEqual([1, 0]); // still not all are told, and that is said
  bench.claim(P1, 6, null).run();
  expect([bench.witness.refused, bench.heardAgain]).toEqual([0, 1]);
  expect(bench.claim(R1, 1).run().told(P1, 1)).toEqual([claimOf()]);
  expect(bench.heardAgain).toBe(1);
});

test("a session that ends makes room at once, and one that comes walks over nothing", () => {
  const bench = new Bench([P1, R1], 50).up(P1, R1);
  for (let n = 0; n < 50; n++) bench.claim(P1, n);
  bench.run().down(P1).claim(R1, 7);
  expect([bench.witness.count, bench.witness.refused]).toEqual([1, 0]);
  bench.tellings = 0;
  bench.up(P1).down(P1).up(P1);
  expect(bench.tellings).toBe(0);
  expect(bench.run().told(P1, 7)).toEqual([claimOf()]);
  expect(bench.table.size).toBe(1);
});

test("a claim of any ASN counts, and nothing else does", () => {
  expect(hasClaims(encodeClaim(Asn(4_200_000_000), claimOf()))).toBe(true);
  expect(hasClaims([{ globalAdmin: 65_000, local1: 100_001, local2: 1 }])).toBe(false);
  expect(hasClaims([])).toBe(false);
});

test("whatever comes in whatever order, everybody is told exactly what the others claim", () => {
  const peer = fc.constantFrom(...ALL);
  const n = fc.integer({ min: 1, max: 3 });
  const event = fc.oneof(
    fc.record({ type: fc.constantFrom("up", "complete", "down"), peer }),
    fc.record({
      type: fc.constant("claim"),
      peer,
      n,
      siteId: fc.integer({ min: 1, max: 2 }),
      rank: fc.integer({ min: 1, max: 3 }),
    }),
    fc.record({ type: fc.constant("withdraw"), peer, n }),
    fc.record({ type: fc.constantFrom("run", "slice", "slice", "renew"), peer }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      const bench = new Bench();
      const live = new Map<PeerName, Map<number, Partial<Claim>>>();
      for (const e of events) {
        const own = live.get(e.peer);
        if (e.type === "run") bench.run(50);
        else if (e.type === "slice") bench.witness.run(() => true, bench.now);
        else if (e.type === "renew") {
          // taken out of the configuration and put back, with a session still to come
          bench.witness.setPeers(
            ALL.filter((name) => name !== e.peer),
            bench.now,
          );
          bench.witness.setPeers(ALL, bench.now);
          live.delete(e.peer);
        } else if (e.type === "up" && own === undefined) {
          live.set(e.peer, new Map());
          bench.up(e.peer);
        } else if (own === undefined) continue;
        else if (e.type === "down") {
          live.delete(e.peer);
          bench.down(e.peer);
        } else if (e.type === "complete") bench.complete(e.peer);
        else if (e.type === "claim" && "siteId" in e) {
          own.set(e.n, { siteId: e.siteId, rank: e.rank });
          bench.claim(e.peer, e.n, { siteId: e.siteId, rank: e.rank });
        } else if ("n" in e) {
          own.delete(e.n);
          bench.claim(e.peer, e.n, null);
        }
      }
      bench.run();
      expect(bench.witness.count).toBe([...live.values()].reduce((sum, own) => sum + own.size, 0));
      for (const to of ALL) {
        for (const number of [1, 2, 3]) {
          const others = [...live].flatMap(([from, own]) => (from === to ? [] : (own.get(number) ?? [])));
          const expected = live.has(to)
            ? decodeClaims(
                others.flatMap((c) => coded(c)),
                ASN,
              )
            : [];
          expect(bench.told(to, number)).toEqual(expected);
        }
      }
    }),
  );
});
