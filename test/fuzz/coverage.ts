// Tells whether a run reached code that no earlier run reached, from V8's block coverage. Owns the record of what ran. Knows
// nothing of inputs. Contract: one instance per process; `isNew` speaks of everything that ran since it was asked last.
import { Session } from "node:inspector";

interface CoverageReport {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly {
      readonly ranges: readonly { readonly startOffset: number; readonly endOffset: number; readonly count: number }[];
    }[];
  }[];
}

export class Coverage {
  readonly #session = new Session();
  /** By octet of this program's text: it has run. */
  #ran = new Uint8Array(0);

  constructor() {
    this.#session.connect();
    this.#post("Profiler.enable");
    this.#post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** Octets of the program's text that have run. */
  get size(): number {
    return this.#ran.reduce((sum, ran) => sum + ran, 0);
  }

  /** @param keep from now on it is not new any more */
  isNew(keep: boolean): boolean {
    const { result } = this.#post("Profiler.takePreciseCoverage") as CoverageReport;
    const own = result.find((script) => script.url === import.meta.url);
    if (own === undefined) return false;
    const end = own.functions.reduce((most, f) => Math.max(most, f.ranges[0]?.endOffset ?? 0), this.#ran.length);
    const now = new Uint8Array(end);
    // outer ranges come before the inner ones that correct them
    for (const { ranges } of own.functions) {
      for (const { startOffset, endOffset, count } of ranges) now.fill(count > 0 ? 1 : 0, startOffset, endOffset);
    }
    const before = this.#ran;
    const isNew = now.some((ran, i) => ran > (before[i] ?? 0));
    if (keep && isNew) this.#ran = now.map((ran, i) => ran | (before[i] ?? 0));
    return isNew;
  }

  /** From now on the code runs at its full speed again. */
  close(): void {
    this.#post("Profiler.stopPreciseCoverage");
    this.#post("Profiler.disable");
    this.#session.disconnect();
  }

  /** Answers come before `post` returns: the debugger's target is this very thread. */
  #post(method: string, parameters: object = {}): unknown {
    let answer: unknown = null;
    this.#session.post(method, parameters, (error: Error | null, result: unknown) => {
      if (error !== null) throw error;
      answer = result;
    });
    return answer;
  }
}
