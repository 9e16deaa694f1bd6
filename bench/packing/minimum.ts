// The least that a table can take on the wire. Owns the arithmetic of RFC 4271 section 4.3. Pure. Contract: plain IPv4 host
// routes, messages of at most 4096 octets, one attribute set per message.
import type { Table } from "../inject/table.ts";

export interface Minimum {
  readonly messages: number;
  readonly octets: number;
}

const MESSAGE_LIMIT = 4096;
/** Header, and the two lengths of an UPDATE. */
const FIXED = 19 + 2 + 2;
/** A /32: its length and four octets of address. */
const ROUTE = 5;
/** ORIGIN, AS_PATH with one AS number of four octets, NEXT_HOP, one community. */
export const ATTRIBUTES = 4 + 9 + 7 + 7;

/** @param attributes octets of the path attributes in each message; 0 for a withdrawal */
function least(routes: number, attributes: number): Minimum {
  const messages = Math.ceil(routes / Math.floor((MESSAGE_LIMIT - FIXED - attributes) / ROUTE));
  return { messages, octets: messages * (FIXED + attributes) + routes * ROUTE };
}

/** For announcing the table, whose routes take the sets in turn. */
export function announceMinimum({ count, sets }: Table): Minimum {
  let messages = 0;
  let octets = 0;
  for (let set = 0; set < sets; set++) {
    const part = least(Math.floor(count / sets) + (set < count % sets ? 1 : 0), ATTRIBUTES);
    messages += part.messages;
    octets += part.octets;
  }
  return { messages, octets };
}

export const withdrawMinimum = (count: number): Minimum => least(count, 0);
