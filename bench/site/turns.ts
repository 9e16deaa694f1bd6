// What an act costs the main thread, turn by turn: a mark in every turn of the event loop, from the act until all that follows from it is
// done. Owns the measurement; knows nothing of the act. Contract: a turn counts with the least of its time and the processor time that the
// process used in it, so that a thread that waits for a processor does not count as one that works.

export interface Cost {
  /** Until all is done, by the clock. */
  readonly ms: number;
  /** Of the process, all threads. */
  readonly cpuMs: number;
  readonly longestTurnMs: number;
}

/** Longest that an act may take, milliseconds. */
const LIMIT_MS = 60_000;

/** @param act its parts begin in turns of their own, one after the other @throws Error when it is not done in time */
export async function costOf(act: readonly (() => unknown)[], isDone: () => boolean): Promise<Cost> {
  await nextTurn();
  const started = performance.now();
  const cpu = process.cpuUsage();
  let longestTurnMs = 0;
  let isActing = true;
  const acting = (async () => {
    for (const part of act) {
      await part();
      await nextTurn();
    }
  })().finally(() => {
    isActing = false;
  });
  for (let since = started, used = cpu; isActing || !isDone(); ) {
    await nextTurn();
    const now = performance.now();
    longestTurnMs = Math.max(longestTurnMs, Math.min(now - since, milliseconds(process.cpuUsage(used))));
    if (now > started + LIMIT_MS) throw new Error("the act does not come to an end");
    since = now;
    used = process.cpuUsage();
  }
  await acting;
  return { ms: performance.now() - started, cpuMs: milliseconds(process.cpuUsage(cpu)), longestTurnMs };
}

const milliseconds = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / 1000;

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
