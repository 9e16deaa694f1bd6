// Runs a TypeScript program of this checkout: bundles it next to its source's imports and starts it with plain Node.
// `runTs("test/fuzz/main.ts")` passes on the command line; the bundle lies in dist/, as all that is built.
import { spawnSync } from "node:child_process";
import { basename } from "node:path";
import { build } from "esbuild";

export async function runTs(entry, args = process.argv.slice(2)) {
  const outfile = `dist/tools/${entry.split("/").at(-2)}-${basename(entry, ".ts")}.js`;
  const common = { bundle: true, platform: "node", format: "esm", target: "node20", packages: "external" };
  await build({ ...common, entryPoints: [entry], outfile, sourcemap: "inline", logLevel: "warning" });
  const { status } = spawnSync(process.execPath, ["--enable-source-maps", outfile, ...args], { stdio: "inherit" });
  process.exit(status ?? 1);
}
