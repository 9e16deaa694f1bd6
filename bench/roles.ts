// How a bench talks to the processes that it makes of itself: by command line there, by JSON lines on stdout back.
// Owns this channel. Knows nothing of what is said. Contract: lines carry their own times, so that it does not matter when
// they are read; times are monotonic nanoseconds of the system, as decimal text.
import { fileURLToPath } from "node:url";
import type { LabProcess } from "../lab/process.ts";
import { until } from "./children.ts";

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

/**
 * The first line of that event that a process in a role has said, as soon as it has.
 * @param also programs without which there will be no such line
 * @returns its fields as text
 */
export async function hear(
  program: LabProcess,
  event: string,
  ...also: readonly LabProcess[]
): Promise<(field: string) => string> {
  const line = await until(`"${event}" from ${program.name}`, [program, ...also], () => {
    const lines = program.output().split("\n").slice(0, -1); // the last one may not be complete
    return lines.find((text) => text.startsWith(`{"event":"${event}"`)) ?? null;
  });
  const said = JSON.parse(line) as Said;
  return (field) => String(said[field] ?? "");
}
