import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import net from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { waitFor } from "../../lab/waitFor.ts";
import { realClock, realTimers } from "../../src/app/realTime.ts";
import { STRANGERS_PER_SECOND } from "../../src/bgp/admission.ts";
import { Listener } from "../../src/bgp/listener.ts";
import type { Connection, ConnectionHandlers } from "../../src/bgp/network.ts";
import type { PeerConfig } from "../../src/bgp/session/config.ts";
import { TcpNetwork } from "../../src/bgp/transport.ts";
import { formatIp, type Ip, parseIp } from "../../src/kernel/ip.ts";
import { Millis, PeerName } from "../../src/kernel/units.ts";
import { nativeProblem } from "../../src/linux/native.ts";
import { configWith } from "./session/fixtures.ts";

const ip = (text: string): Ip => parseIp(text) ?? expect.fail(text);
const PEER = "127.0.0.2";

interface Taken {
  readonly remote: string;
  readonly local: string;
  readonly connection: Connection;
  said: string;
  ended: string | null;
}

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

/** A listener on loopback that takes every connection of a door, unless told otherwise. */
async function doorkeeper(peers: readonly Partial<PeerConfig>[], options: { readonly welcome?: boolean } = {}) {
  const taken: Taken[] = [];
  const told: string[] = [];
  const network = new TcpNetwork();
  const offer = (remote: Ip, local: Ip, take: (handlers: ConnectionHandlers) => Connection): boolean => {
    if (options.welcome === false) return false;
    const entry: { -readonly [K in keyof Taken]: Taken[K] } = {
      remote: formatIp(remote),
      local: formatIp(local),
      connection: { wake() {}, finish() {}, abort() {} },
      said: "",
      ended: null,
    };
    let greeting: Uint8Array | null = new TextEncoder().encode("hello");
    entry.connection = take({
      connected: () => expect.fail("an accepted connection is open"),
      data: (bytes) => {
        entry.said += new TextDecoder().decode(bytes);
      },
      fill: (slab) => {
        const bytes = greeting ?? new Uint8Array();
        greeting = null;
        slab.set(bytes);
        return bytes.length;
      },
      sent() {},
      closed: (detail) => {
        entry.ended = detail;
      },
    });
    taken.push(entry);
    entry.connection.wake();
    return true;
  };
  const listener = new Listener({
    network,
    clock: realClock,
    timers: realTimers,
    offer,
    neighborOn: () => null,
    tell: (text) => told.push(text),
  });
  const configs = (all: readonly Partial<PeerConfig>[]) =>
    all.map((change, i) => configWith({ name: PeerName(`p${i}`), address: ip(PEER), opens: "both", ...change }));
  listener.setPeers(configs(peers));
  const [port = 0] = await listener.listen([{ address: ip("127.0.0.1"), port: 0 }]);
  cleanups.push(() => {
    listener.stop();
    for (const { connection } of taken) connection.abort();
  });
  return {
    listener,
    taken,
    told,
    port,
    setPeers: (all: readonly Partial<PeerConfig>[]) => listener.setPeers(configs(all)),
  };
}

/** Connects from an address. @returns what came back until the end, or while it stays open */
function dial(port: number, from: string): { readonly socket: net.Socket; heard: string; ended: string | null } {
  const socket = net.connect({ host: "127.0.0.1", port, localAddress: from });
  const call = { socket, heard: "", ended: null as string | null };
  socket.on("data", (bytes) => {
    call.heard += bytes.toString();
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    call.ended = error.code ?? error.message;
  });
  socket.on("close", () => {
    call.ended ??= "closed";
  });
  cleanups.push(() => socket.destroy());
  return call;
}

/** Connects with a TCP MD5 key. @returns what became of it */
function dialSigned(port: number, from: string, password: string | null): { state: string; connection: Connection } {
  const call = { state: "waiting", connection: { wake() {}, finish() {}, abort() {} } as Connection };
  call.connection = new TcpNetwork().connect(
    {
      address: ip("127.0.0.1"),
      zone: null,
      port,
      sourceAddress: ip(from),
      device: null,
      password,
      ttl: null,
      minTtl: null,
      userTimeout: Millis(2_500),
    },
    {
      connected: () => {
        call.state = "connected";
      },
      data() {},
      fill: () => 0,
      sent() {},
      closed: (detail) => {
        call.state = detail;
      },
    },
  );
  cleanups.push(() => call.connection.abort());
  return call;
}

const descriptors = (): number => readdirSync("/proc/self/fd").length;

