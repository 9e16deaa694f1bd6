// A BFD client as a program of its own, so that it can stand in a namespace: commands as JSON lines in, events as JSON lines
// out. Owns nothing but that translation (the other side of it is bfdSpeaker.ts). Contract: ends when its input does, with
// AdminDown; at once when killed.
import { createInterface } from "node:readline";
import { BfdClient } from "../src/bfd/client.ts";
import type { BfdCommand } from "../src/bfd/protocol.ts";
import type { SchedulingClass } from "../src/bfd/threads.ts";

/** What it is asked. */
export type Ask =
  | { readonly type: "command"; readonly command: BfdCommand }
  | { readonly type: "status"; readonly ask: number }
  /** Keeps the main thread busy, so many times with a turn between. */
  | { readonly type: "block"; readonly milliseconds: number; readonly times: number }
  /** Makes garbage for so long. */
  | { readonly type: "allocate"; readonly milliseconds: number };

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

async function answer(client: BfdClient, asked: Ask): Promise<void> {
  switch (asked.type) {
    case "command":
      client.command(asked.command);
      return;
    case "status": {
      const cpu = process.cpuUsage();
      const microseconds = cpu.user + cpu.system;
      const [datagramsIn, kernelDrops] = [client.gauge("datagramsIn"), client.gauge("kernelDrops")];
      const counts = { lateness: client.lateness(), microseconds, datagramsIn, kernelDrops };
      say({ type: "answer", ask: asked.ask, status: await client.status(), ...counts });
      return;
    }
    case "block":
      for (let i = 0; i < asked.times; i++) {
        const until = performance.now() + asked.milliseconds;
        while (performance.now() < until);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      say({ type: "done" });
      return;
    case "allocate": {
      const until = performance.now() + asked.milliseconds;
      let kept: object[] = [];
      while (performance.now() < until) {
        for (let i = 0; i < 10_000; i++) kept.push({ i, text: `text ${i}`, more: [i, i + 1] });
        if (kept.length > 3_000_000) kept = [];
        await new Promise((resolve) => setImmediate(resolve));
      }
      say({ type: "done" });
      return;
    }
  }
}

/** @param workerFile bundle of src/bfd/worker.ts */
export function runBfdProgram(workerFile: URL, bestClass: SchedulingClass): void {
  const client = new BfdClient({ onEvent: say, workerFile, bestClass });
  const input = createInterface({ input: process.stdin });
  input.on("line", (line) => void answer(client, JSON.parse(line) as Ask));
  input.on("close", () => void client.close().then(() => process.exit(0)));
}
