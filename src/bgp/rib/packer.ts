// From pending prefixes to UPDATE octets: pulls from one AdjRibOut into the caller's slab. Owns the cut into messages:
// withdrawals first, then one attribute set after the other, each message as full as its limit or the slab allows.
// Knows no sockets. Contract: what is in the slab has been marked sent; what does not fit stays pending. No allocation per
// prefix.
import type { Ip } from "../../kernel/ip.ts";
import type { Family, Negotiated } from "../wire/message.ts";
import { prefixWireSize, writePrefix } from "../wire/nlri.ts";
import { MAX_MESSAGE } from "../wire/registry.ts";
import { writeAttributes } from "../wire/routeAttributes.ts";
import {
  announceForm,
  beginUpdate,
  finishUpdate,
  messageLimit,
  prefixLimit,
  type UpdateForm,
  withdrawForm,
  writeEndOfRib,
} from "../wire/updateForm.ts";
import type { AdjRibOut, PrefixVisitor } from "./adjRibOut.ts";
import type { InternedAttributes } from "./attributeSets.ts";

/** One family on one established session. The object's identity stands for the session in cached encodings. */
export interface PackContext {
  readonly negotiated: Negotiated;
  readonly family: Family;
  /** Resolved next hop for routes that say "self". */
  readonly nextHop: Ip;
  /** Second address beside it (RFC 2545 section 3); null: none. */
  readonly linkLocalNextHop: Ip | null;
}

export interface Packed {
  /** Where the octets in the slab end. */
  readonly end: number;
  readonly messages: number;
}

/** Writes as many whole UPDATEs as the slab takes from `start` on: withdrawals, then announcements. */
export function packUpdates(rib: AdjRibOut, context: PackContext, slab: Uint8Array, start: number): Packed {
  if (rib.pendingCount === 0) return { end: start, messages: 0 };
  const packing = new Packing(rib, slab, start, messageLimit(context.negotiated));
  withdrawInto(packing, rib, context);
  if (rib.hasWithdrawals) return packing;
  for (let set = rib.nextPendingSet(); set !== null; set = rib.nextPendingSet()) {
    const pending = set;
    const form = formOf(pending, context);
    if (!packing.message(form, (most, visit) => rib.takeAnnouncements(pending, most, visit))) break;
  }
  return packing;
}

/** Writes withdrawals alone: for a session whose other families must not announce before this one has withdrawn. */
export function packWithdrawals(rib: AdjRibOut, context: PackContext, slab: Uint8Array, start: number): Packed {
  if (!rib.hasWithdrawals) return { end: start, messages: 0 };
  const packing = new Packing(rib, slab, start, messageLimit(context.negotiated));
  withdrawInto(packing, rib, context);
  return packing;
}

function withdrawInto(packing: Packing, rib: AdjRibOut, context: PackContext): void {
  const form = withdrawForm(context.family);
  const take = (most: number, visit: PrefixVisitor): number => rib.takeWithdrawals(most, visit);
  while (rib.hasWithdrawals && packing.message(form, take)) {}
}

/** Writes End-of-RIB at `start` and answers where it ends; `start` itself when the slab has no room. */
export function packEndOfRib(family: Family, slab: Uint8Array, start: number): number {
  const message = writeEndOfRib(family);
  if (start + message.length > slab.length) return start;
  slab.set(message, start);
  return start + message.length;
}

class Packing implements Packed {
  readonly #slab: Uint8Array;
  readonly #limit: number;
  readonly #version: 4 | 6;
  readonly #write: PrefixVisitor;
  #at = 0;
  end: number;
  messages = 0;

  constructor(rib: AdjRibOut, slab: Uint8Array, start: number, limit: number) {
    this.#slab = slab;
    this.#limit = limit;
    this.#version = rib.version;
    this.end = start;
    this.#write = (w0, w1, w2, w3, length) => {
      this.#at = writePrefix(this.#slab, this.#at, this.#version, w0, w1, w2, w3, length);
    };
  }

  /** One message of that form; false when the slab has no room for a whole one (an empty slab: for one prefix). */
  message(form: UpdateForm, take: (most: number, visit: PrefixVisitor) => number): boolean {
    const start = this.end;
    const room = Math.min(this.#limit, this.#slab.length - start);
    // what is left at the end of a slab would make a short message with all attributes again; the next slab has room
    if (start > 0 && room < Math.min(this.#limit, MAX_MESSAGE)) return false;
    const longest = prefixWireSize(this.#version === 4 ? 32 : 128);
    const last = prefixLimit(form, start, room);
    this.#at = start + form.lead.length;
    if (last - this.#at < longest) return false;
    beginUpdate(this.#slab, start, form);
    // shorter prefixes leave room for more after each bunch, so it is asked again until one of full length would not fit
    for (;;) {
      const most = Math.floor((last - this.#at) / longest);
      if (most === 0 || take(most, this.#write) < most) break;
    }
    this.end = finishUpdate(this.#slab, start, this.#at, form);
    this.messages++;
    return true;
  }
}

/** The encoded attributes of a set, once per session. */
function formOf(set: InternedAttributes, context: PackContext): UpdateForm {
  if (set.encoded?.token === context) return set.encoded.value as UpdateForm;
  const { negotiated, family } = context;
  const hop =
    set.attributes.nextHop === "self"
      ? { nextHop: context.nextHop, linkLocalNextHop: context.linkLocalNextHop }
      : { nextHop: set.attributes.nextHop, linkLocalNextHop: null };
  const form = announceForm(writeAttributes(set.attributes, { negotiated, family, ...hop }));
  set.encoded = { token: context, value: form };
  return form;
}
