// One request and its answer, as whoever sends them is seen by those who ask. Types only: the transport can be replaced, and tests
// bring their own.
import type { ApiFailure } from "./apiError.ts";

export interface ExchangeRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path at the API server, without query. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: { readonly type: string; readonly text: string };
}

/** Called in this order: answered, data…, ended; or failed, at any point. Nothing comes before `exchange` has returned, nor after the end. */
export interface ExchangeHandlers {
  /** With a status of 200 to 299; every other answer is a failure. */
  readonly answered: () => void;
  readonly data: (chunk: Uint8Array) => void;
  readonly ended: () => void;
  readonly failed: (failure: ApiFailure) => void;
}

export interface Exchange {
  /** Ends it; no handler is called afterwards. */
  abort(): void;
}

export interface Transport {
  /** Where it leads to, for messages. */
  readonly server: string;
  exchange(request: ExchangeRequest, handlers: ExchangeHandlers): Exchange;
  /** Ends all exchanges; no handler is called afterwards. */
  close(): void;
}
