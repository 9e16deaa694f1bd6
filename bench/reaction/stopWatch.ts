// From a change to its UPDATE at the peer: the same stop watch for everyone. Owns the sink and the time between the start
// of the act and the arrival of the octets. Knows no injector. Contract: one trial at a time; a trial that is not answered
// within a minute fails the bench, so that no figure is missing unnoticed.
import { setTimeout as sleep } from "node:timers/promises";
import type { LabProcess } from "../../lab/process.ts";
import { until, within } from "../children.ts";
import { Sink } from "../sink.ts";
import { saysAbout, Tally } from "../wire.ts";

/** After a table has arrived, so that the program has put its tools away. */
const SETTLE_MS = 500;

export type Word = "announced" | "withdrawn";

export class StopWatch {
  readonly #sink: Sink;
  readonly #state: State;

  private constructor(sink: Sink, state: State) {
    this.#sink = sink;
    this.#state = state;
  }

  static async start(): Promise<StopWatch> {
    const state: State = { tally: new Tally(), firstAt: null, lastAt: 0n, target: null, isMet: false, arrived: null };
    const sink = await Sink.listen({
      update: (bytes, start, end) => {
        state.tally.add(bytes, start, end);
        state.lastAt = process.hrtime.bigint();
        if (state.tally.announced > 0) state.firstAt ??= state.lastAt;
        const { target } = state;
        if (target !== null && saysAbout(bytes, start, end, target.address) === target.word) state.isMet = true;
      },
      chunk: (at) => {
        if (!state.isMet) return;
        state.isMet = false;
        state.arrived?.(at);
      },
    });
    return new StopWatch(sink, state);
  }

  get port(): number {
    return this.#sink.port;
  }

  /** Counts announcements from nothing again, for a program that starts anew. */
  forget(): void {
    this.#state.tally = new Tally();
    this.#state.firstAt = null;
  }

  /** When the first and the last of so many announcements arrived, monotonic nanoseconds of the system. @throws Error as `loaded` */
  async table(count: number, program: LabProcess): Promise<{ readonly firstAt: bigint; readonly lastAt: bigint }> {
    return until(`a table of ${count} routes`, [program], () => {
      const { tally, firstAt, lastAt } = this.#state;
      return tally.announced >= count && firstAt !== null ? { firstAt, lastAt } : null;
    });
  }

  /** Resolves when so many routes have arrived and all is quiet. @throws Error when too late */
  async loaded(count: number, program: LabProcess): Promise<void> {
    await this.table(count, program);
    await sleep(SETTLE_MS);
  }

  /**
   * Milliseconds from just before `act` until an UPDATE that says this about the address is in this process.
   * @param address unsigned 32 bits
   * @throws Error when that does not come, or when `act` fails
   */
  async time(address: number, word: Word, act: () => unknown, program: LabProcess): Promise<number> {
    const started = process.hrtime.bigint();
    return Number((await this.arrival(address, word, act, program)) - started) / 1e6;
  }

  /** As `time`. @returns monotonic nanoseconds of the system at which it was there, for who knows better when the act began */
  async arrival(address: number, word: Word, act: () => unknown, program: LabProcess): Promise<bigint> {
    const arrival = new Promise<bigint>((resolve) => {
      this.#state.arrived = resolve;
    });
    this.#state.target = { address, word };
    const acted = Promise.resolve(act());
    const arrived = await within(`the UPDATE (${word})`, Promise.race([arrival, failureOf(acted)]), program);
    this.#state.target = null;
    await acted;
    return arrived;
  }

  close(): Promise<void> {
    return this.#sink.close();
  }
}

interface State {
  tally: Tally;
  firstAt: bigint | null;
  lastAt: bigint;
  target: { readonly address: number; readonly word: Word } | null;
  isMet: boolean;
  arrived: ((at: bigint) => void) | null;
}

/** Rejects as the promise does, but never resolves: success is told by the wire. */
const failureOf = (acted: Promise<unknown>): Promise<never> => new Promise((_, reject) => acted.catch(reject));
