// SHELL: the programs that are measured. Owns that none of them outlives the bench, and what the kernel says about them.
// Knows nothing of BGP. Contract: programs are children with a handle, are ended through it alone, and live in a private
// directory that goes away with them; every wait has an end.
import { spawnSync } from "node:child_process";
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type Environment, LabProcess } from "../lab/process.ts";
import { waitFor } from "../lab/waitFor.ts";

const PATH = `${process.env.PATH ?? ""}:/usr/sbin:/usr/bin:/sbin:/bin`;

const workshops = new Set<Workshop>();
process.on("exit", () => {
  for (const workshop of workshops) workshop.abandon();
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130));

/** A private directory and the programs that run in it. */
export class Workshop {
  readonly dir = mkdtempSync(join(tmpdir(), "vipcast-bench-"));
  /** Of everything that runs here: nothing of the caller's environment but PATH. */
  readonly env: Environment = { PATH, HOME: this.dir, LANG: "C.UTF-8" };
  readonly #programs: LabProcess[] = [];

  constructor() {
    workshops.add(this);
  }

  start(command: readonly string[], env: Environment = {}): LabProcess {
    const log = join(this.dir, `${this.#programs.length}.out`);
    const program = new LabProcess(command, { ...this.env, ...env }, log);
    this.#programs.push(program);
    return program;
  }

  /** Ends all programs and removes the directory. */
  async close(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.stop("SIGTERM", 2_000)));
    rmSync(this.dir, { recursive: true, force: true });
    workshops.delete(this);
  }

  /** As `close`, for the last moment of the process: nothing can be waited for. */
  abandon(): void {
    for (const program of this.#programs) program.signal("SIGKILL");
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Runs `work` in a workshop of its own. */
export async function withWorkshop<T>(work: (workshop: Workshop) => Promise<T>): Promise<T> {
  const workshop = new Workshop();
  try {
    return await work(workshop);
  } finally {
    await workshop.close();
  }
}

/** Longest wait for anything that a program should do, milliseconds. */
const LIMIT_MS = 60_000;

/**
 * The promise, with an end.
 * @throws Error with what the program printed last, when it ends first or LIMIT_MS have passed
 */
export function within<T>(what: string, promise: Promise<T>, program: LabProcess): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const failure = new Promise<never>((_, reject) => {
    const give = (why: string): void => reject(new Error(`${what}: ${why}${lastWords(program)}`));
    timer = setTimeout(() => give(`not within ${LIMIT_MS} ms`), LIMIT_MS);
    void program.exited.then(({ code }) => give(`${program.name} ended with code ${code}`));
  });
  return Promise.race([promise, failure]).finally(() => clearTimeout(timer));
}

/**
 * Probes until there is something other than null, rarely: what is measured may need all cores.
 * @throws Error as `within`, for any of the programs
 */
export async function until<T>(
  what: string,
  programs: readonly LabProcess[],
  probe: () => T | null | Promise<T | null>,
): Promise<T> {
  const ended = (): LabProcess | undefined => programs.find((program) => !program.running);
  const options = { timeoutMs: LIMIT_MS, everyMs: 20, logs: programs };
  const seen = await waitFor<T | null>(what, probe, (found) => found !== null || ended() !== undefined, options);
  if (seen === null) throw new Error(`${what}: ${programs.map((p) => `${p.name}${lastWords(p)}`).join("\n")}`);
  return seen;
}

const lastWords = (program: LabProcess): string => `\n--- ${program.name}, last lines:\n${program.logTail()}`;

export interface Usage {
  /** User and system time of the whole process so far, its threads included. */
  readonly cpuSeconds: number;
  /** Time that its main thread was ready to run and another program had the core, milliseconds so far. */
  readonly waitedMs: number;
  /** Memory resident now (VmRSS). */
  readonly residentMiB: number;
  /** Most memory it ever had resident (VmHWM). */
  readonly peakMiB: number;
}

/** Linux counts processor time in hundredths of a second here, whatever the kernel's own tick. */
const TICKS_PER_SECOND = 100;

/** What the kernel has booked on a running process. */
export function usageOf(pid: number): Usage {
  // the second field is the program's name in brackets, which may hold anything: fields are counted from behind it
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const schedule = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "utf8").split(" "); // proc(5), nanoseconds
  const mebibytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1024;
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    waitedMs: Number(schedule[1]) / 1e6,
    residentMiB: mebibytes("VmRSS"),
    peakMiB: mebibytes("VmHWM"),
  };
}

/** Path of an installed program; null when there is none. */
export function findProgram(name: string): string | null {
  for (const dir of PATH.split(delimiter)) {
    const path = join(dir, name);
    try {
      accessSync(path, constants.X_OK);
      if (dir !== "") return path;
    } catch {
      // not here
    }
  }
  return null;
}

/** First number with dots in what `program --version` prints; null when it is not installed. @param program name or path */
export function versionOf(program: string): string | null {
  const path = program.startsWith("/") ? program : findProgram(program);
  if (path === null) return null;
  const { stdout, stderr } = spawnSync(path, ["--version"], { encoding: "utf8", timeout: 5_000 });
  return /\d+(\.\d+)+/.exec(`${stdout}${stderr}`)?.[0] ?? "unknown";
}
