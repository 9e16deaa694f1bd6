// One peer with two possible connections: which survives, when it is tried again, what is reported.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BfdProfile, bfdProfile, DEFAULT_PROFILE } from "../../../src/bfd/config.ts";
import type { PeerConfig } from "../../../src/bgp/session/config.ts";
import type { FsmEvent } from "../../../src/bgp/session/fsm.ts";
import {
  AMNESIA,
  BFD_PAUSE,
  type BfdVerdict,
  dialAddress,
  FIRST_IDLE_HOLD,
  MAX_IDLE_HOLD,
  mayAccept,
  type PeerEvent,
  peerDeadline,
  peerStateName,
  type Side,
  waitingFor,
} from "../../../src/bgp/session/peer.ts";
import { cease } from "../../../src/bgp/wire/notification.ts";
import { Asn, RouterId, Seconds } from "../../../src/kernel/units.ts";
import { Driver, established, started, stop } from "./driver.ts";
import { CONFIG, configWith, EVENTS, type EventName, ip, notification, OPEN, openWith } from "./fixtures.ts";

const failure =
  (event: FsmEvent | EventName) =>
  (driver: Driver): Driver =>
    driver.on("out", event);
const refused = failure("tcpFailed");

describe("back-off", () => {
  const config = configWith({ connectRetryTime: Seconds(10) });

  it.each([
    [0, 0.75],
    [0.5, 0.875],
    [1 - Number.EPSILON, 1],
  ])("C-008 refused connects wait 0.5, 1, 2, 4, 8, 10, 10 s times the jitter (random %d)", (random, factor) => {
    const driver = new Driver(config);
    driver.random = random;
    driver.start();
    const waits = Array.from({ length: 7 }, () => refused(driver).wakeForRetry());
    for (const [i, seconds] of [0.5, 1, 2, 4, 8, 10, 10].entries()) {
      expect(waits[i]).toBeCloseTo(1000 * seconds * factor, 3);
    }
  });

  it("C-008 a refusing peer is tried at most a dozen times in its first minute", () => {
    const driver = new Driver(config);
    driver.random = 0;
    driver.start();
    while (driver.now < 60_000) {
      refused(driver);
      driver.now = driver.state.idleHold?.until ?? Number.NaN;
      driver.send({ type: "timer" });
    }
    const attempts = driver.take().filter((line) => line === "out connect").length;
    expect(attempts).toBeGreaterThan(8);
    expect(attempts).toBeLessThan(14); // the last one lies beyond the minute
  });

  it("Q-19 a peer that takes our OPEN and then says no is backed off from, not hammered", () => {
    const driver = started(config);
    const waits = Array.from({ length: 4 }, () => {
      driver.on("out", "tcpConnected", "openReceived", "keepaliveReceived", "notificationReceived");
      return driver.wakeForRetry();
    });
    expect(waits.map(Math.round)).toEqual([500, 1000, 2000, 4000]);
  });

  it.each([
    ["just under its hold time keeps the back-off", 90, 89_999, 1000],
    ["its hold time ends the back-off", 90, 90_000, 500],
    ["four minutes with hold time 0 ends it too", 0, 240_000, 500],
    ["less than four minutes with hold time 0 keeps it", 0, 239_999, 1000],
  ])("Q-19 a session that lived for %s", (_name, holdTime, lived, wait) => {
    const driver = started({ ...config, holdTime: Seconds(holdTime), keepaliveTime: Seconds(0) });
    refused(driver).wakeForRetry();
    driver.establish();
    driver.now += lived;
    driver.on("out", "tcpFailed");
    expect(Math.round(driver.wakeForRetry())).toBe(wait);
  });

  it("waiting for the next attempt reads as Active, and says why", () => {
    const driver = refused(started());
    expect(peerStateName(driver.state)).toBe("Active");
    expect(driver.state.idleHold).toMatchObject({ why: "refused", damped: false });
  });

  it("a silent black hole is left when the connect retry timer fires, one attempt at a time (C-007)", () => {
    const driver = started(config).sleep(25_000);
    expect(driver.take().filter((l) => l.startsWith("out"))).toEqual([
      "out connect",
      "out abort",
      "out ended connectTimeout",
      "out connect",
      "out abort",
      "out ended connectTimeout",
      "out connect",
    ]);
    expect(driver.state).toMatchObject({ idleHold: null, lastEnd: { kind: "connectTimeout" } });
  });
});

