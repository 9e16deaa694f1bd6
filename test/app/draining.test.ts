// The drain as the daemon runs it, under a virtual clock: when it looks at the sessions, what it tells the engine and the log, and
// who stops waits for what.
import { describe, expect, test } from "vitest";
import type { NodeObject } from "../../src/announce/model.ts";
import { Draining, LATE_LOOK_EVERY_MS, LOOK_EVERY_MS } from "../../src/app/draining.ts";
import { ACK_LIMIT, type DrainLevel, STOP_ACK_LIMIT } from "../../src/drain/machine.ts";
import type { PeerFact } from "../../src/drain/proof.ts";
import { Millis, PeerName } from "../../src/kernel/units.ts";
import { drainLines, drainStatus } from "../../src/observe/drainView.ts";
import type { LogEvent } from "../../src/observe/logEvents.ts";
import type { StoreChange } from "../../src/sources/store.ts";
import { node } from "../announce/builders.ts";

const TOR = PeerName("tor");
const idle: PeerFact = { peer: TOR, session: "up", pending: 0, unacknowledged: 0 };

function stage(delay = 0) {
  let now = 0;
  let due: { readonly at: number; readonly run: () => void } | null = null;
  const levels: (readonly [DrainLevel, string | null])[] = [];
  const log: string[] = [];
  const world = { fact: idle, isDecided: true, isAnnouncing: true, looks: 0 };
  const say = (event: LogEvent, _fields: object, text: string): void => void log.push(`${event}: ${text}`);
  const draining = new Draining({
    clock: { now: () => Millis(now), wall: () => 1_000_000 + now },
    timers: {
      after: (wait, run) => {
        const own = { at: now + wait, run };
        due = own;
        return {
          cancel: () => {
            if (due === own) due = null;
          },
        };
      },
    },
    log: { trace: say, debug: say, info: say, warn: say, error: say, isTracing: false },
    nodeName: "n1",
    delay: Millis(delay),
    onCordon: true,
    onTaint: "example.com/away",
    isAnnouncing: () => world.isAnnouncing,
    setLevel: (level, why) => levels.push([level, why]),
    isDecided: () => world.isDecided,
    facts: () => {
      world.looks++;
      return [world.fact];
    },
  });
  const pass = (ms: number): void => {
    const end = now + ms;
    for (let next = due; next !== null && next.at <= end; next = due) {
      due = null;
      now = next.at;
      next.run();
    }
    now = end;
  };
  const view = () => {
    const causeText = draining.causeText.bind(draining);
    return drainStatus({ state: draining.state, persistent: false, causeText }, Millis(now), 1_000_000 + now);
  };
  return { draining, levels, log, world, pass, view, isArmed: () => due !== null };
}

describe("a drain", () => {
  test("marks, waits, withdraws, and is told of the acknowledgements", () => {
    const s = stage(2_000);
    s.draining.wish("command");
    expect(s.levels).toEqual([["marked", "`vipcast drain` asked for it"]]);
    s.world.fact = { ...idle, unacknowledged: 80 };
    s.pass(100);
    expect([s.view().state, s.world.looks]).toEqual(["marking", 100 / LOOK_EVERY_MS]);
    s.world.fact = idle;
    s.pass(LOOK_EVERY_MS);
    expect(s.view()).toMatchObject({
      state: "waiting",
      proven: null,
      peers: { tor: { marked: { state: "acknowledged" } } },
    });
    s.pass(1_999);
    expect(s.levels.length).toBe(1);
    s.pass(1);
    expect(s.levels[1]?.[0]).toBe("withdrawn");
    s.pass(LOOK_EVERY_MS);
    expect(s.view()).toMatchObject({
      state: "drained",
      proven: true,
      peers: { tor: { withdrawn: { state: "acknowledged", at: new Date(1_000_000 + 2_110).toISOString() } } },
    });
    expect(s.isArmed()).toBe(false);
    expect(s.log).toEqual([
      "draining: routes are the last choice of routers until they are withdrawn: `vipcast drain` asked for it",
      "drained: everything is withdrawn; 1 of 1 peers have acknowledged",
    ]);
  });
  test("waits for the decision, however quick the peers are", () => {
    const s = stage();
    s.world.isDecided = false;
    s.draining.wish("command");
    s.pass(ACK_LIMIT - 1);
    expect(s.view().state).toBe("withdrawing");
    s.world.isDecided = true;
    s.pass(1);
    expect(s.view()).toMatchObject({ state: "drained", proven: true });
  });
  test("names who has not acknowledged, goes on looking, and takes note when it does", () => {
    const s = stage();
    s.world.fact = { ...idle, pending: 3, unacknowledged: 900 };
    s.draining.wish("cordon");
    s.pass(ACK_LIMIT - 1);
    expect(s.view().state).toBe("withdrawing");
    s.pass(1);
    expect(drainLines(s.view())).toEqual([
      "drained, NOT proven at every peer (Node n1 is cordoned (spec.unschedulable))",
      "tor: withdrawn: not acknowledged in time: 3 prefixes wait for its socket, 900 octets are not acknowledged",
    ]);
    expect(s.log.find((line) => line.startsWith("drainUnproven"))).toMatch(/tor may still have routes of ours/);
    s.world.fact = idle;
    s.pass(LATE_LOOK_EVERY_MS);
    expect([s.view().proven, s.isArmed()]).toEqual([true, false]);
  });
  test("that begins before anything was announced withdraws at once and has nothing to prove", () => {
    const s = stage(2_000);
    s.world.isAnnouncing = false;
    s.draining.wish("taint");
    expect(s.levels).toEqual([["withdrawn", "Node n1 has the taint example.com/away"]]);
    expect(s.view()).toMatchObject({ state: "drained", proven: true });
  });
  test("tells the engine when another cause joins or leaves, since services name it", () => {
    const s = stage();
    s.draining.wish("command");
    s.pass(LOOK_EVERY_MS);
    s.draining.wish("taint");
    s.draining.undo("command");
    s.draining.undo("taint");
    expect(s.levels.map(([level, why]) => `${level}: ${why}`)).toEqual([
      "withdrawn: `vipcast drain` asked for it",
      "withdrawn: `vipcast drain` asked for it, Node n1 has the taint example.com/away",
      "withdrawn: Node n1 has the taint example.com/away",
      "none: null",
    ]);
  });
});

