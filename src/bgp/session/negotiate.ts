// Our OPEN, the judgement of theirs, and what both agree on. Owns the rules of RFC 4271 6.2, 5492, 6286, 6793 and 7607
// for one pair of OPENs. Keeps nothing between connections: everything is agreed afresh each time.
import { formatIp, ipv4 } from "../../kernel/ip.ts";
import { type Decoded, type WireFault, wireFault } from "../../kernel/result.ts";
import { Asn, Seconds } from "../../kernel/units.ts";
import type { Capability, Family, Negotiated, OpenMessage } from "../wire/message.ts";
import { AS_TRANS, afiSafi } from "../wire/registry.ts";
import type { PeerConfig } from "./config.ts";

/** What both OPENs agree on, with what only the session itself looks at. */
export interface Agreement extends Negotiated {
  /** N bit in both OPENs (RFC 8538): the peer keeps our routes over any NOTIFICATION that is no hard reset. */
  readonly gracefulNotification: boolean;
  /** The peer keeps its forwarding of at least one family while it restarts (RFC 4724). */
  readonly peerRestarts: boolean;
}

/** What our OPEN says about a restart of ours (RFC 4724 section 3). */
export interface RestartFlags {
  /** R bit: we have just come back from a restart that the peer may have bridged. */
  readonly isRestarting: boolean;
  /** F bit of every family: what we had announced has been forwarded all the while. */
  readonly isForwardingKept: boolean;
}

export const NO_RESTART: RestartFlags = { isRestarting: false, isForwardingKept: false };

/** The OPEN we send: every capability in the order of its code, nothing that this speaker does not carry out. */
export function buildOpen(config: PeerConfig, restart: RestartFlags = NO_RESTART): OpenMessage {
  const capabilities: Capability[] = [
    ...config.families.map((family): Capability => ({ type: "multiprotocol", ...afiSafi(family) })),
    { type: "routeRefresh" },
    ...(offersExtendedNextHop(config) ? [EXTENDED_NEXT_HOP] : []),
    gracefulRestart(config, restart),
    { type: "fourOctetAsn", asn: config.localAsn },
    { type: "enhancedRouteRefresh" },
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

/** IPv4 routes with an IPv6 next hop (RFC 8950): of use only where the session runs over IPv6. */
const offersExtendedNextHop = ({ address, families }: PeerConfig): boolean =>
  address?.version !== 4 && families.includes("ipv4-unicast");

const IPV4_VIA_IPV6 = { ...afiSafi("ipv4-unicast"), nextHopAfi: afiSafi("ipv6-unicast").afi };
const EXTENDED_NEXT_HOP: Capability = { type: "extendedNextHop", entries: [IPV4_VIA_IPV6] };

/**
 * Without a restart time no family is listed: the peer keeps nothing of ours, but knows that our End-of-RIB comes, and when
 * it restarts itself it waits for that before it chooses routes (RFC 4724 sections 3 and 4.1). The N bit goes with a restart
 * time only: where nothing is kept, a NOTIFICATION has nothing to spare.
 */
function gracefulRestart({ families, restartTime }: PeerConfig, restart: RestartFlags): Capability {
  if (restartTime === null) {
    return { type: "gracefulRestart", restarting: false, notification: false, restartTime: 0, families: [] };
  }
  return {
    type: "gracefulRestart",
    restarting: restart.isRestarting,
    notification: true,
    restartTime,
    families: families.map((family) => ({ ...afiSafi(family), forwarding: restart.isForwardingKept })),
  };
}

/** Judges the peer's OPEN. The fault is the NOTIFICATION to answer with. */
export function negotiate(config: PeerConfig, open: OpenMessage): Decoded<Agreement> {
  const fault = judge(config, open);
  if (fault !== null) return { ok: false, fault };
  const families = commonFamilies(config, open);
  if (families.length === 0) {
    return refuse(2, 7, `no common address family: we offer ${config.families.join(", ")}`);
  }
  const peerAsn = Asn(openAsn(open));
  const holdTime = Seconds(Math.min(config.holdTime, open.holdTime));
  const has = (type: Capability["type"]): boolean => open.capabilities.some((c) => c.type === type);
  // RFC 4724 section 3: of several the last one counts
  const graceful = open.capabilities.findLast((c) => c.type === "gracefulRestart");
  const value: Agreement = Object.freeze({
    localAsn: config.localAsn,
    peerAsn,
    isInternal: peerAsn === config.localAsn,
    fourOctetAsn: has("fourOctetAsn"),
    extendedMessage: false,
    families,
    extendedNextHop: offersExtendedNextHop(config) && open.capabilities.some(carriesIpv4ViaIpv6),
    routeRefresh: has("routeRefresh"),
    enhancedRouteRefresh: has("enhancedRouteRefresh"),
    gracefulNotification: config.restartTime !== null && graceful?.notification === true,
    peerRestarts: (graceful?.families.length ?? 0) > 0,
    holdTime,
    keepaliveTime: keepaliveFor(config, holdTime),
  });
  return { ok: true, value };
}

const carriesIpv4ViaIpv6 = (c: Capability): boolean =>
  c.type === "extendedNextHop" &&
  c.entries.some(
    ({ afi, safi, nextHopAfi }) =>
      afi === IPV4_VIA_IPV6.afi && safi === IPV4_VIA_IPV6.safi && nextHopAfi === IPV4_VIA_IPV6.nextHopAfi,
  );

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
  if (asn === AS_TRANS) return wireFault(2, 2, `AS ${AS_TRANS} is nobody's: peer does not tell its own (RFC 6793)`);
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
export function keepaliveFor(config: PeerConfig, holdTime: Seconds): Seconds {
  if (holdTime === 0) return Seconds(0);
  const third = Math.max(1, Math.floor(holdTime / 3));
  return Seconds(config.keepaliveTime === 0 ? third : Math.min(third, config.keepaliveTime));
}

const refuse = (code: number, subcode: number, detail: string): Decoded<Agreement> => ({
  ok: false,
  fault: wireFault(code, subcode, detail),
});
