// BGPPeer objects to sessions of one node: defaults, references, and what keeps a peer from running. Owns the timer defaults
// (metallb-compat 3.1), password lookup (3.6) and families (3.7). Must not know other peers: conflicts are compile.ts's.
// Contract: a peer with any error runs no session, unless the error is in its own fields and it has a good version before
// (lastGood.ts); every error of it is listed.
import { authFaults, bfdProfile } from "../bfd/config.ts";
import type { BfdAuth } from "../bfd/protocol.ts";
import { PEER_DEFAULTS, type PeerBfd, type PeerConfig } from "../bgp/session/config.ts";
import type { Family } from "../bgp/wire/message.ts";
import { formatIp, isUnspecified } from "../kernel/ip.ts";
import type { Said } from "../kernel/messages.ts";
import { type ConfigProblem, problemOf, refText, type Severity, withLastGood } from "../kernel/problem.ts";
import { Asn, PeerName, RouterId, Seconds } from "../kernel/units.ts";
import { objectKey, type StoreView } from "../sources/store.ts";
import { settingPath } from "./annotations.ts";
import type { Candidate } from "./lastGood.ts";
import { say } from "./messages.ts";
import type { BFDProfileObject, BGPPeerObject } from "./model.ts";

/** FRR's "traditional" profile, as MetalLB's FRR modes have it. */
const DEFAULT_HOLD_TIME = 180;
const DEFAULT_KEEPALIVE_TIME = 60;
/** Seconds; FRR's, and so MetalLB's (metallb-compat 3.5). */
export const DEFAULT_RESTART_TIME = 120;
/** Octets of a TCP MD5 key (Linux TCP_MD5SIG_MAXKEYLEN). */
export const MAX_PASSWORD_OCTETS = 80;
/** FRR waits 30 to 120 s; a rebooted router should have its routes back within 10 s. */
export const DEFAULT_CONNECT_RETRY_TIME = 5;

export interface CompiledPeer {
  /** null when any of the problems is an error. */
  readonly config: PeerConfig | null;
  readonly problems: readonly ConfigProblem[];
}

/** Equal text, same session on this node: address or interface, port, VRF. */
export const identityOf = (p: BGPPeerObject): string =>
  `${p.peerAddress === null ? `%${p.interface}` : formatIp(p.peerAddress)}|${p.peerPort}|${p.vrf ?? ""}`;

export function profileOf(peer: BGPPeerObject, store: StoreView): BFDProfileObject | undefined {
  if (peer.bfdProfile === null) return undefined;
  return store.get("BFDProfile", objectKey({ ...peer.ref, name: peer.bfdProfile }));
}

const peerAsnOf = (peer: BGPPeerObject): PeerConfig["peerAsn"] | null =>
  peer.dynamicAsn ?? (peer.peerAsn === null ? null : Asn(peer.peerAsn));

/** The peer as it is; or its last good version, where its own fields contradict each other. */
export function standingPeer({ newest, last }: Candidate<BGPPeerObject>): StandingPeer {
  const faults: ConfigProblem[] = [];
  reportOwnFaults(newest, (path, said) => faults.push(problemOf(newest.ref, path, said)));
  const isGood = faults.length === 0;
  return last === null || isGood
    ? { object: newest, isGood, refused: [] }
    : { object: last, isGood: true, refused: faults.map(withLastGood) };
}

export interface StandingPeer {
  /** The version that counts. */
  readonly object: BGPPeerObject;
  /** Its own fields have no error; what it refers to may. */
  readonly isGood: boolean;
  /** Errors of the newest version, when that is not the one that counts. */
  readonly refused: readonly ConfigProblem[];
}

