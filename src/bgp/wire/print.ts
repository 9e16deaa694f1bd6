// Messages as one readable line each, for logs at trace level and for the decode command. Owns the wording only; names
// come from registry.ts. Contract: the line is log-safe and of bounded length for any decoded message.
import { formatIp, formatPrefix, ipv4 } from "../../kernel/ip.ts";
import { assertNever } from "../../kernel/result.ts";
import { formatCapability } from "./capability.ts";
import type { AsPathSegment, Message, NlriBlock, ReceivedAttributes, UpdateMessage } from "./message.ts";
import { prefixesOf } from "./nlri.ts";
import { describeNotification } from "./notification.ts";
import { errorName, formatAfiSafi, formatCommunity, formatLargeCommunity } from "./registry.ts";

/** Entries of a list that are shown; the rest is counted. */
const MAX_SHOWN = 16;

function list<T>(items: readonly T[], format: (item: T) => string): string {
  const shown = items.slice(0, MAX_SHOWN).map(format).join(" ");
  return items.length > MAX_SHOWN ? `${shown} +${items.length - MAX_SHOWN}` : shown;
}

/** `65000 65001 {64512 64513}`, confederation segments in round brackets; an empty path is `empty`. */
export function formatAsPath(path: readonly AsPathSegment[]): string {
  const segment = ({ type, asns }: AsPathSegment): string => {
    const text = list(asns, String);
    switch (type) {
      case "sequence":
        return text;
      case "set":
        return `{${text}}`;
      case "confedSequence":
        return `(${text})`;
      case "confedSet":
        return `({${text}})`;
    }
    return assertNever(type);
  };
  return path.length === 0 ? "empty" : list(path, segment);
}

/** One message on one line. */
export function formatMessage(message: Message): string {
  switch (message.type) {
    case "open": {
      const { version, asn, holdTime, identifier, capabilities } = message;
      const fixed = `OPEN version ${version} asn ${asn} hold ${holdTime}s id ${formatIp(ipv4(identifier))}`;
      return capabilities.length === 0 ? fixed : `${fixed} ${list(capabilities, formatCapability)}`;
    }
    case "update":
      return formatUpdate(message);
    case "keepalive":
      return "KEEPALIVE";
    case "notification":
      return `NOTIFICATION ${describeNotification(message)}`;
    case "routeRefresh": {
      const subtype = ["request", "beginning", "end"][message.subtype] ?? `subtype ${message.subtype}`;
      return `ROUTE-REFRESH ${formatAfiSafi(message)} ${subtype}`;
    }
  }
  return assertNever(message);
}

function formatUpdate(m: UpdateMessage): string {
  const parts = ["UPDATE"];
  if (m.endOfRib !== null) parts.push(`End-of-RIB ${formatAfiSafi(m.endOfRib)}`);
  if (m.verdict !== "accept") parts.push(m.verdict);
  for (const block of m.withdrawn) parts.push(`withdrawn ${formatBlock(block)}`);
  for (const block of m.reachable) parts.push(`reachable ${formatBlock(block)}`);
  parts.push(...formatAttributes(m.attributes));
  for (const family of m.ignoredFamilies) parts.push(`ignored ${formatAfiSafi(family)}`);
  for (const { verdict, fault } of m.faults) {
    parts.push(`[${verdict}: ${fault.detail}, ${errorName(fault.errorCode, fault.errorSubcode)}]`);
  }
  return parts.join(" ");
}

const formatBlock = (block: NlriBlock): string =>
  `${formatAfiSafi(block)} (${block.count}) ${list(prefixesOf(block), formatPrefix)}`;

function formatAttributes(a: ReceivedAttributes): readonly string[] {
  const parts: string[] = [];
  if (a.origin !== null) parts.push(`origin ${["igp", "egp", "incomplete"][a.origin] ?? a.origin}`);
  if (a.asPath !== null) parts.push(`as-path ${formatAsPath(a.asPath)}`);
  if (a.nextHop !== null) parts.push(`next-hop ${formatIp(a.nextHop)}`);
  if (a.linkLocalNextHop !== null) parts.push(`link-local ${formatIp(a.linkLocalNextHop)}`);
  if (a.med !== null) parts.push(`med ${a.med}`);
  if (a.localPref !== null) parts.push(`local-pref ${a.localPref}`);
  if (a.communities.length > 0) parts.push(`communities ${list(a.communities, formatCommunity)}`);
  if (a.largeCommunities.length > 0) {
    parts.push(`large-communities ${list(a.largeCommunities, formatLargeCommunity)}`);
  }
  return parts;
}
