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
    const state: State = { tally: new Tally(), target: null, isMet: false, arrived: null };
    const sink = await Sink.listen({
      update: (bytes, start, end) => {
        state.tally.add(bytes, start, end);
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

  /** Resolves when so many routes have arrived and all is quiet. @throws Error when too late */
  async loaded(count: number, program: LabProcess): Promise<void> {
    const { tally } = this.#state;
    await until(`a table of ${count} routes`, [program], () => (tally.announced >= count ? true : null));
    await sleep(SETTLE_MS);
  }

  /**
   * Milliseconds from just before `act` until an UPDATE that says this about the address is in this process.
   * @param address unsigned 32 bits
   * @throws Error when that does not come, or when `act` fails
   */
  async time(address: number, word: Word, act: () => unknown, program: LabProcess): Promise<number> {
    const arrival = new Promise<bigint>((resolve) => {
      this.#state.arrived = resolve;
    });
    this.#state.target = { address, word };
    const started = process.hrtime.bigint();
    const acted = Promise.resolve(act());
    const arrived = await within(`the UPDATE (${word})`, Promise.race([arrival, failureOf(acted)]), program);
    this.#state.target = null;
    await acted;
    return Number(arrived - started) / 1e6;
  }

  close(): Promise<void> {
    return this.#sink.close();
  }
}

interface State {
  readonly tally: Tally;
  target: { readonly address: number; readonly word: Word } | null;
  isMet: boolean;
  arrived: ((at: bigint) => void) | null;
}

/** Rejects as the promise does, but never resolves: success is told by the wire. */
const failureOf = (acted: Promise<unknown>): Promise<never> => new Promise((_, reject) => acted.catch(reject));
