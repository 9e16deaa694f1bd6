// `npm run bench -- NAME [--quick] [--json]`: builds and runs bench/main.ts.
import { spawnSync } from "node:child_process";

const run = (...args) => {
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
};
run("scripts/build.mjs");
run("dist/bench.js", ...process.argv.slice(2));
