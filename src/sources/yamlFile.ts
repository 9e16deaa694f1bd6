// The text of one manifest file -> documents. Owns splitting, the YAML options, syntax faults in the operator's words and
// the way from a field path to a line. Knows nothing of kinds, of directories, of what a document means.
// Contract: `convert` is called once for every document whose text is new; a document whose text stood in the previous
// version of the file keeps its identity, so that one edit in a file of thousands costs one document. Never throws.
// Dialect: YAML 1.2 with merge keys and the yes/no/on/off booleans that kubectl understands; map keys are strings.
import {
  type Document,
  type DocumentOptions,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type ParsedNode,
  type ParseOptions,
  parseAllDocuments,
  parseDocument,
  type ScalarTag,
  type SchemaOptions,
  type YAMLError,
} from "yaml";
import type { Said } from "../kernel/messages.ts";
import { say } from "./messages.ts";
import { readPlainYaml } from "./plainYaml.ts";

/** A larger file is refused: nothing an operator writes comes near, and reading it would stall everything else. */
export const MAX_MANIFEST_BYTES = 64 * 1024 * 1024;

/** Aliases of one document may expand to this many nodes in total ("billion laughs"). */
export const MAX_ALIAS_COUNT = 100;

export interface SyntaxFault extends Said {
  /** 1-based, within the file. */
  readonly line: number;
}

/** One document; the same object for as long as the same text stands in the file. */
export interface YamlDocument<T> {
  readonly text: string;
  /** What `convert` made of the value; null when there are faults. */
  readonly result: T | null;
}

export class YamlFile<T> {
  readonly #parsed: readonly ParsedText<T>[];
  /** Whether every document is a stretch of text that begins at a `---` line (the first one: at the file's begin). */
  readonly #isChunked: boolean;
  #firstLines: readonly number[] | null = null;

  private constructor(parsed: readonly ParsedText<T>[], isChunked: boolean) {
    this.#parsed = parsed;
    this.#isChunked = isChunked;
  }

  get documents(): readonly YamlDocument<T>[] {
    return this.#parsed;
  }

  /** @param previous the version of the same file that was in force, whose unchanged documents are taken over. */
  static parse<T>(
    name: string,
    text: string,
    convert: (value: unknown) => T,
    previous: YamlFile<T> | null = null,
  ): YamlFile<T> {
    if (name.endsWith(".json")) return new YamlFile([parseJson(text, convert)], false);
    const known = previous === null || !previous.#isChunked ? [] : previous.#parsed;
    const chunks = parseChunks(text, convert, known);
    return chunks === null ? new YamlFile(parseWhole(text, convert), false) : new YamlFile(chunks, true);
  }

  /** Of every document, in order. Empty: the file is good. */
  get faults(): readonly SyntaxFault[] {
    return this.#parsed.flatMap((p, i) =>
      p.faults.map(({ offset, ...said }) => ({ line: this.#firstLine(i) + lineAt(p.text, offset), ...said })),
    );
  }

  /** 1-based line of the field at `path` (e.g. `spec.addresses[1]`), or of its nearest parent that exists. */
  lineOf(document: number, path: string): number | null {
    const parsed = this.#parsed[document];
    return parsed === undefined ? null : this.#firstLine(document) + parsed.lineOf(path);
  }

  #firstLine(document: number): number {
    if (this.#firstLines === null) {
      let line = 1;
      this.#firstLines = this.#parsed.map((p) => {
        const first = line;
        line += lineAt(p.text, p.text.length);
        return first;
      });
    }
    return this.#firstLines[document] ?? 1;
  }
}

interface TextFault extends Said {
  readonly offset: number;
}

class ParsedText<T> implements YamlDocument<T> {
  readonly text: string;
  readonly result: T | null;
  readonly faults: readonly TextFault[];
  readonly #lines = new Map<string, number>();

  constructor(text: string, result: T | null, faults: readonly TextFault[]) {
    this.text = text;
    this.result = result;
    this.faults = faults;
  }

  /** 0-based within the text. Parses again: positions are wanted only for the few documents with problems. */
  lineOf(path: string): number {
    let line = this.#lines.get(path);
    if (line === undefined) {
      line = lineAt(this.text, offsetOf(this.text, path));
      this.#lines.set(path, line);
    }
    return line;
  }
}

// --- splitting

