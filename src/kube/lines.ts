// Octets of a stream -> lines of text. Owns UTF-8 over chunk boundaries and the greatest length of a line. Knows nothing of JSON.
// Contract: chunks may be cut anywhere, also inside a character; what is too long or no UTF-8 is a fault that ends the stream;
// nothing comes after a fault.

/** Characters of one line or list item: etcd takes 1.5 MiB per object, its JSON may be a few times that. */
export const MAX_TEXT_LENGTH = 16 * 1024 * 1024;

export interface Lines {
  /** Complete lines without their ends; empty ones are left out. */
  readonly lines: readonly string[];
  /** Why the stream cannot be followed any further; null: it can. */
  readonly fault: string | null;
}

export class LineSplitter {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  readonly #limit: number;
  /** Of the line that has no end yet: joined once it has one, so that long lines cost their length once. */
  #parts: string[] = [];
  #length = 0;

  /** @param limit greatest number of UTF-16 units in a line */
  constructor(limit = MAX_TEXT_LENGTH) {
    this.#limit = limit;
  }

  push(chunk: Uint8Array): Lines {
    const text = decodeNext(this.#decoder, chunk);
    if (text === null) return { lines: [], fault: "it is not UTF-8 text" };
    const lines: string[] = [];
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      if (this.#length + end - start > this.#limit) return { lines, fault: tooLong(this.#limit) };
      const line =
        this.#parts.length === 0 ? text.slice(start, end) : `${this.#parts.join("")}${text.slice(start, end)}`;
      if (line.trim() !== "") lines.push(line);
      this.#parts = [];
      this.#length = 0;
      start = end + 1;
    }
    if (start < text.length) {
      this.#parts.push(start === 0 ? text : text.slice(start));
      this.#length += text.length - start;
    }
    return { lines, fault: this.#length > this.#limit ? tooLong(this.#limit) : null };
  }

  /** True when the stream may end here without a loss. */
  get isAtRest(): boolean {
    return this.#length === 0;
  }
}

/** Decodes the next chunk of a text; null when it is not UTF-8. */
export function decodeNext(decoder: InstanceType<typeof TextDecoder>, chunk: Uint8Array): string | null {
  try {
    return decoder.decode(chunk, { stream: true });
  } catch {
    return null;
  }
}

const tooLong = (limit: number): string => `a line has more than ${limit} characters`;