describe("damping", () => {
  const erroneous = (driver: Driver): Driver =>
    driver.on("out", "tcpConnected", "openReceived", "keepaliveReceived", "updateError");

  it("C-084 protocol errors double the idle hold up to its cap", () => {
    const driver = started();
    const waits = Array.from({ length: 9 }, () => erroneous(driver).wakeForRetry());
    const expected = [1, 2, 4, 8, 16, 32, 64, 120, 120].map((s) => 1000 * s);
    expect(waits.map(Math.round)).toEqual(expected);
    expect([FIRST_IDLE_HOLD, MAX_IDLE_HOLD]).toEqual([1_000, 120_000]);
  });

  it.each([
    ["just before the quiet period is over, the error still counts", AMNESIA - 1, 2_000],
    ["after the quiet period it is forgotten", AMNESIA, 1_000],
  ])("C-084 %s", (_name, quiet, wait) => {
    const driver = erroneous(started());
    const at = driver.now;
    driver.wakeForRetry();
    driver.establish();
    driver.now = at + quiet;
    driver.on("out", "updateError");
    expect(Math.round(driver.wakeForRetry())).toBe(wait);
  });

  it.each<readonly [string, FsmEvent | EventName, boolean]>([
    ["an error we find", "updateError", true],
    ["a message at the wrong time", "openReceived", true],
    ["an error the peer finds", { type: "notificationReceived", notification: notification(3, 1) }, true],
    ["a Cease is exempt", "notificationReceived", false],
    ["the hold timer is exempt", "holdTimerExpired", false],
    ["a lost connection is exempt", "tcpFailed", false],
  ])("C-084 damped after %s", (_name, event, damped) => {
    const driver = established().on("out", event);
    expect(driver.state.idleHold?.damped).toBe(damped);
    expect(peerStateName(driver.state)).toBe(damped ? "Idle" : "Active");
    expect(driver.state.errors).toBe(damped ? 1 : 0);
  });

  it("C-085 clear ends the hold and the memory of it at once; the status had shown why and until when", () => {
    const driver = erroneous(erroneous(started()).sleep(1_000));
    expect(driver.state.idleHold).toEqual({ until: driver.now + 2_000, why: "attributes", damped: true });
    driver.send({ type: "clearHold" });
    expect(driver.state).toMatchObject({ idleHold: null, errors: 0, failures: 0, out: { name: "Connect" } });
    expect(Math.round(erroneous(driver).wakeForRetry())).toBe(1_000);
  });

  it("C-085 clear does nothing to a session that is up", () => {
    const driver = established();
    driver.take();
    expect(driver.send({ type: "clearHold" }).take()).toEqual([]);
  });

  it("C-268 after a defect of ours the peer is not tried again at once, and the next defect waits longer", () => {
    const defect: PeerEvent = { type: "standDown", notification: cease(8), detail: "internal error" };
    const driver = established();
    driver.take();
    driver.send(defect);
    expect(driver.take()).toEqual([
      "out sendNotification 6/8",
      "out close",
      "out ended stopped",
      "Established -> Idle",
    ]);
    expect(Math.round(driver.wakeForRetry())).toBe(1_000);
    driver.establish().send(defect);
    expect(Math.round(driver.wakeForRetry())).toBe(2_000);
  });
});

