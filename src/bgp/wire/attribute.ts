// Path attributes of a received UPDATE: one table with name, flags, length rule and RFC 7606 verdict per attribute, and
// the walk through the attribute section that it drives. Must not know about the other sections of the message: rules
// that need them (what is missing, what the strongest fault means) are in update.ts.
// Contract: any octets give values and a list of faults, in linear time.
import { type Ip, ipFromBytes } from "../../kernel/ip.ts";
import { wireFault } from "../../kernel/result.ts";
import { hasConfedSegment, mergeAs4Path, readAsPath, withoutConfed } from "./asPath.ts";
import type { AsPathSegment, LargeCommunity, Negotiated, NlriBlock, UpdateFault, UpdateVerdict } from "./message.ts";
import { readNlri } from "./nlri.ts";
import { Reader, readU16, readU32 } from "./reader.ts";
import { AS_TRANS, ATTRIBUTE, ERROR, FLAG, familyOf, UPDATE_ERROR } from "./registry.ts";

type FaultVerdict = UpdateFault["verdict"];

/** MP_REACH_NLRI or MP_UNREACH_NLRI. */
export interface MpSection {
  readonly afi: number;
  readonly safi: number;
  /** null: the family was not agreed, its octets were not looked at. */
  readonly block: NlriBlock | null;
  /** Octets of prefixes, agreed or not. */
  readonly size: number;
  /** MP_REACH_NLRI only; null in MP_UNREACH_NLRI or with a family that was not agreed. */
  readonly nextHop: Ip | null;
  readonly linkLocalNextHop: Ip | null;
}

/** Values as they were found, before the rules that need the whole message. */
export interface AttributeSection {
  readonly origin: number | null;
  /** AS4_PATH merged in. */
  readonly asPath: readonly AsPathSegment[] | null;
  readonly nextHop: Ip | null;
  readonly med: number | null;
  readonly localPref: number | null;
  readonly communities: readonly number[];
  readonly largeCommunities: readonly LargeCommunity[];
  readonly reach: MpSection | null;
  readonly unreach: MpSection | null;
  /** Type codes that were there, usable or not. */
  readonly seen: ReadonlySet<number>;
  readonly faults: readonly UpdateFault[];
}

/** Private to one walk. */
type Draft = { -readonly [K in Exclude<keyof AttributeSection, "seen" | "faults">]: AttributeSection[K] } & {
  as4Path: readonly AsPathSegment[] | null;
  aggregatorAsn: number | null;
};

interface Complaint {
  readonly subcode: number;
  readonly detail: string;
  /** Where it differs from the rule's own. */
  readonly verdict?: FaultVerdict;
}

interface AttributeRule {
  readonly name: string;
  /** The Optional and Transitive bits as they must be. */
  readonly flags: number;
  /** RFC 7606 section 7: what a malformed value does. */
  readonly onFault: FaultVerdict;
  /** Says why the attribute is dropped from this peer unread, or null to read it. */
  readonly dropFrom?: (n: Negotiated) => string | null;
  /** Stores the value, or complains. */
  readonly parse: (value: Uint8Array, draft: Draft, n: Negotiated) => Complaint | null;
}

const WELL_KNOWN = FLAG.transitive;
const OPTIONAL = FLAG.optional;
const OPTIONAL_TRANSITIVE = FLAG.optional | FLAG.transitive;
const CATEGORY = FLAG.optional | FLAG.transitive;

const badLength = (value: Uint8Array): Complaint => ({
  subcode: UPDATE_ERROR.attributeLength,
  detail: `length ${value.length}`,
});

/** Exactly `size` octets. */
const fixed =
  (size: number, store: (value: Uint8Array, draft: Draft) => Complaint | null = () => null): AttributeRule["parse"] =>
  (value, draft) =>
    value.length === size ? store(value, draft) : badLength(value);

/** One or more items of `size` octets (RFC 7606 sections 7.8, 7.10, 7.14, 7.15; RFC 8092 section 6). */
const listOf =
  (size: number, store: (value: Uint8Array, draft: Draft) => void = () => {}): AttributeRule["parse"] =>
  (value, draft) => {
    if (value.length === 0 || value.length % size !== 0) return badLength(value);
    store(value, draft);
    return null;
  };

const fromExternal = (n: Negotiated): string | null => (n.isInternal ? null : "from an external peer");
// RFC 6793 section 4.1: whatever is in it
const fromFourOctet = (n: Negotiated): string | null => (n.fourOctetAsn ? "from a four-octet speaker" : null);

