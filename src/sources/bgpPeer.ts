// BGPPeer v1beta2 and v1beta1 -> announce/model (metallb-compat 1.1, 1.2, 3.1). Owns every check that looks at one peer
// alone. Knows nothing of other peers, of Secrets' contents or of BFD profiles: announce/ resolves those.
// Contract: accepts what any of MetalLB's modes accepts; faults go to the report, the result then does not count.
// Deviation from MetalLB: an IPv6 routerID and times beyond 65535 s are refused, because neither fits the wire.
import { settingPath } from "../announce/annotations.ts";
import type { BGPPeerObject, Meta } from "../announce/model.ts";
import { type Ip, ipEquals, isMulticast, isUnspecified } from "../kernel/ip.ts";
import type { Said } from "../kernel/messages.ts";
import { quote } from "../kernel/text.ts";
import type { Fields } from "./fields.ts";
import { readIp } from "./ipFields.ts";
import { readSelectors } from "./labelSelector.ts";
import { say } from "./messages.ts";
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
  const peerAddress = readPeerAddress(spec);
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
  if (peerAsn === null && !isGiven(spec, "peerASN")) spec.error("peerASN", say("required"));
  const common = readCommon(spec, peerAsn);
  const peerAddress = readPeerAddress(spec);
  if (!isGiven(spec, "peerAddress")) spec.error("peerAddress", say("required", {}, "Give the router's IP address."));
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
  if (!root.has("spec")) root.error("spec", say("required"));
  return root.object("spec");
}

function readCommon(spec: Fields, peerAsn: number | null): Pick<Spec, CommonField> {
  if (!spec.has("myASN")) spec.error("myASN", say("required", {}, "Give the AS number of this side."));
  const myAsn = spec.integer("myASN", 1, MAX_ASN, "Give the AS number of this side.");
  const ebgpMultiHop = spec.boolean("ebgpMultiHop", false);
  if (ebgpMultiHop && myAsn !== null && myAsn === peerAsn) {
    spec.error("ebgpMultiHop", say("internalMultihop"));
  }
  const routerId = readIp(spec, "routerID");
  if (routerId !== null && routerId.version === 6) {
    spec.error("routerID", say("routerIdV6"));
  } else if (routerId !== null && isUnspecified(routerId)) {
    spec.error("routerID", say("routerIdZero"));
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
  if (hasA && hasB) spec.error(b, say("notTogether", { other: a }));
  if (!hasA && !hasB) spec.error(a, say("requiredUnless", { this: a, other: b }));
}

function readPeerAddress(spec: Fields): Ip | null {
  const address = readIp(spec, "peerAddress");
  if (address === null) return null;
  if (isUnspecified(address) || isMulticast(address)) {
    spec.warn("peerAddress", say("notAHost"));
  }
  return address;
}

function readPassword(spec: Fields): string | null {
  const password = spec.secret("password");
  if (password !== null && new TextEncoder().encode(password).length > MAX_PASSWORD_BYTES) {
    spec.error("password", say("longPassword", { max: MAX_PASSWORD_BYTES }));
  }
  return password;
}

function readPasswordSecret(spec: Fields, meta: Meta): string | null {
  const secret = spec.object("passwordSecret");
  if (secret === null) return null;
  const name = secret.string("name");
  const namespace = secret.string("namespace");
  if (name !== null && isGiven(spec, "password")) {
    spec.error("passwordSecret.name", say("notTogether", { other: "password" }));
  }
  if (name === null && !secret.has("name")) {
    secret.warn("name", say("noSecretName"));
  }
  if (namespace !== null && namespace !== meta.ref.namespace) {
    const values = { text: quote(namespace), home: meta.ref.namespace ?? "" };
    secret.warn("namespace", say("secretNamespace", values));
  }
  secret.warnUnknown();
  return name;
}

const wholeSeconds = (millis: number | null): number | null => (millis === null ? null : Math.floor(millis / 1000));

function readConnectTime(spec: Fields): number | null {
  const millis = spec.duration("connectTime");
  if (millis === null) return null;
  if (millis >= 1000 && millis <= MAX_SECONDS * 1000 && millis % 1000 === 0) return millis / 1000;
  spec.error("connectTime", say("connectTime", { max: MAX_SECONDS, seconds: millis / 1000 }));
  return null;
}

/**
 * metallb-compat 3.1. Milliseconds; null where absent: then the other one decides (hold = 3 x keepalive), and with both
 * absent the defaults apply.
 */
function checkTimers(spec: Fields, hold: number | null, keepalive: number | null): void {
  const times = [["holdTime", hold] as const, ["keepaliveTime", keepalive] as const];
  const refused = new Set<string>();
  const refuse = (key: string, said: Said): void => {
    refused.add(key);
    spec.error(key, said);
  };
  for (const [key, millis] of times) {
    if (millis !== null && millis > MAX_SECONDS * 1000) {
      refuse(key, say("longTime", { seconds: millis / 1000, max: MAX_SECONDS }));
    }
  }
  if (hold !== null && keepalive !== null && keepalive > hold) {
    const hint =
      hold === 0 && !spec.has("holdTime")
        ? "An absent holdTime means 0 in v1beta1: give holdTime, or use metallb.io/v1beta2."
        : "";
    const values = { keepalive: keepalive / 1000, hold: hold / 1000 };
    refuse("keepaliveTime", say("keepaliveOverHold", values, hint));
  }
  const key = hold === null ? "keepaliveTime" : "holdTime";
  const seconds = wholeSeconds(hold ?? (keepalive === null ? null : 3 * keepalive));
  const derived = hold === null ? "gives a hold time (three times this) of" : "is";
  if (seconds !== null && seconds !== 0 && seconds < 3) {
    refuse(key, say("shortHold", { derived, seconds }));
  } else if (hold === null && seconds !== null && seconds > MAX_SECONDS && !refused.has(key)) {
    refuse(key, say("longHold", { derived, seconds, max: MAX_SECONDS }));
  }
  // of a time that is not used it does not matter what it would be cut to
  for (const [key, millis] of times) {
    if (millis !== null && millis % 1000 !== 0 && !refused.has(key)) {
      spec.warn(key, say("cutTime", { seconds: Math.floor(millis / 1000) }));
    }
  }
}

/** Annotations against the fields beside them. */
function checkSettings({ report }: Fields, peer: Spec): void {
  const { settings, peerAddress } = peer;
  if (settings.gtsmHops !== undefined && peer.ebgpMultiHop) {
    const hint = "Remove ebgpMultiHop: gtsm-hops says how far away the peer may be.";
    report.error(settingPath("gtsmHops"), say("notTogether", { other: "ebgpMultiHop" }, hint));
  }
  if (settings.restartTime !== undefined && !peer.enableGracefulRestart) {
    report.warn(settingPath("restartTime"), say("noEffectWithout", { other: "spec.enableGracefulRestart: true" }));
  }
  for (const [setting, version] of [["nextHop", 4] as const, ["nextHopV6", 6] as const]) {
    const hop = settings[setting];
    if (hop === undefined || peerAddress === null) continue;
    if (ipEquals(hop, peerAddress)) {
      // RFC 4271 section 5.1.3
      report.error(settingPath(setting), say("nextHopIsPeer"));
    } else if (version !== peerAddress.version && !peer.dualStackAddressFamily) {
      report.warn(settingPath(setting), say("nextHopIdle", { version }));
    }
  }
}
