// Waiting for something that a router or the speaker will do. Owns the polling loop and the message when it does not
// happen. Knows nothing of what is waited for.
// Contract: ends at the latest at the time limit, even when a probe hangs; the failure says what was waited for, what was
// seen last and what the daemons printed last.
import { setTimeout as sleep } from "node:timers/promises";

/** Anything that prints: shown in the failure message. */
export interface LogSource {
  readonly name: string;
  logTail(lines?: number): string;
}

export interface WaitOptions {
  /** Milliseconds; default 20,000: generous, for it is only seen where a test fails. */
  readonly timeoutMs?: number;
  /** Milliseconds between the end of a probe and the next one; default 25. */
  readonly everyMs?: number;
  readonly logs?: readonly LogSource[];
}

/** What was waited for did not happen in time. */
export class WaitError extends Error {
  override readonly name = "WaitError";
}

const OUT_OF_TIME = Symbol("out of time");

/**
 * Probes until `accept` says yes to what the probe returned.
 * A probe that throws counts as "not yet": daemons that are just starting refuse.
 * @returns the accepted value
 * @throws WaitError
 */
export async function waitFor<T>(
  what: string,
  probe: () => T | Promise<T>,
  accept: (seen: T) => boolean,
  options: WaitOptions = {},
): Promise<T> {
  const { timeoutMs = 20_000, everyMs = 25, logs = [] } = options;
  const deadline = performance.now() + timeoutMs;
  let last = "nothing";
  let probes = 0;
  do {
    probes++;
    try {
      const seen = await within(deadline - performance.now(), probe);
      if (seen === OUT_OF_TIME) break;
      if (accept(seen)) return seen;
      last = show(seen);
    } catch (error) {
      last = `error: ${error instanceof Error ? error.message : String(error)}`;
    }
    await sleep(everyMs);
  } while (performance.now() < deadline);
  const tails = logs.map((log) => `\n--- ${log.name}, last lines:\n${log.logTail()}`);
  throw new WaitError(`${what}: not after ${timeoutMs} ms, ${probes} probes; last seen: ${last}${tails.join("")}`);
}

async function within<T>(ms: number, probe: () => T | Promise<T>): Promise<T | typeof OUT_OF_TIME> {
  const limit = new AbortController();
  try {
    const timer = sleep(Math.max(1, ms), OUT_OF_TIME, { signal: limit.signal }).catch(() => OUT_OF_TIME);
    return await Promise.race([probe(), timer as Promise<typeof OUT_OF_TIME>]);
  } finally {
    limit.abort();
  }
}

function show(value: unknown): string {
  const text = JSON.stringify(value, (_key, v: unknown) =>
    v instanceof Map ? Object.fromEntries(v) : typeof v === "bigint" ? String(v) : v,
  );
  return text === undefined ? String(value) : text.length > 2_000 ? `${text.slice(0, 2_000)}… (cut)` : text;
}
