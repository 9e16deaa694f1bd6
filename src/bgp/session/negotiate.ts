// Our OPEN, the judgement of theirs, and what both agree on. Owns the rules of RFC 4271 6.2, 5492, 6286, 6793 and 7607
// for one pair of OPENs. Keeps nothing between connections: everything is agreed afresh each time.
import { formatIp, ipv4 } from "../../kernel/ip.ts";
import { type Decoded, type WireFault, wireFault } from "../../kernel/result.ts";
import { Asn, Seconds } from "../../kernel/units.ts";
import type { Capability, Family, Negotiated, OpenMessage } from "../wire/message.ts";
import { AS_TRANS, afiSafi } from "../wire/registry.ts";
import type { PeerConfig } from "./config.ts";

/** The OPEN we send: every capability in the order of its code, nothing that this speaker does not carry out. */
export function buildOpen(config: PeerConfig): OpenMessage {
  const capabilities: Capability[] = [
    ...config.families.map((family): Capability => ({ type: "multiprotocol", ...afiSafi(family) })),
    { type: "routeRefresh" },
    { type: "fourOctetAsn", asn: config.localAsn },
  ];
  return {
    type: "open",
    version: 4,
    asn: config.localAsn > 0xffff ? AS_TRANS : config.localAsn,
    holdTime: config.holdTime,
    identifier: config.routerId,
    capabilities,
  };
}

/** Judges the peer's OPEN. The fault is the NOTIFICATION to answer with. */
export function negotiate(config: PeerConfig, open: OpenMessage): Decoded<Negotiated> {
  const fault = judge(config, open);
  if (fault !== null) return { ok: false, fault };
  const families = commonFamilies(config, open);
  if (families.length === 0) {
    return refuse(2, 7, `no common address family: we offer ${config.families.join(", ")}`);
  }
  const peerAsn = Asn(openAsn(open));
  const holdTime = Seconds(Math.min(config.holdTime, open.holdTime));
  const has = (type: Capability["type"]): boolean => open.capabilities.some((c) => c.type === type);
  const value: Negotiated = Object.freeze({
    localAsn: config.localAsn,
    peerAsn,
    isInternal: peerAsn === config.localAsn,
    fourOctetAsn: has("fourOctetAsn"),
    extendedMessage: false,
    families,
    extendedNextHop: false,
    routeRefresh: has("routeRefresh"),
    enhancedRouteRefresh: false,
    holdTime,
    keepaliveTime: keepaliveFor(config, holdTime),
  });
  return { ok: true, value };
}

/** The AS the peer means: capability 65 where present, else the header field. */
export function openAsn(open: OpenMessage): number {
  for (const c of open.capabilities) if (c.type === "fourOctetAsn") return c.asn;
  return open.asn;
}

function judge(config: PeerConfig, open: OpenMessage): WireFault | null {
  if (open.version !== 4) {
    return wireFault(2, 1, `peer speaks BGP version ${open.version}, we speak 4`, Uint8Array.of(0, 4));
  }
  const asn = openAsn(open);
  if (asn === 0 || open.asn === 0) return wireFault(2, 2, "peer says AS 0 (RFC 7607)");
  if (
    config.peerAsn === "internal" ? asn !== config.localAsn : config.peerAsn === "external" && asn === config.localAsn
  ) {
    return wireFault(
      2,
      2,
      `peer is in AS ${asn}; dynamicASN ${config.peerAsn} does not admit it (our AS is ${config.localAsn})`,
    );
  }
  if (typeof config.peerAsn === "number" && asn !== config.peerAsn) {
    return wireFault(2, 2, `peer is in AS ${asn}, configured is ${config.peerAsn}`);
  }
  if (open.identifier === 0) return wireFault(2, 3, "peer's BGP Identifier is 0.0.0.0");
  if (open.identifier === config.routerId && asn === config.localAsn) {
    return wireFault(2, 3, `peer has our own BGP Identifier ${formatIp(ipv4(open.identifier))} in our own AS`);
  }
  if (open.holdTime === 1 || open.holdTime === 2) {
    return wireFault(2, 6, `peer offers a hold time of ${open.holdTime} s; 0 or at least 3 is legal`);
  }
  return null;
}

function commonFamilies(config: PeerConfig, open: OpenMessage): readonly Family[] {
  const offered = open.capabilities.filter((c) => c.type === "multiprotocol");
  // RFC 4760 8: a peer without the capability speaks IPv4 unicast alone
  if (offered.length === 0) return config.families.filter((f) => f === "ipv4-unicast");
  return config.families.filter((family) => {
    const { afi, safi } = afiSafi(family);
    return offered.some((c) => c.afi === afi && c.safi === safi);
  });
}

/** A third of the hold time in force at most, at least one second, 0 with hold time 0 (RFC 4271 4.4). */
function keepaliveFor(config: PeerConfig, holdTime: Seconds): Seconds {
  if (holdTime === 0) return Seconds(0);
  const third = Math.max(1, Math.floor(holdTime / 3));
  return Seconds(config.keepaliveTime === 0 ? third : Math.min(third, config.keepaliveTime));
}

const refuse = (code: number, subcode: number, detail: string): Decoded<Negotiated> => ({
  ok: false,
  fault: wireFault(code, subcode, detail),
});
