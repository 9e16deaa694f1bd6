// Assignments as text: what a daemon without a cluster writes down so that a restart takes nothing from anybody. Owns the form of that text.
// Knows no files. Contract: reading gives back exactly what was written, or says what is wrong; half a text is never taken for a whole.
import { formatIp, parseIp } from "../kernel/ip.ts";
import { quote } from "../kernel/text.ts";
import { ServiceKey } from "../kernel/units.ts";
import type { Remembered } from "./engine.ts";
import { OWN_USE, type Terms } from "./ledger.ts";

const VERSION = 1;

type Parsed =
  | { readonly ok: true; readonly held: ReadonlyMap<ServiceKey, Remembered> }
  | { readonly ok: false; readonly fault: string };

/** Services put into text between two places to rest. */
const BATCH = 64;

/** JSON with one line for each service, in the order given. Yields where whoever has other work may rest; the text comes at the end. */
export function* formattingRemembered(
  held: Iterable<readonly [ServiceKey, Remembered]>,
): Generator<undefined, string, undefined> {
  const lines: string[] = [];
  for (const [key, { ips, terms }] of held) {
    const sharing = terms.sharingKey === "" ? {} : { sharing: terms };
    lines.push(`    ${JSON.stringify(key)}: ${JSON.stringify({ ips, ...sharing })}`);
    if (lines.length % BATCH === 0) yield;
  }
  return `{\n  "version": ${VERSION},\n  "services": {\n${lines.join(",\n")}\n  }\n}\n`;
}

/** The same in one go, for those who have nothing else to do. */
export function formatRemembered(held: Iterable<readonly [ServiceKey, Remembered]>): string {
  const work = formattingRemembered(held);
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}

export function parseRemembered(text: string): Parsed {
  const fail = (fault: string): Parsed => ({ ok: false, fault });
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    return fail(text.trim() === "" ? "it is empty" : `it is no JSON: ${error instanceof Error ? error.message : ""}`);
  }
  if (!isMapping(document)) return fail("it is no JSON object");
  if (document.version !== VERSION) return fail(`its version is ${JSON.stringify(document.version)}, not ${VERSION}`);
  if (!isMapping(document.services)) return fail('it has no "services"');
  const held = new Map<ServiceKey, Remembered>();
  for (const [name, entry] of Object.entries(document.services)) {
    const parts = name.split("/");
    if (parts.length !== 2 || parts.includes("")) return fail(`${quote(name)} is no namespace/name`);
    const read = isMapping(entry) ? readEntry(entry) : null;
    if (read === null) return fail(`the entry of ${quote(name)} makes no sense`);
    held.set(ServiceKey(parts[0] ?? "", parts[1] ?? ""), read);
  }
  return { ok: true, held };
}

function readEntry({ ips, sharing }: Readonly<Record<string, unknown>>): Remembered | null {
  const terms = sharing === undefined ? OWN_USE : readTerms(sharing);
  if (!isTexts(ips) || ips.length === 0 || ips.length > 2 || terms === null) return null;
  return ips.every((text) => isCanonical(text)) ? { ips, terms } : null;
}

function isCanonical(text: string): boolean {
  const ip = parseIp(text);
  return ip !== null && formatIp(ip) === text;
}

function readTerms(value: unknown): Terms | null {
  if (!isMapping(value)) return null;
  const { sharingKey, backendKey, ports } = value;
  if (typeof sharingKey !== "string" || typeof backendKey !== "string" || !isTexts(ports)) return null;
  return { sharingKey, backendKey, ports };
}

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((entry) => typeof entry === "string");
