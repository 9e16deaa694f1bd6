// What the reaction bench asks of everyone: a program with a table that can take one route back and give it again.
// Owns the contract and the trials. Knows no particular program.
import { setTimeout as sleep } from "node:timers/promises";
import type { LabProcess } from "../../lab/process.ts";
import type { Workshop } from "../children.ts";
import { addressOf } from "../inject/table.ts";
import type { Who } from "../report.ts";
import type { StopWatch } from "./stopWatch.ts";

export interface Injector {
  readonly program: LabProcess;
  /**
   * Makes everything ready to announce or withdraw one of the routes.
   * @returns the act itself, which is timed from its first instruction on
   */
  prepare(route: number, isAnnounced: boolean): () => unknown;
  /** What the program itself says it took for the changes since the last call, milliseconds; empty when it says nothing. */
  ownFigures(): readonly number[];
  close(): void;
}

/** One way to make one program change a route. */
export interface Way {
  readonly who: Who;
  /** For people, e.g. `rename of a manifest`. */
  readonly how: string;
  /** Starts the program with the routes 0 … count - 1 (see inject/table.ts) and a session to the stop watch. */
  start(workshop: Workshop, sinkPort: number, count: number): Promise<Injector>;
}

export interface Reactions {
  /** Milliseconds, one per trial. */
  readonly times: readonly number[];
  readonly ownFigures: readonly number[];
}

/** Milliseconds between two trials, drawn evenly: so that no trial falls into the rhythm of a timer. */
const PAUSE_MS = { least: 5, most: 25 } as const;

/**
 * Withdraws and announces a route in turn, another one each time a route is back.
 * @param limitMs no trial begins after that, so that slow ways have fewer of them
 */
export async function takeTrials(
  watch: StopWatch,
  injector: Injector,
  count: number,
  trials: number,
  limitMs: number,
): Promise<Reactions> {
  const times: number[] = [];
  injector.ownFigures();
  const end = performance.now() + limitMs;
  for (let trial = 0; trial < trials && performance.now() < end; trial++) {
    const isAnnounced = trial % 2 === 1;
    // a stride that shares no factor with the table sizes, so that the routes lie far apart
    const route = ((trial >> 1) * 7919) % count;
    const act = injector.prepare(route, isAnnounced);
    await sleep(PAUSE_MS.least + Math.random() * (PAUSE_MS.most - PAUSE_MS.least));
    const word = isAnnounced ? "announced" : "withdrawn";
    times.push(await watch.time(addressOf(route), word, act, injector.program));
  }
  await sleep(PAUSE_MS.most);
  return { times, ownFigures: injector.ownFigures() };
}
