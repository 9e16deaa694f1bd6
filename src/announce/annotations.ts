// The annotations `vipcast.io/*`: settings for which MetalLB's API has no field. Owns the one table of their names, values,
// meanings and defaults, the reading of a value, and the page docs/annotations.md. Must not know where objects come from, nor
// carry anything out. Contract: never throws; a value is taken as written or not at all, and every fault is told; what a fault
// costs (the object, or the annotation alone) is for the kind's converter to say.
import type { AuthType } from "../bfd/protocol.ts";
import { MAX_PREPEND } from "../bgp/wire/registry.ts";
import { parseGoDuration } from "../kernel/goDuration.ts";
import { type Ip, isLinkLocal, isLoopback, isMulticast, isUnspecified, parseIp } from "../kernel/ip.ts";
import type { Said } from "../kernel/messages.ts";
import { listed, nameHint, nearest } from "../kernel/suggest.ts";
import { quote } from "../kernel/text.ts";
import { Millis } from "../kernel/units.ts";
import { say } from "./messages.ts";
import type { AdvertisementSettings, PeerSettings, PoolSettings, RouteSettings, ServiceSettings } from "./model.ts";

export const ANNOTATION_PREFIX = "vipcast.io/";

/** Field path of an annotation; the key is quoted, because it contains dots. @param key with the prefix */
export const annotationPath = (key: string): string => `metadata.annotations["${key}"]`;

/** Field path of the annotation that a setting is read from. */
export const settingPath = (
  setting: keyof PeerSettings | keyof AdvertisementSettings | keyof ServiceSettings | keyof PoolSettings,
): string => annotationPath(ANNOTATION_PREFIX + { ...PEER, ...ADVERTISEMENT, ...SERVICE, ...POOL }[setting].name);

/** A value, or what is wrong with the text; the message goes on where the name of the setting stood. */
export type Reading<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly said: Said };

interface Annotation<T> {
  /** Without the prefix. */
  readonly name: string;
  /** The values there are, for people. */
  readonly grammar: string;
  readonly meaning: string;
  readonly default: string;
  readonly read: (text: string) => Reading<T>;
}

type Table<S> = { readonly [K in keyof S]-?: Annotation<NonNullable<S[K]>> };

const taken = <T>(value: T): Reading<T> => ({ ok: true, value });
const refused = (said: Said): Reading<never> => ({ ok: false, said });

