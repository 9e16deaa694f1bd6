// The speaker on real sockets of the loopback, against hand-made peers: what only a kernel can show. Descriptors and timers after
// a thousand sessions, small messages that do not wait, a slow reader, a peer that floods. Owns no rule of the protocol.
import { readdirSync } from "node:fs";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it } from "vitest";
import { realClock, realRandom, realTimers } from "../../src/app/realTime.ts";
import type { PeerConfig } from "../../src/bgp/session/config.ts";
import { Speaker } from "../../src/bgp/speaker.ts";
import { TcpNetwork } from "../../src/bgp/transport.ts";
import { encodeMessage } from "../../src/bgp/wire/codec.ts";
import type { Timers } from "../../src/kernel/clock.ts";
import { PeerName, Seconds } from "../../src/kernel/units.ts";
import { address, configWith, OPEN, openWith } from "./session/fixtures.ts";
import { attributes, vip, Watch } from "./sim/speakers.ts";
import { announced, concat, message, updateBody } from "./wire/support.ts";

const KEEPALIVE = encodeMessage({ type: "keepalive" });
const GREETING = concat(encodeMessage(OPEN), KEEPALIVE);

/** Below the shortest hold time, and far above what anything takes here: what a busy machine may put in between. */
const AT_ONCE_MS = 2_500;

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Listens on a free port of that loopback address. */
async function listen(host: string, take: (socket: net.Socket) => void): Promise<number> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    socket.resume(); // or a FIN would go unseen
    take(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  closers.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? bound.port : 0;
}

interface Running {
  readonly speaker: Speaker;
  readonly watch: Watch;
  readonly timers: { armed: number };
}

function speak(): Running {
  const timers = { armed: 0 };
  const counting: Timers = {
    after(delay, callback) {
      timers.armed++;
      let isArmed = true;
      const disarm = (): void => {
        if (isArmed) timers.armed--;
        isArmed = false;
      };
      const handle = realTimers.after(delay, () => {
        disarm();
        callback();
      });
      return {
        cancel: () => {
          disarm();
          handle.cancel();
        },
      };
    },
  };
  const watch = new Watch();
  const around = { clock: realClock, timers: counting, random: realRandom, network: new TcpNetwork(), observer: watch };
  const speaker = new Speaker(around);
  closers.push(() => speaker.setPeers([]));
  return { speaker, watch, timers };
}

const peerAt = (n: number, port: number, change: Partial<PeerConfig> = {}): PeerConfig =>
  configWith({ name: PeerName(`peer-${n}`), address: address(127, 0, 0, n), port, ebgpMultihop: true, ...change });

/** Looks every millisecond; for what has no event of its own here. */
async function until(what: () => boolean, limitMs = 15_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!what()) {
    if (performance.now() > end) throw new Error("it did not come to that");
    await sleep(1);
  }
}

const descriptors = (): number => readdirSync("/proc/self/fd").length;

