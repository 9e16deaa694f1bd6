// The scenarios of BFD with one router. Owns what belongs together; how they are run and written down is in suite.ts.
import { runSuite } from "../suite.ts";
import type { BfdRouterKind } from "./router.ts";
import { RESTARTS, scenarios } from "./scenarios.ts";

/** Declares the tests of one router. Call once per file. */
export function runBfdMatrix(kind: BfdRouterKind): void {
  runSuite({
    title: `BFD with ${kind.name}`,
    folder: "interop-bfd",
    kind,
    scenarios,
    restarts: RESTARTS,
    run: (scenario) => scenario.run(kind),
  });
}
