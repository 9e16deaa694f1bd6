// The validation rules (CEL) of the definitions that this server is given, each written by hand. Owns the table from a rule's
// text to what it means. Knows nothing of schemas. Contract: a rule without an entry here is refused when the definition is
// made: a rule that is not held must not look as if it were.
import { parseGoDuration } from "../../src/kernel/goDuration.ts";
import { isEqual, type Json, list, object, text } from "./objects.ts";

/** @param before null: there is none. A rule on `oldSelf` holds then. */
export type Rule = (self: Json, before: Json | null) => boolean;

/** Unset, false, zero or empty. */
const isNone = (value: Json | undefined): boolean =>
  value === undefined || value === "" || value === 0 || value === false;

const millis = (value: Json): number => parseGoDuration(text(value)) ?? Number.NaN;

const RULES: Readonly<Record<string, Rule>> = {
  "self == oldSelf": (self, before) => before === null || isEqual(self, before),
  "duration(self).getSeconds() >= 1 && duration(self).getSeconds() <= 65535": (self) =>
    Math.trunc(millis(self) / 1000) >= 1 && Math.trunc(millis(self) / 1000) <= 65535,
  "duration(self).getMilliseconds() % 1000 == 0": (self) => millis(self) % 1000 === 0,
  "(has(self.peerASN) && self.peerASN != 0) != (has(self.dynamicASN) && self.dynamicASN != '')": (self) =>
    isNone(object(self).peerASN) !== isNone(object(self).dynamicASN),
  "(has(self.peerAddress) && self.peerAddress != '') != (has(self.interface) && self.interface != '')": (self) =>
    isNone(object(self).peerAddress) !== isNone(object(self).interface),
  "!has(self.password) || self.password == '' || !has(self.passwordSecret) || !has(self.passwordSecret.name) || self.passwordSecret.name == ''":
    (self) => isNone(object(self).password) || isNone(object(object(self).passwordSecret).name),
  "!has(self.ebgpMultiHop) || !self.ebgpMultiHop || !has(self.peerASN) || self.peerASN != self.myASN": (self) =>
    isNone(object(self).ebgpMultiHop) || object(self).peerASN !== object(self).myASN,
  "!has(self.serviceSelectors) || size(self.serviceSelectors) == 0 || ((!has(self.aggregationLength) || self.aggregationLength == 32) && (!has(self.aggregationLengthV6) || self.aggregationLengthV6 == 128))":
    (self) => {
      const { serviceSelectors, aggregationLength = 32, aggregationLengthV6 = 128 } = object(self);
      return list(serviceSelectors).length === 0 || (aggregationLength === 32 && aggregationLengthV6 === 128);
    },
};

/** @throws Error when the rule is not known here */
export function celRule(rule: string): Rule {
  const known = RULES[rule];
  if (known === undefined) throw new Error(`the validation rule is not known here, add it to cel.ts: ${rule}`);
  return known;
}
