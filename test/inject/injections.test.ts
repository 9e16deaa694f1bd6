// Holds the merge of injected and decided routes to a plain model over random histories, replays and changes of peers included.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Family, RouteAttributes } from "../../src/bgp/wire/message.ts";
import { GRACEFUL_SHUTDOWN } from "../../src/bgp/wire/registry.ts";
import { type Change, lineParser } from "../../src/inject/command.ts";
import { Injections, type InjectPeer } from "../../src/inject/injections.ts";
import { type Cursor, START } from "../../src/inject/table.ts";
import { formatPrefix, type Prefix, parseIp, parsePrefix } from "../../src/kernel/ip.ts";
import { PeerName } from "../../src/kernel/units.ts";
import { routeAttributes } from "../bgp/wire/support.ts";

const A = PeerName("tor-a");
const B = PeerName("tor-b");
const BOTH: readonly Family[] = ["ipv4-unicast", "ipv6-unicast"];
const peer = (name: PeerName, over: Partial<InjectPeer> = {}): InjectPeer => ({
  name,
  families: BOTH,
  address: parseIp(name === A ? "203.0.113.1" : "203.0.113.2"),
  ...over,
});
const P = (text: string): Prefix => {
  const prefix = parsePrefix(text);
  if (prefix === null) throw new Error(text);
  return prefix;
};
const parse = lineParser();
const change = (line: string): Change => {
  const parsed = parse(line);
  if (!parsed.ok || (parsed.value.type !== "add" && parsed.value.type !== "del" && parsed.value.type !== "flush")) {
    throw new Error(line);
  }
  return parsed.value;
};
const decidedRoute = (med: number): RouteAttributes => routeAttributes({ med });

/** A decision that is kept by hand, and what the peers were told. */
function stage(canPersist = true, most?: number) {
  const decided = new Map<string, RouteAttributes>();
  const told = new Map<string, RouteAttributes>();
  const key = (name: PeerName, prefix: Prefix): string => `${name} ${formatPrefix(prefix)}`;
  const injections = new Injections(
    {
      decided: (name, prefix) => decided.get(key(name, prefix)) ?? null,
      setRoute(name, prefix, attributes) {
        if (attributes === null) told.delete(key(name, prefix));
        else told.set(key(name, prefix), attributes);
      },
    },
    canPersist,
    most,
  );
  const decide = (name: PeerName, text: string, med: number | null): void => {
    const prefix = P(text);
    if (med === null) decided.delete(key(name, prefix));
    else decided.set(key(name, prefix), decidedRoute(med));
    injections.decidedChanged(name, prefix, med === null ? null : decidedRoute(med));
  };
  const meds = (): Record<string, number | null> =>
    Object.fromEntries([...told].map(([k, a]) => [k, a.med] as const).sort(([a], [b]) => (a < b ? -1 : 1)));
  const say = (...lines: string[]) => injections.apply(lines.map(change));
  const replay = (): void => {
    while (!injections.replay()) {}
  };
  return { injections, decided, told, decide, meds, say, replay, key };
}

function started() {
  const s = stage();
  s.injections.setPeers([A, B], [peer(A), peer(B)], [A, B]);
  s.replay();
  return s;
}

