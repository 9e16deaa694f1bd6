// Aliases of communities: what Community objects make of them, and what the lists that name them stand for. Owns alias resolution over
// all Community objects (metallb-compat 1.6, 3.8) and the memory of what a list stood for, so that an alias that is taken away from who
// uses it costs no route (docs/adr/0011). Must not know what the lists are for. Contract: pure; the memory comes from the
// configuration before and goes to the next one, and it counts only for a text that means nothing without it.
import { formatCommunity, formatLargeCommunity } from "../bgp/wire/registry.ts";
import { type ConfigProblem, type ObjectRef, problemOf, refKey, refText } from "../kernel/problem.ts";
import { listed, nameHint } from "../kernel/suggest.ts";
import { compareAge } from "./age.ts";
import { type CommunityValue, parseCommunityLiteral, resolveCommunity, sortCommunities } from "./communities.ts";
import { say } from "./messages.ts";
import type { CommunityObject } from "./model.ts";

/** By the refKey of an object in force, the value of each alias that it names. */
export type UsedAliases = ReadonlyMap<string, ReadonlyMap<string, CommunityValue>>;
export const NONE_USED: UsedAliases = new Map();

export interface Aliases {
  readonly values: ReadonlyMap<string, CommunityValue>;
  /** In the configuration before. */
  readonly used: UsedAliases;
  /** All Community objects there are, also those out: for the message about an unknown alias. */
  readonly objects: readonly CommunityObject[];
  readonly problems: readonly ConfigProblem[];
}

/** Oldest first; an object with a value that is no literal, or an alias that exists already, is out as a whole. */
export function collectAliases(objects: Iterable<CommunityObject>, used: UsedAliases = NONE_USED): Aliases {
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
  return { values, used, objects: sorted, problems };
}

/** One list of literals and aliases. */
export interface Resolved {
  readonly values: readonly CommunityValue[];
  /** The aliases among the texts, with what each stands for. */
  readonly used: ReadonlyMap<string, CommunityValue>;
  /** Aliases that are gone, of which the last value is among `values`. */
  readonly kept: readonly ConfigProblem[];
  /** Texts that are not among `values`, and too many of them. */
  readonly problems: readonly ConfigProblem[];
}

/** @param ref whose list it is: it keeps what it has used, and nobody else's */
export function resolveAll(ref: ObjectRef, listPath: string, texts: readonly string[], aliases: Aliases): Resolved {
  const values: CommunityValue[] = [];
  const used = new Map<string, CommunityValue>();
  const kept: ConfigProblem[] = [];
  const problems: ConfigProblem[] = [];
  const there = aliases.objects.length === 0 ? "none" : listed(aliases.objects.map((c) => c.ref.name));
  for (const [i, text] of texts.entries()) {
    const parsed = resolveCommunity(text, aliases.values);
    const path = `${listPath}[${i}]`;
    const last = parsed.type === "value" ? undefined : aliases.used.get(refKey(ref))?.get(text);
    const value = parsed.type === "value" ? parsed.community : last;
    if (value !== undefined) values.push(value);
    if (value !== undefined && (last !== undefined || aliases.values.has(text))) used.set(text, value);
    if (last !== undefined) {
      kept.push(problemOf(ref, path, say("aliasKept", { text, there, value: textOf(last) })));
    } else if (parsed.type === "invalid") problems.push(problemOf(ref, path, parsed.said));
    else if (parsed.type === "unknownAlias") {
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
  return { values, used, kept, problems };
}

const textOf = (community: CommunityValue): string =>
  community.type === "standard" ? formatCommunity(community.value) : `large:${formatLargeCommunity(community.value)}`;

/** As every mode of MetalLB has it: what fits an attribute of 255 octets (metallb-compat 2.5). */
export const MAX_COMMUNITIES = 63;
