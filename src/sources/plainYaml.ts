// A quick reader for the YAML that manifests are made of: block mappings and lists, one-line flow collections, short scalars.
// Owns the subset and nothing else. Knows neither documents nor kinds. Contract: either the very value that the full parser
// gives for a text without a fault (yamlFile.ts has its dialect), or undefined for everything this reader is not sure of:
// quotes with escapes, multi-line and block scalars, comments behind values, anchors, tags, tabs, odd numbers, faults. Why it
// is here: at 10,000 services the full parser is three quarters of the time to load; test/sources/plainYaml.test.ts holds
// the two to each other.

export type PlainValue = string | number | boolean | null | readonly PlainValue[] | PlainMap;
export interface PlainMap {
  readonly [key: string]: PlainValue;
}

/** One line that says something: its indent, and what follows that. */
interface Line {
  readonly indent: number;
  readonly text: string;
}

/** Nesting beyond this goes to the full parser, which has its own way to refuse it. */
const MAX_DEPTH = 32;
/** A key must stand within 1,024 characters (YAML 1.2, 7.4.2); longer lines are not looked at. */
const MAX_LINE = 1_000;

const KEY = /^([A-Za-z][A-Za-z0-9_./-]*):(?: +|$)/;
const FLOW_KEY = /([A-Za-z][A-Za-z0-9_./-]*): +/y;
const QUOTED_KEY = /^"([A-Za-z][A-Za-z0-9_./-]*)":(?: +|$)/;
const QUOTED = /"([ !#-[\]-~]*)"|'([ -&(-~]*)'/y;
/** Without spaces, and no ":" that could end a key. */
const PLAIN = /[A-Za-z0-9./_](?:[A-Za-z0-9./_+@%=;~-]|:(?=[A-Za-z0-9./_:]))*/y;
const WHOLE_NUMBER = /^(?:0|[1-9][0-9]{0,14})$/;
/** No number of any YAML schema: two dots, or a character that numbers lack. */
const NO_NUMBER = /\..*\.|[:/_@%=;~]|^[0-9]+[A-DF-WYZa-df-npq-wyz]/;
/** Words that are no strings, or not in every version of YAML. */
const SPECIAL = /^(?:y|n|yes|no|on|off|true|false|null|nan|inf)$/i;

/** @returns undefined: ask the full parser; never null, as only mappings are read here */
export function readPlainYaml(text: string): PlainMap | undefined {
  const lines = linesOf(text);
  if (lines === null || lines.length === 0) return undefined;
  const reader = new Reader(lines);
  const value = reader.mapping(lines[0]?.indent ?? 0, 0);
  return reader.isAtEnd ? value : undefined;
}

/** Tabs, carriage returns and what is not ASCII have rules of their own. */
const FOREIGN = /[^\n -~]/;

/** null: something in it is beyond this reader. */
function linesOf(text: string): Line[] | null {
  if (FOREIGN.test(text)) return null;
  const lines: Line[] = [];
  let isFirst = true;
  for (const raw of text.split("\n")) {
    const isMarker = isFirst && raw === "---";
    isFirst = false;
    if (isMarker) continue;
    if (raw.length > MAX_LINE) return null;
    let indent = 0;
    while (raw.charCodeAt(indent) === 0x20) indent++;
    if (indent === raw.length || raw.charCodeAt(indent) === 0x23) continue; // blank, or a comment of its own
    lines.push({ indent, text: raw.slice(indent).trimEnd() });
  }
  return lines;
}

class Reader {
  readonly #lines: Line[];
  #at = 0;

  constructor(lines: Line[]) {
    this.#lines = lines;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#lines.length;
  }

  /** The keys at exactly this indent. */
  mapping(indent: number, depth: number): PlainMap | undefined {
    if (depth > MAX_DEPTH) return undefined;
    const map: Record<string, PlainValue> = {};
    for (let line = this.#lines[this.#at]; line !== undefined && line.indent === indent; line = this.#lines[this.#at]) {
      if (line.text.startsWith("- ") || line.text === "-") break;
      const match = KEY.exec(line.text) ?? QUOTED_KEY.exec(line.text);
      const key = match?.[1];
      if (match === null || !isNewKey(map, key)) return undefined;
      this.#at++;
      const rest = line.text.slice(match[0].length);
      const value = rest === "" ? this.#below(indent, depth) : scalarOrFlow(rest);
      if (value === undefined) return undefined;
      map[key] = value;
    }
    return map;
  }

