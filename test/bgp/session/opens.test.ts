// Who opens the connection, and where an unnumbered peer is.
import { describe, expect, it } from "vitest";
import type { PeerConfig } from "../../../src/bgp/session/config.ts";
import { mayAccept, type PeerEvent, peerDeadline, peerStateName, waitingFor } from "../../../src/bgp/session/peer.ts";
import { cease } from "../../../src/bgp/wire/notification.ts";
import { Seconds } from "../../../src/kernel/units.ts";
import { type Driver, started } from "./driver.ts";
import { CONFIG, configWith, ip } from "./fixtures.ts";

const opening = (opens: PeerConfig["opens"]): Driver => started(configWith({ opens }));
const reconfigured = (change: Partial<PeerConfig>): PeerEvent => ({
  type: "reconfigured",
  config: configWith(change),
  reset: null,
});

describe("opens", () => {
  it("C-001 peer: waits in Active, says so, and comes up on the peer's connection", () => {
    const driver = opening("peer");
    expect(driver.take()).toEqual(["Idle -> Active"]);
    expect(waitingFor(driver.state)).toBe("waiting for the peer to connect: this end never does");
    driver.establish("in");
    expect(peerStateName(driver.state)).toBe("Established");
    expect(waitingFor(driver.state)).toBeNull();
  });

  it("C-002 peer: never dials, whatever happens to the peer's connections", () => {
    const driver = opening("peer");
    for (const end of ["tcpFailed", "notificationReceived", "updateError", "holdTimerExpired"] as const) {
      driver.establish("in").on("in", end).sleep(400_000);
      expect(peerStateName(driver.state), end).toBe("Active");
    }
    driver.send({ type: "clearHold" }).sleep(1_000_000);
    expect(driver.take().filter((l) => l.includes("connect"))).toEqual([]);
    expect(peerDeadline(driver.state)).toBeNull();
  });

  it("us: dials, and refuses the peer's connections", () => {
    const driver = opening("us");
    expect(driver.take()).toEqual(["out connect", "Idle -> Connect"]);
    driver.send({ type: "offered" });
    expect(mayAccept(driver.state)).toBe(false);
    driver.establish("out").send({ type: "offered" });
    expect(mayAccept(driver.state)).toBe(false);
    expect(peerStateName(driver.state)).toBe("Established");
  });

  it.each([
    ["from us to peer: the attempt is given up, and none follows", "us", "peer", ["out abort", "out ended stopped"]],
    ["from both to peer", "both", "peer", ["out abort", "out ended stopped"]],
    ["from peer to us: an attempt begins", "peer", "us", ["out connect"]],
    ["from peer to both", "peer", "both", ["out connect"]],
    ["from us to both: nothing changes", "us", "both", []],
  ] as const)("changes live %s", (_name, before, after, actions) => {
    const driver = opening(before);
    driver.take();
    driver.send(reconfigured({ opens: after }));
    expect(driver.take().filter((l) => !l.includes("->"))).toEqual(actions);
    expect(mayAccept(driver.state)).toBe(after !== "us");
    driver.sleep(100_000);
    expect(driver.state.out.name).toBe(after === "peer" ? "Idle" : "Connect");
  });

  it.each(["us", "peer", "both"] as const)("a change to %s does not touch a session", (opens) => {
    for (const side of ["out", "in"] as const) {
      const driver = opening("both").establish(side);
      driver.take();
      expect(driver.send(reconfigured({ opens })).take()).toEqual([]);
      expect(peerStateName(driver.state)).toBe("Established");
    }
  });

  it("C-098 a connect retry time of nothing still leaves a second between attempts", () => {
    const driver = started(configWith({ connectRetryTime: Seconds(0) }));
    expect(peerDeadline(driver.state)).toBeCloseTo(1_000, 3);
    for (const wait of [500, 1_000, 1_000]) expect(driver.on("out", "tcpFailed").wakeForRetry()).toBeCloseTo(wait, 3);
  });
});

const UNNUMBERED: Partial<PeerConfig> = { address: null, interface: "eth0" };
const seen = (text: string | null): PeerEvent => ({ type: "neighbor", address: text === null ? null : ip(text) });

describe("an unnumbered peer", () => {
  it("is dialled once router advertisements say where it is", () => {
    const driver = started(configWith({ ...UNNUMBERED, opens: "us" })).sleep(100_000);
    expect(driver.take()).toEqual([]);
    expect(waitingFor(driver.state)).toBe("no router advertisement has been heard on eth0");
    driver.send(seen("fe80::2"));
    expect(driver.take()).toEqual(["out connect", "Idle -> Connect"]);
    expect(waitingFor(driver.state)).toBeNull();
    expect(driver.send(seen("fe80::2")).take()).toEqual([]);
  });

  it("that may connect itself is welcome before it is heard, and after", () => {
    const driver = started(configWith({ ...UNNUMBERED, opens: "both" }));
    expect(driver.take()).toEqual(["Idle -> Active"]);
    expect(mayAccept(driver.state)).toBe(true);
    expect(driver.send(seen("fe80::2")).take()).toEqual(["out connect", "Active -> Connect"]);
    expect(mayAccept(driver.state)).toBe(true);
  });

  it("is dialled at once where it is heard during a pause, or elsewhere", () => {
    const driver = started(configWith(UNNUMBERED)).send(seen("fe80::2")).on("out", "tcpFailed");
    driver.take();
    driver.send(seen("fe80::3"));
    expect(driver.take().filter((l) => l.startsWith("out"))).toEqual(["out connect"]);
    expect(driver.send(seen("fe80::4")).take()).toEqual(["out abort", "out ended stopped", "out connect"]);
    expect(driver.state.failures).toBe(0);
  });

  it("is not tried any more when it is not heard any more, but a session goes on", () => {
    const driver = started(configWith(UNNUMBERED)).send(seen("fe80::2"));
    driver.take();
    driver.send(seen(null));
    expect(driver.take()).toEqual(["out abort", "out ended stopped", "Connect -> Active"]);
    driver.send(seen("fe80::2")).establish();
    driver.take();
    expect(driver.send(seen(null)).take()).toEqual([]);
    driver.on("out", "tcpFailed").sleep(100_000);
    expect(driver.take().filter((l) => l.includes("connect"))).toEqual([]);
  });

  it("that moves to another interface is dialled there, not where the old one had its router", () => {
    const driver = started(configWith(UNNUMBERED)).send(seen("fe80::2"));
    driver.take();
    const reset = { notification: cease(6), detail: "edited" };
    driver.send({ type: "reconfigured", config: configWith({ ...UNNUMBERED, interface: "eth1" }), reset });
    expect(driver.take()).toEqual(["out abort", "out ended stopped", "Connect -> Active"]);
    expect(driver.send(seen("fe80::3")).take()).toEqual(["out connect", "Active -> Connect"]);
  });

  it("damped for its errors is not dialled earlier because it is heard again", () => {
    const driver = started(configWith(UNNUMBERED)).send(seen("fe80::2")).establish().on("out", "updateError");
    driver.take();
    expect(driver.send(seen(null)).send(seen("fe80::2")).take()).toEqual([]);
    expect(Math.round(driver.wakeForRetry())).toBe(1_000);
  });

  it("means nothing to a peer with an address", () => {
    const driver = started(CONFIG);
    driver.take();
    expect(driver.send(seen("fe80::2")).send(seen(null)).take()).toEqual([]);
  });
});
