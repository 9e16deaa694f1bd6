// Bundles the program and the tools that run from a checkout. koffi stays outside: it brings a native file of its own.
import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync } from "node:fs";
import { build } from "esbuild";

const { version } = JSON.parse(readFileSync("package.json", "utf8"));

const common = {
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  external: ["koffi"],
  sourcemap: "linked",
  legalComments: "none",
  logLevel: "warning",
  define: { VIPCAST_VERSION: JSON.stringify(version) },
  // CommonJS packages inside an ES module bundle still call require for Node's own modules
  banner: {
    js: 'import { createRequire as vipcastRequire } from "node:module"; const require = vipcastRequire(import.meta.url);',
  },
};

await build({
  ...common,
  entryPoints: { main: "src/launch/main.ts", bfdWorker: "src/bfd/worker.ts" },
  outdir: "dist",
});
chmodSync("dist/main.js", 0o755);
// one function, not a module, for of a module V8 takes no code that was made before (src/launch/program.ts)
await build({
  ...common,
  format: "cjs",
  entryPoints: { program: "src/main.ts" },
  outdir: "dist",
  define: { ...common.define, "import.meta.url": "vipcastUrl" },
  banner: { js: "(function (require, vipcastUrl) {" },
  footer: { js: "})" },
});
const tools = {
  demo: "lab/demo.ts",
  bench: "bench/main.ts",
  drill: "drill/main.ts",
  loopProbe: "bench/scale/loopProbe.ts",
  apiServer: "lab/apiServerProgram.ts",
  warmUp: "lab/warmUp.ts",
};
await build({ ...common, entryPoints: tools, outdir: "dist" });
// without the environment, which may hold settings of the speaker, and flags for V8 under which its code is of no use elsewhere
execFileSync(process.execPath, ["dist/warmUp.js"], { env: {}, stdio: ["ignore", "ignore", "inherit"] });