describe("connections by the peer", () => {
  it("C-001 a session comes up on the peer's connection while ours fails", () => {
    const driver = refused(started()).establish("in");
    expect(peerStateName(driver.state)).toBe("Established");
    expect(driver.state.idleHold).toBeNull();
    driver.take();
    expect(
      driver
        .sleep(60_000)
        .take()
        .filter((l) => l.includes("connect")),
    ).toEqual([]);
  });

  it.each<readonly [string, Driver, boolean]>([
    ["refused before start", new Driver(), false],
    ["refused after stop", established().send(stop(false)), false],
    ["refused while damped", established().on("out", "updateError"), false],
    ["welcome while we wait to try again", refused(started()), true],
    ["welcome while we try", started(), true],
    ["welcome, to be judged by its OPEN, beside a session", established(), true],
    ["refused beside an earlier one that has spoken", started().on("in", "tcpAccepted", "openReceived"), false],
  ])("C-005 %s", (_name, driver, welcome) => {
    driver.send({ type: "offered" });
    expect(mayAccept(driver.state)).toBe(welcome);
  });

  it("C-005 a connection that had to be refused is a defect, not a session", () => {
    expect(() => new Driver().on("in", "tcpAccepted")).toThrow("had to be refused");
  });

  it("C-020 a second connection by the peer replaces a silent first one", () => {
    const driver = started().on("in", "tcpAccepted");
    driver.take();
    driver.send({ type: "offered" });
    expect(driver.take()).toEqual(["in sendNotification 6/7", "in close", "in ended collision", "OpenSent -> Connect"]);
    expect(mayAccept(driver.state)).toBe(true);
  });

  it("C-020 while damped a silent connection is left alone", () => {
    const driver = started().on("in", "tcpAccepted").on("out", "tcpConnected", "headerError");
    driver.take();
    expect(driver.send({ type: "offered" }).take()).toEqual([]);
  });

  it("C-020 a silent connection by the peer does not keep us from trying", () => {
    const driver = refused(started()).on("in", "tcpAccepted");
    expect(Math.round(driver.wakeForRetry())).toBe(500);
    driver.establish();
    expect(peerStateName(driver.state)).toBe("Established");
    expect(driver.state.in.name).toBe("Idle");
  });
});

const HIGH = 0x0a00_0009;
const LOW = 0x0a00_0001;

describe("collision", () => {
  const openAs = (identifier: number): FsmEvent => ({ type: "openReceived", open: openWith({ identifier }) });
  const internalOpen = (identifier: number): FsmEvent => ({
    type: "openReceived",
    open: openWith({
      identifier,
      asn: 64_500,
      capabilities: [
        { type: "multiprotocol", afi: 1, safi: 1 },
        { type: "fourOctetAsn", asn: 64_500 },
      ],
    }),
  });

  const both = (config: PeerConfig): Driver => {
    const driver = started(config).on("out", "tcpConnected").on("in", "tcpAccepted");
    driver.take();
    return driver;
  };

  it.each<readonly [string, number, number, Side, Side]>([
    ["we have the higher identifier, their OPEN comes on our connection last", HIGH, LOW, "in", "out"],
    ["we have the higher identifier, their OPEN comes on our connection first", HIGH, LOW, "out", "out"],
    ["they have the higher identifier, their OPEN comes on our connection last", LOW, HIGH, "in", "in"],
    ["they have the higher identifier, their OPEN comes on our connection first", LOW, HIGH, "out", "in"],
  ])("C-016 %s", (_name, ours, theirs, first, survivor) => {
    const driver = both(configWith({ routerId: RouterId(ours) }));
    const second = first === "out" ? "in" : "out";
    const loser = survivor === "out" ? "in" : "out";
    driver.on(first, openAs(theirs)).on(second, openAs(theirs));
    expect([driver.state[survivor].name, driver.state[loser].name]).toEqual(["OpenConfirm", "Idle"]);
    const farewell = [`${loser} sendNotification 6/7`, `${loser} close`, `${loser} ended collision`]; // C-017
    expect(driver.take().filter((l) => farewell.includes(l))).toEqual(farewell);
    driver.on(survivor, "keepaliveReceived");
    expect(peerStateName(driver.state)).toBe("Established");
  });

  it("C-016 identifiers compare as unsigned numbers", () => {
    const driver = both(configWith({ routerId: RouterId(0x7fff_ffff) }));
    driver.on("out", openAs(0x8000_0001)).on("in", openAs(0x8000_0001));
    expect([driver.state.out.name, driver.state.in.name]).toEqual(["Idle", "OpenConfirm"]);
  });

  it.each([
    [64_502, "out"],
    [64_400, "in"],
  ] as const)("C-018 equal identifiers, our AS %d against 64501: the %s connection stays", (localAsn, survivor) => {
    const driver = both(configWith({ localAsn: Asn(localAsn), routerId: RouterId(OPEN.identifier) }));
    driver.on("out", openAs(OPEN.identifier)).on("in", openAs(OPEN.identifier));
    expect(driver.state[survivor].name).toBe("OpenConfirm");
    expect(driver.state[survivor === "out" ? "in" : "out"].name).toBe("Idle");
  });

  it("C-019 a connection beside a session gets Cease/7 and changes nothing", () => {
    const driver = established(configWith({ routerId: RouterId(LOW) })).on("in", "tcpAccepted");
    const before = driver.state;
    driver.take();
    driver.on("in", openAs(HIGH));
    expect(driver.take()).toEqual(["in sendNotification 6/7", "in close", "in ended collision"]);
    expect(driver.state).toEqual({ ...before, in: { name: "Idle" }, lastNotificationSent: expect.anything() });
  });

  it.each<EventName>([
    "tcpFailed",
    "headerError",
    "openReceived unacceptable",
    "notificationReceived",
    "holdTimerExpired",
  ])("C-019 a connection beside a session may end in %s without a trace on the session", (event) => {
    const driver = established();
    driver.now = 5_000;
    driver.on("in", "tcpAccepted", event);
    expect(driver.state.in.name).toBe("Idle");
    expect(driver.state).toMatchObject({ establishedAt: 0, failures: 0, errors: 0, idleHold: null, lastEnd: null });
  });

  it("C-020 nothing is decided while one connection has not brought its OPEN", () => {
    const driver = both(configWith({ routerId: RouterId(LOW) })).on("out", openAs(HIGH));
    expect([driver.state.out.name, driver.state.in.name]).toEqual(["OpenConfirm", "OpenSent"]);
    driver.on("out", "keepaliveReceived");
    expect([driver.state.out.name, driver.state.in.name]).toEqual(["Established", "Idle"]);
  });

  it("C-016 an OPEN that we refuse decides no collision", () => {
    const driver = both(configWith({ routerId: RouterId(LOW), peerAsn: "external" }));
    driver.on("out", openAs(HIGH)).on("in", internalOpen(HIGH));
    expect([driver.state.out.name, driver.state.in.name]).toEqual(["OpenConfirm", "Idle"]);
    expect(driver.take()).toContain("in sendNotification 2/2");
  });

  it("C-021 twenty lost collisions neither damp nor delay the next attempt", () => {
    const driver = started(configWith({ routerId: RouterId(LOW) }));
    const lost: FsmEvent = { type: "notificationReceived", notification: cease(7) };
    for (let i = 0; i < 20; i++) {
      driver.on("out", "tcpConnected").on("in", "tcpAccepted").on("out", openAs(HIGH), lost);
      driver.on("in", openAs(HIGH), "keepaliveReceived");
      expect(driver.state).toMatchObject({ errors: 0, failures: i });
      driver.on("in", "tcpFailed"); // the one failure of this round, and it counts once
      driver.now = driver.state.idleHold?.until ?? Number.NaN;
      driver.send({ type: "timer" });
    }
    const other = started();
    for (let i = 0; i < 20; i++) {
      other.on("out", "tcpConnected", lost);
      expect(Math.round(other.wakeForRetry())).toBe(500);
    }
  });
});

