// What BFD means to whole BGP sessions in the simulator: a client that only writes commands down and says what it is told to.
import { afterEach, describe, expect, it } from "vitest";
import { PathWatch } from "../../src/app/pathWatch.ts";
import { BfdClient, type ClientEvent } from "../../src/bfd/client.ts";
import { bfdProfile, DEFAULT_PROFILE } from "../../src/bfd/config.ts";
import {
  type BfdCommand,
  type BfdState,
  DIAG,
  type SessionAddress,
  type SessionStatus,
  type StateReason,
  sessionKey,
} from "../../src/bfd/protocol.ts";
import type { WorkerStatus } from "../../src/bfd/threads.ts";
import type { PeerConfig } from "../../src/bgp/session/config.ts";
import { waitingFor } from "../../src/bgp/session/peer.ts";
import { formatIp, type Ip } from "../../src/kernel/ip.ts";
import { Asn, PeerName } from "../../src/kernel/units.ts";
import { createLogger } from "../../src/observe/log.ts";
import { ip } from "../bgp/session/fixtures.ts";
import { A, B, nameOf, peerTowards, station } from "../bgp/sim/speakers.ts";
import { World } from "../bgp/sim/world.ts";

const PROFILE = bfdProfile(DEFAULT_PROFILE);
const WATCHED = { profile: PROFILE, auth: null, isStrict: false } as const;
const STRICT = { ...WATCHED, isStrict: true } as const;

class FakeClient extends BfdClient {
  readonly commands: BfdCommand[] = [];
  sessions: Partial<SessionStatus>[] = [];

  constructor(onEvent: (event: ClientEvent) => void) {
    super({ onEvent, kind: "dgram" });
  }
  override command(command: BfdCommand): void {
    this.commands.push(command);
  }
  override status(): Promise<WorkerStatus> {
    const sessions = this.sessions.map((s) => ({ transitions: [], users: [], remoteDiag: 0, ...s }) as never);
    return Promise.resolve({ sessions, drops: [] as never, receivers: 0 });
  }
  override close(): Promise<void> {
    return Promise.resolve();
  }
  /** `upsert peer/hop user`, since the last call. */
  take(): string[] {
    return this.commands.splice(0).map((c) => {
      return c.type === "interface" ? c.type : `${c.type} ${sessionKey(c.address)} for ${c.user}`;
    });
  }
}