/** What is wrong with a peer whatever other objects there are; errors only. */
function reportOwnFaults(peer: BGPPeerObject, report: Report): void {
  const { sourceAddress, peerAddress, routerId, settings } = peer;
  const peerAsn = peerAsnOf(peer);
  if (peerAsn === null) report("spec.peerASN", say("noPeerAsn"));
  if (peer.ebgpMultiHop && peerAsn === peer.myAsn) {
    report("spec.ebgpMultiHop", say("multihopInternal", { asn: peer.myAsn }));
  }
  if (peerAddress === null && peer.interface === null) {
    report("spec.peerAddress", say("noPeerAddress"));
  }
  if (peerAddress !== null && sourceAddress !== null && sourceAddress.version !== peerAddress.version) {
    const values = { source: formatIp(sourceAddress), peer: formatIp(peerAddress) };
    report("spec.sourceAddress", say("sourceFamily", values));
  }
  if (routerId !== null && (routerId.version !== 4 || isUnspecified(routerId))) {
    report("spec.routerID", say("badRouterId", { id: formatIp(routerId) }));
  }
  const hasAuth = settings.bfdAuthType !== undefined || settings.bfdAuthKeyId !== undefined;
  if (peer.bfdProfile !== null && hasAuth && settings.bfdAuthSecret === undefined) {
    const setting = settings.bfdAuthType === undefined ? "bfdAuthKeyId" : "bfdAuthType";
    report(settingPath(setting), say("authWithoutKey"));
  }
}

/** @param nodeRouterId used where the peer names none. */
export function compilePeer(peer: BGPPeerObject, store: StoreView, nodeRouterId: RouterId): CompiledPeer {
  const problems: ConfigProblem[] = [];
  const report: Report = (path, said, severity) => {
    problems.push(problemOf(peer.ref, path, said, severity));
  };
  if (peer.disableMP) report("spec.disableMP", say("disableMp"), "warning");
  reportOwnFaults(peer, report);
  const bfd = bfdOf(peer, store, report);
  const password = passwordOf(peer, store, report);

  const { holdTime, keepaliveTime } = timersOf(peer);
  const { settings } = peer;
  if (settings.sendHoldTime !== undefined && settings.sendHoldTime < holdTime) {
    report(settingPath("sendHoldTime"), say("shortSendHold", { holdTime }), "warning");
  }
  const peerAsn = peerAsnOf(peer);
  const failed = problems.some((p) => p.severity === "error");
  if (failed || peerAsn === null) return { config: null, problems };
  const config: PeerConfig = {
    name: PeerName(peer.ref.name),
    address: peer.peerAddress,
    interface: peer.interface,
    opens: settings.opens ?? PEER_DEFAULTS.opens,
    port: peer.peerPort,
    sourceAddress: peer.sourceAddress,
    vrf: peer.vrf,
    localAsn: Asn(peer.localAsn ?? peer.myAsn),
    peerAsn,
    routerId: peer.routerId === null ? nodeRouterId : RouterId(peer.routerId.w0),
    holdTime,
    keepaliveTime,
    connectRetryTime: Seconds(peer.connectTime ?? DEFAULT_CONNECT_RETRY_TIME),
    sendHoldTime: settings.sendHoldTime === undefined ? PEER_DEFAULTS.sendHoldTime : Seconds(settings.sendHoldTime),
    password,
    ebgpMultihop: peer.ebgpMultiHop,
    gtsmHops: settings.gtsmHops ?? PEER_DEFAULTS.gtsmHops,
    families: familiesOf(peer),
    nextHops: {
      ...(settings.nextHop === undefined ? {} : { "ipv4-unicast": settings.nextHop }),
      ...(settings.nextHopV6 === undefined ? {} : { "ipv6-unicast": settings.nextHopV6 }),
    },
    restartTime: peer.enableGracefulRestart ? Seconds(settings.restartTime ?? DEFAULT_RESTART_TIME) : null,
    maxPrefixes: settings.maxPrefixes ?? PEER_DEFAULTS.maxPrefixes,
    keepReceived: settings.keepReceived ?? PEER_DEFAULTS.keepReceived,
    bfd,
  };
  return { config, problems };
}

