// `npm run drill -- [SCENARIO…] [--json]`: builds and runs drill/main.ts.
import { spawnSync } from "node:child_process";

const run = (...args) => {
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
};
run("scripts/build.mjs");
run("dist/drill.js", ...process.argv.slice(2));
