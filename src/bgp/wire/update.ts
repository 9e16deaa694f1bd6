// UPDATE as received (RFC 4271 section 4.3, RFC 4760): the three sections, and the verdict of RFC 7606 over all of it.
// Must not know what becomes of the routes. Contract: any octets give a message with a verdict and the faults behind it;
// the strongest fault decides, whatever the order. Prefixes stay packed (nlri.ts walks them). Linear time.
import { type Ip, isLoopback, isMulticast, isUnspecified } from "../../kernel/ip.ts";
import { type AttributeSection, attributeName, readAttributes, stronger, updateFault } from "./attribute.ts";
import type {
  AfiSafi,
  Negotiated,
  NlriBlock,
  ReceivedAttributes,
  UpdateFault,
  UpdateMessage,
  UpdateVerdict,
} from "./message.ts";
import { readNlri } from "./nlri.ts";
import { Reader } from "./reader.ts";
import { ATTRIBUTE, UPDATE_ERROR } from "./registry.ts";

/** Faults that a message keeps: an UPDATE of 65535 octets has room for 20,000, a reader for none of them. */
export const MAX_FAULTS = 16;

const IPV4: AfiSafi = { afi: 1, safi: 1 };

const NO_ATTRIBUTES: ReceivedAttributes = {
  origin: null,
  asPath: null,
  nextHop: null,
  linkLocalNextHop: null,
  med: null,
  localPref: null,
  communities: [],
  largeCommunities: [],
};

/** An UPDATE that says nothing: also what stands for one that came before anything was agreed. */
export const EMPTY_UPDATE: UpdateMessage = {
  type: "update",
  verdict: "accept",
  faults: [],
  withdrawn: [],
  reachable: [],
  attributes: NO_ATTRIBUTES,
  ignoredFamilies: [],
  endOfRib: null,
};

/**
 * Reads and judges one UPDATE.
 * With verdict `treatAsWithdraw` the prefixes in `reachable` count as withdrawn; with `sessionReset` nothing in the
 * message counts and the first fault of that verdict is the NOTIFICATION to send. Withdrawn prefixes are to be applied
 * before reachable ones: a prefix in both is reachable.
 * @param body the message without its header
 */
export function readUpdate(body: Uint8Array, negotiated: Negotiated): UpdateMessage {
  const r = new Reader(body);
  const withdrawnBytes = r.bytes(r.u16());
  const attributeBytes = withdrawnBytes === null ? null : r.bytes(r.u16());
  if (withdrawnBytes === null || attributeBytes === null) {
    const subcode = UPDATE_ERROR.malformedAttributeList; // RFC 7606 section 3, b
    return reset([updateFault("sessionReset", 0, subcode, "section lengths exceed the message")]);
  }
  const withdrawn = readNlri("ipv4-unicast", withdrawnBytes);
  const reachable = readNlri("ipv4-unicast", r.rest());
  if (withdrawn === null || reachable === null) {
    const where = withdrawn === null ? "withdrawn routes" : "NLRI"; // RFC 7606 section 5.3
    return reset([updateFault("sessionReset", 0, UPDATE_ERROR.invalidNetworkField, `bad prefix in ${where}`)]);
  }

  const section = readAttributes(attributeBytes, negotiated);
  // RFC 4760 section 3: next to MP_REACH_NLRI alone NEXT_HOP means nothing, so it cannot be wrong either
  const isNextHopMoot = reachable.count === 0 && section.reach !== null;
  const found = isNextHopMoot ? section.faults.filter((f) => f.attribute !== ATTRIBUTE.nextHop) : section.faults;
  const faults = [...found, ...judge(section, reachable, negotiated)];
  const isOutOfReach = reachable.count === 0 && (section.reach?.size ?? 0) === 0;
  // RFC 7606 section 5.2: without NLRI there is nothing that could be treated as withdrawn
  const judged = isOutOfReach ? faults.map(escalate) : faults;
  const verdict = judged.reduce<UpdateVerdict>((v, f) => stronger<UpdateVerdict>(v, f.verdict), "accept");
  if (verdict === "sessionReset") return reset(judged);

  const { reach, unreach } = section;
  const isIpv4Agreed = negotiated.families.includes("ipv4-unicast");
  const ipv4Blocks = (block: NlriBlock): readonly NlriBlock[] => (isIpv4Agreed && block.count > 0 ? [block] : []);
  const mpBlocks = (block: NlriBlock | null | undefined): readonly NlriBlock[] =>
    block != null && block.count > 0 ? [block] : [];
  const isEmpty = withdrawn.count === 0 && reachable.count === 0;
  const isUnagreedIpv4 = !isIpv4Agreed && (!isEmpty || body.length === 4);
  return {
    type: "update",
    verdict,
    faults: strongestFirst(judged),
    withdrawn: [...ipv4Blocks(withdrawn), ...mpBlocks(unreach?.block)],
    reachable: [...ipv4Blocks(reachable), ...mpBlocks(reach?.block)],
    attributes: receivedAttributes(section, reachable.count > 0),
    ignoredFamilies: ignored(isUnagreedIpv4, section),
    endOfRib: isEmpty ? endOfRib(section, attributeBytes.length, isIpv4Agreed) : null,
  };
}