describe("the limit of prefixes", () => {
  const FULL = ["10.0.0.1/32", "10.0.0.2/32", "10.0.0.3/32"];
  const full = () => {
    const s = stage(true, FULL.length);
    s.injections.setPeers([A, B], [peer(A), peer(B)], []);
    s.say(...FULL.map((p) => `add ${p} --peer tor-a`));
    return s;
  };
  test.each([
    ["another prefix", ["add 10.0.0.9/32"], false],
    ["what is there is injected anew", ["add 10.0.0.1/32 --med 2"], true],
    ["one goes and another comes", ["del 10.0.0.1/32", "add 10.0.0.9/32"], true],
    ["one goes and two come", ["del 10.0.0.1/32", "add 10.0.0.8/32", "add 10.0.0.9/32"], false],
    ["one goes for its last peer", ["del 10.0.0.1/32 --peer tor-a", "add 10.0.0.9/32"], true],
    [
      "one goes for a peer of two",
      ["add 10.0.0.1/32 --peer tor-b", "del 10.0.0.1/32 --peer tor-a", "add 10.0.0.9/32"],
      false,
    ],
    ["one comes twice", ["del 10.0.0.1/32", "add 10.0.0.9/32", "add 10.0.0.9/32 --med 2"], true],
    ["after a flush there is room for as many as ever", ["flush", ...FULL.map((p) => `add ${p} --med 5`)], true],
    [
      "after a flush there is not room for one more",
      ["flush", ...FULL.map((p) => `add ${p}`), "add 10.0.0.9/32"],
      false,
    ],
  ])("full, and %s", (_what, lines, isTaken) => {
    const s = full();
    const outcome = s.say(...lines);
    expect(outcome.ok).toBe(isTaken);
    if (!outcome.ok) {
      expect([...outcome.faults.values()].map((f) => f.message)).toEqual([
        "3 prefixes are injected already, more are not taken",
      ]);
    }
  });
});

describe("beside the decision", () => {
  test("a route for all peers reaches each, one for a named peer that peer alone", () => {
    const s = started();
    s.say("add 192.0.2.0/24 --med 1", "add 198.51.100.0/24 --med 2 --peer tor-b");
    expect(s.meds()).toEqual({ "tor-a 192.0.2.0/24": 1, "tor-b 192.0.2.0/24": 1, "tor-b 198.51.100.0/24": 2 });
  });

  test("a route for a named peer stands before the one for all, which comes back when it goes", () => {
    const s = started();
    s.say("add 192.0.2.0/24 --med 1", "add 192.0.2.0/24 --med 2 --peer tor-b");
    expect(s.meds()).toEqual({ "tor-a 192.0.2.0/24": 1, "tor-b 192.0.2.0/24": 2 });
    s.say("del 192.0.2.0/24 --peer tor-b");
    expect(s.meds()).toEqual({ "tor-a 192.0.2.0/24": 1, "tor-b 192.0.2.0/24": 1 });
  });

  test("an injected route stands before the decided one, with a warning, and the decided one shows again when it goes", () => {
    const s = started();
    s.decide(A, "192.0.2.0/24", 100);
    const outcome = s.say("add 192.0.2.0/24 --med 1");
    expect(outcome).toEqual({ ok: true, notes: ["it stands before the decided route at tor-a"] });
    expect(s.meds()).toEqual({ "tor-a 192.0.2.0/24": 1, "tor-b 192.0.2.0/24": 1 });
    s.decide(A, "192.0.2.0/24", 101);
    s.decide(B, "192.0.2.0/24", 102);
    expect(s.meds()["tor-a 192.0.2.0/24"]).toBe(1);
    expect(s.injections.problems()).toEqual([
      expect.objectContaining({
        severity: "warning",
        kind: "InjectedRoute",
        name: "192.0.2.0/24",
        message: "the injected route stands before the decided one at tor-a, tor-b",
      }),
    ]);
    s.say("del 192.0.2.0/24");
    expect(s.meds()).toEqual({ "tor-a 192.0.2.0/24": 101, "tor-b 192.0.2.0/24": 102 });
    expect(s.injections.problems()).toEqual([]);
  });

  test("flush takes all away, in slices too, and what is decided stays", () => {
    const s = started();
    s.decide(A, "192.0.2.0/32", 100);
    for (let i = 0; i < 3000; i++) s.say(`add 10.0.${i >> 8}.${i & 255}/32`);
    s.say("add 192.0.2.0/32", "add 2001:db8::/48");
    for (let at: typeof START | null = START; at !== null; at = s.injections.flushSome(at)) {}
    expect(s.meds()).toEqual({ "tor-a 192.0.2.0/32": 100 });
    expect(s.injections.table.size).toBe(0);
  });

  test("a family that a peer carries no more has no routes of it to show, and no warning, while the route for all stays", () => {
    const s = started();
    s.decide(A, "2001:db8::/48", 1);
    s.say("add 2001:db8::/48 --med 2");
    expect(s.injections.problems()).toHaveLength(1);
    s.injections.setPeers([A, B], [peer(A, { families: ["ipv4-unicast"] }), peer(B)], [A]);
    s.replay();
    expect(s.injections.problems()).toEqual([]);
    const shown = (name: PeerName): number => {
      let count = 0;
      for (let at: Cursor | null = { ...START, version: 6 }; at !== null; ) {
        at = s.injections.visitFor(name, at, () => count++);
      }
      return count;
    };
    expect([shown(A), shown(B)]).toEqual([0, 1]);
    expect(s.injections.routeAt(A, P("2001:db8::/48"))).toBeNull();
    s.decide(A, "2001:db8::/48", 3);
    expect(s.injections.problems()).toEqual([]);
  });

  test("a peer that carries one family only gets the routes of that family", () => {
    const s = stage();
    s.injections.setPeers([A], [peer(A, { families: ["ipv4-unicast"] })], [A]);
    s.say("add 192.0.2.0/24 --med 1", "add 2001:db8::/48 --med 1");
    expect(Object.keys(s.meds())).toEqual(["tor-a 192.0.2.0/24"]);
    expect(s.injections.countFor(peer(A, { families: ["ipv4-unicast"] }))).toBe(1);
  });

  test("a peer that comes later is told in slices, and the tables are not complete before", () => {
    const s = stage();
    for (let i = 0; i < 5000; i++) s.say(`add 10.0.${i >> 8}.${i & 255}/32 --med 3`);
    s.injections.setPeers([A], [peer(A)], [A]);
    expect(s.injections.isReplayed).toBe(false);
    expect(s.injections.replay()).toBe(false);
    s.say("del 10.0.0.1/32", "add 10.200.0.0/32 --med 4");
    s.replay();
    expect(s.told.size).toBe(5000);
    expect(s.meds()["tor-a 10.200.0.0/32"]).toBe(4);
  });

  test("no peer is told that it is its own next hop", () => {
    const s = started();
    s.say("add 192.0.2.0/24 --next-hop 203.0.113.1");
    expect(Object.keys(s.meds())).toEqual(["tor-b 192.0.2.0/24"]);
    const outcome = s.say("add 192.0.2.0/24 --next-hop 203.0.113.1 --peer tor-a");
    expect(outcome.ok ? "" : outcome.faults.get(0)?.message).toBe(
      "--next-hop 203.0.113.1 is the address of peer tor-a itself",
    );
  });

  test("a drain marks what is injected, too", () => {
    const s = started();
    s.say("add 192.0.2.0/24");
    s.injections.setLevel("marked");
    s.replay();
    expect(s.told.get("tor-a 192.0.2.0/24")?.communities).toEqual([GRACEFUL_SHUTDOWN]);
  });

  test("after the end nothing is told and everything is refused", () => {
    const s = started();
    s.injections.close();
    const outcome = s.say("add 192.0.2.0/24");
    expect(outcome.ok ? "" : outcome.faults.get(0)?.message).toBe("the daemon is stopping");
    s.decide(A, "198.51.100.0/24", 1);
    expect(s.meds()).toEqual({});
  });
});

