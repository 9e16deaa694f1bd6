// Turns one given value (text from a flag or the environment, or a YAML scalar) into the value of a setting, or says what
// is wrong with it and what would be right. Pure; knows nothing of where the value stood (schema.ts does).
// Contract: never throws; a message repeats the offending text, cut and escaped.

import { parseGoDuration } from "../kernel/goDuration.ts";
import { formatIp, type Ip, parseIp, parseIpv4 } from "../kernel/ip.ts";
import { nearest } from "../kernel/suggest.ts";
import { escapeText } from "../kernel/text.ts";
import { Millis, RouterId } from "../kernel/units.ts";

export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly message: string; readonly hint: string };

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
const bad = (message: string, hint: string): Reading<never> => ({ ok: false, message, hint });

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
    if (typeof raw !== "string") return bad(`${shown(raw)} is not a text`, "Put it in quotes, if it is meant as text.");
    if (/\p{Cc}/u.test(raw))
      return bad(`${shown(raw)} contains control characters`, "Write it on one line, without them.");
    const octets = new TextEncoder().encode(raw).length;
    return octets <= maxOctets
      ? good(raw)
      : bad(`it has ${octets} octets`, `At most ${maxOctets} octets are possible.`);
  };

/** A text that is not empty. */
export const readPath: Reader<string> = (raw) => {
  const text = readText(4096)(raw);
  return text.ok && text.value === "" ? bad("it is empty", "Give a path, or leave it out.") : text;
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
    return bad(
      `${shown(raw)} is not a legal name`,
      `Lower-case letters, digits, dashes${dots}; at most ${limit} characters.`,
    );
  };

/** Key of a taint: a qualified name, as `example.com/maintenance`. */
export const readTaintKey: Reader<string> = (raw) => {
  const text = readText(317)(raw);
  if (!text.ok || /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/.test(text.value))
    return text;
  return bad(
    `${shown(raw)} is not the key of a taint`,
    "Write it as kubectl shows it, without value and effect: example.com/maintenance.",
  );
};

export const readBoolean: Reader<boolean> = (raw) => {
  if (typeof raw === "boolean") return good(raw);
  if (raw === "true" || raw === "1") return good(true);
  if (raw === "false" || raw === "0") return good(false);
  return bad(`${shown(raw)} is neither true nor false`, "Write true or false.");
};

/** One of some words. */
export const readWord =
  <T extends string>(words: readonly T[]): Reader<T> =>
  (raw) => {
    const word = words.find((w) => w === raw);
    if (word !== undefined) return good(word);
    const near = typeof raw === "string" ? nearest(raw.toLowerCase(), words) : null;
    const list = `One of: ${words.join(", ")}.`;
    return bad(`${shown(raw)} is not known`, near === null ? list : `Did you mean "${near}"? ${list}`);
  };

/** A Go duration such as `10s` or `1m30s`; 0 needs no unit, and no quotes. @param max milliseconds */
export const readDuration =
  (max: number): Reader<Millis> =>
  (raw) => {
    const millis = raw === 0 ? 0 : typeof raw === "string" ? parseGoDuration(raw) : null;
    const hint = `Write it with a unit, like "10s" or "1m30s"; at most ${max / 1000}s.`;
    if (millis === null) return bad(`${shown(raw)} is not a duration`, hint);
    return millis >= 0 && millis <= max ? good(Millis(millis)) : bad(`${shown(raw)} is out of range`, hint);
  };

/** A BGP Identifier in dotted form, not 0.0.0.0. */
export const readRouterId: Reader<RouterId> = (raw) => {
  const ip = typeof raw === "string" ? parseIpv4(raw) : null;
  if (ip === null) return bad(`${shown(raw)} is not an IPv4 address`, "Write it like 192.0.2.1.");
  return ip.w0 === 0 ? bad("0.0.0.0 cannot be a router id", "Use an address of this node.") : good(RouterId(ip.w0));
};

/** `192.0.2.1:9120`, `[2001:db8::1]:9120`, `localhost:9120`. */
export const readHostPort: Reader<HostPort> = (raw) => {
  const hint = "Write HOST:PORT, e.g. 127.0.0.1:9120 or [::1]:9120; 0.0.0.0 stands for all IPv4 addresses.";
  if (typeof raw !== "string") return bad(`${shown(raw)} is not of the form HOST:PORT`, hint);
  const match = /^(?:\[([^\]]*)\]|([^:]*)):([0-9]{1,5})$/.exec(raw);
  if (match === null) return bad(`${shown(raw)} is not of the form HOST:PORT`, hint);
  const [, bracketed, plain, digits] = match;
  const port = Number(digits);
  if (port > 65_535) return bad(`port ${port} is out of range`, "Ports go from 0 (any free one) to 65535.");
  const host = bracketed ?? plain ?? "";
  const isLegal =
    bracketed !== undefined
      ? parseIp(host)?.version === 6
      : /^[0-9.]+$/.test(host)
        ? parseIpv4(host) !== null
        : /^[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?$/.test(host);
  return isLegal ? good({ host, port }) : bad(`${shown(host)} is neither an address nor a host name`, hint);
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
      return bad(`${shown(host)} is not an address`, "Write 0.0.0.0:179, [::]:179, or an address of this host.");
    }
    const text = joinHostPort(formatIp(address), port);
    if (found.has(text)) return bad(`${text} is there twice`, "Write it once.");
    found.set(text, { address, port });
  }
  if (found.size > MAX_LISTEN) return bad(`it has ${found.size} addresses`, `At most ${MAX_LISTEN} are possible.`);
  return good([...found.values()]);
};
