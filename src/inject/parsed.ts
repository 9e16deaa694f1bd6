// What reading something from outside gives: a value, or what is said instead. Owns the shape only. Knows nothing of commands. Contract:
// whoever returns it never throws.
import type { Said } from "../kernel/messages.ts";

export type Refusal = { readonly ok: false } & Said;

export type Parsed<T> = { readonly ok: true; readonly value: T } | Refusal;

export const taken = <T>(value: T): Parsed<T> => ({ ok: true, value });
export const refused = (said: Said): Refusal => ({ ok: false, ...said });
