// SHELL. Where log lines go: a file descriptor that may be full, closed or slow. Owns the writes and what waits for them.
// Knows nothing of what a line says. Contract: `write` never throws, never ends the process and never waits; what the
// descriptor does not take is kept up to BACKLOG_LIMIT, and beyond that, or after an error, dropped and counted.
import { constants, openSync, writeSync } from "node:fs";
import { Socket } from "node:net";

export interface LogSink {
  /** @param line ends with a newline */
  write(line: string): void;
  /** Lines lost since the start. */
  dropped(): number;
  /** Last attempt before the process ends: waits for a slow reader up to `limitMs` milliseconds. */
  flush(limitMs: number): void;
}

/** Octets that may wait for a reader that is behind: some 1,000 lines, more than a burst at start. */
export const BACKLOG_LIMIT = 256 * 1024;
const RETRY_MS = 20;

/** @param fd written to through a descriptor of our own that does not block, where the system allows that */
export function createLogSink(fd: number): LogSink {
  const target = nonBlocking(fd);
  const waiting: Buffer[] = [];
  let waitingBytes = 0;
  let dropped = 0;
  /** Part of a line got out and the rest was lost: the next line must not be glued to it. */
  let torn = false;
  let headIsCut = false;
  let retry: NodeJS.Timeout | null = null;

  function drain(): boolean {
    for (let line = waiting[0]; line !== undefined; line = waiting[0]) {
      try {
        const written = writeSync(target, line);
        waitingBytes -= written;
        if (written < line.length) {
          waiting[0] = line.subarray(written);
          headIsCut = true;
          continue;
        }
        waiting.shift();
        headIsCut = false;
      } catch (error) {
        if (isBusy(error)) return false;
        dropped += waiting.length;
        torn ||= headIsCut;
        headIsCut = false;
        waiting.length = 0;
        waitingBytes = 0;
      }
    }
    return true;
  }

  function drainOrRetry(): void {
    if (drain() || retry !== null) return;
    retry = setTimeout(() => {
      retry = null;
      drainOrRetry();
    }, RETRY_MS);
    retry.unref();
  }

  return {
    write(line) {
      const bytes = Buffer.from(torn ? `\n${line}` : line);
      if (waitingBytes + bytes.length > BACKLOG_LIMIT) {
        dropped++;
        return;
      }
      torn = false;
      waiting.push(bytes);
      waitingBytes += bytes.length;
      drainOrRetry();
    },
    dropped: () => dropped,
    flush(limitMs) {
      const pause = new Int32Array(new SharedArrayBuffer(4));
      for (let waited = 0; !drain() && waited < limitMs; waited += 5) Atomics.wait(pause, 0, 0, 5);
      dropped += waiting.length;
      waiting.length = 0;
      waitingBytes = 0;
    },
  };
}

const isBusy = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "EAGAIN" || error.code === "EWOULDBLOCK");

/**
 * A reader that has stopped (a hung collector at the other end of the pipe) must not stop BGP. Opening the descriptor
 * anew gives one whose O_NONBLOCK is ours alone; a socket cannot be opened that way and is switched itself.
 */
function nonBlocking(fd: number): number {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK);
  } catch {
    try {
      switched.push(new Socket({ fd, readable: false, writable: true }).unref().on("error", () => {}));
    } catch {
      // neither pipe nor socket, or no /proc: such descriptors do not block for long
    }
    return fd;
  }
}

/** Kept for good: a collected socket would close its descriptor. */
const switched: Socket[] = [];
