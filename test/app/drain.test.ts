// The drain of a real daemon on real sockets: what is proven of a peer that reads and of one that does not, what `status` and `why`
// say of it, what comes back, and what a restart remembers.
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { listenBelow } from "../../lab/listenBelow.ts";
import type { Daemon } from "../../src/app/daemon.ts";
import type { DaemonOptions } from "../../src/app/daemonOptions.ts";
import { descriptorOf } from "../../src/bgp/transport.ts";
import { decodeMessage, encodeMessage } from "../../src/bgp/wire/codec.ts";
import { Framer } from "../../src/bgp/wire/framer.ts";
import type { Capability } from "../../src/bgp/wire/message.ts";
import { ask } from "../../src/commands/ask.ts";
import { drain, undrain } from "../../src/commands/drain.ts";
import { inject } from "../../src/commands/inject.ts";
import { why } from "../../src/commands/why.ts";
import { Millis } from "../../src/kernel/units.ts";
import { int, setOption } from "../../src/linux/sockopt.ts";
import type { DrainStatus } from "../../src/observe/drainView.ts";
import { CAPABILITIES, OPEN, openWith } from "../bgp/session/fixtures.ts";
import { AS_PATH, attribute, external, hex, message, NEXT_HOP, ORIGIN, updateBody, VIP } from "../bgp/wire/support.ts";
import { makeDaemon, servePages, until } from "./daemonUnderTest.ts";

const ends: (() => Promise<unknown> | unknown)[] = [];
let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "vipcast-drain-"));
  mkdirSync(join(home, "m"));
  ends.push(() => rmSync(home, { recursive: true }));
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const GRACEFUL: Capability = {
  type: "gracefulRestart",
  restarting: false,
  notification: true,
  restartTime: 120,
  families: [],
};
const GREETING = Buffer.concat([encodeMessage(OPEN), encodeMessage({ type: "keepalive" })]);
const GRACEFUL_GREETING = Buffer.concat([
  encodeMessage(openWith({ capabilities: [...CAPABILITIES, GRACEFUL] })),
  encodeMessage({ type: "keepalive" }),
]);

interface Router {
  readonly port: number;
  /** Reads what comes, from now on. */
  read(): void;
  /** Octets read. */
  count(): number;
  /** Types of the messages read; of an UPDATE that takes back something `withdrawal`. KEEPALIVEs do not count. */
  messages(): readonly string[];
}

/** A peer that greets and then reads, or not; with a small window, so that little is needed to fill it. */
async function router(isReading: boolean, greeting: Uint8Array = GREETING): Promise<Router> {
  const sockets: net.Socket[] = [];
  let count = 0;
  const messages: string[] = [];
  let reads = isReading;
  const take = (socket: net.Socket): void => {
    const framer = new Framer();
    socket.on("data", (bytes) => {
      count += bytes.length;
      framer.push(bytes);
      for (let frame = framer.next(); frame !== null; frame = framer.next()) {
        const decoded = frame.ok ? decodeMessage(frame.value.type, frame.value.body, external) : frame;
        if (!decoded.ok) throw new Error(decoded.fault.detail);
        const { value } = decoded;
        if (value.type === "update" && value.withdrawn.length > 0) messages.push("withdrawal");
        else if (value.type !== "keepalive") messages.push(value.type);
      }
    });
  };
  const server = net.createServer({ pauseOnConnect: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.write(greeting);
    if (reads) {
      take(socket);
      socket.resume();
    }
  });
  const port = await listenBelow(server, "127.0.0.2");
  const fd = descriptorOf(server as unknown as net.Socket);
  if (fd !== null) setOption(fd, "the window", [SOL_SOCKET, SO_RCVBUF], int(4096));
  ends.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const read = (): void => {
    reads = true;
    for (const socket of sockets) {
      take(socket);
      socket.resume();
    }
  };
  return {
    port,
    read,
    count: () => count,
    messages: () => messages,
  };
}

function write(name: string, text: string): void {
  writeFileSync(join(home, `.${name}`), text);
  renameSync(join(home, `.${name}`), join(home, "m", name));
}

const node = (spec: string): string =>
  `{apiVersion: v1, kind: Node, metadata: {name: n1, labels: {kubernetes.io/hostname: n1}}, spec: ${spec}}`;
