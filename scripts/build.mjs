// Bundles the program and the tools that run from a checkout. koffi stays outside: it brings a native file of its own.
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

await build({ ...common, entryPoints: { main: "src/main.ts", bfdWorker: "src/bfd/worker.ts" }, outdir: "dist" });
chmodSync("dist/main.js", 0o755);
const tools = {
  demo: "lab/demo.ts",
  bench: "bench/main.ts",
  drill: "drill/main.ts",
  loopProbe: "bench/scale/loopProbe.ts",
  apiServer: "lab/apiServerProgram.ts",
};
await build({ ...common, entryPoints: tools, outdir: "dist" });
