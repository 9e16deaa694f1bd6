// The validation rules (CEL) of the definitions that this server is given, each written by hand. Owns the table from a rule's
// text to what it means. Knows nothing of schemas. Contract: a rule without an entry here is refused when the definition is
// made: a rule that is not held must not look as if it were.
import type { Json } from "./objects.ts";

/** @param before null: there is none. A rule on `oldSelf` holds then. */
export type Rule = (self: Json, before: Json | null) => boolean;

const RULES: Readonly<Record<string, Rule>> = {};

/** @throws Error when the rule is not known here */
export function celRule(rule: string): Rule {
  const known = RULES[rule];
  if (known === undefined) throw new Error(`the validation rule is not known here, add it to cel.ts: ${rule}`);
  return known;
}
