// The scenarios of BGP with one router. Owns what belongs together; how they are run and written down is in suite.ts.
import { runSuite } from "../suite.ts";
import type { RouterKind } from "./router.ts";
import { RESTARTS, scenarios } from "./scenarios.ts";
import { withLab } from "./stage.ts";

/** Declares the tests of one router. Call once per file. */
export function runMatrix(kind: RouterKind): void {
  runSuite({
    title: `interop with ${kind.name}`,
    folder: "interop",
    kind,
    scenarios,
    restarts: RESTARTS,
    run: (scenario) => withLab((lab) => scenario.run(kind, lab)),
  });
}