describe("refusals change nothing", () => {
  test.each([
    ["add 192.0.2.0/24 --peer tor-c", "--peer tor-c: no such BGPPeer selects this node", 'Did you mean "tor-a"?'],
    ["del 192.0.2.9/32 --peer nobody", "--peer nobody: no such BGPPeer selects this node", "There are: tor-a, tor-b."],
    ["del 10.0.0.0/8 --peer tor-a", "--peer tor-a: 10.0.0.0/8 is injected for all peers", "Delete it without --peer"],
  ])("%s", (line, message, hint) => {
    const s = started();
    s.say("add 10.0.0.0/8 --med 1");
    const before = s.meds();
    const outcome = s.say("add 198.51.100.0/24", line);
    expect(outcome.ok ? null : outcome.faults.get(1)).toMatchObject({ message, hint: expect.stringContaining(hint) });
    expect(s.meds()).toEqual(before);
  });

  test("--persist without a state directory, a family that the peer does not carry, names before they are known", () => {
    const s = stage(false);
    const fault = (line: string): string => {
      const outcome = s.say(line);
      return outcome.ok ? "" : `${outcome.faults.get(0)?.message}. ${outcome.faults.get(0)?.hint}`;
    };
    expect(fault("add 192.0.2.0/24 --persist")).toContain("Start it with --state-dir DIR.");
    expect(fault("add 192.0.2.0/24 --peer tor-a")).toContain("does not know its peers yet");
    s.injections.setPeers([A], [peer(A, { families: ["ipv4-unicast"] })], [A]);
    expect(fault("add 2001:db8::/48 --peer tor-a")).toContain("--peer tor-a: its session does not carry ipv6-unicast");
  });
});

