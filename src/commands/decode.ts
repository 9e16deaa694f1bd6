// `vipcast decode HEX`: octets of BGP messages, as they stand in a capture or in a log line, in words. Reads UPDATEs as a
// four-octet speaker of both families would, since nothing in the octets says what was agreed.
import { decodeMessage } from "../bgp/wire/codec.ts";
import { Framer } from "../bgp/wire/framer.ts";
import type { Negotiated } from "../bgp/wire/message.ts";
import { formatMessage } from "../bgp/wire/print.ts";
import { errorName } from "../bgp/wire/registry.ts";
import { fromHex } from "../kernel/text.ts";
import { Asn, Seconds } from "../kernel/units.ts";
import { say } from "./messages.ts";
import { type CommandResult, UsageError } from "./result.ts";

const ASSUMED: Negotiated = {
  localAsn: Asn(1),
  peerAsn: Asn(1),
  isInternal: true,
  fourOctetAsn: true,
  extendedMessage: true,
  families: ["ipv4-unicast", "ipv6-unicast"],
  extendedNextHop: true,
  routeRefresh: true,
  enhancedRouteRefresh: true,
  holdTime: Seconds(0),
  keepaliveTime: Seconds(0),
};

/** @throws UsageError when it is no hex */
export function decode(hex: string): CommandResult {
  const bytes = fromHex(hex.replace(/[\s:]/g, ""));
  if (bytes === null) throw new UsageError(say("notHex"));
  const framer = new Framer();
  framer.apply(ASSUMED);
  framer.push(bytes);
  const lines: string[] = [];
  for (let frame = framer.next(); frame !== null; frame = framer.next()) {
    const message = frame.ok ? decodeMessage(frame.value.type, frame.value.body, ASSUMED) : frame;
    if (message.ok) lines.push(formatMessage(message.value));
    else {
      const { errorCode, errorSubcode, detail } = message.fault;
      lines.push(`fault ${errorCode}/${errorSubcode} ${errorName(errorCode, errorSubcode)}: ${detail}`);
    }
    if (!message.ok) return { output: `${lines.join("\n")}\n`, exitCode: 1 };
  }
  if (framer.held > 0) lines.push(`${framer.held} octets of an unfinished message`);
  return { output: `${lines.join("\n")}\n`, exitCode: framer.held > 0 ? 1 : 0 };
}
