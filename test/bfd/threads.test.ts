// What the scheduling class of the BFD thread promises, and what it was given here.
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { BfdClient } from "../../src/bfd/client.ts";
import { bfdProfile, DEFAULT_PROFILE } from "../../src/bfd/config.ts";
import { newGaugeMemory } from "../../src/bfd/gauges.ts";
import { type SchedulingClass, timelinessWarning } from "../../src/bfd/threads.ts";
import { newDescriptorMemory } from "../../src/linux/descriptors.ts";
import { nativeProblem } from "../../src/linux/native.ts";
import { bundleWorker, crossedPorts } from "./threadBench.ts";

const profile = (milliseconds: number, detectMultiplier: number, receiveInterval = milliseconds) =>
  bfdProfile({ ...DEFAULT_PROFILE, transmitInterval: milliseconds, receiveInterval, detectMultiplier });

describe("a warning for detection times that the thread cannot be trusted with", () => {
  test.each<[number, number, SchedulingClass, boolean]>([
    [10, 3, "fifo", false],
    [10, 2, "fifo", true],
    [20, 3, "nice", false],
    [10, 3, "nice", true],
    [100, 3, "normal", false],
    [99, 3, "normal", true],
    [300, 3, "normal", false],
  ])("%i ms x %i with class %s: %s", (ms, multiplier, schedulingClass, isWarned) => {
    expect(timelinessWarning(profile(ms, multiplier), schedulingClass, null) !== null).toBe(isWarned);
  });

  test("it is the shorter of both directions that counts, and the reason is told", () => {
    const text = timelinessWarning(
      profile(300, 3, 20),
      "normal",
      "SCHED_FIFO: needs the capability CAP_SYS_NICE (EPERM)",
    );
    expect(text).toMatch(/^a detection time of 60 ms .* class normal .*300 ms.*CAP_SYS_NICE/);
  });
});

describe.skipIf(nativeProblem() !== null)("the class that the thread gets", () => {
  test.each<[SchedulingClass, readonly SchedulingClass[]]>([
    ["fifo", ["fifo", "nice", "normal"]],
    ["nice", ["nice", "normal"]],
    ["normal", ["normal"]],
  ])("asked for %s it is no better one, and why not is told", async (bestClass, possible) => {
    const bundle = await bundleWorker();
    const counters = new SharedArrayBuffer(8 * 9 * 4);
    const memory = { counters, gauges: newGaugeMemory(), descriptors: newDescriptorMemory() };
    const setup = { kind: "dgram", wakeFd: null, maxSessions: 4, bestClass, ports: crossedPorts(28_000)[0], ...memory };
    const worker = new Worker(bundle.file, { workerData: setup });
    const started = await new Promise<Record<string, unknown>>((resolve) => worker.once("message", resolve));
    await worker.terminate();
    bundle.dispose();
    expect(possible).toContain(started.schedulingClass);
    expect(started.schedulingReason === null).toBe(started.schedulingClass === "fifo");
  });
});

test("a thread that hangs keeps nobody waiting who asks for its state, and none at the end", async () => {
  const workerFile = new URL("data:text/javascript,setInterval(()=>{},1000)");
  const client = new BfdClient({ onEvent: () => {}, kind: "dgram", workerFile });
  const address = { peer: "192.0.2.2", interface: null, vrf: null, hop: "single" } as const;
  const session = { user: "tor", address, local: null, profile: profile(300, 3), auth: null, isAdminDown: false };
  client.command({ type: "upsert", ...session });
  expect(client.isRunning).toBe(true);
  expect(await Promise.all([client.status(), client.status()])).toEqual([null, null]);
  await client.close();
  expect(client.isRunning).toBe(false);
});