const OBJECTS = `{apiVersion: metallb.io/v1beta1, kind: IPAddressPool, metadata: {name: p1}, spec: {addresses: [192.0.2.0/24]}}
---
{apiVersion: metallb.io/v1beta1, kind: BGPAdvertisement, metadata: {name: all}}
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {type: LoadBalancer}, status: {loadBalancer: {ingress: [{ip: 192.0.2.10}]}}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}, addressType: IPv4, endpoints: [{addresses: [10.0.0.1]}]}
`;
const peer = (port: number): string =>
  `{apiVersion: metallb.io/v1beta2, kind: BGPPeer, metadata: {name: tor}, spec: {myASN: 64500, peerASN: 64501, peerAddress: 127.0.0.2, peerPort: ${port}, holdTime: 90s}}`;
const restarting = (name: string, port: number): string =>
  peer(port).replace("name: tor", `name: ${name}`).replace("holdTime", "enableGracefulRestart: true, holdTime");

interface Running {
  readonly daemon: Daemon;
  readonly socket: string;
  status(): Promise<DrainStatus | null>;
}

async function start(over: Partial<DaemonOptions> = {}): Promise<Running> {
  const daemon = makeDaemon({ source: { type: "manifests", path: join(home, "m") }, ...over });
  const socket = join(home, `s${ends.length}`);
  const pages = await servePages(daemon, socket);
  ends.push(() => pages.stop());
  ends.push(() => daemon.stop());
  await daemon.start();
  const status = async (): Promise<DrainStatus | null> => {
    const { output } = await ask("status", { socket, json: true, color: false, wall: 0 });
    return (JSON.parse(output) as { readonly drain: DrainStatus | null }).drain;
  };
  return { daemon, socket, status };
}

const sent = ({ daemon }: Running): number =>
  [...daemon.speaker.peers()].reduce((sum, p) => sum + [...p.ribs().values()].reduce((n, r) => n + r.sentCount, 0), 0);
/** Waits until so many routes have been written to peers. */
const announces = (s: Running, routes = 1): Promise<number> =>
  until(
    () => sent(s),
    (n) => n === routes,
  );
/** A daemon whose one route has been written to a peer; default: one that reads. */
async function announcing(over: Partial<DaemonOptions> = {}, to?: Router): Promise<Running> {
  const { port } = to ?? (await router(true));
  write("all.yaml", `${OBJECTS}---\n${peer(port)}`);
  const s = await start(over);
  await announces(s);
  return s;
}
const told = async (
  { socket }: Running,
  options: { readonly wait?: boolean; readonly persist?: boolean; readonly drainTime?: string } = {},
) => {
  const { wait = true, persist = false, drainTime } = options;
  const { output, exitCode } = await drain({ socket, json: true, wait, persist, drainTime });
  return { exitCode, document: JSON.parse(output) as DrainStatus };
};
const whyText = async ({ socket }: Running): Promise<string> => {
  const base = { manifests: [], namespace: "metallb-system", lbClass: "", ignoreExcludeLb: false };
  return (await why("web", { ...base, socket, node: null, peer: null, json: false, color: false, wall: 0 })).output;
};

/** So many routes that they do not fit a window, each with a message of its own. */
async function injectMany({ socket }: Running): Promise<void> {
  const commands = Array.from({ length: 400 }, (_, i) => `add 198.51.${i >> 8}.${i & 255}/32 --med ${i}`);
  for (const command of commands) {
    const { exitCode } = await inject(command.split(" "), {
      socket,
      json: false,
      stdin: null,
      print: () => true,
      drained: async () => {},
    });
    expect(exitCode).toBe(0);
  }
}

