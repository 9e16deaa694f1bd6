// The one door to the codec: a framed message to a value, a small message to octets. Owns the dispatch by type;
// knows nothing of the stream (framer.ts) or of packing routes (updateForm.ts). Contract: never throws on received octets.
import { assertNever, type Decoded, wireFault } from "../../kernel/result.ts";
import type { KeepaliveMessage, Message, Negotiated, UpdateMessage } from "./message.ts";
import { readNotification, writeNotification } from "./notification.ts";
import { readOpen, writeOpen } from "./open.ts";
import { readRouteRefresh, writeRouteRefresh } from "./refresh.ts";
import { ERROR, HEADER_ERROR, MESSAGE_TYPE } from "./registry.ts";
import { EMPTY_UPDATE, readUpdate } from "./update.ts";
import { writeMessage } from "./writer.ts";

const KEEPALIVE: KeepaliveMessage = { type: "keepalive" };

/**
 * @param type from the header, already judged by the framer
 * @param body the message without its header
 * @param negotiated null before both OPENs are there. An UPDATE then reads as `EMPTY_UPDATE`: nothing says how to read
 * it, and the state machine refuses it by its type (RFC 6608 section 4)
 */
export function decodeMessage(type: number, body: Uint8Array, negotiated: Negotiated | null): Decoded<Message> {
  switch (type) {
    case MESSAGE_TYPE.open:
      return readOpen(body);
    case MESSAGE_TYPE.update:
      return { ok: true, value: negotiated === null ? EMPTY_UPDATE : readUpdate(body, negotiated) };
    case MESSAGE_TYPE.notification:
      return readNotification(body);
    case MESSAGE_TYPE.keepalive:
      return { ok: true, value: KEEPALIVE };
    case MESSAGE_TYPE.routeRefresh:
      return readRouteRefresh(body, negotiated);
    default: // a number from the wire, not one of our unions
      return {
        ok: false,
        fault: wireFault(ERROR.header, HEADER_ERROR.badType, `message type ${type}`, Uint8Array.of(type)),
      };
  }
}

/** The whole message. UPDATEs are packed by updateForm.ts instead. */
export function encodeMessage(message: Exclude<Message, UpdateMessage>): Uint8Array {
  switch (message.type) {
    case "open":
      return writeOpen(message);
    case "notification":
      return writeNotification(message);
    case "keepalive":
      return writeMessage(MESSAGE_TYPE.keepalive, () => {});
    case "routeRefresh":
      return writeRouteRefresh(message);
  }
  return assertNever(message);
}