const PREFIXES = ["192.0.2.0/24", "192.0.2.0/25", "198.51.100.7/32", "2001:db8::/48"];
const anyPrefix = fc.constantFrom(...PREFIXES);
const anyStep = fc.oneof(
  fc.record({
    do: fc.constant("add" as const),
    prefix: anyPrefix,
    med: fc.nat(3),
    who: fc.constantFrom("", "tor-a", "tor-b"),
  }),
  fc.record({ do: fc.constant("del" as const), prefix: anyPrefix, who: fc.constantFrom("", "tor-a", "tor-b") }),
  fc.record({
    do: fc.constant("decide" as const),
    prefix: anyPrefix,
    who: fc.constantFrom(A, B),
    med: fc.option(fc.integer({ min: 100, max: 103 })),
  }),
  fc.record({ do: fc.constant("peers" as const), there: fc.subarray([A, B]) }),
  fc.record({ do: fc.constant("replay" as const) }),
);

test("after any history each peer has the injected route of its own, else that for all, else the decided one", () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 40 }), (steps) => {
      const s = stage();
      const all = new Map<string, number>();
      const own = new Map<string, number>();
      let there: readonly PeerName[] = [A, B];
      s.injections.setPeers([A, B], [peer(A), peer(B)], [A, B]);
      for (const step of steps) {
        const who = "who" in step && step.who !== "" ? ` --peer ${step.who}` : "";
        switch (step.do) {
          case "add":
            if (!s.say(`add ${step.prefix} --med ${step.med}${who}`).ok) throw new Error("refused");
            if (step.who === "") all.set(step.prefix, step.med);
            else own.set(`${step.who} ${step.prefix}`, step.med);
            break;
          case "del":
            if (!s.say(`del ${step.prefix}${who}`).ok) break;
            if (step.who !== "") own.delete(`${step.who} ${step.prefix}`);
            else {
              all.delete(step.prefix);
              for (const name of [A, B]) own.delete(`${name} ${step.prefix}`);
            }
            break;
          case "decide":
            if (there.includes(step.who)) s.decide(step.who, step.prefix, step.med);
            break;
          case "peers": {
            // as the engine and the speaker do it: who leaves loses everything, who comes begins with nothing
            const added = step.there.filter((name) => !there.includes(name));
            for (const k of [...s.told.keys(), ...s.decided.keys()]) {
              if (step.there.some((name) => k.startsWith(`${name} `))) continue;
              s.told.delete(k);
              s.decided.delete(k);
            }
            there = step.there;
            s.injections.setPeers(
              [A, B],
              there.map((name) => peer(name)),
              added,
            );
            break;
          }
          case "replay":
            s.injections.replay();
            break;
        }
      }
      s.replay();
      const expected: Record<string, number> = {};
      const overlaps = new Set<string>();
      for (const name of there) {
        let count = 0;
        for (const prefix of PREFIXES) {
          const injected = own.get(`${name} ${prefix}`) ?? all.get(prefix);
          const decided = s.decided.get(`${name} ${prefix}`)?.med ?? undefined;
          const med = injected ?? decided;
          if (med !== undefined) expected[`${name} ${prefix}`] = med;
          if (injected !== undefined) count++;
          if (injected !== undefined && decided !== undefined) overlaps.add(prefix);
        }
        expect(s.injections.countFor(peer(name))).toBe(count);
      }
      expect(s.meds()).toEqual(expected);
      expect(
        s.injections
          .problems()
          .map((p) => p.name)
          .sort(),
      ).toEqual([...overlaps].sort());
    }),
    { numRuns: 300 },
  );
});
