// BGPPeer v1beta2 and v1beta1 -> announce/model (metallb-compat 1.1, 1.2, 3.1). Owns every check that looks at one peer
// alone. Knows nothing of other peers, of Secrets' contents or of BFD profiles: announce/ resolves those.
// Contract: accepts what any of MetalLB's modes accepts; faults go to the report, the result then does not count.
// Deviation from MetalLB: an IPv6 routerID and times beyond 65535 s are refused, because neither fits the wire.
import { settingPath } from "../announce/annotations.ts";
import type { BGPPeerObject, Meta } from "../announce/model.ts";
import { type Ip, ipEquals, isMulticast, isUnspecified } from "../kernel/ip.ts";
import { quote } from "../kernel/text.ts";
import type { Fields } from "./fields.ts";
import { readIp } from "./ipFields.ts";
import { readSelectors } from "./labelSelector.ts";
import { readSettings } from "./settings.ts";

const MAX_ASN = 0xffff_ffff;
const MAX_SECONDS = 0xffff;
const BGP_PORT = 179;
const MAX_PEER_PORT = 16384;
/** Linux TCP_MD5SIG_MAXKEYLEN, bytes. */
const MAX_PASSWORD_BYTES = 80;

const USE_V1BETA2 = "Change apiVersion to metallb.io/v1beta2, which has this field.";
const ONLY_V1BETA2: ReadonlyMap<string, string> = new Map(
  [
    "dynamicASN",
    "localASN",
    "interface",
    "connectTime",
    "passwordSecret",
    "enableGracefulRestart",
    "vrf",
    "disableMP",
    "dualStackAddressFamily",
  ].map((field) => [field, USE_V1BETA2]),
);

type Spec = Omit<BGPPeerObject, keyof Meta | "kind">;
/** Fields both versions have, read the same way. */
type CommonField = "myAsn" | "sourceAddress" | "routerId" | "password" | "bfdProfile" | "ebgpMultiHop";

/** @returns null when there is no spec to read (reported). */
export function readBgpPeer(root: Fields, meta: Meta): BGPPeerObject | null {
  const spec = requiredSpec(root);
  if (spec === null) return null;
  const peerAsn = spec.integer("peerASN", 0, MAX_ASN) || null;
  const dynamicAsn = spec.word("dynamicASN", ["internal", "external"]);
  checkOneOf(spec, "peerASN", peerAsn !== null || isGiven(spec, "peerASN"), "dynamicASN", spec.has("dynamicASN"));
  const common = readCommon(spec, peerAsn);
  const peerAddress = readPeerAddress(spec, common.sourceAddress);
  const interfaceName = spec.string("interface");
  checkOneOf(spec, "peerAddress", isGiven(spec, "peerAddress"), "interface", isGiven(spec, "interface"));
  const holdTime = spec.duration("holdTime");
  const keepaliveTime = spec.duration("keepaliveTime");
  checkTimers(spec, holdTime, keepaliveTime);
  const result: Spec = {
    ...common,
    peerAsn,
    dynamicAsn,
    localAsn: spec.integer("localASN", 1, MAX_ASN),
    peerAddress,
    interface: interfaceName,
    peerPort: spec.integer("peerPort", 1, MAX_PEER_PORT, PORT_HINT) ?? BGP_PORT,
    holdTime: wholeSeconds(holdTime),
    keepaliveTime: wholeSeconds(keepaliveTime),
    connectTime: readConnectTime(spec),
    nodeSelectors: readSelectors(spec, "nodeSelectors"),
    passwordSecret: readPasswordSecret(spec, meta),
    enableGracefulRestart: spec.boolean("enableGracefulRestart", false),
    vrf: spec.string("vrf"),
    disableMP: spec.boolean("disableMP", false),
    dualStackAddressFamily: spec.boolean("dualStackAddressFamily", false),
    settings: readSettings(root, "BGPPeer"),
  };
  checkSettings(root, result);
  spec.warnUnknown();
  return { ...meta, kind: "BGPPeer", ...result };
}

