// The kinds of MetalLB and of ourselves at the API server for tests, as an administrator applies them. Owns where config/ has them.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ApiServer } from "./apiServer.ts";

const CRDS = join(import.meta.dirname, "..", "..", "config", "crds");

/** @param kinds folders of config/crds, or single files of them: `metallb`, `metallb/bgppeers` */
export function install(server: ApiServer, ...kinds: readonly string[]): void {
  for (const kind of kinds) {
    const files = kind.includes("/")
      ? [`${kind}.yaml`]
      : readdirSync(join(CRDS, kind)).flatMap((name) => (name === "kustomization.yaml" ? [] : [`${kind}/${name}`]));
    for (const file of files) server.apply(readFileSync(join(CRDS, file), "utf8"));
  }
}
