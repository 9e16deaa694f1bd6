// How a bench talks to the processes that it makes of itself: by command line there, by JSON lines on stdout back.
// Owns this channel. Knows nothing of what is said. Contract: lines carry their own times, so that it does not matter when
// they are read; times are monotonic nanoseconds of the system, as decimal text.
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { LabProcess } from "../lab/process.ts";

/** Command line that runs this program in another role. */
export const roleCommand = (role: string, ...args: readonly (string | number)[]): readonly string[] => [
  process.execPath,
  fileURLToPath(import.meta.url),
  role,
  ...args.map(String),
];

type Said = Readonly<Record<string, string | number>>;

export const say = (event: string, fields: Said = {}): void => {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
};

export const now = (): string => String(process.hrtime.bigint());

/** Milliseconds between two times of `now`. */
export const between = (from: string, to: string): number => Number(BigInt(to) - BigInt(from)) / 1e6;

/** The first line of that event that a process in a role has said, as soon as it has. */
export async function hear(program: LabProcess, event: string): Promise<(field: string) => string> {
  for (;;) {
    const line = program
      .output()
      .split("\n")
      .find((text) => text.startsWith(`{"event":"${event}"`));
    if (line !== undefined) {
      const said = JSON.parse(line) as Said;
      return (field) => String(said[field] ?? "");
    }
    // rarely: two processes are being measured on what may be two cores
    await sleep(20);
  }
}
