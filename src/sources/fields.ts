// A typed reader over one parsed object of unknown shape. Owns the texts about wrong types, missing and unknown fields
// and the field paths in them. Knows nothing of particular kinds, of files or of YAML.
// Contract: reading never throws and never stops at the first fault; every fault becomes a ConfigProblem in the report
// and the reader answers with "absent", so that one bad field does not hide another. As in the Kubernetes API, null is
// the same as absent, and so is an empty string in a scalar field.

import { parseGoDuration } from "../kernel/goDuration.ts";
import { type Said, withHint } from "../kernel/messages.ts";
import { type ConfigProblem, type ObjectRef, problemOf } from "../kernel/problem.ts";
import { nearest } from "../kernel/suggest.ts";
import { quote } from "../kernel/text.ts";
import { say } from "./messages.ts";

const IDLE_HINT = "MetalLB would refuse its whole configuration; here nothing else is affected.";

/** Collects what is wrong with one object. */
export class Report {
  readonly ref: ObjectRef;
  readonly #problems: ConfigProblem[] = [];
  readonly #isIdle: boolean;
  #isRefused = false;

  /** @param isIdle nothing here uses the object: what is an error of it is a warning to us */
  constructor(ref: ObjectRef, isIdle = false) {
    this.ref = ref;
    this.#isIdle = isIdle;
  }

  error(path: string, said: Said): void {
    if (this.#isIdle) {
      this.warn(path, withHint(said, `${said.hint} ${IDLE_HINT}`));
      return;
    }
    this.#isRefused = true;
    this.#add(problemOf(this.ref, path, said));
  }

  /** An error that costs what stands at `path`, not the object. */
  loss(path: string, said: Said): void {
    this.#add(problemOf(this.ref, path, said));
  }

  warn(path: string, said: Said): void {
    this.#add(problemOf(this.ref, path, said, "warning"));
  }

  /** A field may be read twice, its fault is told once. */
  #add(problem: ConfigProblem): void {
    if (this.#problems.some((p) => p.path === problem.path && p.message === problem.message)) return;
    this.#problems.push(problem);
  }

  get problems(): readonly ConfigProblem[] {
    return this.#problems;
  }

  /** The object as a whole cannot be used. */
  get isRefused(): boolean {
    return this.#isRefused;
  }
}

export type RawObject = Readonly<Record<string, unknown>>;

export const isRawObject = (value: unknown): value is RawObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A list entry and where it stands. */
export interface Item {
  readonly text: string;
  readonly path: string;
}

/** Of objects without labels or annotations, which are many: an empty map of each one's own takes 250 octets. */
export const NO_ENTRIES: ReadonlyMap<string, string> = new Map();

export class Fields {
  /** Path of this object from the root; empty for the root. */
  readonly path: string;
  readonly report: Report;
  readonly #raw: RawObject;
  readonly #known = new Set<string>();

  constructor(raw: RawObject, report: Report, path = "") {
    this.#raw = raw;
    this.report = report;
    this.path = path;
  }

