// OPEN (RFC 4271 section 4.2) with its optional parameters, in the plain and in the extended form (RFC 9072).
// Owns the encoding alone: whether AS, identifier or hold time are acceptable is the session's question, so the illegal
// values among them are read like any other. Contract: every fault is a NOTIFICATION 2/x ready to be sent.
import type { Decoded, WireFault } from "../../kernel/result.ts";
import { invariant, wireFault } from "../../kernel/result.ts";
import { Seconds } from "../../kernel/units.ts";
import { readCapabilities, writeCapability } from "./capability.ts";
import type { Capability, OpenMessage } from "./message.ts";
import { Reader } from "./reader.ts";
import { ERROR, MAX_MESSAGE, MESSAGE_TYPE, OPEN_ERROR } from "./registry.ts";
import { Writer, writeMessage } from "./writer.ts";

const VERSION = 4;
const PARAMETER_CAPABILITIES = 2;
/** Type octet that announces the extended form. */
const PARAMETER_EXTENDED = 255;

const fault = (subcode: number, detail: string, data?: Uint8Array): { ok: false; fault: WireFault } => ({
  ok: false,
  fault: wireFault(ERROR.open, subcode, detail, data),
});

/**
 * @param body the message without its header
 * Faults: 2/1 another version, 2/4 a parameter that is not capabilities, 2/0 lengths that disagree.
 */
export function readOpen(body: Uint8Array): Decoded<OpenMessage> {
  const r = new Reader(body);
  const version = r.u8();
  // judged first: the rest of the message is defined for version 4 only
  if (version >= 0 && version !== VERSION) {
    return fault(OPEN_ERROR.unsupportedVersion, `version ${version}`, Uint8Array.of(0, VERSION));
  }
  const asn = r.u16();
  const holdTime = r.u16();
  const identifier = r.u32();
  const size = r.u8();
  if (size < 0) return fault(OPEN_ERROR.unspecific, "shorter than the fixed part");

  // RFC 9072 section 2: the type octet decides; the octet before it is then ignored unless it is 0
  const isExtended = size > 0 && body[r.position] === PARAMETER_EXTENDED;
  if (isExtended) r.u8();
  const parametersSize = isExtended ? r.u16() : size;
  if (parametersSize !== r.remaining) {
    return fault(OPEN_ERROR.unspecific, `parameters of ${parametersSize} octets where ${r.remaining} are left`);
  }

  const capabilities: Capability[] = [];
  while (r.remaining > 0) {
    const type = r.u8();
    const parameter = r.sub(isExtended ? r.u16() : r.u8());
    if (parameter === null) return fault(OPEN_ERROR.unspecific, `parameter ${type} overruns the message`);
    if (type !== PARAMETER_CAPABILITIES) {
      return fault(OPEN_ERROR.unsupportedParameter, `optional parameter ${type}`);
    }
    const problem = readCapabilities(parameter, capabilities);
    if (problem !== null) return { ok: false, fault: problem };
  }
  return {
    ok: true,
    value: { type: "open", version, asn, holdTime: Seconds(holdTime), identifier, capabilities },
  };
}

/**
 * The whole message, all capabilities in one parameter; the extended form only where it is needed (RFC 9072 section 2).
 * @throws Bug when the capabilities do not fit into 4096 octets
 */
export function writeOpen(open: OpenMessage): Uint8Array {
  invariant(open.asn <= 0xffff && open.holdTime <= 0xffff, "AS number or hold time needs more than 16 bits");
  const scratch = new Writer(new Uint8Array(MAX_MESSAGE));
  for (const capability of open.capabilities) writeCapability(scratch, capability);
  const value = scratch.written();

  return writeMessage(MESSAGE_TYPE.open, (w) => {
    w.u8(open.version).u16(open.asn).u16(open.holdTime).u32(open.identifier);
    if (value.length === 0) {
      w.u8(0);
    } else if (value.length <= 253) {
      w.u8(value.length + 2)
        .u8(PARAMETER_CAPABILITIES)
        .u8(value.length)
        .bytes(value);
    } else {
      w.u8(255)
        .u8(PARAMETER_EXTENDED)
        .u16(value.length + 3);
      w.u8(PARAMETER_CAPABILITIES).u16(value.length).bytes(value);
    }
  });
}