describe.skipIf(process.platform !== "linux")("on the loopback", () => {
  it("C-006 C-269 after a thousand connections that end by FIN or RST in every state, descriptors and timers are as before", async () => {
    const { speaker, watch, timers } = speak();
    let rounds = 0;
    const port = await listen("127.0.0.2", (socket) => {
      const end = (): void => {
        if (rounds % 2 === 0) socket.end();
        else socket.resetAndDestroy();
      };
      const state = Math.floor(rounds / 2) % 4;
      rounds++;
      if (state === 0) end();
      else if (state === 1) socket.once("data", end);
      else if (state === 2) {
        socket.write(encodeMessage(OPEN));
        let heard = 0;
        socket.on("data", (bytes) => {
          heard += bytes.length;
          if (heard > 48) end(); // their OPEN and KEEPALIVE
        });
      } else {
        socket.write(GREETING);
        socket.on("data", (bytes) => {
          if (bytes.includes(Buffer.from([0, 23, 2]))) end(); // End-of-RIB: established
        });
      }
    });
    const before = descriptors();
    watch.onState = (to) => {
      if (to === "Active") setImmediate(() => speaker.peer(PeerName("peer-2"))?.clearHold());
    };
    speaker.setPeers([peerAt(2, port)]);
    speaker.flush(true);
    await until(() => rounds >= 1_000, 18_000);
    expect(timers.armed).toBeLessThanOrEqual(1);
    expect(watch.defects).toEqual([]);
    expect(speaker.peer(PeerName("peer-2"))?.state.timesEstablished).toBeGreaterThan(200);
    watch.onState = () => {};
    speaker.setPeers([]);
    expect(timers.armed).toBe(0);
    await until(() => descriptors() <= before + 1); // the kernel may still hold the last one
  });

  it("C-010 C-099 a small change is at the peer at once, although it has not acknowledged the one before", async () => {
    const arrivals: number[] = [];
    const { speaker, watch } = speak();
    const port = await listen("127.0.0.2", (socket) => {
      socket.write(GREETING);
      socket.on("data", () => {
        // an answer now and then makes the kernel wait for more of them before it acknowledges anything
        if (arrivals.push(performance.now()) % 3 === 0) socket.write(KEEPALIVE);
      });
    });
    speaker.setPeers([peerAt(2, port)]);
    speaker.flush(true);
    await until(() => watch.log.some((l) => l.endsWith("Established")));
    await sleep(50);
    const waits: number[] = [];
    for (let n = 0; n < 90; n++) {
      const seen = arrivals.length;
      const start = performance.now();
      speaker.setRoute(PeerName("peer-2"), vip(1), attributes(n));
      speaker.flush(true);
      await until(() => arrivals.length > seen);
      waits.push((arrivals[seen] ?? 0) - start);
    }
    expect(waits.filter((w) => w > 20).length).toBeLessThan(9);
  });

  it("C-260 a peer that reads nothing costs bounded memory over 100,000 changes, and another peer has each at once", async () => {
    const collect = ((): (() => void) => {
      setFlagsFromString("--expose-gc");
      return runInNewContext("gc") as () => void;
    })();
    const memory = async (): Promise<number> => {
      // what is under way to the other one arrives; buffers are swept behind the back of a collection
      for (let i = 0; i < 3; i++) {
        await sleep(30);
        collect();
      }
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    let heard = 0;
    const slow = await listen("127.0.0.2", (socket) => {
      socket.write(GREETING);
      socket.pause();
    });
    const quick = await listen("127.0.0.3", (socket) => {
      socket.write(GREETING);
      socket.on("data", (bytes) => {
        heard += bytes.length;
      });
    });
    const { speaker, watch } = speak();
    const names = [PeerName("peer-2"), PeerName("peer-3")];
    speaker.setPeers([peerAt(2, slow), peerAt(3, quick)]);
    speaker.flush(true);
    await until(() => watch.log.filter((l) => l.endsWith("Established")).length === 2);
    const round = (n: number): void => {
      for (let i = 0; i < 1_000; i++) for (const name of names) speaker.setRoute(name, vip(i), attributes(n, i));
      speaker.flush(true);
    };
    // until the kernel takes no more from us for the slow one, and every table has its size
    for (let n = 0; n < 100; n++) {
      round(n);
      await sleep(0);
    }
    const pending = (): number => speaker.peer(PeerName("peer-2"))?.ribs().get("ipv4-unicast")?.pendingCount ?? 0;
    for (let n = 0; pending() < 1_000 && n < 400; n++) {
      round(n);
      await sleep(2);
    }
    expect(pending()).toBe(1_000);
    const before = await memory();
    let worst = 0;
    for (let n = 0; n < 100; n++) {
      const seen = heard;
      const start = performance.now();
      round(1_000 + n);
      await until(() => heard > seen);
      worst = Math.max(worst, performance.now() - start);
    }
    expect((await memory()) - before).toBeLessThan(5_000_000);
    expect(pending()).toBe(1_000);
    expect(worst).toBeLessThan(AT_ONCE_MS);
    expect(watch.log.filter((l) => l.includes("ended"))).toEqual([]);
  });

  it("C-263 a peer that sends UPDATEs without end does not keep another from its routes and keepalives", async () => {
    const bad = message(2, updateBody(announced(Uint8Array.of(0x40, 4, 1, 9))));
    const flood = concat(...Array.from({ length: 500 }, () => bad));
    let flooded = 0;
    const loud = await listen("127.0.0.2", (socket) => {
      socket.write(GREETING);
      socket.resume();
      const more = (): void => {
        flooded += flood.length;
        socket.write(flood, () => setImmediate(more));
      };
      more();
    });
    const beats: number[] = [];
    const good = await listen("127.0.0.3", (socket) => {
      socket.write(concat(encodeMessage(openWith({ holdTime: Seconds(3) })), KEEPALIVE));
      const beat = setInterval(() => socket.write(KEEPALIVE), 500);
      socket.on("close", () => clearInterval(beat));
      socket.on("data", () => beats.push(performance.now()));
    });
    const { speaker, watch } = speak();
    const name = PeerName("peer-3");
    speaker.setPeers([peerAt(2, loud), peerAt(3, good)]);
    speaker.flush(true);
    await until(() => watch.log.filter((l) => l.endsWith("Established")).length === 2);
    const seen = beats.length;
    const start = performance.now();
    let worst = 0;
    for (let n = 0; performance.now() - start < 2_500; n++) {
      const before = beats.length;
      const asked = performance.now();
      speaker.setRoute(name, vip(1), attributes(n));
      speaker.flush(true);
      await until(() => beats.length > before);
      worst = Math.max(worst, performance.now() - asked);
      await sleep(100);
    }
    expect(flooded).toBeGreaterThan(1_000_000);
    expect(worst).toBeLessThan(AT_ONCE_MS);
    const gaps = beats.slice(seen).map((at, i) => at - (beats[seen + i - 1] ?? start));
    expect(Math.max(...gaps)).toBeLessThan(AT_ONCE_MS);
    expect(watch.log.filter((l) => l.includes("ended"))).toEqual([]);
  });
});
