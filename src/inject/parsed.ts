// What reading something from outside gives: a value, or a fault with its cure. Owns the shape only. Knows nothing of commands. Contract:
// whoever returns it never throws.
export interface Fault {
  readonly message: string;
  /** What to do about it; may be empty. */
  readonly hint: string;
}

export type Parsed<T> = { readonly ok: true; readonly value: T } | ({ readonly ok: false } & Fault);

export const taken = <T>(value: T): Parsed<T> => ({ ok: true, value });
export const refused = (message: string, hint = ""): { readonly ok: false } & Fault => ({ ok: false, message, hint });
