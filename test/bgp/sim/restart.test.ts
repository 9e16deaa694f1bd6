// Graceful restart between two whole speakers: what is said on the wire when we die, leave or come back, and when the peer does.
import { describe, expect, it } from "vitest";
import type { PeerConfig } from "../../../src/bgp/session/config.ts";
import { formatCapability } from "../../../src/bgp/wire/capability.ts";
import type { Message } from "../../../src/bgp/wire/message.ts";
import { describeNotification } from "../../../src/bgp/wire/notification.ts";
import { Seconds } from "../../../src/kernel/units.ts";
import { A, attributes, B, nameOf, onlyEnd, peerTowards, runnerOf, type Station, station, vip } from "./speakers.ts";
import { WireTap } from "./wire.ts";
import { World } from "./world.ts";

const RESTARTABLE: Partial<PeerConfig> = { restartTime: Seconds(120) };

interface Pair {
  readonly world: World;
  readonly tap: WireTap;
  readonly a: Station;
  readonly b: Station;
}

/** A announces one VIP to B; both ends ask for graceful restart unless told otherwise. */
function pair(ours = RESTARTABLE, theirs = RESTARTABLE): Pair {
  const world = new World(31, { latency: [5, 5] });
  const tap = new WireTap();
  world.tap = tap;
  const a = station(world, A, { listens: false });
  const b = station(world, B);
  b.speaker.setPeers([peerTowards(B, A, theirs)]);
  b.speaker.flush(true);
  announce(a, ours);
  world.run(30_000);
  expect(runnerOf(a, B).stateName).toBe("Established");
  return { world, tap, a, b };
}

function announce(a: Station, config: Partial<PeerConfig>): void {
  a.speaker.setPeers([peerTowards(A, B, config)]);
  a.speaker.setRoute(nameOf(B), vip(1), attributes(1));
  a.speaker.flush(true);
}

const saidBy = ({ world, tap }: Pair, at: Station): Message[] => {
  const ends = world.links.flatMap((l) => [l.dialler, l.answerer]).filter((e) => e.host === at.host);
  return ends.flatMap((e) => tap.said(e).messages);
};

const gracefulIn = (messages: readonly Message[]): string[] =>
  messages.flatMap((m) =>
    m.type === "open" ? m.capabilities.map(formatCapability).filter((c) => c.startsWith("graceful-restart")) : [],
  );

const talk = (messages: readonly Message[]): string[] =>
  messages.flatMap((m) => {
    if (m.type === "notification") return [describeNotification(m)];
    if (m.type !== "update") return [];
    return m.endOfRib !== null ? ["End-of-RIB"] : m.withdrawn.length > 0 ? ["withdraw"] : ["announce"];
  });

async function leave({ world, a }: Pair): Promise<void> {
  const done = a.speaker.shutdown("bye");
  for (let i = 0; i < 5; i++) {
    world.run(100);
    await Promise.resolve();
  }
  await done;
}

