// `npm run conformance`: what is proven, prints it and writes docs/conformance.md.
import { runTs } from "./runTs.mjs";

await runTs("test/conformance/main.ts");