/** Directives and `...` change what a document may look like without `---`: such files (rare) are parsed in one go. */
const hasMarkersBeyondDashes = (text: string): boolean =>
  text.startsWith("%") || text.includes("\n%") || text.startsWith("...") || text.includes("\n...");

/** `---` at the start of a line cannot be content of any scalar (YAML 1.2, 9.1.2). */
function isMarker(text: string, at: number): boolean {
  const next = text[at + 3];
  return text.startsWith("---", at) && (next === undefined || /\s/.test(next));
}

function chunkTexts(text: string): readonly string[] {
  const chunks: string[] = [];
  let start = 0;
  for (let at = text.indexOf("\n---"); at >= 0; at = text.indexOf("\n---", at + 4)) {
    if (!isMarker(text, at + 1)) continue;
    chunks.push(text.slice(start, at + 1));
    start = at + 1;
  }
  if (start < text.length) chunks.push(text.slice(start));
  return chunks;
}

/**
 * Skips what is equal to the previous version at both ends, so that most of a large file is only compared.
 * @returns null when the text cannot be split at `---`.
 */
function parseChunks<T>(
  text: string,
  convert: (value: unknown) => T,
  previous: readonly ParsedText<T>[],
): readonly ParsedText<T>[] | null {
  let head = 0;
  let start = 0;
  for (const old of previous) {
    const next = start + old.text.length;
    if (text.slice(start, next) !== old.text || (next !== text.length && !isMarker(text, next))) break;
    head++;
    start = next;
  }
  let tail = previous.length;
  let end = text.length;
  for (; tail > head; tail--) {
    const old = previous[tail - 1];
    const next = end - (old?.text.length ?? 0);
    if (old === undefined || next < start || text.slice(next, end) !== old.text) break;
    if (next > 0 && !(isMarker(text, next) && text[next - 1] === "\n")) break;
    end = next;
  }
  const changed = text.slice(start, end);
  if (hasMarkersBeyondDashes(changed)) return null;
  const known = new Map(previous.slice(head, tail).map((p) => [p.text, p]));
  const between = chunkTexts(changed).map((chunk) => known.get(chunk) ?? parseChunk(ownCopy(chunk), convert));
  return [...previous.slice(0, head), ...between, ...previous.slice(tail)];
}

/** A slice keeps the whole file's text alive; what is stored for long must not (joining and slicing again copies). */
const ownCopy = (slice: string): string => ` ${slice}`.slice(1);

// --- parsing

const yesNo: ScalarTag = {
  tag: "tag:yaml.org,2002:bool",
  default: true,
  identify: (value) => typeof value === "boolean",
  test: /^(?:true|True|TRUE|false|False|FALSE|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)$/,
  resolve: (text) => /^(?:t|y|on$)/i.test(text),
};

/** The dialect of manifests, as the full parser has it. */
export const DIALECT: ParseOptions & DocumentOptions & SchemaOptions = {
  prettyErrors: false,
  logLevel: "silent",
  stringKeys: true,
  merge: true,
  customTags: (tags) => [yesNo, ...tags],
};

function parseChunk<T>(text: string, convert: (value: unknown) => T): ParsedText<T> {
  const plain = readPlainYaml(text);
  if (plain !== undefined) return new ParsedText(text, convert(plain), []);
  try {
    return fromDocument(text, 0, parseDocument(text, DIALECT), convert);
  } catch (error) {
    return refused(text, error);
  }
}

function parseWhole<T>(text: string, convert: (value: unknown) => T): readonly ParsedText<T>[] {
  try {
    const documents = parseAllDocuments(text, DIALECT);
    if (!Array.isArray(documents)) return [parseChunk("", convert)];
    let start = 0;
    return documents.map((document, i) => {
      const end = i === documents.length - 1 ? text.length : document.range[2];
      const parsed = fromDocument(ownCopy(text.slice(start, end)), start, document, convert);
      start = end;
      return parsed;
    });
  } catch (error) {
    return [refused(text, error)];
  }
}

/** JSON is YAML, so duplicates and positions come from the YAML parser; but a .json file must be JSON. */
function parseJson<T>(text: string, convert: (value: unknown) => T): ParsedText<T> {
  if (text.trim() === "") return parseChunk(text, convert);
  try {
    JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const offset = Number(/position (\d+)/.exec(message)?.[1] ?? text.trimEnd().length);
    return new ParsedText<T>(text, null, [{ offset, ...say("jsonSyntax", { why: message }) }]);
  }
  return parseChunk(text, convert);
}

