import { describe, expect, test } from "vitest";
import { advertisement, solicitation } from "../../src/bgp/neighborDiscovery.ts";
import { ADVERTISE_EVERY, type DiscoverySocket, SOLICIT_EVERY, Unnumbered } from "../../src/bgp/unnumbered.ts";
import { formatIp, type Ip, parseIp } from "../../src/kernel/ip.ts";
import { World } from "./sim/world.ts";

const ip = (text: string): Ip => parseIp(text) ?? expect.fail(text);
const ROUTER = ip("fe80::1");
const OTHER = ip("fe80::2");

/** An advertisement with this lifetime, seconds. */
function told(lifetime: number): Uint8Array {
  const bytes = advertisement(null);
  new DataView(bytes.buffer).setUint16(6, lifetime);
  return bytes;
}

/** Discovery on interface eth0 under a virtual clock. `log` tells what happened, with seconds. */
function watch() {
  const world = new World(1);
  const host = world.host(ip("192.0.2.1"));
  const log: string[] = [];
  const say = (what: string): void => {
    log.push(`${(world.now / 1_000).toFixed(1)} ${what}`);
  };
  const link = { problem: null as string | null, failure: null as string | null, isCurrent: true, isUp: false };
  let hear: (source: Ip, bytes: Uint8Array) => void = () => {};
  const open = (name: string, received: typeof hear): DiscoverySocket | string => {
    if (link.problem !== null) return link.problem;
    say(`open ${name}`);
    hear = received;
    link.isCurrent = true;
    return {
      mac: null,
      send: (to, bytes) => {
        if (link.failure === null) say(`${bytes[0] === 133 ? "solicit" : "advertise"} to ${formatIp(to)}`);
        return link.failure;
      },
      isCurrent: () => link.isCurrent,
      close: () => say("close"),
    };
  };
  const unnumbered = new Unnumbered({
    clock: host.clock,
    timers: host.timers,
    open,
    seen: (name, address) => say(`seen ${formatIp(address)} on ${name}`),
    lost: (name) => say(`lost on ${name}`),
    isUp: () => link.isUp,
    problemsChanged: () => say(`problem ${unnumbered.problems.get("eth0") ?? "none"}`),
  });
  /** What happened since the last call. */
  const since = (): readonly string[] => log.splice(0);
  return { world, link, unnumbered, since, hear: (source: Ip, bytes: Uint8Array) => hear(source, bytes) };
}

const START = ["0.0 open eth0", "0.0 solicit to ff02::2", "0.0 advertise to ff02::1"];