/** As MetalLB's conversion to v1beta2 gives it: an absent timer becomes an explicit 0. */
export function readBgpPeerV1beta1(root: Fields, meta: Meta): BGPPeerObject | null {
  const spec = requiredSpec(root);
  if (spec === null) return null;
  const peerAsn = spec.integer("peerASN", 0, MAX_ASN) || null;
  if (peerAsn === null && !isGiven(spec, "peerASN")) spec.error("peerASN", "is required");
  const common = readCommon(spec, peerAsn);
  const peerAddress = readPeerAddress(spec, common.sourceAddress);
  if (!isGiven(spec, "peerAddress")) spec.error("peerAddress", "is required", "Give the router's IP address.");
  const holdTime = spec.duration("holdTime") ?? 0;
  const keepaliveTime = spec.duration("keepaliveTime") ?? 0;
  checkTimers(spec, holdTime, keepaliveTime);
  const result: Spec = {
    ...common,
    peerAsn,
    dynamicAsn: null,
    localAsn: null,
    peerAddress,
    interface: null,
    peerPort: spec.integer("peerPort", 0, MAX_PEER_PORT, PORT_HINT) || BGP_PORT,
    holdTime: wholeSeconds(holdTime),
    keepaliveTime: wholeSeconds(keepaliveTime),
    connectTime: null,
    nodeSelectors: readSelectors(spec, "nodeSelectors", "v1beta1"),
    passwordSecret: null,
    enableGracefulRestart: false,
    vrf: null,
    disableMP: false,
    dualStackAddressFamily: false,
    settings: readSettings(root, "BGPPeer"),
  };
  checkSettings(root, result);
  spec.warnUnknown(ONLY_V1BETA2);
  return { ...meta, kind: "BGPPeer", ...result };
}

const PORT_HINT = "The API of MetalLB ends at 16384.";

function requiredSpec(root: Fields): Fields | null {
  if (!root.has("spec")) root.error("spec", "is required");
  return root.object("spec");
}

function readCommon(spec: Fields, peerAsn: number | null): Pick<Spec, CommonField> {
  if (!spec.has("myASN")) spec.error("myASN", "is required", "Give the AS number of this side.");
  const myAsn = spec.integer("myASN", 1, MAX_ASN, "Give the AS number of this side.");
  const ebgpMultiHop = spec.boolean("ebgpMultiHop", false);
  if (ebgpMultiHop && myAsn !== null && myAsn === peerAsn) {
    spec.error("ebgpMultiHop", "is true, but peerASN equals myASN: the peer is internal", "Remove ebgpMultiHop.");
  }
  const routerId = readIp(spec, "routerID");
  if (routerId !== null && routerId.version === 6) {
    spec.error("routerID", "is an IPv6 address, a BGP identifier has 32 bits", "Give an IPv4 address of this node.");
  } else if (routerId !== null && isUnspecified(routerId)) {
    spec.error("routerID", "must not be 0.0.0.0", "Leave it out, or give an IPv4 address of this node.");
  }
  return {
    myAsn: myAsn ?? 1,
    sourceAddress: readIp(spec, "sourceAddress"),
    routerId,
    password: readPassword(spec),
    bfdProfile: spec.string("bfdProfile"),
    ebgpMultiHop,
  };
}

/** Given, and neither 0 nor empty, which both mean absent; also true of a faulty value, reported elsewhere. */
function isGiven(spec: Fields, key: string): boolean {
  return spec.has(key) && !spec.isZero(key);
}

function checkOneOf(spec: Fields, a: string, hasA: boolean, b: string, hasB: boolean): void {
  if (hasA && hasB) spec.error(b, `cannot be used together with ${a}`, "Remove one of the two.");
  if (!hasA && !hasB) spec.error(a, `is required, unless ${b} is given`, `Give ${a} or ${b}.`);
}

function readPeerAddress(spec: Fields, source: Ip | null): Ip | null {
  const address = readIp(spec, "peerAddress");
  if (address === null) return null;
  if (isUnspecified(address) || isMulticast(address)) {
    spec.warn("peerAddress", "is not the address of a host: no session can come up", "Give the router's own address.");
  }
  if (source !== null && source.version !== address.version) {
    spec.warn("sourceAddress", "is of another family than peerAddress: no session can come up");
  }
  return address;
}

function readPassword(spec: Fields): string | null {
  const password = spec.secret("password");
  if (password !== null && new TextEncoder().encode(password).length > MAX_PASSWORD_BYTES) {
    spec.error("password", `is longer than ${MAX_PASSWORD_BYTES} bytes`, "TCP MD5 keys end there: use a shorter one.");
  }
  return password;
}