const RULES: ReadonlyMap<number, AttributeRule> = new Map<number, AttributeRule>([
  [
    ATTRIBUTE.origin,
    {
      name: "ORIGIN",
      flags: WELL_KNOWN,
      onFault: "treatAsWithdraw",
      parse: fixed(1, (value, draft) => {
        const origin = value[0] ?? 0;
        if (origin > 2) return { subcode: UPDATE_ERROR.invalidOrigin, detail: `value ${origin}` };
        draft.origin = origin;
        return null;
      }),
    },
  ],
  [ATTRIBUTE.asPath, { name: "AS_PATH", flags: WELL_KNOWN, onFault: "treatAsWithdraw", parse: parseAsPath }],
  [
    ATTRIBUTE.nextHop,
    {
      name: "NEXT_HOP",
      flags: WELL_KNOWN,
      onFault: "treatAsWithdraw",
      parse: fixed(4, (value, draft) => {
        draft.nextHop = ipFromBytes(value);
        return null;
      }),
    },
  ],
  [
    ATTRIBUTE.med,
    {
      name: "MULTI_EXIT_DISC",
      flags: OPTIONAL,
      onFault: "treatAsWithdraw",
      parse: fixed(4, (value, draft) => {
        draft.med = readU32(value, 0);
        return null;
      }),
    },
  ],
  [
    ATTRIBUTE.localPref,
    {
      name: "LOCAL_PREF",
      flags: WELL_KNOWN,
      onFault: "treatAsWithdraw",
      dropFrom: fromExternal,
      parse: fixed(4, (value, draft) => {
        draft.localPref = readU32(value, 0);
        return null;
      }),
    },
  ],
  [
    ATTRIBUTE.atomicAggregate,
    { name: "ATOMIC_AGGREGATE", flags: WELL_KNOWN, onFault: "attributeDiscard", parse: fixed(0) },
  ],
  [
    ATTRIBUTE.aggregator,
    { name: "AGGREGATOR", flags: OPTIONAL_TRANSITIVE, onFault: "attributeDiscard", parse: parseAggregator },
  ],
  [
    ATTRIBUTE.communities,
    {
      name: "COMMUNITIES",
      flags: OPTIONAL_TRANSITIVE,
      onFault: "treatAsWithdraw",
      parse: listOf(4, (value, draft) => {
        const out: number[] = [];
        for (let i = 0; i < value.length; i += 4) out.push(readU32(value, i));
        draft.communities = out;
      }),
    },
  ],
  [
    ATTRIBUTE.originatorId,
    {
      name: "ORIGINATOR_ID",
      flags: OPTIONAL,
      onFault: "treatAsWithdraw",
      dropFrom: fromExternal,
      parse: fixed(4),
    },
  ],
  [
    ATTRIBUTE.clusterList,
    { name: "CLUSTER_LIST", flags: OPTIONAL, onFault: "treatAsWithdraw", dropFrom: fromExternal, parse: listOf(4) },
  ],
  [ATTRIBUTE.mpReach, { name: "MP_REACH_NLRI", flags: OPTIONAL, onFault: "sessionReset", parse: parseMpReach }],
  [ATTRIBUTE.mpUnreach, { name: "MP_UNREACH_NLRI", flags: OPTIONAL, onFault: "sessionReset", parse: parseMpUnreach }],
  [
    ATTRIBUTE.extendedCommunities,
    { name: "EXTENDED_COMMUNITIES", flags: OPTIONAL_TRANSITIVE, onFault: "treatAsWithdraw", parse: listOf(8) },
  ],
  [
    ATTRIBUTE.as4Path,
    {
      name: "AS4_PATH",
      flags: OPTIONAL_TRANSITIVE,
      onFault: "attributeDiscard", // RFC 6793 section 6
      dropFrom: fromFourOctet,
      parse: (value, draft) => {
        const path = readAsPath(value, 4);
        if (typeof path === "string") return { subcode: UPDATE_ERROR.malformedAsPath, detail: path };
        draft.as4Path = withoutConfed(path);
        return null;
      },
    },
  ],
  [
    ATTRIBUTE.as4Aggregator,
    {
      name: "AS4_AGGREGATOR",
      flags: OPTIONAL_TRANSITIVE,
      onFault: "attributeDiscard",
      dropFrom: fromFourOctet,
      parse: fixed(8),
    },
  ],
  [
    ATTRIBUTE.ipv6ExtendedCommunities,
    { name: "IPV6_EXTENDED_COMMUNITIES", flags: OPTIONAL_TRANSITIVE, onFault: "treatAsWithdraw", parse: listOf(20) },
  ],
  [
    ATTRIBUTE.largeCommunities,
    {
      name: "LARGE_COMMUNITY",
      flags: OPTIONAL_TRANSITIVE,
      onFault: "treatAsWithdraw",
      parse: listOf(12, (value, draft) => {
        draft.largeCommunities = readLargeCommunities(value);
      }),
    },
  ],
  [
    ATTRIBUTE.onlyToCustomer,
    { name: "ONLY_TO_CUSTOMER", flags: OPTIONAL_TRANSITIVE, onFault: "treatAsWithdraw", parse: fixed(4) },
  ],
]);

