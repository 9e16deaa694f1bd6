// The BFD thread for real, on loopback: two threads that speak with each other, and how they end.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { upsert } from "../../lab/bfdSpeaker.ts";
import type { ClientOptions } from "../../src/bfd/client.ts";
import { sessionKey } from "../../src/bfd/protocol.ts";
import { nativeProblem } from "../../src/linux/native.ts";
import { bundleWorker, crossedPorts, Watched } from "./threadBench.ts";

/** Quick to come up, and patient: threads of the normal class on a busy machine may be silent for a while. */
const FAST = { transmitInterval: 20, receiveInterval: 20, detectMultiplier: 50 };

describe.each(["native", "dgram"] as const)("the BFD thread, %s", (kind) => {
  if (kind === "native" && nativeProblem() !== null) return;
  let bundle: Awaited<ReturnType<typeof bundleWorker>>;
  let clients: Watched[] = [];
  // below those that the system gives to others
  let base = 12_000 + (process.pid % 1_000) * 6 + (kind === "native" ? 0 : 10_000);

  beforeAll(async () => {
    bundle = await bundleWorker();
  });
  afterAll(() => bundle.dispose());
  afterEach(async () => {
    await Promise.all(clients.map((c) => c.client.close()));
    clients = [];
  });

  function client(options: Partial<ClientOptions>): Watched {
    const made = new Watched({ kind, workerFile: bundle.file, bestClass: "normal", maxSessions: 64, ...options });
    clients.push(made);
    return made;
  }

  function pair(): readonly [Watched, Watched] {
    base += 6;
    const [left, right] = crossedPorts(base);
    return [client({ ports: left }), client({ ports: right })];
  }

  test.each([["127.0.0.1"], ["::1"]])("two of them come up over %s, and one hears the other leave", async (address) => {
    const [a, b] = pair();
    a.client.command(upsert({ peer: address, local: address, profile: FAST }));
    b.client.command(upsert({ peer: address, local: address, profile: FAST }));
    await Promise.all([a.state("Up"), b.state("Up")]);
    const status = await a.client.status();
    expect(status?.sessions).toMatchObject([{ state: "Up", users: ["test"] }]);
    expect(status?.receivers).toBe(1);
    const id = 0;
    expect(a.client.counter(id, "controlIn")).toBeGreaterThan(0);
    expect(a.client.counter(id, "upEvents")).toBe(1);
    expect(a.client.gauge("datagramsIn")).toBeGreaterThan(0);
    const since = b.events.length;
    await a.client.close();
    expect(await b.state("Down", since)).toMatchObject({ reason: "peerAdminDown", remoteState: "AdminDown" });
    expect(a.client.isRunning).toBe(false);
  });

  test("C-255 a thread that dies is replaced: told, counted, sessions come up again, and its death is no Down of ours", async () => {
    const [a, b] = pair();
    a.client.command(upsert({ peer: "127.0.0.1", profile: FAST }));
    b.client.command(upsert({ peer: "127.0.0.1", profile: FAST }));
    await Promise.all([a.state("Up"), b.state("Up")]);
    const since = a.events.length;
    await a.threads[0]?.terminate();
    expect(await a.event("the restart", (e) => e.type === "restarted", since)).toMatchObject({ restarts: 1, delay: 0 });
    await a.state("Up", since);
    expect(a.threads).toHaveLength(2);
    const changes = a.events.slice(since).flatMap((e) => (e.type === "stateChanged" ? [`${e.from} ${e.to}`] : []));
    expect(changes).not.toContain("Up Down");
    expect(a.events.filter((e) => e.type === "socketProblem")).toEqual([]); // the ports were free again
  });

  test("C-213 C-225 a peer that falls silent is noticed after the detection time, not before", async () => {
    const [a, b] = pair();
    a.client.command(upsert({ peer: "127.0.0.1", profile: FAST }));
    const slow = { transmitInterval: 100, receiveInterval: 20, detectMultiplier: 10 };
    const other = upsert({ peer: "127.0.0.1", profile: slow });
    b.client.command(other);
    await Promise.all([a.state("Up"), b.state("Up")]);
    const isFast = async () => (await a.client.status())?.sessions[0]?.detectionTime === 1_000_000;
    while (!(await isFast())) await new Promise((resolve) => setImmediate(resolve));
    const since = a.events.length;
    const ended = b.threads[0]?.terminate(); // first, or it might hear of the close and say AdminDown
    void b.client.close(); // so that it is not replaced
    await ended;
    const endedAt = performance.now();
    const down = await a.event("Down", (e) => e.type === "stateChanged" && e.to === "Down", since);
    expect(down).toMatchObject({ from: "Up", reason: "detectionTimeExpired", localDiag: 1 });
    const lastHeardAt = (await a.client.status())?.sessions[0]?.lastReceivedAt ?? 0;
    expect(down.type === "stateChanged" && down.at - lastHeardAt).toBeGreaterThanOrEqual(1_000_000);
    expect(performance.now() - endedAt).toBeLessThan(1_000 + 1_500); // what a busy machine may add included
  });

  test("C-245 sockets are opened with the first session and closed with the last", async () => {
    const [a] = pair();
    const receivers = async () => (await a.client.status())?.receivers;
    const [v4, v6] = [upsert({ peer: "127.0.0.1" }), upsert({ peer: "::1" })];
    const another = upsert({ peer: "127.0.0.2" });
    const multihop = upsert({ peer: "127.0.0.1", hop: "multi" });
    for (const command of [v4, another, v6, multihop]) a.client.command(command);
    expect(await receivers()).toBe(3);
    const remove = ({ user, address }: typeof v4): Promise<unknown> => {
      a.client.command({ type: "remove", user, address });
      return a.event("the removal", (e) => e.type === "removed" && e.key === sessionKey(address));
    };
    await Promise.all([v4, v6, multihop].map(remove));
    expect(await receivers()).toBe(1);
    await remove(another);
    expect(await receivers()).toBe(0);
  });

  test("a session whose socket cannot be opened says why; the others run", async () => {
    const [a, b] = pair();
    a.client.command(upsert({ peer: "127.0.0.1", local: "192.0.2.200", profile: FAST }));
    a.client.command(upsert({ peer: "::1", profile: FAST }));
    b.client.command(upsert({ peer: "::1", profile: FAST }));
    const problem = await a.event("the problem", (e) => e.type === "socketProblem");
    expect(problem).toMatchObject({ key: "127.0.0.1/single", problem: expect.stringMatching(/EADDRNOTAVAIL/) });
    await a.state("Up");
  });
});

