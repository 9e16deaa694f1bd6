// The table of one peer against a plain Map, its limits, and its promise not to grow.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AdjRibOut, type PrefixVisitor } from "../../../src/bgp/rib/adjRibOut.ts";
import { AttributeSets, attributeKey } from "../../../src/bgp/rib/attributeSets.ts";
import type { RouteAttributes } from "../../../src/bgp/wire/message.ts";
import { formatPrefix, ipv4, ipv6, type Prefix, prefixOf } from "../../../src/kernel/ip.ts";
import { routeAttributes } from "../wire/support.ts";

const attributes = (n: number): RouteAttributes => routeAttributes({ communities: [n] });

const host4 = (n: number): Prefix => prefixOf(ipv4(n), 32);

/** Prefixes of many lengths that share words, so that slots are shared too. */
const prefix4 = (n: number): Prefix => prefixOf(ipv4(Math.imul(n % 40, 0x0100_0000) >>> 0), 8 + (n % 25));
const prefix6 = (n: number): Prefix => prefixOf(ipv6(0x2001_0db8, n % 3, 0, Math.imul(n, 65_536) >>> 0), 64 + (n % 65));

/** What a table should be: two maps, from prefix to the community that stands for its attributes. */
class Model {
  readonly wanted = new Map<string, number>();
  readonly sent = new Map<string, number>();
  /** Sent before a refresh: the peer has it, but it must go out again. */
  readonly stale = new Set<string>();

  withdrawals(): string[] {
    return [...this.sent.keys()].filter((p) => !this.wanted.has(p)).sort();
  }

  announcements(): string[] {
    return [...this.wanted]
      .filter(([p, n]) => this.sent.get(p) !== n || this.stale.has(p))
      .map(([p]) => p)
      .sort();
  }
}

const textOf = (version: 4 | 6, w0: number, w1: number, w2: number, w3: number, length: number): string =>
  formatPrefix({ version, w0, w1, w2, w3, length });

/** The table with its model beside it; every step is done to both and compared. */
class Bench {
  readonly rib: AdjRibOut;
  readonly model = new Model();

  constructor(version: 4 | 6) {
    this.rib = new AdjRibOut(version);
  }

  want(prefix: Prefix, n: number | null): void {
    this.rib.want(prefix, n === null ? null : attributes(n));
    if (n === null) this.model.wanted.delete(formatPrefix(prefix));
    else this.model.wanted.set(formatPrefix(prefix), n);
  }

  takeWithdrawals(most: number): void {
    const expected = new Set(this.model.withdrawals());
    const count = this.rib.takeWithdrawals(
      most,
      this.#visitor((text) => {
        expect(expected.delete(text)).toBe(true);
        this.model.sent.delete(text);
        this.model.stale.delete(text);
      }),
    );
    expect(count).toBe(Math.min(most, expected.size + count));
  }

  takeAnnouncements(most: number): void {
    const set = this.rib.nextPendingSet();
    const expected = new Set(this.model.announcements());
    expect(set === null).toBe(expected.size === 0);
    if (set === null) return;
    const n = set.attributes.communities[0] ?? Number.NaN;
    const same = [...expected].filter((p) => this.model.wanted.get(p) === n).length;
    const count = this.rib.takeAnnouncements(
      set,
      most,
      this.#visitor((text) => {
        expect(expected.delete(text)).toBe(true);
        expect(this.model.wanted.get(text)).toBe(n);
        this.model.sent.set(text, n);
        this.model.stale.delete(text);
      }),
    );
    expect(count).toBe(Math.min(most, same));
  }

  forgetSent(): void {
    this.rib.forgetSent();
    this.model.sent.clear();
    this.model.stale.clear();
  }

  resendAll(): void {
    this.rib.resendAll();
    for (const p of this.model.sent.keys()) this.model.stale.add(p);
  }

  unwantAll(): void {
    this.rib.unwantAll();
    this.model.wanted.clear();
  }

  check(): void {
    const { rib, model } = this;
    const withdrawals = model.withdrawals().length;
    expect({
      wanted: rib.wantedCount,
      sent: rib.sentCount,
      pending: rib.pendingCount,
      hasWithdrawals: rib.hasWithdrawals,
    }).toEqual({
      wanted: model.wanted.size,
      sent: model.sent.size,
      pending: withdrawals + model.announcements().length,
      hasWithdrawals: withdrawals > 0,
    });
  }

  checkWishes(): void {
    const seen = new Map<string, number>();
    this.rib.forEachWanted((p, a) => {
      expect(seen.has(formatPrefix(p))).toBe(false);
      seen.set(formatPrefix(p), a.communities[0] ?? Number.NaN);
      expect(this.rib.wantedFor(p)?.communities).toEqual(a.communities);
    });
    expect(seen).toEqual(this.model.wanted);
  }

  drain(): void {
    while (this.rib.hasWithdrawals) this.takeWithdrawals(7);
    while (this.rib.nextPendingSet() !== null) this.takeAnnouncements(7);
    this.check();
    expect(this.model.sent).toEqual(this.model.wanted);
  }

  #visitor(visit: (text: string) => void): PrefixVisitor {
    return (w0, w1, w2, w3, length) => visit(textOf(this.rib.version, w0, w1, w2, w3, length));
  }
}

