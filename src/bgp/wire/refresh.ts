// ROUTE-REFRESH (RFC 2918) and its subtypes (RFC 7313). Owns the encoding and the length rule; whether the family was
// agreed and what a subtype asks for is the session's question. Contract: any subtype reads as a value.
import { type Decoded, wireFault } from "../../kernel/result.ts";
import type { Negotiated, RouteRefreshMessage } from "./message.ts";
import { Reader } from "./reader.ts";
import { ERROR, HEADER_ERROR, HEADER_SIZE, MESSAGE_TYPE, ROUTE_REFRESH_ERROR } from "./registry.ts";
import { writeHeader, writeMessage } from "./writer.ts";

/** Values of the subtype octet, RFC 7313 section 3.2. */
export const REFRESH_SUBTYPE = { request: 0, beginning: 1, end: 2 } as const;

/**
 * @param body the message without its header
 * Fault: another length than 4 octets, 7/1 with the whole message where enhanced refresh was agreed (RFC 7313
 * section 5), else 1/2 with the length field.
 */
export function readRouteRefresh(
  body: Uint8Array,
  negotiated: Pick<Negotiated, "enhancedRouteRefresh"> | null,
): Decoded<RouteRefreshMessage> {
  const r = new Reader(body);
  if (body.length !== 4) {
    const detail = `ROUTE-REFRESH of ${body.length + HEADER_SIZE} octets`;
    const message = new Uint8Array(HEADER_SIZE + body.length);
    writeHeader(message, 0, message.length, MESSAGE_TYPE.routeRefresh);
    message.set(body, HEADER_SIZE);
    const fault = negotiated?.enhancedRouteRefresh
      ? wireFault(ERROR.routeRefresh, ROUTE_REFRESH_ERROR.badLength, detail, message)
      : wireFault(ERROR.header, HEADER_ERROR.badLength, detail, message.slice(16, 18));
    return { ok: false, fault };
  }
  const afi = r.u16();
  const subtype = r.u8(); // reserved and 0 before RFC 7313
  return { ok: true, value: { type: "routeRefresh", afi, safi: r.u8(), subtype } };
}

/** The whole message. */
export const writeRouteRefresh = (m: RouteRefreshMessage): Uint8Array =>
  writeMessage(MESSAGE_TYPE.routeRefresh, (w) => w.u16(m.afi).u8(m.subtype).u8(m.safi));