function reset(faults: readonly UpdateFault[]): UpdateMessage {
  return { ...EMPTY_UPDATE, verdict: "sessionReset", faults: strongestFirst(faults) };
}

/** A bounded list that keeps the faults that decide; order among equals is the order in the message. */
const strongestFirst = (faults: readonly UpdateFault[]): readonly UpdateFault[] =>
  (["sessionReset", "treatAsWithdraw", "attributeDiscard"] as const)
    .flatMap((verdict) => faults.filter((f) => f.verdict === verdict))
    .slice(0, MAX_FAULTS);

const escalate = (f: UpdateFault): UpdateFault =>
  f.verdict === "treatAsWithdraw" ? { ...f, verdict: "sessionReset" } : f;

/** The faults that only the message as a whole shows. */
function judge(section: AttributeSection, reachable: NlriBlock, negotiated: Negotiated): readonly UpdateFault[] {
  const faults: UpdateFault[] = [];
  const { reach, seen, nextHop } = section;
  const missing = (code: number): void => {
    if (seen.has(code)) return;
    const subcode = UPDATE_ERROR.missingWellKnown;
    const detail = `${attributeName(code)} is missing`;
    faults.push(updateFault("treatAsWithdraw", code, subcode, detail, Uint8Array.of(code)));
  };
  // RFC 7606 section 3, d
  if (reachable.count > 0 || (reach?.block?.count ?? 0) > 0) {
    missing(ATTRIBUTE.origin);
    missing(ATTRIBUTE.asPath);
    if (negotiated.isInternal) missing(ATTRIBUTE.localPref);
  }
  if (reachable.count > 0) missing(ATTRIBUTE.nextHop);

  const unusable = (code: number, ip: Ip | null): void => {
    if (ip !== null && (isUnspecified(ip) || isLoopback(ip) || isMulticast(ip))) {
      faults.push(updateFault("treatAsWithdraw", code, UPDATE_ERROR.invalidNextHop, "next hop cannot be a host"));
    }
  };
  if (reachable.count > 0) unusable(ATTRIBUTE.nextHop, nextHop);
  if ((reach?.block?.count ?? 0) > 0) unusable(ATTRIBUTE.mpReach, reach?.nextHop ?? null);
  return faults;
}

function receivedAttributes(section: AttributeSection, hasIpv4Nlri: boolean): ReceivedAttributes {
  const { origin, asPath, med, localPref, communities, largeCommunities, reach, nextHop } = section;
  return {
    origin,
    asPath,
    nextHop: hasIpv4Nlri || reach === null ? nextHop : reach.nextHop,
    linkLocalNextHop: reach?.linkLocalNextHop ?? null,
    med,
    localPref,
    communities,
    largeCommunities,
  };
}

function ignored(isUnagreedIpv4: boolean, { reach, unreach }: AttributeSection): readonly AfiSafi[] {
  const out: AfiSafi[] = isUnagreedIpv4 ? [IPV4] : [];
  for (const mp of [reach, unreach]) {
    if (mp === null || mp.block !== null) continue;
    if (!out.some((f) => f.afi === mp.afi && f.safi === mp.safi)) out.push({ afi: mp.afi, safi: mp.safi });
  }
  return out;
}

/** RFC 4724 section 2: no octets at all, or an MP_UNREACH_NLRI without prefixes and nothing else. */
function endOfRib({ seen, unreach }: AttributeSection, attributeSize: number, isIpv4Agreed: boolean): AfiSafi | null {
  if (attributeSize === 0) return isIpv4Agreed ? IPV4 : null;
  if (seen.size !== 1 || unreach?.block == null || unreach.block.count > 0) return null;
  return { afi: unreach.afi, safi: unreach.safi };
}
