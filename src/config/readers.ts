// Turns one given value (text from a flag or the environment, or a YAML scalar) into the value of a setting, or says what
// is wrong with it and what would be right. Pure; knows nothing of where the value stood (schema.ts does).
// Contract: never throws; a message repeats the offending text, cut and escaped.

import { parseGoDuration } from "../kernel/goDuration.ts";
import { formatIp, type Ip, parseIp, parseIpv4 } from "../kernel/ip.ts";
import { type Said, withHint } from "../kernel/messages.ts";
import { nearest } from "../kernel/suggest.ts";
import { escapeText } from "../kernel/text.ts";
import { Millis, RouterId } from "../kernel/units.ts";
import { say } from "./messages.ts";

export type Reading<T> = { readonly ok: true; readonly value: T } | ({ readonly ok: false } & Said);

export type Reader<T> = (raw: unknown) => Reading<T>;

export interface HostPort {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** `host:port`, with brackets around anything that has colons itself. */
export const joinHostPort = (host: string, port: number | string): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;

const good = <T>(value: T): Reading<T> => ({ ok: true, value });
const bad = (said: Said): Reading<never> => ({ ok: false, ...said });

/** The value for people: `"text"`, `42`, `a list`. */
export function shown(raw: unknown): string {
  if (typeof raw === "string") return `"${escapeText(raw.length > 60 ? `${raw.slice(0, 60)}...` : raw)}"`;
  if (raw === null || typeof raw === "number" || typeof raw === "boolean") return String(raw);
  return Array.isArray(raw) ? "a list" : "a mapping";
}

/** Any one-line text of at most `maxOctets` octets of UTF-8. */
export const readText =
  (maxOctets: number): Reader<string> =>
  (raw) => {
    if (typeof raw !== "string") return bad(say("notText", { value: shown(raw) }));
    if (/\p{Cc}/u.test(raw)) return bad(say("controlCharacters", { value: shown(raw) }));
    const octets = new TextEncoder().encode(raw).length;
    return octets <= maxOctets ? good(raw) : bad(say("longText", { octets, max: maxOctets }));
  };

/** A text that is not empty. */
export const readPath: Reader<string> = (raw) => {
  const text = readText(4096)(raw);
  return text.ok && text.value === "" ? bad(say("emptyPath")) : text;
};

/** A name as Kubernetes gives it to nodes (RFC 1123 subdomain), or to namespaces (label: no dots). */
export const readKubernetesName =
  (kind: "subdomain" | "label"): Reader<string> =>
  (raw) => {
    const text = readText(1024)(raw);
    if (!text.ok) return text;
    const part = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
    const [pattern, limit] = kind === "label" ? [`^${part}$`, 63] : [`^${part}(\\.${part})*$`, 253];
    if (text.value.length <= limit && new RegExp(pattern).test(text.value)) return text;
    const dots = kind === "label" ? "" : ", dots";
    return bad(say("kubernetesName", { value: shown(raw), dots, max: limit }));
  };

/** Key of a taint: a qualified name, as `example.com/maintenance`. */
export const readTaintKey: Reader<string> = (raw) => {
  const text = readText(317)(raw);
  if (!text.ok || /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/.test(text.value))
    return text;
  return bad(say("taintKey", { value: shown(raw) }));
};

export const readBoolean: Reader<boolean> = (raw) => {
  if (typeof raw === "boolean") return good(raw);
  if (raw === "true" || raw === "1") return good(true);
  if (raw === "false" || raw === "0") return good(false);
  return bad(say("notBoolean", { value: shown(raw) }));
};

/** One of some words. */
export const readWord =
  <T extends string>(words: readonly T[]): Reader<T> =>
  (raw) => {
    const word = words.find((w) => w === raw);
    if (word !== undefined) return good(word);
    const near = typeof raw === "string" ? nearest(raw.toLowerCase(), words) : null;
    const unknown = say("notWord", { value: shown(raw), words: words.join(", ") });
    return bad(near === null ? unknown : withHint(unknown, `Did you mean "${near}"? ${unknown.hint}`));
  };

/** A Go duration such as `10s` or `1m30s`; 0 needs no unit, and no quotes. @param max milliseconds */
export const readDuration =
  (max: number): Reader<Millis> =>
  (raw) => {
    const millis = raw === 0 ? 0 : typeof raw === "string" ? parseGoDuration(raw) : null;
    const words = { value: shown(raw), max: max / 1000 };
    if (millis === null) return bad(say("notDuration", words));
    return millis >= 0 && millis <= max ? good(Millis(millis)) : bad(say("durationRange", words));
  };

/** A BGP Identifier in dotted form, not 0.0.0.0. */
export const readRouterId: Reader<RouterId> = (raw) => {
  const ip = typeof raw === "string" ? parseIpv4(raw) : null;
  if (ip === null) return bad(say("notIpv4", { value: shown(raw) }));
  return ip.w0 === 0 ? bad(say("zeroRouterId")) : good(RouterId(ip.w0));
};

/** `192.0.2.1:9120`, `[2001:db8::1]:9120`, `localhost:9120`. */
export const readHostPort: Reader<HostPort> = (raw) => {
  if (typeof raw !== "string") return bad(say("notHostPort", { value: shown(raw) }));
  const match = /^(?:\[([^\]]*)\]|([^:]*)):([0-9]{1,5})$/.exec(raw);
  if (match === null) return bad(say("notHostPort", { value: shown(raw) }));
  const [, bracketed, plain, digits] = match;
  const port = Number(digits);
  if (port > 65_535) return bad(say("portRange", { port }));
  const host = bracketed ?? plain ?? "";
  const isLegal =
    bracketed !== undefined
      ? parseIp(host)?.version === 6
      : /^[0-9.]+$/.test(host)
        ? parseIpv4(host) !== null
        : /^[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?$/.test(host);
  return isLegal ? good({ host, port }) : bad(say("notHost", { value: shown(host) }));
};

export interface ListenAddress {
  readonly address: Ip;
  /** 0: any free port. */
  readonly port: number;
}

/** How many addresses one can listen on. */
const MAX_LISTEN = 16;

/** Addresses with ports, separated by commas; an empty text is none. Host names are not taken. */
export const readListen: Reader<readonly ListenAddress[]> = (raw) => {
  const found = new Map<string, ListenAddress>();
  const parts = typeof raw === "string" ? raw.split(",").map((part) => part.trim()) : [raw];
  for (const part of raw === "" ? [] : parts) {
    const one = readHostPort(part);
    if (!one.ok) return one;
    const { host, port } = one.value;
    const address = parseIp(host);
    if (address === null) {
      return bad(say("notAddress", { value: shown(host) }));
    }
    const text = joinHostPort(formatIp(address), port);
    if (found.has(text)) return bad(say("listenTwice", { address: text }));
    found.set(text, { address, port });
  }
  if (found.size > MAX_LISTEN) return bad(say("listenMany", { count: found.size, max: MAX_LISTEN }));
  return good([...found.values()]);
};
