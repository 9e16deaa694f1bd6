// A prefix as an operator has to write it. Owns the refusal of what is a slip, and of what no router should be told. Knows nothing of
// commands, nor of what is announced. Contract: pure; never throws; a prefix that is taken is exactly the one that was written.
import {
  formatIp,
  formatPrefix,
  ipEquals,
  maxPrefixLength,
  type Prefix,
  parseIp,
  parsePrefix,
  prefixOf,
} from "../kernel/ip.ts";
import { quote } from "../kernel/text.ts";
import { say } from "./messages.ts";
import { type Parsed, refused, taken } from "./parsed.ts";

/** Prefixes that are nobody's to announce, with what they are; shorter ones that cover them are not meant. */
const MARTIANS = (
  [
    ["0.0.0.0/8", "this network (RFC 1122)"],
    ["127.0.0.0/8", "loopback"],
    ["169.254.0.0/16", "link-local"],
    ["224.0.0.0/4", "multicast"],
    ["240.0.0.0/4", "reserved"],
    ["::/128", "the unspecified address"],
    ["::1/128", "loopback"],
    ["::ffff:0:0/96", "IPv4-mapped"],
    ["fe80::/10", "link-local"],
    ["ff00::/8", "multicast"],
  ] as const
).flatMap(([text, what]) => {
  const prefix = parsePrefix(text);
  return prefix === null ? [] : [{ prefix, text, what }];
});

/** Every bit counts: a prefix with bits beyond its length is a slip, and which of its two readings is meant nobody knows. */
export function parsePrefixStrictly(text: string): Parsed<Prefix> {
  const slash = text.indexOf("/");
  const ip = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (slash < 0 && ip !== null) {
    return refused(say("noLength", { text: quote(text), ip: formatIp(ip), length: maxPrefixLength(ip.version) }));
  }
  const prefix = parsePrefix(text);
  if (ip === null || prefix === null) return refused(say("notPrefix", { text: quote(text) }));
  if (!ipEquals(ip, prefix)) {
    const host = `${formatIp(ip)}/${maxPrefixLength(ip.version)}`;
    return refused(say("bitsBeyond", { text: quote(text), network: formatPrefix(prefix), host }));
  }
  for (const martian of MARTIANS) {
    const { version, length } = martian.prefix;
    if (version !== prefix.version || length > prefix.length || !ipEquals(prefixOf(prefix, length), martian.prefix))
      continue;
    if (prefix.length === 0) break;
    return refused(say("martian", { text, range: martian.text, what: martian.what }));
  }
  return taken(prefix);
}