describe("start, stop, restart", () => {
  it("starts with an attempt and reports it", () => {
    expect(started().take()).toEqual(["out connect", "Idle -> Connect"]);
  });

  it("C-081 stop says Cease/2, forgets the failures and does not come back", () => {
    const driver = refused(started());
    driver.wakeForRetry();
    driver.establish();
    driver.take();
    driver.send(stop(false));
    expect(driver.take()).toEqual([
      "out sendNotification 6/2",
      "out close",
      "out ended stopped",
      "Established -> Idle",
    ]);
    expect(driver.state).toMatchObject({ admin: "down", failures: 0, idleHold: null });
    expect(peerDeadline(driver.state)).toBeNull();
  });

  it("C-081 stop before a connection is there says nothing", () => {
    const driver = started();
    driver.take();
    expect(driver.send(stop(false)).take()).toEqual(["out abort", "out ended stopped", "Connect -> Idle"]);
  });

  it("stop ends both connections", () => {
    const driver = started().on("out", "tcpConnected").on("in", "tcpAccepted");
    driver.take();
    driver.send(stop(false, cease(3)));
    expect(driver.take().filter((l) => l.includes("send"))).toEqual([
      "out sendNotification 6/3",
      "in sendNotification 6/3",
    ]);
  });

  it("C-082 restart says its Cease and begins anew when the other end has had time to clear, without a memory of failures", () => {
    const driver = established();
    driver.take();
    driver.send(stop(true, cease(6)));
    expect(driver.take()).toEqual([
      "out sendNotification 6/6",
      "out close",
      "out ended stopped",
      "Established -> Active",
    ]);
    expect(driver.state.failures).toBe(0);
    expect(driver.wakeForRetry()).toBe(100);
  });

  it("restart of an attempt that nobody has heard of begins anew at once", () => {
    const driver = started();
    driver.take();
    driver.send(stop(true, cease(6)));
    expect(driver.take()).toEqual(["out abort", "out ended stopped", "out connect"]);
  });

  it("start after stop tries at once", () => {
    const driver = established().send(stop(false));
    driver.take();
    expect(driver.start().take()).toEqual(["out connect", "Idle -> Connect"]);
  });

  it("start again changes nothing for a session", () => {
    const driver = established();
    driver.take();
    expect(driver.start().take()).toEqual([]);
  });
});