type Move = (bench: Bench, prefixes: (n: number) => Prefix) => void;

const wantMove = fc.tuple(fc.nat(300), fc.option(fc.nat(4), { freq: 3 })).map<Move>(
  ([p, n]) =>
    (bench, prefixes) =>
      bench.want(prefixes(p), n),
);
const bulkMove = fc
  .tuple(fc.nat(300), fc.nat(120), fc.option(fc.nat(4), { freq: 2 }))
  .map<Move>(([from, count, n]) => (bench, prefixes) => {
    for (let i = 0; i < count; i++) bench.want(prefixes(from + i), n);
  });
const takeMove = fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 60 })).map<Move>(([withdraw, most]) => (bench) => {
  if (withdraw) bench.takeWithdrawals(most);
  else bench.takeAnnouncements(most);
});
const wholeMove = fc.constantFrom<Move>(
  (bench) => bench.forgetSent(),
  (bench) => bench.resendAll(),
  (bench) => bench.unwantAll(),
);
const history = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: wantMove },
    { weight: 3, arbitrary: bulkMove },
    { weight: 6, arbitrary: takeMove },
    { weight: 1, arbitrary: wholeMove },
  ),
  { maxLength: 60 },
);

describe("any history of wishes", () => {
  it.each([
    [4, prefix4],
    [6, prefix6],
  ] as const)("C-110 IPv%d: lists, counts and wishes are those of a plain map", (version, prefixes) => {
    fc.assert(
      fc.property(history, (moves) => {
        const bench = new Bench(version);
        for (const move of moves) {
          move(bench, prefixes);
          bench.check();
        }
        bench.checkWishes();
        bench.drain();
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ["IPv4 hosts in a row", 4, (n: number) => host4(0x0a00_0000 + n)],
    ["IPv4 networks with equal low bits", 4, (n: number) => prefixOf(ipv4(Math.imul(n, 0x0001_0000) >>> 0), 16)],
    ["IPv6 hosts in a row", 6, (n: number) => prefixOf(ipv6(0x2001_0db8, 0, 0, n), 128)],
    ["IPv6 networks that differ in one word", 6, (n: number) => prefixOf(ipv6(0x2001_0db8, n, 0, 0), 64)],
  ] as const)("grows over many doublings and shrinks to nothing: %s", (_name, version, prefixes) => {
    const bench = new Bench(version);
    const many = 5_000;
    for (let i = 0; i < many; i++) bench.want(prefixes(i), i % 3);
    bench.check();
    bench.drain();
    for (let i = 0; i < many; i += 2) bench.want(prefixes(i), null);
    bench.check();
    bench.checkWishes();
    bench.drain();
    bench.unwantAll();
    bench.drain();
    expect(bench.rib.sentCount).toBe(0);
    for (let i = 0; i < many; i++) expect(bench.rib.wantedFor(prefixes(i))).toBeNull();
  });
});

/** The slot of an IPv4 host in the smallest table, as adjRibOut.ts computes it. */
function slotOf(w0: number, mask: number): number {
  const h = Math.imul(w0 ^ (32 << 24), 0x9e37_79b1);
  return (h ^ (h >>> 15)) & mask;
}

describe("prefixes that fall into few slots", () => {
  it("are found, deleted and reused whatever the order, also around the end of the hash", () => {
    const last: Prefix[] = [];
    for (let n = 0; last.length < 14; n++) if (slotOf(n, 31) >= 30) last.push(host4(n));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(13), fc.boolean()), { maxLength: 120 }), (moves) => {
        const bench = new Bench(4);
        for (const [i, add] of moves) bench.want(last[i] as Prefix, add ? i : null);
        bench.check();
        bench.checkWishes();
        for (const [i, p] of last.entries()) {
          expect(bench.rib.wantedFor(p)?.communities ?? null).toEqual(
            bench.model.wanted.has(formatPrefix(p)) ? [i] : null,
          );
        }
      }),
      { numRuns: 200 },
    );
  });

  it("a short and a long prefix of the same address are two", () => {
    const bench = new Bench(4);
    for (let length = 0; length <= 32; length++) bench.want(prefixOf(ipv4(0), length), length);
    bench.checkWishes();
    expect(bench.rib.wantedCount).toBe(33);
    bench.drain();
  });
});

