// SHELL: the priority of the calling thread. Owns the order in which classes are tried and what each refusal means. Knows
// nothing of what the thread does. Contract: never throws; says which class applies and why it is not a better one; the
// rest of the process keeps its priority.
import { endianness } from "node:os";
import { libc } from "./native.ts";

/** fifo: real time, before everything that is not. nice: a larger share of the processor. normal: as everyone else. */
export type SchedulingClass = "fifo" | "nice" | "normal";

export interface Scheduling {
  readonly class: SchedulingClass;
  /** Why it is not a better class; null for `fifo`. */
  readonly reason: string | null;
}

const SCHED_FIFO = 1;
/** What the thread starts in turn is ordinary again. */
const SCHED_RESET_ON_FORK = 0x4000_0000;
const FIFO_PRIORITY = 50;
const PRIO_PROCESS = 0;
const HIGHEST_NICE = -20;
const PR_SET_TIMERSLACK = 29;
/** Linux takes this as the thread that calls. */
const THIS_THREAD = 0;

/**
 * Gives the calling thread the best class that the system allows, and exact timers.
 * @param best nothing better than this is tried
 */
export function raisePriority(best: SchedulingClass = "fifo"): Scheduling {
  const lib = libc();
  if (typeof lib === "string") return { class: "normal", reason: lib };
  try {
    const prctl = lib.func<(option: number, value: number) => number>("int prctl(int, unsigned long)");
    prctl(PR_SET_TIMERSLACK, 1);
    if (best === "normal") return { class: "normal", reason: "not asked for" };
    const setScheduler = lib.func<(pid: number, policy: number, parameters: Uint8Array) => number>(
      "int sched_setscheduler(int, int, const void *)",
    );
    const setPriority = lib.func<(which: number, who: number, nice: number) => number>(
      "int setpriority(int, unsigned int, int)",
    );
    const parameters = new Uint8Array(4);
    new DataView(parameters.buffer).setInt32(0, FIFO_PRIORITY, endianness() === "LE");
    const refusals: string[] = [];
    if (best === "fifo") {
      if (setScheduler(THIS_THREAD, SCHED_FIFO | SCHED_RESET_ON_FORK, parameters) === 0) {
        return { class: "fifo", reason: null };
      }
      refusals.push(`SCHED_FIFO: ${explain(lib.errnoName())}`);
    }
    if (setPriority(PRIO_PROCESS, THIS_THREAD, HIGHEST_NICE) === 0) {
      return { class: "nice", reason: refusals.join("; ") || "not asked for" };
    }
    refusals.push(`nice ${HIGHEST_NICE}: ${explain(lib.errnoName())}`);
    return { class: "normal", reason: refusals.join("; ") };
  } catch (error) {
    return { class: "normal", reason: error instanceof Error ? error.message : String(error) };
  }
}

const explain = (code: string): string =>
  code === "EPERM" || code === "EACCES" ? `needs the capability CAP_SYS_NICE (${code})` : code;