describe("what is remembered", () => {
  it("C-088 the last NOTIFICATION both ways, the last end, the number of sessions and the last change have their times", () => {
    const driver = established();
    driver.now = 4_000;
    driver.on("out", "updateError");
    expect(driver.state).toMatchObject({
      lastNotificationSent: { at: 4_000, notification: { errorCode: 3, errorSubcode: 1 } },
      lastNotificationReceived: null,
      lastEnd: { at: 4_000, kind: "protocolError", detail: "attributes" },
      timesEstablished: 1,
      stateChangedAt: 4_000,
      establishedAt: null,
    });
    driver.sleep(2_000).establish();
    driver.now = 9_000;
    driver.on("out", "notificationReceived");
    expect(driver.state).toMatchObject({
      lastNotificationReceived: { at: 9_000, notification: { errorCode: 6, errorSubcode: 2 } },
      lastEnd: { at: 9_000, kind: "notificationReceived" },
      timesEstablished: 2,
    });
  });

  it("C-094 error 8 is remembered as ours although the peer cannot read it", () => {
    const driver = established().on("out", "sendHoldTimerExpired");
    expect(driver.state.lastNotificationSent).toBeNull();
    expect(driver.state.lastEnd?.sent).toMatchObject({ errorCode: 8 });
  });
});

const RESTARTABLE_OPEN: FsmEvent = {
  type: "openReceived",
  open: openWith({
    capabilities: [
      ...OPEN.capabilities,
      {
        type: "gracefulRestart",
        restarting: false,
        notification: true,
        restartTime: 120,
        families: [{ afi: 1, safi: 1, forwarding: true }],
      },
    ],
  }),
};

