// NOTIFICATION (RFC 4271 section 4.5): both directions, the shutdown text of RFC 9003, the hard reset wrapper of
// RFC 8538, and one line for people. Must not know what a session does with it. Contract: whatever a remote put into
// the data reads as a value, and its description is one log-safe line of bounded length.
import { type Decoded, invariant, type WireFault, wireFault } from "../../kernel/result.ts";
import { decodeUtf8, encodeUtf8, escapeText, toHex } from "../../kernel/text.ts";
import type { NotificationMessage } from "./message.ts";
import { CEASE, ERROR, errorName, HEADER_ERROR, HEADER_SIZE, MAX_MESSAGE, MESSAGE_TYPE } from "./registry.ts";
import { writeMessage } from "./writer.ts";

/** Data that fits behind header, code and subcode of a message every peer accepts. */
const MAX_DATA = MAX_MESSAGE - HEADER_SIZE - 2;
/** Octets of a shutdown text, RFC 9003 section 2. */
const MAX_TEXT = 255;
/** Octets of opaque data in a description. */
const MAX_SHOWN = 32;

const NO_BYTES = new Uint8Array(0);

const notification = (errorCode: number, errorSubcode: number, data: Uint8Array): NotificationMessage => ({
  type: "notification",
  errorCode,
  errorSubcode,
  data,
});

/** @param body the message without its header. The only fault is a body of fewer than two octets (1/2). */
export function readNotification(body: Uint8Array): Decoded<NotificationMessage> {
  const [errorCode, errorSubcode] = body;
  if (errorCode === undefined || errorSubcode === undefined) {
    return { ok: false, fault: wireFault(ERROR.header, HEADER_ERROR.badLength, "NOTIFICATION without subcode") };
  }
  return { ok: true, value: notification(errorCode, errorSubcode, body.slice(2)) };
}

/** The whole message; data beyond what 4096 octets can hold is cut. */
export const writeNotification = (n: NotificationMessage): Uint8Array =>
  writeMessage(MESSAGE_TYPE.notification, (w) =>
    w.u8(n.errorCode).u8(n.errorSubcode).bytes(n.data.subarray(0, MAX_DATA)),
  );

/** What to send about a fault. */
export const notificationOf = (fault: WireFault): NotificationMessage =>
  notification(fault.errorCode, fault.errorSubcode, fault.data);

/** A Cease without data. @param subcode one of `CEASE` */
export const cease = (subcode: number): NotificationMessage => notification(ERROR.cease, subcode, NO_BYTES);

/**
 * A Cease for the reader at the other end (RFC 9003 section 2).
 * @param subcode administrative shutdown (2) or reset (4)
 * @param text cut at a character boundary to 255 octets of UTF-8; an empty text is sent as no data
 */
export function ceaseWithText(subcode: number, text: string): NotificationMessage {
  invariant(carriesText(ERROR.cease, subcode), "only administrative shutdown and reset carry a text");
  const octets = encodeUtf8(text, MAX_TEXT);
  return notification(ERROR.cease, subcode, octets.length === 0 ? NO_BYTES : Uint8Array.of(octets.length, ...octets));
}

const carriesText = (code: number, subcode: number): boolean =>
  code === ERROR.cease && (subcode === CEASE.adminShutdown || subcode === CEASE.adminReset);

/**
 * The operator's text in a received shutdown or reset, exactly as sent: pass it through `escapeText` before showing it.
 * null where there is none, or where length or encoding are wrong.
 */
export function shutdownText(n: NotificationMessage): string | null {
  const size = n.data[0] ?? 0;
  if (!carriesText(n.errorCode, n.errorSubcode) || size === 0 || n.data.length < 1 + size) return null;
  return decodeUtf8(n.data.subarray(1, 1 + size));
}

/** Cease/9 around another NOTIFICATION: the receiver must not keep our routes (RFC 8538 section 3). */
export const hardReset = (inner: NotificationMessage): NotificationMessage =>
  notification(
    ERROR.cease,
    CEASE.hardReset,
    Uint8Array.of(inner.errorCode, inner.errorSubcode, ...inner.data.subarray(0, MAX_DATA - 2)),
  );

/** What a hard reset carries; null when it is none, or carries nothing readable. */
export function unwrapHardReset(n: NotificationMessage): NotificationMessage | null {
  if (n.errorCode !== ERROR.cease || n.errorSubcode !== CEASE.hardReset) return null;
  const inner = readNotification(n.data);
  return inner.ok ? inner.value : null;
}

/** `Cease/Administrative Shutdown (6/2): "text"`; one log-safe line for any content. */
export function describeNotification(n: NotificationMessage): string {
  const name = `${errorName(n.errorCode, n.errorSubcode)} (${n.errorCode}/${n.errorSubcode})`;
  const inner = unwrapHardReset(n);
  if (inner !== null) {
    // one level only: a reset inside a reset means nothing, and depth would be the remote's choice
    const isNested = inner.errorCode === ERROR.cease && inner.errorSubcode === CEASE.hardReset;
    return `${name}: ${isNested ? `data ${toHex(n.data, MAX_SHOWN)}` : describeNotification(inner)}`;
  }
  const text = shutdownText(n);
  if (text !== null) return `${name}: "${escapeText(text)}"`;
  return n.data.length === 0 ? name : `${name}: data ${toHex(n.data, MAX_SHOWN)}`;
}
