// Graceful restart, as far as it concerns one peer: what its OPENs say, how we leave it, and a peer that restarts itself.
import { describe, expect, it } from "vitest";
import type { PeerConfig } from "../../../src/bgp/session/config.ts";
import type { FsmAction, FsmEvent } from "../../../src/bgp/session/fsm.ts";
import {
  mayAccept,
  peerStateName,
  REPLACE_AFTER,
  RESET_PAUSE,
  type Restart,
  type Side,
} from "../../../src/bgp/session/peer.ts";
import type { Capability, OpenMessage } from "../../../src/bgp/wire/message.ts";
import { cease } from "../../../src/bgp/wire/notification.ts";
import { Millis, Seconds } from "../../../src/kernel/units.ts";
import { Driver, started, stop } from "./driver.ts";
import { CAPABILITIES, configWith, notification, openWith } from "./fixtures.ts";

const RESTARTABLE = configWith({ restartTime: Seconds(120) });

const graceful = (isNotification: boolean, afis: readonly number[]): Capability => ({
  type: "gracefulRestart",
  restarting: false,
  notification: isNotification,
  restartTime: 120,
  families: afis.map((afi) => ({ afi, safi: 1, forwarding: true })),
});
const openOf = (...extra: readonly Capability[]): FsmEvent => ({
  type: "openReceived",
  open: openWith({ capabilities: [...CAPABILITIES, ...extra] }),
});
const up = (driver: Driver, side: Side, ...extra: readonly Capability[]): Driver => {
  if (side === "in") driver.send({ type: "offered" });
  return driver.on(side, side === "out" ? "tcpConnected" : "tcpAccepted", openOf(...extra), "keepaliveReceived");
};

/** What our OPENs said: R and F. */
class OpenWatch extends Driver {
  readonly said: string[] = [];

  override perform(action: FsmAction): void {
    if (action.type === "sendOpen") this.said.push(flags(action.open));
  }
}

function flags(open: OpenMessage): string {
  const capability = open.capabilities.find((c) => c.type === "gracefulRestart");
  if (capability === undefined) return "none";
  const forwarding = capability.families.some((f) => f.forwarding);
  return `${capability.restarting ? "R" : "-"}${forwarding ? "F" : "-"}`;
}

describe("our OPEN", () => {
  const AFTER_CRASH: Restart = { restartedAt: Millis(0), isForwardingKept: true };

  it.each<readonly [string, Restart | undefined, string, string]>([
    ["C-174 after a restart: R and F until the session has stood once, F from then on", AFTER_CRASH, "RF", "-F"],
    [
      "C-175 after a boot: R alone, F once it is this process that has forwarded",
      { ...AFTER_CRASH, isForwardingKept: false },
      "R-",
      "-F",
    ],
    ["C-174 after a first start: neither, F from then on", undefined, "--", "-F"],
  ])("%s", (_name, restart, first, later) => {
    const driver = new OpenWatch(RESTARTABLE, restart);
    driver.start().on("out", "tcpConnected", "tcpFailed").sleep(2_000);
    up(driver, "out");
    driver.on("out", "tcpFailed").sleep(2_000).on("out", "tcpConnected");
    expect(driver.said).toEqual([first, first, later]);
  });

  it("C-174 says R within the restart time, and not a moment later", () => {
    for (const [now, said] of [
      [119_999, "RF"],
      [120_000, "-F"],
    ] as const) {
      const driver = new OpenWatch(RESTARTABLE, AFTER_CRASH);
      driver.now = now;
      driver.start().on("out", "tcpConnected");
      expect(driver.said).toEqual([said]);
    }
  });

  it("C-174 without a restart time says neither", () => {
    const driver = new OpenWatch(configWith({}), AFTER_CRASH);
    driver.start().on("out", "tcpConnected");
    expect(driver.said).toEqual(["--"]);
  });
});