describe.skipIf(process.platform !== "linux")("a drain", () => {
  test("is proven by a peer that reads, told by status and why, and taken back", async () => {
    const s = await announcing();
    const { exitCode, document } = await told(s, { drainTime: "50ms" });
    expect([exitCode, document.state, document.proven]).toEqual([0, "drained", true]);
    expect(document.peers.tor).toMatchObject({
      marked: { state: "acknowledged" },
      withdrawn: { state: "acknowledged" },
    });
    expect(sent(s)).toBe(0);
    expect([...s.daemon.speaker.peers()].map((p) => p.stateName)).toEqual(["Established"]);
    expect(await s.status()).toMatchObject({ state: "drained", proven: true, causes: document.causes });
    const text = await whyText(s);
    expect(text).toContain("default/web on n1: not announced: nodeDrained");
    expect(text).toContain(
      "    drain: marked: its TCP has acknowledged all of it; withdrawn: its TCP has acknowledged all of it",
    );
    expect((await undrain({ socket: s.socket, json: false })).output).toBe("not drained\n");
    await announces(s);
    expect(await s.status()).toBe(null);
    expect(await s.daemon.stop()).toBe("proven");
  });

  test("is not proven by a peer that does not read: said so, exit code 3; once it reads it is", async () => {
    const slow = await router(false);
    const s = await announcing({}, slow);
    await injectMany(s);
    const { exitCode, document } = await told(s);
    expect([exitCode, document.state, document.proven]).toEqual([3, "drained", false]);
    expect(document.peers.tor?.withdrawn).toMatchObject({
      state: "late",
      detail: expect.stringMatching(/octets are not acknowledged/),
    });
    expect(await whyText(s)).toMatch(/drain: withdrawn: not acknowledged in time/);
    slow.read();
    await until(s.status, (d) => d?.proven === true);
    expect((await told(s)).exitCode).toBe(0);
  }, 40_000);

  test("a stop with a peer that does not read ends in time and is not proven", async () => {
    const s = await announcing({}, await router(false));
    await injectMany(s);
    const since = performance.now();
    expect(await s.daemon.stop()).toBe("not proven");
    expect(performance.now() - since).toBeLessThan(10_000); // it would wait for ever
  });

  test("a stop is taken back while its routes are marked, and everything is as before", async () => {
    const s = await announcing({ drainTime: Millis(5_000) });
    const stopped = s.daemon.stop();
    await until(s.status, (d) => d?.state === "waiting");
    expect((await undrain({ socket: s.socket, json: true })).exitCode).toBe(0);
    expect(await stopped).toBe("taken back");
    expect([sent(s), (await s.status()) === null]).toEqual([1, true]);
    await told(s, { drainTime: "0" }); // the end of the test does not wait for routers
  });

  test("a stop that keeps routes says nothing to a peer with graceful restart, and goodbye to one without", async () => {
    const keeps = await router(true, GRACEFUL_GREETING);
    const forgets = await router(true);
    const peers = [restarting("keeps", keeps.port), restarting("forgets", forgets.port)];
    write("all.yaml", `${OBJECTS}---\n${peers.join("\n---\n")}`);
    const s = await start({ stateDir: join(home, "state"), stopKeepsRoutes: true });
    await announces(s, 2);
    // the route and End-of-RIB: what was sent may be under way
    for (const { messages } of [keeps, forgets]) await until(messages, (m) => m.length === 3);
    const before = [keeps.count(), forgets.count()];
    expect(await s.daemon.stop()).toBe("proven");
    await until(forgets.count, (n) => n > (before[1] ?? 0));
    expect(keeps.count()).toBe(before[0]);
    expect(existsSync(join(home, "state", "alive.json"))).toBe(true);
    s.daemon.speaker.setPeers([]);
  });

  /** A witness with a peer that claims, and one that looks and has heard of it. @param graceful the former keeps routes over a restart */
  async function witness(graceful: boolean, options: Partial<DaemonOptions>) {
    // rank 1, epoch 5, active, of site 1
    const claim = attribute(
      0xc0,
      32,
      hex("0000fde8 000186a1 00000001 0000fde8 00030d41 00000005 0000fde8 000493e1 00000001"),
    );
    const update = message(2, updateBody({ attributes: [ORIGIN, AS_PATH, NEXT_HOP, claim], nlri: VIP }));
    const endOfRib = message(2, updateBody({}));
    const greeting = graceful ? GRACEFUL_GREETING : GREETING;
    const claims = await router(true, Buffer.concat([greeting, update, endOfRib]));
    const looks = await router(true, Buffer.concat([GREETING, endOfRib]));
    write("all.yaml", `${restarting("claims", claims.port)}\n---\n${restarting("looks", looks.port)}`);
    const s = await start({ ...options, witness: true });
    ends.push(() => s.daemon.speaker.setPeers([]));
    await announces(s);
    return { s, looks };
  }
  /** A claim that is taken back says that a site has ceased to serve. */
  const NOTHING_BACK = ["open", "update", "update", "notification"]; // the claim, End-of-RIB, Cease

  test("of a witness takes back no claim, nor does its stop", async () => {
    const { s, looks } = await witness(false, {});
    expect((await told(s)).exitCode).toBe(0);
    expect(await s.daemon.stop()).toBe("proven");
    await until(looks.messages, (m) => m.at(-1) === "notification");
    expect(looks.messages()).toEqual(NOTHING_BACK);
  });

  test("a stop of a witness that keeps routes takes back no claim from those who do not", async () => {
    const { s, looks } = await witness(true, { stateDir: join(home, "state"), stopKeepsRoutes: true });
    expect(await s.daemon.stop()).toBe("proven");
    await until(looks.messages, (m) => m.at(-1) === "notification");
    expect(looks.messages()).toEqual(NOTHING_BACK);
  });

  test("follows cordon and taint where asked to; undrain does not talk it out of that", async () => {
    const { port } = await router(true);
    write("all.yaml", `${OBJECTS}---\n${peer(port)}`);
    write("node.yaml", node("{}"));
    const s = await start({ drainOnCordon: true, drainOnTaint: "example.com/away" });
    await announces(s);
    write("node.yaml", node("{unschedulable: true}"));
    const drained = await until(s.status, (d) => d?.proven === true);
    expect(drained?.causes).toEqual([{ cause: "cordon", text: "Node n1 is cordoned (spec.unschedulable)" }]);
    expect(await undrain({ socket: s.socket, json: false })).toMatchObject({
      exitCode: 1,
      error: "the node stays drained: Node n1 is cordoned (spec.unschedulable)",
    });
    write("node.yaml", node("{taints: [{key: example.com/away, effect: NoSchedule}]}"));
    await until(s.status, (d) => d?.causes[0]?.cause === "taint");
    write("node.yaml", node("{taints: [{key: example.com/other, effect: NoSchedule}]}"));
    await announces(s);
  });

  test("a node that is cordoned at the start never announces; one that nobody asked about does", async () => {
    const reads = await router(true);
    write("all.yaml", `${OBJECTS}---\n${peer(reads.port)}`);
    write("node.yaml", node("{unschedulable: true}"));
    const s = await start({ drainOnCordon: true });
    await until(
      () => [...s.daemon.speaker.peers()].map((p) => p.stateName)[0],
      (state) => state === "Established",
    );
    await until(s.status, (d) => d?.state === "drained" && d.proven === true);
    await until(reads.messages, (m) => m.includes("update"));
    expect([...s.daemon.speaker.peers()].map((p) => p.counters.updatesSent)).toEqual([1]); // End-of-RIB
    const other = await start();
    await announces(other);
  });

  test("outlives the daemon with --persist, and only then", async () => {
    const { port } = await router(true);
    write("all.yaml", `${OBJECTS}---\n${peer(port)}`);
    await expect(told(await start(), { persist: true })).rejects.toThrow(
      "--persist: the daemon has no state directory",
    );
    const stateDir = join(home, "state");
    const first = await start({ stateDir });
    await told(first);
    await first.daemon.stop();
    const second = await start({ stateDir });
    await announces(second);
    await told(second, { persist: true });
    await second.daemon.stop();
    const third = await start({ stateDir });
    expect(await third.status()).toMatchObject({ state: "drained", persistent: true });
    await undrain({ socket: third.socket, json: true });
    await announces(third);
    await third.daemon.stop();
    const fourth = await start({ stateDir });
    await announces(fourth);
  });

  test("a minute of drain time is cut short by --drain-time 0", async () => {
    const s = await announcing();
    await told(s, { drainTime: "1m", wait: false });
    await until(s.status, (d) => d?.state === "waiting");
    const { exitCode, document } = await told(s, { drainTime: "0s" });
    expect([exitCode, document.state]).toEqual([0, "drained"]);
  });

  test("a state directory that cannot be written: no drain is promised to last, routes by hand stay, and all is kept when it can be", async () => {
    const { port } = await router(true);
    write("all.yaml", `${OBJECTS}---\n${peer(port)}`);
    const stateDir = join(home, "state");
    writeFileSync(stateDir, "a file where the directory should be");
    const s = await start({ stateDir });
    await announces(s);
    const names = () => s.daemon.problems.all().map((p) => `${p.severity} ${p.name} ${p.message.split(" ")[0]}`);
    expect(names()).toEqual([`warning --state-dir ${join(stateDir, "alive.json")}`]);
    await expect(told(s, { persist: true })).rejects.toThrow(
      `--persist: ${join(stateDir, "drained")} cannot be written: a part of it is no directory`,
    );
    expect(await s.status()).toBeNull();
    const words = ["add", "198.51.100.0/24", "--persist"];
    const asked = { socket: s.socket, json: false, stdin: null, print: () => true, drained: async () => {} };
    const { exitCode, error } = await inject(words, asked);
    expect([exitCode, error]).toEqual([
      1,
      expect.stringMatching(/injected, but not kept: .* Move away what stands there/),
    ]);
    expect(names()).toContain(`warning --state-dir ${join(stateDir, "injected.routes")}`);
    await announces(s, 2);
    rmSync(stateDir);
    await until(names, (n) => n.length === 0); // by itself: the next life sign, and the next attempt
    expect(existsSync(join(stateDir, "injected.routes"))).toBe(true);
  });

  test("a drain time that is none is refused, and nothing happens", async () => {
    write("all.yaml", OBJECTS);
    const s = await start();
    await expect(told(s, { drainTime: "soon" })).rejects.toThrow('--drain-time: "soon" is not a duration');
    expect(await s.status()).toBe(null);
  });
});
