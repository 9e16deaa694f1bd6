// What every bench is to bench/main.ts, and what it is told. Owns these types only.
import type { Ratio, Result } from "./report.ts";

export interface BenchOptions {
  /** Fewer trials: the whole run stays under a minute. */
  readonly quick: boolean;
  /** One line for whoever waits; goes to stderr. */
  readonly progress: (line: string) => void;
}

export interface Measured {
  readonly results: readonly Result[];
  readonly ratios: readonly Ratio[];
  /** Programs that took part besides vipcast, with their versions. */
  readonly versions: Readonly<Record<string, string>>;
  readonly notes: readonly string[];
}

export interface Bench {
  readonly name: string;
  /** For the list of benches. */
  readonly summary: string;
  run(options: BenchOptions): Promise<Measured>;
}