describe("the end of a session", () => {
  it.each<readonly [string, Partial<PeerConfig>, readonly Capability[], string]>([
    [
      "C-178 C-179 is a hard reset where both know it",
      { restartTime: Seconds(120) },
      [graceful(true, [1])],
      "6/9:0602",
    ],
    ["C-178 is a plain Cease where the peer does not", { restartTime: Seconds(120) }, [graceful(false, [1])], "6/2"],
    ["C-181 is a plain Cease without graceful restart at the peer", { restartTime: Seconds(120) }, [], "6/2"],
    ["is a plain Cease where we keep nothing at the peer", {}, [graceful(true, [1])], "6/2"],
  ])("on purpose %s: %j %j", (_name, config, extra, expected) => {
    const driver = up(started(configWith(config)), "out", ...extra);
    driver.take();
    driver.send(stop(false));
    expect(driver.take()[0]).toBe(`out sendNotification ${expected}`);
  });

  it("C-179 by a change of configuration is a hard reset too", () => {
    const driver = up(started(RESTARTABLE), "out", graceful(true, [1]));
    driver.take();
    driver.send(stop(true, cease(6)));
    expect(driver.take()[0]).toBe("out sendNotification 6/9:0606");
    expect(driver.wakeForRetry()).toBe(RESET_PAUSE);
  });

  it("C-179 by an error or by silence leaves the routes to the peer", () => {
    for (const event of ["updateError", "holdTimerExpired"] as const) {
      const driver = up(started(RESTARTABLE), "out", graceful(true, [1]));
      driver.take();
      driver.on("out", event);
      expect(driver.take()[0]).toMatch(/^out sendNotification [34]\//);
    }
  });

  it.each([
    ["hold timer", 4, 0, false],
    ["send hold timer", 8, 0, false],
    ["hard reset", 6, 9, false],
    ["UPDATE error", 3, 1, true],
  ])("C-084 by the peer's %s: damped %s", (_name, code, subcode, damped) => {
    const driver = up(started(), "out").on("out", {
      type: "notificationReceived",
      notification: notification(code, subcode),
    });
    expect(driver.state.idleHold?.damped).toBe(damped);
  });
});

describe("a peer that comes anew beside its session", () => {
  /** Established on that side, and old enough. */
  function session(side: Side, ...extra: readonly Capability[]): Driver {
    const driver = up(started(), side, ...extra);
    driver.now = REPLACE_AFTER;
    driver.take();
    return driver;
  }

  it.each<readonly [Side]>([["out"], ["in"]])(
    "C-180 has restarted, if it said that it may: its new connection replaces the session that it had %s",
    (side) => {
      const driver = session(side, graceful(true, [1])).send({ type: "offered" });
      expect(mayAccept(driver.state)).toBe(true);
      driver.on("in", "tcpAccepted", openOf(graceful(true, [1])));
      expect(driver.take()).toEqual([
        ...(side === "in" ? ["moved"] : []),
        "in sendOpen",
        "out abort",
        "out ended tcpFailed",
        "in sendKeepalive",
        "Established -> OpenConfirm",
      ]);
      driver.on("in", "keepaliveReceived");
      expect(peerStateName(driver.state)).toBe("Established");
      expect(driver.state.timesEstablished).toBe(2);
    },
  );

  it.each<readonly [string, Side, number, readonly Capability[]]>([
    ["C-019 C-181 it never spoke of restarts", "out", REPLACE_AFTER, []],
    ["C-019 C-181 it never spoke of restarts, and had opened the session itself", "in", REPLACE_AFTER, []],
    ["C-019 it only helps others to restart", "out", REPLACE_AFTER, [graceful(true, [])]],
    ["C-022 the session is so young that this is a late collision", "out", REPLACE_AFTER - 1, [graceful(true, [1])]],
  ])("is refused with Cease/7: %s", (_name, side, age, extra) => {
    const driver = session(side, ...extra);
    driver.now = age;
    driver.send({ type: "offered" }).on("in", "tcpAccepted", openOf(...extra));
    expect(driver.take()).toEqual([
      ...(side === "in" ? ["moved"] : []),
      "in sendOpen",
      "in sendNotification 6/7",
      "in close",
      "in ended collision",
    ]);
    expect(peerStateName(driver.state)).toBe("Established");
    expect(driver.state).toMatchObject({ timesEstablished: 1, lastEnd: null });
  });

  it("C-019 and says nothing, or something we refuse, changes nothing", () => {
    const driver = session("in", graceful(true, [1]))
      .send({ type: "offered" })
      .on("in", "tcpAccepted");
    driver.on("in", "openReceived unacceptable");
    driver.send({ type: "offered" }).on("in", "tcpAccepted", "tcpFailed");
    expect(peerStateName(driver.state)).toBe("Established");
    expect(driver.state.lastEnd).toBeNull();
  });
});
