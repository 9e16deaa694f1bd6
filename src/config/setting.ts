// What a setting is: the one description that flag, environment name, file key, default, help and documentation are made of. Owns the type
// only; the tables of settings stand beside it by theme, and schema.ts joins them. Contract: `read` takes whatever a file or a flag
// holds, and says what is wrong with it in words for operators.
import type { Reader } from "./readers.ts";

export interface Setting<T> {
  /** Long flag without dashes. */
  readonly flag: string;
  /** Environment names, the first one set to more than nothing wins. */
  readonly env: readonly string[];
  /** Stands for the value in help; null for a switch. */
  readonly placeholder: string | null;
  readonly fallback: T;
  readonly read: Reader<T>;
  /** One sentence without its dot. */
  readonly help: string;
}

/** A table of them, by file key. */
export type Settings<Config> = { readonly [K in keyof Config]: Setting<Config[K]> };
