// What crosses the border of the BFD engine: words of RFC 5880, commands, events, status and counters, all plain data that
// can be posted between threads. Owns their names. Knows no engine, no socket and no BGP. Contract: every value here is
// immutable once handed over; a key of authentication stands in commands alone, never in an event or a status.
import type { BfdProfile } from "./config.ts";

/**
 * Monotonic microseconds (a point in time) or a duration in microseconds, as on the wire. A plain number and not a brand: the
 * arithmetic of every packet would pass through a constructor.
 */
export type Micros = number;

/** A deadline that never comes. */
export const NEVER: Micros = Number.POSITIVE_INFINITY;

/** In the order of their numbers on the wire (RFC 5880 4.1). */
export const BFD_STATES = ["AdminDown", "Down", "Init", "Up"] as const;
export type BfdState = (typeof BFD_STATES)[number];

/** RFC 5880 4.1, Diag. The field has five bits: other numbers are read and shown as numbers. */
export const DIAG = {
  none: 0,
  detectionTimeExpired: 1,
  echoFailed: 2,
  neighborSignaledDown: 3,
  forwardingPlaneReset: 4,
  pathDown: 5,
  concatenatedPathDown: 6,
  adminDown: 7,
  reverseConcatenatedPathDown: 8,
} as const;

const DIAG_TEXTS = [
  "no diagnostic",
  "control detection time expired",
  "echo function failed",
  "neighbor signaled session down",
  "forwarding plane reset",
  "path down",
  "concatenated path down",
  "administratively down",
  "reverse concatenated path down",
] as const;

export const diagText = (diag: number): string => DIAG_TEXTS[diag] ?? `diagnostic ${diag}`;

export type HopKind = "single" | "multi";

/** What makes a session that one and no other (RFC 5881 2): C-244. */
export interface SessionAddress {
  /** IP literal in canonical text, without zone. */
  readonly peer: string;
  /** null: any interface. */
  readonly interface: string | null;
  /** VRF device; null: default VRF. */
  readonly vrf: string | null;
  readonly hop: HopKind;
}

/** Names a session in events and status. */
export const sessionKey = (a: SessionAddress): string =>
  `${a.peer}${a.interface === null ? "" : `%${a.interface}`}${a.vrf === null ? "" : `@${a.vrf}`}/${a.hop}`;

export const AUTH_TYPES = ["keyedMd5", "meticulousKeyedMd5", "keyedSha1", "meticulousKeyedSha1"] as const;
export type AuthType = (typeof AUTH_TYPES)[number];

export interface BfdAuth {
  readonly type: AuthType;
  /** 0..255 */
  readonly keyId: number;
  /** 1..16 octets for MD5, 1..20 for SHA1; never printed. */
  readonly key: Uint8Array;
}

export type BfdCommand =
  | {
      /**
       * `user` wants this session, with these parameters. A second one of the same user replaces the first: that is how a
       * session is reconfigured, while it runs and without a flap.
       */
      readonly type: "upsert";
      readonly user: string;
      readonly address: SessionAddress;
      /** Address we send from, and the only one packets are taken at; null: the kernel chooses, any is taken. */
      readonly local: string | null;
      readonly profile: BfdProfile;
      readonly auth: BfdAuth | null;
      /** The session is AdminDown while every user says so. */
      readonly isAdminDown: boolean;
    }
  | { readonly type: "remove"; readonly user: string; readonly address: SessionAddress }
  /**
   * Index 0: the interface is gone. `isUp` false ends at once (diag 5) the single-hop sessions bound to it, and those bound to
   * none whose peer was last heard over that index.
   */
  | { readonly type: "interface"; readonly name: string; readonly index: number; readonly isUp: boolean };

/** Why a session changed its state. */
export type StateReason =
  | "handshake"
  | "detectionTimeExpired"
  | "echoFailed"
  | "peerDown"
  /** The peer went AdminDown: no sign of a broken path (RFC 5882 3.2). */
  | "peerAdminDown"
  | "pathDown"
  | "adminDown"
  | "adminUp";

export interface StateChanged {
  readonly type: "stateChanged";
  readonly key: string;
  readonly users: readonly string[];
  readonly from: BfdState;
  readonly to: BfdState;
  readonly reason: StateReason;
  readonly remoteState: BfdState;
  readonly localDiag: number;
  readonly remoteDiag: number;
  readonly localDiscr: number;
  readonly remoteDiscr: number;
  readonly at: Micros;
}

/** We were away: expired detection times were our own doing, not counted against the peers (C-231). Once for a turn of the loop. */
export interface Stalled {
  readonly type: "stalled";
  /** The first of the sessions, with its detection time. */
  readonly key: string;
  readonly detectionTime: Micros;
  /** How many were forgiven in all, 1 or more. */
  readonly sessions: number;
  readonly away: Micros;
}