describe.skipIf(nativeProblem() !== null)("the listener", () => {
  test("hands a peer's connection over, open and both ways, with the addresses of both ends", async () => {
    const { taken, listener, port } = await doorkeeper([{}]);
    const call = dial(port, PEER);
    await waitFor(
      "the greeting",
      () => call.heard,
      (heard) => heard === "hello",
    );
    call.socket.write("good day");
    await waitFor(
      "the answer",
      () => taken[0]?.said,
      (said) => said === "good day",
    );
    expect(taken[0]).toMatchObject({ remote: PEER, local: "127.0.0.1", ended: null });
    expect(listener.counts).toEqual({ accepted: 1, strangers: 0, refused: 0 });
    call.socket.end();
    await waitFor(
      "the end",
      () => taken[0]?.ended,
      (ended) => ended === "the peer closed the connection",
    );
  });

  test("C-004 a stranger is closed at once and without a word; it is counted and leaves nothing behind", async () => {
    const { taken, listener, port } = await doorkeeper([{}]);
    const before = descriptors();
    for (let i = 0; i < 50; i++) {
      const call = dial(port, "127.0.0.3");
      await waitFor(
        "the end",
        () => call.ended,
        (ended) => ended !== null,
      );
      expect(call.heard).toBe("");
    }
    await waitFor("no descriptors of theirs", descriptors, (n) => n <= before);
    expect(taken).toEqual([]);
    expect(listener.counts).toEqual({ accepted: 0, strangers: 50, refused: 0 });
  });

  test.each([
    ["is not wanted now", {}, false],
    ["is one to which we connect ourselves", { opens: "us" }, true],
    ["lives in a VRF", { vrf: "red" }, true],
  ] as const)("C-005 a peer that %s is closed silently", async (_what, change, welcome) => {
    const { taken, listener, port } = await doorkeeper([change], { welcome });
    const call = dial(port, PEER);
    await waitFor(
      "the end",
      () => call.ended,
      (ended) => ended !== null,
    );
    expect(call.heard).toBe("");
    expect(taken).toEqual([]);
    expect(listener.counts).toEqual({ accepted: 0, strangers: 0, refused: 1 });
  });

  test("C-261 a storm of strangers is dropped by the kernel, while a peer still gets in", async () => {
    const { taken, told, listener, port } = await doorkeeper([{}]);
    const before = descriptors();
    const calls = Array.from({ length: 3 * STRANGERS_PER_SECOND }, () => dial(port, "127.0.0.3"));
    await waitFor(
      "the shield",
      () => told,
      (texts) => texts.length > 0,
    );
    const call = dial(port, PEER);
    await waitFor(
      "the greeting",
      () => call.heard,
      (heard) => heard === "hello",
    );
    const { strangers } = listener.counts;
    const late = dial(port, "127.0.0.3");
    const soon = dial(port, PEER);
    await waitFor(
      "another peer connection",
      () => soon.heard,
      (heard) => heard === "hello",
    );
    expect(late.ended).toBeNull(); // its SYN was dropped: it goes on trying
    expect(listener.counts.strangers).toBe(strangers);
    expect(told).toEqual([expect.stringContaining("no peers")]);
    for (const { socket } of [...calls, late]) socket.destroy();
    await waitFor("no descriptors of theirs", descriptors, (n) => n <= before + 4);
    expect(taken).toHaveLength(2);
  });

  test("C-256 a peer with a password gets in signed with that key, not unsigned, not with another", async () => {
    const { taken, port } = await doorkeeper([{ password: "right" }]);
    const unsigned = dial(port, PEER);
    const wrong = dialSigned(port, PEER, "wrong");
    const right = dialSigned(port, PEER, "right");
    await waitFor(
      "the right one",
      () => right.state,
      (state) => state === "connected",
    );
    await waitFor(
      "the end of the wrong one",
      () => wrong.state,
      (state) => state !== "waiting",
    );
    expect(wrong.state).toMatch(/no answer.*keys may differ/);
    expect(unsigned).toMatchObject({ heard: "", ended: null });
    expect(taken).toHaveLength(1);
  });

  test("C-256 a key that is changed, taken away and set again is in force at once for new connections", async () => {
    const { taken, port, setPeers } = await doorkeeper([{ password: "first" }]);
    const connects = async (password: string | null): Promise<boolean> => {
      const call = dialSigned(port, PEER, password);
      await waitFor(
        "an outcome",
        () => call.state,
        (state) => state !== "waiting",
      );
      return call.state === "connected";
    };
    expect(await connects("first")).toBe(true);
    setPeers([{ password: "second" }]);
    expect(await Promise.all([connects("first"), connects("second"), connects(null)])).toEqual([false, true, false]);
    expect(taken[0]?.ended).toBeNull(); // a key change by itself touches no connection
    setPeers([{}]);
    expect(await Promise.all([connects("second"), connects(null)])).toEqual([false, true]);
    setPeers([{ password: "third" }]);
    expect(await Promise.all([connects(null), connects("third")])).toEqual([false, true]);
  });

  test("C-256 an unsigned connection that waits to be taken when the key is set is not served", async () => {
    const { taken, listener, port, setPeers } = await doorkeeper([{}]);
    // this process does not run while the other one connects: the handshake is the kernel's alone
    const connect = `require("net").connect({ host: "127.0.0.1", port: ${port}, localAddress: "${PEER}" }, () => process.exit(7))`;
    expect(spawnSync(process.execPath, ["-e", connect]).status).toBe(7);
    setPeers([{ password: "now" }]);
    const signed = dialSigned(port, PEER, "now");
    await waitFor(
      "the signed one",
      () => [signed.state, taken.length],
      ([state]) => state === "connected",
    );
    await waitFor(
      "the signed one alone",
      () => taken.length,
      (n) => n > 0,
    );
    expect(listener.counts).toEqual({ accepted: 1, strangers: 0, refused: 0 });
  });

  test("a key that the kernel does not take shuts the door and says why", async () => {
    const { taken, listener, port } = await doorkeeper([{ password: "x".repeat(81) }]);
    expect([...listener.problems]).toEqual([["p0", expect.stringContaining("1 to 80 octets")]]);
    const call = dial(port, PEER);
    await waitFor(
      "the end",
      () => call.ended,
      (ended) => ended !== null,
    );
    expect(taken).toEqual([]);
    expect(listener.counts.refused).toBe(1);
  });

  test("an endpoint that cannot be had is an error that names it, and leaves no descriptor", async () => {
    const { listener } = await doorkeeper([{}]);
    const before = descriptors();
    await expect(listener.listen([{ address: ip("192.0.2.77"), port: 179 }])).rejects.toThrow(
      "cannot listen on 192.0.2.77 port 179: cannot bind: EADDRNOTAVAIL",
    );
    await waitFor("its descriptors to be gone", descriptors, (n) => n <= before);
  });
});
