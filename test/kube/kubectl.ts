// Whether kubectl is here. Owns the sentence that says it is not.
import { spawnSync } from "node:child_process";

/** As half a sentence; null: it is. */
export function kubectlProblem(): string | null {
  const { status } = spawnSync("kubectl", ["version", "--client"], { stdio: "ignore", timeout: 10_000 });
  return status === 0 ? null : "kubectl is not installed";
}
