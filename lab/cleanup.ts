// What a lab leaves behind when it ends, and who takes it away. Owns the state directory, the cleaning script and the
// watchdog. Knows nothing of links, routers or tests.
// Contract: everything a lab makes can be found from its id alone: its directory (whose NAME also records the owner, so
// that making it and claiming it are one atomic mkdir), its namespaces `vc-<id>-*`, and its processes, which all
// inherit VIPCAST_LAB=<id>. No pid is ever stored for later killing, so a reused pid is never hit.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";

/** Environment variable that marks every process of a lab, and whatever those start in turn. */
export const LAB_MARK = "VIPCAST_LAB";

/** Where one namespace per lab host is found by name. */
export const NETNS_DIR = "/run/netns";

/** Directory of all labs of this machine; not below TMPDIR, so that every lab finds what every other one left behind. */
export const LABS_ROOT = "/tmp/vipcast-labs";

export interface LabIdentity {
  /** Six hexadecimal digits, unique among the labs alive on this machine. */
  readonly id: string;
  readonly dir: string;
}

// $1 = id, $2 = directory. Killing repeats because a process may fork between the look and the kill; 40 rounds are 2 s.
const CLEAN = `
round=0
while [ $round -lt 40 ]; do
  found=$(grep -lsxzF "${LAB_MARK}=$1" /proc/[0-9]*/environ)
  [ -z "$found" ] && break
  for file in $found; do pid=\${file#/proc/}; kill -KILL "\${pid%/environ}" 2>/dev/null; done
  sleep 0.05
  round=$((round + 1))
done
for ns in ${NETNS_DIR}/vc-"$1"-*; do [ -e "$ns" ] && ip netns delete "\${ns##*/}" 2>/dev/null; done
rm -rf "$2"
`;

// The pipe on stdin has one writer, the owner. It closes when the owner ends, however it ends. Signals that a terminal or
// a supervisor sends to the whole group must not end the one process that cleans up after the others.
const WATCH = `trap '' INT TERM HUP QUIT\nwhile read -r _; do :; done\n${CLEAN}`;

const PATH = `${process.env.PATH ?? ""}:/usr/sbin:/usr/bin:/sbin:/bin`;
const CLEAN_TIMEOUT_MS = 20_000;
const STATE_NAME = /^([0-9a-f]{6})\.([0-9]+)\.([0-9]+)$/;

/**
 * Makes the directory of a new lab owned by this process.
 * @throws Error when the common directory is not ours: its entries name what gets deleted, so nobody else may write it.
 */
export function claimLab(): LabIdentity {
  mkdirSync(LABS_ROOT, { recursive: true, mode: 0o711 });
  const stat = lstatSync(LABS_ROOT);
  if (!stat.isDirectory() || stat.uid !== process.getuid?.() || (stat.mode & 0o022) !== 0) {
    throw new Error(`${LABS_ROOT} must be a directory that only this user can write; remove it and try again`);
  }
  const id = randomBytes(3).toString("hex");
  if (readdirSync(LABS_ROOT).some((name) => name.startsWith(`${id}.`))) return claimLab();
  const dir = join(LABS_ROOT, `${id}.${process.pid}.${startTime(process.pid) ?? 0}`);
  mkdirSync(dir);
  chmodSync(dir, 0o711); // routers run as their own user and must be able to pass through
  return { id, dir };
}

/** Removes processes, namespaces and directory; blocks until done. Never throws; harmless when nothing is left. */
export function cleanLab(lab: LabIdentity): void {
  spawnSync("sh", ["-c", CLEAN, "vipcast-lab-clean", lab.id, lab.dir], {
    stdio: "ignore",
    timeout: CLEAN_TIMEOUT_MS,
    env: { PATH },
    cwd: "/",
  });
}

/** Starts the process that cleans the lab the moment this process is gone. It never keeps this process alive. */
export function watchLab(lab: LabIdentity): ChildProcess {
  const child = spawn("sh", ["-c", WATCH, "vipcast-lab-watchdog", lab.id, lab.dir], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: { PATH },
    cwd: "/",
  });
  child.on("error", () => {}); // without a watchdog the exit hook and the next lab's reaping remain
  child.unref();
  if (child.stdin instanceof Socket) child.stdin.unref();
  return child;
}

/**
 * Ends the labs whose owner is gone: the net under the watchdog, for when that was killed too.
 * @returns ids of the labs that were cleaned
 */
export function reapStaleLabs(): readonly string[] {
  const reaped: string[] = [];
  for (const name of entries(LABS_ROOT)) {
    const [, id, pid, start] = STATE_NAME.exec(name) ?? [];
    if (id === undefined || startTime(Number(pid)) === Number(start)) continue;
    cleanLab({ id, dir: join(LABS_ROOT, name) });
    reaped.push(id);
  }
  return reaped;
}

/** Clock ticks after boot at which a process started (proc(5), field 22): with the pid, its identity. null: no such process. */
export function startTime(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // the command name before the last ")" may hold anything, so fields are counted from there: state is field 3
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  } catch {
    return null;
  }
}

function entries(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
