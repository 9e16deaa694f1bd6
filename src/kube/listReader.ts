// A page of a list, item by item while it arrives: `{"metadata":{...},"items":[{...},{...}]}`. Owns the cut between items, so
// that no page is ever in memory as a whole, and no turn has to parse one. Knows nothing of kinds.
// Contract: chunks may be cut anywhere; key order and white space are free; what is no such document, or has an item longer than
// the limit, is a fault, and nothing comes after it.
import { isRawObject, type RawObject } from "../sources/fields.ts";
import { parseObject } from "./json.ts";
import { decodeNext, MAX_TEXT_LENGTH } from "./lines.ts";

export interface ListItems {
  readonly items: readonly RawObject[];
  readonly fault: string | null;
}

export interface ListEnd {
  readonly resourceVersion: string;
  /** null: this was the last page. */
  readonly continueToken: string | null;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COLON = 0x3a;

export class ListReader {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  readonly #limit: number;
  /** Everything but the items: a small document of its own. */
  #envelope = "";
  /** Of the item under way. */
  #item: string[] = [];
  #itemLength = 0;
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  /** Text of the string that has just ended at depth 1, until the next token: a key when that is a colon. */
  #lastString = "";
  #stringStart = 0;
  #key = "";
  #isInItems = false;

  /** @param limit greatest number of UTF-16 units of an item, and of everything that is no item */
  constructor(limit = MAX_TEXT_LENGTH) {
    this.#limit = limit;
  }

  push(chunk: Uint8Array): ListItems {
    const text = decodeNext(this.#decoder, chunk);
    if (text === null) return { items: [], fault: "it is not UTF-8 text" };
    const items: RawObject[] = [];
    // start of what belongs to the item, or to the envelope, that is under way
    let start = 0;
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (this.#isInString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (c === BACKSLASH) this.#isEscaped = true;
        else if (c === QUOTE) {
          this.#isInString = false;
          if (this.#depth === 1) this.#lastString = `${this.#envelope}${text.slice(start, i)}`.slice(this.#stringStart);
        }
        continue;
      }
      if (c === QUOTE) {
        this.#isInString = true;
        if (this.#depth === 1) this.#stringStart = this.#envelope.length + i - start + 1;
      } else if (c === COLON) {
        if (this.#depth === 1) this.#key = this.#lastString;
      } else if (c === OPEN_BRACE || c === OPEN_BRACKET) {
        if (this.#depth === 1 && c === OPEN_BRACKET && this.#key === "items") {
          this.#isInItems = true;
          this.#envelope += text.slice(start, i + 1);
          start = i + 1;
        } else if (this.#isInItems && this.#depth === 2) start = i; // a comma and white space were before it
        this.#depth++;
      } else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) {
        this.#depth--;
        if (this.#isInItems && this.#depth === 2) {
          if (this.#itemLength + i - start >= this.#limit) return { items, fault: tooLong(this.#limit) };
          const item = parseObject(`${this.#item.join("")}${text.slice(start, i + 1)}`);
          if (item === null) return { items, fault: "an item is no JSON object" };
          items.push(item);
          this.#item = [];
          this.#itemLength = 0;
          start = i + 1;
        } else if (this.#isInItems && this.#depth === 1) {
          this.#isInItems = false;
          start = i;
        }
      }
    }
    return { items, fault: this.#keep(text.slice(start)) };
  }

  /** After the last octet. @returns what the page says of itself, or why it is no page */
  end(): ListEnd | string {
    const document = this.#depth === 0 ? parseObject(this.#envelope) : null;
    const metadata = document?.metadata;
    if (!isRawObject(metadata)) return "it ends too early, or is no list";
    const { resourceVersion, continue: token } = metadata;
    if (typeof resourceVersion !== "string" || resourceVersion === "") return "the list has no resourceVersion";
    return { resourceVersion, continueToken: typeof token === "string" && token !== "" ? token : null };
  }

  /** Puts the rest of a chunk where it belongs; between items only commas and white space can stand. */
  #keep(rest: string): string | null {
    if (this.#isInItems) {
      if (this.#depth > 2) {
        this.#item.push(rest);
        this.#itemLength += rest.length;
      }
    } else this.#envelope += rest;
    const isTooLong = this.#itemLength > this.#limit || this.#envelope.length > this.#limit;
    return isTooLong ? tooLong(this.#limit) : null;
  }
}

const tooLong = (limit: number): string => `an item has more than ${limit} characters`;