  /** What stands under a key without a value beside it. */
  #below(indent: number, depth: number): PlainValue | undefined {
    const next = this.#lines[this.#at];
    if (next === undefined || next.indent < indent) return null;
    const isList = next.text.startsWith("- ");
    if (next.indent === indent) return isList ? this.#list(indent, depth + 1) : null;
    return isList ? this.#list(next.indent, depth + 1) : this.mapping(next.indent, depth + 1);
  }

  #list(indent: number, depth: number): PlainValue[] | undefined {
    if (depth > MAX_DEPTH) return undefined;
    const list: PlainValue[] = [];
    for (let line = this.#lines[this.#at]; line?.indent === indent; line = this.#lines[this.#at]) {
      if (!line.text.startsWith("- ")) break;
      const rest = line.text.slice(2).trimStart();
      let item: PlainValue | undefined;
      if (KEY.test(rest) || QUOTED_KEY.test(rest)) {
        const inner = indent + line.text.length - rest.length;
        this.#lines[this.#at] = { indent: inner, text: rest };
        item = this.mapping(inner, depth + 1);
      } else {
        this.#at++;
        item = scalarOrFlow(rest);
      }
      if (item === undefined) return undefined;
      list.push(item);
    }
    return list;
  }
}

/** A key twice is a fault, which the full parser tells; `__proto__` is for it to handle, too. */
const isNewKey = (map: PlainMap, key: string | undefined): key is string =>
  key !== undefined && !SPECIAL.test(key) && key !== "__proto__" && !Object.hasOwn(map, key);

/** The rest of a line. */
function scalarOrFlow(text: string): PlainValue | undefined {
  const flow = new Flow(text);
  const value = flow.value(0);
  return flow.isAtEnd ? value : undefined;
}

class Flow {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  value(depth: number): PlainValue | undefined {
    switch (this.#text[this.#at]) {
      case "[":
        return this.#list(depth);
      case "{":
        return this.#mapping(depth);
      case '"':
      case "'": {
        const quoted = this.#match(QUOTED);
        return quoted?.[1] ?? quoted?.[2];
      }
    }
    const token = this.#match(PLAIN)?.[0];
    return token === undefined ? undefined : scalarOf(token);
  }

  #list(depth: number): PlainValue[] | undefined {
    const list: PlainValue[] = [];
    const isWhole = this.#items("]", depth, () => {
      const value = this.value(depth + 1);
      if (value === undefined) return false;
      list.push(value);
      return true;
    });
    return isWhole ? list : undefined;
  }

  #mapping(depth: number): PlainMap | undefined {
    const map: Record<string, PlainValue> = {};
    const isWhole = this.#items("}", depth, () => {
      const key = this.#match(FLOW_KEY)?.[1];
      if (!isNewKey(map, key)) return false;
      const value = this.value(depth + 1);
      if (value === undefined) return false;
      map[key] = value;
      return true;
    });
    return isWhole ? map : undefined;
  }

  /** What stands between two brackets, with commas between. @returns false: beyond this reader */
  #items(end: string, depth: number, item: () => boolean): boolean {
    if (depth > MAX_DEPTH) return false;
    this.#at++;
    this.#spaces();
    if (this.#text[this.#at] === end) {
      this.#at++;
      return true;
    }
    for (;;) {
      if (!item()) return false;
      this.#spaces();
      const next = this.#text[this.#at++];
      if (next === end) return true;
      if (next !== ",") return false;
      this.#spaces();
    }
  }

  #spaces(): void {
    while (this.#text.charCodeAt(this.#at) === 0x20) this.#at++;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#at = pattern.lastIndex;
    return match;
  }
}

function scalarOf(token: string): PlainValue | undefined {
  if (token === "true") return true;
  if (token === "false") return false;
  if (token === "null") return null;
  if (/^[A-Za-z/_]/.test(token)) return SPECIAL.test(token) ? undefined : token;
  if (WHOLE_NUMBER.test(token)) return Number(token);
  return NO_NUMBER.test(token) ? token : undefined;
}