describe("looking for the router of an interface", () => {
  test("begins with a solicitation and an advertisement, and goes on with both", () => {
    const w = watch();
    w.unnumbered.setInterfaces(new Set(["eth0"]));
    expect(w.since()).toEqual(START);
    w.world.run(ADVERTISE_EVERY + 100);
    expect(w.since()).toEqual(["4.0 solicit to ff02::2", "8.0 solicit to ff02::2", "10.0 advertise to ff02::1"]);
    expect(SOLICIT_EVERY).toBe(4_000);
  });

  test("a router that advertises itself is seen once, hears of us, and is asked no more", () => {
    const w = watch();
    w.unnumbered.setInterfaces(new Set(["eth0"]));
    w.world.run(2_500);
    w.since();
    w.hear(ROUTER, told(30));
    expect(w.since()).toEqual(["2.5 advertise to ff02::1", "2.5 seen fe80::1 on eth0"]);
    w.world.run(5_000);
    w.hear(ROUTER, told(30));
    expect(w.since()).toEqual(["7.5 advertise to ff02::1"]); // there is no session yet: it may be new and not know us
    w.link.isUp = true;
    w.world.run(5_000);
    w.hear(ROUTER, told(30));
    expect(w.since()).toEqual([]);
  });

  test.each([
    ["its lifetime has passed", 9, 9],
    ["30 s have passed, where it gives no lifetime", 0, 30],
  ])("it is lost when %s, not before, and then asked for again", (_what, lifetime, seconds) => {
    const w = watch();
    w.unnumbered.setInterfaces(new Set(["eth0"]));
    w.hear(ROUTER, told(lifetime));
    w.world.run(seconds * 1_000 - 1);
    expect(w.since().filter((l) => l.includes("lost"))).toEqual([]);
    w.world.run(1);
    expect(w.since()).toEqual(expect.arrayContaining([`${seconds}.0 lost on eth0`, `${seconds}.0 solicit to ff02::2`]));
    w.hear(OTHER, told(9));
    expect(w.since()).toContain(`${seconds}.0 seen fe80::2 on eth0`);
  });

  test("it is kept while the session stands, and lost within a second after", () => {
    const w = watch();
    w.unnumbered.setInterfaces(new Set(["eth0"]));
    w.hear(ROUTER, told(9));
    w.link.isUp = true;
    w.world.run(60_000);
    expect(w.since().filter((l) => l.includes("lost"))).toEqual([]);
    w.link.isUp = false;
    w.world.run(1_000);
    expect(w.since()).toContain("61.0 lost on eth0");
  });

  test("a second router does not take the place of one that is heard", () => {
    const w = watch();
    w.unnumbered.setInterfaces(new Set(["eth0"]));
    w.hear(ROUTER, told(9));
    w.since();
    for (let i = 0; i < 10; i++) {
      w.world.run(3_000);
      w.hear(OTHER, told(1_800));
      w.hear(ROUTER, told(9));
    }
    expect(w.since().filter((l) => !l.includes("advertise"))).toEqual([]);
  });

  test("a storm of solicitations is answered at most once a second", () => {
    const w = watch();
    w.unnumbered.setInterfaces(new Set(["eth0"]));
    w.hear(ROUTER, told(1_800));
    w.since();
    for (let i = 0; i < 300; i++) {
      w.world.run(10);
      w.hear(OTHER, solicitation(null));
    }
    expect(w.since()).toEqual(["1.0 advertise to ff02::1", "2.0 advertise to ff02::1", "3.0 advertise to ff02::1"]);
  });

  test("an interface that is not there, or may not be used, is a problem until it is", () => {
    const w = watch();
    w.link.problem = "there is no interface eth0";
    w.unnumbered.setInterfaces(new Set(["eth0"]));
    w.world.run(2_500);
    expect(w.since()).toEqual(["0.0 problem there is no interface eth0"]);
    w.link.problem = null;
    w.world.run(500);
    expect(w.since()).toEqual([
      "3.0 open eth0",
      "3.0 problem none",
      "3.0 solicit to ff02::2",
      "3.0 advertise to ff02::1",
    ]);
    expect(w.unnumbered.problems.size).toBe(0);
  });

  test("an interface that is made anew is opened anew, and its router looked for anew, session or not", () => {
    const w = watch();
    w.unnumbered.setInterfaces(new Set(["eth0"]));
    w.hear(ROUTER, told(1_800));
    w.world.run(500);
    w.since();
    w.link.isCurrent = false;
    w.link.isUp = true;
    w.world.run(500);
    const [, ...rest] = START;
    expect(w.since()).toEqual([
      "1.0 close",
      "1.0 lost on eth0",
      "1.0 open eth0",
      ...rest.map((l) => l.replace("0.0", "1.0")),
    ]);
  });

  test("a link that is down is tried every second, and told", () => {
    const w = watch();
    w.link.failure = "eth0 cannot send: ENETDOWN";
    w.unnumbered.setInterfaces(new Set(["eth0"]));
    w.world.run(2_500);
    expect(w.since()).toEqual(["0.0 open eth0", "0.0 problem eth0 cannot send: ENETDOWN"]);
    w.link.failure = null;
    w.world.run(500);
    expect(w.since()).toEqual(["3.0 solicit to ff02::2", "3.0 advertise to ff02::1", "3.0 problem none"]);
  });

  test("an interface without peers is left alone", () => {
    const w = watch();
    w.unnumbered.setInterfaces(new Set(["eth0"]));
    w.hear(ROUTER, told(9));
    w.since();
    w.unnumbered.setInterfaces(new Set());
    expect(w.since()).toEqual(["0.0 close", "0.0 lost on eth0"]);
    w.world.run(60_000);
    expect(w.since()).toEqual([]);
  });
});