describe("PathWatch", () => {
  const watches: PathWatch[] = [];
  afterEach(async () => {
    await Promise.all(watches.splice(0).map((w) => w.stop()));
  });

  interface Options {
    readonly change?: Partial<PeerConfig>;
    readonly cidrs?: readonly string[];
    readonly theirs?: Ip;
    /** At B. */
    readonly answer?: Partial<PeerConfig>;
  }

  /** A is watched and dials, B answers. */
  function stage({ change = {}, cidrs = ["192.0.2.1/24"], theirs = B, answer = {} }: Options = {}) {
    const world = new World(7, { latency: [1, 1] });
    const a = station(world, A);
    const b = station(world, theirs);
    b.speaker.setPeers([peerTowards(theirs, A, { opens: "peer", ...answer })]);
    const made: FakeClient[] = [];
    const log: string[] = [];
    let told = 0;
    const paths = new PathWatch({
      speaker: a.speaker,
      log: createLogger("all", { write: (line) => void log.push(line) }, () => 0),
      problemsChanged: () => told++,
      makeClient: (onEvent) => {
        const client = new FakeClient((event) => onEvent(event));
        made.push(client);
        emit = onEvent;
        return client;
      },
      addresses: () => cidrs.map((cidr) => ({ cidr })),
    });
    watches.push(paths);
    const [client] = made;
    if (client === undefined) throw new Error("a client is made at once");
    const config = (more: Partial<PeerConfig> = {}): PeerConfig =>
      peerTowards(A, theirs, { opens: "us", bfd: WATCHED, ...change, ...more });
    const apply = (...configs: readonly PeerConfig[]): void => {
      a.speaker.setPeers(configs);
      paths.sync();
    };
    apply(config());
    const runner = (name: string = nameOf(theirs)) => {
      const found = a.speaker.peer(PeerName(name));
      if (found === undefined) throw new Error(`no peer ${name}`);
      return found;
    };
    const run = (ms = 5_000): void => void world.run(ms);
    return { world, a, paths, client, config, apply, runner, run, log, told: () => told };
  }

  let emit: (event: ClientEvent) => void = () => {};

  const single = (peer: Ip): SessionAddress => ({ peer: formatIp(peer), interface: null, vrf: null, hop: "single" });

  function changed(to: BfdState, reason: StateReason, users: readonly string[] = [nameOf(B)], from: BfdState = "Up") {
    emit({
      type: "stateChanged",
      key: sessionKey(single(B)),
      users,
      from,
      to,
      reason,
      remoteState: "Up",
      localDiag: DIAG.detectionTimeExpired,
      remoteDiag: DIAG.none,
      localDiscr: 1,
      remoteDiscr: 2,
      at: 0,
    });
  }
  const up = (...users: string[]): void => changed("Up", "handshake", users.length > 0 ? users : undefined, "Init");

  it.each([
    ["eBGP on a shared subnet: single hop", {}, ["192.0.2.1/24"], "192.0.2.2/single"],
    ["eBGP on no subnet of ours, without ebgpMultiHop: single hop", {}, ["10.0.0.1/8"], "192.0.2.2/single"],
    [
      "eBGP with ebgpMultiHop, even on a shared subnet: multihop",
      { ebgpMultihop: true },
      ["192.0.2.1/24"],
      "192.0.2.2/multi",
    ],
    ["iBGP on a shared subnet: single hop", { peerAsn: "internal" }, ["192.0.2.1/24"], "192.0.2.2/single"],
    ["iBGP on no shared subnet: multihop", { peerAsn: "internal" }, ["192.0.2.1/32", "10.0.0.1/8"], "192.0.2.2/multi"],
    ["a VRF is part of the session", { vrf: "red" }, ["192.0.2.1/24"], "192.0.2.2@red/single"],
    ["an interface is not, where the address says enough", { interface: "eth0" }, [], "192.0.2.2/single"],
  ] as const)("C-251 %s", (_title, change, cidrs, key) => {
    expect(stage({ change, cidrs }).client.take()).toEqual([`upsert ${key} for peer-514`]);
  });

  it("C-251 a link-local peer is watched on its interface, from the source address of the session", () => {
    const s = stage({ theirs: ip("fe80::2"), change: { interface: "eth0", sourceAddress: ip("fe80::9") } });
    expect(s.client.commands).toMatchObject([
      { address: { peer: "fe80::2", interface: "eth0", hop: "single" }, local: "fe80::9" },
    ]);
  });

  it("commands differences only", () => {
    const s = stage();
    s.client.take();
    s.paths.sync();
    s.apply(s.config({ connectRetryTime: s.config().connectRetryTime }));
    expect(s.client.take()).toEqual([]);
    s.apply(s.config({ bfd: { ...WATCHED, profile: { ...PROFILE, detectMult: 5 } } }));
    expect(s.client.take()).toEqual(["upsert 192.0.2.2/single for peer-514"]);
    s.apply(s.config({ bfd: null }));
    expect(s.client.take()).toEqual(["remove 192.0.2.2/single for peer-514"]);
    s.apply();
    expect(s.client.take()).toEqual([]);
  });

  it("another kind of hop is another session", () => {
    const s = stage();
    s.client.take();
    s.apply(s.config({ ebgpMultihop: true }));
    expect(s.client.take()).toEqual(["remove 192.0.2.2/single for peer-514", "upsert 192.0.2.2/multi for peer-514"]);
  });

  it("an internal peer stays on its link while that has no carrier, and leaves it for a session that BFD does not follow", async () => {
    const cidrs = ["192.0.2.1/24"];
    const internal = { localAsn: Asn(65_000), peerAsn: "internal" } as const;
    const s = stage({ change: internal, cidrs, answer: internal });
    s.run();
    up();
    expect(s.client.take()).toEqual(["upsert 192.0.2.2/single for peer-514"]);
    cidrs.pop(); // as the system lists them without carrier
    await s.paths.look();
    expect(s.client.take()).toEqual([]);
    changed("Down", "pathDown");
    await s.paths.look();
    expect(s.runner().stateName).not.toBe("Established");
    expect(s.client.take()).toEqual([]);
    s.run();
    expect(s.runner().stateName).toBe("Established"); // by another way
    await s.paths.look();
    expect(s.client.take()).toEqual(["remove 192.0.2.2/single for peer-514", "upsert 192.0.2.2/multi for peer-514"]);
    cidrs.push("192.0.2.1/24");
    await s.paths.look();
    expect(s.client.take()).toEqual(["remove 192.0.2.2/multi for peer-514", "upsert 192.0.2.2/single for peer-514"]);
  });

  it("an internal peer that waits for BFD is looked for elsewhere at once: no session will tell that it is there", async () => {
    const cidrs = ["192.0.2.1/24"];
    const s = stage({ change: { peerAsn: "internal", bfd: STRICT }, cidrs });
    up();
    s.client.take();
    cidrs.pop();
    await s.paths.look();
    expect(s.client.take()).toEqual([]);
    changed("Down", "pathDown");
    await s.paths.look();
    expect(s.client.take()).toEqual(["remove 192.0.2.2/single for peer-514", "upsert 192.0.2.2/multi for peer-514"]);
  });

  it("a renamed peer takes its session over before the old name lets go of it, and hears what becomes of it", () => {
    const s = stage();
    s.run();
    up();
    s.client.take();
    s.apply(s.config({ name: PeerName("renamed") }));
    expect(s.client.take()).toEqual(["upsert 192.0.2.2/single for renamed", "remove 192.0.2.2/single for peer-514"]);
    expect(s.runner("renamed")).toMatchObject({ stateName: "Established", state: { bfd: "up" } });
    changed("Down", "detectionTimeExpired", ["renamed"]);
    expect(s.runner("renamed").state.lastNotificationSent?.notification).toMatchObject({ errorSubcode: 10 });
  });

  it("C-244 a second peer at the same address hears at once what is known of the path", () => {
    const s = stage();
    s.run();
    up();
    const second = s.config({ name: PeerName("second"), port: 1179, bfd: STRICT });
    s.apply(s.config(), second);
    expect(waitingFor(s.runner("second").state)).toBeNull();
    changed("Down", "detectionTimeExpired", [nameOf(B), "second"]);
    s.apply(s.config());
    s.apply(s.config(), second);
    expect(waitingFor(s.runner("second").state)).toContain("bfd-strict");
  });

  it("what was known of a path is forgotten with the last peer that asked for it", () => {
    const s = stage({ change: { bfd: STRICT } });
    up();
    s.apply();
    up(); // was under way
    emit({ type: "socketProblem", key: sessionKey(single(B)), problem: "port 3784 is taken" });
    s.apply(s.config());
    expect(s.runner().state.bfd).toBe("unknown");
    expect(s.paths.problems("default")).toEqual([]);
    emit({ type: "socketProblem", key: sessionKey(single(B)), problem: "port 3784 is taken" });
    expect(s.paths.problems("default")).toHaveLength(1);
    s.apply();
    s.apply(s.config());
    expect(s.paths.problems("default")).toEqual([]);
  });

  it("a peer that asks for BFD anew is given as much patience as one that is new", async () => {
    const s = stage();
    s.run();
    await s.paths.look();
    await s.paths.look();
    expect(s.paths.problems("default")).toHaveLength(1);
    s.apply(s.config({ bfd: null }));
    s.apply(s.config());
    await s.paths.look();
    expect(s.paths.problems("default")).toEqual([]);
  });

  it.each([
    ["Down", "detectionTimeExpired", "ends"],
    ["Down", "peerDown", "ends"],
    ["Down", "pathDown", "ends"],
    ["Down", "echoFailed", "ends"],
    ["Down", "peerAdminDown", "leaves"],
    ["AdminDown", "adminDown", "leaves"],
  ] as const)("C-246 C-247 Up to %s by %s %s the session", (to, reason, what) => {
    const s = stage();
    s.run();
    up();
    changed(to, reason);
    expect(s.runner().stateName === "Established").toBe(what === "leaves");
  });

  it("C-255 the thread's death ends no session, and its return gives back what is known", () => {
    const s = stage({ change: { bfd: STRICT } });
    up();
    s.run();
    expect(s.runner().stateName).toBe("Established");
    emit({ type: "socketProblem", key: sessionKey(single(B)), problem: "port 3784 is taken" });
    emit({ type: "started", kind: "native", kindReason: null, schedulingClass: "fifo", schedulingReason: null });
    expect(s.paths.view().thread).toMatchObject({ schedulingClass: "fifo" });
    emit({ type: "restarted", why: "a defect", restarts: 1, delay: 0 });
    expect(s.paths.view().thread).toBeNull();
    expect(s.paths.problems("default")).toEqual([]); // another thread will say what it meets
    expect(s.runner()).toMatchObject({ stateName: "Established", state: { bfd: "unknown", timesEstablished: 1 } });
    s.apply(s.config(), s.config({ name: PeerName("second"), port: 1179, bfd: STRICT }));
    expect(s.runner("second").state.bfd).toBe("unknown");
    changed("Down", "detectionTimeExpired", undefined, "Init");
    s.run();
    expect(s.runner()).toMatchObject({ stateName: "Established", state: { timesEstablished: 1 } });
    up();
    changed("Down", "detectionTimeExpired");
    expect(s.runner().stateName).not.toBe("Established");
    expect(s.log.join()).toContain("bfdRestarted");
  });

  it("C-231 a stall of the thread is one line and counts once, whatever number of sessions it was forgiven", () => {
    const s = stage();
    const key = sessionKey(single(B));
    emit({ type: "stalled", key, sessions: 300, away: 400_000, detectionTime: 150_000 });
    expect(s.paths.view().stalls).toBe(1);
    const lines = s.log.filter((line) => line.includes("bfdStalled"));
    expect(lines).toEqual([expect.stringContaining(`${key} and 299 more: not held against the peers`)]);
    emit({ type: "stalled", key, sessions: 1, away: 400_000, detectionTime: 150_000 });
    expect(s.paths.view().stalls).toBe(2);
    expect(s.log.at(-1)).toContain(`${key}: not held against the peer"`);
  });

  it("C-248 a session without BFD is told of at the second look, and no more once BFD is up", async () => {
    const s = stage();
    s.run();
    await s.paths.look();
    expect(s.paths.problems("default")).toEqual([]);
    await s.paths.look();
    expect(s.paths.problems("default")).toMatchObject([{ severity: "warning", path: "spec.bfdProfile" }]);
    const before = s.told();
    up();
    expect(s.told()).toBe(before + 1);
    expect(s.paths.problems("default")).toEqual([]);
  });

  it("C-248 a peer that waits for BFD is not told of as unwatched", async () => {
    const s = stage({ change: { bfd: STRICT } });
    s.run();
    for (let look = 0; look < 4; look++) await s.paths.look();
    expect(s.paths.problems("default")).toEqual([]);
  });

  it("C-249 a peer whose BFD is AdminDown from the start holds no strict session back, until it is so no more", async () => {
    const s = stage({ change: { bfd: STRICT } });
    const session = { key: sessionKey(single(B)), users: [nameOf(B)], state: "Down" } as const;
    s.client.sessions = [{ ...session, remoteState: "AdminDown" }];
    await s.paths.look();
    s.run();
    expect(s.runner().stateName).toBe("Established");
    s.client.sessions = [{ ...session, remoteState: "Down" }]; // as after a silence
    await s.paths.look();
    expect(s.runner().state.bfd).toBe("adminDown");
    changed("Init", "handshake", undefined, "Down");
    expect(s.runner()).toMatchObject({ stateName: "Established", state: { bfd: "down" } });
  });

  it("a refusal is a problem of that peer until it asks for something else", () => {
    const s = stage();
    emit({ type: "refused", key: "", user: nameOf(B), faults: [{ path: "profile.detectMult", message: "is 0" }] });
    expect(s.paths.problems("default")).toMatchObject([{ severity: "error", name: nameOf(B) }]);
    expect(s.paths.problems("default")[0]?.message).toContain("profile.detectMult is 0");
    s.apply(s.config({ bfd: { ...WATCHED, profile: { ...PROFILE, detectMult: 4 } } }));
    expect(s.paths.problems("default")).toEqual([]);
  });
});