/** `MP_REACH_NLRI`, or the number of an attribute that is not in the table. */
export const attributeName = (code: number): string => RULES.get(code)?.name ?? `attribute ${code}`;

const STRENGTH: readonly UpdateVerdict[] = ["accept", "attributeDiscard", "treatAsWithdraw", "sessionReset"];

/** The stronger of two verdicts (RFC 7606 section 3, h). */
export const stronger = <T extends UpdateVerdict>(a: T, b: T): T =>
  STRENGTH.indexOf(a) >= STRENGTH.indexOf(b) ? a : b;

/** A fault in the UPDATE; `attribute` 0 where it is not in one attribute. */
export const updateFault = (
  verdict: FaultVerdict,
  attribute: number,
  subcode: number,
  detail: string,
  data?: Uint8Array,
): UpdateFault => ({ verdict, attribute, fault: wireFault(ERROR.update, subcode, detail, data) });

/** Walks the attribute section of an UPDATE. @param bytes the section without its length field */
export function readAttributes(bytes: Uint8Array, negotiated: Negotiated): AttributeSection {
  const draft: Draft = {
    origin: null,
    asPath: null,
    nextHop: null,
    med: null,
    localPref: null,
    communities: [],
    largeCommunities: [],
    reach: null,
    unreach: null,
    as4Path: null,
    aggregatorAsn: null,
  };
  const seen = new Set<number>();
  const faults: UpdateFault[] = [];
  const r = new Reader(bytes);
  while (r.remaining > 0) {
    const start = r.position;
    const flags = r.u8();
    const code = r.u8();
    const value = r.bytes((flags & FLAG.extendedLength) === 0 ? r.u8() : r.u16());
    if (value === null) {
      // RFC 7606 section 4: the NLRI is still found by the section's length, unless it was in this very attribute
      const verdict = code === ATTRIBUTE.mpReach || code === ATTRIBUTE.mpUnreach ? "sessionReset" : "treatAsWithdraw";
      const what = code < 0 ? "an attribute" : attributeName(code);
      const subcode = UPDATE_ERROR.malformedAttributeList;
      faults.push(updateFault(verdict, Math.max(code, 0), subcode, `${what} overruns the attribute section`));
      break;
    }
    const whole = bytes.subarray(start, r.position);
    if (seen.has(code)) faults.push(duplicate(code));
    else faults.push(...readAttribute(flags, code, value, whole, draft, negotiated));
    seen.add(code);
  }
  const { as4Path, aggregatorAsn, ...section } = draft;
  // RFC 6793 section 4.2.3: an AGGREGATOR that a four-octet speaker has not rewritten tells that AS4_PATH is stale
  const isStale = aggregatorAsn !== null && aggregatorAsn !== AS_TRANS && seen.has(ATTRIBUTE.as4Aggregator);
  if (as4Path !== null && section.asPath !== null && !isStale) section.asPath = mergeAs4Path(section.asPath, as4Path);
  return { ...section, seen, faults };
}

/** RFC 7606 section 3, g: the first one counts; two sets of NLRI cannot be told apart. */
function duplicate(code: number): UpdateFault {
  const isMp = code === ATTRIBUTE.mpReach || code === ATTRIBUTE.mpUnreach;
  const detail = `${attributeName(code)} twice`;
  return updateFault(isMp ? "sessionReset" : "attributeDiscard", code, UPDATE_ERROR.malformedAttributeList, detail);
}

/** @param whole the attribute with flags, type and length: the data of a NOTIFICATION about it */
function readAttribute(
  flags: number,
  code: number,
  value: Uint8Array,
  whole: Uint8Array,
  draft: Draft,
  negotiated: Negotiated,
): readonly UpdateFault[] {
  const rule = RULES.get(code);
  if (rule === undefined) {
    if ((flags & FLAG.optional) !== 0) return []; // RFC 4271 section 9: accepted, and never passed on by us
    // Deviation: RFC 4271 6.3 resets the session here. RFC 7606 moved its neighbours in that list to treat-as-withdraw;
    // an attribute from the future costs its routes, not the VIPs that this session carries.
    const detail = `unknown well-known attribute ${code}`;
    return [updateFault("treatAsWithdraw", code, UPDATE_ERROR.unrecognizedWellKnown, detail, whole.slice())];
  }
  const reason = rule.dropFrom?.(negotiated) ?? null;
  if (reason !== null) {
    const detail = `${rule.name} ${reason}`;
    return [updateFault("attributeDiscard", code, UPDATE_ERROR.optionalAttribute, detail)];
  }
  const faults: UpdateFault[] = [];
  if ((flags & CATEGORY) !== rule.flags) {
    // RFC 7606 section 3, c; AS4_PATH and AS4_AGGREGATOR are discarded for any fault (RFC 6793 section 6)
    const isAs4 = code === ATTRIBUTE.as4Path || code === ATTRIBUTE.as4Aggregator;
    const verdict = isAs4 ? "attributeDiscard" : "treatAsWithdraw";
    const detail = `${rule.name} with flags 0x${flags.toString(16)}`;
    faults.push(updateFault(verdict, code, UPDATE_ERROR.attributeFlags, detail, whole.slice()));
    // the prefixes in it are still needed: they are what is treated as withdrawn
    if (code !== ATTRIBUTE.mpReach && code !== ATTRIBUTE.mpUnreach) return faults;
  }
  const complaint = rule.parse(value, draft, negotiated);
  if (complaint !== null) {
    const verdict = complaint.verdict ?? rule.onFault;
    faults.push(updateFault(verdict, code, complaint.subcode, `${rule.name}: ${complaint.detail}`, whole.slice()));
  }
  return faults;
}