describe("the Node", () => {
  const change = (before: NodeObject | undefined, after: NodeObject | undefined): StoreChange => ({
    kind: "Node",
    ref: { kind: "Node", namespace: null, name: (after ?? before)?.ref.name ?? "" },
    before,
    after,
  });
  const causes = (s: ReturnType<typeof stage>) => s.view().causes.map((c) => c.cause);

  test.each([
    ["cordon", { isUnschedulable: true }],
    ["taint", { taintKeys: ["example.com/away"] }],
  ] as const)("that is deleted after a %s leaves it in force, until there is one without", (cause, over) => {
    const s = stage();
    const [marked, plain] = [node("n1", over), node("n1")];
    s.draining.follow([change(undefined, plain), change(plain, marked)]);
    s.pass(LOOK_EVERY_MS);
    s.draining.follow([change(marked, undefined)]);
    expect([causes(s), s.view().state]).toEqual([[cause], "drained"]);
    s.draining.follow([change(undefined, plain)]);
    expect([causes(s), s.view().state]).toEqual([[], "normal"]);
  });

  test("is the daemon's own: another one drains nothing, and takes nothing back", () => {
    const s = stage();
    const cordoned = node("n2", { isUnschedulable: true });
    s.draining.follow([change(undefined, cordoned)]);
    expect(s.view().state).toBe("normal");
    s.draining.follow([change(undefined, node("n1", { isUnschedulable: true })), change(cordoned, node("n2"))]);
    expect(causes(s)).toEqual(["cordon"]);
  });
});

describe("a stop", () => {
  test("resolves when the withdrawals are acknowledged", async () => {
    const s = stage();
    const stopped = s.draining.stop();
    s.pass(LOOK_EVERY_MS);
    expect(await stopped).toBe(true);
    expect(s.view().state).toBe("leaving");
  });
  test("waits no longer than its limit for a peer that does not read, and says so", async () => {
    const s = stage();
    s.world.fact = { ...idle, unacknowledged: 1 };
    const stopped = s.draining.stop();
    s.pass(STOP_ACK_LIMIT - 1);
    expect(s.view().state).toBe("withdrawing");
    s.pass(1);
    expect(await stopped).toBe(false);
  });
  test("of a drained node resolves at once", async () => {
    const s = stage();
    s.draining.wish("command");
    s.pass(LOOK_EVERY_MS);
    expect(await s.draining.stop()).toBe(true);
  });
  test("that an operator takes back ends as if it had not been asked for", async () => {
    const s = stage(1_000);
    const stopped = s.draining.stop();
    s.pass(500);
    s.draining.undo("command", "stop");
    expect(await stopped).toBe(null);
    expect([s.levels.at(-1), s.isArmed()]).toEqual([["none", null], false]);
  });
});