  /** The same fields, with faults told to another report: for what is not the business of everybody who reads the object. */
  reportingTo(report: Report): Fields {
    return new Fields(this.#raw, report, this.path);
  }

  /** Path of a field of this object. */
  at(key: string): string {
    return this.path === "" ? key : `${this.path}.${key}`;
  }

  error(key: string, said: Said): void {
    this.report.error(this.at(key), said);
  }

  warn(key: string, said: Said): void {
    this.report.warn(this.at(key), said);
  }

  /** Declares fields that are legal here and of no interest. */
  ignore(...keys: readonly string[]): void {
    for (const key of keys) this.#known.add(key);
  }

  has(key: string): boolean {
    return this.#take(key) !== undefined;
  }

  /** The value that Kubernetes types cannot tell from an absent one. */
  isZero(key: string): boolean {
    const value = this.#take(key);
    return value === 0 || value === "" || value === false;
  }

  /** null: absent, empty, or of a wrong type (reported). */
  string(key: string): string | null {
    const value = this.#take(key);
    if (value === undefined || value === "") return null;
    if (typeof value === "string") return value;
    this.#wrongType(key, value, "a string");
    return null;
  }

  /** Like `string`, for values that must never appear in a message. */
  secret(key: string): string | null {
    const value = this.#take(key);
    if (value === undefined || value === "") return null;
    if (typeof value === "string") return value;
    this.error(key, say("wrongType", { wanted: "a string", found: kindOf(value) }, "Write it in quotes."));
    return null;
  }

  requiredString(key: string, hint = ""): string | null {
    const value = this.#take(key);
    if (value === undefined || value === "") this.error(key, say("required", {}, hint));
    return this.string(key);
  }

  boolean(key: string, fallback: boolean): boolean {
    return this.optionalBoolean(key) ?? fallback;
  }

  optionalBoolean(key: string): boolean | null {
    const value = this.#take(key);
    if (value === undefined) return null;
    if (typeof value === "boolean") return value;
    this.#wrongType(key, value, "true or false");
    return null;
  }

  /** A whole number in min..max (both included); null: absent or faulty (reported). */
  integer(key: string, min: number, max: number, hint = ""): number | null {
    const value = this.#take(key);
    if (value === undefined) return null;
    if (typeof value !== "number" || !Number.isInteger(value)) {
      this.#wrongType(key, value, "a whole number");
      return null;
    }
    if (value >= min && value <= max) return value;
    this.error(key, say("outOfRange", { value, min, max }, hint));
    return null;
  }

  /** A Go duration in milliseconds, 0 or more; null: absent or faulty (reported). */
  duration(key: string): number | null {
    const value = this.#take(key);
    if (value === undefined) return null;
    if (typeof value !== "string") {
      const hint = typeof value === "number" ? `Give a unit: "${value}s".` : "";
      this.error(key, say("durationType", { found: describe(value) }, hint));
      return null;
    }
    const millis = parseGoDuration(value);
    if (millis === null) {
      const hint = /^\d+$/.test(value) ? `Give a unit: "${value}s".` : "";
      this.error(key, say("notADuration", { text: quote(value) }, hint));
      return null;
    }
    if (millis >= 0) return millis;
    this.error(key, say("negativeDuration", { text: quote(value) }));
    return null;
  }

  /** One of a closed list of words. */
  word<T extends string>(key: string, words: readonly T[]): T | null {
    const value = this.string(key);
    if (value === null) return null;
    const found = words.find((w) => w === value);
    if (found !== undefined) return found;
    const values = { text: quote(value), words: words.join(", ") };
    this.error(key, say("notOneOf", values, spellingHint(value, words)));
    return null;
  }

  /** A mapping from string to string, empty when absent. @param isMine of others a wrong type is not told */
  stringMap(key: string, isMine: (name: string) => boolean = () => true): ReadonlyMap<string, string> {
    const inner = this.object(key);
    const names = inner === null ? [] : Object.keys(inner.#raw);
    if (inner === null || names.length === 0) return NO_ENTRIES;
    const out = new Map<string, string>();
    for (const name of names) {
      const value = inner.#raw[name];
      if (typeof value === "string") out.set(name, value);
      else if (value === null) out.set(name, "");
      else if (isMine(name)) inner.#wrongType(name, value, "a string");
    }
    return out;
  }

  /** The entries of a mapping as they are; none when it is absent, or no mapping (which is not told). */
  entries(key: string): readonly (readonly [name: string, value: unknown])[] {
    const value = this.#take(key);
    return isRawObject(value) ? Object.entries(value) : [];
  }

  /** Entries that are strings; the others are reported, empty ones too unless allowed. */
  strings(key: string, allowEmpty = false): readonly Item[] {
    const out: Item[] = [];
    this.#list(key).forEach((entry, i) => {
      const path = `${this.at(key)}[${i}]`;
      if (typeof entry === "string" && (allowEmpty || entry !== "")) out.push({ text: entry, path });
      else if (entry === "") this.report.error(path, say("emptyEntry"));
      else this.#wrongType(`${key}[${i}]`, entry, "a string");
    });
    return out;
  }

