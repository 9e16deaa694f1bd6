// Capabilities of an OPEN (RFC 5492): one table entry per code with its length rule, both directions and print form.
// Must not know what a session makes of them. Contract: unknown codes and unusable values come back as `unknown` with
// their octets, in the order received, duplicates included; only a multiprotocol or four-octet AS capability of the
// wrong length is a fault, because guessing there would misread the whole session.
import { invariant, type WireFault, wireFault } from "../../kernel/result.ts";
import { decodeUtf8, encodeUtf8, escapeText, toHex } from "../../kernel/text.ts";
import type { AfiSafi, Capability } from "./message.ts";
import { Reader, readU16, readU32 } from "./reader.ts";
import { CAPABILITY, capabilityName, ERROR, formatAfiSafi, OPEN_ERROR } from "./registry.ts";
import type { Writer } from "./writer.ts";

type Known = Exclude<Capability["type"], "unknown">;
type Of<K extends Capability["type"]> = Extract<Capability, { type: K }>;

interface CapabilityRule<K extends Known> {
  readonly code: number;
  /** A value that cannot be used is a fault (2/0) instead of being ignored. */
  readonly isFatal: boolean;
  /** null: the value cannot be used. */
  readonly parse: (value: Uint8Array) => Of<K> | null;
  readonly write: (w: Writer, capability: Of<K>) => void;
  /** What stands behind the name; empty for nothing. */
  readonly print: (capability: Of<K>) => string;
}

/** Octets of a name or text that we write; the drafts allow 64 and deployed receivers keep no more. */
const MAX_TEXT = 64;

const flagOnly = <K extends "routeRefresh" | "extendedMessage" | "enhancedRouteRefresh">(
  code: number,
  value: Of<K>,
): CapabilityRule<K> => ({
  code,
  isFatal: false,
  parse: (bytes) => (bytes.length === 0 ? value : null),
  write: () => {},
  print: () => "",
});

/** A text behind its one-octet length; null when it overruns or is not UTF-8. */
function readText(r: Reader): string | null {
  const bytes = r.bytes(r.u8());
  return bytes === null ? null : decodeUtf8(bytes);
}

const writeText = (w: Writer, text: string): void => void w.sized8(() => w.bytes(encodeUtf8(text, MAX_TEXT)));

