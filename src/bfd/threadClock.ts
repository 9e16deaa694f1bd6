// SHELL: time and randomness of the BFD thread. Owns how they are made. Knows nothing of what they are for.
// Contract: time is the system's monotonic clock in whole microseconds, the same in every thread; randomness is
// unpredictable and costs no system call per number.
import { createHash, getRandomValues } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { Random } from "../kernel/clock.ts";
import type { Digest } from "./auth.ts";
import type { Micros } from "./protocol.ts";

/** From this thread's `performance.now()`, which begins when the thread does, to the system's clock; milliseconds. */
const OFFSET = measureOffset();

function measureOffset(): number {
  const before = performance.now();
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1e6 - (before + performance.now()) / 2;
}

export const monotonicMicros = (): Micros => Math.floor((performance.now() + OFFSET) * 1_000);

/** A time of the BFD thread as this thread's `performance.now()` has it, milliseconds. */
export const localMillis = (at: Micros): number => at / 1_000 - OFFSET;

const POOL_SIZE = 1_024;

/** Numbers of the system's generator, fetched in bulk. */
export function pooledRandom(): Random {
  const pool = new Uint32Array(POOL_SIZE);
  let next = POOL_SIZE;
  return {
    next() {
      if (next === POOL_SIZE) {
        getRandomValues(pool);
        next = 0;
      }
      return (pool[next++] ?? 0) / 0x1_0000_0000;
    },
  };
}

export const nodeDigest: Digest = (algorithm, bytes) => createHash(algorithm).update(bytes).digest();