function fromDocument<T>(
  text: string,
  start: number,
  document: Document.Parsed,
  convert: (value: unknown) => T,
): ParsedText<T> {
  if (document.errors.length > 0) return new ParsedText<T>(text, null, readableFaults(text, start, document.errors));
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIAS_COUNT });
  } catch (error) {
    return refused(text, error);
  }
  return new ParsedText(text, convert(value), []);
}

/** The parser throws for aliases that lead nowhere or explode, and when the nesting exhausts the stack. */
function refused<T>(text: string, error: unknown): ParsedText<T> {
  const why = error instanceof Error ? error.message : String(error);
  const said = error instanceof RangeError ? say("yamlNesting") : say("yamlAliases", { why });
  const offset = Math.max(0, text.search(/^(?!---|#)[^\n]*\S/m));
  return new ParsedText<T>(text, null, [{ offset, ...said }]);
}

/** All duplicate keys; of the rest the first only, because one slip makes the parser stumble many times. */
function readableFaults(text: string, start: number, errors: readonly YAMLError[]): readonly TextFault[] {
  const first = errors.find((e) => e.code !== "DUPLICATE_KEY");
  return errors
    .filter((e) => e === first || e.code === "DUPLICATE_KEY")
    .map((e) => {
      // what is missing at the end is missing on the last line, not on the empty one after it
      const offset = Math.max(0, Math.min(e.pos[0] - start, text.trimEnd().length));
      return { offset, ...readable(e, text.slice(offset, offset + 60)) };
    });
}

function readable(error: YAMLError, found: string): Said {
  const why = { why: error.message };
  switch (error.code) {
    case "DUPLICATE_KEY":
      return say("yamlDuplicateKey", { key: JSON.stringify(found.split(/[:\s]/)[0] ?? "") });
    case "TAB_AS_INDENT":
      return say("yamlTab");
    case "BLOCK_AS_IMPLICIT_KEY":
      return say("yamlBlockKey", why);
    case "BAD_SCALAR_START":
      return say("yamlScalarStart", why);
    case "MISSING_CHAR":
      return say("yamlMissingChar", why);
    default:
      return say("yamlSyntax", why);
  }
}

// --- positions

/** Line breaks before the offset. */
function lineAt(text: string, offset: number): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at >= 0 && at < offset; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}

function offsetOf(text: string, path: string): number {
  let document: Document.Parsed;
  try {
    document = parseDocument(text, DIALECT);
  } catch {
    return 0;
  }
  let node: ParsedNode | null | undefined = document.contents;
  let offset = node?.range[0] ?? 0;
  let rest = path;
  while (rest !== "" && node !== null && node !== undefined) {
    const step = descend(node, rest);
    if (step === null) break;
    ({ offset, rest } = step);
    node = step.node;
  }
  return offset;
}

interface Descent {
  readonly node: ParsedNode | null;
  readonly offset: number;
  readonly rest: string;
}

/** One step along the path. Keys may contain dots (labels), so the longest key that fits is taken; a quoted one is exact. */
function descend(node: ParsedNode, path: string): Descent | null {
  if (isAlias(node)) return null; // what the alias stands for is elsewhere; the place of use is the better answer
  if (isSeq<ParsedNode>(node)) {
    const match = /^\[(\d+)\]\.?/.exec(path);
    const item = match === null ? undefined : node.items[Number(match[1])];
    if (match === null || item === undefined || !item.range) return null;
    return { node: item, offset: item.range[0], rest: path.slice(match[0].length) };
  }
  if (!isMap<ParsedNode, ParsedNode | null>(node)) return null;
  const quoted = /^\["([^"]*)"\]\.?/.exec(path);
  let best: Descent | null = null;
  for (const pair of node.items) {
    if (!isScalar(pair.key)) continue;
    const key = String(pair.key.value);
    if (quoted?.[1] === key) {
      return { node: pair.value, offset: pair.key.range?.[0] ?? node.range[0], rest: path.slice(quoted[0].length) };
    }
    const after = path[key.length];
    if (!path.startsWith(key) || (after !== undefined && after !== "." && after !== "[")) continue;
    const rest = path.slice(key.length + (after === "." ? 1 : 0));
    if (best === null || rest.length < best.rest.length) {
      best = { node: pair.value, offset: pair.key.range?.[0] ?? node.range[0], rest };
    }
  }
  return best;
}
