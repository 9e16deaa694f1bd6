// Versions of the routers at hand, as their programs tell them. Owns how each is asked.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { frrDirectory } from "../../lab/requirements.ts";

export function frrVersion(): string {
  const { stdout } = spawnSync(join(frrDirectory() ?? "", "bgpd"), ["--version"], { encoding: "utf8" });
  return /version (\S+)/.exec(stdout)?.[1] ?? "?";
}

export const birdVersion = (): string =>
  /version (\S+)/.exec(spawnSync("bird", ["--version"], { encoding: "utf8" }).stderr)?.[1] ?? "?";
