// `npm run check`: the gate. Types, lint and format, import rules, docs, unit and short property tests, ten seconds of fuzzing;
// every step runs even when an earlier one failed, so that one run shows everything. Under 60 s on two cores.
import { spawn } from "node:child_process";

const steps = [
  { name: "types", command: ["tsc", "-p", "."] },
  { name: "lint and format", command: ["biome", "check", "--error-on-warnings", "."] },
  { name: "unit, property and import-rule tests", command: ["vitest", "run", "--project", "unit", "--reporter=dot"] },
  { name: "ten seconds of fuzzing", command: ["node", "scripts/fuzz.mjs", "--seconds", "10"] },
];

const run = ({ name, command }) =>
  new Promise((resolve) => {
    const started = Date.now();
    const [file, ...args] = command[0] === "node" ? command : ["npx", "--no-install", ...command];
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, NO_COLOR: "1" } });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    child.on("close", (code) => resolve({ name, ok: code === 0, output, seconds: (Date.now() - started) / 1000 }));
  });

// types, lint and fuzzing are short and share the second core with the tests
const [tests, ...others] = await Promise.all([
  run(steps[2]),
  (async () => [await run(steps[0]), await run(steps[1]), await run(steps[3])])(),
]).then(([t, o]) => [t, ...o]);
let failed = false;
for (const step of [...others, tests]) {
  console.log(`${step.ok ? "ok  " : "FAIL"} ${step.name} (${step.seconds.toFixed(1)} s)`);
  if (!step.ok) {
    failed = true;
    console.log(step.output);
  }
}
process.exit(failed ? 1 : 0);