function bfdOf(peer: BGPPeerObject, store: StoreView, report: Report): PeerBfd | null {
  const { bfdStrict } = peer.settings;
  if (peer.bfdProfile === null) {
    if (bfdStrict === true) {
      report(settingPath("bfdStrict"), say("strictWithoutBfd"), "warning");
    }
    return null;
  }
  const profile = profileOf(peer, store);
  if (profile === undefined) {
    const wanted = { ...peer.ref, kind: "BFDProfile", name: peer.bfdProfile };
    report("spec.bfdProfile", say("noProfile", { profile: refText(wanted) }));
    return null;
  }
  if (profile.echoMode && peer.ebgpMultiHop) {
    report("spec.bfdProfile", say("echoMultihop", { profile: refText(profile.ref) }), "warning"); // C-242, RFC 5883 3
  }
  const auth = bfdAuthOf(peer, store, report);
  return { profile: bfdProfile({ ...profile, name: profile.ref.name }), auth, isStrict: bfdStrict ?? false };
}

/** metallb-compat 3.7: that of the peer's address; both where asked for and for an unnumbered peer; disableMP changes nothing. */
function familiesOf({ peerAddress, dualStackAddressFamily }: BGPPeerObject): readonly Family[] {
  if (peerAddress === null || dualStackAddressFamily) return ["ipv4-unicast", "ipv6-unicast"];
  return [peerAddress.version === 4 ? "ipv4-unicast" : "ipv6-unicast"];
}

/** metallb-compat 3.1: 180/60; one alone gives the other by the factor three; 0 stays 0. */
function timersOf(peer: BGPPeerObject): { readonly holdTime: Seconds; readonly keepaliveTime: Seconds } {
  const { holdTime: hold, keepaliveTime: keepalive } = peer;
  if (hold === null && keepalive === null) {
    return { holdTime: Seconds(DEFAULT_HOLD_TIME), keepaliveTime: Seconds(DEFAULT_KEEPALIVE_TIME) };
  }
  // the OPEN has 16 bits for the hold time (RFC 4271 4.2)
  if (hold === null)
    return { holdTime: Seconds(Math.min(0xffff, 3 * (keepalive ?? 0))), keepaliveTime: Seconds(keepalive ?? 0) };
  return { holdTime: Seconds(hold), keepaliveTime: Seconds(keepalive ?? Math.floor(hold / 3)) };
}

type Report = (path: string, said: Said, severity?: Severity) => void;

/** metallb-compat 3.6. */
function passwordOf(peer: BGPPeerObject, store: StoreView, report: Report): string | null {
  if (peer.passwordSecret === null) return peer.password;
  const path = "spec.passwordSecret.name";
  const password = secretOf(peer, peer.passwordSecret, path, store, report);
  const octets = octetsOf(password);
  if (octets.length > MAX_PASSWORD_OCTETS) {
    const values = { secret: peer.passwordSecret, octets: octets.length, max: MAX_PASSWORD_OCTETS };
    report(path, say("longSecret", values));
  }
  return password;
}

const octetsOf = (text: string | null): Uint8Array => new TextEncoder().encode(text ?? "");

/** The key `password` of a Secret in the peer's own namespace; a Secret that cannot be used keeps the peer down. */
function secretOf(peer: BGPPeerObject, name: string, path: string, store: StoreView, report: Report): string | null {
  const ref = { kind: "Secret", namespace: peer.ref.namespace, name };
  const secret = store.get("Secret", objectKey(ref));
  if (secret === undefined) report(path, say("noSecret", { secret: refText(ref) }));
  else if (secret.type !== "kubernetes.io/basic-auth") {
    report(path, say("secretType", { secret: refText(ref), type: secret.type || "Opaque" }));
  } else if (secret.password === null) report(path, say("noPasswordKey", { secret: refText(ref) }));
  return secret?.password ?? null;
}

function bfdAuthOf(peer: BGPPeerObject, store: StoreView, report: Report): BfdAuth | null {
  const { bfdAuthSecret, bfdAuthType = "meticulousKeyedSha1", bfdAuthKeyId = 1 } = peer.settings;
  if (bfdAuthSecret === undefined) return null;
  const path = settingPath("bfdAuthSecret");
  const auth = {
    type: bfdAuthType,
    keyId: bfdAuthKeyId,
    key: octetsOf(secretOf(peer, bfdAuthSecret, path, store, report)),
  };
  if (auth.key.length === 0) return null; // the Secret's own fault has been told
  for (const fault of authFaults(auth)) report(path, say("badAuthKey", { field: fault.path, fault: fault.message }));
  return auth;
}