  /** As `strings`, and an entry that is there twice is an error. */
  distinctStrings(key: string): readonly string[] {
    const first = new Map<string, string>();
    for (const { text, path } of this.strings(key)) {
      const earlier = first.get(text);
      if (earlier === undefined) first.set(text, path);
      else this.report.error(path, say("twice", { text: quote(text), earlier }));
    }
    return [...first.keys()];
  }

  object(key: string): Fields | null {
    const value = this.#take(key);
    if (value === undefined) return null;
    if (isRawObject(value)) return new Fields(value, this.report, this.at(key));
    this.#wrongType(key, value, "a mapping");
    return null;
  }

  /** For objects of which every field may be absent. */
  objectOrEmpty(key: string): Fields {
    return this.object(key) ?? new Fields({}, this.report, this.at(key));
  }

  /** null when the field is present and no list (reported). */
  listLength(key: string): number | null {
    const value = this.#take(key);
    return value === undefined || Array.isArray(value) ? this.#list(key).length : null;
  }

  objects(key: string): readonly Fields[] {
    const out: Fields[] = [];
    this.#list(key).forEach((entry, i) => {
      if (isRawObject(entry)) out.push(new Fields(entry, this.report, `${this.at(key)}[${i}]`));
      else this.#wrongType(`${key}[${i}]`, entry, "a mapping");
    });
    return out;
  }

  /** To be called after all fields were read: what nobody asked for is a warning, as the API server would drop it. */
  warnUnknown(elsewhere: ReadonlyMap<string, string> = NOWHERE): void {
    for (const key of Object.keys(this.#raw)) {
      if (this.#known.has(key)) continue;
      const hint = elsewhere.get(key) || spellingHint(key, [...this.#known]);
      this.warn(key, say("unknownField", {}, hint));
    }
  }

  #take(key: string): unknown {
    this.#known.add(key);
    return Object.hasOwn(this.#raw, key) ? (this.#raw[key] ?? undefined) : undefined;
  }

  #list(key: string): readonly unknown[] {
    const value = this.#take(key);
    if (value === undefined) return [];
    if (Array.isArray(value)) return value;
    this.#wrongType(key, value, "a list");
    return [];
  }

  #wrongType(key: string, value: unknown, wanted: string): void {
    // text in place of a mapping is that mapping, written wrong, with all the secrets that may be in it
    const found = wanted === "a mapping" ? kindOf(value) : describe(value);
    this.error(key, say("wrongType", { wanted, found }, typeHint(value, wanted)));
  }
}

const NOWHERE: ReadonlyMap<string, string> = new Map();

function typeHint(value: unknown, wanted: string): string {
  if (wanted === "a string" && (typeof value === "number" || typeof value === "boolean")) return "Write it in quotes.";
  if (wanted === "a list" && value !== null) return "Write it as a list, each entry after a dash.";
  if (typeof value === "string" && wanted === "a whole number" && /^\d+$/.test(value)) return "Remove the quotes.";
  if (typeof value === "string" && wanted === "true or false" && /^(true|false)$/i.test(value)) {
    return "Remove the quotes.";
  }
  return "";
}

function kindOf(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "a mapping" : `a ${typeof value}`;
}

/** A value of unknown type as it may stand in a message. */
export function describe(value: unknown): string {
  if (typeof value === "string") return `the string ${quote(value)}`;
  if (typeof value === "number" || typeof value === "boolean") return `the ${typeof value} ${value}`;
  return kindOf(value);
}

/** "Did you mean ...?" over names whose letter case is often wrong; empty when none is near. */
export function spellingHint(word: string, known: readonly string[]): string {
  const near = nearest(
    word.toLowerCase(),
    known.map((k) => k.toLowerCase()),
  );
  const found = known.find((k) => k.toLowerCase() === near);
  return found === undefined ? "" : `Did you mean "${found}"?`;
}