describe.skipIf(nativeProblem() !== null)("the end of a process with a native BFD thread", () => {
  let bundle: Awaited<ReturnType<typeof bundleWorker>>;
  beforeAll(async () => {
    bundle = await bundleWorker();
  });
  afterAll(() => bundle.dispose());

  test.each([
    ["worker.terminate()", "worker.terminate().then(() => process.send('ended'))", 0],
    ["process.exit", "process.exit(7)", 7],
    ["an uncaught exception", "setTimeout(() => { throw new Error('on purpose') })", 1],
  ])("%s is not held up by the blocking loop", async (_how, code, expected) => {
    const setup = {
      kind: "native",
      wakeFd: 0,
      maxSessions: 8,
      bestClass: "normal",
      ports: crossedPorts(29_000)[0],
    };
    const program = `
      import { Worker } from "node:worker_threads";
      const memory = () => new SharedArrayBuffer(65536);
      const workerData = { ...${JSON.stringify(setup)}, counters: memory(), gauges: memory(), descriptors: memory() };
      const worker = new Worker(new URL(${JSON.stringify(bundle.file.href)}), { workerData, execArgv: [] });
      worker.once("message", () => process.send("started"));
      process.on("message", () => { ${code} });
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["pipe", "ignore", "ignore", "ipc"],
    });
    try {
      await once(child, "message");
      const since = performance.now();
      child.send("go");
      if (expected === 0) {
        expect((await once(child, "message"))[0]).toBe("ended");
      } else {
        expect(await once(child, "exit")).toEqual([expected, null]);
      }
      expect(performance.now() - since).toBeLessThan(10_000); // a loop that holds it up does so for ever
    } finally {
      child.kill("SIGKILL");
    }
  });
});