const RULES: { readonly [K in Known]: CapabilityRule<K> } = {
  // RFC 4760 section 8
  multiprotocol: {
    code: CAPABILITY.multiprotocol,
    isFatal: true,
    parse: (v) => (v.length === 4 ? { type: "multiprotocol", afi: readU16(v, 0), safi: v[3] ?? 0 } : null),
    write: (w, { afi, safi }) => w.u16(afi).u8(0).u8(safi),
    print: formatAfiSafi,
  },
  // RFC 2918 section 2
  routeRefresh: flagOnly(CAPABILITY.routeRefresh, { type: "routeRefresh" }),
  // RFC 8950 section 4: the SAFI takes two octets here
  extendedNextHop: {
    code: CAPABILITY.extendedNextHop,
    isFatal: false,
    parse: (v) => {
      if (v.length === 0 || v.length % 6 !== 0) return null;
      const entries: (AfiSafi & { nextHopAfi: number })[] = [];
      for (let i = 0; i < v.length; i += 6) {
        entries.push({ afi: readU16(v, i), safi: readU16(v, i + 2), nextHopAfi: readU16(v, i + 4) });
      }
      return { type: "extendedNextHop", entries };
    },
    write: (w, { entries }) => {
      for (const e of entries) w.u16(e.afi).u16(e.safi).u16(e.nextHopAfi);
    },
    print: ({ entries }) => entries.map((e) => `${formatAfiSafi(e)} via afi ${e.nextHopAfi}`).join(", "),
  },
  // RFC 8654 section 3
  extendedMessage: flagOnly(CAPABILITY.extendedMessage, { type: "extendedMessage" }),
  // RFC 9234 section 4.1
  role: {
    code: CAPABILITY.role,
    isFatal: false,
    parse: (v) => (v.length === 1 ? { type: "role", role: v[0] ?? 0 } : null),
    write: (w, { role }) => w.u8(role),
    print: ({ role }) => ["provider", "rs", "rs-client", "customer", "peer"][role] ?? String(role),
  },
  // RFC 4724 section 3; N bit: RFC 8538 section 2
  gracefulRestart: {
    code: CAPABILITY.gracefulRestart,
    isFatal: false,
    parse: (v) => {
      if (v.length < 2 || v.length % 4 !== 2) return null;
      const word = readU16(v, 0);
      const families: (AfiSafi & { forwarding: boolean })[] = [];
      for (let i = 2; i < v.length; i += 4) {
        families.push({ afi: readU16(v, i), safi: v[i + 2] ?? 0, forwarding: ((v[i + 3] ?? 0) & 0x80) !== 0 });
      }
      return {
        type: "gracefulRestart",
        restarting: (word & 0x8000) !== 0,
        notification: (word & 0x4000) !== 0,
        restartTime: word & 0x0fff,
        families,
      };
    },
    write: (w, c) => {
      invariant(c.restartTime >= 0 && c.restartTime <= 0x0fff, "restart time needs more than 12 bits");
      w.u16((c.restarting ? 0x8000 : 0) | (c.notification ? 0x4000 : 0) | c.restartTime);
      for (const f of c.families) {
        w.u16(f.afi)
          .u8(f.safi)
          .u8(f.forwarding ? 0x80 : 0);
      }
    },
    print: (c) =>
      [
        `${c.restartTime}s`,
        ...(c.restarting ? ["restarting"] : []),
        ...(c.notification ? ["notification"] : []),
        ...c.families.map((f) => formatAfiSafi(f) + (f.forwarding ? " forwarding" : "")),
      ].join(", "),
  },
  // RFC 6793 section 3
  fourOctetAsn: {
    code: CAPABILITY.fourOctetAsn,
    isFatal: true,
    parse: (v) => (v.length === 4 ? { type: "fourOctetAsn", asn: readU32(v, 0) } : null),
    write: (w, { asn }) => w.u32(asn),
    print: ({ asn }) => String(asn),
  },
  // RFC 7313 section 3.1
  enhancedRouteRefresh: flagOnly(CAPABILITY.enhancedRouteRefresh, { type: "enhancedRouteRefresh" }),
  // draft-walton-bgp-hostname-capability
  fqdn: {
    code: CAPABILITY.fqdn,
    isFatal: false,
    parse: (v) => {
      const r = new Reader(v);
      const hostname = readText(r);
      const domain = readText(r);
      return hostname === null || domain === null || r.remaining > 0 ? null : { type: "fqdn", hostname, domain };
    },
    write: (w, { hostname, domain }) => {
      writeText(w, hostname);
      writeText(w, domain);
    },
    print: ({ hostname, domain }) => `"${escapeText(domain === "" ? hostname : `${hostname}.${domain}`)}"`,
  },
  // draft-abraitis-bgp-version-capability: a text of no octets is malformed
  softwareVersion: {
    code: CAPABILITY.softwareVersion,
    isFatal: false,
    parse: (v) => {
      const r = new Reader(v);
      const text = readText(r);
      return text === null || text === "" || r.remaining > 0 ? null : { type: "softwareVersion", text };
    },
    write: (w, { text }) => writeText(w, text),
    print: ({ text }) => `"${escapeText(text)}"`,
  },
};

const KNOWN_BY_CODE: ReadonlyMap<number, CapabilityRule<Known>> = new Map(
  Object.values(RULES).map((rule) => [rule.code, rule as CapabilityRule<Known>]),
);

// The key of the table is the type of the value, which the compiler cannot see through the union.
const ruleOf = (capability: Of<Known>): CapabilityRule<Known> => RULES[capability.type] as CapabilityRule<Known>;

/** The code under which a capability travels. */
export const capabilityCode = (capability: Capability): number =>
  capability.type === "unknown" ? capability.code : ruleOf(capability).code;

const openFault = (detail: string): WireFault => wireFault(ERROR.open, OPEN_ERROR.unspecific, detail);

/**
 * The capabilities of one optional parameter, appended to `into`.
 * @returns the fault (2/0) when one overruns the parameter, or a fatal one cannot be used; else null
 */
export function readCapabilities(parameter: Reader, into: Capability[]): WireFault | null {
  while (parameter.remaining > 0) {
    const code = parameter.u8();
    const value = parameter.bytes(parameter.u8());
    if (value === null) return openFault(`${capabilityName(code)} overruns its parameter`);
    const rule = KNOWN_BY_CODE.get(code);
    const known = rule?.parse(value) ?? null;
    if (known === null && rule?.isFatal === true) {
      return openFault(`${capabilityName(code)} with ${value.length} octets`);
    }
    into.push(known ?? { type: "unknown", code, value: value.slice() });
  }
  return null;
}

/** Code, length, value. @throws Bug when the value needs more than 255 octets */
export function writeCapability(w: Writer, capability: Capability): void {
  w.u8(capabilityCode(capability)).sized8(() => {
    if (capability.type === "unknown") w.bytes(capability.value);
    else ruleOf(capability).write(w, capability);
  });
}

/** One capability for people: `multiprotocol(ipv4-unicast)`; unknown ones with their octets. */
export function formatCapability(capability: Capability): string {
  const name = capabilityName(capabilityCode(capability));
  const detail = capability.type === "unknown" ? toHex(capability.value, 32) : ruleOf(capability).print(capability);
  return detail === "" ? name : `${name}(${detail})`;
}
