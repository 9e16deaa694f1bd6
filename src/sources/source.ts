// What the daemon asks of a source of objects, whichever it is. Types only: nothing downstream of the store may know the source.
import type { ConfigProblem, ObjectRef } from "../kernel/problem.ts";
import type { Millis } from "../kernel/units.ts";
import type { StoreChange } from "./store.ts";

export interface SourceCallbacks {
  /** Never empty. @param info.receivedAt monotonic milliseconds at which the cause was noticed. */
  readonly changed: (changes: readonly StoreChange[], info: { readonly receivedAt: Millis }) => void;
  /** All problems there are now, also when there are none any more. */
  readonly problemsChanged: (problems: readonly ConfigProblem[]) => void;
  /** Once: the store now holds everything the source had. */
  readonly listed: () => void;
}

export interface Source {
  /** Settles when the source is followed, which may be before it has been read once. */
  start(): Promise<void>;
  /** Reads everything again (SIGHUP). */
  rescan(): Promise<void>;
  stop(): void;
  /** What keeps the first complete reading, in words; null: nothing is known to. */
  waitingFor(): string | null;
  /** Where a field of an object in force was read, where that is a file. */
  locate(ref: ObjectRef, path: string): { readonly file: string; readonly line: number } | null;
}
