// How a message to the operator is made: from a table, by its id. Owns the form of such tables and the filling of their texts;
// the tables stand beside the code that speaks (sources/messages.ts, announce/messages.ts, …) and are joined in docs/messages.md.
// Convention: whoever has something new to tell adds an entry to the table of its room (id, text, cause, cure), and says it with
// that room's `say`. Contract: a `Said` comes from a table alone, so that what is not listed cannot be told.

export interface MessageEntry {
  /** With `{holes}` for what varies; follows the field path it is about, so it begins in lower case. */
  readonly text: string;
  /** Why an operator meets it: what was written, or what is the matter. */
  readonly cause: string;
  /** What to do about it, in a whole sentence; the hint, unless the code knows a closer one. May have holes, too. */
  readonly cure: string;
}

export type MessageTable = Readonly<Record<string, MessageEntry>>;

type Holes<T extends string> = T extends `${string}{${infer Hole}}${infer Rest}` ? Hole | Holes<Rest> : never;
type HolesOf<E extends MessageEntry> = Holes<E["text"] | E["cure"]>;
type Values<E extends MessageEntry> = Readonly<Record<HolesOf<E>, string | number>>;
type Rest<E extends MessageEntry> = [HolesOf<E>] extends [never]
  ? [values?: Readonly<Record<string, never>>, hint?: string]
  : [values: Values<E>, hint?: string];

declare const listed: unique symbol;

/** A message of a table with its holes filled. */
export interface Said {
  readonly message: string;
  readonly hint: string;
  readonly [listed]: true;
}

export type Say<T extends MessageTable> = <K extends keyof T & string>(id: K, ...rest: Rest<T[K]>) => Said;

/** The same message with another hint. */
export const withHint = (said: Said, hint: string): Said => ({ ...said, hint });

/** The one way from a table to a message. A hint that is given and not empty takes the place of the cure. */
export const sayFrom =
  <const T extends MessageTable>(table: T): Say<T> =>
  (id, ...rest) => {
    const [values, hint = ""] = rest;
    const entry: MessageEntry | undefined = table[id];
    const fill = (text: string): string =>
      text.replace(/\{(\w+)\}/g, (_, hole: string) => String(values?.[hole as never]));
    return { message: fill(entry?.text ?? id), hint: hint === "" ? fill(entry?.cure ?? "") : hint } as Said;
  };