describe("any history", () => {
  const side = fc.constantFrom<Side>("out", "in");
  const eventName = fc.constantFrom(...(Object.keys(EVENTS) as EventName[]).filter((e) => !e.startsWith("manual")));
  const move = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.tuple(
        side,
        fc.constantFrom<EventName>("tcpConnected", "tcpAccepted", "openReceived", "keepaliveReceived"),
      ),
    },
    { weight: 2, arbitrary: fc.tuple(side, eventName) },
    {
      weight: 1,
      arbitrary: fc.constantFrom<PeerEvent>(
        { type: "start" },
        stop(false),
        stop(true),
        { type: "clearHold" },
        { type: "offered" },
        { type: "neighbor", address: ip("fe80::2") },
        { type: "neighbor", address: null },
      ),
    },
    { weight: 1, arbitrary: fc.constantFrom("us", "peer", "both") },
    { weight: 2, arbitrary: fc.nat(150_000) },
  );

  it("C-087 has one connection per direction, at most one session, exact reports, and always a next step", () => {
    fc.assert(
      fc.property(
        fc.array(move, { maxLength: 80 }),
        fc.constantFrom(LOW, HIGH),
        fc.boolean(),
        (moves, id, numbered) => {
          const address = numbered ? CONFIG.address : null;
          const driver = started(configWith({ routerId: RouterId(id), address, interface: "eth0" }));
          const open: Record<Side, boolean> = { out: false, in: false };
          let shown = "Idle";
          const check = (): void => {
            for (const line of driver.take()) {
              const [who, what] = line.split(" ");
              if (who === "moved") {
                Object.assign(open, { out: open.in, in: false });
              } else if (what === "->") {
                expect(line.startsWith(`${shown} -> `)).toBe(true);
                shown = line.slice(shown.length + 4);
                expect(line).not.toBe(`${shown} -> ${shown}`);
              } else if (what === "connect") {
                expect(open[who as Side]).toBe(false);
                expect(driver.state.config.opens).not.toBe("peer"); // C-002
                expect(dialAddress(driver.state)).not.toBeNull();
                open[who as Side] = true;
              } else if (what === "close" || what === "abort" || what === "ended") {
                open[who as Side] = false;
              } else {
                expect(open[who as Side]).toBe(true);
              }
            }
            const { state } = driver;
            expect(shown).toBe(peerStateName(state));
            expect(state.out.name === "Established" && state.in.name === "Established").toBe(false);
            expect(state.establishedAt !== null).toBe(shown === "Established");
            if (state.admin === "up") expect(peerDeadline(state) !== null || waitingFor(state) !== null).toBe(true);
            else expect([state.out.name, state.in.name, state.idleHold]).toEqual(["Idle", "Idle", null]);
          };
          check();
          for (const m of moves) {
            if (typeof m === "number") driver.sleep(m);
            else if (typeof m === "string") {
              driver.send({
                type: "reconfigured",
                config: { ...driver.state.config, opens: m as PeerConfig["opens"] },
                reset: null,
              });
            } else if (!Array.isArray(m)) driver.send(m as PeerEvent);
            else {
              const [where, name] = m as [Side, EventName];
              if (name === "tcpAccepted") driver.send({ type: "offered" });
              check();
              const fits = name === "tcpAccepted" ? where === "in" && mayAccept(driver.state) : open[where];
              if (!fits || (name === "tcpConnected" && driver.state[where].name !== "Connect")) continue;
              if (name === "tcpAccepted") open.in = true;
              driver.on(where, name === "openReceived" && numbered ? RESTARTABLE_OPEN : name);
            }
            check();
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("BFD (RFC 5882)", () => {
  const profile: BfdProfile = bfdProfile(DEFAULT_PROFILE);
  const watched = configWith({ bfd: { profile, auth: null, isStrict: false } });
  const strict = configWith({ bfd: { profile, auth: null, isStrict: true }, opens: "both" });
  const bfd = (verdict: BfdVerdict): PeerEvent => ({
    type: "bfd",
    verdict,
    detail: "BFD Down: control detection time expired",
  });

  it("C-246 a path that was Up and goes Down ends the session at once with Cease/10, without damping (C-250)", () => {
    const driver = established(watched);
    driver.send(bfd("up")).take();
    driver.send(bfd("down"));
    expect(peerStateName(driver.state)).not.toBe("Established");
    expect(driver.state.lastNotificationSent?.notification).toMatchObject({ errorCode: 6, errorSubcode: 10 });
    expect(driver.state).toMatchObject({ errors: 0, failures: 0, idleHold: { damped: false } });
    expect(driver.state.lastEnd?.detail).toContain("detection time expired");
  });

  it("C-250 after BFD Down the peer has a second to notice, too; BFD need not come back for the next attempt", () => {
    const driver = established(watched).send(bfd("up")).send(bfd("down"));
    expect(driver.wakeForRetry()).toBe(BFD_PAUSE);
  });

  it("C-250 BFD that is Up again ends that pause at once", () => {
    const driver = established(watched).send(bfd("up")).send(bfd("down"));
    driver.send(bfd("up"));
    expect(driver.state.out.name).toBe("Connect");
  });

  it("C-247 AdminDown, of the peer or our own, leaves the session alone", () => {
    const driver = established(watched);
    driver.send(bfd("up"));
    driver.send(bfd("adminDown"));
    expect(peerStateName(driver.state)).toBe("Established");
    driver.send(bfd("down"));
    expect(peerStateName(driver.state)).toBe("Established");
  });

  it("C-248 BFD that never came up does not keep the session from coming up, nor end it", () => {
    const driver = established(watched);
    driver.send(bfd("down"));
    expect(peerStateName(driver.state)).toBe("Established");
  });

  it("C-252 a path that goes Down before the session stands has no effect", () => {
    const driver = started(watched);
    driver.send(bfd("up"));
    driver.on("out", "tcpConnected").take();
    driver.send(bfd("down"));
    expect(driver.state.out.name).toBe("OpenSent");
    expect(driver.state.lastNotificationSent).toBeNull();
  });

  it("C-250 a path that comes back ends the pause before the next attempt", () => {
    const driver = refused(refused(started(watched)));
    expect(driver.state.idleHold).not.toBeNull();
    driver.send(bfd("up"));
    expect(driver.state.out.name).toBe("Connect");
  });

  it("C-249 a strict peer neither dials nor is let in before BFD is Up, and says what it waits for", () => {
    const driver = started(strict);
    expect(driver.state.out.name).toBe("Idle");
    expect(mayAccept(driver.state)).toBe(false);
    expect(waitingFor(driver.state)).toContain("bfd-strict");
    driver.send(bfd("up"));
    expect(driver.state.out.name).toBe("Connect");
    expect(mayAccept(driver.state)).toBe(true);
  });

  it("C-249 a strict peer stays away while BFD is Down", () => {
    const driver = started(strict);
    driver.send(bfd("up"));
    driver.on("out", "tcpConnected", "openReceived", "keepaliveReceived");
    driver.send(bfd("down")).sleep(60_000);
    expect(driver.state.out.name).toBe("Idle");
    driver.send(bfd("up"));
    expect(driver.state.out.name).toBe("Connect");
  });

  it("strictness given up lets a waiting peer go", () => {
    const driver = started(strict);
    driver.send({
      type: "reconfigured",
      config: { ...strict, bfd: { profile, auth: null, isStrict: false } },
      reset: null,
    });
    expect(driver.state.out.name).toBe("Connect");
  });

  it("C-249 what BFD said of the old address does not let a strict peer go to the new one", () => {
    const driver = started(strict).send(bfd("up"));
    driver.take();
    const reset = { notification: cease(6), detail: "edited" };
    driver.send({ type: "reconfigured", config: { ...strict, address: ip("192.0.2.77") }, reset });
    expect(driver.take()).toEqual(["out abort", "out ended stopped", "Connect -> Active"]);
    driver.send(bfd("up"));
    driver.send({ type: "reconfigured", config: { ...strict, address: ip("192.0.2.77"), port: 1179 }, reset });
    expect(driver.state).toMatchObject({ bfd: "up", out: { name: "Connect" } });
  });

  it.each([
    ["another address", {}, { address: ip("192.0.2.77") }, "unknown"],
    ["another VRF", {}, { vrf: "red" }, "unknown"],
    [
      "another interface of a link-local address",
      { address: ip("fe80::7"), interface: "e0" },
      { interface: "e1" },
      "unknown",
    ],
    ["another interface", { interface: "e0" }, { interface: "e1" }, "up"],
    ["another hold time", {}, { holdTime: Seconds(30) }, "up"],
  ] as const)("with %s BFD speaks of another path or of the same one", (_what, before, change, verdict) => {
    const driver = started({ ...watched, ...before }).send(bfd("up"));
    const reset = { notification: cease(6), detail: "edited" };
    driver.send({ type: "reconfigured", config: { ...watched, ...before, ...change }, reset });
    expect(driver.state.bfd).toBe(verdict);
  });

  it("C-255 our own failure says nothing of the path: an unknown one ends no session", () => {
    const driver = started(strict).send(bfd("up")).establish();
    driver.send(bfd("unknown"));
    expect(peerStateName(driver.state)).toBe("Established");
  });
});

describe("since when there is no session", () => {
  it("counts from the end of the last one, whatever attempts there are meanwhile", () => {
    const driver = started().sleep(1_000).establish().sleep(20_000);
    expect(driver.state.downSince).toBe(0);
    driver.on("out", "tcpFailed");
    const at = driver.now;
    driver.sleep(3_000).on("out", "tcpFailed").sleep(30_000);
    expect([at, driver.state.downSince]).toEqual([21_000, 21_000]);
  });
});

describe("an edit that the session outlives", () => {
  it("a shorter keepalive time paces the standing session at once, a longer one from the next KEEPALIVE on", () => {
    const driver = started({ ...CONFIG, holdTime: Seconds(90), keepaliveTime: Seconds(30) }).establish();
    driver.take();
    driver.send({
      type: "reconfigured",
      config: { ...CONFIG, holdTime: Seconds(90), keepaliveTime: Seconds(5) },
      reset: null,
    });
    driver.sleep(5_000);
    expect(driver.take()).toEqual(["out sendKeepalive"]);
    driver.send({
      type: "reconfigured",
      config: { ...CONFIG, holdTime: Seconds(90), keepaliveTime: Seconds(20) },
      reset: null,
    });
    driver.sleep(5_000);
    expect(driver.take()).toEqual(["out sendKeepalive"]);
    driver.sleep(19_000);
    expect(driver.take()).toEqual([]);
    expect(peerStateName(driver.state)).toBe("Established");
  });
});