function readPasswordSecret(spec: Fields, meta: Meta): string | null {
  const secret = spec.object("passwordSecret");
  if (secret === null) return null;
  const name = secret.string("name");
  const namespace = secret.string("namespace");
  if (name !== null && isGiven(spec, "password")) {
    spec.error("passwordSecret.name", "cannot be used together with password", "Remove one of the two.");
  }
  if (name === null && !secret.has("name")) {
    secret.warn("name", "is missing, so there is no password", "Name the Secret, or remove passwordSecret.");
  }
  if (namespace !== null && namespace !== meta.ref.namespace) {
    const hint = `The Secret is looked for in ${meta.ref.namespace ?? ""}.`;
    secret.warn("namespace", `is ${quote(namespace)}, which is ignored`, hint);
  }
  secret.warnUnknown();
  return name;
}

const wholeSeconds = (millis: number | null): number | null => (millis === null ? null : Math.floor(millis / 1000));

function readConnectTime(spec: Fields): number | null {
  const millis = spec.duration("connectTime");
  if (millis === null) return null;
  if (millis >= 1000 && millis <= MAX_SECONDS * 1000 && millis % 1000 === 0) return millis / 1000;
  spec.error("connectTime", `must be whole seconds from 1 s to ${MAX_SECONDS} s, is ${millis / 1000} s`);
  return null;
}

/**
 * metallb-compat 3.1. Milliseconds; null where absent: then the other one decides (hold = 3 x keepalive), and with both
 * absent the defaults apply.
 */
function checkTimers(spec: Fields, hold: number | null, keepalive: number | null): void {
  for (const [key, millis] of [["holdTime", hold] as const, ["keepaliveTime", keepalive] as const]) {
    if (millis === null) continue;
    if (millis > MAX_SECONDS * 1000) {
      const hint = "BGP carries times as 16-bit seconds; 90s is a usual hold time.";
      spec.error(key, `is ${millis / 1000} s, must be at most ${MAX_SECONDS} s`, hint);
    } else if (millis % 1000 !== 0) {
      spec.warn(key, `is cut to ${Math.floor(millis / 1000)} s`, "BGP counts whole seconds.");
    }
  }
  if (hold !== null && keepalive !== null && keepalive > hold) {
    const hint =
      hold === 0 && !spec.has("holdTime")
        ? "An absent holdTime means 0 in v1beta1: give holdTime, or use metallb.io/v1beta2."
        : "A third of holdTime is usual.";
    spec.error("keepaliveTime", `is ${keepalive / 1000} s, more than the hold time of ${hold / 1000} s`, hint);
  }
  const key = hold === null ? "keepaliveTime" : "holdTime";
  const seconds = wholeSeconds(hold ?? (keepalive === null ? null : 3 * keepalive));
  if (seconds === null) return;
  const derived = hold === null ? "gives a hold time (three times this) of" : "is";
  if (seconds !== 0 && seconds < 3) {
    spec.error(key, `${derived} ${seconds} s, a hold time must be 0 or at least 3 s`, "0 switches the timers off.");
  } else if (hold === null && seconds > MAX_SECONDS && (keepalive ?? 0) <= MAX_SECONDS * 1000) {
    spec.error(key, `${derived} ${seconds} s, a hold time must be at most ${MAX_SECONDS} s`, "Give holdTime as well.");
  }
}

/** Annotations against the fields beside them. */
function checkSettings({ report }: Fields, peer: Spec): void {
  const { settings, peerAddress } = peer;
  if (settings.gtsmHops !== undefined && peer.ebgpMultiHop) {
    const hint = "Remove ebgpMultiHop: gtsm-hops says how far away the peer may be.";
    report.error(settingPath("gtsmHops"), "cannot be used together with ebgpMultiHop", hint);
  }
  if (settings.restartTime !== undefined && !peer.enableGracefulRestart) {
    report.warn(settingPath("restartTime"), "has no effect without spec.enableGracefulRestart: true");
  }
  for (const [setting, version] of [["nextHop", 4] as const, ["nextHopV6", 6] as const]) {
    const hop = settings[setting];
    if (hop === undefined || peerAddress === null) continue;
    if (ipEquals(hop, peerAddress)) {
      // RFC 4271 section 5.1.3
      report.error(settingPath(setting), "is the peer's own address", "Give an address of this side.");
    } else if (version !== peerAddress.version && !peer.dualStackAddressFamily) {
      const hint = "Set spec.dualStackAddressFamily: true, or remove it.";
      report.warn(settingPath(setting), `has no effect: the session carries no IPv${version} routes`, hint);
    }
  }
}
