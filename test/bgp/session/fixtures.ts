// Values the session tests start from: one peer, its OPEN, events of every kind. Owns no expectations.

import { PEER_DEFAULTS, type PeerConfig } from "../../../src/bgp/session/config.ts";
import type { FsmAction, FsmEvent, FsmState } from "../../../src/bgp/session/fsm.ts";
import { type Agreement, negotiate } from "../../../src/bgp/session/negotiate.ts";
import type { Capability, NotificationMessage, OpenMessage } from "../../../src/bgp/wire/message.ts";
import { cease } from "../../../src/bgp/wire/notification.ts";
import { EMPTY_UPDATE } from "../../../src/bgp/wire/update.ts";
import { type Ip, ipv4, parseIp } from "../../../src/kernel/ip.ts";
import { wireFault } from "../../../src/kernel/result.ts";
import { Asn, Millis, PeerName, RouterId, Seconds } from "../../../src/kernel/units.ts";

export const address = (a: number, b: number, c: number, d: number): Ip =>
  ipv4(((a << 24) | (b << 16) | (c << 8) | d) >>> 0);

export function ip(text: string): Ip {
  const value = parseIp(text);
  if (value === null) throw new Error(`no address: ${text}`);
  return value;
}

export const OUR_ID = 0x0a00_0001;
export const PEER_ID = 0x0a00_0002;

export const CONFIG: PeerConfig = {
  name: PeerName("tor"),
  address: address(192, 0, 2, 1),
  ...PEER_DEFAULTS,
  opens: "both",
  port: 179,
  localAsn: Asn(64_500),
  peerAsn: Asn(64_501),
  routerId: RouterId(OUR_ID),
  holdTime: Seconds(90),
  keepaliveTime: Seconds(30),
  connectRetryTime: Seconds(10),
  families: ["ipv4-unicast"],
};

export const configWith = (change: Partial<PeerConfig>): PeerConfig => ({ ...CONFIG, ...change });

export const CAPABILITIES: readonly Capability[] = [
  { type: "multiprotocol", afi: 1, safi: 1 },
  { type: "routeRefresh" },
  { type: "fourOctetAsn", asn: 64_501 },
];

export const OPEN: OpenMessage = {
  type: "open",
  version: 4,
  asn: 64_501,
  holdTime: Seconds(90),
  identifier: PEER_ID,
  capabilities: CAPABILITIES,
};

export const openWith = (change: Partial<OpenMessage>): OpenMessage => ({ ...OPEN, ...change });

export function agreed(config: PeerConfig = CONFIG, open: OpenMessage = OPEN): Agreement {
  const result = negotiate(config, open);
  if (!result.ok) throw new Error(result.fault.detail);
  return result.value;
}

export const notification = (code: number, subcode: number): NotificationMessage => ({
  type: "notification",
  errorCode: code,
  errorSubcode: subcode,
  data: new Uint8Array(0),
});

export type EventName = FsmEvent["type"] | "manualStart passive" | "openReceived unacceptable";

/** One event of every type; the two that branch on their content come twice. */
export const EVENTS: Record<EventName, FsmEvent> = {
  manualStart: { type: "manualStart", passive: false },
  "manualStart passive": { type: "manualStart", passive: true },
  stop: { type: "stop", notification: cease(2), detail: "stopped" },
  connectRetryTimerExpired: { type: "connectRetryTimerExpired" },
  holdTimerExpired: { type: "holdTimerExpired" },
  keepaliveTimerExpired: { type: "keepaliveTimerExpired" },
  sendHoldTimerExpired: { type: "sendHoldTimerExpired" },
  tcpConnected: { type: "tcpConnected" },
  tcpAccepted: { type: "tcpAccepted" },
  tcpFailed: { type: "tcpFailed", detail: "refused" },
  headerError: { type: "headerError", fault: wireFault(1, 2, "length", Uint8Array.of(0, 1)) },
  openReceived: { type: "openReceived", open: OPEN },
  "openReceived unacceptable": { type: "openReceived", open: { ...OPEN, holdTime: Seconds(1) } },
  openError: { type: "openError", fault: wireFault(2, 4, "parameter") },
  collisionDump: { type: "collisionDump" },
  notificationReceived: { type: "notificationReceived", notification: notification(6, 2) },
  keepaliveReceived: { type: "keepaliveReceived" },
  updateReceived: { type: "updateReceived", update: EMPTY_UPDATE },
  updateError: { type: "updateError", fault: wireFault(3, 1, "attributes") },
  routeRefreshReceived: {
    type: "routeRefreshReceived",
    refresh: { type: "routeRefresh", afi: 1, safi: 1, subtype: 0 },
  },
  bytesSent: { type: "bytesSent" },
};

/** One state of every name as it stands at time 0 with the given agreement. */
export function statesAt0(negotiated: Agreement = agreed()): { readonly [N in FsmState["name"]]: FsmState } {
  const timers = {
    holdDeadline: negotiated.holdTime === 0 ? null : Millis(1000 * negotiated.holdTime),
    keepaliveDeadline: negotiated.keepaliveTime === 0 ? null : Millis(1000 * negotiated.keepaliveTime),
  };
  return {
    Idle: { name: "Idle" },
    Connect: { name: "Connect", connectRetryDeadline: Millis(10_000) },
    Active: { name: "Active" },
    OpenSent: { name: "OpenSent", holdDeadline: Millis(240_000) },
    OpenConfirm: {
      name: "OpenConfirm",
      negotiated,
      peerOpen: OPEN,
      ...timers,
      holdDeadline: timers.holdDeadline ?? Millis(240_000),
    },
    Established: {
      name: "Established",
      negotiated,
      peerOpen: OPEN,
      sendHoldDeadline: timers.holdDeadline === null ? null : Millis(2 * timers.holdDeadline),
      ...timers,
    },
  };
}

const hex = (bytes: Uint8Array): string => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");

/** `type`, with code/subcode:data for a NOTIFICATION and the kind for an end. */
export function actionText(action: FsmAction): string {
  switch (action.type) {
    case "sendNotification": {
      const { errorCode, errorSubcode, data } = action.notification;
      return `sendNotification ${errorCode}/${errorSubcode}${data.length === 0 ? "" : `:${hex(data)}`}`;
    }
    case "ended":
      return `ended ${action.cause.kind}`;
    default:
      return action.type;
  }
}
