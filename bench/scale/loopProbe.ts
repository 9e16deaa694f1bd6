// Preloaded into the program under test: how long its event loop stood still, and what it used. Owns the measurement. Knows
// nothing of the program. Contract: each SIGUSR2 says one line about the time since the one before, numbered from 1, and
// begins anew.
import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

/** How often the loop is looked at; a turn shows as what exceeds that. */
const RESOLUTION_MS = 1;

const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();
let cpu = process.cpuUsage();
let waited = waitedForProcessor();
let count = 0;
process.on("SIGUSR2", () => {
  const { user, system } = process.cpuUsage(cpu);
  const waitedNow = waitedForProcessor();
  const longestMs = Math.max(0, delay.max / 1e6 - RESOLUTION_MS);
  const residentMiB = process.memoryUsage.rss() / 2 ** 20;
  const waitedMs = (waitedNow - waited) / 1e6;
  // the line that roles.ts reads; its own writer brings along more than the program under test should carry
  const line = { event: `loop${++count}`, longestMs, cpuMs: (user + system) / 1000, waitedMs, residentMiB };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  delay.reset();
  cpu = process.cpuUsage();
  waited = waitedNow;
});

/** Nanoseconds that the main thread was ready to run and another program had the processor (proc(5), schedstat). */
function waitedForProcessor(): number {
  const fields = readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ");
  return Number(fields[1]);
}
