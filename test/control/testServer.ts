// An API server that answers what the test says, for the shells that write to it. Owns the order of answers. Knows nothing of what is asked.
// Contract: an answer comes after the request has been made, never within it.
import { ApiError, localFailure } from "../../src/kube/apiError.ts";
import type { Exchange, ExchangeHandlers, ExchangeRequest, Transport } from "../../src/kube/exchange.ts";
import type { RawObject } from "../../src/sources/fields.ts";

export const failure = (code: number): ApiError => new ApiError({ ...localFailure("test", "no"), code });

/** What a request gets; null: no answer, until its own limit. */
export type Answer = RawObject | ApiError | null;

export class TestServer implements Transport {
  readonly server = "https://192.0.2.1";
  readonly requests: ExchangeRequest[] = [];
  readonly #answer: (request: ExchangeRequest) => Answer;

  constructor(answer: (request: ExchangeRequest) => Answer) {
    this.#answer = answer;
  }

  /** `PUT leases/name`, by when it came. */
  get log(): readonly string[] {
    return this.requests.map(({ method, path }) => `${method} ${path.split("/").slice(-2).join("/")}`);
  }

  exchange(request: ExchangeRequest, handlers: ExchangeHandlers): Exchange {
    this.requests.push(request);
    const answer = this.#answer(request);
    let isOver = answer === null;
    queueMicrotask(() => {
      if (isOver || answer === null) return;
      if (answer instanceof ApiError) return handlers.failed(answer);
      handlers.answered();
      handlers.data(new TextEncoder().encode(JSON.stringify(answer)));
      handlers.ended();
    });
    return {
      abort: () => {
        isOver = true;
      },
    };
  }

  close(): void {}
}