function parseAsPath(value: Uint8Array, draft: Draft, n: Negotiated): Complaint | null {
  const path = readAsPath(value, n.fourOctetAsn ? 4 : 2);
  if (typeof path === "string") return { subcode: UPDATE_ERROR.malformedAsPath, detail: path };
  if (!n.isInternal && hasConfedSegment(path)) {
    return { subcode: UPDATE_ERROR.malformedAsPath, detail: "confederation segment from outside" }; // RFC 5065 section 5
  }
  // Deviation: RFC 9774 wants AS_SET treated as withdrawn. Received routes are counted here, never used.
  draft.asPath = path;
  return null;
}

function parseAggregator(value: Uint8Array, draft: Draft, n: Negotiated): Complaint | null {
  if (value.length !== (n.fourOctetAsn ? 8 : 6)) return badLength(value);
  const asn = n.fourOctetAsn ? readU32(value, 0) : readU16(value, 0);
  if (asn === 0) return { subcode: UPDATE_ERROR.optionalAttribute, detail: "AS 0" }; // RFC 7607 section 2
  draft.aggregatorAsn = asn;
  return null;
}

const mpFault = (detail: string): Complaint => ({ subcode: UPDATE_ERROR.optionalAttribute, detail });

function parseMpReach(value: Uint8Array, draft: Draft, n: Negotiated): Complaint | null {
  const r = new Reader(value);
  const afi = r.u16();
  const safi = r.u8();
  const nextHop = r.bytes(r.u8());
  if (value.length < 5) return mpFault(`length ${value.length}`);
  // RFC 7606 7.11: behind a next hop of the wrong length the NLRI cannot be found; the reserved octet says nothing
  if (nextHop === null || r.u8() < 0) return mpFault("next hop overruns the attribute");
  const family = familyOf(afi, safi);
  const size = r.remaining;
  if (family === null || !n.families.includes(family)) {
    draft.reach = { afi, safi, block: null, size, nextHop: null, linkLocalNextHop: null };
    return null;
  }
  const isV6 = nextHop.length === 16 || nextHop.length === 32;
  const isPossible = family === "ipv4-unicast" ? nextHop.length === 4 || (isV6 && n.extendedNextHop) : isV6;
  if (!isPossible) return mpFault(`next hop of ${nextHop.length} octets for ${family}`);
  const block = readNlri(family, r.rest());
  if (block === null) return mpFault("prefixes do not fit the attribute or the family");
  draft.reach = {
    afi,
    safi,
    block,
    size,
    nextHop: ipFromBytes(nextHop.subarray(0, isV6 ? 16 : 4)),
    linkLocalNextHop: ipFromBytes(nextHop.subarray(16)),
  };
  return null;
}

function parseMpUnreach(value: Uint8Array, draft: Draft, n: Negotiated): Complaint | null {
  if (value.length < 3) return mpFault(`length ${value.length}`);
  const afi = readU16(value, 0);
  const safi = value[2] ?? 0;
  const family = familyOf(afi, safi);
  const isAgreed = family !== null && n.families.includes(family);
  const block = isAgreed ? readNlri(family, value.subarray(3)) : null;
  if (isAgreed && block === null) return mpFault("prefixes do not fit the attribute or the family");
  draft.unreach = { afi, safi, block, size: value.length - 3, nextHop: null, linkLocalNextHop: null };
  return null;
}

/** Duplicates are dropped without a word, order is kept (RFC 8092 section 3). */
function readLargeCommunities(value: Uint8Array): readonly LargeCommunity[] {
  const found = new Map<string, LargeCommunity>();
  for (let i = 0; i < value.length; i += 12) {
    const c = { globalAdmin: readU32(value, i), local1: readU32(value, i + 4), local2: readU32(value, i + 8) };
    found.set(`${c.globalAdmin}:${c.local1}:${c.local2}`, c);
  }
  return [...found.values()];
}
