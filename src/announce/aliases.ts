// Aliases of communities: what Community objects make of them, and what the lists that name them stand for. Owns alias resolution over
// all Community objects (metallb-compat 1.6, 3.8). Must not know what the lists are for.
// Contract: pure; every fault is listed, and what is faulty is left out.
import { type ConfigProblem, type ObjectRef, problemOf, refText } from "../kernel/problem.ts";
import { listed, nameHint } from "../kernel/suggest.ts";
import { compareAge } from "./age.ts";
import { type CommunityValue, parseCommunityLiteral, resolveCommunity, sortCommunities } from "./communities.ts";
import { say } from "./messages.ts";
import type { CommunityObject } from "./model.ts";

export interface Aliases {
  readonly values: ReadonlyMap<string, CommunityValue>;
  /** All Community objects there are, also those out: for the message about an unknown alias. */
  readonly objects: readonly CommunityObject[];
  readonly problems: readonly ConfigProblem[];
}

/** Oldest first; an object with a value that is no literal, or an alias that exists already, is out as a whole. */
export function collectAliases(objects: Iterable<CommunityObject>): Aliases {
  const values = new Map<string, CommunityValue>();
  const owners = new Map<string, CommunityObject>();
  const problems: ConfigProblem[] = [];
  const sorted = [...objects].sort(compareAge);
  for (const object of sorted) {
    const own = new Map<string, CommunityValue>();
    const faults: ConfigProblem[] = [];
    for (const { name, value, path } of object.aliases) {
      const owner = own.has(name) ? object : owners.get(name);
      const parsed = parseCommunityLiteral(value);
      if (owner !== undefined) {
        faults.push(problemOf(object.ref, path, say("olderAlias", { name, older: refText(owner.ref) })));
      }
      if (parsed.type === "value") own.set(name, parsed.community);
      else {
        const fault = parsed.type === "invalid" ? parsed.said : say("aliasValue", { text: value });
        faults.push(problemOf(object.ref, path, fault));
      }
    }
    problems.push(...faults);
    if (faults.length > 0) continue;
    for (const [name, value] of own) {
      values.set(name, value);
      owners.set(name, object);
    }
  }
  return { values, objects: sorted, problems };
}

/** Literals and aliases of one list; faulty ones are left out and told. */
export function resolveAll(
  ref: ObjectRef,
  listPath: string,
  texts: readonly string[],
  aliases: Aliases,
): { readonly values: readonly CommunityValue[]; readonly problems: readonly ConfigProblem[] } {
  const values: CommunityValue[] = [];
  const problems: ConfigProblem[] = [];
  for (const [i, text] of texts.entries()) {
    const parsed = resolveCommunity(text, aliases.values);
    const path = `${listPath}[${i}]`;
    if (parsed.type === "value") values.push(parsed.community);
    else if (parsed.type === "invalid") problems.push(problemOf(ref, path, parsed.said));
    else {
      const there = aliases.objects.length === 0 ? "none" : listed(aliases.objects.map((c) => c.ref.name));
      const hint = nameHint(text, [...aliases.values.keys()], "alias in force");
      problems.push(problemOf(ref, path, say("unknownAlias", { text, there }, hint)));
    }
  }
  const distinct = sortCommunities(values);
  const count = distinct.communities.length + distinct.largeCommunities.length;
  if (count > MAX_COMMUNITIES) {
    const said = say("manyCommunities", { count, max: MAX_COMMUNITIES });
    problems.push(problemOf(ref, listPath, said));
  }
  return { values, problems };
}

/** As every mode of MetalLB has it: what fits an attribute of 255 octets (metallb-compat 2.5). */
export const MAX_COMMUNITIES = 63;
