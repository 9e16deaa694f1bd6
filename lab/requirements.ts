// Whether this machine can run labs, and where it keeps the routers. Owns the checks and their wording, which a person
// reads when tests are skipped. Looks without changing anything but one namespace that it makes and deletes.
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";

export type Router = "frr" | "bird" | "gobgp" | "openbgpd" | "exabgp";

const PROGRAMS: Readonly<Record<Router, readonly string[]>> = {
  frr: ["vtysh"],
  bird: ["bird", "birdc"],
  gobgp: ["gobgpd", "gobgp"],
  openbgpd: ["bgpctl"],
  exabgp: ["exabgp"],
};
const FRR_DIRS = ["/usr/lib/frr", "/usr/libexec/frr", "/usr/sbin"];

let netnsProblem: string | null | undefined;
const warned = new Set<string>();

/** Why this machine cannot run labs with these routers, as half a sentence; null when it can. */
export function labProblem(routers: readonly Router[] = ["frr"]): string | null {
  if (process.platform !== "linux") return "network namespaces need Linux";
  if (process.getuid?.() !== 0) return "network namespaces need root";
  for (const program of ["ip", "mount", "grep"]) if (!hasProgram(program)) return `the program ${program} is missing`;
  if (!existsSync("/proc/sys/net/ipv6")) return "IPv6 is switched off in this kernel";
  netnsProblem ??= probeNamespace();
  if (netnsProblem !== null) return netnsProblem;
  for (const router of routers) {
    if (router === "openbgpd" && openbgpdProgram() === null) return "OpenBGPD is not installed (no bgpd)";
    if (router === "frr" && frrDirectory() === null) return "FRR is not installed (no bgpd and zebra)";
    for (const program of PROGRAMS[router]) {
      if (!hasProgram(program)) return `${router} is not installed (no ${program})`;
    }
  }
  return null;
}

/** Title of a test group; says, there and once on stderr, why it is skipped. For `describe.skipIf(problem !== null)`. */
export function titleOrSkip(title: string, problem: string | null): string {
  if (problem === null) return title;
  if (!warned.has(problem)) {
    warned.add(problem);
    console.warn(`SKIPPED: ${problem}`);
  }
  return `${title} (skipped: ${problem})`;
}

/** Directory of FRR's daemons; null when it is not installed. */
export const frrDirectory = (): string | null =>
  FRR_DIRS.find((dir) => isProgram(join(dir, "bgpd")) && isProgram(join(dir, "zebra"))) ?? null;

/** OpenBGPD's daemon, which has the name of FRR's; null when it is not installed. */
export const openbgpdProgram = (): string | null =>
  ["/usr/sbin/bgpd", "/usr/local/sbin/bgpd"].find((path) => isProgram(path) && hasProgram("bgpctl")) ?? null;

function probeNamespace(): string | null {
  const name = `vc-probe-${process.pid}`;
  const made = spawnSync("ip", ["netns", "add", name], { encoding: "utf8", timeout: 5_000 });
  const entered = spawnSync("ip", ["netns", "exec", name, "true"], { encoding: "utf8", timeout: 5_000 });
  spawnSync("ip", ["netns", "delete", name], { stdio: "ignore", timeout: 5_000 });
  if (made.status === 0 && entered.status === 0) return null;
  const said = `${made.stderr ?? ""} ${entered.stderr ?? ""}`.trim().split("\n")[0] ?? "";
  return `network namespaces are not permitted here (${said})`;
}

const hasProgram = (name: string): boolean =>
  [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/bin", "/sbin", "/bin"].some((dir) =>
    isProgram(join(dir, name)),
  );

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