describe("C-120 what changes often and is sent seldom", () => {
  it("stays one entry per prefix, and no column grows", () => {
    const rib = new AdjRibOut(4);
    const sets = [attributes(1), attributes(2)] as const;
    for (let i = 0; i < 100; i++) rib.want(host4(i), sets[0]);
    const octets = rib.byteLength;
    for (let round = 0; round < 1_000; round++) {
      for (let i = 0; i < 100; i++) rib.want(host4(i), round % 3 === 2 ? null : (sets[round % 2] ?? null));
      expect(rib.pendingCount).toBeLessThanOrEqual(100);
      const set = rib.nextPendingSet();
      if (round % 10 === 5 && set !== null) rib.takeAnnouncements(set, 30, () => {});
    }
    expect(rib.byteLength).toBe(octets);
  });

  it("entries of prefixes that come and go are reused", () => {
    const rib = new AdjRibOut(6);
    const octets = rib.byteLength;
    const set = attributes(1);
    for (let i = 0; i < 20_000; i++) {
      const prefix = prefixOf(ipv6(i, i, i, i), 128);
      rib.want(prefix, set);
      if (i % 2 === 0) rib.takeAnnouncements(rib.nextPendingSet() ?? fail(), 1, () => {});
      rib.want(prefix, null);
      rib.takeWithdrawals(10, () => {});
    }
    expect([rib.byteLength, rib.pendingCount, rib.sentCount]).toEqual([octets, 0, 0]);
  });

  it("a table that is emptied takes new prefixes on the way, does not grow, and can be filled again", () => {
    const bench = new Bench(4);
    const fill = (from: number, count: number) => {
      for (let n = from; n < from + count; n++) bench.want(host4(n), n % 3);
    };
    fill(0, 400);
    bench.drain();
    const before = bench.rib.byteLength;
    for (let round = 0; round < 20; round++) {
      bench.unwantAll();
      bench.takeWithdrawals(250);
      fill(1_000 * (round + 1), 100 + round); // comes while others are on their way out
      bench.want(host4(5), null);
      bench.drain();
      bench.checkWishes();
      bench.unwantAll();
      bench.takeWithdrawals(30);
      bench.forgetSent(); // the session ends in the middle of it
      bench.check();
      fill(0, 400);
      bench.drain();
      bench.checkWishes();
    }
    expect(bench.rib.byteLength).toBeLessThanOrEqual(2 * before);
  });

  it("attribute sets without users are given up: 100,000 different ones need a handful of ids", () => {
    const rib = new AdjRibOut(4);
    let highest = 0;
    for (let n = 0; n < 100_000; n++) {
      rib.want(host4(n % 2), attributes(n));
      const set = rib.nextPendingSet() ?? fail();
      highest = Math.max(highest, set.id);
      if (n % 3 === 0) rib.takeAnnouncements(set, 5, () => {});
      if (n % 5_000 === 0) rib.resendAll();
      if (n % 7_000 === 0) rib.forgetSent();
    }
    expect(highest).toBeLessThan(10);
  });
});

