// What was asked of the server, in order. Owns counting and waiting for requests, so that a test can say "these and no more".
// Knows nothing of answers but their code. Contract: an entry stands from the moment its request has arrived; `code` is 0
// until the head of the answer is out.
import type { ResourceRequest, Verb } from "./routes.ts";

export interface LoggedRequest {
  readonly verb: Verb | "other";
  /** Plural; of a request for no object: empty. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly user: string;
  readonly contentType: string;
  /** Monotonic milliseconds. */
  readonly at: number;
  /** Of the body, octets. */
  size: number;
  code: number;
}

export interface RequestFilter
  extends Partial<Pick<ResourceRequest, "resource" | "namespace" | "name" | "subresource">> {
  readonly verb?: Verb | "other";
  readonly code?: number;
}

const FIELDS = ["verb", "resource", "namespace", "name", "subresource", "code"] as const;

const fits = (request: LoggedRequest, filter: RequestFilter): boolean =>
  FIELDS.every((field) => filter[field] === undefined || filter[field] === request[field]);

export class RequestLog {
  readonly #entries: LoggedRequest[] = [];
  readonly #waiting = new Set<() => void>();

  get all(): readonly LoggedRequest[] {
    return this.#entries;
  }

  add(entry: LoggedRequest): void {
    this.#entries.push(entry);
    this.changed();
  }

  /** An entry has got its code. */
  changed(): void {
    for (const look of [...this.#waiting]) look();
  }

  find(filter: RequestFilter): readonly LoggedRequest[] {
    return this.#entries.filter((entry) => fits(entry, filter));
  }

  count(filter: RequestFilter): number {
    return this.find(filter).length;
  }

  clear(): void {
    this.#entries.length = 0;
  }

  /** Settles once `count` requests that fit are in the log. @throws Error after `timeoutMs`, with what is there instead */
  until(filter: RequestFilter, count = 1, timeoutMs = 10_000): Promise<readonly LoggedRequest[]> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.count(filter) < count) return;
        this.#waiting.delete(look);
        clearTimeout(timer);
        resolve(this.find(filter));
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        const seen = this.#entries.slice(-20).map((e) => `${e.verb} ${e.path} ${e.code}`);
        const wanted = `${this.count(filter)} of ${count} requests ${JSON.stringify(filter)}`;
        reject(new Error(`${wanted} in ${timeoutMs} ms; the last ones:\n${seen.join("\n")}`));
      }, timeoutMs);
      this.#waiting.add(look);
      look();
    });
  }
}