describe("our process", () => {
  it("C-174 C-177 killed and started again says that it restarted and that it forwarded, then the full table, then End-of-RIB", () => {
    const p = pair();
    p.a.kill();
    p.world.run(100);
    const again = station(p.world, A, { listens: false, restart: { isRestart: true, isForwardingKept: true } });
    announce(again, RESTARTABLE);
    p.world.run(30_000);
    const said = saidBy(p, p.a);
    expect(gracefulIn(said)).toEqual([
      "graceful-restart(120s, notification, ipv4-unicast)",
      "graceful-restart(120s, restarting, notification, ipv4-unicast forwarding)",
    ]);
    expect(talk(said)).toEqual(["announce", "End-of-RIB", "announce", "End-of-RIB"]);
    expect(p.tap.faults).toEqual([]);
  });

  it("C-178 C-179 that stops withdraws at once, and its Cease is a hard reset", async () => {
    const p = pair();
    await leave(p);
    expect(talk(saidBy(p, p.a))).toEqual([
      "announce",
      "End-of-RIB",
      "withdraw",
      'Cease/Hard Reset (6/9): Cease/Administrative Shutdown (6/2): "bye"',
    ]);
  });

  it.each<readonly [string, Partial<PeerConfig>, Partial<PeerConfig>]>([
    ["C-181 the peer does not ask for graceful restart", RESTARTABLE, {}],
    ["we do not", {}, RESTARTABLE],
  ])("that stops says a plain Cease when %s", async (_name, ours, theirs) => {
    const p = pair(ours, theirs);
    await leave(p);
    expect(talk(saidBy(p, p.a)).slice(2)).toEqual(["withdraw", 'Cease/Administrative Shutdown (6/2): "bye"']);
  });

  it("C-082 C-179 with another configuration leaves nothing behind, and comes back after a moment", () => {
    const p = pair();
    const before = p.world.links.length;
    announce(p.a, { ...RESTARTABLE, holdTime: Seconds(30) });
    p.world.run(99);
    expect(talk(saidBy(p, p.a)).at(-1)).toBe("Cease/Hard Reset (6/9): Cease/Other Configuration Change (6/6)");
    expect(p.world.links).toHaveLength(before);
    p.world.run(1_000);
    expect(runnerOf(p.a, B).stateName).toBe("Established");
    expect(p.world.links).toHaveLength(before + 1);
    expect(gracefulIn(saidBy(p, p.a)).at(-1)).toBe("graceful-restart(120s, notification, ipv4-unicast forwarding)");
  });
});

describe("a peer that vanishes with its host and comes back", () => {
  /** B, which is heard no more, connects to us. How long until there is a session again. */
  function comeBack(theirs: Partial<PeerConfig>, after: number): number {
    const world = new World(32, { latency: [5, 5] });
    world.tap = new WireTap();
    const a = station(world, A);
    const b = station(world, B, { listens: false });
    a.speaker.setPeers([peerTowards(A, B, { opens: "peer" })]);
    b.speaker.setPeers([peerTowards(B, A, theirs)]);
    world.run(1_000 + after);
    expect(runnerOf(a, B).stateName).toBe("Established");
    b.kill(true);
    world.run(100);
    const from = world.now;
    const again = station(world, B, { listens: false, restart: { isRestart: true, isForwardingKept: true } });
    again.speaker.setPeers([peerTowards(B, A, theirs)]);
    while (runnerOf(again, A).stateName !== "Established" && world.now < 600_000) world.run(10);
    expect(onlyEnd(world, again.host).other.host).toBe(a.host);
    expect([...a.watch.defects, ...again.watch.defects]).toEqual([]);
    return world.now - from;
  }

  it("C-180 is taken back at once when it had said that it may restart", () => {
    expect(comeBack(RESTARTABLE, 10_000)).toBeLessThan(100);
  });

  it("C-180 is taken back after a few attempts when its session was young", () => {
    expect(comeBack(RESTARTABLE, 0)).toBeLessThan(10_000);
  });

  it("C-019 and one that comes beside its living session leaves that as it is, whoever opened it", () => {
    const world = new World(33, { latency: [5, 5] });
    const tap = new WireTap();
    world.tap = tap;
    const a = station(world, A);
    const b = station(world, B, { listens: false });
    a.speaker.setPeers([peerTowards(A, B, { opens: "peer" })]);
    b.speaker.setPeers([peerTowards(B, A)]);
    world.run(10_000);
    const heard = tap.heard(onlyEnd(world, b.host));
    const second = station(world, B, { listens: false });
    second.speaker.setPeers([peerTowards(B, A)]);
    world.run(300_000);
    const refused = runnerOf(second, A).state.lastNotificationReceived;
    second.speaker.setPeers([]);
    a.speaker.setRoute(nameOf(B), vip(1), attributes(1));
    a.speaker.flush(true);
    world.run(1_000);
    expect([...heard.table.keys()]).toEqual(["10.0.0.1/32"]);
    expect(runnerOf(a, B).state.timesEstablished).toBe(1);
    expect(refused?.notification).toMatchObject({ errorCode: 6, errorSubcode: 7 });
  });

  it("C-019 C-181 otherwise waits for our hold timer", () => {
    expect(comeBack({}, 10_000)).toBeGreaterThan(60_000);
  });
});