function fail(): never {
  throw new Error("nothing is pending");
}

describe("order and refresh", () => {
  it("a table that is wished in some order goes out in it", () => {
    const bench = new Bench(4);
    const order: string[] = [];
    for (const n of [5, 3, 9, 1]) bench.want(host4(n), 0);
    bench.rib.takeAnnouncements(bench.rib.nextPendingSet() ?? fail(), 9, (w0) => order.push(String(w0)));
    expect(order).toEqual(["5", "3", "9", "1"]);
  });

  it("after a refresh a prefix that is no longer wished is still withdrawn", () => {
    const bench = new Bench(4);
    bench.want(host4(1), 1);
    bench.drain();
    bench.resendAll();
    bench.want(host4(1), null);
    bench.check();
    expect(bench.rib.hasWithdrawals).toBe(true);
    bench.drain();
  });

  it("C-109 another attribute set for a sent prefix is one announcement and no withdrawal", () => {
    const bench = new Bench(4);
    bench.want(host4(1), 1);
    bench.drain();
    bench.want(host4(1), 2);
    expect([bench.rib.hasWithdrawals, bench.rib.pendingCount]).toEqual([false, 1]);
    bench.want(host4(1), 1);
    expect(bench.rib.pendingCount).toBe(0);
  });

  it("a prefix of the other family is refused loudly", () => {
    expect(() => new AdjRibOut(6).want(host4(1), attributes(1))).toThrow("wrong family");
  });
});

describe("attribute sets", () => {
  const base = attributes(1);
  it.each<readonly [string, Partial<RouteAttributes>]>([
    ["next hop", { nextHop: ipv4(1) }],
    ["next hop of the other version with the same words", { nextHop: ipv6(1, 0, 0, 0) }],
    ["local preference", { localPref: 0 }],
    ["metric", { med: 0 }],
    ["prepend", { asPathPrepend: 1 }],
    ["link bandwidth", { linkBandwidth: 0 }],
    ["communities", { communities: [1, 2] }],
    ["large communities", { largeCommunities: [{ globalAdmin: 1, local1: 2, local2: 3 }] }],
    ["origin", { origin: "incomplete" }],
    ["the path behind our AS", { asPathTail: [65_001] }],
  ])("that differ in %s are different, equal ones are the same", (_name, change) => {
    const sets = new AttributeSets();
    const plain = sets.idOf(base);
    const other = sets.idOf({ ...base, ...change });
    expect(other).not.toBe(plain);
    expect(sets.idOf({ ...base })).toBe(plain);
    expect(sets.idOf({ ...base, ...change })).toBe(other);
  });

  it("an IPv4 and an IPv6 next hop with the same words are different", () => {
    expect(attributeKey({ ...base, nextHop: ipv4(1) })).not.toBe(attributeKey({ ...base, nextHop: ipv6(1, 0, 0, 0) }));
  });
});

describe("tables that share their attribute sets", () => {
  const sets = new AttributeSets();
  const host6 = (n: number): Prefix => prefixOf(ipv6(0x2001_0db8, 0, 0, n), 128);
  const sendAll = (rib: AdjRibOut): void => {
    for (let set = rib.nextPendingSet(); set !== null; set = rib.nextPendingSet())
      rib.takeAnnouncements(set, 100, () => {});
  };
  const [one, other] = [new AdjRibOut(4, 0, sets), new AdjRibOut(6, 0, sets)];

  it("hold each set once, tell their own refreshes apart, and let go of all when discarded", () => {
    for (let i = 0; i < 50; i++) {
      one.want(host4(i), attributes(i));
      other.want(host6(i), attributes(i));
    }
    expect(sets.size).toBe(50);
    sendAll(one);
    sendAll(other);
    one.resendAll();
    expect([one.staleCount, other.staleCount]).toEqual([50, 0]);
    one.discard();
    expect([one.wantedCount, one.sentCount, one.pendingCount, one.staleCount]).toEqual([0, 0, 0, 0]);
    expect(sets.size).toBe(50);
    expect(other.wantedFor(host6(7))).toEqual(attributes(7));
    other.discard();
    expect(sets.size).toBe(0);
  });
});
