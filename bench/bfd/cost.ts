// Processor time of many sessions that do nothing but stand, and how late our thread is with them; bfdd beside it. Owns the lab
// of two hosts with hundreds of addresses. Knows no load but that of the sessions.
// Contract: both ends run on this machine; what is told is the one that is measured, against a vipcast at the other end.
import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, BfdSpeaker, upsert } from "../../lab/bfdSpeaker.ts";
import { type Frr, startFrr } from "../../lab/frr.ts";
import { createLab, type Host } from "../../lab/lab.ts";
import { listAt, objectAt } from "../../lab/routes.ts";
import { waitFor } from "../../lab/waitFor.ts";
import type { BenchOptions } from "../bench.ts";
import { usageOf } from "../children.ts";
import { type Result, resultOf, type Who } from "../report.ts";
import { roleCommand } from "../roles.ts";
import { latenessResults, since } from "./lateness.ts";
import { MULTIPLIER } from "./names.ts";

interface Plan {
  readonly count: number;
  readonly ms: number;
  readonly who: Who;
}

/** bfdd takes over ten seconds to start with a thousand. */
const PLANS: readonly Plan[] = [
  { count: 20, ms: 50, who: "vipcast" },
  { count: 300, ms: 50, who: "vipcast" },
  { count: 300, ms: 50, who: "frr" },
  { count: 1_000, ms: 300, who: "vipcast" },
];
const QUICK: readonly Plan[] = [{ count: 100, ms: 50, who: "vipcast" }];

export async function costOfSessions({ quick, progress }: BenchOptions): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const plan of quick ? QUICK : PLANS) {
    progress(`processor time, ${plan.count} sessions at ${plan.ms} ms, ${plan.who}`);
    results.push(...(await costOf(plan, quick ? 3_000 : 20_000)));
  }
  return results;
}

/** The end that is measured. */
interface Measured {
  up(): Promise<number>;
  cpuSeconds(): number;
  downs(): Promise<number>;
  /** null: it does not tell. */
  lateness(): Promise<Answer["lateness"] | null>;
}

async function costOf({ count, ms, who }: Plan, milliseconds: number): Promise<readonly Result[]> {
  const lab = createLab("bfdMany");
  try {
    const [left, right] = [lab.host("left"), lab.host("right")];
    lab.link(left, right, { addressA: "192.0.2.1/30", addressB: "192.0.2.2/30" });
    addAddresses(left, count, LEFT, RIGHT, "192.0.2.2");
    addAddresses(right, count, RIGHT, LEFT, "192.0.2.1");
    startOurs(right, count, ms, RIGHT, LEFT);
    const one =
      who === "vipcast" ? measuredOurs(startOurs(left, count, ms, LEFT, RIGHT)) : await startTheirs(left, count, ms);
    await waitFor(`${count} sessions`, one.up, (n) => n === count, { timeoutMs: 60_000, everyMs: 200 });
    await sleep(2_000);
    const [cpuBefore, latenessBefore, began] = [one.cpuSeconds(), await one.lateness(), performance.now()];
    await sleep(milliseconds);
    const percent = ((one.cpuSeconds() - cpuBefore) / (performance.now() - began)) * 1e5;
    const latenessAfter = await one.lateness();
    const what = `${count.toLocaleString("en-US")} sessions at ${ms} ms`;
    return [
      resultOf(`${what}: processor time, of one core`, who, "%", [percent]),
      resultOf(`${what}: processor time for each session, of one core`, who, "%", [percent / count]),
      resultOf(`${what}: sessions lost`, who, "downs", [await one.downs()]),
      ...(latenessBefore === null || latenessAfter === null
        ? []
        : latenessResults(what, since(latenessBefore, latenessAfter))),
    ];
  } finally {
    await lab.close();
  }
}

const [LEFT, RIGHT] = [18, 19];
const addressOf = (net: number, i: number): string => `198.${net}.${i >> 8}.${i & 255}`;

function addAddresses(host: Host, count: number, own: number, far: number, via: string): void {
  const lines = Array.from({ length: count }, (_, i) => `address add ${addressOf(own, i)}/32 dev lo`);
  host.execSync("ip", ["-batch", "-"], { input: `${lines.join("\n")}\n` });
  host.addRoute(`198.${far}.0.0/16`, via);
}

function startOurs(host: Host, count: number, ms: number, own: number, far: number): BfdSpeaker {
  const speaker = new BfdSpeaker(host, roleCommand("@bfd", "fifo"));
  const profile = { transmitInterval: ms, receiveInterval: ms, detectMultiplier: MULTIPLIER };
  for (let i = 0; i < count; i++) {
    speaker.command(upsert({ peer: addressOf(far, i), local: addressOf(own, i), profile }));
  }
  return speaker;
}

function measuredOurs(speaker: BfdSpeaker): Measured {
  const sessions = async () => (await speaker.answer()).status?.sessions ?? [];
  return {
    up: async () => (await sessions()).filter((s) => s.state === "Up").length,
    cpuSeconds: () => usageOf(speaker.pid).cpuSeconds,
    downs: async () => (await sessions()).reduce((sum, s) => sum + s.counters.downEvents, 0),
    lateness: async () => (await speaker.answer()).lateness,
  };
}

async function startTheirs(host: Host, count: number, ms: number): Promise<Measured> {
  const peers = Array.from({ length: count }, (_, i) => [
    ` peer ${addressOf(RIGHT, i)} local-address ${addressOf(LEFT, i)}`,
    `  transmit-interval ${ms}`,
    `  receive-interval ${ms}`,
    `  detect-multiplier ${MULTIPLIER}`,
    "  no shutdown",
    " exit",
  ]);
  const frr: Frr = await startFrr(host, { bfdd: ["bfd", ...peers.flat(), ""].join("\n") });
  const ask = async (command: string) =>
    listAt(JSON.parse(await frr.ask("bfdd", command))).map((peer) => objectAt(peer));
  return {
    up: async () => (await ask("show bfd peers json")).filter((p) => p.status === "up").length,
    cpuSeconds: () => usageOf(frr.pids.get("bfdd") ?? 0).cpuSeconds,
    downs: async () =>
      (await ask("show bfd peers counters json")).reduce((sum, p) => sum + Number(p["session-down"]), 0),
    lateness: async () => null,
  };
}
