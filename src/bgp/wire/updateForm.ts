// The four shapes of an UPDATE that we send, for whoever packs prefixes into them: IPv4 withdraw, IPv4 announce, MP
// withdraw, MP announce. One message has exactly one shape (RFC 7606 section 5.1). Must not know which routes go out.
// Contract: at = beginUpdate(...); at = writePrefix(...) as often as at + size <= prefixLimit(...); finishUpdate(...).
// A form is made once per attribute set; the three calls allocate nothing.
import type { Family, Negotiated } from "./message.ts";
import { ATTRIBUTE, afiSafi, FLAG, HEADER_SIZE, MAX_EXTENDED_MESSAGE, MAX_MESSAGE, MESSAGE_TYPE } from "./registry.ts";
import type { EncodedAttributes } from "./routeAttributes.ts";
import { writeHeader, writeU16 } from "./writer.ts";

export interface UpdateForm {
  readonly family: Family;
  readonly type: "withdraw" | "announce";
  /** Prefixes are inside MP_REACH_NLRI or MP_UNREACH_NLRI. */
  readonly isMp: boolean;
  /** What precedes the prefixes, header included, lengths still open. */
  readonly lead: Uint8Array;
  /** What follows the prefixes. */
  readonly tail: Uint8Array;
}

const NO_BYTES = new Uint8Array(0);
/** Offsets within a message. */
const WITHDRAWN_LENGTH_AT = HEADER_SIZE;
const ATTRIBUTES_LENGTH_AT = HEADER_SIZE + 2;
const ATTRIBUTES_AT = HEADER_SIZE + 4;
/** Flags, type and a two-octet length. */
const MP_HEADER_SIZE = 4;

/** Octets of the largest message the session takes. */
export const messageLimit = (negotiated: Pick<Negotiated, "extendedMessage">): number =>
  negotiated.extendedMessage ? MAX_EXTENDED_MESSAGE : MAX_MESSAGE;

function leadOf(...parts: readonly Uint8Array[]): Uint8Array {
  const size = parts.reduce((sum, part) => sum + part.length, HEADER_SIZE);
  const lead = new Uint8Array(size);
  writeHeader(lead, 0, 0, MESSAGE_TYPE.update);
  let at = HEADER_SIZE;
  for (const part of parts) {
    lead.set(part, at);
    at += part.length;
  }
  return lead;
}

/** No withdrawn routes, attributes of a length still open, and the start of an MP attribute with a two-octet length. */
const mpLead = (code: number, value: Uint8Array): Uint8Array =>
  leadOf(Uint8Array.of(0, 0, 0, 0, FLAG.optional | FLAG.extendedLength, code, 0, 0), value);

const IPV4_WITHDRAW: UpdateForm = {
  family: "ipv4-unicast",
  type: "withdraw",
  isMp: false,
  lead: leadOf(Uint8Array.of(0, 0)),
  tail: Uint8Array.of(0, 0),
};

const mpWithdraw = (family: Family): UpdateForm => {
  const { afi, safi } = afiSafi(family);
  const lead = mpLead(ATTRIBUTE.mpUnreach, Uint8Array.of(afi >>> 8, afi, safi));
  return { family, type: "withdraw", isMp: true, lead, tail: NO_BYTES };
};

const IPV6_WITHDRAW = mpWithdraw("ipv6-unicast");

/** Withdraws of a family. IPv4 prefixes leave as plain withdrawn routes, whatever next hop announced them. */
export const withdrawForm = (family: Family): UpdateForm => (family === "ipv4-unicast" ? IPV4_WITHDRAW : IPV6_WITHDRAW);

/** Announcements that share `encoded`. */
export function announceForm(encoded: EncodedAttributes): UpdateForm {
  const { family, attributes, reach } = encoded;
  if (reach !== null) {
    return { family, type: "announce", isMp: true, lead: mpLead(ATTRIBUTE.mpReach, reach), tail: attributes };
  }
  const size = attributes.length;
  const lead = leadOf(Uint8Array.of(0, 0, size >>> 8, size), attributes);
  return { family, type: "announce", isMp: false, lead, tail: NO_BYTES };
}

/** Starts a message at `start` and answers where its first prefix goes. */
export function beginUpdate(out: Uint8Array, start: number, form: UpdateForm): number {
  out.set(form.lead, start);
  return start + form.lead.length;
}

/**
 * Where prefixes must end for a message that starts at `start` and may have `limit` octets. It can lie at or before the
 * first prefix: then the attributes leave no room in a message of that size.
 */
export const prefixLimit = (form: UpdateForm, start: number, limit: number): number => start + limit - form.tail.length;

/**
 * Adds what follows the prefixes and closes all lengths.
 * @param end where the last prefix ended, at most `prefixLimit`
 * @returns where the message ends
 */
export function finishUpdate(out: Uint8Array, start: number, end: number, form: UpdateForm): number {
  let prefixesEnd = end;
  if (form.isMp) {
    const valueAt = start + ATTRIBUTES_AT + MP_HEADER_SIZE;
    const size = end - valueAt;
    if (size > 255) {
      writeU16(out, valueAt - 2, size);
    } else {
      // the extended length only where it is needed (RFC 4271 section 4.3): a short value moves one octet forward
      out[valueAt - MP_HEADER_SIZE] = FLAG.optional;
      out[valueAt - 2] = size;
      out.copyWithin(valueAt - 1, valueAt, end);
      prefixesEnd = end - 1;
    }
  }
  out.set(form.tail, prefixesEnd);
  const messageEnd = prefixesEnd + form.tail.length;
  if (form.isMp) writeU16(out, start + ATTRIBUTES_LENGTH_AT, messageEnd - start - ATTRIBUTES_AT);
  else if (form.type === "withdraw") writeU16(out, start + WITHDRAWN_LENGTH_AT, end - start - ATTRIBUTES_LENGTH_AT);
  writeU16(out, start + 16, messageEnd - start);
  return messageEnd;
}

/** End-of-RIB (RFC 4724 section 2): the withdraw of nothing. 23 octets for IPv4, 29 for others. */
export function writeEndOfRib(family: Family): Uint8Array {
  const form = withdrawForm(family);
  const out = new Uint8Array(form.lead.length + form.tail.length);
  const end = finishUpdate(out, 0, beginUpdate(out, 0, form), form);
  return out.slice(0, end);
}