export type BfdEvent =
  | StateChanged
  /** AdminDown has been said for long enough; the session is forgotten. */
  | { readonly type: "removed"; readonly key: string }
  /** Users want different things of one session: `kept` gets its way. `ignored` empty: the conflict is over. */
  | {
      readonly type: "conflict";
      readonly key: string;
      readonly kept: string;
      readonly ignored: readonly { readonly user: string; readonly fields: readonly string[] }[];
    }
  /** The command was not carried out; what was there before stays. */
  | { readonly type: "refused"; readonly key: string; readonly user: string; readonly faults: readonly ConfigFault[] }
  | Stalled
  /** Our Desired Min TX was raised because we send late (`late`), or brought back (`calm`). */
  | {
      readonly type: "adapted";
      readonly key: string;
      readonly why: "late" | "calm";
      readonly from: Micros;
      readonly to: Micros;
      readonly configured: Micros;
    };

export interface ConfigFault {
  /** Field of the command or the profile. */
  readonly path: string;
  readonly message: string;
}

/** Counters of a session, in the order in which they lie in memory. The first six are metallb_bfd_*. */
export const SESSION_COUNTERS = [
  "controlIn",
  "controlOut",
  "echoIn",
  "echoOut",
  "upEvents",
  "downEvents",
  "dropped",
  "expiriesIgnored",
  "adaptations",
] as const;
export type SessionCounter = (typeof SESSION_COUNTERS)[number];

/** Why a datagram was not taken: the closed list (RFC 5880 6.8.6 in its order, then ours). */
export const DROP_CAUSES = [
  "tooShort",
  "version",
  "length",
  "lengthBeyondPayload",
  "detectMultZero",
  "multipoint",
  "myDiscrZero",
  "ttl",
  "unknownDiscr",
  "zeroDiscrState",
  "unknownPeer",
  "wrongInterface",
  "wrongLocalAddress",
  "authUnexpected",
  "authMissing",
  "authMalformed",
  "authType",
  "authKeyId",
  "authSequence",
  "authDigest",
  "echoForeign",
] as const;
export type DropCause = (typeof DROP_CAUSES)[number];

export interface Transition {
  readonly at: Micros;
  readonly from: BfdState;
  readonly to: BfdState;
  readonly reason: StateReason;
  readonly localDiag: number;
  readonly remoteDiag: number;
}

export interface SessionStatus {
  readonly key: string;
  readonly address: SessionAddress;
  readonly local: string | null;
  readonly users: readonly string[];
  readonly profile: string;
  readonly state: BfdState;
  readonly remoteState: BfdState;
  readonly localDiag: number;
  readonly remoteDiag: number;
  readonly localDiscr: number;
  readonly remoteDiscr: number;
  readonly isPassive: boolean;
  readonly authType: AuthType | null;
  readonly pollActive: boolean;
  /** The peer asked for silence while all is well (RFC 5880 6.6). */
  readonly remoteDemand: boolean;
  readonly detectMult: number;
  readonly remoteDetectMult: number;
  /** What our packets say. */
  readonly desiredMinTxInterval: Micros;
  readonly requiredMinRxInterval: Micros;
  readonly requiredMinEchoRxInterval: Micros;
  readonly remoteDesiredMinTxInterval: Micros;
  readonly remoteRequiredMinRxInterval: Micros;
  readonly remoteRequiredMinEchoRxInterval: Micros;
  /** Negotiated, before jitter; null: nothing is sent periodically. */
  readonly transmitInterval: Micros | null;
  /** null: the peer was not heard. */
  readonly detectionTime: Micros | null;
  /** null: echo is not active. */
  readonly echoInterval: Micros | null;
  readonly lastReceivedAt: Micros | null;
  readonly counters: Readonly<Record<SessionCounter, number>>;
  /** Oldest first, the last eight. */
  readonly transitions: readonly Transition[];
}

/** What the shell that owns the sockets must know of a session; the same object for the session's whole life. */
export interface SessionHandle {
  /** Small number, reused after the session is closed; also the row of its counters. */
  readonly id: number;
  readonly key: string;
  readonly address: SessionAddress;
  readonly local: string | null;
  /** The echo socket of its family must be open (single hop only). */
  readonly usesEcho: boolean;
}

/** Where a datagram came from. One object, filled anew by the shell for each datagram. */
export interface Arrival {
  hop: HopKind;
  version: 4 | 6;
  /** Network order; the first 4 or all 16 octets. */
  readonly source: Uint8Array;
  /** As `source`; looked at when `isDestinationKnown`. */
  readonly destination: Uint8Array;
  isDestinationKnown: boolean;
  /** 0: not known, and then not checked. */
  interfaceIndex: number;
  /** Index of the VRF device, 0: default VRF, -1: not known, and then not checked. */
  vrfIndex: number;
  /** TTL or hop limit, 0..255; -1: the kernel's filter has judged it already. */
  ttl: number;
}

export const newArrival = (): Arrival => ({
  hop: "single",
  version: 4,
  source: new Uint8Array(16),
  destination: new Uint8Array(16),
  isDestinationKnown: false,
  interfaceIndex: 0,
  vrfIndex: -1,
  ttl: -1,
});
