// Everything that is wrong now, whoever found it. Owns the one list of it, what of it has been told, and since when what is in force is
// not what was written. Knows no problem itself: source and decision write theirs down, the other parts are asked. Contract: `tell`
// reports differences only; whoever finds or loses a problem calls it, directly or by writing.
import type { Clock } from "../kernel/clock.ts";
import type { ConfigProblem } from "../kernel/problem.ts";
import type { Millis } from "../kernel/units.ts";
import { problemsByKey } from "../observe/problemLog.ts";

export interface ProblemBookSurroundings {
  readonly clock: Clock;
  /** What the parts of the daemon find beside source and decision. */
  readonly running: () => readonly ConfigProblem[];
  /** Where the field that a problem is about was read; null: in no file. */
  readonly locate: (problem: ConfigProblem) => { readonly file: string; readonly line: number } | null;
  /** The list has been looked through. @param before and @param after by problemsByKey, possibly alike */
  readonly told: (before: ReadonlyMap<string, ConfigProblem>, after: ReadonlyMap<string, ConfigProblem>) => void;
}

export class ProblemBook {
  readonly #around: ProblemBookSurroundings;
  #source: readonly ConfigProblem[] = [];
  #decision: readonly ConfigProblem[] = [];
  #told: ReadonlyMap<string, ConfigProblem> = new Map();
  #arrivals = 0;
  #staleSince: Millis | null = null;

  constructor(around: ProblemBookSurroundings) {
    this.#around = around;
  }

  /** What the source found wrong while reading, with file and line of its own. */
  get source(): readonly ConfigProblem[] {
    return this.#source;
  }

  /** How often something was told that had not been wrong before. */
  get arrivals(): number {
    return this.#arrivals;
  }

  /** Since when something is an error; null: nothing is. What is in force is not what was written until the last one is gone. */
  get staleSince(): Millis | null {
    return this.#staleSince;
  }

  /** Everything that is wrong now, with file and line where it has one. */
  all(): readonly ConfigProblem[] {
    const found = [...this.#decision, ...this.#around.running()];
    return [...this.#source, ...found.map((p) => this.#located(p))];
  }

  sourceFound(problems: readonly ConfigProblem[]): void {
    this.#source = problems;
    this.tell();
  }

  decisionFound(problems: readonly ConfigProblem[]): void {
    this.#decision = problems;
    this.tell();
  }

  tell(): void {
    const { clock, told } = this.#around;
    const before = this.#told;
    const now = problemsByKey(this.all());
    const isWrong = [...now.values()].some((p) => p.severity === "error");
    if ([...now.keys()].some((key) => !before.has(key))) this.#arrivals++;
    this.#staleSince = isWrong ? (this.#staleSince ?? clock.now()) : null;
    this.#told = now;
    told(before, now);
  }

  #located(problem: ConfigProblem): ConfigProblem {
    const place = problem.file === undefined ? this.#around.locate(problem) : null;
    return place === null ? problem : { ...problem, ...place };
  }
}
