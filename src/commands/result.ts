// What a command that ends by itself gives back to main.ts, which alone prints and exits.
import type { Said } from "../kernel/messages.ts";

export interface CommandResult {
  /** For standard output. */
  readonly output: string;
  /** For standard error. */
  readonly error?: string;
  /** 3 and 4 are those of `plan`; 3 of `drain`: not proven at every peer. */
  readonly exitCode: 0 | 1 | 2 | 3 | 4;
}

/** The call's words are off: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";

  constructor({ message }: Said) {
    super(message);
  }
}