/** Decimal digits without sign or leading zeros; both bounds included. */
const integer =
  (min: number, max: number) =>
  (text: string): Reading<number> => {
    const value = /^(0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return taken(value);
    return refused(say("settingNumber", { text: quote(text), min, max }));
  };

/** One of some words, with a near one as the hint. */
export const readOneOf =
  <const W extends string>(...words: readonly W[]) =>
  (text: string): Reading<W> => {
    const found = words.find((w) => w === text);
    if (found !== undefined) return taken(found);
    const near = nearest(text.toLowerCase(), words);
    const hint = near === null ? "" : `Did you mean "${near}"?`;
    return refused(say("settingWord", { text: quote(text), words: words.join(", ") }, hint));
  };

/** As written in an annotation, and as the BFD engine calls them. */
const AUTH_WORDS = [
  ["keyed-sha1", "keyedSha1"],
  ["meticulous-keyed-sha1", "meticulousKeyedSha1"],
  ["keyed-md5", "keyedMd5"],
  ["meticulous-keyed-md5", "meticulousKeyedMd5"],
] as const satisfies readonly (readonly [string, AuthType])[];

const truth = (text: string): Reading<boolean> => {
  const reading = readOneOf("true", "false")(text);
  return reading.ok ? taken(reading.value === "true") : reading;
};

/** A Go duration of whole seconds, or a number of seconds; both bounds included. */
const seconds =
  (min: number, max: number) =>
  (text: string): Reading<number> => {
    const millis = /^[0-9]+$/.test(text) ? Number(text) * 1000 : parseGoDuration(text);
    if (millis === null) return refused(say("settingNoDuration", { text: quote(text) }));
    if (millis % 1000 === 0 && millis >= min * 1000 && millis <= max * 1000) return taken(millis / 1000);
    return refused(say("settingSeconds", { text: quote(text), min, max }));
  };

/** A Go duration of whole milliseconds, or a number of seconds. @param max seconds */
const delay =
  (max: number) =>
  (text: string): Reading<Millis> => {
    const millis = /^[0-9]+$/.test(text) ? Number(text) * 1000 : parseGoDuration(text);
    if (millis === null)
      return refused(say("settingNoDuration", { text: quote(text) }, 'Write it like "5s" or "500ms".'));
    if (Number.isInteger(millis) && millis >= 0 && millis <= max * 1000) return taken(Millis(millis));
    return refused(say("settingMillis", { text: quote(text), max }));
  };

/** An address that a router can use as the next hop of a route (RFC 4271 section 5.1.3, RFC 2545 section 3). */
const nextHop =
  (version: 4 | 6) =>
  (text: string): Reading<Ip> => {
    const ip = parseIp(text);
    const example = version === 4 ? "192.0.2.1" : "2001:db8::1";
    if (ip === null || ip.version !== version) {
      return refused(say("settingFamily", { version, text: quote(text), example }));
    }
    const isMapped = version === 6 && ip.w0 === 0 && ip.w1 === 0 && ip.w2 === 0xffff;
    // 0.0.0.0/8 is "this network" and 240.0.0.0/4 is nobody's: no host has such an address
    const isReserved = version === 4 && (ip.w0 >>> 24 === 0 || ip.w0 >>> 28 === 15);
    if (isUnspecified(ip) || isLoopback(ip) || isMulticast(ip) || isMapped || isReserved) {
      return refused(say("settingNextHop", { text: quote(text) }));
    }
    if (version === 6 && isLinkLocal(ip)) {
      return refused(say("settingLinkLocal", { text: quote(text) }));
    }
    return taken(ip);
  };

const PEER: Table<PeerSettings> = {
  opens: {
    name: "opens",
    grammar: "`us`, `peer` or `both`",
    meaning: "Which end opens the TCP connection. For `peer` and `both` the daemon must listen (`--listen`).",
    default: "`us`",
    read: readOneOf("us", "peer", "both"),
  },
  gtsmHops: {
    name: "gtsm-hops",
    grammar: "1 to 254",
    meaning:
      "GTSM (RFC 5082): the peer is at most so many hops away; packets that come from further away are dropped. Not with `ebgpMultiHop`. The peer must send with TTL 255.",
    default: "off",
    read: integer(1, 254),
  },
  sendHoldTime: {
    name: "send-hold-time",
    grammar: "duration, `1s` to `65535s`",
    meaning: "The session ends when the peer has read nothing for so long (RFC 9687).",
    default: "twice the hold time in force",
    read: seconds(1, 0xffff),
  },
  nextHop: {
    name: "next-hop",
    grammar: "IPv4 address",
    meaning: "Next hop of the IPv4 routes.",
    default: "our address on the session",
    read: nextHop(4),
  },
  nextHopV6: {
    name: "next-hop-v6",
    grammar: "global IPv6 address",
    meaning: "Next hop of the IPv6 routes.",
    default: "our address on the session",
    read: nextHop(6),
  },
  maxPrefixes: {
    name: "max-prefixes",
    grammar: "0 to 4294967295",
    meaning: "Prefixes accepted from the peer; one more ends the session with Cease/1. 0: no limit.",
    default: "1000000",
    read: integer(0, 0xffff_ffff),
  },
  keepReceived: {
    name: "keep-received",
    grammar: "`true` or `false`",
    meaning:
      "Keep received routes in memory, so that they can be looked at, and the claims of other sites in them are seen; else they are judged and counted only. A route with our own AS in its path is kept, too, marked as a loop: nobody would forward by it (RFC 4271 section 9.1.2), but a witness tells so of other sites of our AS.",
    default: "`false`",
    read: truth,
  },
  bfdAuthType: {
    name: "bfd-auth-type",
    grammar: AUTH_WORDS.map(([written]) => `\`${written}\``).join(", "),
    meaning: "How BFD packets are authenticated (RFC 5880 6.7), the same at both ends. Only with `bfd-auth-secret`.",
    default: "`meticulous-keyed-sha1`",
    read: (text) => {
      const reading = readOneOf(...AUTH_WORDS.map(([written]) => written))(text);
      return reading.ok ? taken(AUTH_WORDS.find(([w]) => w === reading.value)?.[1] ?? "meticulousKeyedSha1") : reading;
    },
  },
  bfdAuthKeyId: {
    name: "bfd-auth-key-id",
    grammar: "0 to 255",
    meaning: "Number of the key, the same at both ends.",
    default: "1",
    read: integer(0, 255),
  },
  bfdAuthSecret: {
    name: "bfd-auth-secret",
    grammar: "name of a Secret",
    meaning:
      "BFD packets are authenticated with the key `password` of this Secret (type kubernetes.io/basic-auth, in the namespace of the BGPPeer): 1 to 20 octets for SHA1, 1 to 16 for MD5. Without it they are not authenticated.",
    default: "none",
    read: (text) =>
      /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(text)
        ? taken(text)
        : refused(say("settingSecretName", { text: quote(text) })),
  },
  bfdStrict: {
    name: "bfd-strict",
    grammar: "`true` or `false`",
    meaning:
      "The session waits until BFD is Up, and stays away while it is Down; BFD that is administratively down at either end holds nothing back. Without it a session comes up although BFD does not, and only a BFD session that was Up and goes Down ends it. Only with `bfdProfile`.",
    default: "`false`",
    read: truth,
  },
  restartTime: {
    name: "restart-time",
    grammar: "duration, `1s` to `4095s`",
    meaning: "How long the peer keeps our routes while we restart (RFC 4724). Only with `enableGracefulRestart: true`.",
    default: "`120s`",
    read: seconds(1, 4095),
  },
};

const ROUTE: Table<RouteSettings> = {
  med: {
    name: "med",
    grammar: "0 to 4294967295",
    meaning: "MULTI_EXIT_DISC: of two ways into our AS, routers take the one with the lower value.",
    default: "not set, sent as 0",
    read: integer(0, 0xffff_ffff),
  },
  asPathPrepend: {
    name: "as-path-prepend",
    grammar: `0 to ${MAX_PREPEND}`,
    meaning: "So many extra copies of our AS in front of the path, for external peers; internal peers never see them.",
    default: "0",
    read: integer(0, MAX_PREPEND),
  },
};

const ADVERTISEMENT: Table<AdvertisementSettings> = {
  ...ROUTE,
  localMoreSpecifics: {
    name: "local-more-specifics",
    grammar: "`true` or `false`",
    meaning:
      "Beside an aggregate (`aggregationLength`, `aggregationLengthV6`), announce the address itself for Services with policy Local, with the same attributes: routers then send its traffic to nodes with an endpoint only, not to every node with the aggregate (MetalLB issue 2811).",
    default: "`false`",
    read: truth,
  },
};

const POOL: Table<PoolSettings> = {
  requireFamilyEndpoints: {
    name: "require-family-endpoints",
    grammar: "`true` or `false`",
    meaning:
      "An address is announced only while an endpoint of its own family can take the traffic (`addressType` of its EndpointSlice); of a dual-stack Service each address for itself. On a Service it stands before the pool's.",
    default: "`false`: any endpoint will do, as in MetalLB",
    read: truth,
  },
};

const SERVICE: Table<ServiceSettings> = {
  ...ROUTE,
  announceDelay: {
    name: "announce-delay",
    grammar: "duration, `0s` to `1h`",
    meaning: "Announce only when endpoints have been ready without a break for so long.",
    default: "`0s`",
    read: delay(3600),
  },
  withdrawDelay: {
    name: "withdraw-delay",
    grammar: "duration, `0s` to `1h`",
    meaning:
      "Withdraw only when no endpoint has been ready for so long: traffic to a dead service is the price of a shorter flap. Everything else that ends an announcement does so at once.",
    default: "`0s`: at once",
    read: delay(3600),
  },
  ...POOL,
};

/** The same values said elsewhere than in an annotation are judged by the same rules. */
export const readNextHop = (version: 4 | 6, text: string): Reading<Ip> => nextHop(version)(text);
export const readRouteSetting = (setting: keyof RouteSettings, text: string): Reading<number> =>
  ROUTE[setting].read(text);

/** Kinds whose annotations are looked at; those of the others are nobody's business here. */
export type AnnotatedKind = "BGPPeer" | "BGPAdvertisement" | "Service" | "IPAddressPool" | "BFDProfile" | "Community";

export type Settings<K extends AnnotatedKind> = K extends "BGPPeer"
  ? PeerSettings
  : K extends "BGPAdvertisement"
    ? AdvertisementSettings
    : K extends "Service"
      ? ServiceSettings
      : K extends "IPAddressPool"
        ? PoolSettings
        : Readonly<Record<never, never>>;

type ByName = ReadonlyMap<string, { readonly field: string; readonly read: Annotation<unknown>["read"] }>;

const byName = (table: Readonly<Record<string, Annotation<unknown>>>): ByName =>
  new Map(Object.entries(table).map(([field, { name, read }]) => [name, { field, read }]));

const BY_NAME: Readonly<Record<AnnotatedKind, ByName>> = {
  BGPPeer: byName(PEER),
  BGPAdvertisement: byName(ADVERTISEMENT),
  Service: byName(SERVICE),
  IPAddressPool: byName(POOL),
  BFDProfile: new Map(),
  Community: new Map(),
};

export interface AnnotationFault {
  /** `error`: the value cannot be used. `warning`: nobody reads such an annotation. */
  readonly severity: "error" | "warning";
  /** With the prefix. */
  readonly key: string;
  readonly said: Said;
}

/** Values of one object's annotations, faulty ones left out. Keys without our prefix are passed over. */
export function readAnnotations<K extends AnnotatedKind>(
  kind: K,
  annotations: Iterable<readonly [key: string, value: string]>,
): { readonly settings: Settings<K>; readonly faults: readonly AnnotationFault[] } {
  const own = BY_NAME[kind];
  const settings: Record<string, unknown> = {};
  const faults: AnnotationFault[] = [];
  for (const [key, text] of annotations) {
    if (!key.startsWith(ANNOTATION_PREFIX)) continue;
    const name = key.slice(ANNOTATION_PREFIX.length);
    const known = own.get(name);
    if (known === undefined) {
      faults.push({ severity: "warning", key, said: strayAnnotation(kind, name, [...own.keys()]) });
      continue;
    }
    const reading = known.read(text);
    if (reading.ok) settings[known.field] = reading.value;
    else faults.push({ severity: "error", key, said: reading.said });
  }
  // the table's type ties each field to the reader of its value
  return { settings: settings as Settings<K>, faults };
}

function strayAnnotation(kind: AnnotatedKind, name: string, own: readonly string[]): Said {
  const others = kindsOf(name);
  if (others.length > 0) {
    return say("settingElsewhere", { kind, others: others.join(" or ") });
  }
  if (nearest(name.toLowerCase(), own) !== null) {
    return say("unknownSetting", {}, nameHint(name.toLowerCase(), own, ""));
  }
  return say("unknownSetting", {}, own.length === 0 ? "" : `There are: ${listed(own)}.`);
}

/** The kinds that an annotation applies to. */
const kindsOf = (name: string): readonly string[] =>
  Object.entries(BY_NAME).flatMap(([kind, annotations]) => (annotations.has(name) ? [kind] : []));

/** docs/annotations.md. */
export function renderAnnotationsDoc(): string {
  const row = (a: Annotation<unknown>): string =>
    `| \`${ANNOTATION_PREFIX}${a.name}\` | ${a.grammar} | ${a.meaning} | ${a.default} |`;
  const table = (annotations: Readonly<Record<string, Annotation<unknown>>>, without: object = {}): string => {
    const rows = Object.entries(annotations).flatMap(([key, a]) => (Object.hasOwn(without, key) ? [] : [row(a)]));
    return ["| Annotation | Value | Meaning | Default |", "|---|---|---|---|", ...rows].join("\n");
  };
  return `# Annotations

Generated from \`src/announce/annotations.ts\`; do not edit.

Settings that MetalLB's API has no field for. Values are strings: quote numbers and \`true\`. Durations are Go durations of whole
seconds (\`90s\`, \`2m\`; the two delays of a Service of whole milliseconds); a bare number means seconds. An object without such annotations behaves as in MetalLB.

## On a BGPPeer

${table(PEER)}

## On a BGPAdvertisement or a Service

${table(ROUTE)}

- On a BGPAdvertisement they hold for all of its routes.
- On a Service they hold for the routes of its own addresses, in place of the advertisement's value. A route that covers more than
  one address (\`aggregationLength\` below 32, \`aggregationLengthV6\` below 128) belongs to the advertisement alone: one Service
  must not change what others share. A Service that has no other route is told in a warning.
- Where several announce the same prefix to the same peer, the lowest value that is set wins, and the others are told in a warning.

## On a BGPAdvertisement

${table(ADVERTISEMENT, ROUTE)}

## On a Service

${table(SERVICE, { ...ROUTE, ...POOL })}

- The delays look at endpoints alone (with policy Local: those of this node). A Service that has no address yet, a pool or a peer that
  changes: all that takes effect at once.
- \`announce-delay\` counts from the moment at which the daemon saw the endpoints ready. Nobody can know how long they had been so before, so
  after a start it counts from the reading of the source; after a crash (\`--state-dir\` tells) what is ready then counts at once, because
  peers with graceful restart still have its routes. Reason meanwhile: \`announceDelayed\`.
- A Service that is announced already is not taken back when it gets the annotation.
- While the daemon drains, \`withdraw-delay\` does not hold, and what still waits for its announcement is not announced any more.

## On a Service or an IPAddressPool

${table(POOL)}

## What a mistake costs

- A wrong value on a BGPPeer, a BGPAdvertisement or an IPAddressPool is an error of the object: its last good version stays in force; without one
  (after a start) the object is out, so that no session or route is weaker than was asked for.
- A wrong value on a Service is an error of the annotation alone: the Service is announced as if it were not there, because
  nothing that was announced may be lost by a slip.
- An unknown annotation with our prefix has no effect and is a warning.
`;
}
