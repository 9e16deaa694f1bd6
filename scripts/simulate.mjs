// `npm run simulate -- --seeds N [--record]`: the two-speaker simulations of test/bgp/sim over N seeds of latency, loss and stalls;
// --record keeps the figure for docs/conformance.md.
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { record } from "./record.mjs";

const { seeds, record: keep } = parseArgs({
  options: { seeds: { type: "string", default: "1000" }, record: { type: "boolean", default: false } },
}).values;
if (!/^[1-9]\d*$/.test(seeds)) throw new Error(`--seeds ${seeds}: a whole number above 0`);

const since = Date.now();
const files = ["collision", "history"].map((name) => `test/bgp/sim/${name}.test.ts`);
const command = [
  "--no-install",
  "vitest",
  "run",
  "--project",
  "unit",
  ...files,
  "-t",
  "any history|two ends that both dial",
];
const env = { ...process.env, VIPCAST_SIM_SEEDS: seeds };
const { status } = spawnSync("npx", command, { stdio: "inherit", env });
if (status !== 0) process.exit(status ?? 1);
if (keep) {
  const what = "two speakers, simulated (`npm run simulate`): C-022, C-108";
  record("simulate", {
    what,
    result: `${seeds} seeds each, no failure`,
    seconds: Math.round((Date.now() - since) / 1000),
  });
}
