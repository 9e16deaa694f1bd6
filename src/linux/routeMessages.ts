// Messages of a netlink route socket as values: links that come, go and lose their carrier, addresses that come and go.
// Owns their layout (rtnetlink(7)). Pure. Knows no sockets (netlink.ts). Contract: any octets give a list, never a throw;
// a message that lies about its length ends the reading; unknown messages and attributes are passed over.
import { endianness } from "node:os";
import { type Ip, ipFromBytes } from "../kernel/ip.ts";

export type RouteEvent =
  | {
      readonly type: "link";
      /** Interface index. */
      readonly index: number;
      readonly name: string;
      /** Switched on and with a carrier. */
      readonly isUp: boolean;
    }
  | { readonly type: "linkGone"; readonly index: number; readonly name: string }
  | { readonly type: "addressAdded" | "addressGone"; readonly index: number; readonly address: Ip }
  /** The answer to a request is complete. */
  | { readonly type: "done" };

const HEADER = 16;
const LINK_HEADER = 16;
const ADDRESS_HEADER = 8;
const ATTRIBUTE_HEADER = 4;

const NLMSG_DONE = 3;
const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const NLM_F_REQUEST = 1;
const NLM_F_DUMP = 0x300;

const IFF_UP = 1;
const IFF_LOWER_UP = 0x1_0000;
const IFLA_IFNAME = 3;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;

const isLittle = endianness() === "LE";
const align = (n: number): number => (n + 3) & ~3;

/** @returns a request to list all links */
export function linkDumpRequest(): Uint8Array {
  const bytes = new Uint8Array(HEADER + LINK_HEADER);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, isLittle);
  view.setUint16(4, RTM_GETLINK, isLittle);
  view.setUint16(6, NLM_F_REQUEST | NLM_F_DUMP, isLittle);
  return bytes;
}

/** @param bytes what one receive gave */
export function readRouteMessages(bytes: Uint8Array): readonly RouteEvent[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const events: RouteEvent[] = [];
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = view.getUint32(at, isLittle);
    if (length < HEADER || at + length > bytes.length) break;
    const event = readMessage(view.getUint16(at + 4, isLittle), bytes.subarray(at + HEADER, at + length));
    if (event !== null) events.push(event);
    at += align(length);
  }
  return events;
}

function readMessage(type: number, body: Uint8Array): RouteEvent | null {
  if (type === NLMSG_DONE) return { type: "done" };
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  if (type === RTM_NEWLINK || type === RTM_DELLINK) {
    if (body.length < LINK_HEADER) return null;
    const index = view.getInt32(4, isLittle);
    const flags = view.getUint32(8, isLittle);
    const name = readText(readAttributes(body.subarray(LINK_HEADER)).get(IFLA_IFNAME));
    if (type === RTM_DELLINK) return { type: "linkGone", index, name };
    return { type: "link", index, name, isUp: (flags & IFF_UP) !== 0 && (flags & IFF_LOWER_UP) !== 0 };
  }
  if (type === RTM_NEWADDR || type === RTM_DELADDR) {
    if (body.length < ADDRESS_HEADER) return null;
    const index = view.getUint32(4, isLittle);
    const attributes = readAttributes(body.subarray(ADDRESS_HEADER));
    // on a point-to-point link IFA_ADDRESS is the other end
    const address = ipFromBytes(attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS) ?? body.subarray(0, 0));
    if (address === null) return null;
    return { type: type === RTM_NEWADDR ? "addressAdded" : "addressGone", index, address };
  }
  return null;
}

function readAttributes(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const attributes = new Map<number, Uint8Array>();
  for (let at = 0; at + ATTRIBUTE_HEADER <= bytes.length; ) {
    const length = view.getUint16(at, isLittle);
    if (length < ATTRIBUTE_HEADER || at + length > bytes.length) break;
    attributes.set(view.getUint16(at + 2, isLittle) & 0x3fff, bytes.subarray(at + ATTRIBUTE_HEADER, at + length));
    at += align(length);
  }
  return attributes;
}

function readText(bytes: Uint8Array | undefined): string {
  const end = bytes?.indexOf(0) ?? 0;
  return bytes === undefined ? "" : new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}
