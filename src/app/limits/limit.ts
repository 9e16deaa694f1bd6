// A limit as docs/limits.md lists it, and how its numbers are written. Owns the form only: the tables stand beside it by theme. Knows no
// limit. Contract: a value is made from the constant that is in force, never typed in again, so that the page cannot lie.
export interface Limit {
  readonly what: string;
  readonly value: string;
  readonly why: string;
  /** What happens there. */
  readonly there: string;
}

/** Limits that concern one part of the daemon. */
export interface LimitTheme {
  readonly title: string;
  readonly limits: readonly Limit[];
}

export const kib = (octets: number): string => `${octets / 1024} KiB`;
export const seconds = (ms: number): string => `${ms / 1000} s`;
export const micros = (us: number): string => seconds(us / 1000);
