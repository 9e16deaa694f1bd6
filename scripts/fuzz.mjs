// `npm run fuzz -- --seconds N [--seed S]`: see test/fuzz/main.ts.
import { runTs } from "./runTs.mjs";

await runTs("test/fuzz/main.ts");
