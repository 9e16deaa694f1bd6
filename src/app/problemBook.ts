// Everything that is wrong now, whoever found it. Owns the one list of it, what of it has been told, and since when what is in force is
// not what was written. Knows no problem itself: source and decision write theirs down, the other parts are asked. Contract: `tell`
// reports differences only; whoever finds or loses a problem calls it, directly or by writing.
import type { Clock } from "../kernel/clock.ts";
import type { ConfigProblem } from "../kernel/problem.ts";
import type { Millis } from "../kernel/units.ts";
import { problemKey, problemsByKey } from "../observe/problemLog.ts";

interface Place {
  readonly file: string;
  readonly line: number;
}

export interface ProblemBookSurroundings {
  readonly clock: Clock;
  /** What the parts of the daemon find beside source and decision. */
  readonly running: () => readonly ConfigProblem[];
  /** Where the field that a problem is about was read; null: in no file. */
  readonly locate: (problem: ConfigProblem) => Place | null;
  /** The list has been looked through. @param before and @param after by problemsByKey, possibly alike */
  readonly told: (before: ReadonlyMap<string, ConfigProblem>, after: ReadonlyMap<string, ConfigProblem>) => void;
}

export class ProblemBook {
  readonly #around: ProblemBookSurroundings;
  #source: readonly ConfigProblem[] = [];
  #decision: readonly ConfigProblem[] = [];
  #told: ReadonlyMap<string, ConfigProblem> = new Map();
  /** Where what was told stood, by its key without a place. */
  #places: ReadonlyMap<string, Place> = new Map();
  #arrivals = 0;
  #staleSince: Millis | null = null;

  constructor(around: ProblemBookSurroundings) {
    this.#around = around;
  }

  /** What the source found wrong while reading, with file and line of its own. */
  get source(): readonly ConfigProblem[] {
    return this.#source;
  }

  /** How often something that was written got an error that it had not had before. */
  get arrivals(): number {
    return this.#arrivals;
  }

  /**
   * Since when something that was written has an error; null: nothing has. What is in force is not what was written until the last one
   * is gone. What the running parts find, such as a link that is down, says nothing against what was written.
   */
  get staleSince(): Millis | null {
    return this.#staleSince;
  }

  /** Everything that is wrong now, with file and line where it has one. */
  all(): readonly ConfigProblem[] {
    return [...this.#written(), ...this.#around.running().map((p) => this.#located(p))];
  }

  #written(): readonly ConfigProblem[] {
    return [...this.#source, ...this.#decision.map((p) => this.#located(p))];
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
    const errors = problemsByKey(this.#written().filter((p) => p.severity === "error"));
    if ([...errors.keys()].some((key) => !before.has(key))) this.#arrivals++;
    this.#staleSince = errors.size > 0 ? (this.#staleSince ?? clock.now()) : null;
    this.#places = new Map([...now.values()].flatMap(placeByKey));
    this.#told = now;
    told(before, now);
  }

  #located(problem: ConfigProblem): ConfigProblem {
    if (problem.file !== undefined) return problem;
    // an object that has just gone has no place any more, and its problem stands until the next decision
    return { ...problem, ...(this.#around.locate(problem) ?? this.#places.get(problemKey(problem))) };
  }
}

const placeByKey = ({ file, line, ...problem }: ConfigProblem): readonly (readonly [string, Place])[] =>
  file === undefined || line === undefined ? [] : [[problemKey(problem), { file, line }]];
